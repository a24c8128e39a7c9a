"""Read a network: torch.fx follows one input through it, and every operation is noted.

Normalization, activation, dropout and flattening are folded into the operation that they follow.
What is not known here raises an error, so that no figure is silently wrong.
"""

import copy
import operator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from ..errors import UserError
from ..measure import module_macs

NORMS = {
    "batchnorm1d": "batch norm",
    "batchnorm2d": "batch norm",
    "groupnorm": "group norm",
    "layernorm": "layer norm",
    "localresponsenorm": "local response norm",
}
ACTIVATIONS = {
    "elu": "ELU",
    "gelu": "GELU",
    "hardswish": "hard swish",
    "leakyrelu": "leaky ReLU",
    "logsoftmax": "log softmax",
    "prelu": "PReLU",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "sigmoid": "sigmoid",
    "silu": "SiLU",
    "softmax": "softmax",
    "tanh": "tanh",
}
UNSEEN = {"contiguous", "dropout", "dropout2d", "flatten", "identity", "reshape", "view"}
POOLS = {nn.MaxPool2d: "max pool", nn.AvgPool2d: "average pool"}
POOL_FUNCTIONS = {F.max_pool2d: "max pool", F.avg_pool2d: "average pool"}
ADAPTIVE = (nn.AdaptiveAvgPool2d, F.adaptive_avg_pool2d)
SUMS = (operator.add, operator.iadd, torch.add)


@dataclass
class Op:
    """One operation of a network, with what is folded into it."""

    id: str  # of its node in the graph
    kind: str  # input, conv, pool, fc, concat, add, or a kind without weights: norm, activation ...
    label: str  # what it is called in a figure
    path: str  # of its module, or of the module in whose `forward` it stands
    shape: tuple[int, ...]  # of its output, without the batch
    inputs: list[str]  # ids of the operations that it reads
    kernel: tuple[int, ...] = ()
    stride: int = 1
    parameters: int = 0
    macs: int = 0
    folded: list[str] = field(default_factory=list)  # norms and activations, in their order

    @property
    def channels(self) -> int:
        return self.shape[0]

    @property
    def side(self) -> int:
        """The larger side of its maps; 1 for a vector."""
        return max(self.shape[1:], default=1)

    @property
    def stage(self) -> str:
        """The part of the network that it belongs to: the first level of modules."""
        return self.path.split(".")[0]


def read(model: nn.Module, shape: tuple[int, ...]) -> list[Op]:
    """The operations of a network in eval mode, in the order of the forward pass.

    Nothing is computed: shapes are found on the meta device, on a copy.

    Args:
        model: the network.
        shape: of one input, (C, H, W).

    Raises:
        UserError: the network does not take this shape, branches on values, has an operation that
            is not known here, or parameters that take no part.
    """
    ghost = copy.deepcopy(model).to("meta").eval()
    graph = _run(ghost, shape)
    ops: dict[str, Op] = {}
    maker: dict[str, str] = {}  # node -> the operation whose output it carries
    for node in graph.graph.nodes:
        if node.op == "output" or not isinstance(node.meta.get("output"), Tensor):
            continue
        sources = [maker[each.name] for each in node.all_input_nodes if each.name in maker]
        if not sources and node.op != "placeholder":
            raise UserError(
                f"cannot draw what {node.name} reads: lab.figures follows tensors only, not the "
                "parts of a chunk or split, nor a weight used directly"
            )
        op = _understand(node, graph, sources, ops)
        if op is not None:
            ops[op.id] = op
        maker[node.name] = op.id if op else sources[0]
    _check_parameters(ghost, graph, list(ops.values()))
    return list(ops.values())


