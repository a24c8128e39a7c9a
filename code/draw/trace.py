"""Read a network: torch.fx follows one input through it, and every operation is noted.

Normalization, activation, dropout and flattening are folded into the operation that they follow.
What is not known here raises an error, so that no figure is silently wrong, or becomes a box that
says so.
"""

import math
import operator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from lab.errors import UserError
from lab.measure import copied

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
    "hardsigmoid": "hard sigmoid",
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
DROPOUTS = {"alphadropout", "dropout", "dropout1d", "dropout2d", "stochasticdepth"}
RESHAPES = {"flatten", "reshape", "squeeze", "unflatten", "unsqueeze", "view"}
UNSEEN = {"contiguous", "identity"} | DROPOUTS | RESHAPES
TURNS = {"permute", "transpose"}
POOLS = {
    nn.MaxPool2d: "max pool",
    F.max_pool2d: "max pool",
    nn.AvgPool2d: "average pool",
    F.avg_pool2d: "average pool",
}
ADAPTIVE = (nn.AdaptiveAvgPool2d, F.adaptive_avg_pool2d)
SUMS = (operator.add, operator.iadd, torch.add)
PRODUCTS = (operator.mul, operator.imul, torch.mul)
CONCATS = (torch.cat, torch.concat)
HEADS = ("num_heads", "n_heads", "heads")  # what the modules of attention call their number
UNKNOWN = ("refuse", "box")


@dataclass
class Op:
    """One operation of a network, with what is folded into it."""

    id: str  # of its node in the graph
    kind: str  # input, conv, pool, fc, attention, concat, add, mul, norm, activation, unknown ...
    label: str  # what it is called in a figure
    path: str  # of its module, or of the module in whose `forward` it stands
    shape: tuple[int, ...]  # of its output, without the batch, channels first
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
        """The larger side of its maps; 1 for a vector; of a sequence that of a square as large."""
        maps = self.shape[1:]
        return math.isqrt(maps[0]) if len(maps) == 1 else max(maps, default=1)

    @property
    def stage(self) -> str:
        """The part of the network that it belongs to: the first level of modules."""
        return self.path.split(".")[0]


def read(model: nn.Module, shape: tuple[int, ...], unknown: str = "refuse") -> list[Op]:
    """The operations of a network in eval mode, in the order of the forward pass.

    Nothing is computed: shapes are found on the meta device, on a copy.

    Args:
        model: the network.
        shape: of one input, (C, H, W).
        unknown: what becomes of an operation that is not known here: "refuse" or "box".

    Raises:
        UserError: the network does not take this shape, branches on values, has an operation that
            is not known here, or parameters that take no part.
    """
    if unknown not in UNKNOWN:
        raise UserError(f"unknown must be {' or '.join(UNKNOWN)}, not {unknown}")
    ghost = copied(model, "meta").eval()
    graph = _run(ghost, shape)
    reader = _Reader(graph, unknown)
    for node in graph.graph.nodes:
        reader.note(node)
    ops = list(reader.ops.values())
    _check_parameters(ghost, graph, ops)
    return ops


