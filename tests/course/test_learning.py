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

KNOWN: dict[str, dict[str, Any]] = {
    name: json.loads((learning.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    for name in learning.LEARNED
}
STEPS = 10
each_network = pytest.mark.parametrize("name", learning.LEARNED)

# Prints bytes: two batches of shapes, then what the trainings of all networks begin with.
DRAW = """
const { drawShapes } = await import('./static/js/learn/shapes.js');
const { firstWeights } = await import('./static/js/learn/training.js');
const drawing = drawShapes(3);
for (let n = 0; n < 2; n += 1) fs.writeSync(1, drawing.next().value);
for (const name of process.argv.slice(1)) {
  const lesson = JSON.parse(fs.readFileSync(`static/learn/${name}.json`, 'utf8'));
  const weights = [...firstWeights(lesson, 0).values()];
  for (const values of weights) fs.writeSync(1, new Uint8Array(values.buffer));
}
"""


@pytest.fixture(scope="module")
def drawn() -> bytes:
    """What the page draws."""
    command = ["node", "-e", DRAW, *learning.LEARNED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return done.stdout


def test_the_page_draws_the_shapes_that_python_draws(drawn: bytes) -> None:
    images, _ = shapes.draw(1000, 3)
    page = torch.frombuffer(bytearray(drawn), dtype=torch.uint8)[: images.numel()]
    apart = (page.view(images.shape).int() - images).abs()
    # The last digit of a float decides on which side of a whole number a pixel lies.
    assert apart.max() <= 1
    assert (apart > 0).float().mean() < 1e-4


def test_the_page_begins_with_the_weights_of_the_lessons_seed(drawn: bytes) -> None:
    wanted = []
    for name in learning.LEARNED:
        model = learning.network(name)
        wanted += [*model.parameters(), *step.statistics(model).values()]
    values = torch.cat([value.detach().flatten() for value in wanted])
    page = np.frombuffer(drawn[-4 * len(values) :], np.float32)
    # PyTorch takes logarithm and sine of a normal number with fewer digits than the page.
    assert np.abs(page - values.numpy()).max() < 1e-6


@each_network
def test_ten_steps_in_the_page_are_ten_steps_of_the_lessons_optimizer(name: str) -> None:
    recipe, model = lessons.networks()[name].recipe, learning.network(name)
    weights = dict(model.named_parameters())
    running = step.statistics(model)
    lr = learning.LEARNED[name].shapes["lr"]
    optimizer = torch.optim.SGD(
        [
            {
                "params": [value for value in weights.values() if value.ndim > 1],
                "weight_decay": recipe.weight_decay,
            },
            {"params": [value for value in weights.values() if value.ndim == 1]},
        ],
        lr=lr,
        momentum=recipe.momentum,
        nesterov=True,
    )

    def state() -> dict[str, np.ndarray]:
        """The lesson's weights, running statistics and momenta."""
        held = {each: value.detach().numpy().copy() for each, value in (weights | running).items()}
        for each, value in weights.items():
            kept = optimizer.state[value].get("momentum_buffer", torch.zeros_like(value))
            held[f"{each}.momentum"] = kept.numpy().copy()
        return held

    path = learning.FOLDER / KNOWN[name]["files"]["step"]
    session = InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    pixels, labels = shapes.draw(16 * STEPS)
    images = (pixels.float() / 255 - 0.5) / 0.2
    held, apart = state(), []
    for batch, wanted in zip(images.split(16), labels.split(16), strict=True):
        given = {
            "images": batch.numpy(),
            "targets": (F.one_hot(wanted, 10) / len(wanted)).numpy(),
            "lr": np.array(lr, np.float32),
            "momentum": np.array(recipe.momentum, np.float32),
        }
        outputs = dict(zip(names, session.run(None, held | given), strict=True))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch), wanted)
        loss.backward()
        optimizer.step()
        assert outputs["loss"] == pytest.approx(loss.item(), abs=1e-5)
        theirs = state()
        ours = {each: outputs[f"{each}.new"] for each in theirs}
        apart.append([np.abs(ours[each] - theirs[each]).max() for each in theirs])
        # Behind batch norms, which divide by small numbers, a last digit grows: PyTorch in float32
        # is 0.01 and more from itself in float64 after ten steps. There each step begins anew.
        held = theirs if running else ours
    # And where a ReLU's input is zero but for its last digit, its slope is 0 or 1 by chance, in
    # about one step of ten. A mistake would be in every step.
    assert (np.median(apart, axis=0) if running else np.max(apart, axis=0)).max() < 1e-5


@each_network
def test_the_files_are_what_the_lesson_gives_today(name: str) -> None:
    known = KNOWN[name]
    record = known["record"]
    assert learning.about(name) | {"record": record} == known
    assert record["passes"] == learning.LEARNED[name].passes
    assert record["history"][-1]["accuracy"] > 0.75
    size = {path.name: path.stat().st_size for path in learning.FOLDER.glob(f"{name}*")}
    assert sum(size.values()) < 200_000
    with Image.open(learning.FOLDER / f"{name}.png") as picture:
        first = np.asarray(picture)[:32, :32]
    wanted = shapes.draw(*learning.VALIDATION)[0][0].permute(1, 2, 0).numpy()
    assert np.array_equal(first, wanted)


def test_an_export_gives_the_same_bytes_again() -> None:
    """The smallest one's; that every file makes the lesson's steps is proven above."""
    name = next(iter(learning.LEARNED))
    there = onnx.load(learning.FOLDER / KNOWN[name]["files"]["step"])
    decay = lessons.networks()[name].recipe.weight_decay
    made = step.step_model(learning.network(name), decay)
    if made.producer_version != there.producer_version:
        there = step.step_model(learning.network(name), decay)
    assert made.SerializeToString() == there.SerializeToString()


@each_network
def test_the_recorded_run_learns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "TRAINING", (640, 0))
    monkeypatch.setattr(learning, "VALIDATION", (50, 1))
    record, model = learning.learn(KNOWN[name], 3)
    first, *_, last = record["history"]
    assert first == {"images": 0, "accuracy": first["accuracy"]}
    assert last["images"] == 3 * 640
    assert last["loss"] < 2.25 < np.log(10)
    assert [len(row) for row in record["answers"]] == [10] * 10
    with Image.open(io.BytesIO(learning.picture(model))) as picture:
        assert picture.size == (160, 64 + KNOWN[name]["parameters"][0]["shape"][-1])
