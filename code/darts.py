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
# ([arXiv:1806.09055](https://arxiv.org/abs/1806.09055)). The companion of the slide
# **Differentiable Architecture Search**.
#
# Which operation should connect two layers? That is a choice, and a choice has no gradient. DARTS
# takes all operations at once and mixes their outputs. Their shares, a softmax of numbers α, do
# have gradients: they are learned like weights, and the strongest operations remain.
#
# `python code/darts.py` trains the paper's own cell on CIFAR10; `python code/darts.py search` looks
# for another one. Both networks are smaller than in the paper, to suit a laptop.

# %%
import math
import os
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam

from lab.runs import Run
from lab.search.bilevel import Batch, mixed_product, moved, result_of, search

# %% [markdown]
# ## A mixed edge
#
# $$\bar{o}(x) = \sum_o \frac{e^{\alpha_o}}{\sum_{o'} e^{\alpha_{o'}}} \, o(x)$$
#
# Equation 2: the sum runs over the operations o of an edge. The gradient with respect to α says
# which of them should have a larger share.


# %%
class MixedEdge(nn.ModuleList):
    """Operations side by side, which give equal shapes."""

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        pairs = zip(shares, self, strict=True)  # they sum to 1
        mixed = (share * o(x) for share, o in pairs)
        return sum(mixed, torch.zeros(()))


@lab.demo
def three_operations() -> None:
    x, alpha = torch.rand(1, 16, 8, 8), torch.zeros(3, requires_grad=True)
    edge = MixedEdge([nn.Conv2d(16, 16, 3, padding=1), nn.AvgPool2d(3, 1, 1), nn.Identity()])
    (gradient,) = torch.autograd.grad(F.mse_loss(edge(x, alpha.softmax(-1)), x), alpha)
    print("to give the input back, descend along", (-gradient).tolist())


# %% [markdown]
# ## Eight operations
#
# Section 3.1.1. A separable convolution is a depthwise one, for each channel separately, and then a
# 1x1 one across channels: $K^2C + C^2$ weights instead of $K^2C^2$; it is applied twice. A dilated
# one skips every other pixel. *None* means no connection. In a search, batch norms have no weights
# (`affine=False`, appendix A.1.1) and poolings have a batch norm, too: otherwise an operation could
# become strong just by the size of its output.

# %%
NAMES = ("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect")
NAMES += ("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")
NODES = 4  # intermediate nodes of a cell
SOURCES = [2 + node for node in range(NODES)]  # of each: both inputs and all nodes before it
EDGES = sum(SOURCES)


def make_operation(name: str | tuple, channels: int, stride: int, affine: bool) -> nn.Module:
    """(N, C, H, W) -> (N, C, H / stride, W / stride): one operation, or a mixture of several."""
    if isinstance(name, tuple):
        return MixedEdge(make_operation(each, channels, stride, affine) for each in name)
    if name == "none":  # zeros: nothing is above infinity
        return nn.Sequential(nn.MaxPool2d(1, stride), nn.Threshold(math.inf, 0.0))
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, affine)
    if "pool" in name:
        average = nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
        pool = average if name.startswith("avg") else nn.MaxPool2d(3, stride, padding=1)
        return pool if affine else nn.Sequential(pool, nn.BatchNorm2d(channels, affine=False))
    kernel = int(name[-1])
    if name.startswith("dil"):
        return nn.Sequential(*convolution(channels, kernel, stride, 2, affine))
    first = convolution(channels, kernel, stride, 1, affine)
    return nn.Sequential(*first, *convolution(channels, kernel, 1, 1, affine))


def convolution(channels: int, kernel: int, stride: int, dilation: int, affine: bool) -> list:
    """ReLU, a depthwise convolution, one of 1x1 across channels, batch norm."""
    padding = dilation * (kernel - 1) // 2
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=affine),
    ]


class FactorizedReduce(nn.Module):
    """(N, in_channels, 2H, 2W) -> (N, channels, H, W), of pixels in even and in odd places."""

    def __init__(self, in_channels: int, channels: int, affine: bool) -> None:
        super().__init__()
        self.even = nn.Conv2d(in_channels, channels // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(in_channels, channels - channels // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(channels, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        return self.norm(torch.cat([self.even(x), self.odd(x[:, :, 1:, 1:])], 1))


# %% [markdown]
# ## All operations at once
#
# A cell has two inputs, the outputs of the two cells before it, and four nodes. Each node reads
# both inputs and all nodes before it: 14 edges. The output is all nodes, concatenated. *Reduction*
# cells, at a third and at two thirds of the depth, halve the resolution and double the channels;
# all others are *normal*. All cells of a kind share one α, with a row for each edge.


# %%
def relu_conv_bn(in_channels: int, channels: int, affine: bool) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, channels, 1, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(channels, affine=affine))


