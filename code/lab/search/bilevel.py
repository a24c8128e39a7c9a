"""Search with two halves of the training images: one for the weights, one for the architecture.

The loop is like that of `lab.training`: an ignite engine whose run folder can be resumed, to the
same end, after Ctrl-C or a power cut. What a step does is the lesson's.

    run.json       recipe and surroundings, as of a training
    history.json   a row an epoch, with what the lesson says of the network
    last.pt        everything needed to continue
    genotype.json  written at the end: what was found, as text
"""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint
from torch import Tensor, nn

from .. import machine, training
from ..batches import Batches
from ..data import Data, Split, load
from ..errors import Diverged, Stopped, UserError
from ..handlers import EpochSoFar, History, RandomState, StopOnSignal
from ..precision import FORMATS, NAMES, memory_format, pick_precision, settle
from ..recipe import Options, Recipe
from ..runs import Run

WAY_ON = "the same command goes on"
Batch = tuple[Tensor, Tensor]  # images (N, C, H, W), labels (N,)
Row = dict[str, Any]
R = TypeVar("R", bound=Recipe)


@contextmanager
def moved(weights: Sequence[Tensor], direction: Sequence[Tensor], by: float) -> Iterator[None]:
    """Move the weights along a direction; afterwards they are exactly what they were."""
    before = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        torch._foreach_add_(list(weights), list(direction), alpha=by)  # pyright: ignore[reportPrivateImportUsage]
    try:
        yield
    finally:
        with torch.no_grad():
            torch._foreach_copy_(list(weights), before)  # pyright: ignore[reportPrivateImportUsage]


def mixed_product(
    loss: Callable[[], Tensor],
    alpha: Tensor,
    weights: Sequence[Tensor],
    direction: Sequence[Tensor],
    radius: float,
) -> Tensor:
    """The second derivative of a loss by `alpha` and `weights`, times a direction of the weights.

    It is the difference of two gradients, on both sides of the weights: equation 8 of Liu et al.,
    *DARTS: Differentiable architecture search*, 2019. `radius` is how far to move them.
    """
    epsilon = radius / float(torch.stack([each.norm() for each in direction]).norm())
    with moved(weights, direction, epsilon):
        (plus,) = torch.autograd.grad(loss(), alpha)
    with moved(weights, direction, -epsilon):
        (minus,) = torch.autograd.grad(loss(), alpha)
    return (plus - minus) / (2 * epsilon)


