# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Differentiable architecture search
#
# Liu, Simonyan and Yang, *DARTS: Differentiable architecture search*, ICLR 2019
# ([arXiv:1806.09055](https://arxiv.org/abs/1806.09055)).
#
# Which operation should stand between two layers? That is a choice, and a choice has no gradient.
# DARTS puts all of them there at once and mixes their outputs. The shares of the mixture, made
# from numbers α by a softmax, have gradients: they are learned like weights, and in the end
# the strongest operations stay.
#
# The paper searches with 8 cells of 16 channels and trains 20 cells of 36. To suit a laptop, the
# search here is smaller and sees a part of the images, and the network trained has 5 cells of 16
# channels; `--cells 20 --channels 36` gives the paper's.
#
# `python code/darts.py` trains the paper's own cell on CIFAR10; `python code/darts.py search` looks
# for another one: stop it with Ctrl-C, and the same command goes on. At the end it says how to
# train the cell it found.
# `--genotype random:1` trains a cell that nobody searched for, which is what a search must be
# compared with. `--help` lists the settings, `--smoke` tries everything out.

# %%
import math
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import NamedTuple

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lab import machine
from lab.runs import Run
from lab.search import search as run_search

# %% [markdown]
# ## A mixed edge
#
# Equation 2: on each edge stands a mixture of operations, the sum of `softmax(α)[o] * o(x)` over
# the operations `o`. The gradient by α says which of them should get a larger share.


# %%
class MixedEdge(nn.ModuleList):
    """Operations side by side, which give equal shapes."""

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:  # shares: one each, their sum is 1
        return sum(share * operation(x) for share, operation in zip(shares, self, strict=True))


@lab.demo
def three_operations() -> None:
    x = torch.rand(1, 16, 8, 8)
    convolution = nn.Conv2d(16, 16, 3, padding=1)
    edge = MixedEdge([convolution, nn.AvgPool2d(3, stride=1, padding=1), nn.Identity()])
    alpha = torch.zeros(3, requires_grad=True)
    F.mse_loss(edge(x, alpha.softmax(-1)), x).backward()
    print("to give the input back, descend along", (-alpha.grad).tolist())


# %% [markdown]
# ## Eight operations
#
# Section 3.1.1 of the paper. Convolutions are in the order ReLU, convolution, batch norm; a
# separable one is applied twice. *None* says that there is no connection. While searching, batch
# norms have no weights of their own (`affine=False`, appendix A.1.1), and poolings get one, too, as
# in the authors' code: else an operation could make itself strong by the size of its output.


# %%
class ReLUConvBN(nn.Sequential):
    """ReLU, a 1x1 convolution, batch norm."""

    def __init__(self, in_channels: int, channels: int, affine: bool) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(in_channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels, affine=affine),
        )


