"""What the record of a network says, as far as a training tells it at its end."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from . import files

RESULTS = Path(__file__).parents[2] / "static" / "results"
TOLD = {"dataset": str, "recipe": {"epochs": int}, "test_accuracy": {"mean": float}}


def percent(share: float) -> str:
    """A share of one in percent, with one digit as slides and pages show it: 0.8625 is 86.3."""
    return str(Decimal(100 * share).quantize(Decimal("0.1"), ROUND_HALF_UP))


def read(network: str) -> dict[str, Any] | None:
    """What `TOLD` lists, and more, of a network's record, if there is one."""
    path = RESULTS / f"{network}.json"
    return files.read_json(path, TOLD) if path.is_file() else None
