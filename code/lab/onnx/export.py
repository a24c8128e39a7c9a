"""A trained network as one ONNX file, for a page that shows what happens in it.

The file answers for itself: beside the logits it gives the output of every stage, the kernels of
stages that are one convolution, and a class activation map, or where a transformer looks; its
metadata, JSON under the key `lecture`, says how images are prepared, what the classes are called
and which run the weights come from.
"""

import copy
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import data, files
from ..batches import normalized
from ..data import SIZE, Data, DataDescription, Split
from ..errors import UserError, first_line
from ..facts import FOLDED, facts, grouped, stage_of
from ..measure import Layer, first_level, first_tensor, layers
from ..recipe import Recipe, recorded_recipe
from ..runs import Run

if TYPE_CHECKING:
    from onnx import ModelProto

R = TypeVar("R", bound=Recipe)

FORMAT = 1  # of the metadata
KEY = "lecture"
IMAGES = 2000  # test images on which file and network are compared
LARGEST_BATCH = 64


@dataclass(frozen=True)
class Stage:
    """One stage of a network and what the file tells of it."""

    name: str  # of its output; unlike that of `lab.facts`, no two stages share one
    last: int  # which call of a module of the first level gives its output
    kernel: str | None  # the name of its weight where it is a single convolution
    facts: dict[str, Any]  # what `lab.facts` says of it


def stages(model: nn.Module, parts: list[list[Layer]]) -> list[Stage]:
    """The stages of a network, as `lab.facts.grouped` has them."""
    found, calls, children = [], 0, first_level(model)
    seen: Counter[str] = Counter()
    for part in parts:
        about = stage_of(part, children)
        calls += len(part)
        seen[about["name"]] += 1
        again = f"_{seen[about['name']]}" if seen[about["name"]] > 1 else ""
        found.append(Stage(about["name"] + again, calls - 1, _kernel(model, part), about))
    return found


def _kernel(model: nn.Module, part: list[Layer]) -> str | None:
    """The weight of the only convolution of a stage, if no other layer of it has any."""
    own = [
        f"{layer.name}.{name}".rstrip(".")
        for layer in part
        for name, module in model.get_submodule(layer.name).named_modules()
        if not list(module.children()) and not isinstance(module, FOLDED)
    ]
    only = model.get_submodule(own[0]) if len(own) == 1 else None
    is_kernel = isinstance(only, nn.Conv2d) and isinstance(only.weight, nn.Parameter)
    return f"{own[0]}.weight" if is_kernel else None


