"""An ONNX model in fewer bytes: its weights take two each, or one where they are rounded to that.

A runtime makes float32 weights of them again as it loads the file: the nodes for that depend on
nothing but constants, so they are computed once.
"""

import copy
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto


def halved(model: "ModelProto") -> "ModelProto":
    """A copy of a float32 model whose weights take two bytes each, as float16."""
    return stored(model, {}, {})


def constants(model: "ModelProto") -> dict[str, np.ndarray]:
    """The constants of a model by name."""
    from onnx import numpy_helper

    return {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}


def stored(
    model: "ModelProto",
    steps: dict[str, tuple[np.ndarray, np.ndarray]],
    others: dict[str, np.ndarray],
) -> "ModelProto":
    """A copy of a model with other constants.

    Args:
        model: in float32.
        steps: int8 steps and their scale instead of some constants.
        others: other values of some constants.
    """
    from onnx import TensorProto, helper, numpy_helper

    model = copy.deepcopy(model)
    graph = model.graph
    nodes, kept = [], []

    def wide(name: str, value: np.ndarray) -> str:
        """Add a constant that is cast to float32; return the name that it has then."""
        kept.append(numpy_helper.from_array(value, f"{name}.small"))
        nodes.append(helper.make_node("Cast", [f"{name}.small"], [name], to=TensorProto.FLOAT))
        return name

    for name, value in constants(model).items():
        if name in steps:
            factors = [wide(f"{name}.{n}", part) for n, part in enumerate(steps[name])]
            nodes.append(helper.make_node("Mul", factors, [name]))
        elif value.dtype == np.float32:
            wide(name, others.get(name, value).astype(np.float16))
        else:
            kept.append(numpy_helper.from_array(value, name))
    own = list(graph.node)
    del graph.node[:], graph.initializer[:]
    graph.initializer.extend(kept)
    graph.node.extend([*nodes, *own])  # in the order in which they can be computed
    return model
