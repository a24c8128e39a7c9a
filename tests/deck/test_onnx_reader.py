"""What the page and the build read out of an ONNX file, and how they refuse one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import tiny_models
from conftest import ROOT

READ = """
import fs from 'node:fs';
import { readNetwork } from './static/js/live/onnx.js';
const told = process.argv.slice(1).map((file) => {
  try {
    return { network: readNetwork(fs.readFileSync(file)) };
  } catch (error) {
    return { error: error.message, kind: error.name };
  }
});
console.log(JSON.stringify(told));
"""

ABOUT = tiny_models.describe()
SHOWN = {key: value for key, value in ABOUT.items() if key != "weights"}
# What the page keeps beside it, of its own.
MORE = {
    "source": {"key": "k", "url": "https://stranger.example/network.onnx"},
    "isOwn": False,
    "probabilities": [1],
    "trouble": "none",
    "__proto__": {"url": "https://stranger.example/"},
}
ELSEWHERE = "does not say what its classes, its normalisation and its stages are"


def stage(**changes: Any) -> dict[str, Any]:
    """Return the metadata of a network of which the first stage is described otherwise."""
    first, *others = ABOUT["stages"]
    return tiny_models.describe(stages=[first | changes, *others])


# What is wrong with a file's metadata, and what the reader says.
WRONG: dict[str, tuple[dict[str, Any] | None, str]] = {
    "elsewhere": (None, ELSEWHERE),
    "format": (tiny_models.describe(format=2), "has the format 2, and this page reads 1"),
    "no_format": (tiny_models.describe(format=None), "has the format undefined"),
    "classes": (tiny_models.describe(classes=None), "no usable classes; python code/NAME.py"),
    "two": (tiny_models.describe(mean=[1, 2], title=""), "no usable title, mean;"),
    "std": (tiny_models.describe(std=[0, 1, 1]), "no usable std;"),
    "stages": (tiny_models.describe(stages=[{"name": "a"}]), "no usable stages;"),
    "no_stage": ({**tiny_models.describe(), "stages": [None]}, "no usable stages;"),
    "scalar": (stage(output=[]), "no usable stages;"),
    "nothing": (stage(output=[0, 4]), "no usable stages;"),
    "flag": (stage(kernel="alert()"), "no usable stages;"),
    "looks": (tiny_models.describe(class_activation="yes"), "no usable class_activation;"),
    "share": (tiny_models.describe(test_accuracy=73), "no usable test_accuracy;"),
    "long": (tiny_models.describe(title="a" * 10_000), "no usable title;"),
    "samples": (
        tiny_models.describe(samples=[{"file": "cat.png", "probabilities": [1]}]),
        "no usable samples;",
    ),
    "lines": (tiny_models.describe(format="1\n2"), r'has the format "1\n2", and'),
    "many_classes": (
        tiny_models.describe(classes=["a"] * 125_000),
        "it has 125,000 classes, and this page shows at most 10,000",
    ),
    "many_stages": (
        tiny_models.describe(stages=[{"name": "a", "kind": "b", "output": [1]}] * 10_001),
        "it has 10,001 stages, and this page",
    ),
    "many_maps": (stage(output=[125_000]), "it has 125,000 maps in conv1, and this page"),
    "large_maps": (stage(output=[4, 1000, 1000]), "it has 4,000,000 numbers in conv1, and"),
    "no_kernel": (
        tiny_models.describe(stages=[{"name": "pool", "kind": "p", "output": [4], "kernel": True}]),
        "its graph has no pool.kernel;",
    ),
    "size": (tiny_models.describe(size=64), "pictures of 64 \u00d7 64 pixels"),
    "graph": (
        tiny_models.describe(stages=[{"name": "conv9", "kind": "conv", "output": [1]}]),
        "its graph has no conv9;",
    ),
}


def read(files: list[Path]) -> list[dict[str, Any]]:
    """Return what the reader says of each file, from one process of Node."""
    node = shutil.which("node") or "node"
    command = [node, "--input-type=module", "--eval", READ, "--", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Write every kind of file, and return what the reader says of each, by its name."""
    folder = tmp_path_factory.mktemp("files")
    good = tiny_models.write(folder / "good", ABOUT).read_bytes()
    tiny_models.write(folder / "more", {**stage(onclick="alert()"), **MORE})
    (folder / "text").write_text("an essay, renamed\n")
    (folder / "empty").write_bytes(b"")
    (folder / "zeros").write_bytes(bytes(4096))
    (folder / "picture").write_bytes((ROOT / "static/img/lenet.png").read_bytes())
    for part in (0.02, 0.5, 0.98):
        (folder / f"part {part}").write_bytes(good[: int(part * len(good))])
    for name, (about, _) in WRONG.items():
        # The reader looks at no weight, so the classes that the metadata names may be missing.
        tiny_models.write(folder / name, about, outputs=10)
    files = sorted(folder.iterdir())
    return dict(zip((file.name for file in files), read(files), strict=True))


def test_what_a_file_says_of_itself_is_read(told: dict[str, dict[str, Any]]) -> None:
    assert told["good"] == {"network": SHOWN}


def test_nothing_else_that_a_file_says_reaches_the_page(told: dict[str, dict[str, Any]]) -> None:
    assert told["more"] == {"network": SHOWN}


@pytest.mark.parametrize(
    "name", ["text", "empty", "zeros", "picture", "part 0.02", "part 0.5", "part 0.98"]
)
def test_what_is_no_onnx_file_is_told_so(told: dict[str, dict[str, Any]], name: str) -> None:
    said = {"error": "this is no ONNX file, or a part of one", "kind": "UnreadableNetwork"}
    assert told[name] == said


@pytest.mark.parametrize("name", WRONG)
def test_what_a_file_lacks_is_named_in_one_line(told: dict[str, dict[str, Any]], name: str) -> None:
    _, words = WRONG[name]
    assert words in told[name]["error"]
    assert "\n" not in told[name]["error"]
    assert told[name]["kind"] == "UnreadableNetwork"


def test_every_network_of_the_lecture_can_be_read() -> None:
    files = sorted((ROOT / "static" / "models").glob("*.onnx"))
    for file, said in zip(files, read(files), strict=True):
        assert said["network"]["network"] == file.stem
