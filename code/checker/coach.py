"""What the exercise calls: its command line, what is still to do, and where a result stands."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from lab import files, machine
from lab.cli import SMOKE, arguments
from lab.data import SOURCES, Data
from lab.data import check as check_source
from lab.errors import UserError
from lab.measure import count_macs, count_parameters, layers
from lab.onnx import export
from lab.parser import Parser
from lab.pictures import show as show_picture
from lab.recipe import Recipe, recorded_recipe
from lab.runs import Run
from records import name_of, records

from . import checklist
from .loop import HISTORY
from .points import GAPS, NEEDS, grade
from .work import Work

NAME = "exercise"  # the network's in a recipe, and the folder of its runs
SMOKE_IMAGES = 200  # of the smoke test: ResNet-18 at full width takes half a minute for them
SETTINGS = (
    ("epochs", int, "passes over the training images"),
    ("lr", float, "highest learning rate"),
    ("limit", int, "train on at most this many images"),
)
TESTED = {"test_accuracy": float}  # what is kept of the test
SECONDS = 5.0  # from one line about a training to the next


def _newest() -> str:
    runs = Run.all("", NAME)
    if not runs:
        raise UserError("there is no run of the exercise: train your network first")
    return str(runs[-1].folder)


def _tell_steps() -> None:
    """Say now and then that a training goes on, whatever the student's own code prints."""
    begin = said = time.monotonic()
    steps = 0

    def look(*_: object) -> None:
        nonlocal said, steps
        steps, now = steps + 1, time.monotonic()
        if now - said >= SECONDS:
            said = now
            print(f"{steps:,} steps in {now - begin:.0f} s", flush=True)

    register_optimizer_step_post_hook(look)


