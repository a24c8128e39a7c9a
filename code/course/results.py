"""Train what the slides show, and record it in static/results.

    python -m course.results                               every network, seed 0
    python -m course.results resnet vgg16 --seeds 3        two of them, seeds 0, 1 and 2
    python -m course.results -- --data FOLDER --threads 1  what follows -- goes to every lesson
    python -m course.results shortcuts                     an experiment, by its name
    python -m course.results nsganet-search --seeds 3      three searches, and three at random
    python -m course.results darts-search --seeds 2        a search, its cell and random ones

What is recorded or trained already stays as it is, and what was stopped half-way goes on: type
the same command again after Ctrl-C or a power cut. In the end the comparison in the README is
written anew. A search is recorded by itself, in static/searches.
"""

import argparse
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import lab
from lab import data, machine
from lab.cli import command_line
from lab.errors import Stopped
from lab.parser import Parser
from lab.recipe import recorded_recipe
from lab.runs import Run
from records import DEFAULT, name_of, read

from . import compare, lessons, record
from .own.trainings import EXPERIMENTS, SEARCHES

ROOT = lessons.ROOT


def choices() -> dict[str, list[tuple[str, str, str]]]:
    """What can be trained, by its name: each network, and the experiments as declared."""
    return {name: [(name, DEFAULT, "")] for name in lessons.networks()} | EXPERIMENTS


@dataclass(frozen=True)
class Plan:
    """One record to be made: the same recipe with one or several seeds."""

    lesson: str
    variant: str
    settings: list[str]
    recipes: list[lab.Recipe]
    out: str

    def __str__(self) -> str:
        return name_of(self.lesson, self.variant)


def main() -> None:
    """Read the command line, look for anything wrong with all plans, and only then train."""
    machine.show_errors_in_one_line()
    given, settings = _arguments()
    for name in SEARCHES:
        if name in given.names:
            if given.names != [name]:
                raise lab.UserError(f"{name} is recorded alone: name nothing else beside it")
            SEARCHES[name](settings, given.seeds, given.replace, _run, _compared)
            return
    known = choices()
    chosen = [each for name in given.names or lessons.networks() for each in known[name]]
    plans = [_plan(*each, given.seeds, settings) for each in chosen]
    _check_order(plans)
    left = plans if given.replace else [plan for plan in plans if not _is_recorded(plan)]
    for plan in plans:
        if plan not in left:
            print(f"{plan}: recorded already", flush=True)
    if left and machine.commit().endswith("-dirty"):
        print(
            "code/ is not as it was committed, and a record names the commit: stop, commit, and "
            "start again, unless this is to be a try",
            flush=True,
        )
    for plan in left:
        runs = [_finished(plan, recipe) for recipe in plan.recipes]
        made = record.summarize(runs, plan.variant)
        print(f"{machine.shown(record.write(made))}: {plan} is recorded", flush=True)
        compare.update()
    if not left:
        compare.update()


def _compared(recipe: lab.Recipe, words: list[str], out: str) -> Run:
    """The finished run of a network to be compared with one that a search found."""
    return _finished(Plan(recipe.network, DEFAULT, words, [recipe], out), recipe)


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    """What this program is told, and after -- what each lesson is told."""
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    parser = Parser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawTextHelpFormatter
    )
    known = [*choices(), *SEARCHES]
    names = ", ".join(known)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {names}")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="train with 0 to N-1")
    parser.add_argument("--replace", action="store_true", help="write over records of other runs")
    given, extra = parser.parse_known_args(words[:end])
    if extra:
        raise lab.UserError(f"{extra[0]}: settings of the lessons come after --")
    for name in given.names:
        if name not in known:
            raise lab.UserError(f"there is no {name} to be trained: choose from {names}")
    if given.seeds < 1:
        raise lab.UserError(f"--seeds must be at least 1, not {given.seeds}")
    return given, words[end + 1 :]


def _plan(lesson: str, variant: str, own_words: str, seeds: int, settings: Sequence[str]) -> Plan:
    """Find out which recipe the lesson will train with."""
    words = [*shlex.split(own_words), *settings]
    own = lessons.networks()[lesson].recipe
    recipe, options = command_line(own, "", words, options=lab.Options())
    if options.smoke:
        raise lab.UserError("leave out --smoke: what it trains is no result")
    if recipe.seed != own.seed:
        raise lab.UserError(
            "leave out --seed: --seeds says how many, and what to go on with is found"
        )
    recipes = [replace(recipe, seed=seed) for seed in range(seeds)]
    return Plan(lesson, variant, words, recipes, options.out)


def _check_order(plans: Sequence[Plan]) -> None:
    """A variant stands in the file of its network's default: that must be there by then."""
    there = set()
    for plan in plans:
        if plan.variant == DEFAULT or read(plan.lesson):
            there.add(plan.lesson)
        if plan.lesson not in there:
            raise lab.UserError(
                f"{plan} needs the record of {plan.lesson} itself: train that first"
            )


def _is_recorded(plan: Plan) -> bool:
    """Whether the record has every seed of the plan; `UserError` if it would lose others."""
    there = read(plan.lesson, plan.variant)
    if there is None:
        return False
    recipe = recorded_recipe(plan.recipes[0].as_dict())
    seeds = {each.seed for each in plan.recipes}
    digest = _digest(plan.recipes[0]) if "digest" in there.get("images", {}) else None
    return record.is_recorded(str(plan), there, recipe, seeds, digest)


def _digest(recipe: lab.Recipe) -> str | None:
    """The digest of the images of a recipe as they are now, if they are here."""
    if not data.is_here(recipe.data):
        return None
    return data.digest(lab.load(recipe.data, limit=recipe.limit or None))


def _finished(plan: Plan, recipe: lab.Recipe) -> Run:
    """The finished run of a recipe: one that is there, or is continued, or is started now."""
    found = _found(plan, recipe)
    while not (finished := [run for run in found if run.has("result.json")]):
        start = [*plan.settings, "--seed", str(recipe.seed)]
        script = machine.shown(ROOT / "code" / f"{plan.lesson}.py")
        _run([script, *(["resume", str(found[-1])] if found else start)])
        found = _found(plan, recipe)
    return finished[-1]


def _found(plan: Plan, recipe: lab.Recipe) -> list[Run]:
    """The runs of a recipe that are of the images that are there now."""
    runs = Run.find(plan.out, recipe)
    known = [run.read("run.json")["data"].get("digest") for run in runs]
    now = _digest(recipe) if any(known) else None
    same = [None in (each, now) or each == now for each in known]
    return [run for run, fits in zip(runs, same, strict=True) if fits]


def _run(script: Sequence[str]) -> None:
    """Run a Python script to its end, or stop with the reason why it did not get there."""
    print(f"\n$ python {shlex.join(script)}", flush=True)
    # A terminal sends Ctrl-C to the script, too, which saves its run or is at its end: wait for it.
    pressed: list[int] = []
    own = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    before = {signal.SIGINT: own}
    child = subprocess.Popen([sys.executable, *script])
    before[signal.SIGTERM] = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    for kind, handler in before.items():
        signal.signal(kind, handler)
    again = machine.this_command(*sys.argv[1:])
    if code in (Stopped.exit_code, -signal.SIGINT, -signal.SIGTERM) or (pressed and not code):
        raise Stopped(f"stopped; to go on with this and what is left: {again}")
    if code:
        raise lab.UserError(f"{script[0]} ended with code {code}; once fixed, go on with: {again}")


if __name__ == "__main__":
    main()
