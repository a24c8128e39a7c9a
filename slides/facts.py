"""The deck's networks, measured: writes static/facts.json. `make figures` runs it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "code"))

import alexnet  # noqa: E402
import darts  # noqa: E402
import googlenet  # noqa: E402
import inception  # noqa: E402
import lenet  # noqa: E402
import nsganet  # noqa: E402
import resnet  # noqa: E402
import vgg16  # noqa: E402
from lab import files, machine  # noqa: E402
from lab.facts import facts  # noqa: E402
from lab.measure import count_macs, count_parameters, layers  # noqa: E402
from lab.parser import Parser  # noqa: E402

FACTS = ROOT / "static" / "facts.json"
LARGE, SMALL = (3, 224, 224), (3, 32, 32)
INCEPTION = (3, 299, 299)


def collect() -> dict[str, dict[str, Any]]:
    """All facts: for each network those of its forms, and a few that a slide needs besides.

    "paper" is the network of the paper at its own image size, "cifar10" the one for 32x32 images
    that the lesson's recipe builds, "torchvision" the form that library has where it differs.
    """
    with torch.device("meta"):  # counts need no weights
        return {
            "lenet": _lenet(),
            "alexnet": {
                "paper": facts("AlexNet", alexnet.alexnet_2012(), LARGE),
                "torchvision": facts("AlexNet, one tower", alexnet.AlexNet(), LARGE),
                "cifar10": facts("AlexNet for CIFAR10", alexnet.build(alexnet.RECIPE, 10), SMALL),
            },
            "vgg16": _vgg16(),
            "inception": {
                "paper": facts("Inception v3", inception.Inception3(), INCEPTION),
                "cifar10": facts(
                    "Inception v3 for CIFAR10", inception.build(inception.RECIPE, 10), SMALL
                ),
                "factorization": _factorization(),
            },
            "googlenet": {
                "paper": facts("GoogLeNet", googlenet.GoogLeNet(paper=True), LARGE),
                "torchvision": facts("GoogLeNet of torchvision", googlenet.GoogLeNet(), LARGE),
                "cifar10": facts(
                    "GoogLeNet for CIFAR10", googlenet.build(googlenet.RECIPE, 10), SMALL
                ),
                "reduction": _reduction(),
            },
            "resnet": _resnet(),
            "darts": {"cifar10": _searched("DARTS", darts.build(darts.RECIPE, 10))},
            "nsganet": {"cifar10": _searched("NSGA-Net", nsganet.build(nsganet.RECIPE, 10))},
        }


def _lenet() -> dict[str, Any]:
    model = lenet.LeNet5()
    return {
        "paper": facts("LeNet-5", model, (1, 32, 32)),
        "cifar10": facts("LeNet-5 for CIFAR10", lenet.build(lenet.RECIPE, 10), SMALL),
        "parameters_of_1998": lenet.parameters_of_1998(model),
    }


def _vgg16() -> dict[str, Any]:
    paper = facts("VGG16", vgg16.VGG16(), LARGE)
    first = next(stage for stage in paper["stages"] if stage["name"] == "fc6")
    return {
        "paper": paper,
        "batch_norm": facts("VGG16 with batch norm", vgg16.VGG16(batch_norm=True), LARGE),
        "cifar10": facts("VGG16 for CIFAR10", vgg16.build(vgg16.RECIPE, 10), SMALL),
        "fc6_share": round(first["parameters"] / paper["parameters"], 4),
    }


def _resnet() -> dict[str, Any]:
    def imagenet(depth: int, **changes: Any) -> nn.Module:
        return resnet.resnet_imagenet(depth, **changes)

    depth = resnet.RECIPE.depth
    return {
        "paper": facts("ResNet-50", imagenet(50, stride_first=True), LARGE),
        "torchvision": facts("ResNet-50 of torchvision", imagenet(50), LARGE),
        "cifar10": facts(f"ResNet-{depth}", resnet.build(resnet.RECIPE, 10), SMALL),
        "resnet18": facts("ResNet-18", imagenet(18), LARGE),
        "resnet34": facts("ResNet-34", imagenet(34), LARGE),
        "plain34": facts("Plain-34", imagenet(34, option="plain"), LARGE),
        "resnet56": facts("ResNet-56", resnet.resnet_cifar10(56), SMALL),
        "resnet110": facts("ResNet-110", resnet.resnet_cifar10(110), SMALL),
    }


def _searched(name: str, model: nn.Module) -> dict[str, Any]:
    """The facts of what a search has found, for 32x32 images alone. Its figure shows its parts."""
    found = facts(f"{name} for CIFAR10", model, SMALL)
    del found["stages"]
    return found


def _saving(small: dict[str, int], large: dict[str, int]) -> dict[str, Any]:
    return {
        what: {
            "factorized": small[what],
            "direct": large[what],
            "saved": round(1 - small[what] / large[what], 4),
        }
        for what in ("parameters", "macs")
    }


def _factorization() -> dict[str, Any]:
    """What each kind of block of Inception v3 saves, in all its places, and the whole network."""
    model = inception.Inception3(auxiliary=False)
    shape = (1, *INCEPTION)
    sums: dict[str, list[dict[str, int]]] = {}
    for place, each in enumerate((model, inception.unfactorized(model))):
        for layer in layers(each, shape, depth=1):
            for key in ("total", layer.kind):
                both = sums.setdefault(key, [{"parameters": 0, "macs": 0} for _ in range(2)])
                both[place]["parameters"] += layer.parameters
                both[place]["macs"] += layer.macs
    return {
        key.removeprefix("Inception").lower(): _saving(*both)
        for key, both in sums.items()
        if both[0] != both[1]
    }


def _reduction() -> dict[str, Any]:
    """What the 1x1 convolutions before the larger ones save in GoogLeNet's first block."""
    block = googlenet.GoogLeNet(auxiliary=False, paper=True).inception3a
    found = {}
    for name in ("branch3x3", "branch5x5"):
        branch = getattr(block, name)
        first, last = branch[0].conv, branch[-1].conv
        size = last.kernel_size[0]
        direct = nn.Conv2d(first.in_channels, last.out_channels, size, padding=size // 2)
        shape = (1, first.in_channels, 28, 28)
        costs = [
            {"parameters": count_parameters(each), "macs": count_macs(each, shape)}
            for each in (branch, direct)
        ]
        found[name] = _saving(*costs)
    return found


def text() -> str:
    """The facts as JSON, with a line for each stage, to read in a diff."""
    innermost = re.compile(r"\{[^{}]*\}|\[[^\[\]{}]*\]")
    return innermost.sub(lambda it: " ".join(it[0].split()), json.dumps(collect(), indent=1)) + "\n"


def main() -> None:
    files.write_text(FACTS, text())
    print(FACTS.relative_to(ROOT))


if __name__ == "__main__":
    machine.show_errors_in_one_line()
    Parser(description=__doc__).parse_args()
    main()
