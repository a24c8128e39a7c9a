"""The learning rates that were tried for each network: static/rates.json.

    python -m course.rates RUN ...

RUN is a short training, `python code/NAME.py --epochs 6 --lr RATE`. Name all of them: the file is
written anew. Of the rates tried, a lesson's recipe has the one that reached the best validation
accuracy.
"""

from collections.abc import Sequence
from typing import Any

from lab import machine
from lab.errors import UserError
from lab.parser import Parser
from lab.recipe import recorded_recipe
from lab.runs import Run

from . import lessons, record

RATES = lessons.ROOT / "static" / "rates.json"
CHOSEN = ("lr", "epochs")  # what a try has otherwise than its lesson's recipe


def main() -> None:
    """The command line: `python -m course.rates RUN ...`."""
    machine.show_errors_in_one_line()
    parser = Parser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a finished run")
    made = summarize([Run.open(path) for path in parser.parse_args().runs])
    print(f"{machine.shown(record.save(made, RATES))}: {', '.join(made['networks'])}")


def summarize(runs: Sequence[Run]) -> dict[str, Any]:
    """What each network reached with each rate.

    Returns:
        data set, epochs and seed of all tries, and by network the tries in the order of their
        rates: each with its validation accuracy, a fraction of one, and its commit.

    Raises:
        UserError: an unfinished run, or one that has more than the rate otherwise than the others.
    """
    common: dict[str, Any] = {}
    tries: dict[str, list[dict[str, Any]]] = {name: [] for name in lessons.networks()}
    for run in runs:
        made = record.summarize([run])
        (row,) = made["runs"]
        network, recipe = made["network"], made["recipe"]
        if network not in tries:
            raise UserError(f"{run} is of no lesson's network")
        own = recorded_recipe(lessons.networks()[network].recipe.as_dict())
        compared = recipe.keys() - {"data", *CHOSEN}
        others = [key for key in recipe if key in compared and recipe[key] != own.get(key)]
        about = {"dataset": made["dataset"], "epochs": recipe["epochs"], "seed": row["seed"]}
        if others:
            raise UserError(f"{run} differs from its lesson in {', '.join(others)}")
        if common and about != common:
            raise UserError(f"{run} differs from {runs[0]} in data, epochs or seed")
        common = about
        tried = {
            "lr": recipe["lr"],
            "validation_accuracy": row["validation_accuracy"],
            "commit": row["commit"],
        }
        if tried["lr"] in [each["lr"] for each in tries[network]]:
            raise UserError(f"{run} has the rate of another of these runs: name one of them")
        tries[network].append(tried)
    networks = {
        name: sorted(rows, key=lambda each: each["lr"]) for name, rows in tries.items() if rows
    }
    return {**common, "networks": networks}


if __name__ == "__main__":
    main()
