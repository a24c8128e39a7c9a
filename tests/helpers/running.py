"""How the tests run a lesson as a student does, and the small recipe that most of them use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ignite.engine import Events
from torch import Tensor, nn

import lab
from conftest import ROOT
from forking import forked, python
from lab import data, shapes, training
from lab.errors import Stopped
from lab.runs import LOCK, Run

LENET = ROOT / "code" / "lenet.py"
needs_muon = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="PyTorch has no Muon yet")
Build = Callable[[Any, int], nn.Module]

# Sums over two threads round otherwise than over one, and the processes started below have one.
torch.set_num_threads(1)


@cache
def drawn(count: int, *places: int) -> tuple[Tensor, Tensor]:
    """Some of the shapes: to draw them takes longer than to train a tiny network on them."""
    return shapes.draw(count, index=torch.tensor(places))


def draw(count: int, index: Tensor) -> list[Tensor]:
    """The same as a data set draws them, in this process only once."""
    return [each.clone() for each in drawn(count, *index.tolist())]


data.shapes = SimpleNamespace(**{**vars(shapes), "draw": draw})


def command(*arguments: str, name: str = "lenet") -> list[str]:
    """The command `python code/NAME.py ARGUMENTS`."""
    return [sys.executable, str(ROOT / "code" / f"{name}.py"), *arguments]


def environment(**changes: str) -> dict[str, str]:
    """One thread to a process: the tests run side by side on few cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1", **changes}


def run_python(words: list[str], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `python WORDS` in `cwd` to its end."""
    return subprocess.run(
        forked([sys.executable, *words]),
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=300,
    )


def lesson(*arguments: str, cwd: Path, name: str = "lenet") -> subprocess.CompletedProcess[str]:
    """Run `python code/NAME.py ARGUMENTS` in `cwd` to its end."""
    return run_python(command(*arguments, name=name)[1:], cwd)


def two_processes(words: list[str], cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `torchrun WORDS` in `cwd`, with two processes on the CPU of this machine."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    own = {"CUDA_VISIBLE_DEVICES": "", "PYTHON_EXEC": python(str(cwd))}
    return run_python([*torchrun, *words], cwd, **own, **more)


class Tiny(nn.Module):
    """A network with everything that a checkpoint must keep: batch norm, dropout, two layers."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, kernel_size=3, stride=4)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:  # (N, 3, 32, 32)
        x = torch.relu(self.norm(self.conv(x)))  # (N, 8, 8, 8)
        return self.head(self.drop(x.mean((2, 3))))  # (N, classes)


def tiny(recipe: lab.Recipe, classes: int) -> Tiny:
    """Build `Tiny`, as a lesson builds its network."""
    return Tiny(classes)


class Deep(nn.Module):
    """A kernel that reads the image, one behind it, a depthwise one, and a 1x1 one."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=4)
        self.norm = nn.BatchNorm2d(8)
        self.hidden = nn.Conv2d(8, 6, 3, padding=1)
        self.depthwise = nn.Conv2d(6, 6, 3, groups=6)
        self.mixing = nn.Conv2d(6, 5, 1)
        self.head = nn.Linear(5, classes)

    def forward(self, x: Tensor) -> Tensor:  # (N, 3, 32, 32)
        x = torch.relu(self.hidden(self.norm(self.first(x))))
        return self.head(torch.relu(self.mixing(self.depthwise(x))).mean((2, 3)))


def deep(recipe: lab.Recipe, classes: int) -> Deep:
    """Build `Deep`, as a lesson builds its network."""
    return Deep(classes)


def tiny_recipe(**changes: object) -> lab.Recipe:
    """Three epochs on 300 drawn images: under a second."""
    values = {"data": "shapes", "limit": 300, "epochs": 3, "batch_size": 64, "seed": 7, **changes}
    return lab.Recipe("tiny", **values)  # type: ignore[arg-type]


def options(out: Path, **changes: object) -> lab.Options:
    """Where a test trains: in `out`, on the CPU unless it says otherwise."""
    values = {"device": "cpu", "progress": False, **changes}
    return lab.Options(out=str(out), **values)  # type: ignore[arg-type]


def only_run(out: Path, name: str = "tiny") -> Run:
    """The run of a network in `out` that has no other."""
    (folder,) = (out / name).iterdir()
    return Run(folder)


def contents(folder: Path) -> dict[str, bytes]:
    """The files in a folder, but for the lock of a run, which says nothing."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LOCK}


def weights(run: Run, name: str = "last.pt") -> dict[str, Tensor]:
    """The weights in a checkpoint of a run."""
    checkpoint = run.load(name)
    return checkpoint["model"] if name == "last.pt" else checkpoint


def assert_equal_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    """Equal to the last bit."""
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def assert_same_training(one: Run, other: Run) -> None:
    """Equal to the last bit: the weights, and the history but for its seconds."""
    for name in ("last.pt", "best.pt"):
        assert_equal_weights(weights(one, name), weights(other, name))
    rows, others = (
        [row | {"seconds": 0} for row in run.read("history.json")] for run in (one, other)
    )
    assert rows == others


def press_ctrl_c_after(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the next trainer interrupted once it has made that many steps."""
    create_trainer = training.create_trainer

    def interrupted(*arguments: object) -> object:
        trainer = create_trainer(*arguments)  # type: ignore[arg-type]
        press = lambda: os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=step), press)
        return trainer

    monkeypatch.setattr(training, "create_trainer", interrupted)


def resumed(build: Build, recipe: lab.Recipe, options: lab.Options) -> Run:
    """Go on with the only run in a folder, to its end."""
    begun = only_run(Path(options.out), recipe.network)
    return lab.train(build, recipe, replace(options, resume=str(begun.folder))).run


def stopped_and_resumed(
    build: Build, recipe: lab.Recipe, options: lab.Options, step: int = 7
) -> Run:
    """Train with Ctrl-C after so many steps, and go on from there."""
    with pytest.MonkeyPatch.context() as patch:
        press_ctrl_c_after(step, patch)
        with pytest.raises(
            Stopped, match=rf"^stopped; continue with: .* resume .*{recipe.network}"
        ):
            lab.train(build, recipe, options)
    checkpoint = only_run(Path(options.out), recipe.network).load("last.pt")
    assert checkpoint["trainer"]["iteration"] == step
    return resumed(build, recipe, options)
