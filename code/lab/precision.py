"""The number format of the forward pass: the fastest that the hardware computes right."""

from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from .errors import UserError
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
    """Options that name the number format, the same on every machine: none that is wrong on one.

    Args:
        options: whose "auto" is to be settled.
        model: the network, on the CPU.
        device: where it will be trained.
        shape: of an image, (C, H, W).

    Raises `UserError` where the format that was asked for spoils the gradients of this network.
    """
    names, name = list(FORMATS), pick_precision(options.precision, device)
    wrong = None
    if device.type == "cpu" and name != "fp32":
        wrong = wrong_layer(model, shape, FORMATS[name], memory_format(options))
    # The later in the list, the safer.
    agreed = names[int(idist.all_reduce(names.index("fp32" if wrong else name), "MAX"))]
    laid = " and --channels-last" if options.channels_last else ""
    reason = f"with {name}{laid} PyTorch gets the gradient of {wrong or 'a layer'} wrong here"
    if options.precision not in ("auto", agreed):
        raise UserError(f"--precision {name}: {reason}; take --precision fp32")
    if wrong and idist.get_rank() == 0:
        print(f"--precision {agreed}: {reason}")
    return replace(options, precision=agreed)


def _is_real(each: object) -> bool:
    return isinstance(each, Tensor) and each.is_floating_point()  # then it may have a gradient


def wrong_layer(
    model: nn.Module, shape: tuple[int, ...], kind: torch.dtype, layout: torch.memory_format
) -> str | None:
    """The first layer whose step in half precision is not that in fp32, but for rounding.

    Each layer is tried by itself, on the CPU, with a random gradient of its output: through a whole
    network rounding adds up, and right gradients of a deep one differ as much as wrong ones.
    """
    found: list[str] = []

    def step(layer: nn.Module, arguments: Any, half: bool) -> Any:
        """The gradients of the arguments and of the weights, as far as they have any."""
        total = torch.zeros((), requires_grad=True)
        with torch.enable_grad(), torch.autocast("cpu", kind, half, cache_enabled=False):
            own = tree_map_only(_is_real, lambda e: e.detach().float().requires_grad_(), arguments)
            computed = [e.requires_grad_() for e in vars(layer).values() if _is_real(e)]  # by hooks
            every = [total, *tree_leaves(own), *layer.parameters(), *computed]
            inputs, named = tree_map_only(_is_real, Tensor.clone, own)  # it may change them
            for result in filter(_is_real, tree_leaves(layer.forward(*inputs, **named))):
                torch.manual_seed(0)
                total = total + (result * torch.randn_like(result, dtype=torch.float32)).sum()
            leaves = [each for each in every if _is_real(each) and each.requires_grad]
            return torch.autograd.grad(total, leaves, materialize_grads=True)

    def compare(name: str, layer: nn.Module, inputs: Any, named: Any, output: Any) -> None:
        halves = (step(layer, (inputs, named), half) for half in (True, False))
        for own, right in zip(*halves, strict=True):
            if not (own - right).norm() <= TOLERANCE * right.norm():  # it may be no number
                found.append(name)

    twin = copied(model, "cpu").to(memory_format=layout).train()
    for name, layer in twin.named_modules():
        inside = {child for child, _ in layer.named_children()} - {"parametrizations"}
        if not inside and any(each.ndim > 1 for each in layer.parameters()):
            # Without what is random in it, and what changes at each step.
            layer.eval().register_forward_hook(partial(compare, name), with_kwargs=True)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        images = torch.randn(IMAGES, *shape).contiguous(memory_format=layout)
        with torch.autocast("cpu", kind, cache_enabled=False):
            twin(images)
    return found[0] if found else None