class Coach:
    """Leads through the exercise: `Coach(globals())` in its first cell.

    It reads the command line; with `--check` it grades the file that is running, and the process
    ends there, with code 0 where all is done and 1 where not. Where the exercise is imported, as by
    the checker, no step is ready and nothing is said.

    Args:
        names: the global names of the exercise, with the student's functions.
        argv: the words of the command line, if others than those of the process; in a
            notebook those of LAB_ARGS.

    Raises:
        UserError: settings that are unknown or do not go together, or a run that is none.
    """

    def __init__(self, names: Mapping[str, Any], argv: Sequence[str] | None = None) -> None:
        self.running = names.get("__name__", "__main__") == "__main__"
        if not self.running:
            return
        machine.show_errors_in_one_line()
        # Errors and Ctrl-C are shown once, and not by ignite's engines as well.
        logging.getLogger("ignite.engine").setLevel(logging.CRITICAL)
        self.names = names
        self.kept: Run | None = None
        self.file = "" if machine.in_notebook() else str(names["__file__"])
        parser = Parser(
            description="Train a network of your choice; `export RUN` writes it for a live slide.",
            allow_abbrev=False,
        )
        words = list(arguments(argv))
        self.exports = words[:1] == ["export"]
        if self.exports:
            words = ["--test", *(words[1:] or [_newest()])]
        parser.add_argument(
            "--check", action="store_true", help="say what is done, what is wrong, and why"
        )
        parser.add_argument("--data", metavar="NAME", help="cifar10, shapes or a folder of images")
        parser.add_argument("--smoke", action="store_true", help="two epochs on 200 drawn images")
        for name, kind, what in SETTINGS:
            parser.add_argument(f"--{name}", type=kind, metavar="N", help=what)
        parser.add_argument("--threads", type=int, metavar="N", help="of the CPU")
        parser.add_argument("--json", action="store_true", help="--check for a program that grades")
        parser.add_argument(
            "--test", metavar="RUN", help="report on the network of this run folder, once"
        )
        given = parser.parse_args(words)
        chosen = {name: getattr(given, name) for name, _, _ in SETTINGS}
        own = {name: value for name, value in chosen.items() if value is not None}
        if given.json and not given.check:
            parser.error("--json goes with --check")
        if given.check:
            if given.data or given.smoke or given.test or own:
                parser.error("--check takes no other setting: it brings its own images")
            if self.file:
                raise SystemExit(checklist.check(self.file, as_json=given.json))
        if given.test and (given.data or given.smoke or own):
            parser.error("--test takes its recipe from the run: leave out --data and --smoke")
        if given.threads is not None:
            if given.threads < 1:
                parser.error("--threads is 1 or more")
            torch.set_num_threads(given.threads)
        self.run = Run.open(given.test) if given.test else None
        if self.run:
            self.run.check_network(NAME)
        smoke = SMOKE | {"limit": SMOKE_IMAGES} if given.smoke else {}
        self.changes: dict[str, Any] = smoke | own
        if given.data:
            check_source(given.data)
            # A run may be tested from another folder.
            is_folder = given.data not in SOURCES
            place = os.path.abspath(os.path.expanduser(given.data)) if is_folder else given.data
            self.changes["data"] = place

    @property
    def device(self) -> torch.device:
        """The fastest device of this machine."""
        return machine.pick_device("auto")

    def ready(self, step: int) -> bool:
        """Whether the gaps of a step, and those it needs, are filled; if not, say which are not."""
        if not self.running:
            return False
        work = Work(self.names, self.file)
        lost = [gap for gap in GAPS[step] if not callable(self.names.get(gap))]
        if lost:
            print(f"step {step}: there is no function {' and no '.join(lost)}: keep its name")
            return False
        needed = [
            gap
            for each in NEEDS[step]
            for gap in GAPS[each]
            if work.open(gap) or not callable(self.names.get(gap))
        ]
        own = [gap for gap in needed if gap in GAPS[step]]
        if own:
            places = {gap: f" (line {work.line(gap)})" if self.file else "" for gap in own}
            print(f"step {step}: still to do: {', '.join(map(''.join, places.items()))}")
        elif needed:
            print(f"step {step}: waits for {', '.join(needed)}")
        elif step == 5 and self.file and not self.run:
            command = machine.this_command("--test", str(self.kept or "RUN"))
            print(f"step 5: when nothing will be changed any more: {command}")
            return False
        if step == 4 and not needed and self.file and not self.run:
            _tell_steps()
        return not needed

    def recipe(self, recipe: Recipe) -> Recipe:
        """The recipe, with what the command line changes; with `--test` that of the run."""
        return self.run.recipe(Recipe) if self.run else replace(recipe, **self.changes)

    def load(self, model: nn.Module) -> bool:
        """With `--test`, give the network the best weights of the run; whether it was so.

        Raises `UserError` where they are of another network.
        """
        if not self.run:
            return False
        try:
            model.load_state_dict(self.run.load("best.pt"))
        except RuntimeError:
            raise UserError(f"the weights in {self.run} are not of the network of build") from None
        if self.exports:
            self._export(model, self.names["data"])
            raise SystemExit(0)
        return True

    def _export(self, model: nn.Module, data: Data) -> None:
        """Write the network into its run folder, as a file that a live slide shows."""
        assert self.run
        recipe = self.run.recipe(Recipe)
        about: dict[str, Any] = {
            "title": "Exercise",
            "classes": list(data.classes),
            "mean": list(data.mean),
            "std": list(data.std),
            "dataset": data.name,
            "recipe": recorded_recipe(recipe.as_dict()),
        }
        if self.run.has("result.json"):
            about |= self.run.read("result.json", TESTED)
        path = self.run.folder / f"{NAME}.onnx"
        shape = (3, *data.test.images.shape[2:])
        files.write_bytes(path, export.complete(model.cpu().eval(), shape, about))
        print(f"{machine.shown(path)}: drop it on a live slide (make present)")

    def keep(self, recipe: Recipe, model: nn.Module, history: list[dict[str, Any]]) -> None:
        """Keep recipe, weights, history and curve in a new run folder; show the curve.

        Raises `UserError` where the history is none.
        """
        run = self.kept = Run.create("", recipe)
        run.write("run.json", {"recipe": recipe.as_dict()})
        run.save(model.state_dict(), "best.pt")
        if not history or not all(
            isinstance(row, dict) and set(HISTORY) <= set(row) for row in history
        ):
            raise UserError(
                f"{run} has the weights, but no curve: train did not return a history whose rows "
                f"have {', '.join(HISTORY)}; {machine.this_command('--check')} says more"
            )
        run.write("history.json", history)
        from lab import plots  # only here: matplotlib takes half a second to load

        run.save_figure("curve.png", plots.learning_curve(history))
        show_picture(run.folder / "curve.png")
        print(f"history, curve and weights: {run}")

    def once(
        self, report: Callable[[nn.Module, Data], float], model: nn.Module, data: Data
    ) -> float:
        """What `report` says of the network, kept in its run; the next time what was kept."""
        run = self.run or self.kept
        if run and run.has("result.json"):
            print(f"the test images were read before; this is what {run} keeps of it")
            return float(run.read("result.json", TESTED)["test_accuracy"])
        accuracy = report(model, data)
        if run:
            run.write("result.json", {"data": data.name, "test_accuracy": accuracy})
        return accuracy

    def finish(self) -> None:
        """In a notebook, grade what is there so far; in a script, say how to."""
        if not self.running:
            return
        if self.file:
            path = machine.shown(Path(self.file))
            print(f"what is right and what is not: python {path} --check")
            return
        work = Work(self.names)
        checklist.show(grade(work), work, "", sys.stdout)


