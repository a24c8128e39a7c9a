"""`make`, the door that the README opens first."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from decks import write_litter
from running import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="Windows has no make")


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Not the settings of the `make test` that may have started this.
    clean = {key: os.environ[key] for key in os.environ if not key.startswith(("MAKE", "MFLAGS"))}
    clean.pop("ARGS", None)
    program = shutil.which("make") or "make"
    clean |= environment
    return subprocess.run(
        [program, *arguments], cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60
    )


def test_make_alone_presents() -> None:
    assert "npm start" in make("--dry-run").stdout


@pytest.mark.parametrize("arch", ["", "resnt", "lab"])
def test_a_network_without_a_lesson_gets_a_line_that_names_those_with_one(arch: str) -> None:
    done = make("train", f"ARCH={arch}")
    assert done.returncode == 2
    line = done.stderr.splitlines()[0]
    assert line.startswith(f"make train: ARCH={arch} is not a lesson; choose one of:")
    assert "lenet" in line


def test_what_is_called_like_a_lesson_and_is_no_file_is_none(tmp_path: Path) -> None:
    write_litter(tmp_path)
    (tmp_path / "code" / "toy.py").touch()
    line = make("-C", str(tmp_path), "-f", str(ROOT / "Makefile"), "train").stderr.splitlines()[0]
    assert line == "make train: ARCH= is not a lesson; choose one of: toy"


@pytest.mark.parametrize(
    ("arch", "command"),
    [("pieces", "python code/pieces.py"), ("exercise", "python code/exercise.py --check")],
)
def test_a_lesson_without_a_training_gets_a_line_that_says_how_to_run_it(
    arch: str, command: str
) -> None:
    done = make("train", f"ARCH={arch}")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].endswith(f"run {command}")
    assert arch not in make("train", "ARCH=resnt").stderr


def test_a_lesson_gets_the_settings_as_they_were_written() -> None:
    command = make("--dry-run", "train", "ARCH=lenet", "ARGS=--data 'my pictures' --lr 0.1").stdout
    assert "python code/lenet.py --data 'my pictures' --lr 0.1" in command


def test_results_gets_networks_seeds_and_settings_as_they_were_written() -> None:
    words = ["ARCH=vgg16 resnet", "SEEDS=3", "REPLACE=1", "ARGS=--data 'my pictures'"]
    command = make("--dry-run", "results", *words).stdout
    assert "slides/results.py vgg16 resnet --seeds 3 --replace -- --data 'my pictures'" in command
    alone = make("--dry-run", "results").stdout.splitlines()[-1].split()
    assert alone[-4:] == ["slides/results.py", "--seeds", "1", "--"]


@pytest.mark.parametrize("target", ["present", "site", "pdf"])
def test_without_node_the_first_line_says_what_to_install(target: str, tmp_path: Path) -> None:
    done = make(target, PATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("make: Node is not installed: get Node 20 or newer from https://")