class Cell(nn.Module):
    """Each node adds up the outputs of its edges, which read earlier states."""

    def __init__(
        self,
        inputs: tuple[int, int],  # channels of the older and of the younger one: states 0 and 1
        channels: int,  # of each node
        nodes: Sequence,  # their edges: pairs of an operation, or all of those to mix, and a state
        reduction: bool,  # whether to halve the resolution
        reduced: bool,  # whether the cell before did
        affine: bool,  # whether batch norms have weights
    ) -> None:
        super().__init__()
        older = FactorizedReduce if reduced else relu_conv_bn
        self.inputs = nn.ModuleList([older(inputs[0], channels, affine)])
        self.inputs.append(relu_conv_bn(inputs[1], channels, affine))
        self.reads = [[state for _, state in edges] for edges in nodes]
        self.edges = nn.ModuleList()
        for names, state in (edge for edges in nodes for edge in edges):
            stride = 2 if reduction and state < 2 else 1
            self.edges.append(make_operation(names, channels, stride, affine))

    def forward(self, before: Tensor, last: Tensor, *shares: Tensor) -> Tensor:
        states = [self.inputs[0](before), self.inputs[1](last)]  # (N, C, H, W)
        edges = zip(self.edges, *shares, strict=True)  # a mixed edge has shares, too
        for reads in self.reads:
            pairs = zip(reads, edges, strict=False)  # asks for a state before it takes an edge
            first, *others = [edge(states[state], *share) for state, (edge, *share) in pairs]
            states.append(sum(others, first))
        return torch.cat(states[2:], 1)  # (N, 4C, H, W), halved in a reduction cell


