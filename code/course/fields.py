"""How large a part of the image one value of a network sees."""

from __future__ import annotations

import operator
from collections.abc import Iterable

from torch import fx, nn
from torch.fx.proxy import TraceError

from lab.measure import copied

WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)  # what looks at several pixels at once


def receptive_field(model: nn.Module) -> int:
    """The side in pixels of what one value of the last maps depends on.

    What pools over whole maps is not counted, since everything behind it sees the whole image. An
    image can be smaller than the result: the rest of it is padding.

    Raises:
        TraceError: it has none that could be read off, for it branches on values or has attention.
    """
    ghost = copied(model, "meta").eval()
    nodes = fx.Tracer().trace(ghost).nodes
    return max(_side(ghost, nodes, dimension) for dimension in range(2))


def _side(model: nn.Module, nodes: Iterable[fx.Node], dimension: int) -> int:
    """Of height or width alone: a flat kernel sees more in one of them."""
    seen: dict[fx.Node, tuple[int, int]] = {}  # the field of a value, and how far its neighbor's is
    for node in nodes:
        if node.target is operator.matmul:
            raise TraceError("attention lets every value see all others")
        before = [seen[each] for each in node.all_input_nodes] or [(1, 1)]
        field, jump = (max(each) for each in zip(*before, strict=True))  # of all ways the widest
        module = model.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, WINDOWS):
            kernel, stride, dilation = (
                value[dimension] if isinstance(value, tuple) else value
                for value in (module.kernel_size, module.stride, getattr(module, "dilation", 1))
            )
            field, jump = field + dilation * (kernel - 1) * jump, jump * stride
        seen[node] = field, jump
    return max(field for field, _ in seen.values())
