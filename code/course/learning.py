"""What the slides "Watch it learn" need: static/learn. `make models` writes it, too.

    python -m course.learning               all networks
    python -m course.learning resnet        one of them

A training step and a network are ONNX graphs (`course.step`). Beside them lie what the page must
know of the lesson, and a recorded run of the same training, for paper and without a script.
"""

import argparse
import copy
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from lab import data, files, machine, shapes, training
from lab.batches import Batches, normalized
from lab.data import Split
from lab.errors import UserError
from lab.facts import facts
from lab.onnx import export
from lab.parser import Parser
from lab.recipe import Options

from . import lessons, step
from .own.learned import LEARNED as OWN

FOLDER = lessons.ROOT / "static" / "learn"
SHAPE = (3, data.SIZE, data.SIZE)
# How many drawn shapes, and of which seed: to train on, and to validate.
TRAINING, VALIDATION = (9000, 0), (500, 1)
# It answers with a moving average of its weights, as with `--ema`: at a rate that does not fall,
# the weights themselves go back and forth.
EMA = 0.97
EVERY = 16  # steps between two points of the recorded curve


@dataclass(frozen=True)
class Learned:
    """A network that learns in the page.

    The rate stays where the room puts it, while the lesson's rises and falls; a smaller batch than
    the lesson's takes more steps with the same images.
    """

    title: str
    build: Callable[[int], nn.Module]  # for so many classes
    shapes: dict[str, Any]  # what the sliders begin with
    own: dict[str, Any]  # and with the room's few pictures
    passes: int  # over all images, in the recorded run


def _lenet(classes: int) -> nn.Module:
    lesson = lessons.networks()["lenet"]
    return lesson.build(lesson.recipe, classes)


LEARNED = {
    "lenet": Learned(
        "LeNet-5",
        _lenet,
        shapes={"lr": 0.02, "momentum": 0.9, "batch": 64, "augment": False},
        own={"lr": 0.01, "momentum": 0.9, "batch": 16, "augment": True},
        passes=6,
    ),
    **{name: Learned(**each) for name, each in OWN.items()},
}


def network(name: str) -> nn.Module:
    """A lesson's network, with the weights that the lesson's seed gives."""
    torch.manual_seed(lessons.networks()[name].recipe.seed)
    return LEARNED[name].build(len(shapes.SHAPES))