class FactorizedReduce(nn.Module):
    """Half the resolution: half of the maps read the pixels in even rows and columns, the others
    those in odd rows and columns. (N, in_channels, 2H, 2W) -> (N, channels, H, W)."""

    def __init__(self, in_channels: int, channels: int, affine: bool) -> None:
        super().__init__()
        self.even = nn.Conv2d(in_channels, channels // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(in_channels, channels - channels // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(channels, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        return self.norm(torch.cat([self.even(x), self.odd(x[:, :, 1:, 1:])], 1))


class Zero(nn.Module):
    """No connection: zeros, in the shape that the other operations give."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :: self.stride, :: self.stride] * 0.0


def convolution(channels: int, kernel: int, stride: int, dilation: int, affine: bool) -> list:
    """ReLU, a depthwise convolution, one of 1x1 across channels, batch norm."""
    padding = dilation * (kernel - 1) // 2
    shape = {"stride": stride, "padding": padding, "dilation": dilation}
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, groups=channels, bias=False, **shape),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=affine),
    ]


def separable(channels: int, kernel: int, stride: int, affine: bool) -> nn.Module:
    """Two depthwise separable convolutions in a row; the first has the stride."""
    first = convolution(channels, kernel, stride, 1, affine)
    return nn.Sequential(*first, *convolution(channels, kernel, 1, 1, affine))


def dilated(channels: int, kernel: int, stride: int, affine: bool) -> nn.Module:
    """A depthwise separable convolution that skips every other pixel."""
    return nn.Sequential(*convolution(channels, kernel, stride, 2, affine))


def pooling(pool: nn.Module, channels: int, affine: bool) -> nn.Module:
    """A pooling; with a batch norm while searching."""
    return pool if affine else nn.Sequential(pool, nn.BatchNorm2d(channels, affine=False))


def skip(channels: int, stride: int, affine: bool) -> nn.Module:
    """The identity, or at stride 2 the nearest thing to it."""
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, affine)


# Each makes a module from channels, stride and whether its batch norms have weights.
OPERATIONS: dict[str, Callable[[int, int, bool], nn.Module]] = {
    "none": lambda c, stride, affine: Zero(stride),
    "max_pool_3x3": lambda c, stride, affine: pooling(nn.MaxPool2d(3, stride, 1), c, affine),
    "avg_pool_3x3": lambda c, stride, affine: pooling(
        nn.AvgPool2d(3, stride, 1, count_include_pad=False), c, affine
    ),
    "skip_connect": skip,
    "sep_conv_3x3": lambda c, stride, affine: separable(c, 3, stride, affine),
    "sep_conv_5x5": lambda c, stride, affine: separable(c, 5, stride, affine),
    "dil_conv_3x3": lambda c, stride, affine: dilated(c, 3, stride, affine),
    "dil_conv_5x5": lambda c, stride, affine: dilated(c, 5, stride, affine),
}
NAMES = tuple(OPERATIONS)
NODES = 4  # intermediate nodes of a cell
EDGES = sum(2 + node for node in range(NODES))  # each node reads both inputs and all before it


@lab.demo
def eight_operations() -> None:
    x = torch.rand(2, 16, 32, 32)
    for name, make in OPERATIONS.items():
        operation = make(16, 2, True)
        print(
            f"{name:13} {tuple(x.shape)} -> {tuple(operation(x).shape)}"
            f" {lab.count_parameters(operation):6,} parameters"
        )


# %% [markdown]
# ## All operations at once
#
# All normal cells share one α, a row an edge, and all reduction cells another.


# %%
def inputs(before: int, last: int, channels: int, reduced: bool, affine: bool) -> nn.ModuleList:
    """What gives both inputs of a cell its channels, and the older one the younger's size."""
    first = FactorizedReduce if reduced else ReLUConvBN
    return nn.ModuleList([first(before, channels, affine), ReLUConvBN(last, channels, affine)])


class SearchCell(nn.Module):
    """A cell with a mixture on each of its 14 edges."""

    def __init__(
        self, before: int, last: int, channels: int, reduction: bool, reduced: bool
    ) -> None:
        super().__init__()
        self.reduction = reduction
        self.inputs = inputs(before, last, channels, reduced, affine=False)
        self.edges = nn.ModuleList(
            MixedEdge(
                make(channels, 2 if reduction and state < 2 else 1, False)
                for make in OPERATIONS.values()
            )
            for node in range(NODES)
            for state in range(2 + node)
        )

    def forward(self, before: Tensor, last: Tensor, shares: Tensor) -> Tensor:
        states = [self.inputs[0](before), self.inputs[1](last)]  # (N, C, H, W)
        edges = zip(self.edges, shares, strict=True)
        for _ in range(NODES):
            # As many edges as there are states: zip asks for a state before it takes an edge.
            mixed = [edge(x, share) for x, (edge, share) in zip(states, edges, strict=False)]
            states.append(sum(mixed))
        return torch.cat(states[2:], 1)  # (N, 4C, H, W), halved in a reduction cell


def plan(cells: int, channels: int) -> Iterator[tuple[int, int, int, bool, bool]]:
    """What each cell gets: channels of both inputs, its own, is it a reduction, was the last one.

    Cells at a third and at two thirds of the depth halve the resolution and double the channels.
    """
    before, last, reduced = 3 * channels, 3 * channels, False  # what the stem gives
    for place in range(cells):
        reduction = place in (cells // 3, 2 * cells // 3)
        channels *= 2 if reduction else 1
        yield before, last, channels, reduction, reduced
        before, last, reduced = last, NODES * channels, reduction


def stem(channels: int) -> nn.Sequential:
    """(N, 3, 32, 32) -> (N, 3C, 32, 32)"""
    convolution = nn.Conv2d(3, 3 * channels, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(3 * channels))


class SearchNetwork(nn.Module):
    """The network of all networks: (N, 3, 32, 32) -> (N, classes)."""

    def __init__(self, cells: int, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = stem(channels)
        self.cells = nn.ModuleList(SearchCell(*each) for each in plan(cells, channels))
        self.fc = nn.Linear(4 * NODES * channels, classes)
        # Nearly equal shares: every operation gets its chance.
        self.alpha_normal = nn.Parameter(1e-3 * torch.randn(EDGES, len(OPERATIONS)))
        self.alpha_reduction = nn.Parameter(1e-3 * torch.randn(EDGES, len(OPERATIONS)))

    @property
    def alphas(self) -> list[nn.Parameter]:
        return [self.alpha_normal, self.alpha_reduction]

    @property
    def weights(self) -> list[nn.Parameter]:
        """All parameters but the alphas."""
        return [each for name, each in self.named_parameters() if "alpha" not in name]

    def forward(self, x: Tensor) -> Tensor:
        normal, reduction = (alpha.softmax(-1) for alpha in self.alphas)  # (14, 8)
        before = last = self.stem(x)  # (N, 3C, 32, 32)
        for cell in self.cells:
            shares = reduction if cell.reduction else normal
            before, last = last, cell(before, last, shares)
        return self.fc(last.mean((2, 3)))  # (N, 16C, 8, 8) -> (N, classes)

    def genotype(self) -> "Genotype":
        return derive(self.alpha_normal, self.alpha_reduction)


# %% [markdown]
# ## Two levels
#
# The weights `w` descend `L_train`, the loss on one half of the images, and α descends `L_val`,
# that on the other: on the same images, it would only choose what fits them closest. What counts is
# α with the *best* weights for it, `w*(α)`, which nobody can compute at every step. The paper takes
# one step in place of a training (equation 6): `w' = w - ξ ∇L_train(w, α)`, the gradient by `w`.
#
# With ξ = 0 that is first order: the plain gradient of `L_val(w, α)`. With ξ the learning rate it
# is second order (equation 7), and the product with the second derivative comes from two gradients
# on both sides of `w` (equation 8). A step then takes five gradients, not two.
# (The authors' code has momentum and weight decay in the step that it looks ahead, too; here it is
# the step of equation 6.)

# %%
Batch = tuple[Tensor, Tensor]  # images (N, 3, 32, 32), labels (N,)


def loss_of(model: nn.Module, batch: Batch) -> Tensor:
    images, labels = batch
    return F.cross_entropy(model(images), labels)


@contextmanager
def moved(weights: Sequence[Tensor], direction: Sequence[Tensor], by: float) -> Iterator[None]:
    """The weights, moved along a direction; afterwards exactly what they were."""
    before = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        torch._foreach_add_(list(weights), list(direction), alpha=by)
    try:
        yield
    finally:
        with torch.no_grad():
            torch._foreach_copy_(list(weights), before)


def architecture_gradient(
    model: SearchNetwork, training: Batch, validation: Batch, xi: float, radius: float = 0.01
) -> list[Tensor]:
    """The gradient of the alphas, one (14, 8) a kind of cell: equations 6 to 8.

    Args:
        training, validation: a batch of each half of the images.
        xi: learning rate of the step looked ahead; 0: none, first order.
        radius: how far to move the weights for the finite difference (the paper's second footnote).
    """
    alphas, weights = model.alphas, model.weights
    if xi == 0:
        return list(torch.autograd.grad(loss_of(model, validation), alphas))
    step = torch.autograd.grad(loss_of(model, training), weights)
    with moved(weights, step, -xi):
        both = torch.autograd.grad(loss_of(model, validation), [*alphas, *weights])
    first, direction = both[: len(alphas)], both[len(alphas) :]
    epsilon = radius / float(torch.stack([each.norm() for each in direction]).norm())
    sides = []
    for by in (epsilon, -epsilon):
        with moved(weights, direction, by):
            sides.append(torch.autograd.grad(loss_of(model, training), alphas))
    return [
        gradient - xi * (plus - minus) / (2 * epsilon)
        for gradient, plus, minus in zip(first, *sides, strict=True)
    ]


# %% [markdown]
# ## The genotype
#
# A cell has two inputs, the outputs of the two cells before it, and four nodes. Each node adds up
# what two operations make of two earlier states, and the four nodes side by side are the output. So
# a cell is eight pairs of an operation and the state it reads: 0 and 1 are the inputs, 2 to 5 the
# nodes. There are two kinds: *normal* cells, and *reduction* cells, which halve the resolution.

# %%
Edge = tuple[str, int]  # an operation, and the state it reads


class Genotype(NamedTuple):
    """The edges of both cells, two a node."""

    normal: tuple[Edge, ...]
    reduction: tuple[Edge, ...]

    def __str__(self) -> str:
        cells = (" ".join(f"{name}:{state}" for name, state in cell) for cell in self)
        return " / ".join(cells)

    @property
    def skips(self) -> int:
        """Skip connections in the normal cell."""
        return sum(name == "skip_connect" for name, _ in self.normal)


# %% [markdown]
# ## From shares to a genotype
#
# Section 2.4: an edge is as strong as its strongest operation other than *none*, and each node
# keeps its two strongest edges.


# %%
def derive(*alphas: Tensor) -> Genotype:
    """The genotype of the alphas, (14, 8) of a normal and (14, 8) of a reduction cell."""

    def cell(alpha: Tensor) -> Iterator[Edge]:
        best, operation = alpha.detach().softmax(-1)[:, 1:].max(-1)  # without "none"
        first = 0
        for node in range(NODES):
            strength = best[first : first + 2 + node]
            for state in sorted(strength.topk(2).indices.tolist()):
                yield NAMES[1 + int(operation[first + state])], state
            first += 2 + node

    return Genotype(*(tuple(cell(alpha)) for alpha in alphas))


# %% [markdown]
# ## The search
#
# In turn a step of α on a batch of one half of the images, and one of `w` on a batch of the
# other (algorithm 1).


# %%
@dataclass(frozen=True)
class SearchRecipe(lab.Recipe):
    """All that changes what a search finds."""

    epochs: int = lab.setting(12, "passes over the images of the search", low=1)
    batch_size: int = lab.setting(32, "images of each half in a step", low=1)
    lr: float = lab.setting(
        0.025, "learning rate of the weights; it falls to 0.001", above=0, high=10
    )
    warmup: float = 0.0  # there is none
    weight_decay: float = lab.setting(3e-4, "weight decay of the weights", low=0, high=10)
    cells: int = lab.setting(4, "cells while searching", low=3, high=100)
    channels: int = lab.setting(8, "channels while searching", low=2, high=512)
    images: int = lab.setting(
        2400, "training images used, half for the weights, half for alpha; 0: all", low=0
    )
    alpha_lr: float = lab.setting(
        0.01, "learning rate of alpha, with Adam (the paper's: 0.0003)", above=0, high=10
    )
    second_order: bool = lab.setting(False, "search with the second-order approximation")
    stop_at_skips: int = lab.setting(
        0,
        "end the search at so many skip connections in the normal cell; 0: never",
        low=0,
        high=2 * NODES,
    )


SEARCH = SearchRecipe("darts-search")


class Bilevel:
    """The two optimizers, and a step of both."""

    def __init__(self, model: SearchNetwork, recipe: SearchRecipe) -> None:
        self.model, self.recipe = model, recipe
        self.optimizers = {
            "weights": torch.optim.SGD(
                model.weights, recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay
            ),
            "alphas": torch.optim.Adam(
                model.alphas, recipe.alpha_lr, betas=(0.5, 0.999), weight_decay=1e-3
            ),
        }

    def __call__(self, training: Batch, validation: Batch, done: float) -> Tensor:
        """One step, with this share of the search done; returns the training loss."""
        low, high = min(0.001, self.recipe.lr), self.recipe.lr
        lr = low + (high - low) * (1 + math.cos(math.pi * done)) / 2
        weights, alphas = self.optimizers["weights"], self.optimizers["alphas"]
        xi = lr if self.recipe.second_order else 0.0
        gradients = architecture_gradient(self.model, training, validation, xi)
        for alpha, gradient in zip(self.model.alphas, gradients, strict=True):
            alpha.grad = gradient
        alphas.step()
        weights.param_groups[0]["lr"] = lr
        loss = loss_of(self.model, training)
        found = torch.autograd.grad(loss, self.model.weights)
        for weight, gradient in zip(self.model.weights, found, strict=True):
            weight.grad = gradient
        nn.utils.clip_grad_norm_(self.model.weights, 5.0)
        weights.step()
        return loss.detach()


# %% [markdown]
# Searches that go on for long often collapse: cells fill with skip connections, and the networks
# made of them get worse. *DARTS+* (Liang et al., 2019,
# [arXiv:1909.06035](https://arxiv.org/abs/1909.06035)) blames overfitting, and stops early by one
# of two rules: as soon as there are two or more skip connections in the normal cell, which is
# `--stop-at-skips 2`, or when the order of the operations with weights has not changed for some
# ten epochs, which is not here. Each epoch below says how many skips there are. (The first rule
# holds from the first epoch on, when all shares are nearly equal and the skips a matter of luck.)


# %%
def describe(model: SearchNetwork) -> dict:
    """A row of the history: the shares (14, 8) of both cells, the genotype, its skips."""
    genotype = model.genotype()
    return {
        "normal": model.alpha_normal.detach().softmax(-1).tolist(),
        "reduction": model.alpha_reduction.detach().softmax(-1).tolist(),
        "genotype": str(genotype),
        "skips": genotype.skips,
    }


@dataclass(frozen=True)
class DARTSOptions(lab.Options):
    """The options of every lesson, in another layout."""

    # Laid out as NHWC, a dilated depthwise convolution gets a wrong gradient for its weights on a
    # CPU in bfloat16, and in float32 trainings in two threads crashed (PyTorch 2.14, AMD EPYC).
    channels_last: bool = lab.setting(False, "lay out images as NHWC in memory")

    def __post_init__(self) -> None:
        super().__post_init__()
        half = self.precision in ("bf16", "fp16")
        if half and self.channels_last and machine.pick_device(self.device).type == "cpu":
            raise lab.UserError(
                f"--channels-last with --precision {self.precision}: on a CPU, PyTorch gets "
                "gradients of dilated convolutions wrong; leave one of the two out"
            )


def search(recipe: SearchRecipe, options: DARTSOptions) -> Run:
    """Search, or go on with such a search, to its end.

    Returns:
        the run: its history says how alpha went, an epoch a row.

    Raises:
        UserError: images that cannot be used.
        Stopped: the user pressed Ctrl-C; the same command goes on.
    """

    def make(classes: int) -> tuple[SearchNetwork, Bilevel]:
        model = SearchNetwork(recipe.cells, recipe.channels, classes)
        return model, Bilevel(model, recipe)

    def enough(row: dict) -> bool:
        return 0 < recipe.stop_at_skips <= row["skips"]

    return run_search(make, describe, recipe, options, images=recipe.images, enough=enough)


def print_cells(run: Run) -> None:
    cells = run.read("genotype.json").split(" / ")
    for kind, cell in zip(Genotype._fields, cells, strict=True):
        print(f"{kind:9} {cell}")


def search_briefly(recipe: SearchRecipe, options: DARTSOptions) -> None:
    """A search of seconds, which leaves nothing behind."""
    small = replace(recipe, cells=3, channels=4, epochs=2, images=80, batch_size=10)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        print_cells(search(small, replace(options, out=folder)))


def search_command(recipe: SearchRecipe, options: DARTSOptions) -> None:
    if options.smoke:
        search_briefly(recipe, options)
        return
    run = search(recipe, options)
    print_cells(run)
    print(f"train it: {machine.this_command()}--genotype {run}")


@lab.demo
def a_tiny_search() -> None:
    search_briefly(replace(SEARCH, data="shapes", limit=200), DARTSOptions(progress=False))


# %% [markdown]
# ## The network of a genotype
#
# While training, each image loses some of the operations (drop-path, Larsson et al., 2017), few at
# first and more with each epoch, and an auxiliary classifier looks at the maps at two thirds of the
# depth.


# %%
class DropPath(nn.Module):
    """Silence a path for some of the images of a batch, in train mode only."""

    rate: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rate", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.rate
        return x * kept / (1 - self.rate)


class Cell(nn.Module):
    """A cell of a genotype: two operations a node."""

    def __init__(
        self,
        edges: Sequence[Edge],
        before: int,
        last: int,
        channels: int,
        reduction: bool,
        reduced: bool,
        drop_path: bool,
    ) -> None:
        super().__init__()
        self.inputs = inputs(before, last, channels, reduced, affine=True)
        self.states = [state for _, state in edges]
        self.edges = nn.ModuleList()
        for name, state in edges:
            operation = OPERATIONS[name](channels, 2 if reduction and state < 2 else 1, True)
            if drop_path and not isinstance(operation, nn.Identity):  # the identity always stays
                operation = nn.Sequential(operation, DropPath())
            self.edges.append(operation)

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        states = [self.inputs[0](before), self.inputs[1](last)]  # (N, C, H, W)
        for node in range(NODES):
            one, two = 2 * node, 2 * node + 1
            left = self.edges[one](states[self.states[one]])
            states.append(left + self.edges[two](states[self.states[two]]))
        return torch.cat(states[2:], 1)  # (N, 4C, H, W), halved in a reduction cell


class Auxiliary(nn.Sequential):
    """The auxiliary classifier: (N, channels, 8, 8) -> (N, classes)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(
            nn.ReLU(),
            nn.AvgPool2d(5, stride=3),  # (N, channels, 2, 2)
            nn.Conv2d(channels, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),  # (N, 768, 1, 1)
            nn.BatchNorm2d(768),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(768, classes),
        )


class DARTS(nn.Module):
    """The cells of a genotype, stacked: (N, 3, 32, 32) -> (N, classes).

    In train mode with `auxiliary` a tuple: the logits and those of the auxiliary classifier.

    Args:
        genotype: of both kinds of cell.
        cells: how many; those at a third and at two thirds of them are reduction cells.
        channels: of the first cells.
        classes: how many.
        auxiliary: whether there is an auxiliary classifier.
        drop_path: share of the paths silenced at the end of a training; it grows from none.
    """

    def __init__(
        self,
        genotype: Genotype,
        cells: int = 20,
        channels: int = 36,
        classes: int = 10,
        auxiliary: bool = True,
        drop_path: float = 0.2,
    ) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.stem = stem(channels)
        self.cells = nn.ModuleList()
        for each in plan(cells, channels):
            edges = genotype.reduction if each[3] else genotype.normal
            self.cells.append(Cell(edges, *each, drop_path > 0))
        self.looked_at = 2 * cells // 3
        self.auxiliary = Auxiliary(4 * NODES * channels, classes) if auxiliary else None
        self.fc = nn.Linear(4 * NODES * channels, classes)

    def grow(self, done: float) -> None:
        """Set drop-path for an epoch, with this share of the training done.

        The paper names its rate (appendix A.2.1); that it grows is in the authors' code.
        """
        for module in self.modules():
            if isinstance(module, DropPath):
                module.rate.fill_(self.drop_path * done)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        before = last = self.stem(x)  # (N, 3C, 32, 32)
        aux = None
        for place, cell in enumerate(self.cells):
            before, last = last, cell(before, last)
            if place == self.looked_at and self.training and self.auxiliary is not None:
                aux = self.auxiliary(last)  # (N, classes)
        logits = self.fc(last.mean((2, 3)))  # (N, 16C, 8, 8) -> (N, classes)
        return logits if aux is None else (logits, aux)


# %% [markdown]
# ## Genotypes as text
#
# In words, a genotype is the eight pairs of the normal cell, a slash, and those of the reduction
# cell: `sep_conv_3x3:0 sep_conv_3x3:1 ... / max_pool_3x3:0 ...`.


# %%
def read_genotype(text: str) -> Genotype:
    """The genotype that a text describes. Raises `lab.UserError` where it describes none."""
    cells = [cell.split() for cell in text.split("/")]
    if [len(cell) for cell in cells] != [2 * NODES, 2 * NODES]:
        raise lab.UserError(
            f"no genotype {text!r}: write DARTS_V2, random:SEED, the folder of a search, or "
            f"{2 * NODES} pairs OPERATION:STATE, a slash and as many again"
        )
    return Genotype(*(tuple(_edges(cell)) for cell in cells))


def _edges(words: Sequence[str]) -> Iterator[Edge]:
    for place, word in enumerate(words):
        name, _, state = word.partition(":")
        node = place // 2
        if name not in NAMES[1:]:
            raise lab.UserError(f"{word}: the operation must be one of {', '.join(NAMES[1:])}")
        if not state.isdecimal() or int(state) >= 2 + node:
            raise lab.UserError(f"{word}: node {2 + node} reads a state from 0 to {1 + node}")
        if place % 2 and int(state) == int(words[place - 1].partition(":")[2]):
            raise lab.UserError(f"{word}: node {2 + node} reads state {int(state)} twice")
        yield name, int(state)


def random_genotype(seed: int) -> Genotype:
    """One genotype of the space, each as likely as any other."""
    draw = random.Random(seed)

    def cell() -> tuple[Edge, ...]:
        states = (sorted(draw.sample(range(2 + node), 2)) for node in range(NODES))
        return tuple((draw.choice(NAMES[1:]), state) for pair in states for state in pair)

    return Genotype(cell(), cell())


DARTS_V2 = read_genotype(
    "sep_conv_3x3:0 sep_conv_3x3:1 sep_conv_3x3:0 sep_conv_3x3:1 "
    "sep_conv_3x3:1 skip_connect:0 skip_connect:0 dil_conv_3x3:2 / "
    "max_pool_3x3:0 max_pool_3x3:1 skip_connect:2 max_pool_3x3:1 "
    "max_pool_3x3:0 skip_connect:2 skip_connect:2 max_pool_3x3:1"
)


def find_genotype(words: str) -> Genotype:
    """What `--genotype` names: DARTS_V2, random:SEED, the folder of a search, or a text."""
    if words == "DARTS_V2":
        return DARTS_V2
    kind, _, seed = words.partition(":")
    if kind == "random":
        if not (seed.isdecimal() and len(seed) < 20):
            raise lab.UserError(f"--genotype random:SEED takes a whole number, not {seed!r}")
        return random_genotype(int(seed))
    if os.path.exists(words):  # unlike pathlib's, it takes a text of any length
        run = Run.open(words)
        if not run.has("genotype.json"):
            raise lab.UserError(f"{run} holds no genotype.json: it is no search that has ended")
        return read_genotype(run.read("genotype.json"))
    return read_genotype(words)


# %% [markdown]
# ## The recipe
#
# What the settings of the search leave open is as in appendix A.1.1 of the paper, or as in the
# authors' code, where the learning rate ends a little above zero, α begins a little beside
# it, gradients are clipped, and batch norms have running means when the network is measured after
# an epoch. The paper's search makes about 20,000 steps, this one some hundreds: to get as far in
# so few, α makes longer ones. With a GPU, search as the paper does:
#
# ```sh
# python code/darts.py search --cells 8 --channels 16 --epochs 50 --images 0 --batch-size 64 \
#   --alpha-lr 0.0003 --crop-padding 4 --second-order
# ```
#
# What was found is trained like the networks of the other lessons, for tens of epochs. The paper
# (appendix A.2.1) takes 600 epochs, the optimizer of its search, batches of 96, a cutout of 16
# pixels and drop-path up to 0.2. As even then a result varies a good deal, it gives the mean of
# ten.


# %%
@dataclass(frozen=True)
class DARTSRecipe(lab.AuxiliaryRecipe):
    """The settings of every lesson, and those of the network.

    A genotype may be named in several ways; the recipe keeps it in words.
    """

    genotype: str = lab.setting(
        "DARTS_V2", "DARTS_V2, random:SEED, the folder of a search, or a genotype in words"
    )
    cells: int = lab.setting(5, "cells of the network", low=3, high=100)
    channels: int = lab.setting(16, "channels of its first cells", low=2, high=512)
    drop_path: float = lab.setting(
        0.1, "share of the paths silenced at the end of the training", low=0, below=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "genotype", str(find_genotype(self.genotype)))

    @property
    def title(self) -> str:
        return "DARTS"


RECIPE = DARTSRecipe("darts", epochs=15, lr=0.1, batch_size=128, cutout=8, auxiliary_weight=0.4)


def build(recipe: DARTSRecipe, classes: int) -> DARTS:
    """The network that a recipe asks for."""
    genotype = read_genotype(recipe.genotype)
    auxiliary = recipe.auxiliary_weight > 0
    return DARTS(genotype, recipe.cells, recipe.channels, classes, auxiliary, recipe.drop_path)


# %%
LESSON = lab.NetworkLesson(
    "darts",
    "DARTS",
    "A choice of operations is made soft, and gradient descent makes it.",
    recipe=RECIPE,
    build=build,
    options=DARTSOptions(),
    full_size="--cells 20 --channels 36",
    smoke="--cells 3 --channels 4 --auxiliary-weight 0 --cutout 0",
    learns=lab.Learns(0.2, "--epochs 4 --lr 0.05"),  # 0.47, 0.41 and 0.36 with three seeds
    commands={
        "search": lab.Command(
            "Search for a genotype.",
            search_command,
            recipe=SEARCH,
            options=DARTSOptions(),
            hidden=("warmup", "label_smoothing", "cutout", "ema", "patience"),
        )
    },
)


@lab.demo
def costs() -> None:
    with torch.device("meta"):
        paper = DARTS(DARTS_V2, auxiliary=False)
    print(f"DARTS_V2, 20 cells, 36 channels: {lab.count_parameters(paper):,} parameters")
    bare = build(replace(RECIPE, auxiliary_weight=0.0), 10)
    print(lab.layer_table(bare, (1, 3, 32, 32), depth=1))


# %% [markdown]
# ## Train
#
# The weights of the search are thrown away: what it found is the genotype.

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %% [markdown]
# ## What it learned

# %%
if __name__ == "__main__":
    trained.curve()
    trained.confusion()
    trained.filters(trained.model.stem[0])
    trained.mistakes()

# %% [markdown]
# ## To try
#
# - Train `--genotype random:1` to `random:5`. How much better than these is what a search finds?
# - `search --epochs 50`: do the skip connections grow? And with `--stop-at-skips 2`?
# - `search --second-order` takes its time. Is its genotype another one?
