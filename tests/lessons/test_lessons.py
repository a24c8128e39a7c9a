"""Every lesson runs as a script and as a notebook, and what it tells to try can be tried."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import lab
from filling import changes
from forking import forked
from lab import data, proof, shapes
from lab.cli import command_line
from networks import comparing_images, heads
from running import ROOT, environment

SCRIPTS = sorted(path.stem for path in (ROOT / "code").glob("*.py"))
LESSONS: dict[str, lab.Lesson] = {
    name: importlib.import_module(name).LESSON
    for name in SCRIPTS
    if hasattr(importlib.import_module(name), "LESSON")
}
NETWORKS = {name: each for name, each in LESSONS.items() if isinstance(each, lab.NetworkLesson)}
PROVEN = [name for name, each in NETWORKS.items() if each.same_as]
PICTURES = ["confusion", "curve", "filters", "mistakes"]
DRAWN = next(iter(NETWORKS))  # writes them as files, which takes longer than its training
# What the demonstrations of a lesson must say.
SAYS = {
    "alexnet": ["(1, 3, 224, 224) -> (1, 96, 55, 55)", "61,100,840", "60,965,224"],
    "convnext": ["  4,800 parameters in Conv2d(96", "28,589,128  4,455,531,264"],
    "densenet": [
        "out (1, 84, 32, 32) begins with its input: True",
        "depth 100, k = 12: 769,162 parameters",
        "depth 250, k = 24: 15,324,406 parameters",
    ],
    "googlenet": [
        "5x5: direct 120 million MACs, reduced 12 million",
        "inception3a     159.5     159       128.0    128",
    ],
    "inception": [
        "mixed_6a  InceptionB         768 x 17 x 17    1,153,280    401,937,408",
        "in all: 23,834,568 parameters instead of 37,696,584: 37% saved",
    ],
    "mobilenet": ["one after the other 4,784,128: 7.9 times less", "3,504,872  300,774,272"],
    "lenet": ["today 61,706, in 1998 60,000", "120 x 1 x 1", "by hand, epoch 2"],
    "pieces": [
        "convolution 3x3, stride 2, padding 1: (2, 6, 16, 16), largest difference",
        "batch norm in eval mode: (8, 6, 10, 10), largest difference",
        "fully connected   50,348,032 parameters  50,331,648 MACs",
        "together: (4, 10), largest difference",
    ],
    "resnet": ["a silent block changes nothing: True", "ResNet-20   option A   269,722"],
    "vgg16": ["three 3x3: 110,592 weights, one 7x7: 200,704, 81% more", "138,357,544"],
    "vit": ["in another order, the same answers: True", "86,567,656  17,563,828,224"],
}
# Enough to make each step of a training once.
TINY = "--data shapes --limit 30 --epochs 1 --batch-size 15 --device cpu --no-progress"
# One test of each lesson tries which format is right; the others need not.
QUICK = f"{TINY} --precision fp32"


FACTS = json.loads((ROOT / "static" / "facts.json").read_text(encoding="utf-8"))
PAPER, SMALL = (
    {name: forms[form] for name, forms in FACTS.items() if form in forms}
    for form in ("paper", "cifar10")
)


def ratio(one: dict, other: dict, what: str = "parameters") -> float:
    return one[what] / other[what]


def part(form: dict, what: str, *stages: str) -> float:
    """What part of a network's parameters or MACs its stages of these names have."""
    rows = [each for each in form["stages"] if each["name"].startswith(stages)]
    return sum(each[what] for each in rows) / form[what]