def _run(model: nn.Module, shape: tuple[int, ...]) -> fx.GraphModule:
    """Trace a network, and leave the output of every node in its `meta`."""

    class Recorder(fx.Interpreter):
        def run_node(self, node: fx.Node) -> Any:
            node.meta["output"] = output = super().run_node(node)
            return output

    try:
        graph = fx.symbolic_trace(model)
    except Exception as error:  # whatever the network's own code raises on a stand-in
        raise UserError(f"torch.fx cannot trace {type(model).__name__}: {_line(error)}") from error
    try:
        with torch.no_grad():
            Recorder(graph).run(torch.empty((1, *shape), device="meta"))
    except Exception as error:
        side = " x ".join(map(str, shape))
        name = type(model).__name__
        raise UserError(f"{name} does not take an input of {side}: {_line(error)}") from error
    return graph


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _understand(
    node: fx.Node, graph: fx.GraphModule, sources: list[str], ops: dict[str, Op]
) -> Op | None:
    """The operation of a node; None where it is folded into its source."""
    module = graph.get_submodule(str(node.target)) if node.op == "call_module" else None
    output: Tensor = node.meta["output"]
    what: Any = type(module) if module else node.target
    name = (what if isinstance(what, str) else getattr(what, "__name__", str(what))).lower()
    name = name.replace("_", "")

    def op(kind: str, label: str, **more: Any) -> Op:
        shape = tuple(output.shape[1:])
        return Op(node.name, kind, label, _path(node), shape, sources, **more)

    def weighted(kind: str, label: str, **more: Any) -> Op:
        assert module is not None
        macs = module_macs(module, output)
        return op(kind, label, parameters=_count(module), macs=macs, **more)

    if node.op == "placeholder":
        return op("input", "input")
    if isinstance(module, nn.Conv2d):
        kernel, stride = module.kernel_size, max(module.stride)
        read_side = ops[sources[0]].shape[1:]
        if tuple(kernel) == read_side and output.shape[2:].numel() == 1:
            # Each of its filters has one place to be: it is a fully connected layer.
            return weighted("fc", "fully connected", kernel=kernel)
        return weighted("conv", f"conv {times(kernel)}", kernel=kernel, stride=stride)
    if isinstance(module, nn.Linear):
        return weighted("fc", "fully connected")
    if what in ADAPTIVE or (name == "mean" and output[0].numel() == output.shape[1]):
        if output.shape == _shape_read(node):
            return None
        whole = output.shape[2:].numel() == 1
        return op("pool", "global average" if whole else "average pool")
    if what in POOLS:
        kernel, stride = _pair(module.kernel_size), max(_pair(module.stride))  # type: ignore
        return op("pool", f"{POOLS[what]} {times(kernel)}", kernel=kernel, stride=stride)
    if what in POOL_FUNCTIONS:
        given = dict(zip(("input", "kernel_size", "stride"), node.args, strict=False)) | node.kwargs
        kernel = _pair(given["kernel_size"])
        stride = max(_pair(given.get("stride") or kernel))
        return op("pool", f"{POOL_FUNCTIONS[what]} {times(kernel)}", kernel=kernel, stride=stride)
    if what in (torch.cat, torch.concat):
        return op("concat", "concat")
    if what in SUMS and len(sources) > 1:
        return op("add", "add")
    if what is operator.getitem:
        return op("slice", "subsample")
    if what is F.pad:
        return op("pad", "add zeros")
    if name in NORMS or name in ACTIVATIONS:
        label, kind = (NORMS | ACTIVATIONS)[name], "norm" if name in NORMS else "activation"
        if len(node.all_input_nodes[0].users) > 1:  # others read what comes before it
            return op(kind, label, parameters=_count(module) if module else 0)
        ops[sources[0]].folded.append(label)
        ops[sources[0]].parameters += _count(module) if module else 0
        return None
    if name in UNSEEN and output[0].numel() == _shape_read(node)[1:].numel():
        return None
    where = f" at {node.target}" if module else ""
    shown = type(module).__name__ if module else getattr(node.target, "__name__", node.target)
    raise UserError(
        f"cannot draw {shown}{where}: lab.figures does not know this operation; "
        "teach it in code/lab/figures/trace.py"
    )


def _path(node: fx.Node) -> str:
    if node.op == "call_module":
        return str(node.target)
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return str(stack[-1][0]) if stack else ""


def _shape_read(node: fx.Node) -> torch.Size:
    return node.all_input_nodes[0].meta["output"].shape


def _pair(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def _count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def _check_parameters(model: nn.Module, graph: fx.GraphModule, ops: list[Op]) -> None:
    """A figure that speaks of parameters must have found them all."""
    used = {str(node.target) for node in graph.graph.nodes if node.op == "call_module"}
    for name, weight in model.named_parameters():
        if name.rpartition(".")[0] not in used and weight.numel():
            raise UserError(
                f"{name} takes no part in the forward pass in eval mode, so its parameters would "
                "be missing: build the network without it"
            )
    found, all_ = sum(op.parameters for op in ops), _count(model)
    if found != all_:
        raise UserError(
            f"{type(model).__name__} has {all_:,} parameters, its operations {found:,}: "
            "a module that is used twice cannot be drawn"
        )


SIGN = "\N{MULTIPLICATION SIGN}"


def times(sizes: tuple[int, ...]) -> str:
    """The sizes of a kernel with the sign between them: 3x3."""
    return SIGN.join(map(str, sizes))


def spaced(shape: tuple[int, ...]) -> str:
    """A shape with the sign and spaces between: 64 x 56 x 56."""
    return f" {SIGN} ".join(map(str, shape))


def short(count: float) -> str:
    """A count in thousands (k), millions (M) or billions (G)."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count:g}"


def tell(op: Op) -> str:
    """All that there is to say of an operation, in one line."""
    maps = "units" if op.side == 1 and op.kind == "fc" else "channels"
    words = [op.label]
    if op.stride > 1:
        words.append(f"stride {op.stride}")
    if op.kind != "input":
        words.append(f"{op.channels} {maps}")
    words += op.folded
    numbers = [spaced(op.shape)]
    if op.parameters:
        numbers.append(f"{op.parameters:,} parameters")
    if op.macs:
        numbers.append(f"{short(op.macs)} multiply-accumulates")
    return f"{', '.join(words)}: {', '.join(numbers)}"
