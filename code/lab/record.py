"""What a training prints of its network's record at its end. The rest is in `records`."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from . import files

RESULTS = Path(__file__).parents[2] / "static" / "results"
SHAPE = {"dataset": str, "recipe": {"epochs": int}, "test_accuracy": {"mean": float}}


def percent(share: float) -> str:
    """A share of one in percent, with one digit as slides and pages show it: 0.8625 is 86.3."""
    return str(Decimal(100 * share).quantize(Decimal("0.1"), ROUND_HALF_UP))


def read(network: str) -> dict[str, Any] | None:
    """The record of a network, checked for what a training prints of it; None if there is none."""
    path = RESULTS / f"{network}.json"
    return files.read_json(path, SHAPE) if path.is_file() else None
