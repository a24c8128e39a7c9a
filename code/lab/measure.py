"""What a network costs, read off the network itself: shapes, parameters, multiply-accumulates."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parameter import is_lazy
from torch.nn.utils.parametrize import type_before_parametrizations
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from .errors import UserError

LISTS = (nn.ModuleList, nn.ModuleDict)  # they hold modules, and are never called


@dataclass(frozen=True)
class Layer:
    """One module of a network, in the order of the forward pass."""

    name: str
    kind: str
    shape: tuple[int, ...]  # of its output, or the first of several, without the batch
    parameters: int
    macs: int  # multiply-accumulates for one image


def layers(model: nn.Module, shape: tuple[int, ...], depth: int = 0) -> list[Layer]:
    """The layers of a network, measured by passing one input of `shape` (1, C, H, W) through it.

    It is passed through a copy on the meta device, which computes nothing, or, where that fails, as
    at an `assert` on values, on the CPU. A multiply-accumulate is one product of a convolution, a
    fully connected layer or two matrices, as in attention; biases, pooling, normalization and
    activations, which have one operation or a few for each output, are not counted. PyTorch counts
    (`torch.utils.flop_counter`): two FLOPs are one of them.

    Args:
        depth: how many levels of modules to tell apart; a module at this level is one layer, with
            the costs of all in it. A list of modules is no level: its members are where it is.
            0: every level, down to the modules that contain no other.

    Raises `UserError`: it is no network, as where a function forgot to return it, or it is lazy.
    """
    return _measure(model, shape, depth)[0]


@sdpa_kernel(SDPBackend.MATH)
def _measure(
    model: nn.Module, shape: tuple[int, ...], depth: int = 0, device: str = "meta"
) -> tuple[list[Layer], int]:
    """The layers of a network, and the multiply-accumulates of it all; "cpu" is its second try."""
    if not isinstance(model, nn.Module):
        raise UserError(f"expected a network to measure, not {model!r}: return an nn.Module")
    if any(map(is_lazy, (*model.parameters(), *model.buffers()))):
        raise UserError("its layers are lazy: pass images through it first, so that they are made")
    shared = (*model.parameters(), *model.buffers()) if device == "meta" else ()
    ghost, work = copied(model, device, shared).eval(), FlopCounterMode(display=False)
    if device == "meta":
        without_pointwise_work(ghost)
    found: list[Layer] = []

    def watch(name: str, module: nn.Module) -> None:
        before = 0

        def enter(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            nonlocal before
            before = work.get_total_flops()

        def leave(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
            found[:] = [layer for layer in found if not layer.name.startswith(f"{name}.")]
            kind = type_before_parametrizations(module).__name__
            costs = count_parameters(module), (work.get_total_flops() - before) // 2
            found.append(Layer(name, kind, tuple(first_tensor(output).shape[1:]), *costs))

        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)

    for name, module in ghost.named_modules():
        inside = {child for child, _ in module.named_children()} - {"parametrizations"}
        if not inside or (name and _level(ghost, name) == depth):
            watch(name, module)
    # The counter sees no fused kernels, of oneDNN or of attention where nobody asks for gradients.
    fused = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
    try:
        with torch.set_grad_enabled(device == "cpu"), torch.random.fork_rng([]), work:
            images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
            ghost(images.to(device).requires_grad_().clone())
        return found, int(work.get_total_flops()) // 2
    except Exception:  # where it looks at values, or lacks an operator, on meta
        if device == "cpu" or any(weight.is_meta for weight in model.parameters()):
            raise
    finally:
        torch.backends.mkldnn.enabled = fused
    return _measure(model, shape, depth, "cpu")


def first_tensor(output: Any) -> Tensor:
    """The tensor that a layer gives, or the first of several, as of an LSTM."""
    return next(filter(torch.is_tensor, tree_leaves(output)), torch.empty(0))


def copied(model: nn.Module, device: str, shared: Iterable[Tensor] = ()) -> nn.Module:
    """A deep copy on a device; `shared` need not be copied to be moved there."""
    values = (each for module in model.modules() for each in vars(module).values())
    # PyTorch copies no weight that hooks compute, and moves no tensor that is not registered.
    plain = {id(one): one.detach().clone().to(device) for one in values if isinstance(one, Tensor)}
    return copy.deepcopy(model, plain | {id(each): each for each in shared}).to(device)


def without_pointwise_work(ghost: nn.Module) -> nn.Module:
    """Let layers of a network on the meta device that keep the shape return what they get.

    PyTorch takes long there to find that the shape stays the same.
    """
    for layer in ghost.modules():
        if type(layer) in (nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.GELU):
            channels = getattr(layer, "num_features", 0)
            vars(layer)["forward"] = partial(_pass_on, layer.forward, channels)
    return ghost


def _pass_on(forward: Callable[[Any], Tensor], channels: int, input: Any) -> Tensor:
    """The input, or what PyTorch says is wrong with it."""
    fits = isinstance(input, Tensor) and (not channels or input.shape[1:-2] == (channels,))
    return input if fits else forward(input)


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


def count_parameters(model: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def count_macs(model: nn.Module, shape: tuple[int, ...]) -> int:
    """Multiply-accumulates for one input of `shape` (1, C, H, W), as `layers` counts them."""
    return _measure(model, shape)[1]


def layer_table(model: nn.Module, shape: tuple[int, ...], depth: int = 0) -> str:
    """The layers as a text table: output shape, parameters, MACs. Arguments as for `layers`."""
    rows = [("layer", "", "output", "parameters", "MACs")]
    found, macs = _measure(model, shape, depth)
    for layer in found:
        side = " x ".join(map(str, layer.shape))
        rows.append((layer.name, layer.kind, side, f"{layer.parameters:,}", f"{layer.macs:,}"))
    # Some of it may be in no layer of its own.
    rows.append(("total", "", "", f"{count_parameters(model):,}", f"{macs:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    form = "  ".join(f"{{:{side}{width}}}" for side, width in zip("<<<>>", widths, strict=True))
    return "\n".join(form.format(*row).rstrip() for row in rows)
