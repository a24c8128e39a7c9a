"""Training on an NVIDIA GPU: what it computes, against the CPU, and that a stopped run goes on."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

import lab
from course import lessons
from lab import training
from lab.muon import is_hidden_kernel
from running import (
    LENET,
    Build,
    Deep,
    assert_same_training,
    deep,
    environment,
    needs_muon,
    only_run,
    options,
    stopped_and_resumed,
    tiny,
    tiny_recipe,
)

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

IMAGES = 16


@pytest.fixture(autouse=True)
def exact() -> object:
    """Arithmetic in whole float32, and the same sums in the same order each time."""
    with torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    ):
        yield


on_gpu = partial(options, device="cuda")


def losses(trained: lab.Trained) -> list[float]:
    return [row["train_loss"] for row in trained.history]


def stepped(model: nn.Module, recipe: lab.Recipe, chosen: lab.Options) -> tuple[float, nn.Module]:
    """The loss of one step of the trainer with drawn images, and the network after it.

    In float64: through a deep network, what float32 rounds otherwise adds up to half of a step.
    """
    device = torch.device(chosen.device)
    data = lab.load("shapes", limit=IMAGES).to(device)
    kind = training.FORMATS[chosen.precision]
    replica, optimizer, scaler = training.initialize(model.double(), recipe, device, chosen)
    trainer = training.create_trainer(replica, optimizer, scaler, recipe, device, kind)
    images = (data.train.images.double() / 127.5 - 1).contiguous(
        memory_format=training.memory_format(chosen)
    )
    state = trainer.run([(images, data.train.labels, IMAGES)], max_epochs=1)
    return float(state.output), model.cpu()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", lessons.networks())
def test_a_step_of_a_lesson_is_the_same_as_on_the_cpu(name: str) -> None:
    lesson = lessons.networks()[name]
    torch.manual_seed(0)
    before = lesson.build(lesson.recipe, 10)
    for module in before.modules():
        if isinstance(module, nn.Dropout):  # its random numbers are not those of the CPU
            module.p = 0.0
    found = {
        device: stepped(
            copy.deepcopy(before),
            lesson.recipe,
            lab.Options(
                device=device, precision="fp32", channels_last=lesson.options.channels_last
            ),
        )
        for device in ("cpu", "cuda")
    }
    (loss, cpu), (other, gpu) = found["cpu"], found["cuda"]
    assert other == pytest.approx(loss, rel=1e-9)

    def moved(model: nn.Module) -> torch.Tensor:
        pairs = zip(model.parameters(), before.parameters(), strict=True)
        return torch.cat([(after - first).flatten() for after, first in pairs])

    assert moved(cpu).norm() > 0
    assert (moved(gpu) - moved(cpu)).norm() < 1e-6 * moved(cpu).norm()


@pytest.mark.parametrize(
    ("build", "settings", "chosen"),
    [
        (tiny, {"ema": 0.9, "cutout": 4}, {"precision": "fp32"}),
        (tiny, {"ema": 0.9, "cutout": 4}, {"precision": "fp16"}),
        (tiny, {"ema": 0.9, "cutout": 4}, {"precision": "fp32", "compile": True}),
        *(
            pytest.param(
                *(deep, {"muon": 0.03, "small_share": 0.5}, {"precision": precision}),
                marks=needs_muon,
            )
            for precision in ("fp32", "fp16")
        ),
    ],
    ids=["fp32", "fp16", "compiled", "muon-fp32", "muon-fp16"],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_a_stopped_run_resumes_to_the_same_weights(
    build: Build, settings: dict[str, object], chosen: dict[str, object], tmp_path: Path
) -> None:
    recipe = tiny_recipe(epochs=2, **settings)
    whole = lab.train(build, recipe, on_gpu(tmp_path / "whole", **chosen)).run
    assert_same_training(stopped_and_resumed(build, recipe, on_gpu(tmp_path, **chosen)), whole)


@needs_muon
def test_a_step_of_muon_is_about_the_same_as_on_the_cpu() -> None:
    torch.manual_seed(0)
    before, recipe = Deep(10), tiny_recipe(muon=0.03)
    found = {
        device: stepped(copy.deepcopy(before), recipe, lab.Options(device=device, precision="fp32"))
        for device in ("cpu", "cuda")
    }
    assert found["cuda"][0] == pytest.approx(found["cpu"][0], rel=1e-9)
    cpu, gpu = (dict(found[device][1].named_parameters()) for device in ("cpu", "cuda"))
    for name, weight in before.named_parameters():
        moved = cpu[name] - weight
        # Muon's own matrices are multiplied in bf16, which each device sums in its own order.
        off = 0.05 if is_hidden_kernel(weight) else 1e-6
        assert (gpu[name] - cpu[name]).norm() < off * moved.norm() + 1e-12, name


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_what_whole_precision_learns(precision: str, tmp_path: Path) -> None:
    recipe = tiny_recipe(epochs=4, limit=600)
    whole, half = (
        losses(lab.train(tiny, recipe, on_gpu(tmp_path, precision=name)))
        for name in ("fp32", precision)
    )
    assert half != whole
    assert half == pytest.approx(whole, rel=0.02)
    assert whole[-1] < 0.97 * whole[0]


def test_a_compiled_network_learns_what_it_learns_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, compiled = [], torch.compile
    monkeypatch.setattr(torch, "compile", lambda *a, **k: (calls.append(1), compiled(*a, **k))[1])
    lenet = lessons.networks()["lenet"]
    recipe = replace(lenet.recipe, data="shapes", limit=1200, epochs=3, batch_size=60)
    plain, faster = (
        losses(lab.train(lenet.build, recipe, on_gpu(tmp_path, precision="fp32", compile=each)))
        for each in (False, True)
    )
    assert calls == [1]
    assert faster == pytest.approx(plain, rel=1e-3)
    assert plain[-1] < plain[0]


def test_torchrun_trains_on_it(tmp_path: Path) -> None:
    recipe = "--data shapes --limit 600 --epochs 2 --batch-size 50 --precision fp32 --device cuda"
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=1"]
    rows = []
    for name, start in (("alone", []), ("group", torchrun)):
        words = [*start, str(LENET), *recipe.split(), "--out", name]
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stderr
        history = only_run(tmp_path / name, "lenet").read("history.json")
        rows.append([row["train_loss"] for row in history])
    assert rows[1] == pytest.approx(rows[0], abs=1e-3)
