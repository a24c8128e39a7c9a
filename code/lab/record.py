"""Finished runs as the record that the slides read: `static/results/NETWORK.json`.

Several runs of one recipe, differing in their seed alone, give mean and spread. A record has the
default variant of a network at its top level and the others under `variants`.
"""

import json
import re
import shlex
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from . import files, machine
from .errors import UserError
from .folders import plain_files
from .recipe import recorded_recipe
from .runs import Run

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


def summarize(runs: Sequence[Run], variant: str = DEFAULT) -> dict[str, Any]:
    """The record of runs that differ in their seed alone.

    Returns:
        the network's name and size, the data set's name, the recipe, each run with its history
        and provenance, and mean, standard deviation and number of the accuracies, which are
        fractions of one.

    Raises:
        UserError: an unfinished run, or runs that are not of one recipe and data set.
    """
    described = [(run, run.read("run.json")) for run in runs]
    known = [about["data"]["digest"] for _, about in described if "digest" in about["data"]]
    digest = {"digest": known[0]} if known else {}  # runs of earlier versions have none
    first = _common(described[0][1], digest)
    for run, about in described:
        if not run.has("result.json"):
            raise UserError(f"{run} is not finished: continue it with `resume {run}`")
        if _common(about, digest) != first:
            raise UserError(f"{run} and {runs[0]} differ in more than their seed")
    rows = [_row(run, about) for run, about in described]
    if len({row["seed"] for row in rows}) < len(rows):
        raise UserError("two of these runs have the same seed: name each once")
    return {
        "network": first["network"],
        "variant": variant,
        "dataset": first["data"]["name"],
        "images": {split: first["data"][split] for split in ("training", "validation", "test")}
        | digest,
        "classes": first["data"]["classes"],
        "parameters": first["parameters"],
        "macs": first["macs"],
        "recipe": first["recipe"],
        "runs": rows,
        "validation_accuracy": spread([row["validation_accuracy"] for row in rows]),
        "test_accuracy": spread([row["test_accuracy"] for row in rows]),
    }


def _common(about: dict[str, Any], digest: dict[str, str]) -> dict[str, Any]:
    """What the runs of one record must agree on."""
    return {
        "network": about["recipe"]["network"],
        "recipe": recorded_recipe(about["recipe"]),
        "data": digest | about["data"],
        "parameters": about["parameters"],
        "macs": about["macs"],
        "environment": {
            key: about["environment"][key]
            for key in ("precision", "channels_last", "compile", "processes")
        },
    }


def _row(run: Run, about: dict[str, Any]) -> dict[str, Any]:
    result = run.read("result.json")
    recipe, data = about["recipe"], about["data"]["name"]
    history = [
        {"epoch": row["epoch"]}
        | {key: round(row[key], 4) for key in row if key not in ("epoch", "seconds")}
        for row in run.read("history.json")
    ]
    return {
        "seed": recipe["seed"],
        **about["environment"],
        "command": _command(about["environment"]["command"].replace(recipe["data"], data)),
        **{key: value for key, value in result.items() if key != "confusion"},
        "history": history,
        "confusion": result["confusion"],
    }


def _command(line: str) -> str:
    """A command line without the folder where the run lies, which changes nothing in it."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UserError(f"the command of a run cannot be read ({error}): {line}") from None
    if "--out" in words:
        place = words.index("--out")
        del words[place : place + 2]
    return shlex.join(word for word in words if not word.startswith("--out="))


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean and standard deviation, 0 for a single value, and how many values there are."""
    std = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(statistics.fmean(values), 5), "std": round(std, 5), "n": len(values)}


def read(network: str, variant: str = DEFAULT, folder: Path = RESULTS) -> dict[str, Any] | None:
    """The record of a network's variant, if there is one."""
    path = folder / f"{network}.json"
    if not path.is_file():
        return None
    known = files.read_json(path, SHAPE)
    return known if variant == DEFAULT else known["variants"].get(variant)


def is_recorded(
    name: str,
    there: dict[str, Any],
    recipe: dict[str, Any],
    seeds: set[int],
    digest: str | None = None,
) -> bool:
    """Whether a record has every one of some seeds.

    Args:
        name: what to call the record.
        there: the record.
        recipe: of what would be recorded in its place, as `recorded_recipe` keeps it.
        seeds: of that.
        digest: of its images, where that is known.

    Raises:
        UserError: what is there would be lost: another recipe's runs, those of other images, or
            of seeds not asked for.
    """
    known = {run["seed"] for run in there["runs"]}
    others = [
        f"{key} {there['recipe'].get(key)}, not {recipe.get(key)}"
        for key in sorted(recipe | there["recipe"])
        if there["recipe"].get(key) != recipe.get(key)
    ]
    if not others and not (known <= seeds or seeds <= known):
        others = [f"seeds {sorted(known)}, not {sorted(seeds)}"]
    if not others and digest is not None and there["images"].get("digest", digest) != digest:
        others = [f"other images or labels than {recipe['data']} has now"]
    if others:
        refuse(f"{name} is recorded with {'; '.join(others)}")
    return seeds <= known


def refuse(what: str) -> NoReturn:
    """Raise `UserError`: what is recorded would be lost."""
    raise UserError(f"{what}: --replace (with make, REPLACE=1) writes over that")


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


def write(record: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Put a record into the network's file, beside the other variants that are there."""
    path = folder / f"{record['network']}.json"
    known = read(record["network"], folder=folder) or {}
    variants = known.pop("variants", {})
    if record["variant"] == DEFAULT:
        whole = record | {"variants": variants}
    elif not known:
        raise UserError(f"record the default variant of {record['network']} first")
    else:
        whole = known | {"variants": variants | {record["variant"]: record}}
    return save(whole, path)


def save(record: dict[str, Any], path: Path) -> Path:
    """Write a record into a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, _text(record))
    return path


def _text(record: dict[str, Any]) -> str:
    """JSON with a line for each epoch and each row of the confusion matrix, to read in a diff."""
    innermost = re.compile(r"[\[{][^\[\]{}]*[\]}]")
    return innermost.sub(lambda it: " ".join(it[0].split()), json.dumps(record, indent=1)) + "\n"
