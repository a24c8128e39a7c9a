"""What a network costs, read off the network itself: shapes, parameters, multiply-accumulates."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .errors import UserError

LISTS = (nn.ModuleList, nn.ModuleDict)  # they hold modules, and are never called


@dataclass(frozen=True)
class Layer:
    """One module of a network, in the order of the forward pass."""

    name: str
    kind: str
    shape: tuple[int, ...]  # of its output, without the batch
    parameters: int
    macs: int  # multiply-accumulates for one image


def layers(model: nn.Module, shape: tuple[int, ...], depth: int = 0) -> list[Layer]:
    """The layers of a network, measured by passing one input of `shape` (1, C, H, W) through it.

    Nothing is computed: the pass runs on the meta device, on a copy. A multiply-accumulate is one
    product of a convolution or a fully connected layer; biases, pooling, normalization and
    activations, which have one operation or a few for each output, are not counted.

    Args:
        depth: how many levels of modules to tell apart; a module at this level is one layer, with
            the costs of all in it. A list of modules is no level: its members are where it is.
            0: every level, down to the modules that contain no other.

    Raises `UserError`: it is no network, as where a function forgot to return it.
    """
    if not isinstance(model, nn.Module):
        raise UserError(f"expected a network to measure, not {model!r}: return an nn.Module")
    ghost = copy.deepcopy(model).to("meta").eval()
    found: list[Layer] = []

    def measure(name: str, module: nn.Module) -> None:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            inside = [layer for layer in found if layer.name.startswith(f"{name}.")]
            found[:] = [layer for layer in found if layer not in inside]
            found.append(
                Layer(
                    name=name,
                    kind=type(module).__name__,
                    shape=tuple(output.shape[1:]),
                    parameters=count_parameters(module),
                    macs=module_macs(module, output) + sum(layer.macs for layer in inside),
                )
            )

        module.register_forward_hook(hook)

    for name, module in ghost.named_modules():
        if not list(module.children()) or (name and _level(ghost, name) == depth):
            measure(name, module)
    with torch.no_grad():
        ghost(torch.empty(shape, device="meta"))
    return found


def first_level(model: nn.Module) -> dict[str, nn.Module]:
    """The modules that a network calls itself, by name: in place of a list its members."""
    return {
        name: module
        for name, module in model.named_modules()
        if name and _level(model, name) == 1 and not isinstance(module, LISTS)
    }


def _level(model: nn.Module, name: str) -> int:
    """How deep a module lies in a network, lists of modules around it not counted."""
    parts = name.split(".")
    around = (".".join(parts[:end]) for end in range(1, len(parts)))
    return len(parts) - sum(isinstance(model.get_submodule(each), LISTS) for each in around)


def module_macs(module: nn.Module, output: Tensor) -> int:
    """Multiply-accumulates of one module, without those inside it, for one of its outputs."""
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


def layer_table(model: nn.Module, shape: tuple[int, ...], depth: int = 0) -> str:
    """The layers of a network as a text table: output shape, parameters, multiply-accumulates.

    Arguments as for `layers`.
    """
    rows = [("layer", "", "output", "parameters", "MACs")]
    measured = layers(model, shape, depth)
    for layer in measured:
        side = " x ".join(map(str, layer.shape))
        rows.append((layer.name, layer.kind, side, f"{layer.parameters:,}", f"{layer.macs:,}"))
    macs = sum(layer.macs for layer in measured)
    rows.append(("total", "", "", f"{count_parameters(model):,}", f"{macs:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = []
    for row in rows:
        left = "  ".join(row[column].ljust(widths[column]) for column in range(3))
        right = "  ".join(row[column].rjust(widths[column]) for column in (3, 4))
        lines.append(f"{left}  {right}".rstrip())
    return "\n".join(lines)
