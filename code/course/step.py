"""A network that learns in the page: its training step as an ONNX graph.

The page has no training library. The lesson's own network, its loss and one step of its optimizer
are traced together, gradients and all, and become a graph of standard operations, which the runtime
runs that the page has for its answers anyway.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lab import data, shapes
from lab.onnx import export

if TYPE_CHECKING:
    from onnx import ModelProto

# A traced step has its batch among its constants: a number that is nothing else's there.
TRACED = 31


class Pool(nn.Module):
    """Max pooling over 2x2 windows, of operations whose gradients ONNX has, too."""

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        return x.reshape(n, channels, height // 2, 2, width // 2, 2).amax((3, 5))


class Normalization(nn.Module):
    """A batch norm in training, written out: how many images there are is no constant of it."""

    running_mean: Tensor
    running_var: Tensor
    images: Tensor  # how many there are
    moved: list[Tensor]  # its running mean and variance after this batch

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.register_buffer("running_mean", norm.running_mean)
        self.register_buffer("running_var", norm.running_var)
        assert norm.momentum is not None
        self.momentum = norm.momentum

    def forward(self, x: Tensor) -> Tensor:
        count = self.images * (x.shape[2] * x.shape[3])
        mean = x.sum((0, 2, 3)) / count
        apart = x - mean[:, None, None]
        variance = (apart * apart).sum((0, 2, 3)) / count
        self.moved = [
            before + self.momentum * (now - before)
            for before, now in (
                (self.running_mean, mean),
                (self.running_var, variance * count / (count - 1)),
            )
        ]
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return apart * scale[:, None, None] + self.bias[:, None, None]


def _convolution_backward(
    gradient: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: list[int],
    stride: list[int],
    padding: list[int],
    *settings: Any,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """The gradients of a convolution in one group, undilated, as convolutions."""
    wanted = settings[-1]  # of its input, its weight and its bias
    sides = zip(x.shape[2:], weight.shape[2:], stride, padding, strict=True)
    rest = [(side + 2 * pad - kernel) % by for side, kernel, by, pad in sides]  # no step reads it

    def of_weight() -> Tensor:
        turned = x.transpose(0, 1), gradient.transpose(0, 1)
        slopes = F.conv2d(*turned, padding=padding, dilation=stride).transpose(0, 1)
        return slopes[..., : weight.shape[2], : weight.shape[3]]

    return (
        F.conv_transpose2d(gradient, weight, None, stride, padding, rest) if wanted[0] else None,
        of_weight() if wanted[1] else None,
        gradient.sum((0, 2, 3)) if wanted[2] else None,
    )


def statistics(model: nn.Module) -> dict[str, Tensor]:
    """The running means and variances of a network."""
    return {name: each for name, each in model.named_buffers() if each.is_floating_point()}


class Step(nn.Module):
    """One step of SGD with Nesterov momentum, as `lab.training` takes it."""

    def __init__(self, model: nn.Module, weight_decay: float) -> None:
        super().__init__()
        for name, child in list(model.named_modules()):
            if isinstance(child, nn.MaxPool2d):
                model.set_submodule(name, Pool())
            elif isinstance(child, nn.BatchNorm2d):
                model.set_submodule(name, Normalization(child))
        self.model, self.weight_decay = model, weight_decay
        self.names = [*dict(model.named_parameters()), *statistics(model)]
        self.norms = [each for each in model.modules() if isinstance(each, Normalization)]

    def loss(
        self, weights: list[Tensor], running: list[Tensor], images: Tensor, targets: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Cross-entropy, and the running statistics after it.

        Each row of the targets sums to one over the images of the batch.
        """
        for norm in self.norms:
            norm.images = 1 / targets[0].sum()
        named = dict(zip(self.names, [*weights, *running], strict=True))
        logits = torch.func.functional_call(self.model, named, (images,))
        moved = [each for norm in self.norms for each in norm.moved]
        return -(F.log_softmax(logits, 1) * targets).sum(), moved

    def forward(
        self,
        weights: list[Tensor],
        running: list[Tensor],
        momenta: list[Tensor],
        images: Tensor,
        targets: Tensor,
        lr: Tensor,
        momentum: Tensor,
    ) -> tuple[Tensor, list[Tensor], list[Tensor], list[Tensor]]:
        """The loss, and weights, running statistics and momenta after the step."""
        slopes_of = torch.func.grad_and_value(self.loss, has_aux=True)
        slopes, (loss, running) = slopes_of(weights, running, images, targets)
        moved, kept = [], []
        for weight, before, slope in zip(weights, momenta, slopes, strict=True):
            decayed = slope + self.weight_decay * weight if weight.ndim > 1 else slope
            kept.append(momentum * before + decayed)
            moved.append(weight - lr * (decayed + momentum * kept[-1]))
        return loss, moved, running, kept


