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

from . import lessons

if TYPE_CHECKING:
    from onnx import ModelProto

LESSON = "lenet"
# A traced step has its batch among its constants: a number that is nothing else's there.
TRACED = 31


class Pool(nn.Module):
    """Max pooling over 2x2 windows, of operations whose gradients ONNX has, too."""

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        return x.reshape(n, channels, height // 2, 2, width // 2, 2).amax((3, 5))


def _convolution_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, *settings: Any
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """The gradients of a convolution without stride and padding, as convolutions."""
    wanted = settings[-1]  # of its input, its weight and its bias
    turned = x.transpose(0, 1), gradient.transpose(0, 1)
    return (
        F.conv_transpose2d(gradient, weight) if wanted[0] else None,
        F.conv2d(*turned).transpose(0, 1) if wanted[1] else None,
        gradient.sum((0, 2, 3)) if wanted[2] else None,
    )


def network() -> nn.Module:
    """The lesson's network, with the weights that its seed gives."""
    lesson = lessons.networks()[LESSON]
    torch.manual_seed(lesson.recipe.seed)
    return lesson.build(lesson.recipe, len(shapes.SHAPES))


class Step(nn.Module):
    """One step of SGD with Nesterov momentum, as `lab.training` takes it."""

    def __init__(self, model: nn.Module, weight_decay: float) -> None:
        super().__init__()
        for name, child in list(model.named_children()):
            if isinstance(child, nn.MaxPool2d):
                model.add_module(name, Pool())
        self.names = [name for name, _ in model.named_parameters()]
        self.model, self.weight_decay = model, weight_decay

    def loss(self, weights: list[Tensor], images: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy; each row of the targets sums to one over the images of the batch."""
        named = dict(zip(self.names, weights, strict=True))
        logits = torch.func.functional_call(self.model, named, (images,))
        return -(F.log_softmax(logits, 1) * targets).sum()

    def forward(
        self,
        weights: list[Tensor],
        momenta: list[Tensor],
        images: Tensor,
        targets: Tensor,
        lr: Tensor,
        momentum: Tensor,
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The loss, and the weights and momenta after the step."""
        slopes, loss = torch.func.grad_and_value(self.loss)(weights, images, targets)
        moved, kept = [], []
        for weight, before, slope in zip(weights, momenta, slopes, strict=True):
            decayed = slope + self.weight_decay * weight if weight.ndim > 1 else slope
            kept.append(momentum * before + decayed)
            moved.append(weight - lr * (decayed + momentum * kept[-1]))
        return loss, moved, kept


def step_model() -> "ModelProto":
    """The training step, for a batch of any size.

    Its inputs are NAME and NAME.momentum of each parameter, `images` (n, 3, 32, 32), `targets`
    (n, 10), `lr` and `momentum`; its outputs `loss`, and NAME.new and NAME.momentum.new.
    """
    from onnx import numpy_helper
    from torch._decomp import core_aten_decompositions
    from torch.fx.experimental.proxy_tensor import make_fx

    step = Step(network(), lessons.networks()[LESSON].recipe.weight_decay)
    weights = [weight.detach().clone() for weight in step.model.parameters()]
    side, classes = data.SIZE, len(shapes.SHAPES)
    given = (
        weights,
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

    both = [*step.names, *(f"{name}.momentum" for name in step.names)]
    program = torch.onnx.export(
        Traced().eval(),
        given,
        dynamo=True,
        input_names=[*both, "images", "targets", "lr", "momentum"],
        output_names=["loss", *(f"{name}.new" for name in both)],
        verbose=False,
    )
    assert program is not None  # it is only with `dynamo=False`
    model = program.model_proto
    graph = model.graph
    shaping = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for constant in graph.initializer:
        value = numpy_helper.to_array(constant)
        if constant.name in shaping:
            value = np.where(value == TRACED, -1, value)
        elif value.shape[:1] == (TRACED,):
            assert (value == value[0]).all(), f"{constant.name} differs from image to image"
            value = value[:1]  # the same for every image of a batch
        assert TRACED not in value, f"{constant.name} holds the size of the batch"
        constant.CopyFrom(numpy_helper.from_array(value, constant.name))
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name in ("images", "targets"):
            dims[0].dim_param = "n"
    return _plain(model)


def forward_model() -> "ModelProto":
    """The network for the page's answers: parameters are inputs, called as in `step_model`."""
    model = export.to_onnx(network().eval(), (3, data.SIZE, data.SIZE))
    names = {f"model.{name}": name for name, _ in network().named_parameters()}
    graph = model.graph
    weights = [each for each in graph.initializer if each.name in names]
    for weight in weights:
        value = graph.input.add(name=names[weight.name])
        value.type.tensor_type.elem_type = weight.data_type
        for n, side in enumerate(weight.dims):
            # The last layer may have fewer classes.
            last = n == 0 and names[weight.name].startswith("output.")
            dim = value.type.tensor_type.shape.dim.add()
            if last:
                dim.dim_param = "classes"
            else:
                dim.dim_value = side
        graph.initializer.remove(weight)
    assert len(weights) == len(names), "the exporter has changed a weight"
    for node in graph.node:
        for n, name in enumerate(node.input):
            node.input[n] = names.get(name, name)
    for value in graph.output:
        if value.name in ("logits", "output", "output.kernel"):
            place = 0 if value.name == "output.kernel" else 1
            value.type.tensor_type.shape.dim[place].dim_param = "classes"
    return _plain(model)


def _plain(model: "ModelProto") -> "ModelProto":
    """Without where in which program each node came from, which is most of a file."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:], model.graph.metadata_props[:], model.metadata_props[:]
    return model
