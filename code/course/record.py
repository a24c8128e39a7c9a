"""Write finished runs into the record that the slides read: static/results/NETWORK.json.

    python -m course.record runs/lenet/20261123-141500-0
    python -m course.record --variant original runs/lenet/20261123-143000-0

Runs that differ in their seed alone give mean and spread. A record of other runs is written over
only with --replace.
"""

import json
import re
import shlex
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

from lab import files, machine
from lab.errors import UserError
from lab.parser import Parser
from lab.recipe import recorded_recipe
from lab.runs import Description, Run
from records import DEFAULT, RESULTS, Record, RecordedRun, Spread, Variant, name_of, read


def main() -> None:
    """The command line: `python -m course.record [--variant NAME] [--replace] RUN ...`."""
    machine.show_errors_in_one_line()
    parser = Parser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--variant", default=DEFAULT, help="name of a variant of the network")
    parser.add_argument("--replace", action="store_true", help="write over a record of other runs")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a finished run")
    given = parser.parse_args()
    if not re.fullmatch(r"[A-Za-z][\w-]*", given.variant, re.ASCII):
        raise UserError(f"--variant is letters, digits, - and _, not {given.variant!r}")
    made = summarize([Run.open(path) for path in given.runs], given.variant)
    name = name_of(made["network"], given.variant)
    there = None if given.replace else read(made["network"], given.variant)
    if there and _keeps(name, there, made):
        print(f"{name}: recorded already")
        return
    accuracy = made["test_accuracy"]["mean"]
    print(f"{machine.shown(write(made))}: test accuracy {accuracy:.2%}")


def _keeps(name: str, there: Variant, made: Variant) -> bool:
    """Whether a record has these runs; `UserError` if it would lose others."""
    seeds, digest = {row["seed"] for row in made["runs"]}, made.get("images", {}).get("digest")
    known = is_recorded(name, there, made["recipe"], seeds, digest)

    def measured(row: RecordedRun) -> tuple[float, ...]:
        return row["seconds"], row["validation_accuracy"], row["test_accuracy"]

    own = {row["seed"]: measured(row) for row in made["runs"]}
    for row in there["runs"]:
        if own.get(row["seed"], measured(row)) != measured(row):
            refuse(f"{name} is recorded with another run of seed {row['seed']}")
    return known


def summarize(runs: Sequence[Run], variant: str = DEFAULT) -> Variant:
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


def _common(about: Description, digest: dict[str, str]) -> dict[str, Any]:
    """What the runs of one record must agree on."""
    return {
        "network": about["recipe"]["network"],
        "recipe": recorded_recipe(about["recipe"]),
        "data": {**digest, **about["data"]},
        "parameters": about["parameters"],
        "macs": about["macs"],
        "environment": {
            key: value
            for key, value in about["environment"].items()
            if key in ("precision", "channels_last", "compile", "processes")
        },
    }


def _row(run: Run, about: Description) -> RecordedRun:
    epochs: Sequence[Mapping[str, Any]] = run.read("history.json")
    result = run.read("result.json")
    recipe, data = about["recipe"], about["data"]["name"]
    history = [
        {"epoch": row["epoch"]}
        | {key: round(row[key], 4) for key in row if key not in ("epoch", "seconds")}
        for row in epochs
    ]
    row: Any = {
        "seed": recipe["seed"],
        **about["environment"],
        "command": _command(about["environment"]["command"].replace(recipe["data"], data)),
        **{key: value for key, value in result.items() if key != "confusion"},
        "history": history,
        "confusion": result["confusion"],
    }
    return cast(RecordedRun, row)


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


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation, which a single value has not, and how many values there are."""
    mean = round(statistics.fmean(values), 5)
    if len(values) == 1:
        return {"mean": mean, "n": 1}
    return {"mean": mean, "std": round(statistics.stdev(values), 5), "n": len(values)}


def is_recorded(
    name: str,
    there: Variant,
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
    before = there.get("images", {}).get("digest", digest)
    if not others and digest is not None and before != digest:
        others = [f"other images or labels than {recipe['data']} has now"]
    if others:
        refuse(f"{name} is recorded with {'; '.join(others)}")
    return seeds <= known


def refuse(what: str) -> NoReturn:
    """Raise `UserError`: what is recorded would be lost."""
    raise UserError(f"{what}: --replace (with make, REPLACE=1) writes over that")


def write(record: Variant, folder: Path = RESULTS) -> Path:
    """Put a record into the network's file, beside the other variants that are there."""
    path = folder / f"{record['network']}.json"
    known: Record | None = files.read_json(path, Record) if path.is_file() else None
    others = known["variants"] if known else {}
    if record["variant"] == DEFAULT:
        return save({**record, "variants": others}, path)
    if not known:
        raise UserError(f"record the default variant of {record['network']} first")
    return save({**known, "variants": others | {record["variant"]: record}}, path)


def save(record: Mapping[str, Any], path: Path) -> Path:
    """Write a record into a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, _text(record))
    return path


def _text(record: Mapping[str, Any]) -> str:
    """JSON with a line for each epoch and each row of the confusion matrix, to read in a diff."""
    innermost = re.compile(r"[\[{][^\[\]{}]*[\]}]")
    return innermost.sub(lambda it: " ".join(it[0].split()), json.dumps(record, indent=1)) + "\n"


if __name__ == "__main__":
    main()
