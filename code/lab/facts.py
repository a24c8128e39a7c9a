"""What a slide may say of a network: its stages with shape, parameters and MACs, as JSON data."""

from itertools import groupby
from typing import Any

from torch import nn

from .measure import Layer, count_parameters, first_level, layers

MOST_STAGES = 12
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.LeakyReLU)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm)
FOLDED = (*ACTIVATIONS, *NORMS, nn.Dropout, nn.Flatten, nn.Identity)


def facts(name: str, model: nn.Module, shape: tuple[int, ...]) -> dict[str, Any]:
    """The facts of a network, in eval mode, for inputs of `shape` (C, H, W).

    Returns:
        name, input, parameters, macs and stages, those of `grouped`; `auxiliary_parameters`, which
        are not in the sums, where parts of the network only help to train it.
    """
    children = first_level(model)
    stages = [stage_of(part, children) for part in grouped(model, shape)]
    used = sum(stage["parameters"] for stage in stages)
    auxiliary = count_parameters(model) - used
    return {
        "name": name,
        "input": list(shape),
        "parameters": used,
        "macs": sum(stage["macs"] for stage in stages),
        **({"auxiliary_parameters": auxiliary} if auxiliary else {}),
        "stages": stages,
    }


def grouped(model: nn.Module, shape: tuple[int, ...]) -> list[list[Layer]]:
    """The stages of a network, each as the modules of the first level that it is made of.

    A stage is such a module, with the normalization, activation and dropout behind it. Of more
    than twelve, those of one class that stand side by side become one stage. A module that is
    called again stands there again.
    """
    children = first_level(model)
    found: list[list[Layer]] = []
    for layer in layers(model, (1, *shape), depth=1):
        if found and isinstance(children[layer.name], FOLDED):
            found[-1].append(layer)
        else:
            found.append([layer])
    if len(found) > MOST_STAGES:
        found = [
            [layer for part in run for layer in part]
            for _, run in groupby(found, key=lambda part: part[0].kind)
        ]
    return found


def stage_of(part: list[Layer], children: dict[str, nn.Module]) -> dict[str, Any]:
    """What is said of one stage, in the modules of the first level that it is made of."""
    own = [layer for layer in part if not isinstance(children[layer.name], FOLDED)] or part[:1]
    return {
        "name": _joined([layer.name for layer in own]),
        "kind": _counted([describe(children[layer.name]) for layer in own]),
        "output": list(own[-1].shape),
        "parameters": sum(layer.parameters for layer in part),
        "macs": sum(layer.macs for layer in part),
    }


def _joined(names: list[str]) -> str:
    """One name for modules in a row: inception4a ... inception4e -> inception4a-e."""
    first, last = names[0], names[-1]
    if first == last:
        return first
    pairs = enumerate(zip(first, last, strict=False))
    same = next((at for at, (a, b) in pairs if a != b), min(len(first), len(last)))
    if (first[same:] + last[same:])[0].isdigit():  # no number is cut in two
        same = len(first[:same].rstrip("0123456789"))
    return f"{first}-{last[same:]}"


def _counted(kinds: list[str]) -> str:
    runs = [(kind, len(list(run))) for kind, run in groupby(kinds)]
    return ", ".join(f"{count} x {kind}" if count > 1 else kind for kind, count in runs)


def describe(module: nn.Module) -> str:
    """What a module is, in a few words: conv 3x3, 2 x conv 3x3, max pool 2x2, 3 x BasicBlock."""
    if isinstance(module, nn.Conv2d):
        stride = f", stride {max(module.stride)}" if max(module.stride) > 1 else ""
        groups = f", {module.groups} groups" if module.groups > 1 else ""
        return f"conv {_times(module.kernel_size)}{stride}{groups}"
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        kind = "max" if isinstance(module, nn.MaxPool2d) else "average"
        stride = f", stride {module.stride}" if module.stride != module.kernel_size else ""
        return f"{kind} pool {_times(module.kernel_size)}{stride}"
    if isinstance(module, nn.AdaptiveAvgPool2d):
        return "global average" if module.output_size in (1, (1, 1)) else "average pool"
    if isinstance(module, nn.Linear):
        return "fully connected"
    inside = [each for each in module.children() if not isinstance(each, FOLDED)]
    if isinstance(module, nn.Sequential) and inside:
        return _counted([describe(each) for each in inside])
    if len(inside) == 1 and not list(inside[0].children()):
        return describe(inside[0])  # a convolution with its norm and activation
    return type(module).__name__


def _times(size: int | tuple[int, ...]) -> str:
    sizes = (size, size) if isinstance(size, int) else size
    return "x".join(map(str, sizes))