class Draws(TorchDispatchMode):
    """Notes each tensor that is filled with random numbers: how it is drawn, one after another."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.all: list[tuple[Tensor, dict[str, float]]] = []

    def __torch_dispatch__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if call is torch.ops.aten.uniform_.default:
            tensor, low, high = args
            assert low == -high, "the page draws around zero"
            self.all.append((tensor, {"bound": high}))
        elif call is torch.ops.aten.normal_.default:
            tensor, mean, deviation = args
            assert mean == 0, "the page draws around zero"
            self.all.append((tensor, {"deviation": deviation}))
        return call(*args, **(kwargs or {}))


def first(name: str) -> dict[str, Any]:
    """How a network begins: its parameters, its running statistics, and how they are drawn.

    A layer may be drawn twice, or be replaced: the random numbers that it took are gone.
    """
    with Draws() as draws:
        model = network(name)
    names = {id(value): each for each, value in model.named_parameters()}
    drawn = {id(tensor) for tensor, _ in draws.all}

    def entry(each: str, value: Tensor) -> dict[str, Any]:
        # `item` raises unless all values are the same.
        constant = {} if id(value) in drawn else {"constant": value.unique().item()}
        return {"name": each, "shape": list(value.shape), **constant}

    return {
        "parameters": [entry(*each) for each in model.named_parameters()],
        "statistics": [entry(*each) for each in step.statistics(model).items()],
        "draws": [
            {"name": names.get(id(tensor), ""), "count": tensor.numel(), **how}
            for tensor, how in draws.all
        ],
    }


def about(name: str) -> dict[str, Any]:
    """What the page must know of a lesson and its images, as JSON data."""
    recipe, learned, model = lessons.networks()[name].recipe, LEARNED[name], network(name)
    pixels = shapes.draw(*TRAINING)[0].float().div_(255)
    opened = export.Opened(model, SHAPE)
    return {
        "network": name,
        "title": learned.title,
        "files": {"step": f"{name}-step.onnx", "network": f"{name}.onnx"},
        "classes": list(shapes.SHAPES),
        "mean": [round(each, 4) for each in pixels.mean((0, 2, 3)).tolist()],
        "std": [round(each, 4) for each in pixels.std((0, 2, 3)).tolist()],
        "shift": recipe.crop_padding,
        "settings": {"shapes": learned.shapes, "own": learned.own},
        "ema": EMA,
        "training": dict(zip(("count", "seed"), TRAINING, strict=True)),
        "validation": dict(zip(("count", "seed"), VALIDATION, strict=True)),
        **first(name),
        "macs": facts(learned.title, model, SHAPE)["macs"],
        "class_activation": opened.head is not None,
        "stages": [
            {
                "name": each.name,
                "kind": each.facts["kind"],
                "output": each.facts["output"],
                "kernel": each.kernel is not None,
            }
            for each in opened.stages
        ],
    }


def learn(known: dict[str, Any], passes: int) -> tuple[dict[str, Any], nn.Module]:
    """Train as the page does; return the record and the network."""
    name = known["network"]
    settings, model = LEARNED[name].shapes, network(name)
    rates = {"lr": settings["lr"], "momentum": settings["momentum"]}
    recipe = replace(lessons.networks()[name].recipe, **rates)
    average = copy.deepcopy(model).eval()
    train, validation = Split(*shapes.draw(*TRAINING)), Split(*shapes.draw(*VALIDATION))
    batches = Batches(
        train,
        mean=known["mean"],
        std=known["std"],
        batch_size=settings["batch"],
        seed=recipe.seed,
        crop_padding=known["shift"] if settings["augment"] else 0,
        flip=settings["augment"],
    )
    (others, labels), *_ = normalized(validation, known["mean"], known["std"], len(validation))
    device, options = torch.device("cpu"), Options(channels_last=False, precision="fp32")
    _, optimizer, _ = training.initialize(model, recipe, device, options)
    history: list[dict[str, float]] = []
    losses: list[float] = []
    seen = 0

    def measure() -> Tensor:
        with torch.no_grad():
            shares: Tensor = average(others).softmax(1)
        loss = {"loss": round(sum(losses) / len(losses), 4)} if losses else {}
        right = (shares.argmax(1) == labels).float().mean().item()
        history.append({"images": seen, **loss, "accuracy": round(right, 4)})
        losses.clear()
        return shares

    shares = measure()
    start = time.perf_counter()
    for batches.epoch in range(passes):
        for number, (images, wanted, _) in enumerate(batches, 1):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), wanted)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                for mean, weight in zip(average.parameters(), model.parameters(), strict=True):
                    mean.lerp_(weight, 1 - EMA)
                for held, now in zip(average.buffers(), model.buffers(), strict=True):
                    held.copy_(now)
            losses.append(loss.item())
            seen += len(images)
            if number % EVERY == 0 or number == len(batches):
                shares = measure()
    # The first images are one of each class.
    answers = [[round(each, 4) for each in row.tolist()] for row in shares[: len(shapes.SHAPES)]]
    return {
        "command": f"python -m course.learning {name}",
        "device": machine.describe(device),
        "torch": torch.__version__,
        "seconds": round(time.perf_counter() - start, 1),
        "passes": passes,
        "history": history,
        "answers": answers,
    }, average


def picture(model: nn.Module) -> bytes:
    """The ten pictures, in two rows, and below them the filters of the first layer, as PNG."""
    half = len(shapes.SHAPES) // 2
    pictures = shapes.draw(*VALIDATION)[0][: 2 * half]
    rows = torch.cat([torch.cat([*row], 2) for row in pictures.split(half)], 1)  # (3, H, W)
    kernels = next(model.parameters()).detach()
    largest = kernels.abs().amax((1, 2, 3), keepdim=True)
    filters = (127.5 + 127.5 * kernels / largest).round().to(torch.uint8)
    strip = torch.cat([*filters], 2)
    padded = F.pad(strip, (0, rows.shape[2] - strip.shape[2]), value=255)  # with white
    whole = torch.cat([rows, padded], 1).permute(1, 2, 0).numpy()
    content = io.BytesIO()
    Image.fromarray(whole).save(content, format="png", optimize=True)
    return content.getvalue()


def write(*names: str) -> None:
    """Make all files of some networks, and only then put them into static/learn."""
    made: dict[str, bytes] = {}
    for name in names or LEARNED:
        known = about(name)
        record, model = learn(known, LEARNED[name].passes)
        told = json.dumps(known | {"record": record}, indent=1) + "\n"
        decay = lessons.networks()[name].recipe.weight_decay
        made |= {
            known["files"]["step"]: step.step_model(network(name), decay).SerializeToString(),
            known["files"]["network"]: step.forward_model(network(name)).SerializeToString(),
            f"{name}.png": picture(model),
            f"{name}.json": told.encode(),
        }
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        files.write_bytes(FOLDER / name, content)
        print(f"{machine.shown(FOLDER / name)}: {len(content):,} bytes")


if __name__ == "__main__":
    machine.show_errors_in_one_line()
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(LEARNED)}")
    names = parser.parse_args().names
    unknown = [name for name in names if name not in LEARNED]
    if unknown:
        raise UserError(f"{unknown[0]} does not learn in the page: {', '.join(LEARNED)} do")
    write(*names)
