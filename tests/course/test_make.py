"""`make`, the door that the README opens first."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from conftest import plain_server
from decks import write_litter
from running import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


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
    assert "slides/reveal/serve/present.mjs" in make("--dry-run").stdout


@pytest.mark.parametrize("target", ["test", "check", "pdf", "handout", "pictures"])
def test_what_needs_a_browser_sees_to_it_first(target: str) -> None:
    commands = make("--dry-run", target).stdout
    browser = commands.index("slides/reveal/print/get-chromium.mjs")
    assert browser < commands.rindex("pytest" if target == "test" else "node slides/reveal/")
    assert "npm run" not in commands  # which reads package.json in its own words


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


@pytest.mark.needs("pieces", "exercise")
@pytest.mark.parametrize("arch", ["pieces", "exercise"])
def test_a_lesson_without_a_training_is_run_as_every_other(arch: str) -> None:
    assert f"python code/{arch}.py" in make("--dry-run", "train", f"ARCH={arch}").stdout


def test_a_lesson_gets_the_settings_as_they_were_written() -> None:
    command = make("--dry-run", "train", "ARCH=lenet", "ARGS=--data 'my pictures' --lr 0.1").stdout
    assert "python code/lenet.py --data 'my pictures' --lr 0.1" in command


def test_results_gets_networks_seeds_and_settings_as_they_were_written() -> None:
    words = ["ARCH=vgg16 resnet", "SEEDS=3", "REPLACE=1", "ARGS=--data 'my pictures'"]
    command = make("--dry-run", "results", *words).stdout
    assert "-m course.results vgg16 resnet --seeds 3 --replace -- --data 'my pictures'" in command
    alone = make("--dry-run", "results").stdout.splitlines()[-1].split()
    assert alone[-4:] == ["course.results", "--seeds", "1", "--"]


@pytest.mark.skipif(os.name == "nt", reason="without a PATH make finds no shell there")
@pytest.mark.parametrize("target", ["present", "site", "pdf"])
def test_without_node_the_first_line_says_what_to_install(target: str, tmp_path: Path) -> None:
    done = make(target, PATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("make: Node is not installed: get Node 20 or newer from https://")


# A pip that notes its arguments and installs the build that it is told to.
PIP = """
import os, pathlib, sys
here = pathlib.Path(__file__).parents[1]
(here / "arguments").write_text(" ".join(sys.argv[1:]))
folder = here / "torch-2.9.1.dist-info"
folder.mkdir()
(folder / "METADATA").write_text(f"Name: torch\\nVersion: {os.environ['BUILD']}\\n")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="PyTorch has one build elsewhere")
@pytest.mark.parametrize(
    ("environment", "asked", "line"),
    [
        ({}, True, "PyTorch is the CPU build of INDEX (TORCH=default takes PyPI's)"),
        ({"BUILD": "2.9.1"}, True, "PyTorch is PyPI's, because INDEX has none for this Python"),
        ({"TORCH": "default"}, False, "PyTorch is PyPI's, as TORCH=default says"),
        ({"GPU": "yes"}, False, "PyTorch is PyPI's, for the NVIDIA GPU"),
        ({"TORCH_INDEX": "http://127.0.0.1:9"}, False, "PyTorch is PyPI's, because INDEX does not"),
    ],
)
def test_without_a_gpu_pytorch_is_the_cpu_build_where_that_can_be_had(
    environment: dict[str, str], asked: bool, line: str, tmp_path: Path
) -> None:
    (tmp_path / "index" / "torch").mkdir(parents=True)
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").touch()
    (tmp_path / "pip" / "__main__.py").write_text(PIP)
    if "GPU" in environment:
        (tmp_path / "nvidia-smi").symlink_to(sys.executable)
    with plain_server(tmp_path / "index") as index:
        env = {"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path), "BUILD": "2.9.1+cpu"}
        env |= {"TORCH_INDEX": index, **environment}
        done = subprocess.run(
            [sys.executable, "-S", "setup/pytorch.py"],  # without the packages of this Python
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (0, "")
    (said,) = done.stdout.splitlines()
    assert said.startswith(line.replace("INDEX", env["TORCH_INDEX"]))
    assert (tmp_path / "arguments").exists() == asked
    if asked:
        words = (tmp_path / "arguments").read_text().split()
        assert words[-4:-2] == ["--extra-index-url", index]
        assert [word.split(">")[0] for word in words[-2:]] == ["torch", "torchvision"]


@pytest.mark.skipif(sys.platform != "linux", reason="PyTorch has one build elsewhere")
def test_the_build_of_pytorch_is_chosen_before_all_the_rest_is_installed(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    commands = make("--dry-run", "-C", str(tmp_path), ".venv/.ready").stdout
    assert commands.index("setup/pytorch.py") < commands.index("--editable .")


def test_a_version_was_tested_of_every_package_none_older_than_asked_for() -> None:
    tested = {}
    for line in (ROOT / "setup" / "constraints.txt").read_text().splitlines():
        name, is_one, version = line.partition("==")
        if is_one:
            tested[canonicalize_name(name)] = Version(version)
    asked = (ROOT / "pyproject.toml").read_text().partition("[project]")[2].partition("[tool.")[0]
    oldest = re.findall(r'"([\w-]+)(?:\[\w+\])?>=([\d.]+)"', asked)
    assert len(oldest) > 30
    for name, version in oldest:
        assert tested[canonicalize_name(name)] >= Version(version), name
