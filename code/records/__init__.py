"""The records that the slides read, of finished runs: `static/results/NETWORK.json`.

Several runs of one recipe, differing in their seed alone, give mean and spread. A record has the
default variant of a network at its top level and the others under `variants`.
"""

from pathlib import Path
from typing import Any, TypedDict

from lab import files, machine
from lab.errors import UserError
from lab.record import RESULTS as RESULTS  # others import it from here

from .folders import plain_files

DEFAULT = "default"


class _Deviation(TypedDict, total=False):
    std: float  # one value has none


class Spread(_Deviation):
    """Mean of so many values, and their standard deviation."""

    mean: float
    n: int


class RecordedRun(TypedDict):
    """A run in a record: what depends on its seed, and where it ran."""

    seed: int
    device: str
    precision: str
    commit: str
    seconds: float
    validation_accuracy: float
    test_accuracy: float


class _Images(TypedDict, total=False):
    images: dict[str, Any]
    classes: list[str]


class Variant(_Images):
    """What a record holds at least of a variant of a network."""

    network: str
    variant: str
    dataset: str
    parameters: int
    macs: int
    recipe: dict[str, Any]
    runs: list[RecordedRun]
    validation_accuracy: Spread
    test_accuracy: Spread


class Record(Variant):
    """A file: the default variant, and the other ones by name."""

    variants: dict[str, Variant]


def read(network: str, variant: str = DEFAULT, folder: Path = RESULTS) -> Variant | None:
    """The record of a network's variant, if there is one."""
    path = folder / f"{network}.json"
    known: Record | None = files.read_json(path, Record) if path.is_file() else None
    return known["variants"].get(variant) if known and variant != DEFAULT else known


def name_of(network: str, variant: str) -> str:
    """What to call the record of a network's variant."""
    return network if variant == DEFAULT else f"{network}, {variant}"


def records(folder: Path = RESULTS) -> list[Variant]:
    """The records of a folder, from few to many multiply-accumulates.

    Each network's default variant is followed by its other ones.
    """
    whole: list[Record] = [files.read_json(path, Record) for path in plain_files(folder, "*.json")]
    if not whole:
        raise UserError(f"{machine.shown(folder)} has no records yet: make results writes them")
    whole.sort(key=lambda record: (record["macs"], record["network"]))
    return [each for record in whole for each in (record, *record["variants"].values())]