class Opened(nn.Module):
    """A network that also gives the outputs of its stages: (N, C, H, W) -> a tuple.

    The tuple holds the logits, the output of every stage and, where the network ends in a global
    average and one fully connected layer, the class activation map (N, classes, h, w): that layer
    applied to each place of the last maps instead of their average (Zhou et al. 2016, equation 2,
    with the bias), so that the mean over all places is the logits. Of a transformer with a class
    token it holds the attention rollout (N, 1, h, w): how much of each patch reaches that token
    through all blocks, shortcuts included (Abnar and Zuidema 2020, section 3; mean of the heads).
    """

    def __init__(self, model: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.model = model
        parts = grouped(model, shape)
        self.stages = stages(model, parts)
        self.head = _head(model, parts)
        self.attention = _attention(model, shape)

    @property
    def outputs(self) -> list[str]:
        """The names of the tuple's members."""
        names = ["logits", *(stage.name for stage in self.stages)]
        names += ["class_activation"] if self.head else []
        return [*names, *(["attention_rollout"] if self.attention else [])]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        calls: list[tuple[Tensor, Tensor]] = []
        shares: list[Tensor] = []

        def note(_: nn.Module, given: Any, named: Any, output: Any) -> None:
            calls.append((first_tensor((given, named)), first_tensor(output)))

        children = first_level(self.model).values()
        hooks = [each.register_forward_hook(note, with_kwargs=True) for each in children]
        for name in self.attention:
            softmax = self.model.get_submodule(name)
            hooks.append(softmax.register_forward_hook(lambda *seen: shares.append(seen[-1])))
        try:
            logits = self.model(images)
        finally:
            for hook in hooks:
                hook.remove()
        # Copies: one tensor cannot be two outputs of a file.
        found = [logits, *(calls[stage.last][1].clone() for stage in self.stages)]
        if self.head:
            classifier: Any = self.model.get_submodule(self.head.classifier)
            weight, bias = classifier.weight, classifier.bias  # a hook may compute it
            maps = calls[self.head.pool][0]
            height, width = maps.shape[2:]
            # A row a place, and not a convolution, whose kernel would be stored a second time.
            places = maps.permute(0, 2, 3, 1).flatten(0, 2)
            scores = F.linear(places, weight, bias).unflatten(0, (-1, height, width))
            found.append(scores.permute(0, 3, 1, 2))
        if shares:
            found.append(_rollout(shares))
        return tuple(found)


class Head(NamedTuple):
    """A global average, by the number of its call, and the one fully connected layer behind it."""

    pool: int
    classifier: str


def _head(model: nn.Module, parts: list[list[Layer]]) -> Head | None:
    """What a network ends in, if that is a global average and one fully connected layer.

    A norm between the two would see the average, and not each place.
    """
    children = first_level(model)
    calls = [layer.name for part in parts for layer in part]
    own = [at for at, name in enumerate(calls) if not isinstance(children[name], FOLDED)]
    if len(own) < 2 or own[-1] != len(calls) - 1:
        return None
    pool, *between, last = (children[name] for name in calls[own[-2] :])
    if not all(isinstance(each, nn.Dropout | nn.Flatten | nn.Identity) for each in between):
        return None
    averaged = isinstance(pool, nn.AdaptiveAvgPool2d) and pool.output_size in (1, (1, 1))
    return Head(own[-2], calls[-1]) if averaged and isinstance(last, nn.Linear) else None


def _attention(model: nn.Module, shape: tuple[int, ...]) -> list[str]:
    """The softmaxes of a transformer's blocks, if all are over a class token and square patches."""
    if not any(isinstance(each, nn.Softmax) for each in model.modules()):
        return []
    found = [each for each in layers(model, (1, *shape)) if each.kind == "Softmax"]
    if len({each.shape[1:] for each in found}) != 1:
        return []
    *_, rows, columns = found[0].shape
    is_square = rows == columns == math.isqrt(columns - 1) ** 2 + 1
    return [each.name for each in found] if is_square and len(found[0].shape) == 3 else []


def _rollout(shares: Sequence[Tensor]) -> Tensor:
    """What of each patch reaches the class token, by each block's shares (N, heads, T, T)."""
    tokens = shares[0].shape[-1]
    flow = same = torch.eye(tokens, dtype=shares[0].dtype)
    for share in shares:
        flow = (share.mean(dim=1) + same) / 2 @ flow
    side = math.isqrt(tokens - 1)
    return flow[:, 0, 1:].reshape(-1, 1, side, side)


def export(run: Run, recipe: R, build: Callable[[R, int], nn.Module]) -> Path:
    """Write the network of a finished run into its folder, as NETWORK.onnx; return the file.

    Raises `UserError`: an unfinished run, weights of another network, or packages that are missing.
    """
    model = load_model(run, recipe, build)
    images = available(run, recipe)
    content = pack(run, recipe, model, images.test if images else None)
    path = run.folder / f"{recipe.network}.onnx"
    files.write_bytes(path, content)
    return path


def load_model(run: Run, recipe: R, build: Callable[[R, int], nn.Module]) -> nn.Module:
    """The network of a finished run with its best weights, on the CPU and in eval mode."""
    if not run.has("result.json"):
        raise UserError(f"{run} is not finished: continue it with `resume {run}`")
    model = build(recipe, len(run.read("run.json")["data"]["classes"]))
    try:
        model.load_state_dict(run.load("best.pt"))
    except RuntimeError:
        raise UserError(f"the weights in {run} are not of this network") from None
    return model.eval()


def available(run: Run, recipe: Recipe) -> Data | None:
    """The images of a run, if they are here and are still the same. Nothing is downloaded."""
    about = run.read("run.json")["data"]
    try:
        here = data.is_here(recipe.data)
        found = data.load(recipe.data, limit=recipe.limit or None) if here else None
    except UserError:
        return None
    return found if found and data.is_described(found, about) else None


def pack(
    run: Run,
    recipe: Recipe,
    model: nn.Module,
    test: Split | None,
    shrink: Callable[["ModelProto"], "ModelProto"] | None = None,
    kind: str = "float16",
    more: Mapping[str, Any] = MappingProxyType({}),
) -> bytes:
    """The file of a network in eval mode, with the weights of a finished run.

    Args:
        test: images to compare the file with the network on; None: it is not compared.
        shrink: stores the weights of a float32 model in fewer bytes; by default in two each.
        kind: of number that it stores them as.
        more: what else the file says.
    """
    small = (shrink or halved)(to_onnx(model, (3, SIZE, SIZE)))
    lecture = metadata(run, recipe, model, kind)
    if test is not None:
        about = run.read("run.json")["data"]
        lecture["agreement"] = agree(small.SerializeToString(), model, test, about)
    return _with_metadata(small, {**lecture, **more})


def agree(content: bytes, model: nn.Module, test: Split, about: DataDescription) -> dict[str, int]:
    """On how many of the first test images a file and its network have the same first choice."""
    from onnxruntime import InferenceSession

    session = InferenceSession(content, providers=["CPUExecutionProvider"])
    images, same = test.first(IMAGES), 0
    for batch, _ in normalized(images, about["mean"], about["std"], LARGEST_BATCH):
        theirs = np.asarray(session.run(["logits"], {"images": batch.numpy()})[0])
        with torch.no_grad():
            same += int((model(batch).argmax(1).numpy() == theirs.argmax(1)).sum())
    return {"images": len(images), "same": same}


def metadata(run: Run, recipe: Recipe, model: nn.Module, kind: str) -> dict[str, Any]:
    """What a page must know of a network: all that does not depend on other images."""
    about, result = run.read("run.json"), run.read("result.json")
    images, environment = about["data"], about["environment"]
    accuracies = {key: result[key] for key in ("validation_accuracy", "test_accuracy")}
    return {
        **network_metadata(model, (3, SIZE, SIZE), recipe.title),
        "network": recipe.network,
        **{key: images[key] for key in ("classes", "mean", "std")},
        "weights": kind,
        "dataset": images["name"],
        "recipe": recorded_recipe(about["recipe"]),
        "seed": about["recipe"]["seed"],
        **{key: environment[key] for key in ("commit", "device", "torch")},
        **{key: result[key] for key in ("epochs", "seconds")},
        **({} if recipe.tta else accuracies),  # measured with two answers
    }


def complete(model: nn.Module, shape: tuple[int, ...], about: Mapping[str, Any]) -> bytes:
    """The file of a network in eval mode, on the CPU, for which there is no run of a lesson.

    Args:
        shape: of one image, (C, H, W), all sides alike.
        about: title, classes, mean, std and dataset, and whatever else the file is to say.
    """
    known = network_metadata(model, shape, about["title"])
    return _with_metadata(halved(to_onnx(model, shape)), {**known, "network": "own", **about})


def network_metadata(model: nn.Module, shape: tuple[int, ...], title: str) -> dict[str, Any]:
    """The metadata that any network has, for images of `shape` (C, H, W)."""
    opened, known = Opened(model, shape), facts(title, model, shape)
    counts = ("parameters", "auxiliary_parameters", "macs")
    return {
        "format": FORMAT,
        "title": title,
        "size": shape[-1],
        "stages": [
            {**stage.facts, "name": stage.name, "kernel": stage.kernel is not None}
            for stage in opened.stages
        ],
        "class_activation": opened.head is not None,
        **({"attention_rollout": True} if opened.attention else {}),
        **{key: known[key] for key in counts if key in known},
    }


def _with_metadata(model: "ModelProto", lecture: Mapping[str, Any]) -> bytes:
    """An ONNX file, in bytes, with its metadata."""
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps(lecture, separators=(",", ":"))
    return bytes(model.SerializeToString())


def parse(content: bytes) -> dict[str, Any]:
    """The metadata in the bytes of a file that `pack` or `complete` made."""
    import onnx

    model = onnx.ModelProto.FromString(content)
    known: dict[str, Any] = json.loads({each.key: each.value for each in model.metadata_props}[KEY])
    return known


def to_onnx(model: nn.Module, shape: tuple[int, ...], fold: bool = True) -> "ModelProto":
    """A network in eval mode, on the CPU, as an ONNX model in float32, of any batch up to 64.

    Its input is `images` (n, C, H, W); its outputs are those of `Opened`, and `STAGE.kernel`, the
    weight of each stage that is one convolution. With `fold`, batch norms are folded into the
    convolutions before them. Raises `UserError` where packages are missing, or PyTorch fails.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401 (for `agree`)
        import onnxscript  # noqa: F401 (for torch's exporter)
    except ImportError as error:
        raise UserError(
            f"to export a network, {error.name} is needed: pip install -e '.[export]'"
        ) from None

    opened = Opened(model, shape).eval()
    try:
        with torch.no_grad(), redirect_stderr(io.StringIO()):  # which prints what it fails on
            program = torch.onnx.export(
                opened,
                (torch.rand(2, *shape),),
                dynamo=True,
                input_names=["images"],
                output_names=opened.outputs,
                dynamic_shapes=({0: torch.export.Dim("n", min=1, max=LARGEST_BATCH)},),
                optimize=fold,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = first_line(error.__cause__ or error)
        raise UserError(f"the network cannot become an ONNX file: {reason}") from error
    assert program is not None  # it is only with `dynamo=False`
    model_proto = program.model_proto
    graph = model_proto.graph
    for node in graph.node:  # where in which program each came from: half of the file
        del node.metadata_props[:]
    del graph.value_info[:], graph.metadata_props[:], model_proto.metadata_props[:]
    for stage in opened.stages:
        if stage.kernel:
            name, weight = f"{stage.name}.kernel", f"model.{stage.kernel}"
            kind, side = onnx.TensorProto.FLOAT, model.get_parameter(stage.kernel).shape
            graph.node.append(onnx.helper.make_node("Identity", [weight], [name]))
            graph.output.append(onnx.helper.make_tensor_value_info(name, kind, side))
    return model_proto


def halved(model: "ModelProto") -> "ModelProto":
    """A copy of a float32 model whose weights take two bytes each, as float16."""
    return stored(model, lambda name, value: [value.astype(np.float16)])


def stored(
    model: "ModelProto", parts: Callable[[str, np.ndarray], Sequence[np.ndarray]]
) -> "ModelProto":
    """A copy of a float32 model whose weights are stored in fewer bytes.

    A runtime makes float32 weights of them again as it loads the file: the nodes for that depend on
    nothing but constants, so they are computed once. `parts` gives, for the name and the value of a
    weight, the smaller arrays that it is the product of.
    """
    from onnx import TensorProto, helper, numpy_helper

    model = copy.deepcopy(model)
    graph = model.graph
    constants, own = [*graph.initializer], [*graph.node]
    del graph.node[:], graph.initializer[:]
    for each in constants:
        value, factors = numpy_helper.to_array(each), []
        if value.dtype != np.float32:
            graph.initializer.append(numpy_helper.from_array(value, each.name))
            continue
        small = parts(each.name, value)
        for number, part in enumerate(small):
            name = f"{each.name}.{number}" if len(small) > 1 else each.name
            graph.initializer.append(numpy_helper.from_array(part, f"{name}.small"))
            cast = helper.make_node("Cast", [f"{name}.small"], [name], to=TensorProto.FLOAT)
            graph.node.append(cast)
            factors.append(name)
        if len(factors) > 1:
            graph.node.append(helper.make_node("Mul", factors, [each.name]))
    graph.node.extend(own)  # in the order in which they can be computed
    return model