class Step(Protocol):
    """What a lesson does with a batch of each half, to a network that gives logits (N, classes)."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]: ...

    def __call__(self, training: Batch, validation: Batch, done: float) -> Tensor:
        """Make one step; `done` is the share of the search before it. Returns the mean loss."""
        ...

    def describe(self) -> Row:
        """What to note of the architecture after an epoch, with its `genotype`."""
        ...

    def enough(self, row: Row) -> bool:
        """Whether to stop after this row of the history."""
        ...


class Halves:
    """A batch of each half at a time, in an order and augmentation drawn from (seed, epoch).

    Both halves are drawn alike: an image always meets the same one of the other half.
    """

    def __init__(
        self, split: Split, data: Data, recipe: Recipe, memory_format: torch.memory_format
    ) -> None:
        half = len(split) // 2
        self.parts = [
            Batches.of(
                replace(data, train=Split(split.images[part], split.labels[part])),
                replace(recipe, cutout=0),
                memory_format=memory_format,
            )
            for part in (slice(0, half), slice(half, 2 * half))
        ]
        self.epoch = self.start = 0

    def __len__(self) -> int:
        return len(self.parts[0])

    def __iter__(self) -> Iterator[tuple[Batch, Batch, int]]:
        """Yield a batch of each half, and how many images each of them holds."""
        for each in self.parts:
            each.epoch, each.start = self.epoch, self.start
        self.start = 0
        for (images, labels, count), (others, theirs, _) in zip(*self.parts, strict=True):
            yield (images, labels), (others, theirs), count


def search(make: Callable[[R, int], Step], recipe: R, options: Options, *, images: int) -> Run:
    """Search, from the beginning or from where the last search like this one was stopped.

    A search goes on in the number format and the layout in memory that it was begun with, and on
    the same kind of device: what its run says of them holds for all of it. With others it is
    another search.

    Args:
        make: the step, from the recipe and the number of classes.
        images: training images to use, half for the weights and half for the architecture; 0: all.
            At the end of each epoch, so many as are in a half are taken from the validation
            images, which neither half has, to measure the network.

    Returns the finished run. Its history has a row an epoch, with what `Step.describe` said.

    Raises:
        UserError: images or a run that cannot be used, or several processes.
        Diverged: the loss is no longer a number.
        Stopped: the user pressed Ctrl-C; the run is saved, and the same command goes on.
    """
    if idist.get_world_size() > 1:
        raise UserError("a search runs in one process: start it without torchrun")
    device = machine.pick_device(options.device)
    data = load(recipe.data, limit=recipe.limit or None)
    split = data.train.first(images or len(data.train))
    if len(split) < 2:
        raise UserError("a search needs at least two training images")
    torch.manual_seed(recipe.seed)
    step = make(recipe, len(data.classes))
    if pick_precision(options.precision, device) == "fp16":
        # Without a gradient scaler fp16 would lose the small gradients of an architecture.
        options = replace(options, precision="bf16")
    options = settle(options, step.model, device, data.train.images.shape[1:])
    found = [run for run in Run.find(options.out, recipe) if _rounds_like(run, options, device)]
    if found:
        run = found[-1]
        training.check_same_data(run, data)
    else:
        run = Run.create(options.out, recipe)
        run.write("run.json", training.description(recipe, options, device, data, step.model))
    run.way_on = WAY_ON
    where = f"{machine.describe(device)}, {options.precision}"
    print(f"searching on {where}; run folder {run}", flush=True)
    if not run.has("genotype.json"):
        with run.at_work():
            _search(step, data, split, recipe, options, device, run)
    print(result_of(run))
    return run


def result_of(run: Run) -> str:
    """The genotype that a search found, as text. Raises `UserError` where it has not ended."""
    if not run.has("genotype.json"):
        raise UserError(f"{run} holds no genotype.json: it is no search that has ended")
    return str(run.read("genotype.json"))


def _rounds_like(run: Run, options: Options, device: torch.device) -> bool:
    """Whether a run was started where numbers are rounded as they will be here."""
    about = run.read("run.json")
    before = about["options"] | {"precision": NAMES.get(about["environment"]["precision"])}
    now = {name: getattr(options, name) for name in ("precision", "channels_last")}
    return (now | {"device": device.type}).items() <= before.items()


def _search(
    step: Step,
    data: Data,
    split: Split,
    recipe: Recipe,
    options: Options,
    device: torch.device,
    run: Run,
) -> None:
    model = step.model
    memory = memory_format(options)
    model.to(device).to(memory_format=memory)
    halves = Halves(split.to(device), data, recipe, memory)
    validation = training.in_order(data.validation.first(len(split) // 2), data, device, memory)
    evaluator = training.create_evaluator(model, len(data.classes), device)
    total = recipe.epochs * len(halves)
    precision = FORMATS[options.precision]

    def process(engine: Engine, batch: tuple[Batch, Batch, int]) -> Tensor:
        model.train()
        with torch.autocast(device.type, precision, enabled=precision is not torch.float32):
            return step(batch[0], batch[1], (engine.state.iteration - 1) / total)

    trainer = Engine(process)
    trainer.logger.setLevel(logging.CRITICAL)  # errors are shown once, by who handles them
    epoch, history, stop = EpochSoFar(device), History(run), StopOnSignal()
    state = {
        "trainer": trainer,
        "model": model,
        **step.optimizers,
        "epoch": epoch,
        "history": history,
        "random": RandomState(device),
    }
    last = Checkpoint(state, run.save, filename_pattern="last.pt", n_saved=None)

    @trainer.on(Events.EPOCH_STARTED)
    def seed() -> None:
        halves.epoch = trainer.state.epoch - 1
        if halves.start == 0:
            torch.manual_seed(training.epoch_seed(recipe.seed, trainer.state.epoch, 0))

    epoch.attach(trainer)

    def ended() -> bool:
        return trainer.state.iteration == total or any(map(step.enough, history.rows))

    @trainer.on(Events.EPOCH_COMPLETED)
    def describe_and_save() -> None:
        loss = epoch.mean_loss()
        if not math.isfinite(loss):
            raise Diverged(
                f"the loss became {loss} in epoch {trainer.state.epoch} of the search: "
                "try lower learning rates"
            )
        evaluator.run(validation)
        row = {**training.epoch_row(trainer, evaluator, epoch), **step.describe()}
        history.append(row)
        # With all whole numbers that the lesson says of it.
        counts = (f"{key} {n}" for key, n in row.items() if isinstance(n, int) and key != "epoch")
        print(f"search: {training.line_of(row, recipe, *counts)}", flush=True)
        last(trainer)
        if ended():
            trainer.terminate()

    stop.attach(trainer)
    training.resume(run, state, halves)
    if not ended():
        with stop.listening():
            trainer.run(halves, max_epochs=recipe.epochs)
        if stop.requested and not ended():
            if trainer.state.iteration % len(halves):
                last(trainer)
            raise Stopped(f"stopped; {WAY_ON}")
    run.write("genotype.json", history.rows[-1]["genotype"])
