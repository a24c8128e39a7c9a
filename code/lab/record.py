"""The records that the slides read, of finished runs: `static/results/NETWORK.json`.

Several runs of one recipe, differing in their seed alone, give mean and spread. A record has the
default variant of a network at its top level and the others under `variants`.
"""

from pathlib import Path
from typing import Any

from . import files, machine
from .errors import UserError
from .folders import plain_files

RESULTS = Path(__file__).parents[2] / "static" / "results"
DEFAULT = "default"
SPREAD = {"mean": float, "std": float, "n": int}
ROW = {
    "network": str,
    "variant": str,
    "dataset": str,
    "parameters": int,
    "macs": int,
    "recipe": {"epochs": int},
    "runs": [
        {
            "seed": int,
            **dict.fromkeys(("device", "precision", "commit"), str),
            **dict.fromkeys(("seconds", "validation_accuracy", "test_accuracy"), float),
        }
    ],
    "validation_accuracy": SPREAD,
    "test_accuracy": SPREAD,
}
SHAPE = ROW | {"variants": {...: ROW}}  # what a record holds at least, for files.read_json


def read(network: str, variant: str = DEFAULT, folder: Path = RESULTS) -> dict[str, Any] | None:
    """The record of a network's variant, if there is one."""
    path = folder / f"{network}.json"
    if not path.is_file():
        return None
    known = files.read_json(path, SHAPE)
    return known if variant == DEFAULT else known["variants"].get(variant)


def name_of(network: str, variant: str) -> str:
    """What to call the record of a network's variant."""
    return network if variant == DEFAULT else f"{network}, {variant}"


def records(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """The records of a folder, from few to many multiply-accumulates.

    Each network's default variant is followed by its other ones.
    """
    whole = [files.read_json(path, SHAPE) for path in plain_files(folder, "*.json")]
    if not whole:
        raise UserError(f"{machine.shown(folder)} has no records yet: make results writes them")
    whole.sort(key=lambda record: (record["macs"], record["network"]))
    return [each for record in whole for each in (record, *record["variants"].values())]