# Numbers that a lesson says in words, and what makes them true.
CLAIMS: dict[tuple[str, str], Callable[[], bool]] = {
    ("lenet", "Most parameters are in C5, most of the work (multiply-accumulates, MACs) in C3"): (
        lambda: (
            part(PAPER["lenet"], "parameters", "c5") > 0.5
            and part(PAPER["lenet"], "macs", "c3") > 0.5
        )
    ),
    ("alexnet", "with a thousand times the parameters"): (
        lambda: 900 < PAPER["alexnet"]["parameters"] / 60_000 < 1100
    ),
    ("alexnet", "The fully connected layers hold the parameters, the convolutions do the work"): (
        lambda: (
            part(PAPER["alexnet"], "parameters", "fc") > 0.9
            and part(PAPER["alexnet"], "macs", "conv") > 0.9
        )
    ),
    ("alexnet", "Most parameters sit in fully connected layers"): (
        lambda: part(SMALL["alexnet"], "parameters", "fc") > 0.5
    ),
    ("alexnet", "the paper's, whose abstract counts 60 million parameters"): (
        lambda: abs(PAPER["alexnet"]["parameters"] / 60e6 - 1) < 0.05
    ),
    ("vgg16", "Table 2 of the paper gives 138 million parameters"): (
        lambda: round(PAPER["vgg16"]["parameters"] / 1e6) == 138
    ),
    ("vgg16", "fc6, holds three quarters of the parameters"): (
        lambda: 0.7 < part(PAPER["vgg16"], "parameters", "fc6") < 0.8
    ),
    ("vgg16", "the convolutions do nearly all the work"): (
        lambda: part(PAPER["vgg16"], "macs", "stage") > 0.95
    ),
    ("vgg16", "channels are cut to about a third"): (
        lambda: abs(LESSONS["vgg16"].recipe.width - 1 / 3) < 0.02
    ),
    ("vgg16", "`--width 1 --no-channels-last`: eight times the work"): (
        lambda: 7.5 < macs("vgg16", width=1.0) / SMALL["vgg16"]["macs"] < 8.5
    ),
    ("inception", "with little more than a third of VGG16's work"): (
        lambda: 0.33 < ratio(PAPER["inception"], PAPER["vgg16"], "macs") < 0.4
    ),
    ("inception", "at a quarter of the width `c(64)` is 16"): (
        lambda: LESSONS["inception"].recipe.width == 0.25
    ),
    ("inception", "the first convolution has eight filters"): (
        lambda: built("inception").conv_1a.conv.out_channels == 8
    ),
    ("inception", "With ten classes the training loss then cannot fall below 0.50"): (
        lambda: round(least_loss(0.1, 10), 2) == 0.50
    ),
    ("googlenet", "every layer has 3/8 of its channels"): (
        lambda: LESSONS["googlenet"].recipe.width == 3 / 8
    ),
    ("resnet", "The last stage of ResNet-20 holds most of the parameters"): (
        lambda: part(SMALL["resnet"], "parameters", "conv4_x") > 0.5
    ),
    ("resnet", "four times the parameters and sixty times the work"): lambda: (
        3.5 < ratio(SMALL["resnet"], SMALL["lenet"]) < 4.5
        and 55 < ratio(SMALL["resnet"], SMALL["lenet"], "macs") < 65
    ),
    ("resnet", "do the 2,752 extra parameters help?"): lambda: (
        lab.count_parameters(built("resnet", shortcut="B")) - SMALL["resnet"]["parameters"] == 2752
    ),
    ("darts", "14 edges"): lambda: importlib.import_module("darts").EDGES == 14,
    ("densenet", "has 34 layers and a growth rate of 12"): lambda: (
        (LESSONS["densenet"].recipe.depth, LESSONS["densenet"].recipe.growth_rate) == (34, 12)
    ),
    ("densenet", "the first, at full resolution, does most of the work"): (
        lambda: part(SMALL["densenet"], "macs", "blocks.0") > 0.5
    ),
    ("densenet", "Each block has about as many parameters as the others"): (
        lambda: all(
            0.25 < part(SMALL["densenet"], "parameters", f"blocks.{n}") < 0.35 for n in range(3)
        )
    ),
    ("densenet", "`--depth 22 --growth-rate 17` has about as many parameters"): lambda: (
        0.95
        < lab.count_parameters(built("densenet", depth=22, growth_rate=17))
        / SMALL["densenet"]["parameters"]
        < 1.05
    ),
    ("mobilenet", "More than a third of the parameters are in the classifier"): (
        lambda: part(PAPER["mobilenet"], "parameters", "classifier") > 1 / 3
    ),
    ("mobilenet", "has more layers and more parameters, and does less work"): lambda: (
        ratio(SMALL["mobilenet"], SMALL["resnet"]) > 1
        and ratio(SMALL["mobilenet"], SMALL["resnet"], "macs") < 1
    ),
    ("mobilenet", "`--width 0.25` and `--width 1` do a third and three times the work"): lambda: (
        all(
            abs(macs("mobilenet", width=width) / SMALL["mobilenet"]["macs"] / times - 1) < 0.1
            for width, times in ((0.25, 1 / 3), (1, 3))
        )
    ),
    ("vit", "more than three times as many as ResNet-50"): (
        lambda: 3 < ratio(PAPER["vit"], FACTS["resnet"]["torchvision"]) < 3.5
    ),
    ("vit", "nearly all of them are in its twelve blocks"): (
        lambda: part(PAPER["vit"], "parameters", "blocks") > 0.95
    ),
    ("vit", "Why is its work more than sixteen times as much?"): (
        lambda: macs("vit", patch=2) > 16 * macs("vit", patch=8)
    ),
    ("convnext", "a little more than ResNet-50"): lambda: all(
        1 < ratio(PAPER["convnext"], FACTS["resnet"]["torchvision"], what) < 1.15
        for what in ("parameters", "macs")
    ),
    (
        "convnext",
        "`--patch 1` and `--patch 4` do four times the work and a quarter of it",
    ): lambda: all(
        abs(macs("convnext", patch=patch) / SMALL["convnext"]["macs"] / times - 1) < 0.02
        for patch, times in ((1, 4), (4, 1 / 4))
    ),
}


