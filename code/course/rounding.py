"""The weights of an ONNX model in one byte each, rounded so as not to show."""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F

from lab.onnx.export import stored

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

FEW = 1000  # weights: a tensor that holds fewer keeps two bytes for each
MOST = 127  # steps, from zero on
DAMPING = 0.01  # times the mean variance, for a covariance that can be inverted
BATCH = 32

# Attributes of windows that say nothing new: their value, or that of each member.
USUAL = {"auto_pad": b"NOTSET", "group": 1, "pads": 0, "strides": 1, "dilations": 1}


@dataclass
class Read:
    """What one output of a layer read: K values, at every place of every image."""

    count: int
    total: np.ndarray  # the sum, float64 (K,)
    products: np.ndarray  # the sum of outer products, float64 (K, K)

    @property
    def mean(self) -> np.ndarray:
        return self.total / self.count

    @property
    def covariance(self) -> np.ndarray:
        return self.products / self.count - np.outer(self.mean, self.mean)


def rounded(model: "ModelProto", images: np.ndarray) -> "ModelProto":
    """A copy of a float32 model whose weights take a byte each, with a scale a channel.

    Every layer is rounded for what it reads: see `make_up`. What is left of the error on average
    goes into its bias.

    Args:
        model: whose convolutions and fully connected layers have a bias each.
        images: what it may read, normalised, float32 (N, C, H, W).
    """
    values = constants(model)
    steps: dict[str, list[np.ndarray]] = {}
    others: dict[str, np.ndarray] = {}
    for node, read in _reads(model, images):
        _, name, bias = node.input
        weight = values[name].reshape(len(values[name]), -1)
        if weight.size < FEW:
            again: np.ndarray = weight.astype(np.float16).astype(np.float32)
        else:
            scale = scales(weight)
            whole = make_up(weight, scale, read.covariance)
            shape = values[name].shape
            wide = scale.astype(np.float16).reshape(-1, *[1] * (len(shape) - 1))
            steps[name] = [whole.reshape(shape), wide]
            again = whole * scale[:, None]
        others[bias] = values[bias] + (weight - again) @ read.mean

    def small(name: str, value: np.ndarray) -> list[np.ndarray]:
        return steps.get(name) or [others.get(name, value).astype(np.float16)]

    return _terse(stored(model, small))


def constants(model: "ModelProto") -> dict[str, np.ndarray]:
    """The constants of a model by name."""
    from onnx import numpy_helper

    return {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}


def scales(weight: np.ndarray) -> np.ndarray:
    """The size of a step for each row of a weight (C, K), one that float16 holds: float64 (C,)."""
    scale = (np.abs(weight).max(1) / MOST).astype(np.float16).astype(np.float64)
    scale[scale == 0] = 1
    return np.asarray(scale)


def make_up(weight: np.ndarray, scale: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Round the columns of a weight one by one; those that follow make up for each one's error.

    The change of the outputs is least, in the mean square over what is read, where an error e in
    column j moves the columns behind it by -e U_jk / U_jj, with U the upper Cholesky factor of the
    inverse covariance (Frantar et al. 2023, GPTQ, section 3.3). Columns that vary most go first.

    Args:
        weight: (C, K).
        scale: of a step in each row, (C,).
        covariance: of the K values that are read, (K, K).

    Returns:
        steps, int8 (C, K).
    """
    order = np.argsort(-np.diag(covariance), kind="stable")
    variance = np.diag(covariance).mean() or 1.0
    damped = covariance[np.ix_(order, order)] + DAMPING * variance * np.eye(len(order))
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    rest = weight[:, order].astype(np.float64)
    steps = np.zeros(weight.shape, np.int8)
    for j, column in enumerate(order):
        whole = np.clip(np.rint(rest[:, j] / scale), -MOST, MOST)
        steps[:, column] = whole
        error = (rest[:, j] - whole * scale) / upper[j, j]
        rest[:, j + 1 :] -= np.outer(error, upper[j, j + 1 :])
    return steps


def _reads(model: "ModelProto", images: np.ndarray) -> list[tuple["NodeProto", Read]]:
    """Every layer that has weights, once, and what it reads of the images."""
    from onnx import TensorProto, helper
    from onnxruntime import InferenceSession

    values = constants(model)
    layers: dict[str, NodeProto] = {}
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            layers.setdefault(node.input[1], node)
    names = sorted({node.input[0] for node in layers.values()} - {"images"})
    opened = copy.deepcopy(model)
    for name in set(names) - {each.name for each in opened.graph.output}:
        about = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        opened.graph.output.append(about)
    session = InferenceSession(opened.SerializeToString(), providers=["CPUExecutionProvider"])
    found: dict[str, Read] = {}
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        given = {
            "images": batch,
            **dict(zip(names, session.run(names, {"images": batch}), strict=True)),
        }
        for name, node in layers.items():
            columns = _columns(node, values[name].shape, torch.from_numpy(given[node.input[0]]))
            read = found.setdefault(name, Read(0, np.float64(0), np.float64(0)))  # type: ignore
            read.count += len(columns)
            read.total = read.total + columns.sum(0, dtype=torch.float64).numpy()
            read.products = read.products + (columns.T @ columns).double().numpy()
    return [(node, found[name]) for name, node in layers.items()]


def _columns(node: "NodeProto", shape: tuple[int, ...], given: torch.Tensor) -> torch.Tensor:
    """What each output of a layer reads: (places, K), in the order of its flattened weight."""
    if node.op_type == "Gemm":
        return given
    about = _attributes(node)
    top, left, bottom, right = about.get("pads", (0, 0, 0, 0))
    padded = F.pad(given, (left, right, top, bottom))
    windows = F.unfold(
        padded,
        shape[2:],
        stride=about.get("strides", (1, 1)),
        dilation=about.get("dilations", (1, 1)),
    )
    return windows.transpose(1, 2).flatten(0, 1)


def _attributes(node: "NodeProto") -> dict[str, Any]:
    from onnx import helper

    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def _terse(model: "ModelProto") -> "ModelProto":
    """Shorten a model's names, all but those of its inputs and outputs, and leave out the usual.

    With hundreds of nodes, this is a twentieth of a file.
    """
    graph = model.graph
    kept = {each.name for each in (*graph.input, *graph.output)}
    short: dict[str, str] = {}

    def name(long: str) -> str:
        return long if long in kept or not long else short.setdefault(long, f"_{len(short)}")

    for constant in graph.initializer:
        constant.name = name(constant.name)
    for node in graph.node:
        node.name = ""
        node.input[:] = [name(each) for each in node.input]
        node.output[:] = [name(each) for each in node.output]
        about = _attributes(node)
        told = [
            each
            for each in node.attribute
            if each.name not in USUAL or not _is_usual(each.name, about[each.name])
        ]
        del node.attribute[:]
        node.attribute.extend(told)
    for output in graph.output:
        del output.metadata_props[:]
    return model


def _is_usual(name: str, value: Any) -> bool:
    """Whether an attribute of a window has the value that it has when it is left out."""
    members = value if isinstance(value, list) else [value]
    return all(each == USUAL[name] for each in members)