def step_model(model: nn.Module, weight_decay: float) -> "ModelProto":
    """The training step of a network, which it changes, for a batch of any size.

    Its inputs are NAME of each parameter and of each running statistic, NAME.momentum of each
    parameter, `images` (n, 3, 32, 32), `targets` (n, 10), `lr` and `momentum`; its outputs `loss`,
    and NAME.new of all but the last four.
    """
    from onnx import numpy_helper
    from torch._decomp import core_aten_decompositions
    from torch.fx.experimental.proxy_tensor import make_fx

    step = Step(model, weight_decay)
    weights = [weight.detach().clone() for weight in model.parameters()]
    side, classes = data.SIZE, len(shapes.SHAPES)
    given = (
        weights,
        [each.clone() for each in statistics(model).values()],
        [torch.zeros_like(weight) for weight in weights],
        torch.rand(TRACED, 3, side, side, generator=torch.Generator().manual_seed(0)),
        torch.full((TRACED, classes), 1 / classes),
        torch.tensor(0.1),
        torch.tensor(0.9),
    )
    backward = torch.ops.aten.convolution_backward.default
    table = {**core_aten_decompositions(), backward: _convolution_backward}
    traced = make_fx(step, decomposition_table=table)(*given)

    class Traced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.step = traced

        def forward(self, *given: Any) -> Any:
            return self.step(*given)

    names = [*step.names, *(f"{name}.momentum" for name, _ in model.named_parameters())]
    program = torch.onnx.export(
        Traced().eval(),
        given,
        dynamo=True,
        input_names=[*names, "images", "targets", "lr", "momentum"],
        output_names=["loss", *(f"{name}.new" for name in names)],
        verbose=False,
    )
    assert program is not None  # it is only with `dynamo=False`
    made = program.model_proto
    graph = made.graph
    # What stands for the size of the batch in a shape: -1 is what is left, 1 is broadcast.
    sizes = {"Reshape": -1, "Expand": 1}
    shaping = {node.input[1]: sizes[node.op_type] for node in graph.node if node.op_type in sizes}
    for constant in graph.initializer:
        value = numpy_helper.to_array(constant)
        if constant.name in shaping:
            value = np.where(value == TRACED, shaping[constant.name], value)
        elif value.shape[:1] == (TRACED,):
            assert (value == value[0]).all(), f"{constant.name} differs from image to image"
            value = value[:1]  # the same for every image of a batch
        assert TRACED not in value, f"{constant.name} holds the size of the batch"
        constant.CopyFrom(numpy_helper.from_array(value, constant.name))
    for value in graph.input:
        if value.name in ("images", "targets"):
            value.type.tensor_type.shape.dim[0].dim_param = "n"
    return _plain(made)


def forward_model(model: nn.Module) -> "ModelProto":
    """The network for the page's answers: its weights are inputs, called as in `step_model`."""
    from onnx import helper

    made = export.to_onnx(model.eval(), (3, data.SIZE, data.SIZE), fold=False)
    parameters = [name for name, _ in model.named_parameters()]
    names = {f"model.{name}": name for name in [*parameters, *statistics(model)]}
    layer = parameters[-1].rpartition(".")[0]  # the last
    graph = made.graph
    weights = [each for each in graph.initializer if each.name in names]
    for weight in weights:
        name, shape = names[weight.name], [*weight.dims]
        if name.startswith(f"{layer}."):
            shape[0] = "classes"  # there may be fewer
        graph.input.append(helper.make_tensor_value_info(name, weight.data_type, shape))
        graph.initializer.remove(weight)
    assert len(weights) == len(names), "the exporter has changed a weight"
    for node in graph.node:
        for n, name in enumerate(node.input):
            node.input[n] = names.get(name, name)
        for attribute in node.attribute:
            if node.op_type == "Constant" and [*attribute.ints] == [len(shapes.SHAPES)]:
                attribute.ints[0] = -1  # in a shape: as many classes as there are
    for value in graph.output:
        if value.name in ("logits", "class_activation", layer, f"{layer}.kernel"):
            place = 0 if value.name == f"{layer}.kernel" else 1
            value.type.tensor_type.shape.dim[place].dim_param = "classes"
    return _plain(made)


def _plain(model: "ModelProto") -> "ModelProto":
    """Without where in which program each node came from, which is most of a file."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:], model.graph.metadata_props[:], model.metadata_props[:]
    return model