def built(name: str, **changes: object) -> nn.Module:
    """The network of a recipe that differs from the lesson's in these settings."""
    with torch.device("meta"):
        return NETWORKS[name].build(replace(NETWORKS[name].recipe, **changes), 10)


def macs(name: str, **changes: object) -> int:
    """The work of such a network, for an image."""
    return lab.count_macs(built(name, **changes), (1, 3, 32, 32))


def least_loss(smoothing: float, classes: int) -> float:
    """The cross-entropy of smoothed labels with themselves."""
    target = torch.full((classes,), smoothing / classes)
    target[0] += 1 - smoothing
    return float(-(target * target.log()).sum())


def source(name: str) -> str:
    """The text of a lesson."""
    return (ROOT / "code" / f"{name}.py").read_text(encoding="utf-8")


def to_try(name: str) -> list[str]:
    """The settings in the last section of a lesson; commands of its own have their own tests."""
    section = source(name).split("# ## To try\n")[-1].replace("\n#", "\n")
    quoted = re.findall(r"`(--[^`]+)`", section)
    return [" ".join(each.split()) for each in quoted]


TRIES = [(name, each) for name in NETWORKS for each in to_try(name)]


@pytest.fixture
def few_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw only a few of the shapes: drawing them takes longer than a tiny training."""
    monkeypatch.setattr(data, "SHAPES_DRAWN", 300)


@pytest.mark.parametrize(("name", "words"), [each for each in CLAIMS if each[0] in LESSONS])
def test_a_number_in_words_is_so(name: str, words: str) -> None:
    assert words in " ".join(source(name).replace("\n# ", "\n").split())
    assert CLAIMS[name, words]()


def test_every_script_declares_its_lesson() -> None:
    assert sorted(LESSONS) == SCRIPTS
    for name, each in LESSONS.items():
        assert each.name == name


def test_a_training_of_drawn_shapes_waits_for_no_library_that_it_does_not_need() -> None:
    code = "import sys, lab; print([each for each in sys.argv[1:] if each in sys.modules])"
    libraries = ["torchvision", "torch.onnx", "onnx", "onnxruntime", "optuna", "IPython"]
    libraries += ["matplotlib", "resvg_py", "brotli"]  # those that draw
    done = subprocess.run(
        [sys.executable, "-c", code, *libraries],
        env=environment(PYTHONPATH=str(ROOT / "code")),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_learns_a_few_shapes_by_heart(name: str) -> None:
    """Its loss on twenty images falls to half of what guessing has, at the width of `--smoke`."""
    each = NETWORKS[name]
    recipe, _ = command_line(each.recipe, "", each.smoke.split(), options=each.options)
    if hasattr(recipe, "dropout"):
        recipe = replace(recipe, dropout=0.0)
    images, labels = shapes.draw(20)
    images = images / 127.5 - 1
    torch.manual_seed(0)
    model = each.build(recipe, 10).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for _ in range(80):
        losses = [F.cross_entropy(logits, labels) for logits in heads(model(images))]
        if losses[0] < math.log(10) / 2:
            return
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()
    pytest.fail(f"after 80 steps its loss is still {losses[0]:.2f}")


@pytest.mark.needs("alexnet")
def test_a_rate_for_large_batches_does_not_diverge_in_the_small_ones_of_a_smoke_run(
    tmp_path: Path,
) -> None:
    trained = lab.main(LESSONS["alexnet"], ["--smoke", "--epochs", "1", "--out", str(tmp_path)])
    assert trained.run.has("result.json")


def assert_pictures(folder: Path, names: list[str]) -> None:
    """There are these PNG files and no other."""
    assert sorted(path.stem for path in folder.glob("*.png")) == names
    for path in folder.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def run_script(text: str, name: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the text of a lesson in this process, as `python code/NAME.py WORDS` would."""
    monkeypatch.setattr(sys, "argv", [f"code/{name}.py", *words])
    module = ModuleType("__main__")
    module.__file__ = str(ROOT / "code" / f"{name}.py")
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.setattr(importlib.import_module("lab.demo"), "_demos", [])
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            exec(compile(text, module.__file__, "exec"), module.__dict__)
        except SystemExit as end:
            out.write(f"exit code {end.code or 0}\n")
    return out.getvalue()


