"""The commands of docs/scale.md are such as the lessons know, and run: small, and on a CPU."""

from __future__ import annotations

import importlib
import io
import re
import runpy
import shlex
import subprocess
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path

import pytest

from conftest import ROOT
from course.serving import free_port
from forking import forked, python
from lab import cli, data
from running import environment

PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]
SEARCHES = [line for line in COMMANDS if ".py search" in line]
ALONE = [
    line
    for line in COMMANDS
    if line.startswith("python code/") and ".py resume" not in line and line not in SEARCHES
]
ONE_MACHINE = [line for line in COMMANDS if "--standalone" in line]
SEVERAL = [line for line in COMMANDS if "--nnodes" in line]
# What makes ResNet small. A setting that is given twice has its last value.
SMALL = "--depth 8 --data shapes --limit 200 --epochs 1 --no-progress"
SMALL_SEARCH = (
    "--data shapes --limit 200 --population 2 --generations 2 --nodes 2 "
    "--width 2 --epochs 1 --images 60"
)
RUN = "runs/lenet/20261123-141500-0"


def small(line: str, port: int = 0, settings: str = SMALL) -> list[str]:
    """A command of the page with few images, one process a machine, and no GPU."""
    changes = {"nproc_per_node=4": "nproc_per_node=1", "--device cuda": "--device cpu"}
    changes |= {"192.0.2.1": "127.0.0.1", "29500": str(port)}
    for old, new in changes.items():
        line = line.replace(old, new)
    program, *words = shlex.split(re.sub(r"^CUDA_VISIBLE_DEVICES=\d ", "", line))
    launcher = {"python": [], "torchrun": ["-m", "torch.distributed.run"]}[program]
    words = [str(ROOT / word) if word.startswith("code/") else word for word in words]
    return [sys.executable, *launcher, *words, *settings.split()]


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    """Start it in a folder that then holds its runs."""
    return subprocess.Popen(
        forked([*command, "--out", "runs"]),
        cwd=folder,
        env=environment(
            CUDA_VISIBLE_DEVICES="", GLOO_SOCKET_IFNAME="lo", PYTHON_EXEC=python(str(folder))
        ),
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
    known = [*ALONE, *ONE_MACHINE, *SEVERAL, *SEARCHES]
    others = [line for line in COMMANDS if line not in known]
    assert others == [f"python code/lenet.py resume {RUN}", "python benchmarks/training.py"]
    assert (ROOT / "benchmarks" / "training.py").exists()


@pytest.mark.parametrize("line", [line for line in COMMANDS if "code/" in line])
def test_a_lesson_knows_the_settings_of_a_command(line: str) -> None:
    name, words = re.findall(r"code/(\w+)\.py(.*)", line)[0]
    lesson, argv = importlib.import_module(name).LESSON, shlex.split(words)
    recipe, options, hidden = lesson.recipe, lesson.options, ()
    if argv and argv[0] in lesson.commands:
        command = lesson.commands[argv.pop(0)]
        recipe, options, hidden = command.recipe, command.options, command.hidden
    elif argv[:1] == ["resume"]:
        assert argv[1:] == [RUN]
        return
    cli._parser(recipe, options, "", hidden=hidden).parse_args(argv)  # raises UserError


def run(command: list[str], folder: Path) -> str:
    """Run a lesson's command in a folder, in this process; return what it printed."""
    _, script, *words = command
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
        patch.setattr(sys, "argv", [script, *words, "--out", "runs"])
        patch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards
        patch.setattr(data, "SHAPES_DRAWN", 300)
        patch.chdir(folder)
        with suppress(SystemExit):
            runpy.run_path(script, run_name="__main__")
    return out.getvalue()


def test_a_command_for_one_machine_runs(tmp_path: Path) -> None:
    line = next(line for line in ALONE if "--device cuda" in line)
    assert "test accuracy" in run(small(line), tmp_path)


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


def check_one_search(printed: list[str]) -> None:
    """Assert that the commands that printed this made one search together."""
    studies = {re.findall(r"^study (\S+): ", text, re.MULTILINE)[0] for text in printed}
    assert len(studies) == 1
    made = [line for text in printed for line in text.splitlines() if "M MACs" in line]
    assert 4 <= len(made) <= 5  # each further worker may add one on top
    assert all("train it: " in text for text in printed)


def test_the_commands_for_one_machine_search_together(tmp_path: Path) -> None:
    lines = [line for line in SEARCHES if "--storage" not in line]
    assert len(lines) == 2
    workers = [start(small(line, settings=SMALL_SEARCH), tmp_path) for line in lines]
    check_one_search(list(map(finish, workers)))
    assert (tmp_path / "runs" / "nsganet" / "search.db").exists()


@pytest.mark.parametrize("line", [line for line in SEARCHES if "--storage" in line])
def test_a_command_for_several_machines_searches_in_one_storage(line: str, tmp_path: Path) -> None:
    folders = [tmp_path / "0", tmp_path / "1"]
    for folder in folders:
        folder.mkdir()
    line = re.sub(r"postgresql://\S+", f"sqlite:///{tmp_path}/search.db", line)
    # One after the other: that workers search side by side in such a storage has its own test.
    check_one_search([run(small(line, settings=SMALL_SEARCH), folder) for folder in folders])
    assert len([path for path in tmp_path.iterdir() if path.is_file()]) == 1
