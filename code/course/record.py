"""Write finished runs into the record that the slides read: static/results/NETWORK.json.

    python -m course.record runs/lenet/20261123-141500-0
    python -m course.record --variant original runs/lenet/20261123-143000-0

Runs that differ in their seed alone give mean and spread. A record of other runs is written over
only with --replace.
"""

from pathlib import Path
from typing import Any

from lab import machine, record
from lab.parser import Parser
from lab.runs import Run

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """The command line: `python -m course.record [--variant NAME] [--replace] RUN ...`."""
    machine.show_errors_in_one_line()
    parser = Parser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--variant", default=record.DEFAULT, help="name of a variant of the network"
    )
    parser.add_argument("--replace", action="store_true", help="write over a record of other runs")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a finished run")
    given = parser.parse_args()
    made = record.summarize([Run.open(path) for path in given.runs], given.variant)
    name = record.name_of(made["network"], given.variant)
    there = None if given.replace else record.read(made["network"], given.variant)
    if there and _keeps(name, there, made):
        print(f"{name}: recorded already")
        return
    accuracy = made["test_accuracy"]["mean"]
    print(f"{machine.shown(record.write(made))}: test accuracy {accuracy:.2%}")


def _keeps(name: str, there: dict[str, Any], made: dict[str, Any]) -> bool:
    """Whether a record has these runs; `UserError` if it would lose others."""
    seeds, digest = {row["seed"] for row in made["runs"]}, made["images"].get("digest")
    known = record.is_recorded(name, there, made["recipe"], seeds, digest)

    def measured(row: dict[str, Any]) -> list[float]:
        return [row[key] for key in ("seconds", "validation_accuracy", "test_accuracy")]

    own = {row["seed"]: measured(row) for row in made["runs"]}
    for row in there["runs"]:
        if own.get(row["seed"], measured(row)) != measured(row):
            record.refuse(f"{name} is recorded with another run of seed {row['seed']}")
    return known


if __name__ == "__main__":
    main()
