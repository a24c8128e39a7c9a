"""The facts that only this lecture needs besides those of each form."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

import darts
import googlenet
import inception
import resnet
from lab.facts import facts
from lab.measure import count_macs, count_parameters, layers

from ..fields import receptive_field

LARGE, SMALL = (3, 224, 224), (3, 32, 32)
PAPER_CHANNELS = 36  # of DARTS' first cells on CIFAR10 (section 3.2)


def _resnet(forms: Mapping[str, Any]) -> dict[str, Any]:
    """The other depths that the lecture speaks of."""

    def imagenet(title: str, depth: int, **changes: Any) -> dict[str, Any]:
        return facts(title, resnet.resnet_imagenet(depth, **changes), LARGE)

    return {
        "resnet34": imagenet("ResNet-34", 34),
        "plain34": imagenet("Plain-34", 34, option="plain"),
        "resnet56": facts("ResNet-56", resnet.resnet_cifar10(56), SMALL),
    }


def _costs(model: nn.Module, shape: tuple[int, ...]) -> dict[str, int]:
    return {"parameters": count_parameters(model), "macs": count_macs(model, shape)}


def _saving(small: Mapping[str, int], large: Mapping[str, int]) -> dict[str, Any]:
    return {
        what: {
            "factorized": small[what],
            "direct": large[what],
            "saved": round(1 - small[what] / large[what], 4),
        }
        for what in ("parameters", "macs")
    }


def _factorization(forms: Mapping[str, Any]) -> dict[str, Any]:
    """What each kind of block of Inception v3 saves, in all its places, and the whole network."""
    model = inception.Inception3(auxiliary=False)
    shape = (1, *forms["paper"]["input"])
    sums: dict[str, list[dict[str, int]]] = {}
    for place, each in enumerate((model, inception.unfactorized(model))):
        for layer in layers(each, shape, depth=1):
            for key in ("total", layer.kind):
                both = sums.setdefault(key, [{"parameters": 0, "macs": 0} for _ in range(2)])
                both[place]["parameters"] += layer.parameters
                both[place]["macs"] += layer.macs
    saved = {
        key.removeprefix("Inception").lower(): _saving(*both)
        for key, both in sums.items()
        if both[0] != both[1]
    }
    return {"factorization": saved}


def _googlenet(forms: Mapping[str, Any]) -> dict[str, Any]:
    """What 1x1 convolutions before the larger ones save in the first block, and what the mean does.

    Without the mean, the last layer would read every value of the last maps, as in AlexNet.
    """
    block = googlenet.GoogLeNet(auxiliary=False, paper=True).get_submodule("inception3a")
    found = {}
    for name in ("branch3x3", "branch5x5"):
        branch = getattr(block, name)
        first, last = branch[0].conv, branch[-1].conv
        size = last.kernel_size[0]
        direct = nn.Conv2d(first.in_channels, last.out_channels, size, padding=size // 2)
        shape = (1, first.in_channels, 28, 28)
        found[name] = _saving(_costs(branch, shape), _costs(direct, shape))
    maps, last = (forms["paper"]["stages"][place] for place in (-3, -1))
    wide = nn.Linear(math.prod(maps["output"]), last["output"][0])
    average = _saving(last, _costs(wide, (1, wide.in_features)))
    return {"reduction": found, "average": average}


def separable_weights() -> dict[str, Any]:
    """The weights of a 3x3 convolution of DARTS' first cells in the paper, and of an ordinary."""
    parts = darts.convolution(PAPER_CHANNELS, 3, 1, 1, True)
    depthwise, pointwise = (count_parameters(each) for each in parts if isinstance(each, nn.Conv2d))
    dense = count_parameters(nn.Conv2d(PAPER_CHANNELS, PAPER_CHANNELS, 3, bias=False))
    return {
        "channels": PAPER_CHANNELS,
        "depthwise": depthwise,
        "pointwise": pointwise,
        "weights": depthwise + pointwise,
        "dense": dense,
        "saved": round(1 - (depthwise + pointwise) / dense, 4),
    }


def _darts(forms: Mapping[str, Any]) -> dict[str, Any]:
    dilated = nn.Sequential(*darts.convolution(PAPER_CHANNELS, 3, 1, 2, True))
    return {
        "separable": separable_weights(),
        "dilated": {"receptive_field": receptive_field(dilated)},
    }


# Each is made from the facts of the forms.
COUNTS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "inception": _factorization,
    "googlenet": _googlenet,
    "resnet": _resnet,
    "darts": _darts,
}
# A table of what a search has found would show its parts alone, as its figure does.
LEFT_OUT = {"darts": ("stages",), "nsganet": ("stages",)}
