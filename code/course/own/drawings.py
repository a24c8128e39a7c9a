"""The drawings that only this lecture has."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn
from torchvision import models

import darts
import googlenet
import inception
import nsganet
import resnet
from draw import compare, describe, graph, read, rows
from draw.look import TIMES
from lab import files

from ..drawings import losses, pieces, windows
from ..drawings.cells import cell, mixture
from ..drawings.phases import Phase, phases
from ..fields import receptive_field
from ..lessons import networks
from ..nsganet_search import SEARCHES
from .facts import separable_weights

LARGE = (3, 224, 224)


def _graph(name: str, title: str, model: nn.Module, shape: tuple[int, ...]) -> str:
    ops = read(model, shape)
    return graph(name, title, describe(ops), ops)


def _several(
    draw: Callable[..., str], name: str, title: str, *panels: tuple[str, nn.Module, tuple[int, ...]]
) -> str:
    read_panels = [(words, read(model, shape)) for words, model, shape in panels]
    said = " ".join(f"{words}: {describe(ops)}" for words, ops in read_panels)
    return draw(name, title, said, read_panels)


def _inception() -> str:
    block = googlenet.GoogLeNet(auxiliary=False, paper=True).get_submodule("inception3a")
    return _graph("inception", "Inception block 3a of GoogLeNet", block, (192, 28, 28))


def _block(letter: str, place: str, shape: tuple[int, ...]) -> str:
    """One block of each kind in Inception v3."""
    block = inception.Inception3(auxiliary=False).get_submodule(place)
    return _graph(f"inception-{letter}", f"Block {letter.upper()} of Inception v3", block, shape)


def _resnet() -> str:
    shape = (64, 56, 56)
    return _several(
        compare,
        "resnet",
        "A plain and a residual block",
        ("Plain block: y = F(x)", resnet.BasicBlock(64, 64, 1, None), shape),
        ("Residual block: y = F(x) + x", resnet.BasicBlock(64, 64, 1, nn.Identity()), shape),
    )


def _bottleneck() -> str:
    return _several(
        compare,
        "bottleneck",
        "A basic block and a bottleneck",
        ("BasicBlock", resnet.BasicBlock(64, 64, 1, nn.Identity()), (64, 56, 56)),
        ("Bottleneck", resnet.Bottleneck(256, 64, 1, nn.Identity()), (256, 56, 56)),
    )


def _deeper() -> str:
    return _several(
        rows,
        "vgg-plain-resnet",
        "VGG-19, a plain network of 34 layers and ResNet-34",
        ("VGG-19", models.vgg19(), LARGE),
        ("Plain-34", resnet.resnet_imagenet(34, option="plain"), LARGE),
        ("ResNet-34", resnet.resnet_imagenet(34), LARGE),
    )


def _nsganet() -> str:
    """The phases of the network that the lesson trains."""
    recipe, panels, side = nsganet.RECIPE, [], 32
    for bits in nsganet.decode(recipe.genome):
        reads = nsganet.graph(bits)
        if reads:
            channels = recipe.width * 32 // side
            heading = f"{side} {TIMES} {side}, {channels} channels"
            nodes = next(n for n in range(2, 99) if n * (n - 1) // 2 + 1 == len(bits))
            panels.append(Phase(heading, nsganet.encode([bits]), reads, nodes))
            side //= 2
    return phases("nsganet", "A network that a search has found", panels)


def _darts(name: str, kind: str) -> str:
    """A cell that the recorded search has found."""
    shape = {"search": {"genotype": str}}
    found = files.read_json(SEARCHES / "darts.json", shape)["search"]
    genotype = darts.read_genotype(found["genotype"])
    return cell(name, f"The {kind} cell that a search has found", getattr(genotype, kind))


def _darts_edge() -> str:
    """The first edge of the normal cell, as the recorded search left it."""
    shape = {"operations": list, "edges": list, "search": {"history": list}}
    found = files.read_json(SEARCHES / "darts.json", shape)
    shares = found["search"]["history"][-1]["normal"][0]
    first, second = found["edges"][0]
    return mixture(found["operations"], shares, (first, second))


def _fields() -> str:
    """How much of their images the networks see."""
    panels = []
    for title, what, name, key in (
        ("LeNet-5", "C5", "lenet", "paper"),
        ("AlexNet", "last maps", "alexnet", "paper"),
        ("VGG16", "last maps", "vgg16", "paper"),
        ("ResNet-20", "last maps", "resnet", "cifar10"),
    ):
        form = networks()[name].forms[key]
        panels.append((title, what, form.shape[-1], receptive_field(form.build())))
    return windows.receptive_fields(panels)


def _separable() -> str:
    counts = separable_weights()
    keys = ("channels", "depthwise", "pointwise", "dense")
    return windows.separable(*(counts[key] for key in keys))


# One that has the name of a lesson stands in the place of its figure.
DRAWINGS: dict[str, Callable[[], str]] = {
    "inception": _inception,
    "resnet": _resnet,
    "inception-a": lambda: _block("a", "mixed_5d", (288, 35, 35)),
    "inception-b": lambda: _block("b", "mixed_6a", (288, 35, 35)),
    "inception-c": lambda: _block("c", "mixed_6b", (768, 17, 17)),
    "inception-d": lambda: _block("d", "mixed_7a", (768, 17, 17)),
    "inception-e": lambda: _block("e", "mixed_7b", (1280, 8, 8)),
    "bottleneck": _bottleneck,
    "darts": lambda: _darts("darts", "normal"),
    "darts-reduction": lambda: _darts("darts-reduction", "reduction"),
    "fields": _fields,
    "darts-edge": _darts_edge,
    "nsganet": _nsganet,
    "separable": _separable,
    "vgg-plain-resnet": _deeper,
    **{f"pieces-{name}": draw for name, draw in pieces.PIECES.items()},
    "pieces-cross-entropy": losses.cross_entropy,
    "pieces-normalized": losses.normalized,
}
