"""The number format of the forward pass: the fastest that the hardware computes right."""

from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_leaves, tree_map_only

from .errors import UserError, first_line
from .measure import copied
from .recipe import Options

FORMATS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
NAMES = {str(kind).removeprefix("torch."): name for name, kind in FORMATS.items()}
IMAGES = 4  # in the step that is tried
TOLERANCE = 0.1  # of a gradient; rounding to bf16 changes 0.003 of it, a wrong one is off by 1


def pick_precision(name: str, device: torch.device) -> str:
    """The number format that a name stands for; "auto" is half precision where it is fast.

    On a CPU without instructions for it, bf16 takes two to four times as long as fp32.
    """
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "bf16" if device.type == "cpu" and has_bf16() else "fp32"


@cache
def has_bf16() -> bool:
    """Whether the CPU has instructions for bf16, as far as Linux says; elsewhere no."""
    with suppress(OSError):
        return not {"avx512_bf16", "amx_bf16"}.isdisjoint(
            Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
        )
    return False


def memory_format(options: Options) -> torch.memory_format:
    return torch.channels_last if options.channels_last else torch.contiguous_format


def settle(
    options: Options, model: nn.Module, device: torch.device, shape: tuple[int, ...]
) -> Options:
    """Options whose layout the network takes, and whose format is right, the same on every machine.

    Args:
        options: whose layout and "auto" are to be settled.
        model: the network, on the CPU.
        device: where it will be trained.
        shape: of an image, (C, H, W).

    Lazy layers are made. Raises `UserError` where the format that was asked for does not do.
    """
    if any(map(is_lazy, (*model.parameters(), *model.buffers()))):
        with torch.no_grad():
            model.eval()(torch.zeros(1, *shape))
    fault = refusal(model, shape, torch.channels_last) if options.channels_last else ""
    flat = fault and not refusal(model, shape, torch.contiguous_format)
    if idist.all_reduce(int(bool(flat)), "MAX"):
        options = replace(options, channels_last=False)
        if idist.get_rank() == 0:
            why = fault or "elsewhere"
            print(f"--no-channels-last: the network takes no images in memory as NHWC ({why})")
    names, name = list(FORMATS), pick_precision(options.precision, device)
    wrong = ""
    if device.type == "cpu" and name != "fp32":
        try:
            layer = wrong_layer(model, shape, FORMATS[name], memory_format(options))
            wrong = f"PyTorch gets the gradient of {layer} wrong here" if layer else ""
        except Exception as error:  # of its own code: of the format, where it takes fp32
            if not refusal(model, shape, memory_format(options)):
                wrong = f"the network fails ({first_line(error)})"
    # The later in the list, the safer.
    agreed = names[int(idist.all_reduce(names.index("fp32" if wrong else name), "MAX"))]
    laid = " and --channels-last" if options.channels_last else ""
    reason = f"with {name}{laid} {wrong or 'PyTorch gets the gradient of a layer wrong here'}"
    if options.precision not in ("auto", agreed):
        raise UserError(f"--precision {name}: {reason}; take --precision fp32")
    if wrong and idist.get_rank() == 0:
        print(f"--precision {agreed}: {reason}")
    return replace(options, precision=agreed)


def refusal(model: nn.Module, shape: tuple[int, ...], layout: torch.memory_format) -> str:
    """In a line, why a network takes no images of `shape` (C, H, W) in train mode, or nothing."""
    try:
        twin = copied(model, "cpu").to(memory_format=layout).train()
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            twin(torch.rand(IMAGES, *shape).contiguous(memory_format=layout))
    except Exception as error:  # whatever its own code raises
        return first_line(error)
    return ""


def _is_real(each: object) -> bool:
    return isinstance(each, Tensor) and each.is_floating_point()  # then it may have a gradient


def wrong_layer(
    model: nn.Module, shape: tuple[int, ...], kind: torch.dtype, layout: torch.memory_format
) -> str | None:
    """The first layer whose step in half precision is not that in fp32, but for rounding.

    Each layer without children that have weights is tried by itself, in eval mode, on the CPU, with
    a random gradient: in a deep network, rounding adds up to as much as a fault. It may raise.
    """
    found: list[str] = []

    def step(layer: nn.Module, arguments: Any, half: bool) -> Any:
        """The gradients of the arguments and of the weights, as far as they have any."""
        total = torch.zeros((), requires_grad=True)
        torch.manual_seed(0)
        with torch.enable_grad(), torch.autocast("cpu", kind, half, cache_enabled=False):
            own = tree_map_only(_is_real, lambda e: e.detach().float().requires_grad_(), arguments)
            weight = vars(layer).get("weight")  # no parameter, then, but what a hook computes
            computed = [weight.requires_grad_()] if isinstance(weight, Tensor) else []
            every = [total, *tree_leaves(own), *layer.parameters(), *computed]
            inputs, named = tree_map_only(_is_real, Tensor.clone, own)  # it may change them
            for result in filter(_is_real, tree_leaves(layer.forward(*inputs, **named))):
                seed = torch.empty_like(result, dtype=torch.float).copy_(torch.randn(result.shape))
                total = total + (result * seed).sum()
            leaves = [each for each in every if _is_real(each) and each.requires_grad]
            return torch.autograd.grad(total, leaves, materialize_grads=True)

    def compare(name: str, layer: nn.Module, inputs: Any, named: Any, output: Any) -> None:
        layer.eval()  # without what is random in it, and what changes at each step
        halves = (step(layer, (inputs, named), half) for half in (True, False))
        for own, right in zip(*halves, strict=True):
            if not (own - right).norm() <= TOLERANCE * right.norm():  # it may be no number
                found.append(name)
        layer.train()

    twin = copied(model, "cpu").to(memory_format=layout).train()
    for name, layer in twin.named_modules():
        inside = (child for own, child in layer.named_children() if own != "parametrizations")
        if any(each.ndim > 1 for each in layer.parameters()) and not any(
            list(child.parameters()) for child in inside
        ):
            layer.register_forward_hook(partial(compare, name), with_kwargs=True)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        images = torch.randn(IMAGES, *shape).contiguous(memory_format=layout)
        with torch.autocast("cpu", kind, cache_enabled=False):
            twin(images)
    return found[0] if found else None
