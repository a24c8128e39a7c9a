"""Compare the recorded networks: a table in README.md.

    python -m course.compare

It is made of the records, `static/results/*.json`. The picture beside it is of the slide that draws
them.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from lab import files, machine
from lab.facts import facts
from lab.parser import Parser
from lab.record import percent
from records import Spread, Variant, name_of, records

from . import lessons
from .marks import put_between

ROOT = Path(__file__).parents[2]

README = ROOT / "README.md"
BEGIN, END = "<!-- written by python -m course.compare -->", "<!-- end of what it wrote -->"


def table(rows: Sequence[Variant]) -> str:
    """Records as a Markdown table: costs, accuracies with their spread, device, data."""
    head = (
        *("network", "parameters", "MACs", "epochs", "runs"),
        *("validation accuracy", "test accuracy", "trained on", "data"),
    )
    align = ["---", "--:", "--:", "--:", "--:", "--:", "--:", "---", "---"]
    lines = [head, align, *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(record: Variant) -> list[str]:
    devices = sorted({f"{run['device']}, {run['precision']}" for run in record["runs"]})
    return [
        f"[{name_of(record['network'], record['variant'])}](code/{record['network']}.py)",
        f"{_answering(record):,}",
        f"{record['macs'] / 1e6:.{2 if record['macs'] < 1e7 else 1}f} M",
        str(record["recipe"]["epochs"]),
        str(record["test_accuracy"]["n"]),
        _accuracy(record["validation_accuracy"]),
        _accuracy(record["test_accuracy"]),
        "; ".join(devices),
        record["dataset"],
    ]


def _answering(record: Variant) -> int:
    """Parameters of the network that answers: without classifiers that only training uses."""
    lesson = lessons.networks().get(record["network"])
    if lesson is None or "auxiliary_weight" not in record["recipe"]:
        return record["parameters"]
    with torch.device("meta"):
        model = lesson.build(replace(lesson.recipe, **record["recipe"]), len(record["classes"]))
    return int(facts("", model, (3, 32, 32))["parameters"])


def _accuracy(spread: Spread) -> str:
    deviation = f" ± {percent(spread['std'])}" if spread["n"] > 1 else ""
    return f"{percent(spread['mean'])}{deviation} %"


def put_into(text: str, made: str) -> str:
    """`text` with the table between its two marks replaced."""
    return put_between(text, "the table", BEGIN, END, made)


def update() -> None:
    """Write the table anew from the records."""
    files.write_text(README, put_into(files.read_text(README), table(records())))


def main() -> None:
    """The command line: `python -m course.compare`."""
    machine.show_errors_in_one_line()
    Parser(prog="course.compare", description=str(__doc__).partition("\n")[0]).parse_args()
    update()
    print(f"{machine.shown(README)} shows every record")


if __name__ == "__main__":
    main()
