"""The learning rates of the lessons are those that did best of what was tried."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import lab
import lenet
from course import lessons, rates
from lab.errors import UserError

TRIED: dict[str, Any] = (
    json.loads(rates.RATES.read_text(encoding="utf-8")) if rates.RATES.is_file() else {}
)
NETWORKS: dict[str, list[dict[str, Any]]] = TRIED.get("networks", {})


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.needs(n)) for n in NETWORKS])
def test_a_lesson_has_the_best_of_the_rates_that_were_tried(name: str) -> None:
    tried = NETWORKS[name]
    every = {tuple(each["lr"] for each in others) for others in NETWORKS.values()}
    assert len(every) == 1  # the same rates for each
    best = max(tried, key=lambda each: each["validation_accuracy"])
    assert lessons.networks()[name].recipe.lr == best["lr"]


def test_tries_of_one_recipe_are_summarized_and_others_refused(
    trained: lab.Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # LeNet of the tests has other settings than its lesson.
    with pytest.raises(UserError, match="differs from its lesson in limit, original"):
        rates.summarize([trained.run])
    own = replace(lessons.networks()["lenet"], recipe=trained.run.recipe(lenet.LeNetRecipe))
    monkeypatch.setattr(lessons, "networks", lambda: {"lenet": own})
    (tried,) = rates.summarize([trained.run])["networks"]["lenet"]
    assert tried["lr"] == own.recipe.lr
    with pytest.raises(UserError, match="has the rate of another of these runs"):
        rates.summarize([trained.run, trained.run])
