"""Networks of a few parameters in files as the lecture's own, for tests of what reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def describe(**changes: Any) -> dict[str, Any]:
    """Return the metadata of a tiny network; a change to None leaves the key out."""
    about = {
        "format": 1,
        "network": "tiny",
        "title": "Tiny",
        "classes": CLASSES,
        "size": 32,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
        "stages": [
            {"name": "conv1", "kind": "conv 3x3", "output": [4, 32, 32], "kernel": True},
            {"name": "pool", "kind": "max pool 2x2", "output": [4, 16, 16], "kernel": False},
            {"name": "conv2", "kind": "conv 3x3", "output": [8, 16, 16], "kernel": True},
        ],
        "class_activation": True,
        "parameters": 498,
        "macs": 186_000,
        "weights": "float32",
        "dataset": "shapes",
        "test_accuracy": 0.25,
        **changes,
    }
    return {key: value for key, value in about.items() if value is not None}


def tiny(seed: int, classes: int, scale: float) -> onnx.ModelProto:
    """Return a network of two convolutions and a global average, with the outputs of a lesson's."""
    rng = np.random.default_rng(seed)
    shapes = {
        "conv1.kernel": (4, 3, 3, 3),
        "bias1": (4,),
        "conv2.kernel": (8, 4, 3, 3),
        "bias2": (8,),
        "head": (classes, 8, 1, 1),
        "bias3": (classes,),
    }
    weights = {
        name: rng.normal(scale=scale, size=shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    node = helper.make_node
    nodes = [
        node("Conv", ["images", "w1", "bias1"], ["raw1"], pads=[1] * 4),
        node("Relu", ["raw1"], ["conv1"]),
        node("MaxPool", ["conv1"], ["pool"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["pool", "w2", "bias2"], ["raw2"], pads=[1] * 4),
        node("Relu", ["raw2"], ["conv2"]),
        node("Conv", ["conv2", "head", "bias3"], ["class_activation"]),
        node("GlobalAveragePool", ["class_activation"], ["means"]),
        node("Flatten", ["means"], ["logits"]),
        node("Identity", ["w1"], ["conv1.kernel"]),
        node("Identity", ["w2"], ["conv2.kernel"]),
    ]
    kernels = {"conv1.kernel": "w1", "conv2.kernel": "w2"}
    stored = [
        numpy_helper.from_array(values, kernels.get(name, name)) for name, values in weights.items()
    ]
    outputs = {
        "logits": ["n", classes],
        "conv1": ["n", 4, 32, 32],
        "pool": ["n", 4, 16, 16],
        "conv2": ["n", 8, 16, 16],
        "class_activation": ["n", classes, 16, 16],
        "conv1.kernel": [4, 3, 3, 3],
        "conv2.kernel": [8, 4, 3, 3],
    }
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "tiny",
        [value("images", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [value(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        stored,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def write(
    path: Path,
    about: dict[str, Any] | None = None,
    seed: int = 0,
    outputs: int | None = None,
    scale: float = 0.6,
) -> Path:
    """Write a tiny network with what it says of itself; None for a file from elsewhere.

    It has as many outputs as classes, unless told otherwise, and weights of a scale.
    """
    model = tiny(seed, outputs or len((about or {}).get("classes", CLASSES)), scale)
    if about is not None:
        helper.set_model_props(model, {"lecture": json.dumps(about)})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path