class _Tracer(fx.Tracer):
    """Leaves attention whole: it branches on shapes, and is one operation in a figure."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return bool(_heads(m)) or super().is_leaf_module(m, module_qualified_name)


def _heads(module: nn.Module | None) -> int:
    """The number of heads of a module of attention; 0 for another, or one around attention."""
    if module is None or "attention" not in type(module).__name__.lower():
        return 0
    if any(map(_heads, module.children())):
        return 0
    found = (getattr(module, name, 0) for name in HEADS)
    return next((each for each in found if isinstance(each, int) and each), 0)


def _run(model: nn.Module, shape: tuple[int, ...]) -> fx.GraphModule:
    """Trace a network, and leave the output of every node and its work in its `meta`."""
    work = FlopCounterMode(display=False)

    class Recorder(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            before = work.get_total_flops()
            n.meta["output"] = output = super().run_node(n)
            n.meta["macs"] = (work.get_total_flops() - before) // 2
            return output

    try:
        graph = fx.GraphModule(model, _Tracer().trace(model))
    except Exception as error:  # whatever the network's own code raises on a stand-in
        raise UserError(f"torch.fx cannot trace {type(model).__name__}: {_line(error)}") from error
    _nest_concats(graph)
    try:
        with torch.no_grad(), work:
            Recorder(graph).run(torch.empty((1, *shape), device="meta"))
    except Exception as error:
        side = " x ".join(map(str, shape))
        name = type(model).__name__
        raise UserError(f"{name} does not take an input of {side}: {_line(error)}") from error
    return graph


def _nest_concats(graph: fx.GraphModule) -> None:
    """Let a concatenation that begins like the one before it read that one and the rest."""
    before: tuple[fx.Node, list[Any], Any] | None = None
    for node in graph.graph.nodes:
        if node.target not in CONCATS or not node.args or not isinstance(node.args[0], list):
            continue
        parts, how = list(node.args[0]), (node.args[1:], node.kwargs)
        if before and before[1] == parts[: len(before[1])] and before[2] == how:
            node.args = ([before[0], *parts[len(before[1]) :]], *node.args[1:])
        before = node, parts, how


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class _Reader:
    """Goes from node to node, and notes the operations and what is folded into them."""

    def __init__(self, graph: fx.GraphModule, unknown: str) -> None:
        self.graph, self.unknown = graph, unknown
        self.ops: dict[str, Op] = {}
        self.maker: dict[fx.Node, Op] = {}  # the operation whose output a node carries
        self.place: dict[fx.Node, int] = {}  # the dimension of the channels
        self.shared: set[fx.Node] = set()  # nodes that carry what others read, too
        self.weights: dict[fx.Node, dict[str, int]] = {}  # their sizes, where there is no data

    def note(self, node: fx.Node) -> None:
        output = _tensor(node)
        if node.op == "output" or output is None:
            return
        sources = [each for each in node.all_input_nodes if each in self.maker]
        direct = {
            name: count
            for each in node.all_input_nodes
            for name, count in self.weights.get(each, {}).items()
        }
        if not sources and node.op != "placeholder":
            own = {str(node.target): output.numel()} if isinstance(output, nn.Parameter) else {}
            self.weights[node] = direct | own
            return
        step = _Step(node, self, output, sources, direct)
        self.place[node] = step.place or 1
        op = next(filter(None, (look(step) for look in (_layer, _pool, _merge, _part))), None)
        folded = None if op else _fold(step)
        if folded and step.is_shared:  # others read what comes before it
            op = step.op(*folded, parameters=step.parameters)
        elif folded:
            self.maker[sources[0]].folded.append(folded[1])
            self.maker[sources[0]].parameters += step.parameters
        elif op is None and not _passes(step):
            op = self._unknown(step)
        elif op is None and step.is_shared:
            self.shared.add(node)
        if op:
            self.ops[op.id] = op
        self.maker[node] = op or self.maker[sources[0]]

    def _unknown(self, step: "_Step") -> Op:
        if self.unknown == "box":
            return step.weighted("unknown", step.shown)
        where = f" at {step.node.target}" if step.module else ""
        raise UserError(
            f"cannot draw {step.shown}{where}: draw does not know this operation; "
            "--unknown box draws it as a gray box, code/draw/trace.py is where to teach it"
        )


def _tensor(node: fx.Node) -> Tensor | None:
    """The output of a node, or the first of several."""
    output = node.meta.get("output")
    if isinstance(output, tuple | list):
        output = next(iter(output), None)
    return output if isinstance(output, Tensor) else None


class _Step:
    """A node with what there is to know before it is understood."""

    def __init__(
        self,
        node: fx.Node,
        reader: _Reader,
        output: Tensor,
        sources: list[fx.Node],
        weights: dict[str, int],
    ) -> None:
        self.node, self.output, self.sources, self.weights = node, output, sources, weights
        self.inputs = [reader.maker[each] for each in sources]
        module = reader.graph.get_submodule(str(node.target)) if node.op == "call_module" else None
        self.module = module
        self.what: Any = type(module) if module else node.target
        self.shown = str(getattr(self.what, "__name__", self.what))
        self.name = self.shown.lower().replace("_", "")
        self.parameters = (_count(module) if module else 0) + sum(weights.values())
        before = reader.place[sources[0]] if sources else 1
        read = _tensor(sources[0]) if sources else output
        assert read is not None  # only what gives a tensor is a source
        self.read = read
        self.is_shared = bool(sources) and (sources[0] in reader.shared or _readers(sources[0]) > 1)
        self.place = _place(self, before)  # the dimension of the channels; None: they are gone

    def op(self, kind: str, label: str, **more: Any) -> Op:
        shape = list(self.output.shape[1:])
        if self.place and shape:
            shape.insert(0, shape.pop(self.place - 1))
        sources = list(dict.fromkeys(each.id for each in self.inputs))
        return Op(self.node.name, kind, label, _path(self.node), tuple(shape), sources, **more)

    def weighted(self, kind: str, label: str, **more: Any) -> Op:
        macs = self.node.meta["macs"]
        return self.op(kind, label, parameters=self.parameters, macs=macs, **more)


def _readers(node: fx.Node) -> int:
    """How many nodes read the data of a node, and not only its shape."""
    return sum(_tensor(each) is not None or each.op == "output" for each in node.users)


def _place(step: _Step, before: int) -> int | None:
    """The dimension of the channels after a node; None where they are in none of their own."""
    size, last = step.output.dim(), step.read.dim() - 1
    if isinstance(step.module, nn.Linear) or _heads(step.module):
        return size - 1
    if isinstance(step.module, nn.Conv2d) or size <= 2 or last <= 1:
        return 1
    if step.name in TURNS:
        order = _order(step, size)
        return order.index(before) if order[0] == 0 else None
    place = size - 1 if before == last else min(before, size - 1)
    kept = step.name not in RESHAPES or step.output.shape[place] == step.read.shape[before]
    return place if kept else None


def _order(step: _Step, size: int) -> list[int]:
    """Where each dimension of the output of a permute or transpose comes from."""
    given = [*step.node.args[1:], *step.node.kwargs.values()]
    listed: Any = given[0] if isinstance(given[0], tuple | list) else given
    dims = [each % size for each in listed]
    if step.name == "permute":
        return dims
    order = list(range(size))
    order[dims[0]], order[dims[1]] = dims[1], dims[0]
    return order


def _layer(step: _Step) -> Op | None:
    """What has weights and does the work; and the input."""
    module, output = step.module, step.output
    if step.node.op == "placeholder":
        return step.op("input", "input")
    if isinstance(module, nn.Conv2d):
        kernel, stride = module.kernel_size, max(module.stride)
        read_side = step.inputs[0].shape[1:]
        if tuple(kernel) == read_side and output.shape[2:].numel() == 1:
            # Each of its filters has one place to be: it is a fully connected layer.
            return step.weighted("fc", "fully connected", kernel=kernel)
        name = "depthwise" if 1 < module.groups == module.in_channels else "conv"
        return step.weighted("conv", f"{name} {times(kernel)}", kernel=kernel, stride=stride)
    if isinstance(module, nn.Linear):
        return step.weighted("fc", "fully connected")
    if _heads(module):
        return step.weighted("attention", f"{_heads(module)}-head attention")
    return None


def _pool(step: _Step) -> Op | None:
    what, module, output = step.what, step.module, step.output
    if what in ADAPTIVE or (step.name == "mean" and output[0].numel() == output.shape[1]):
        if output.shape == step.read.shape:
            return None
        whole = output.shape[2:].numel() == 1
        return step.op("pool", "global average" if whole else "average pool")
    if what in POOLS:
        names = ("input", "kernel_size", "stride")
        called = dict(zip(names, step.node.args, strict=False)) | step.node.kwargs
        given = vars(module) if module else called
        kernel = _pair(given["kernel_size"])
        stride = max(_pair(given.get("stride") or kernel))
        return step.op("pool", f"{POOLS[what]} {times(kernel)}", kernel=kernel, stride=stride)
    return None


def _merge(step: _Step) -> Op | None:
    """Where several ways meet."""
    if step.what in CONCATS and step.output.shape != step.read.shape:
        label = " ".join(["concat", *map(_plain, step.weights)])
        return step.op("concat", label, parameters=step.parameters)
    if step.what in SUMS and len(step.sources) > 1:
        return step.op("add", "add")
    if step.what in PRODUCTS and len(step.sources) > 1:
        return step.op("mul", "multiply")
    return None


def _part(step: _Step) -> Op | None:
    """What picks or arranges pixels."""
    if step.what is operator.getitem and isinstance(step.sources[0].meta["output"], Tensor):
        one = step.output.dim() < len(step.read.shape)
        return step.op("slice", "pick one" if one else "subsample")
    if step.what is F.pad:
        return step.op("pad", "add zeros")
    if step.name == "patchmergingpad":
        return step.op("merge", f"merge {times((2, 2))} pixels")
    return None


def _fold(step: _Step) -> tuple[str, str] | None:
    """Kind and name of what belongs to the operation before it."""
    if step.name in NORMS:
        return "norm", NORMS[step.name]
    if step.name in ACTIVATIONS:
        return "activation", ACTIVATIONS[step.name]
    if step.what in (*SUMS, *PRODUCTS) and len(step.weights) == 1:
        return "norm", _plain(next(iter(step.weights)))  # a weight, as the network calls it
    return None


def _passes(step: _Step) -> bool:
    """Whether a node hands on what it reads, at most in another arrangement."""
    if step.what is operator.getitem:  # the first output of attention, or of what is a box
        return True
    if step.what in (*ADAPTIVE, *CONCATS):
        return step.output.shape == step.read.shape
    known = step.name in UNSEEN | TURNS and step.place is not None
    return known and step.output[0].numel() == step.read.shape[1:].numel()


def folds_as(name: str) -> str:
    """The kind of what is folded into an operation, for its color."""
    return "activation" if name in ACTIVATIONS.values() else "norm"


def _plain(weight: str) -> str:
    return weight.rpartition(".")[2].replace("_", " ")


def _path(node: fx.Node) -> str:
    if node.op == "call_module":
        return str(node.target)
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return str(stack[-1][0]) if stack else ""


def _pair(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def _count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def _check_parameters(model: nn.Module, graph: fx.GraphModule, ops: list[Op]) -> None:
    """A figure that speaks of parameters must have found them all."""
    called = (node for node in graph.graph.nodes if node.op in ("call_module", "get_attr"))
    used = {str(node.target) for node in called}
    for name, weight in model.named_parameters():
        around = accumulate(name.split("."), lambda outer, inner: f"{outer}.{inner}")
        if used.isdisjoint(around) and weight.numel():
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
