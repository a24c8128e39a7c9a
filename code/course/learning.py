"""What the slide "Watch it learn" needs: static/learn. `make models` writes it, too.

    python -m course.learning

Its training step and its network are ONNX graphs (`course.step`). Beside them lie what the page
must know of the lesson, and a recorded run of the same training, for paper and without a script.
"""

import copy
import io
import json
import math
import time
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from lab import data, files, machine, shapes
from lab.batches import Batches, normalized
from lab.data import Split
from lab.facts import facts
from lab.onnx import export

from . import lessons, step

FOLDER = lessons.ROOT / "static" / "learn"
# How many drawn shapes, and of which seed: to train on, and to validate.
TRAINING, VALIDATION = (9000, 0), (500, 1)
# What the sliders begin with. The rate stays where the room puts it, while the lesson's rises and
# falls; a smaller batch than the lesson's takes more steps with the same images.
SETTINGS: dict[str, Any] = {"lr": 0.02, "momentum": 0.9, "batch": 64, "augment": False}
OWN: dict[str, Any] = {"lr": 0.01, "momentum": 0.9, "batch": 16, "augment": True}  # few pictures
# It answers with a moving average of its weights, as with `--ema`: at a rate that does not fall,
# the weights themselves go back and forth.
EMA = 0.98
EVERY = 16  # steps between two points of the recorded curve
PASSES = 6  # over all images, in the recorded run


def about() -> dict[str, Any]:
    """What the page must know of the lesson and its images, as JSON data."""
    recipe, model = lessons.networks()[step.LESSON].recipe, step.network()
    known = facts(recipe.title, model, (3, data.SIZE, data.SIZE))
    pixels = shapes.draw(*TRAINING)[0].float().div_(255)
    return {
        "network": step.LESSON,
        "title": recipe.title,
        "files": {"step": f"{step.LESSON}-step.onnx", "network": f"{step.LESSON}.onnx"},
        "classes": list(shapes.SHAPES),
        "mean": [round(each, 4) for each in pixels.mean((0, 2, 3)).tolist()],
        "std": [round(each, 4) for each in pixels.std((0, 2, 3)).tolist()],
        "shift": recipe.crop_padding,
        "settings": {"shapes": SETTINGS, "own": OWN},
        "ema": EMA,
        "training": dict(zip(("count", "seed"), TRAINING, strict=True)),
        "validation": dict(zip(("count", "seed"), VALIDATION, strict=True)),
        "parameters": [
            # PyTorch draws all of a layer's from -bound to bound.
            {"name": name, "shape": list(value.shape), "bound": _bound(model, name)}
            for name, value in model.named_parameters()
        ],
        "macs": known["macs"],
        "stages": [
            {
                "name": each.name,
                "kind": each.facts["kind"],
                "output": each.facts["output"],
                "kernel": each.kernel is not None,
            }
            for each in export.stages(model, (3, data.SIZE, data.SIZE))
        ],
    }


def _bound(model: nn.Module, name: str) -> float:
    weight = model.get_parameter(f"{name.rpartition('.')[0]}.weight")
    return 1 / math.sqrt(weight[0].numel())


def learn(known: dict[str, Any], passes: int) -> tuple[dict[str, Any], nn.Module]:
    """Train as the page does; return the record and the network."""
    recipe, model = lessons.networks()[step.LESSON].recipe, step.network()
    average = copy.deepcopy(model)
    train, validation = Split(*shapes.draw(*TRAINING)), Split(*shapes.draw(*VALIDATION))
    batches = Batches(
        train,
        mean=known["mean"],
        std=known["std"],
        batch_size=SETTINGS["batch"],
        seed=recipe.seed,
        crop_padding=known["shift"] if SETTINGS["augment"] else 0,
        flip=SETTINGS["augment"],
    )
    (others, labels), *_ = normalized(validation, known["mean"], known["std"], len(validation))
    decayed = [weight for weight in model.parameters() if weight.ndim > 1]
    biases = [weight for weight in model.parameters() if weight.ndim == 1]
    optimizer = torch.optim.SGD(
        [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": biases}],
        lr=SETTINGS["lr"],
        momentum=SETTINGS["momentum"],
        nesterov=True,
    )
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
            losses.append(loss.item())
            seen += len(images)
            if number % EVERY == 0 or number == len(batches):
                shares = measure()
    # The first images are one of each class.
    answers = [[round(each, 4) for each in row.tolist()] for row in shares[: len(shapes.SHAPES)]]
    device = torch.device("cpu")
    return {
        "command": "python -m course.learning",
        "device": machine.describe(device),
        "torch": torch.__version__,
        "seconds": round(time.perf_counter() - start, 1),
        "passes": passes,
        "history": history,
        "answers": answers,
    }, average


def picture(model: nn.Module) -> bytes:
    """The ten pictures, in two rows, and below them the filters of the first layer, as PNG."""
    side, half = data.SIZE, len(shapes.SHAPES) // 2
    pictures = shapes.draw(*VALIDATION)[0][: 2 * half].permute(0, 2, 3, 1).numpy()
    kernels = next(model.parameters()).detach()
    largest = kernels.abs().amax((1, 2, 3), keepdim=True)
    filters = (127.5 + 127.5 * kernels / largest).round().to(torch.uint8)
    size = filters.shape[-1]
    whole = np.full((2 * side + size, half * side, 3), 255, np.uint8)
    for n, each in enumerate(pictures):
        row, column = divmod(n, half)
        whole[row * side : (row + 1) * side, column * side : (column + 1) * side] = each
    for n, each in enumerate(filters.permute(0, 2, 3, 1).numpy()):
        whole[2 * side :, n * size : (n + 1) * size] = each
    content = io.BytesIO()
    Image.fromarray(whole).save(content, format="png", optimize=True)
    return content.getvalue()


def write() -> None:
    """Make all files, and only then put them into static/learn."""
    known = about()
    record, model = learn(known, PASSES)
    told = json.dumps(known | {"record": record}, indent=1) + "\n"
    made = {
        known["files"]["step"]: step.step_model().SerializeToString(),
        known["files"]["network"]: step.forward_model().SerializeToString(),
        f"{step.LESSON}.png": picture(model),
        f"{step.LESSON}.json": told.encode(),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        files.write_bytes(FOLDER / name, content)
        print(f"{machine.shown(FOLDER / name)}: {len(content):,} bytes")


if __name__ == "__main__":
    machine.show_errors_in_one_line()
    write()
