"""The weights of an ONNX model in one byte each, with a scale for each output channel."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lab.onnx.export import stored

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

FEW = 2500  # weights: a tensor that holds fewer keeps two bytes for each
MOST = 127  # steps, from zero on
BATCH = 32


def rounded(model: "ModelProto", images: np.ndarray) -> "ModelProto":
    """A copy of a float32 model whose weights take a byte each.

    By what rounding changes a channel on average, its bias is moved back (Nagel et al. 2019,
    section 4.2, with images).

    Args:
        model: of convolutions, fully connected layers and products with a constant matrix.
        images: what it may read, normalised, float32 (N, C, H, W).
    """
    from onnx import numpy_helper

    values = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    added = {
        name: node for node in model.graph.node if node.op_type == "Add" for name in node.input
    }
    small: dict[str, list[np.ndarray]] = {}
    for node, read in _reads(model, values, images):
        name, axis = node.input[1], _channels(node)
        whole, scale = steps(values[name], axis)
        small[name] = [whole, scale]
        lost = torch.from_numpy(values[name] - whole * scale.astype(np.float32))
        means = [_output(node, torch.from_numpy(batch), lost).mean(0) for batch in read]
        holder = added.get(node.output[0]) if node.op_type == "MatMul" else node
        for bias in holder.input if holder else []:
            if values.get(bias, whole).ndim == 1:
                moved = values[bias] + torch.stack(means).mean(0).numpy()
                small[bias] = [moved.astype(np.float16)]
    return stored(model, lambda name, value: small.get(name) or [value.astype(np.float16)])


def steps(weight: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """A weight as whole steps, int8 of its shape, and the size of one, float16, along an axis."""
    others = tuple(each for each in range(weight.ndim) if each != axis)
    scale = (np.abs(weight).max(others, keepdims=True) / MOST).astype(np.float16)
    scale[scale == 0] = 1
    whole = np.rint(weight / scale.astype(np.float32)).clip(-MOST, MOST)
    return whole.astype(np.int8), scale


def _channels(node: "NodeProto") -> int:
    """Along which axis of a layer's weight its output channels lie."""
    return 0 if node.op_type == "Conv" or _attributes(node).get("transB") else 1


def _output(node: "NodeProto", given: Tensor, weight: Tensor) -> Tensor:
    """What a layer makes of its input with another weight and no bias: (places, C)."""
    if node.op_type != "Conv":
        return (given @ (weight if _channels(node) else weight.T)).flatten(0, -2)
    about = _attributes(node)
    top, left, bottom, right = about.get("pads", (0, 0, 0, 0))
    padded = F.pad(given, (left, right, top, bottom))
    windows = {"stride": about.get("strides", 1), "dilation": about.get("dilations", 1)}
    y = F.conv2d(padded, weight, groups=about.get("group", 1), **windows)
    return y.permute(0, 2, 3, 1).flatten(0, 2)


def _reads(
    model: "ModelProto", values: dict[str, np.ndarray], images: np.ndarray
) -> list[tuple["NodeProto", list[np.ndarray]]]:
    """Every layer with many weights, once, and what it reads of the images, batch after batch."""
    from onnx import TensorProto, helper
    from onnxruntime import InferenceSession

    layers: dict[str, NodeProto] = {}
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            weight = values.get(node.input[1])
            if weight is not None and weight.size >= FEW:
                layers.setdefault(node.input[1], node)
    names = sorted({node.input[0] for node in layers.values()} - {"images"})
    opened = copy.deepcopy(model)
    for name in set(names) - {each.name for each in opened.graph.output}:
        about = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        opened.graph.output.append(about)
    session = InferenceSession(opened.SerializeToString(), providers=["CPUExecutionProvider"])
    found: dict[str, list[np.ndarray]] = {"images": [], **{name: [] for name in names}}
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        found["images"].append(batch)
        for name, value in zip(names, session.run(names, {"images": batch}), strict=True):
            found[name].append(np.asarray(value))
    return [(node, found[node.input[0]]) for node in layers.values()]


def _attributes(node: "NodeProto") -> dict[str, Any]:
    from onnx import helper

    return {each.name: helper.get_attribute_value(each) for each in node.attribute}
