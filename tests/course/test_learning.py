"""What is trained in the page is the lesson's: its step, its network, its images, its weights."""

from __future__ import annotations

import io
import json
import subprocess
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from PIL import Image
from torch.nn import functional as F

from conftest import ROOT
from course import learning, lessons, step
from lab import shapes

KNOWN: dict[str, Any] = json.loads((learning.FOLDER / "lenet.json").read_text(encoding="utf-8"))
STEP = learning.FOLDER / KNOWN["files"]["step"]
STEPS = 10

# Prints bytes: two batches of shapes, then the weights that a training begins with.
DRAW = """
const { drawShapes } = await import('./static/js/learn/shapes.js');
const { firstWeights } = await import('./static/js/learn/training.js');
const { parameters } = JSON.parse(fs.readFileSync('static/learn/lenet.json', 'utf8'));
const drawing = drawShapes(3);
for (let n = 0; n < 2; n += 1) fs.writeSync(1, drawing.next().value);
for (const values of firstWeights(parameters, 0)) fs.writeSync(1, new Uint8Array(values.buffer));
"""


@pytest.fixture(scope="module")
def drawn() -> bytes:
    """What the page draws."""
    done = subprocess.run(["node", "-e", DRAW], cwd=ROOT, capture_output=True, check=True)
    return done.stdout


def test_the_page_draws_the_shapes_that_python_draws(drawn: bytes) -> None:
    images, _ = shapes.draw(1000, 3)
    page = torch.frombuffer(bytearray(drawn), dtype=torch.uint8)[: images.numel()]
    apart = (page.view(images.shape).int() - images).abs()
    # The last digit of a float decides on which side of a whole number a pixel lies.
    assert apart.max() <= 1
    assert (apart > 0).float().mean() < 1e-4


def test_the_page_begins_with_the_weights_of_the_lessons_seed(drawn: bytes) -> None:
    wanted = torch.cat([value.detach().flatten() for value in step.network().parameters()])
    page = np.frombuffer(drawn[-4 * len(wanted) :], np.float32)
    assert np.abs(page - wanted.numpy()).max() < 1e-7


def test_ten_steps_in_the_page_are_ten_steps_of_the_lessons_optimizer() -> None:
    recipe, model = lessons.networks()[step.LESSON].recipe, step.network()
    weights = dict(model.named_parameters())
    optimizer = torch.optim.SGD(
        [
            {
                "params": [value for value in weights.values() if value.ndim > 1],
                "weight_decay": recipe.weight_decay,
            },
            {"params": [value for value in weights.values() if value.ndim == 1]},
        ],
        lr=0.1,
        momentum=recipe.momentum,
        nesterov=True,
    )
    state = {name: value.detach().clone().numpy() for name, value in weights.items()}
    state |= {f"{name}.momentum": np.zeros_like(value) for name, value in state.items()}
    session = InferenceSession(STEP.read_bytes(), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    pixels, labels = shapes.draw(16 * STEPS)
    images = (pixels.float() / 255 - 0.5) / 0.2
    for batch, wanted in zip(images.split(16), labels.split(16), strict=True):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch), wanted)
        loss.backward()
        optimizer.step()
        given = {
            "images": batch.numpy(),
            "targets": (F.one_hot(wanted, 10) / len(wanted)).numpy(),
            "lr": np.array(0.1, np.float32),
            "momentum": np.array(recipe.momentum, np.float32),
        }
        outputs = dict(zip(names, session.run(None, state | given), strict=True))
        assert outputs["loss"] == pytest.approx(loss.item(), abs=1e-5)
        state = {name: outputs[f"{name}.new"] for name in state}
    for name, value in weights.items():
        assert np.abs(state[name] - value.detach().numpy()).max() < 1e-5, name
        momentum = optimizer.state[value]["momentum_buffer"].numpy()
        assert np.abs(state[f"{name}.momentum"] - momentum).max() < 1e-5, name


def test_the_files_are_what_the_lesson_gives_today() -> None:
    record = KNOWN["record"]
    assert learning.about() | {"record": record} == KNOWN
    assert record["passes"] == learning.PASSES
    assert record["history"][-1]["accuracy"] > 0.75
    size = {path.name: path.stat().st_size for path in learning.FOLDER.iterdir()}
    assert sum(size.values()) < 100_000
    with Image.open(learning.FOLDER / "lenet.png") as picture:
        first = np.asarray(picture)[:32, :32]
    wanted = shapes.draw(*learning.VALIDATION)[0][0].permute(1, 2, 0).numpy()
    assert np.array_equal(first, wanted)


def test_an_export_gives_the_same_bytes_again() -> None:
    there = onnx.load(STEP)
    made = step.step_model()
    if made.producer_version != there.producer_version:
        there = step.step_model()
    assert made.SerializeToString() == there.SerializeToString()


def test_the_recorded_run_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "TRAINING", (640, 0))
    monkeypatch.setattr(learning, "VALIDATION", (50, 1))
    record, model = learning.learn(KNOWN, 3)
    first, *_, last = record["history"]
    assert first == {"images": 0, "accuracy": first["accuracy"]}
    assert last["images"] == 3 * 640
    assert last["loss"] < 2.25 < np.log(10)
    assert [len(row) for row in record["answers"]] == [10] * 10
    with Image.open(io.BytesIO(learning.picture(model))) as picture:
        assert picture.size == (160, 69)
