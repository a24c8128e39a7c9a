"""The deck's figures, drawn from the lessons' networks. `make figures` runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "code"))

from torchvision import models  # noqa: E402

import alexnet  # noqa: E402
import darts  # noqa: E402
import facts  # noqa: E402
import googlenet  # noqa: E402
import inception  # noqa: E402
import lenet  # noqa: E402
import nsganet  # noqa: E402
import resnet  # noqa: E402
import vgg16  # noqa: E402
from lab import figures, files, machine  # noqa: E402
from lab.figures import chain, compare, describe, graph, pieces, read, rows, strip  # noqa: E402
from lab.figures.cells import cell  # noqa: E402
from lab.figures.phases import Phase, phases  # noqa: E402
from lab.figures.svg import TIMES  # noqa: E402
from lab.parser import Parser  # noqa: E402

IMAGES = ROOT / "static" / "img"
SEARCHES = ROOT / "static" / "searches"
LARGE = (3, 224, 224)
Panel = tuple[str, nn.Module, tuple[int, ...]]


def _chain(name: str, title: str, model: nn.Module, shape: tuple[int, ...], power: float) -> str:
    ops = read(model, shape)
    return chain(name, title, describe(ops), ops, power)


def _graph(name: str, title: str, model: nn.Module, shape: tuple[int, ...]) -> str:
    ops = read(model, shape)
    return graph(name, title, describe(ops), ops)


def _several(draw: Callable, name: str, title: str, *panels: Panel) -> str:
    read_panels = [(words, read(model, shape)) for words, model, shape in panels]
    said = " ".join(f"{words}: {describe(ops)}" for words, ops in read_panels)
    return draw(name, title, said, read_panels)


def _googlenet() -> str:
    ops = read(googlenet.GoogLeNet(auxiliary=False, paper=True), LARGE)
    return strip("googlenet", "GoogLeNet", describe(ops), ops)


def _inception() -> str:
    block = googlenet.GoogLeNet(auxiliary=False, paper=True).inception3a
    return _graph("inception", "Inception block 3a of GoogLeNet", block, (192, 28, 28))


def _block(letter: str) -> Callable[[], str]:
    """One block of each kind in Inception v3."""
    place, shape = {
        "a": ("mixed_5d", (288, 35, 35)),
        "b": ("mixed_6a", (288, 35, 35)),
        "c": ("mixed_6b", (768, 17, 17)),
        "d": ("mixed_7a", (768, 17, 17)),
        "e": ("mixed_7b", (1280, 8, 8)),
    }[letter]

    def draw() -> str:
        block = getattr(inception.Inception3(auxiliary=False), place)
        title = f"Block {letter.upper()} of Inception v3"
        return _graph(f"inception-{letter}", title, block, shape)

    return draw


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


FIGURES: dict[str, Callable[[], str]] = {
    "lenet": lambda: _chain("lenet", "LeNet-5", lenet.LeNet5(), (1, 32, 32), power=1),
    "alexnet": lambda: _chain("alexnet", "AlexNet", alexnet.AlexNet(), LARGE, power=0.5),
    "vgg16": lambda: _chain("vgg16", "VGG16", vgg16.VGG16(), LARGE, power=0.5),
    "inception": _inception,
    "googlenet": _googlenet,
    "resnet": _resnet,
    **{f"inception-{letter}": _block(letter) for letter in "abcde"},
    "bottleneck": _bottleneck,
    "darts": lambda: _darts("darts", "normal"),
    "darts-reduction": lambda: _darts("darts-reduction", "reduction"),
    "nsganet": _nsganet,
    "vgg-plain-resnet": _deeper,
    **{f"pieces-{name}": draw for name, draw in pieces.PIECES.items()},
}


def svg(name: str) -> str:
    """One of the figures."""
    if name.startswith("pieces-"):
        return FIGURES[name]()
    with torch.device("meta"):  # a figure needs no weights
        return FIGURES[name]()


def main() -> None:
    for name in FIGURES:
        for path in figures.write(IMAGES / f"{name}.svg", svg(name)):
            print(path.relative_to(ROOT))
    facts.main()


if __name__ == "__main__":
    machine.show_errors_in_one_line()
    Parser(description=__doc__).parse_args()
    main()
