"""The commands of docs/scale.md are such as the lessons know, and run: small, and on a CPU."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from lab import Options, cli
from running import environment
from serving import free_port

PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]
ALONE = [line for line in COMMANDS if line.startswith("python code/") and "--resume" not in line]
ONE_MACHINE = [line for line in COMMANDS if "--standalone" in line]
SEVERAL = [line for line in COMMANDS if "--nnodes" in line]
# What makes ResNet small. A setting that is given twice has its last value.
SMALL = "--depth 8 --data shapes --limit 200 --epochs 1 --no-progress"
RUN = "runs/lenet/20261123-141500-0"


def small(line: str, port: int = 0) -> list[str]:
    """A command of the page with few images, one process a machine, and no GPU."""
    changes = {"nproc_per_node=4": "nproc_per_node=1", "--device cuda": "--device cpu"}
    changes |= {"192.0.2.1": "127.0.0.1", "29500": str(port)}
    for old, new in changes.items():
        line = line.replace(old, new)
    program, *words = shlex.split(line)
    launcher = {"python": [], "torchrun": ["-m", "torch.distributed.run"]}[program]
    words = [str(ROOT / word) if word.startswith("code/") else word for word in words]
    return [sys.executable, *launcher, *words, *SMALL.split()]


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    """Start it in a folder that then holds its runs."""
    return subprocess.Popen(
        [*command, "--out", "runs"],
        cwd=folder,
        env=environment(CUDA_VISIBLE_DEVICES="", GLOO_SOCKET_IFNAME="lo"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for its end; return what it printed."""
    printed, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return printed


def test_every_command_of_the_page_is_of_a_kind_that_is_run_here() -> None:
    known = [*ALONE, *ONE_MACHINE, *SEVERAL]
    others = [line for line in COMMANDS if line not in known]
    assert others == [f"python code/lenet.py --resume {RUN}", "python benchmarks/training.py"]
    assert (ROOT / "benchmarks" / "training.py").exists()


@pytest.mark.parametrize("line", [line for line in COMMANDS if "code/" in line])
def test_a_lesson_knows_the_settings_of_a_command(line: str) -> None:
    name, words = re.findall(r"code/(\w+)\.py(.*)", line)[0]
    parser = cli._parser(importlib.import_module(name).RECIPE, Options(), "", True)
    parser.parse_args(shlex.split(words))  # raises UserError


def test_a_command_for_one_machine_runs(tmp_path: Path) -> None:
    line = next(line for line in ALONE if "--device cuda" in line)
    assert "test accuracy" in finish(start(small(line), tmp_path))


def test_the_commands_for_two_machines_train_one_network(tmp_path: Path) -> None:
    port = free_port()
    machines = []
    for rank, line in enumerate(SEVERAL):
        folder = tmp_path / str(rank)
        folder.mkdir()
        machines.append(start(small(line, port), folder))
    first, second = map(finish, machines)
    assert first.count("test accuracy") == 1
    assert "test accuracy" not in second
    assert list((tmp_path / "0" / "runs" / "resnet").iterdir())
    assert not (tmp_path / "1" / "runs").exists()
