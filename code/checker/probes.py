"""What a student's functions are tried on: images that say who they are, and networks that notice.

Nothing here looks at the text of the student's code. A function is called, and what it did is read
off the images it took, the gradients it left and the mode that the network was in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from unittest.mock import patch

import torch
from ignite.engine import Engine
from ignite.metrics import Accuracy, Loss, Metric
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.optimizer import register_optimizer_step_pre_hook

from lab.batches import normalized
from lab.data import Data, Split

SPLITS = ("training", "validation", "test")
SIZES = (40, 20, 30)  # images of each
CLASSES = 10
SIDE = 32  # pixels
RATE = 0.0123  # a learning rate that nobody types by chance

EPOCHS = 3

BATCH = 8  # images

# An image is of one color, so that no shift or mirroring changes what it says: red is its split,
# green its place in it, blue its label. A strip on its left is a little darker, and shows them.
STRIP, DARKER = 8, 10  # columns, and levels
RED, GREEN, BLUE = 80, 5, 20  # steps from one value to the next
FIRST = 40  # of each color; black is left for what a shift brings in
MEAN, STD = (0.40, 0.45, 0.50), (0.20, 0.25, 0.30)


def coded() -> Data:
    """A data set of `SIZES` images that tell their split, their place in it and their label."""
    parts: list[Split] = []
    for number, size in enumerate(SIZES):
        labels = torch.arange(size) * 7 % CLASSES
        red = torch.full((size,), FIRST + RED * number)
        colors = torch.stack([red, FIRST + GREEN * torch.arange(size), FIRST + BLUE * labels], 1)
        images = colors.to(torch.uint8)[:, :, None, None].repeat(1, 1, SIDE, SIDE)
        images[..., :STRIP] -= DARKER
        parts.append(Split(images, labels))
    names = tuple(f"class {number}" for number in range(CLASSES))
    training, validation, test = parts
    return Data("probe", names, training, validation, test, MEAN, STD)


@dataclass(frozen=True)
class Seen:
    """What a batch of coded images says of itself: a tuple entry for each image."""

    splits: tuple[int, ...]
    places: tuple[int, ...]
    labels: tuple[int, ...]
    whole: bool  # every pixel is as it was: nothing was shifted, mirrored or blanked
    mirrored: bool  # some image is
    moved: bool  # some image was shifted, or a part of it blanked

    def only(self, split: int) -> bool:
        """Whether all are of one split, by its number in `SPLITS`."""
        return set(self.splits) == {split}

    def kinds(self) -> list[str]:
        """The splits that occur, in words."""
        return [SPLITS[number] for number in sorted(set(self.splits))]


def decode(images: Tensor, data: Data) -> Seen | None:
    """Read coded images (N, 3, H, W), normalized as `data` says; None where they are not that."""
    if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        return None
    mean, std = (torch.tensor(each)[None, :, None] for each in (data.mean, data.std))
    levels = (images.detach().cpu().flatten(2) * std + mean) * 255  # (N, 3, pixels)
    colors = levels.median(2).values  # most pixels keep their color, whatever comes in at the edge
    codes = (colors - FIRST) / torch.tensor([RED, GREEN, BLUE])
    rounded = codes.round()
    limits = torch.tensor([len(SPLITS) - 1, max(SIZES) - 1, CLASSES - 1])
    if (
        not ((codes - rounded).abs() < 0.05).all()
        or not ((rounded >= 0) & (rounded <= limits)).all()
    ):
        return None
    splits, places, labels = (tuple(column) for column in rounded.long().T.tolist())
    change = (levels - colors[:, :, None]).unflatten(2, images.shape[2:])
    strip = torch.zeros(change.shape[-1])
    strip[:STRIP] = -DARKER
    same, turned = (((change - way).abs() < 1).flatten(1).all(1) for way in (strip, strip.flip(0)))
    left, right = change[..., 3 : STRIP - 2], change[..., 2 - STRIP : -3]
    mirrored = bool((left.mean((1, 2, 3)) > right.mean((1, 2, 3))).any())
    return Seen(splits, places, labels, bool(same.all()), mirrored, not bool((same | turned).all()))


@dataclass
class Pass:
    """One forward pass of a probe: the mode it was in, and what it took and gave."""

    training: bool
    gradient: bool  # whether autograd kept track
    images: Tensor
    logits: Tensor
    slope: Tensor | None = None  # of the loss, with respect to the logits


class Probe(nn.Module):
    """A small network that keeps a record of its forward passes: (N, 3, 32, 32) -> (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, kernel_size=3, stride=4)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, CLASSES)
        nn.init.normal_(self.head.weight, std=2)  # logits that a softmax would change much
        self.passes: list[Pass] = []

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))
        made = Pass(self.norm.training, torch.is_grad_enabled(), x.detach(), logits.detach())
        if logits.requires_grad:
            logits.register_hook(lambda slope: setattr(made, "slope", slope.detach()))
        self.passes.append(made)
        return logits