def paper_rows(model: nn.Module, table: Sequence[Sequence[str]], side: int = 224) -> str:
    """The rows of a paper's table with what torchvision's modules say of them, as text.

    Args:
        model: the network, for images (N, 3, side, side).
        table: for each row its name in the paper, then the names of its modules.
        side: height and width of the images, in pixels.

    Returns:
        a line for each row: shape of the output of its last module, parameters, and
        multiply-accumulates for one image.
    """
    depths = {each.count(".") + 1 for _, *modules in table for each in modules}
    measured = {
        depth: {layer.name: layer for layer in layers(model, (1, 3, side, side), depth)}
        for depth in depths
    }
    lines = [f"{'paper':32}{'output':>20}{'parameters':>14}{'MACs':>16}"]
    for name, *modules in table:
        found = [measured[each.count(".") + 1].get(each) for each in modules]
        run = [layer for layer in found if layer]  # auxiliary classifiers do not
        shape = " x ".join(map(str, run[-1].shape)) if run else ""
        macs = sum(layer.macs for layer in run)
        parameters = sum(count_parameters(model.get_submodule(each)) for each in modules)
        lines.append(f"{name[:31]:32}{shape:>20}{parameters:>14,}{macs:>16,}")
    return "\n".join(lines)


def standing(model: nn.Module, accuracy: float, data: str) -> str:
    """A network among the recorded ones, from few to many multiply-accumulates, as text.

    Args:
        model: the network, for images (N, 3, 32, 32).
        accuracy: its test accuracy, a fraction of one.
        data: the data set that it was trained and tested on.
    """
    rows = [
        (
            each["macs"],
            each["parameters"],
            each["test_accuracy"]["mean"],
            name_of(each["network"], each["variant"]),
            each["dataset"],
        )
        for each in records()
    ]
    rows.append(
        (count_macs(model, (1, 3, 32, 32)), count_parameters(model), accuracy, "yours", data)
    )
    lines = [f"{'network':24}{'parameters':>14}{'MACs':>16}{'test accuracy':>16}  data"]
    for macs, parameters, share, name, where in sorted(rows):
        lines.append(f"{name:24}{parameters:>14,}{macs:>16,}{share:>16.1%}  {where}")
    if data not in {row[-1] for row in rows[:-1]}:
        lines.append(f"Yours is of {data}: only accuracies on the same images can be compared.")
    return "\n".join(lines)