class Cells(nn.Module):
    """A stem and cells; `kinds`: the nodes of normal and of reduction cells."""

    def __init__(self, cells: int, channels: int, kinds: Sequence, affine: bool) -> None:
        super().__init__()
        convolution = nn.Conv2d(3, 3 * channels, 3, padding=1, bias=False)
        self.stem = nn.Sequential(convolution, nn.BatchNorm2d(3 * channels))
        self.cells = nn.ModuleList()
        self.reductions = (cells // 3, 2 * cells // 3)
        inputs, reduced = (3 * channels, 3 * channels), False  # what the stem gives
        for number in range(cells):
            reduction = number in self.reductions
            channels *= 2 if reduction else 1
            self.cells.append(Cell(inputs, channels, kinds[reduction], reduction, reduced, affine))
            inputs, reduced = (inputs[1], NODES * channels), reduction
        self.channels = inputs[1]  # of the last cell's output


class SearchNetwork(Cells):
    """The network of all networks: (N, 3, 32, 32) -> (N, classes)."""

    def __init__(self, cells: int, channels: int, classes: int) -> None:
        nodes = [[(NAMES, state) for state in range(sources)] for sources in SOURCES]
        super().__init__(cells, channels, [nodes, nodes], affine=False)
        self.fc = nn.Linear(self.channels, classes)
        self.weights = list(self.parameters())
        # Nearly equal shares: every operation gets its chance.
        self.alpha = nn.Parameter(1e-3 * torch.randn(2, EDGES, len(NAMES)))

    def forward(self, x: Tensor) -> Tensor:
        shares = self.alpha.softmax(-1).unbind()  # twice (14, 8)
        before = last = self.stem(x)  # (N, 3C, 32, 32)
        for number, cell in enumerate(self.cells):
            before, last = last, cell(before, last, shares[number in self.reductions])
        return self.fc(last.mean((2, 3)))  # (N, 16C, 8, 8) -> (N, classes)


# %% [markdown]
# ## Two levels
#
# The weights w learn from one half of the images and α from the other; on the same images α would
# only choose what fits them best. Each α is judged by its own best weights (equations 3, 4):
#
# $$\min_\alpha L_{val}(w^*(\alpha), \alpha),\; w^*(\alpha)=\mathrm{argmin}_w L_{train}(w, \alpha)$$
#
# Nobody can compute $w^*$ at every step. The paper takes a single training step instead, to
# $w' = w - \xi \nabla_w L_{train}(w, \alpha)$, and then the gradient is (equations 5 to 7)
#
# $$\nabla_\alpha L_{val}(w', \alpha) - \xi \nabla^2_{\alpha,w} L_{train}(w, \alpha) \,
# \nabla_{w'} L_{val}(w', \alpha)$$
#
# First order leaves out the second term: ξ = 0. In second order ξ is the learning rate, and the
# product takes two more gradients, one on each side of w (equation 8): five in a step instead of
# two. With $w^\pm = w \pm \epsilon \nabla_{w'} L_{val}(w', \alpha)$ the product is
#
# $$(\nabla_\alpha L_{train}(w^+, \alpha) - \nabla_\alpha L_{train}(w^-, \alpha)) / 2\epsilon$$


# %%
def loss_of(model: nn.Module, batch: Batch) -> Tensor:
    return F.cross_entropy(model(batch[0]), batch[1])  # (N, classes), (N,)


def architecture_gradient(
    model: SearchNetwork, training: Batch, validation: Batch, xi: float, radius: float = 0.01
) -> Tensor:
    """(2, 14, 8), as alpha is, by equations 6 to 8; `radius`: the paper's footnote 2."""
    alpha, weights = model.alpha, model.weights
    if xi == 0:
        return torch.autograd.grad(loss_of(model, validation), alpha)[0]
    step = torch.autograd.grad(loss_of(model, training), weights)
    with moved(weights, step, -xi):
        first, *direction = torch.autograd.grad(loss_of(model, validation), [alpha, *weights])
    second = mixed_product(lambda: loss_of(model, training), alpha, weights, direction, radius)
    return first - xi * second


# %% [markdown]
# ## From shares to a genotype
#
# The result is a *genotype*: for each node two pairs of an operation and the state it reads. States
# 0 and 1 are the inputs, 2 to 5 the nodes. An edge is as strong as its strongest operation, *none*
# aside, and each node keeps its two strongest edges (section 2.4). The weights are thrown away.


# %%
class Genotype(NamedTuple):
    """The edges of both cells, two a node: an operation, and the state it reads."""

    normal: tuple[tuple[str, int], ...]
    reduction: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        return " / ".join(" ".join(f"{name}:{state}" for name, state in cell) for cell in self)


def derive(alpha: Tensor) -> Genotype:
    """The genotype of alpha, (2, 14, 8)."""
    shares = alpha.detach().softmax(-1)[..., 1:]  # no "none"
    edges: tuple[tuple[str, int], ...] = ()
    for node in shares.flatten(0, 1).split(2 * SOURCES):
        strengths, operations = node.max(-1)
        for state in sorted(strengths.topk(2).indices.tolist()):
            edges += ((NAMES[1:][operations[state]], state),)
    return Genotype(edges[: 2 * NODES], edges[2 * NODES :])


# %% [markdown]
# ## The search
#
# Algorithm 1: a step of α on a batch of one half of the images, then one of w on a batch of the
# other, as in appendix A.1.1; the authors' code has momentum and decay in the step ahead, too. The
# paper makes about 20,000 steps, this search a few hundred, so α takes longer ones. Long searches
# often collapse into skip connections; DARTS+ (2019) stops at two in a cell (`--stop-at-skips 2`).


# %%
@dataclass(frozen=True)
class SearchRecipe(lab.Recipe):
    """Everything that changes the result of a search."""

    cells: int = lab.setting(4, "cells while searching", low=3, high=100)
    channels: int = lab.setting(8, "channels while searching", low=2, high=512)
    images: int = lab.setting(2400, "half for the weights, half for alpha; 0: all", low=0)
    alpha_lr: float = lab.setting(0.01, "learning rate of alpha, with Adam", above=0, high=10)
    second_order: bool = lab.setting(False, "search with the second-order approximation")
    stop_at_skips: int = lab.setting(0, "end at this many skips; 0: never", low=0, high=2 * NODES)


SEARCH = SearchRecipe(
    "darts-search", epochs=12, batch_size=32, lr=0.025, warmup=0.0, weight_decay=3e-4
)


class Bilevel:
    """The two optimizers, and a step of both."""

    def __init__(self, recipe: SearchRecipe, classes: int) -> None:
        self.recipe = recipe
        self.model = model = SearchNetwork(recipe.cells, recipe.channels, classes)
        weights = SGD(model.weights, recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay)
        alpha = Adam([model.alpha], recipe.alpha_lr, betas=(0.5, 0.999), weight_decay=1e-3)
        self.optimizers = {"weights": weights, "alpha": alpha}

    def rate(self, done: float) -> float:
        """The learning rate of the weights, with this share of the search done."""
        top = self.recipe.lr
        low = min(0.001, top)  # as in the authors' code
        return low + (top - low) * (1 + math.cos(math.pi * done)) / 2

    def __call__(self, training: Batch, validation: Batch, done: float) -> Tensor:
        """One step, with this share of the search done; returns the training loss."""
        model, lr = self.model, self.rate(done)
        weights, alpha = self.optimizers.values()
        xi = lr if self.recipe.second_order else 0.0
        batches = training, validation
        model.alpha.grad = architecture_gradient(model, *batches, xi)
        alpha.step()
        weights.param_groups[0]["lr"] = lr
        weights.zero_grad()
        loss = loss_of(model, training)
        loss.backward(inputs=model.weights)
        nn.utils.clip_grad_norm_(model.weights, 5.0)
        weights.step()
        return loss.detach()

    def describe(self) -> dict:
        """The history's row for an epoch: the shares of both cells, and the genotype."""
        normal, reduction = self.model.alpha.detach().softmax(-1).tolist()
        genotype = derive(self.model.alpha)
        skips = sum(name == "skip_connect" for name, _ in genotype.normal)
        return {"normal": normal, "reduction": reduction, "genotype": str(genotype), "skips": skips}

    def enough(self, row: dict) -> bool:
        return 0 < self.recipe.stop_at_skips <= row["skips"]


# Laid out as NHWC, trainings in two threads crashed on a CPU (PyTorch 2.14, AMD EPYC).
OPTIONS = lab.Options(channels_last=False)
SEARCH_COMMAND = lab.Command(
    "Search for a genotype.",
    lambda recipe, options: f"--genotype {search(Bilevel, recipe, options, images=recipe.images)}",
    recipe=SEARCH,
    options=OPTIONS,
    hidden=("warmup", "muon", "label_smoothing", "small_share", "cutout", "ema", "tta", "patience"),
    smoke={"cells": 3, "channels": 4, "images": 20, "batch_size": 10},
)


# %% [markdown]
# ## The network of a genotype
#
# In training, each image skips some of the operations (drop-path, Larsson et al., 2017), more of
# them with every epoch, and an auxiliary classifier reads the maps at two thirds of the depth.


# %%
class DropPath(nn.Module):
    """Silence a path for some of the images of a batch, in train mode only."""

    def __init__(self) -> None:
        super().__init__()  # a buffer: torch.compile would start again for each new number
        self.rate = nn.Buffer(torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.rate
        return x * kept / (1 - self.rate)


def auxiliary_classifier(channels: int, classes: int) -> nn.Sequential:
    """(N, channels, 8, 8) -> (N, classes)"""
    layers: list[nn.Module] = [nn.ReLU(), nn.AvgPool2d(5, stride=3)]  # (N, channels, 2, 2)
    for before, after, kernel in ((channels, 128, 1), (128, 768, 2)):  # the second one: 1 x 1
        convolution = nn.Conv2d(before, after, kernel, bias=False)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(768, classes))


class DARTS(Cells):
    """(N, 3, 32, 32) -> (N, classes); in train mode a tuple with the auxiliary classifier's."""

    def __init__(
        self,
        genotype: Genotype,
        cells: int = 20,
        channels: int = 36,
        classes: int = 10,
        auxiliary: bool = True,
        drop_path: float = 0.2,  # at the end of a training: it grows from none
    ) -> None:
        kinds = [list(zip(edges[::2], edges[1::2], strict=True)) for edges in genotype]
        super().__init__(cells, channels, kinds, affine=True)
        self.drop_path = drop_path
        stacked = [cell for cell in self.cells if isinstance(cell, Cell)]
        for cell in stacked if drop_path > 0 else []:
            for number, edge in enumerate(cell.edges):
                if not isinstance(edge, nn.Identity):  # which always stays
                    cell.edges[number] = nn.Sequential(edge, DropPath())
        self.auxiliary = auxiliary_classifier(self.channels, classes) if auxiliary else None
        self.fc = nn.Linear(self.channels, classes)

    def grow(self, done: float) -> None:
        """Set drop-path for an epoch, with this share of the training done."""
        for module in self.modules():
            if isinstance(module, DropPath):
                module.rate.fill_(self.drop_path * done)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        before = last = self.stem(x)  # (N, 3C, 32, 32)
        for number, cell in enumerate(self.cells):
            before, last = last, cell(before, last)
            if number == self.reductions[1]:
                seen = last  # (N, 16C, 8, 8)
        logits = self.fc(last.mean((2, 3)))  # (N, classes)
        if self.training and self.auxiliary is not None:
            return logits, self.auxiliary(seen)
        return logits


# %% [markdown]
# ## The recipe
#
# The paper (appendix A.2.1) trains for 600 epochs, in batches of 96, with a cutout of 16 pixels and
# drop-path up to 0.2; ours keeps only drop-path. Results vary, so it reports the mean of ten runs.
# DARTS_V2 is the cell that its search found: eight pairs for the normal cell, a slash, and eight
# for the reduction cell.


# %%
def read_genotype(text: str) -> Genotype:
    """The genotype that `--genotype` names: DARTS_V2, random:SEED, a search's folder, or a text."""
    if text == "DARTS_V2":
        return DARTS_V2
    if drawn := re.fullmatch(r"random:([0-9]{1,19})", text):
        return random_genotype(int(drawn[1]))
    if os.path.exists(text):  # unlike pathlib's, it takes a text of any length
        text = result_of(Run.open(text))
    found = re.findall(rf"({'|'.join(NAMES[1:])}):([0-5])", text)
    edges = tuple((name, int(state)) for name, state in found)
    genotype = Genotype(edges[: 2 * NODES], edges[2 * NODES :])
    whole = len(edges) == 4 * NODES and str(genotype).split() == text.replace("/", " / ").split()
    nodes = zip(edges[::2], edges[1::2], 2 * SOURCES, strict=False)
    if not whole or any(a == b or max(a, b) >= sources for (_, a), (_, b), sources in nodes):
        raise lab.UserError(
            f"no genotype {text!r}: write DARTS_V2, random:SEED, the folder of a search, or eight "
            "pairs OPERATION:STATE, a slash and as many again, two for each node, which reads "
            f"two different states before its own; operations: {', '.join(NAMES[1:])}"
        )
    return genotype


def random_genotype(seed: int) -> Genotype:
    """A genotype of the space; all are equally likely."""
    draw = random.Random(seed)
    edges = tuple(
        (draw.choice(NAMES[1:]), state)
        for sources in 2 * SOURCES
        for state in sorted(draw.sample(range(sources), 2))
    )
    return Genotype(edges[: 2 * NODES], edges[2 * NODES :])


DARTS_V2 = read_genotype(
    "sep_conv_3x3:0 sep_conv_3x3:1 sep_conv_3x3:0 sep_conv_3x3:1 "
    "sep_conv_3x3:1 skip_connect:0 skip_connect:0 dil_conv_3x3:2 / "
    "max_pool_3x3:0 max_pool_3x3:1 skip_connect:2 max_pool_3x3:1 "
    "max_pool_3x3:0 skip_connect:2 skip_connect:2 max_pool_3x3:1"
)


@dataclass(frozen=True)
class DARTSRecipe(lab.AuxiliaryRecipe):
    """The settings of every lesson, and those of the network."""

    TITLE = "DARTS"
    genotype: str = lab.setting("DARTS_V2", "DARTS_V2, random:SEED, a search's folder, or text")
    cells: int = lab.setting(5, "cells of the network", low=3, high=100)
    channels: int = lab.setting(16, "channels of its first cells", low=2, high=512)
    drop_path: float = lab.setting(0.1, "share of the paths silenced at the end", low=0, below=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "genotype", str(read_genotype(self.genotype)))


RECIPE = DARTSRecipe("darts", epochs=20, lr=0.2, batch_size=128, auxiliary_weight=0.4)


def build(recipe: DARTSRecipe, classes: int) -> DARTS:
    """The network that a recipe asks for."""
    genotype = read_genotype(recipe.genotype)
    auxiliary = recipe.auxiliary_weight > 0
    return DARTS(genotype, recipe.cells, recipe.channels, classes, auxiliary, recipe.drop_path)


LESSON = lab.NetworkLesson(
    "darts",
    "DARTS",
    "A choice of operations is made soft, and gradient descent makes it.",
    recipe=RECIPE,
    build=build,
    options=OPTIONS,
    full_size="--cells 20 --channels 36",
    smoke="--cells 3 --channels 4 --auxiliary-weight 0",
    commands={"search": SEARCH_COMMAND},
)


@lab.demo
def a_tiny_search_and_what_networks_cost() -> None:
    lab.smoke(SEARCH_COMMAND)
    paper = DARTS(DARTS_V2, auxiliary=False)
    print(f"DARTS_V2, 20 cells, 36 channels: {lab.count_parameters(paper):,} parameters")
    ours = DARTS(DARTS_V2, RECIPE.cells, RECIPE.channels, auxiliary=False)
    print(lab.layer_table(ours, (1, 3, 32, 32), depth=1))


# %% [markdown]
# ## Train

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `--genotype random:1`, `--genotype random:2` and so on: does a search find a better cell?
# - `search --epochs 50`: do the skip connections grow? And `search --epochs 50 --stop-at-skips 2`?
# - `search --second-order`: another genotype? With a GPU, and the paper's batches of 64 images and
#   rate of 0.0003 for α: `search --second-order --cells 8 --channels 16 --epochs 50 --images 0`
