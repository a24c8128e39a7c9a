"""`make results` trains what is not recorded yet, goes on after a stop, and loses no record."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import lab
from conftest import has
from course import record
from course import results as script
from forking import forked, python
from lab import data
from lab.errors import Stopped, UserError
from lab.record import percent
from running import ROOT, environment

REST = ["vgg16"] if has("vgg16") else []  # a network that is not recorded yet


@pytest.fixture
def started() -> list[str]:
    """What was given to the lessons that were run, a line each."""
    return []


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[str]) -> Callable:
    """Run the script in this process: few images, and runs and records in `tmp_path`."""

    def train(words: Sequence[str]) -> None:
        started.append(shlex.join(words[1:]))
        lesson = importlib.import_module(Path(words[0]).stem)
        lab.main(lesson.LESSON, words[1:])

    monkeypatch.setattr(script, "_run", train)
    monkeypatch.setattr(script.compare, "update", lambda: None)
    for module, name in ((script, "read"), (record, "write")):
        monkeypatch.setattr(module, name, partial(getattr(module, name), folder=tmp_path))
    monkeypatch.setattr(data, "SHAPES_DRAWN", 300)

    def run(*words: str, settings: str = "--epochs 1") -> None:
        # In fp32 no layer has to be tried.
        common = "--data shapes --device cpu --precision fp32 --no-progress"
        common += f" --out {tmp_path / 'runs'} {settings}"
        monkeypatch.setattr(sys, "argv", ["results.py", *words, "--", *shlex.split(common)])
        script.main()

    return run


def test_more_seeds_train_only_what_is_missing_and_fewer_train_nothing(
    results: Callable, tmp_path: Path, started: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for seeds, trained in (("2", [0, 1]), ("3", [2]), ("1", [])):
        started.clear()
        results("lenet", "--seeds", seeds)
        assert [int(words.split()[-1]) for words in started] == trained
    made = json.loads((tmp_path / "lenet.json").read_text())
    assert [run["seed"] for run in made["runs"]] == [0, 1, 2]
    assert "lenet: recorded already" in capsys.readouterr().out


def test_an_unfinished_run_is_continued_and_a_finished_one_recorded_without_training(
    results: Callable, tmp_path: Path, started: list[str]
) -> None:
    results("lenet")
    (run,) = (tmp_path / "runs" / "lenet").iterdir()
    first = (tmp_path / "lenet.json").read_text()
    for remains, words in (("", [f"resume {run}"]), ("result.json", [])):
        (tmp_path / "lenet.json").unlink()
        if not remains:
            (run / "result.json").unlink()
        started.clear()
        results("lenet")
        assert started == words
        assert (tmp_path / "lenet.json").read_text() == first


def test_a_record_of_another_recipe_is_replaced_only_when_asked_for(
    results: Callable, tmp_path: Path, started: list[str]
) -> None:
    results("lenet")
    before = (tmp_path / "lenet.json").read_text()
    started.clear()
    words, settings = ["lenet", "--seeds", "2"], "--epochs 1 --lr 0.1"
    with pytest.raises(UserError, match=r"lenet is recorded with lr 0\.05, not 0\.1: --replace"):
        results(*REST, *words, settings=settings)  # before anything is trained
    assert not started
    assert (tmp_path / "lenet.json").read_text() == before
    results(*words, "--replace", settings=settings)
    made = json.loads((tmp_path / "lenet.json").read_text())
    assert (made["recipe"]["lr"], len(made["runs"])) == (0.1, 2)


def test_a_record_of_other_images_is_replaced_only_when_asked_for(
    results: Callable, tmp_path: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    results("lenet")
    before = (tmp_path / "lenet.json").read_text()
    draw = data.shapes.draw

    def upside_down(*arguments: int, **index: Any) -> tuple:
        images, labels = draw(*arguments, **index)
        return images.flip(-1), labels

    monkeypatch.setattr(data.shapes, "draw", upside_down)
    started.clear()
    line = "lenet is recorded with other images or labels than shapes has now: --replace"
    with pytest.raises(UserError, match=line):
        results(*REST, "lenet")
    assert not started
    assert (tmp_path / "lenet.json").read_text() == before
    made = json.loads(before)
    del made["images"]["digest"]  # as recorded by an earlier version
    (tmp_path / "lenet.json").write_text(json.dumps(made))
    results("lenet")
    assert not started
    (tmp_path / "lenet.json").write_text(before)
    results("lenet", "--replace")
    assert len(started) == 1  # and not the run that is there, which is of the images before
    digest = json.loads((tmp_path / "lenet.json").read_text())["images"]["digest"]
    assert digest != json.loads(before)["images"]["digest"]


@pytest.mark.needs("nsganet")
def test_a_search_is_recorded_with_both_samplers_and_not_made_again(
    results: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from course import nsganet_search

    started = []

    def search(words: Sequence[str]) -> None:
        started.append(words[-1])
        with suppress(SystemExit):  # with which a search ends
            lab.main(nsganet_search.nsganet.LESSON, words[1:])

    monkeypatch.setattr(script, "_run", search)
    monkeypatch.setattr(nsganet_search, "SEARCHES", tmp_path / "searches")
    small = "--population 2 --generations 2 --nodes 2 --width 2 --epochs 1"
    small += " --images 60"
    for _ in range(2):
        results("nsganet-search", settings=small)
        assert started == ["nsga2", "random"]
    assert "recorded already" in capsys.readouterr().out
    made = json.loads((tmp_path / "searches" / "nsganet.json").read_text())
    assert made["dataset"] == "shapes"
    assert made["images"] == {"training": 60, "validation": 20}
    assert made["largest"]["genome"] == "1-1.1-1.1-1"
    assert [len(each["trials"]) for each in made["searches"].values()] == [4, 4]
    assert made["repeats"] == []
    results("nsganet-search", "--seeds", "2", settings=small)  # adds what is missing
    assert started == 2 * ["nsga2", "random"]
    more = json.loads((tmp_path / "searches" / "nsganet.json").read_text())
    assert more["searches"] == made["searches"]
    (other,) = more["repeats"]
    assert other["seed"] == 1
    for sampler, each in other["searches"].items():
        trials, first = each["trials"], more["searches"][sampler]["trials"]
        assert [one["genome"] for one in trials] != [one["genome"] for one in first]
        assert more["over_seeds"][sampler]["hypervolume"]["n"] == 2
    for wrong, line in (
        ("--population 4", "is of other settings: --replace"),
        ("--sampler random", "leave out --smoke and --sampler"),
        ("--seed 3", "leave out --seed: --seeds says how many"),
    ):
        with pytest.raises(UserError, match=line):
            results("nsganet-search", settings=f"{small} {wrong}")
    with pytest.raises(UserError, match="is recorded alone"):
        results("nsganet-search", "lenet", settings=small)
    assert started == 2 * ["nsga2", "random"]


@pytest.mark.needs("resnet")
def test_an_experiment_is_recorded_as_variants_of_its_network(
    results: Callable, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="needs the record of resnet itself: train that first"):
        results("recipes")
    results("resnet", "recipes", settings="--epochs 1 --limit 32 --batch-size 16")
    made = json.loads((tmp_path / "resnet.json").read_text())
    short, hasty = (made["variants"].pop(name)["recipe"] for name in ("short", "hasty"))
    assert not made["variants"]
    assert short == made["recipe"]
    changes = {key for key in hasty if hasty[key] != made["recipe"][key]}
    assert changes == {"lr", "weight_decay", "crop_padding", "flip"}


@pytest.mark.parametrize(
    ("words", "settings", "line"),
    [
        (["lenett"], "", "there is no lenett to be trained: choose from "),
        (["--seeds", "0"], "", "--seeds must be at least 1, not 0"),
        (["--lr", "1"], "", "--lr: settings of the lessons come after --"),
        ([], "--width 0.5", "unrecognized arguments: --width 0.5"),
        (["lenet"], "--seed 3", "leave out --seed"),
        (["lenet"], "--smoke", "leave out --smoke: what it trains is no result"),
        (["lenet"], "--lr fast", "argument --lr: invalid float value: 'fast'"),
    ],
)
def test_a_wrong_word_gets_one_line(
    words: list[str], settings: str, line: str, results: Callable, started: list[str]
) -> None:
    with pytest.raises(UserError) as error:
        results(*words, settings=settings)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)
    assert not started


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_saves_the_run_and_the_same_command_finishes_and_records_it(tmp_path: Path) -> None:
    for folder in ("code", "slides"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    recipe = "--data shapes --limit 300 --epochs 12 --device cpu"
    # What it starts begins with PyTorch loaded, too.
    begin = "import runpy, sys; sys.executable = sys.argv.pop(1)"
    begin += "; runpy._run_module_as_main('course.results')"
    words = [python(str(tmp_path)), "lenet", "--", *recipe.split()]
    command = forked([sys.executable, "-c", begin, *words])
    settings = {
        "cwd": tmp_path,
        "env": environment(PYTHONPATH=str(tmp_path / "code")),
        "stderr": subprocess.PIPE,
        "text": True,
    }
    begun = subprocess.Popen(command, start_new_session=True, **settings)  # type: ignore[call-overload]
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/lenet/*/history.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(begun.pid, signal.SIGINT)  # as a terminal does
    _, errors = begun.communicate(timeout=60)
    assert begun.returncode == Stopped.exit_code, errors
    assert errors.splitlines()[-1].startswith("results.py: stopped; to go on with this")
    assert errors.splitlines()[-1].endswith(f"-m course.results lenet -- {recipe}")
    assert not (tmp_path / "static" / "results").exists()

    again = subprocess.run(command, timeout=120, **settings)  # type: ignore[call-overload]
    assert again.returncode == 0, again.stderr
    made = json.loads((tmp_path / "static" / "results" / "lenet.json").read_text())
    (run,) = (tmp_path / "runs" / "lenet").iterdir()
    assert (run / "result.json").is_file()
    assert [len(each["history"]) for each in made["runs"]] == [12]
    (row,) = [
        line for line in (tmp_path / "README.md").read_text().splitlines() if "| shapes |" in line
    ]
    assert f"{percent(made['test_accuracy']['mean'])} %" in row


@pytest.mark.parametrize(
    ("ending", "kind", "line"),
    [
        ("raise SystemExit(130)", Stopped, "stopped; to go on with this and what is left:"),
        pytest.param(
            *("import os; os.kill(os.getppid(), 2)", Stopped, "stopped; to go on with this"),
            marks=pytest.mark.skipif(
                os.name == "nt", reason="Windows sends no SIGINT to one process"
            ),
            id="after its last step",
        ),
        ("raise SystemExit(2)", UserError, "-c ended with code 2; once fixed, go on with:"),
    ],
)
def test_a_lesson_that_does_not_finish_ends_all_with_what_to_type(
    ending: str, kind: type, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["results.py", "lenet", "--", "--lr", "0.1"])
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)  # of `python -m pytest`
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(kind) as error:
        script._run(["-c", ending])
    assert str(error.value).startswith(line)
    assert str(error.value).endswith("results.py lenet -- --lr 0.1")
    assert signal.getsignal(signal.SIGINT) is before