class Oracle(nn.Module):
    """A network that reads coded images: how many it gets right depends on how long it learned.

    It is at its best after `peak` steps in train mode, and worse before and afterwards. The count
    of its steps is a buffer: who keeps the weights of the best epoch keeps that as well.
    """

    def __init__(self, data: Data, peak: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.head = nn.Linear(3, CLASSES)
        self.steps: Tensor
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.data = data
        self.peak = peak
        self.log: list[tuple[bool, Seen | None]] = []  # train mode or not, and what it saw

    @property
    def learned(self) -> list[Seen | None]:
        """The batches that came in train mode."""
        return [seen for training, seen in self.log if training]

    @property
    def measured(self) -> list[Seen | None]:
        """The batches that came in eval mode."""
        return [seen for training, seen in self.log if not training]

    def epochs(self) -> list[list[int]]:
        """The places of the images learned from, in order, between one evaluation and the next."""
        runs = groupby(self.log, key=itemgetter(0))
        learned = [[seen for _, seen in run if seen] for training, run in runs if training]
        return [[place for seen in run for place in seen.places] for run in learned]

    def share(self) -> float:
        """About the share of images that it gets right now, in eval mode."""
        return max(0.0, 0.9 - 0.4 * abs(self.steps.item() / self.peak - 1))

    def accuracy(self, split: int) -> float:
        """Exactly that share, of one of `SPLITS`."""
        return math.ceil(self.share() * SIZES[split]) / SIZES[split]

    def forward(self, x: Tensor) -> Tensor:  # (N, 3, 32, 32)
        seen = decode(x, self.data)
        self.log.append((self.training, seen))
        if self.training:
            self.steps += 1
            logits: Tensor = self.head(self.norm(x).mean((2, 3)))
            return logits
        # At its best it is rashest: the least loss is that of another epoch.
        return answers(seen, self.share(), len(x)) * (10 if self.share() > 0.85 else 1)


def answers(seen: Seen | None, share: float, count: int) -> Tensor:
    """Logits (N, 10) that name the right class for a share of the images of each split."""
    if seen is None:
        return torch.zeros(count, CLASSES)
    guesses = []
    for split, place, label in zip(seen.splits, seen.places, seen.labels, strict=True):
        known = place < share * SIZES[split]
        guesses.append(label if known else (label + 1) % CLASSES)
    return 4.0 * F.one_hot(torch.tensor(guesses), CLASSES)


class Engines:
    """A trainer and an evaluator that do nothing but keep a record, for handlers to be tried on.

    Four batches an epoch, and the learning rate `RATE`.
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        training, self.validation = (
            list(normalized(split, data.mean, data.std, batch_size=len(split) // 4))
            for split in (data.train, data.validation)
        )
        self.batches = [(images, labels, len(labels)) for images, labels in training]
        weight = nn.Parameter(torch.zeros(1))
        weight.grad = torch.zeros(1)
        self.optimizer = torch.optim.SGD([weight], lr=RATE, momentum=0.9)
        self.rates: list[float] = []  # the learning rate in each step
        self.losses: list[float] = []  # the output of each step
        self.measured: list[Seen | None] = []  # the batches evaluated
        self.metrics: list[dict[str, float]] = []  # after each evaluation
        self.running = False  # whether a running average of the losses was attached

    def trainer(self) -> Engine:
        def step(engine: Engine, batch: object) -> float:
            self.rates.append(self.optimizer.param_groups[0]["lr"])
            self.optimizer.step()
            self.losses.append(3 / engine.state.iteration)
            return self.losses[-1]

        return Engine(step)

    def evaluator(self) -> Engine:
        def step(engine: Engine, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
            seen = decode(batch[0], self.data)
            self.measured.append(seen)
            share = (0.5, 0.75, 0.6)[len(self.metrics) % 3]
            return answers(seen, share, len(batch[0])), batch[1]

        evaluator = Engine(step)
        Accuracy().attach(evaluator, "accuracy")
        Loss(F.cross_entropy).attach(evaluator, "loss")
        return evaluator


@contextmanager
def rates(weight: Tensor) -> Iterator[list[float]]:
    """Collect the learning rate of a weight in every step that an optimizer makes with it."""
    found: list[float] = []

    def look(optimizer: torch.optim.Optimizer, *others: object) -> None:
        groups = optimizer.param_groups
        found.extend(each["lr"] for each in groups if any(weight is its for its in each["params"]))

    handle = register_optimizer_step_pre_hook(look)
    try:
        yield found
    finally:
        handle.remove()


@contextmanager
def attached() -> Iterator[list[tuple[Metric, Engine, str]]]:
    """Collect what metrics are attached to which engine, under which name."""
    found: list[tuple[Metric, Engine, str]] = []
    attach = Metric.attach

    def spy(self: Metric, engine: Engine, name: str, *others: object, **named: object) -> None:
        found.append((self, engine, name))
        attach(self, engine, name, *others, **named)  # type: ignore[arg-type]

    with patch.object(Metric, "attach", spy):
        yield found
