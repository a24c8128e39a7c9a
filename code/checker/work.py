"""A student's functions, and what the probes made of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeGuard
from unittest.mock import patch

import torch
from ignite.engine import Events
from ignite.metrics import RunningAverage, VariableAccumulation
from torch import Tensor, nn
from torchvision.models import Inception3, WeightsEnum

from lab.data import Data
from lab.measure import without_pointwise_work
from lab.recipe import Recipe

from . import mistakes, probes
from .mistakes import BATCHES, FIVE, MEASURING, SHOWN, Mistake, kind
from .probes import BATCH, EPOCHS, RATE, Engines, Oracle, Seen
from .trials import MeasuredProbe, TrainedProbe


class Work:
    """A student's functions, and what the probes made of them, each tried once.

    Args:
        names: the global names of the exercise.
        file: where it was read from, where that is a file.
    """

    def __init__(self, names: Mapping[str, Any], file: str = "") -> None:
        self.names = names
        self.file = file
        codes = (getattr(names.get(gap), "__code__", None) for gap in SHOWN)
        self.files = {code.co_filename for code in codes if code} | {file}

    def line(self, gap: str) -> int:
        """Where a gap begins in the file; 0 if there is none, as in a notebook."""
        function = self.names.get(gap)
        if not self.file or not inspect.isfunction(function):
            return 0
        return function.__code__.co_firstlineno

    def open(self, gap: str) -> bool:
        """Whether a gap has nothing yet but the line that marks it."""
        function = self.names.get(gap)
        if not inspect.isfunction(function):
            return False
        code = function.__code__
        names = (*code.co_names, *code.co_varnames[code.co_argcount :], *code.co_cellvars)
        return names == ("NotImplementedError",)

    def call(self, gap: str) -> Callable[..., Any]:
        """The student's function of that name."""
        function: object = self.names.get(gap)
        if not callable(function):
            raise Mistake(f"there is no function {gap}", "Keep its name.", SHOWN[gap])
        return function

    @cached_property
    def data(self) -> Data:
        return probes.coded()

    def recipe(self, **changes: Any) -> Recipe:
        """A recipe for probes."""
        return Recipe(
            "exercise", data="shapes", epochs=EPOCHS, batch_size=BATCH, lr=RATE, **changes
        )

    # What is tried once and looked at by several points.

    @cached_property
    def chosen(self) -> nn.Module:
        return ghost(self.call("choose"))

    @cached_property
    def rows(self) -> list[tuple[str, ...]]:
        return rows(self.call("paper_table")(), self.chosen)

    @cached_property
    def maps(self) -> list[tuple[str, nn.Module, int, int]]:
        """Name, module, and side of its input and output, of every layer on maps, in order."""
        model = ghost(lambda: self.call("build")(probes.CLASSES)).eval()
        found: list[tuple[str, nn.Module, int, int]] = []

        def look(name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            given = inputs[0] if inputs else None
            if is_map(given) and is_map(output):
                found.append((name, module, min(given.shape[2:]), min(output.shape[2:])))

        for name, module in model.named_modules():
            if not list(module.children()):
                module.register_forward_hook(partial(look, name))
        with torch.no_grad():
            model(blank(model, 2, probes.SIDE))
        return found

    def batches_of(self, seed: int) -> list[Seen]:
        """The batches to train on of a recipe with that seed."""
        made = self.call("get_dataflow")(self.data, self.recipe(crop_padding=2, seed=seed))
        return self._seen(made[0], 3, "to train on: images, labels and their number")

    @cached_property
    def dataflow(self) -> tuple[Any, Any]:
        made = self.call("get_dataflow")(self.data, self.recipe(crop_padding=2))
        if not isinstance(made, tuple) or len(made) != 2:
            raise Mistake(
                f"get_dataflow returned {kind(made)}",
                "Return two things: the batches to train on, and those to validate on.",
            )
        return made

    @cached_property
    def training_batches(self) -> list[Seen]:
        return self._seen(self.dataflow[0], 3, "to train on: images, labels and their number")

    @cached_property
    def validation_batches(self) -> list[Seen]:
        return self._seen(self.dataflow[1], 2, "to validate on: images and labels")

    def _seen(self, batches: Any, parts: int, what: str) -> list[Seen]:
        found = []
        for batch in batches:
            if not isinstance(batch, (tuple, list)) or len(batch) != parts:
                raise Mistake(f"a batch is {kind(batch)}", f"A batch {what}.")
            images = batch[0]
            seen = probes.decode(images, self.data) if isinstance(images, Tensor) else None
            if seen is None:
                raise unreadable(f"the images of a batch, {kind(images)},")
            if list(seen.labels) != torch.as_tensor(batch[1]).tolist():
                raise Mistake(
                    "images and labels of a batch do not belong together",
                    "Whatever shuffles the images must shuffle their labels in the same order; "
                    "`lab.Batches` does.",
                )
            found.append(seen)
        return found

    @cached_property
    def trained_probe(self) -> TrainedProbe:
        return TrainedProbe(self.call("create_trainer"))

    @cached_property
    def measured_probe(self) -> MeasuredProbe:
        return MeasuredProbe(self.call("create_evaluator"))

    @cached_property
    def validated(self) -> tuple[Engines, Any]:
        """Engines that ran with the student's handler, and the history it wrote."""
        engines = Engines(self.data)
        trainer, evaluator = engines.trainer(), engines.evaluator()
        with probes.attached() as metrics:
            history = self.call("add_validation")(trainer, evaluator, engines.validation)
        for metric, engine, name in metrics:
            losses = isinstance(metric, (VariableAccumulation, RunningAverage))
            engines.running |= engine is trainer and isinstance(metric, RunningAverage)
            if engine is trainer and not losses:
                what = type(metric).__name__
                raise Mistake(
                    f'the metric {what} is attached to the trainer, as "{name}"',
                    mistakes.ENGINE,
                    MEASURING,
                )
        evaluator.add_event_handler(
            Events.COMPLETED, lambda: engines.metrics.append(dict(evaluator.state.metrics))
        )
        trainer.run(engines.batches, max_epochs=EPOCHS)
        return engines, history

    @cached_property
    def oracle(self) -> Trial:
        """A whole training of a network that tells what it saw."""
        model = Oracle(self.data, peak=10)  # five steps an epoch: best after the second of three
        before = model.head.weight.detach().clone()
        with probes.rates(model.head.weight) as rates:
            history = self.call("train")(model, self.data, self.recipe())
        return Trial(model, before, history, rates)

    @cached_property
    def network(self) -> nn.Module:
        """The student's network, with weights."""
        with fresh():
            model: nn.Module = self.call("build")(probes.CLASSES)
            return model

    @cached_property
    def reported(self) -> tuple[Oracle, Any]:
        model = Oracle(self.data, peak=10)
        model.steps.fill_(7)
        return model, self.call("report")(model.train(), self.data)


@dataclass
class Trial:
    model: Oracle
    before: Tensor  # weights of its head
    history: Any
    rates: list[float]  # the learning rate in each step


def ghost(make: Callable[[], Any]) -> nn.Module:
    """What `make` makes, on the meta device, where nothing is computed, if it can be made there."""
    with fresh():
        try:
            with torch.device("meta"):
                made = make()
        except Mistake:
            raise
        except Exception:
            made = make()
    if not isinstance(made, nn.Module):
        raise Mistake(f"it returned {kind(made)}", "Return the network, an `nn.Module`.", FIVE)
    is_meta = all(each.is_meta for each in made.parameters())
    return without_pointwise_work(made) if is_meta else made


def blank(model: nn.Module, count: int, side: int) -> Tensor:
    """Empty images for a network, on its device."""
    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    return torch.zeros(count, 3, side, side, device=device)


def is_map(value: Any) -> TypeGuard[Tensor]:
    return isinstance(value, Tensor) and value.ndim == 4


@contextmanager
def fresh() -> Iterator[None]:
    """No download: refuse trained weights."""

    def refuse(self: WeightsEnum, *others: Any, **named: Any) -> None:
        raise RuntimeError(f"trained weights, {self}")

    with patch.object(WeightsEnum, "get_state_dict", refuse):
        yield


def unreadable(images: str) -> Mistake:
    """What is wrong with images that do not say who they are."""
    return Mistake(
        f"{images} do not have mean 0 and standard deviation 1",
        "Normalize them with `data.mean` and `data.std`: `lab.Batches` and `lab.normalized` do it.",
        BATCHES,
    )


def native_side(model: nn.Module) -> int:
    """Side of the images that a network of torchvision is made for."""
    return 299 if isinstance(model, Inception3) else 224


def rows(table: Any, model: nn.Module) -> list[tuple[str, ...]]:
    known = dict(model.named_modules())
    if not isinstance(table, (list, tuple)) or len(table) < 5:
        raise Mistake(
            f"paper_table returned {kind(table)}",
            "Return a list with a row for each row of the paper's table, five or more.",
        )
    for row in table:
        if (
            not isinstance(row, (tuple, list))
            or len(row) < 2
            or not all(isinstance(cell, str) and cell for cell in row)
        ):
            raise Mistake(
                f"the row {row!r} is not a name and modules",
                'Write ("conv1", "conv1", "bn1"): what the paper calls it, then its modules.',
            )
        for name in row[1:]:
            if name not in known:
                parent = name.rpartition(".")[0]
                while parent not in known:
                    parent = parent.rpartition(".")[0]
                there = ", ".join(child for child, _ in known[parent].named_children())
                inside = f"in {parent} there are" if parent else "there are"
                raise Mistake(
                    f'the network has no module "{name}"; {inside} {there or "none"}',
                    "Print the network: a module's name is its place, such as layer1.0.conv1.",
                )
    return [tuple(row) for row in table]


def inside(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in modules)
