"""A record is made of finished runs of one recipe, and of nothing else."""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import lab
from course import compare, record
from lab.errors import UserError
from lab.runs import Run
from running import tiny, tiny_recipe


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Two seeds of one recipe."""
    out = str(tmp_path_factory.mktemp("runs"))
    options = lab.Options(out=out, device="cpu", progress=False)
    return [lab.train(tiny, tiny_recipe(epochs=1, seed=seed), options).run for seed in (1, 2)]


def test_a_record_holds_each_run_and_the_spread_over_them(runs: list[Run]) -> None:
    made = record.summarize(runs)
    accuracies = [run.read("result.json")["test_accuracy"] for run in runs]
    assert [run["seed"] for run in made["runs"]] == [1, 2]
    assert [run["test_accuracy"] for run in made["runs"]] == accuracies
    assert made["test_accuracy"] == {
        "mean": pytest.approx(statistics.fmean(accuracies), abs=1e-5),
        "std": pytest.approx(statistics.stdev(accuracies), abs=1e-5),
        "n": 2,
    }
    assert made["dataset"] == made["recipe"]["data"] == "shapes"
    for needed in ("torch", "device", "commit", "seconds", "history", "confusion"):
        assert all(needed in run for run in made["runs"])


@pytest.mark.parametrize("out", ["--out '/home/me/my runs'", "--out=/home/me/runs"])
def test_a_recorded_command_does_not_say_where_the_run_lay(
    out: str, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    about = runs[0].read("run.json")
    about["environment"]["command"] = f"python code/tiny.py {out} --genotype 'a b' --seed 1"
    files = {"run.json": about}
    read = Run.read
    monkeypatch.setattr(Run, "read", lambda run, name: files.get(name) or read(run, name))
    (row,) = record.summarize(runs[:1])["runs"]
    assert row["command"] == "python code/tiny.py --genotype 'a b' --seed 1"


def test_variants_stand_beside_each_other_in_the_file_of_their_network(
    runs: list[Run], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="record the default variant of tiny first"):
        record.write(record.summarize(runs, "wide"), tmp_path)
    path = record.write(record.summarize(runs), tmp_path)
    record.write(record.summarize(runs[:1], "wide"), tmp_path)
    record.write(record.summarize(runs[1:]), tmp_path)
    written = json.loads(path.read_text())
    assert written["test_accuracy"]["n"] == 1
    assert written["runs"][0]["seed"] == 2
    assert written["variants"]["wide"]["runs"][0]["seed"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.json"]


def test_runs_that_do_not_belong_together_are_refused(runs: list[Run], tmp_path: Path) -> None:
    options = lab.Options(out=str(tmp_path), device="cpu", progress=False)
    other = lab.train(tiny, tiny_recipe(epochs=1, lr=0.1), options).run
    with pytest.raises(UserError, match="differ in more than their seed"):
        record.summarize([*runs, other])
    with pytest.raises(UserError, match="have the same seed"):
        record.summarize([runs[0], runs[0]])
    (other.folder / "result.json").unlink()
    with pytest.raises(UserError, match="is not finished: continue it with `resume"):
        record.summarize([other])


def test_runs_of_other_images_are_refused_and_those_that_do_not_know_theirs_are_not(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, digests = Run.read, {str(runs[0]): "one", str(runs[1]): "other"}

    def changed(run: Run, name: str) -> dict:
        content = read(run, name)
        if name == "run.json":
            content["data"].pop("digest")
            if str(run) in digests:
                content["data"]["digest"] = digests[str(run)]
        return content

    monkeypatch.setattr(Run, "read", changed)
    with pytest.raises(UserError, match="differ in more than their seed"):
        record.summarize(runs)
    digests.pop(str(runs[0]))  # a run of an earlier version
    made = record.summarize(runs)
    assert made["images"] == {"training": 300, "validation": 33, "test": 67, "digest": "other"}
    digests.clear()
    assert "digest" not in record.summarize(runs)["images"]


@pytest.fixture
def recorded(
    runs: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Run `python -m course.record` in this process, with records in `tmp_path`."""
    for name in ("read", "write"):
        monkeypatch.setattr(record, name, partial(getattr(record, name), folder=tmp_path))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards

    def run(*words: object) -> None:
        monkeypatch.setattr(sys, "argv", ["record.py", *map(str, words)])
        record.main()

    return run


def test_the_command_writes_over_a_record_only_when_told_so(
    recorded: Callable[..., None],
    runs: list[Run],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recorded(*runs)
    path = tmp_path / "tiny.json"
    whole = path.read_text()
    recorded(runs[0])
    assert capsys.readouterr().out.splitlines()[-1] == "tiny: recorded already"
    options = lab.Options(out=str(tmp_path), device="cpu", progress=False)
    others = [(3, {}), (1, {"lr": 0.1}), (1, {"limit": 200}), (1, {})]
    lines = ["seeds [1, 2], not [3]", "lr 0.05, not 0.1", "limit 300, not 200", "another run of"]
    for (seed, changes), line in zip(others, lines, strict=True):
        run = lab.train(tiny, tiny_recipe(epochs=1, seed=seed, **changes), options).run
        run.write("result.json", run.read("result.json") | {"seconds": 60.0})
        with pytest.raises(UserError, match=re.escape(f"tiny is recorded with {line}")) as error:
            recorded(run)
        assert str(error.value).endswith("--replace (with make, REPLACE=1) writes over that")
        assert path.read_text() == whole
    recorded("--replace", run)
    assert json.loads(path.read_text())["test_accuracy"]["n"] == 1


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("runs", None, 'the whole lacks "runs"'),
        ("runs", [], '"runs" is no list, or an empty one'),
        ("runs", [{}], 'a member of "runs" lacks "seed"'),
        ("variants", None, 'the whole lacks "variants"'),
        ("variants", {"wide": {}}, '"wide" lacks "network"'),
        ("test_accuracy", {"mean": float("nan"), "n": 1}, '"mean" is nan'),
        ("macs", True, '"macs" is True'),
    ],
)
def test_a_damaged_record_is_one_line_wherever_it_is_read(
    key: str, value: object, line: str, runs: list[Run], tmp_path: Path
) -> None:
    path = record.write(record.summarize(runs), tmp_path)
    damaged = json.loads(path.read_text()) | {key: value}
    if value is None:
        del damaged[key]
    for text, said in ((json.dumps(damaged), line), ("[]", "no object"), ('{"runs', "Unterm")):
        path.write_text(text)
        readers = (partial(record.read, "tiny"), compare.records)
        for read in readers:
            with pytest.raises(UserError, match=said) as error:
                read(folder=tmp_path)  # type: ignore[operator]
            assert "tiny.json" in str(error.value)
            assert "\n" not in str(error.value)
