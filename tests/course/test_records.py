"""Every recorded result is one of the lesson as it is now, and holds together."""

from __future__ import annotations

import importlib
import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

import lab
from course.own.trainings import EXPERIMENTS
from lab.cli import command_line
from lab.recipe import recorded_recipe
from records import DEFAULT, RESULTS

RECORDS = sorted(RESULTS.glob("*.json"))


@pytest.fixture(params=RECORDS, ids=lambda path: path.stem)
def record(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One network's record."""
    path: Path = request.param
    read = json.loads(path.read_text())
    assert read["network"] == path.stem
    return read


def again(record: dict[str, Any]) -> str:
    """How to make a record anew."""
    return f"make results ARCH={record['network']} REPLACE=1 trains with RECIPE of its script"


def test_there_are_records() -> None:
    assert RECORDS


def test_a_record_is_of_the_network_and_the_recipe_of_its_lesson(record: dict[str, Any]) -> None:
    lesson = importlib.import_module(record["network"])
    model = lesson.build(lesson.RECIPE, len(record["classes"]))
    assert record["variant"] == DEFAULT
    assert record["parameters"] == lab.count_parameters(model)
    assert record["macs"] == lab.count_macs(model, (1, 3, 32, 32))
    expected = recorded_recipe(lesson.RECIPE.as_dict()) | {"data": record["dataset"]}
    assert record["recipe"] == expected, f"it is of another recipe: {again(record)}"


def test_a_recorded_variant_is_of_the_recipe_of_its_experiment(record: dict[str, Any]) -> None:
    own, recorded = importlib.import_module(record["network"]).RECIPE, record["variants"]
    declared = [each[1:] for each in chain(*EXPERIMENTS.values()) if each[0] == record["network"]]
    assert recorded.keys() <= dict(declared).keys()
    for variant, words in declared:
        if variant in recorded:
            recipe, _ = command_line(own, "", words.split(), options=lab.Options())
            expected = recorded_recipe(recipe.as_dict()) | {"data": recorded[variant]["dataset"]}
            assert recorded[variant]["recipe"] == expected, variant


def test_a_record_says_where_each_number_comes_from(record: dict[str, Any]) -> None:
    for each in (record, *record["variants"].values()):
        for run in each["runs"]:
            assert run["commit"]
            assert not run["commit"].endswith("-dirty"), f"commit first, then {again(record)}"
            assert run["command"].startswith(f"python code/{record['network']}.py ")
            assert all(run[key] for key in ("device", "precision", "torch", "ignite"))


def test_the_accuracies_of_a_record_follow_from_its_runs(record: dict[str, Any]) -> None:
    for each in (record, *record["variants"].values()):
        for run in each["runs"]:
            assert len(run["history"]) == run["epochs"] <= each["recipe"]["epochs"]
            best = run["history"][run["best_epoch"] - 1]["validation_accuracy"]
            assert best == max(row["validation_accuracy"] for row in run["history"])
            assert run["validation_accuracy"] == pytest.approx(best, abs=1e-4)
            assert sum(map(sum, run["confusion"])) == each["images"]["test"]
            right = sum(row[index] for index, row in enumerate(run["confusion"]))
            assert run["test_accuracy"] == pytest.approx(right / each["images"]["test"])
        mean = sum(run["test_accuracy"] for run in each["runs"]) / len(each["runs"])
        assert each["test_accuracy"]["mean"] == pytest.approx(mean, abs=1e-5)
        assert each["test_accuracy"]["n"] == len(each["runs"])
