"""DARTS: the recorded search, how it is made, and drop-path, which grows in a training."""

from __future__ import annotations

import json
import statistics
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import darts
import lab
from course import darts_search, nsganet_search, results
from lab import data, training

pytestmark = pytest.mark.needs("darts")

RECORD: dict[str, Any] = json.loads((nsganet_search.SEARCHES / "darts.json").read_text())


def test_the_search_is_of_the_settings_of_the_lesson() -> None:
    settings = darts_search.described(darts.SEARCH)
    for part in ("search", "comparison"):
        settings[part]["data"] = RECORD["dataset"]
    assert RECORD["settings"] == settings


def test_each_genotype_follows_from_the_shares_of_its_epoch() -> None:
    for row in RECORD["search"]["history"]:
        shares = [torch.tensor(row[kind]) for kind in darts.Genotype._fields]
        for each in shares:
            assert each.shape == (len(RECORD["edges"]), len(RECORD["operations"]))
            torch.testing.assert_close(each.sum(1), torch.ones(len(each)), rtol=0, atol=5e-4)
        found = darts.derive(torch.stack(shares).log())
        assert str(found) == row["genotype"]
        assert str(found).partition("/")[0].count("skip_connect") == row["skips"]
    assert RECORD["search"]["genotype"] == row["genotype"]


def test_what_is_compared_is_what_was_found_and_what_was_drawn() -> None:
    recipe = RECORD["settings"]["comparison"]
    first, *drawn = RECORD["comparison"]["networks"]
    assert first["genotype"] == RECORD["search"]["genotype"]
    for each in drawn:
        assert each["genotype"] == str(darts.read_genotype(each["name"]))
    for each in (first, *drawn):
        with torch.device("meta"):
            model = darts.DARTS(
                darts.read_genotype(each["genotype"]),
                recipe["cells"],
                recipe["channels"],
                len(RECORD["classes"]),
                auxiliary=False,
            )
        assert lab.count_parameters(model) == each["parameters"]
        assert lab.count_macs(model, (1, 3, 32, 32)) == each["macs"]
    for split in ("validation_accuracy", "test_accuracy"):
        mean = statistics.fmean(each[split]["mean"] for each in drawn)
        assert RECORD["comparison"]["random"][split]["mean"] == pytest.approx(mean, abs=1e-5)


def test_the_search_improves_on_its_own_start() -> None:
    first, *_, last = RECORD["search"]["history"]
    assert last["validation_accuracy"] > first["validation_accuracy"] + 0.1


def test_a_search_is_recorded_and_more_seeds_train_only_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[str | int] = []

    def run(words: list[str]) -> None:
        started.append("search" if words[1] == "search" else int(words[-1]))
        with suppress(SystemExit):  # with which a search ends
            lab.main(darts.LESSON, words[1:])

    monkeypatch.setattr(results, "_run", run)
    monkeypatch.setattr(nsganet_search, "SEARCHES", tmp_path)
    monkeypatch.setattr(darts_search, "RANDOM", 1)
    small = {"cells": 3, "channels": 2, "batch_size": 32, "epochs": 1}
    monkeypatch.setattr(darts_search, "BRIEFLY", {**darts_search.BRIEFLY, **small})
    monkeypatch.setattr(data, "SHAPES_DRAWN", 60)
    monkeypatch.setattr(training, "count_macs", lambda *_: 0)  # it takes longer than a step

    def record(*words: str, epochs: int = 1) -> dict[str, Any]:
        started.clear()
        settings = f"--data shapes --device cpu --no-progress --out {tmp_path / 'runs'}"
        settings += " --channels-last --precision fp32 --cells 3 --channels 2 --images 12"
        settings += f" --batch-size 6 --epochs {epochs}"
        monkeypatch.setattr(
            sys, "argv", ["results.py", "darts-search", *words, "--", *settings.split()]
        )
        results.main()
        return json.loads((tmp_path / "darts.json").read_text())

    made = record()
    assert started == ["search", 0, 0]
    assert [each["name"] for each in made["comparison"]["networks"]] == ["searched", "random:1"]
    assert made["search"]["channels_last"]
    assert all(each["runs"][0]["channels_last"] for each in made["comparison"]["networks"])
    assert record() == made
    assert not started
    assert "recorded already" in capsys.readouterr().out
    more = record("--seeds", "2")
    assert started == ["search", 1, 1]  # the search finds itself finished
    assert [each["test_accuracy"]["n"] for each in more["comparison"]["networks"]] == [2, 2]
    assert more["search"] == made["search"]
    with pytest.raises(lab.UserError, match="of other settings: --replace"):
        record(epochs=2)
    assert json.loads((tmp_path / "darts.json").read_text()) == more


def test_drop_path_grows_with_the_training_and_silences_that_share() -> None:
    torch.manual_seed(0)
    model = darts.DARTS(darts.DARTS_V2, cells=3, channels=2, auxiliary=False, drop_path=0.4)
    path, *others = (each for each in model.modules() if isinstance(each, darts.DropPath))
    assert 1 + len(others) == 6 + 2 * 5  # one normal cell, two reductions: the identity stays
    x = torch.ones(20_000, 1, 1, 1)
    for done, rate in ((0.0, 0.0), (0.5, 0.2)):
        model.train().grow(done)
        y = path(x)
        assert float((y == 0).float().mean()) == pytest.approx(rate, abs=0.015)
        assert float(y.mean()) == pytest.approx(1, abs=0.03)  # as much goes on as before
    assert torch.equal(model.eval() and path(x), x)


def test_a_training_lets_drop_path_grow(tmp_path: Path) -> None:
    recipe = replace(
        darts.RECIPE,
        data="shapes",
        limit=60,
        epochs=2,
        batch_size=30,
        cells=3,
        channels=2,
        drop_path=0.4,
    )
    trained = lab.train(darts.build, recipe, lab.Options(device="cpu", out=str(tmp_path)))
    rates = [float(m.rate) for m in trained.model.modules() if isinstance(m, darts.DropPath)]
    assert rates == pytest.approx([0.2] * len(rates))  # the second of two epochs begins half-way
    assert rates