@pytest.fixture(autouse=True)
def same_hook() -> Iterator[None]:
    """Leave errors to pytest: a script shows them in one line."""
    before = sys.excepthook
    yield
    sys.excepthook = before


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(DRAWN, marks=pytest.mark.pictures),
        *(name for name in NETWORKS if name != DRAWN),
    ],
)
def test_a_lesson_runs_as_a_script(
    name: str, few_shapes: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = f"{NETWORKS[name].smoke} {TINY} --out {tmp_path}".split()
    said = run_script(source(name), name, words, monkeypatch)
    assert re.search(r"^test accuracy +[\d.]+%", said, re.MULTILINE), said
    assert "largest difference" not in said  # it demonstrates nothing before it trains
    (run,) = (tmp_path / name).iterdir()
    assert_pictures(run, PICTURES if name == DRAWN else [])


@pytest.mark.parametrize("name", NETWORKS)
def test_the_demonstrations_of_a_lesson_are_shown_on_demand(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with comparing_images():
        said = run_script(source(name), name, ["show"], monkeypatch)
    assert said.endswith("exit code 0\n")
    for words in SAYS.get(name, []):
        assert words in said
    assert "test accuracy" not in said
    if name in PROVEN:
        differences = re.findall(r"largest difference ([\d.e+-]+)$", said, re.MULTILINE)
        assert len(differences) >= 2
        assert max(map(float, differences)) <= proof.LARGEST_DIFFERENCE


@pytest.mark.needs("pieces")
def test_the_pieces_run_as_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    said = run_script(source("pieces"), "pieces", [], monkeypatch)
    for words in ["pieces.py trains nothing; it shows:\n", *SAYS["pieces"]]:
        assert words in said
    drawings = re.findall("^drawn in (.*)$", said, re.MULTILINE)
    assert len(drawings) == 7
    assert all((ROOT / drawing).is_file() for drawing in drawings)


@pytest.mark.parametrize(("name", "settings"), TRIES)
def test_what_a_lesson_tells_to_try_runs(
    name: str, settings: str, few_shapes: None, tmp_path: Path
) -> None:
    smoke, words, tiny = NETWORKS[name].smoke.split(), settings.split(), QUICK.split()
    trained = lab.main(NETWORKS[name], [*smoke, *words, *tiny, "--out", str(tmp_path)])
    assert trained.run.has("result.json")
    recipe = trained.run.read("run.json")["recipe"]
    for field, value in pairwise(words):
        if field.startswith("--") and not value.startswith("--") and field not in tiny:
            key = field[2:].replace("-", "_")
            wanted = {key: type(recipe[key])(value)}
            assert recipe[key] == getattr(replace(NETWORKS[name].recipe, **wanted), key)


# What the sections "To try" tell to change, and layers that a reader may add; and of these, those
# after which the weights are still torchvision's, or have none to be compared with.
ALL_CHANGES = changes(ROOT / "tests" / "lessons" / "lessons.diff")
CHANGES = {each: ALL_CHANGES[each] for each in ALL_CHANGES if each.partition(":")[0] in LESSONS}
SAME_WEIGHTS = ["resnet: no ReLU after the sum", "lenet: twice the channels"]


def changed(change: str) -> tuple[str, str]:
    """A lesson's name, and its text with something else in some places."""
    name = change.partition(": ")[0]
    text = source(name)
    for before, after in CHANGES[change]:
        assert before in text
        text = text.replace(before, after)
    return name, text


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_network_trains_and_says_how_it_differs_from_torchvisions(
    change: str, few_shapes: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, text = changed(change)
    differs = change not in SAME_WEIGHTS
    words = f"{QUICK} --out {tmp_path} {NETWORKS[name].smoke}".split()
    said = run_script(text, name, words, monkeypatch)
    assert "test accuracy" in said
    lines = [line for line in said.splitlines() if "no longer torchvision's" in line]
    assert len(lines) == differs
    if differs:
        assert re.search(r"of its weights \d+ (more|fewer|of another shape) \(\S+", lines[0])
        proven = run_script(text, name, ["prove"], monkeypatch)
        assert proven.splitlines() == [lines[0], "exit code 1"]


@pytest.mark.needs("resnet")
def test_a_change_that_no_weight_shows_is_seen_by_prove(monkeypatch: pytest.MonkeyPatch) -> None:
    name, text = changed("resnet: no ReLU after the sum")
    said = run_script(text, name, ["prove"], monkeypatch)
    assert "largest difference" in said
    assert said.endswith("exit code 1\n")


@pytest.mark.needs("inception")
def test_inception_trains_without_factorization() -> None:
    import inception

    model = inception.unfactorized(inception.build(inception.RECIPE, 10)).train()
    logits = heads(model(torch.rand(2, 3, 32, 32)))
    sum(F.cross_entropy(each, torch.tensor([0, 1])) for each in logits).backward()
    assert all(weight.grad is not None for weight in model.parameters())


@pytest.mark.needs("pieces")
def test_the_pieces_run_as_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, pictures = run_notebook("pieces", "", tmp_path, monkeypatch)
    for words in SAYS["pieces"]:
        assert words in text
    assert pictures == 7


@pytest.mark.needs("exercise")
def test_the_exercise_runs_as_a_notebook_before_anything_is_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, _ = run_notebook("exercise", "", tmp_path, monkeypatch)
    assert "step 1: still to do: choose, paper_table\n" in text
    assert "[ ] create_trainer: still to do, see slide" in text
    assert text.endswith("points done. Next: choose.\n")


def run_notebook(
    name: str, arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, int]:
    """Run a lesson as a notebook; return what it prints and how many pictures it shows."""
    import jupytext  # not above: every process that runs tests reads this file
    from nbclient import NotebookClient

    monkeypatch.setattr(os, "environ", environment(LAB_ARGS=arguments))
    notebook = jupytext.read(ROOT / "code" / f"{name}.py")
    monkeypatch.chdir(tmp_path)
    path = [str(ROOT / "code"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setitem(os.environ, "PYTHONPATH", os.pathsep.join(filter(None, path)))
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}})
    kernel = client.create_kernel_manager().kernel_spec
    kernel.argv = forked([sys.executable, *kernel.argv[1:]])
    with ThreadPoolExecutor(1) as elsewhere:  # in this thread, Playwright may run its event loop
        elsewhere.submit(client.execute).result()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    return text, sum("image/png" in output.get("data", {}) for output in outputs)
