"""What a network costs, read off the network itself: shapes, parameters, multiply-accumulates."""

import copy
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Layer:
    """One leaf module of a network, in the order of the forward pass."""

    name: str
    kind: str
    shape: tuple[int, ...]  # of its output, without the batch
    parameters: int
    macs: int  # multiply-accumulates for one image


def layers(model: nn.Module, shape: tuple[int, ...]) -> list[Layer]:
    """The layers of a network, measured by passing one input of `shape` (1, C, H, W) through it.

    Nothing is computed: the pass runs on the meta device, on a copy. A multiply-accumulate is one
    product of a convolution or a fully connected layer; biases, pooling, normalisation and
    activations, which have one operation or a few for each output, are not counted.
    """
    ghost = copy.deepcopy(model).to("meta").eval()
    found: list[Layer] = []

    def measure(name: str, module: nn.Module) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found.append(
                Layer(
                    name=name,
                    kind=type(module).__name__,
                    shape=tuple(output.shape[1:]),
                    parameters=count_parameters(module),
                    macs=_macs(module, output),
                )
            )

        return module.register_forward_hook(hook)

    for name, module in ghost.named_modules():
        if not list(module.children()):
            measure(name, module)
    with torch.no_grad():
        ghost(torch.empty(shape, device="meta"))
    return found


def _macs(module: nn.Module, output: Tensor) -> int:
    if isinstance(module, nn.Conv2d):
        return output[0].numel() * module.weight[0].numel()
    if isinstance(module, nn.Linear):
        return output[0].numel() * module.in_features
    return 0


def count_parameters(model: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def count_macs(model: nn.Module, shape: tuple[int, ...]) -> int:
    """Multiply-accumulates for one input of `shape` (1, C, H, W)."""
    return sum(layer.macs for layer in layers(model, shape))


def _summed(model: nn.Module, measured: list[Layer], depth: int) -> list[Layer]:
    """One row for all the layers in a row that lie in one module at this depth."""

    def module(layer: Layer) -> str:
        return ".".join(layer.name.split(".")[:depth])

    rows = []
    for name, group in groupby(measured, module):
        parts = list(group)
        rows.append(
            Layer(
                name=name,
                kind=type(model.get_submodule(name)).__name__,
                shape=parts[-1].shape,
                parameters=sum({part.name: part.parameters for part in parts}.values()),
                macs=sum(part.macs for part in parts),
            )
        )
    return rows


def layer_table(model: nn.Module, shape: tuple[int, ...], depth: int = 0) -> str:
    """The layers of a network as a text table: output shape, parameters, multiply-accumulates.

    Args:
        model: the network.
        shape: of its input, (1, C, H, W).
        depth: how many levels of modules to show; what lies deeper is summed. 0: all.
    """
    rows = [("layer", "", "output", "parameters", "MACs")]
    measured = layers(model, shape)
    if depth:
        measured = _summed(model, measured, depth)
    for layer in measured:
        side = " x ".join(str(size) for size in layer.shape)
        numbers = (f"{layer.parameters:,}", f"{layer.macs:,}")
        rows.append((layer.name, layer.kind, side, *numbers))
    total = (count_parameters(model), sum(layer.macs for layer in measured))
    rows.append(("total", "", "", f"{total[0]:,}", f"{total[1]:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = []
    for row in rows:
        left = "  ".join(row[column].ljust(widths[column]) for column in range(3))
        right = "  ".join(row[column].rjust(widths[column]) for column in (3, 4))
        lines.append(f"{left}  {right}".rstrip())
    return "\n".join(lines)
