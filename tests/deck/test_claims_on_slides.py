"""A slide's claim in words is held by `{{ claim: … }}` beside it, against facts and records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expanding import end_caller, expand

FACTS = {
    "net": {
        "cifar10": {
            "parameters": 1000,
            "macs": 5_000_000,
            "stages": [
                {"name": "conv1", "macs": 3_000_000, "output": [8, 32, 32]},
                {"name": "pool", "macs": 0, "output": [8, 16, 16]},
                {"name": "pool", "macs": 0, "output": [8, 8, 8]},
                {"name": "conv_2a-b", "macs": 1_500_000, "output": [8, 8, 8]},
                {"name": "fc", "macs": 500_000, "output": [10]},
            ],
        }
    }
}
RECORDS: dict[str, Any] = {
    "net": {
        "dataset": "cifar10",
        "recipe": {"epochs": 20, "flip": True, "plain": False},
        "runs": [{"seconds": 60.5}, {"seconds": 90.25}],
        "test_accuracy": {"mean": 0.862},
    },
    "other": {
        "dataset": "cifar10",
        "recipe": {"epochs": 40},
        "runs": [{"seconds": 7200}],
        "test_accuracy": {"mean": 0.88},
    },
}

NET = "facts.net.cifar10"
GOOD = [
    "results.net.test_accuracy.mean < results.other.test_accuracy.mean",
    f"{NET}.stages.conv1.macs / {NET}.macs > 0.5",
    f"{NET}.stages.conv_2a*.macs*2 == {NET}.stages.0.macs",
    f"0.8 < sum({NET}.stages.conv*.macs) / {NET}.macs <= 0.9",
    f"len({NET}.stages) == 5 and len({NET}.stages.pool*) == 2",
    f"max({NET}.stages.*.output) == 32 and min({NET}.stages.*.output.0, 9) == 8",
    "max(results.*.runs.*.seconds) == 2 * 60 * 60 and sum(results.net.runs.*.seconds) > 150",
    "max(results.n*.runs.*.seconds) < 91",
    "round(results.other.test_accuracy.mean * 100 / 3, 1) == 29.3",
    "round(results.other.recipe.epochs / results.net.recipe.epochs) == 2",
    "abs(results.net.recipe.epochs - results.other.recipe.epochs) == 20",
    "results.net.dataset == results.other.dataset",
    "results.net.recipe.flip and results.net.recipe.flip != results.net.recipe.plain",
    "results.net.recipe.plain or -results.net.recipe.epochs < 0 < results.net.recipe.epochs",
    "2 + 3 * results.net.recipe.epochs == 62 and (2 + 3) * results.net.recipe.epochs == 1e2",
]

UNKNOWN = "; it knows + - * / < <= > >= == != and or abs round min max sum len"
BAD = {
    "results.net.test_accuracy.mean > results.other.test_accuracy.mean": (
        "0.862 > 0.88 is false: results.net.test_accuracy.mean is 0.862, "
        "results.other.test_accuracy.mean is 0.88"
    ),
    f"0.5 < {NET}.stages.pool*.macs < 1": "0, 0: not a single value; of several take min, max, sum",
    f"0.6 < {NET}.stages.conv1.macs / {NET}.macs < 0.7": f"0.6 < 0.6 is false: {NET}.stages.conv1",
    f"0.1 < {NET}.stages.conv1.macs / {NET}.macs < 0.5": f"0.6 < 0.5 is false: {NET}.stages.conv1",
    "results.net.recipe.epochs == 20 and results.net.recipe.epochs > 30": "20 > 30 is false: ",
    "results.net.recipe.epochs == 3 or results.net.recipe.epochs > 30": "20 == 3, 20 > 30 is false",
    "results.net.recipe.plain": "results.net.recipe.plain is false",
    "max(results.*.runs.*.seconds) < 7200": (
        "7200 < 7200 is false: results.*.runs.*.seconds is 60.5, 90.25, 7200"
    ),
    "results.net.dataset > 3": '"cifar10" is not a number',
    "results.net.recipe.epochs / 0 > 3": "20 / 0 is no number",
    "results.net.recipe.epochs": "this compares nothing; write {{ claim: results.resnet.macs >",
    "results.net.recipe.epochs + 1": "this compares nothing; write",
    "results.net.recipe.epochs and 1 < 2": "this compares nothing; write",
    "results.net.accuracy > 1": "static/results/net.json: there is no key accuracy; there is ",
    "results.net.recipe.flip or results.net.no": "static/results/net.json: there is no key no",
    f"{NET}.stages.conv3.macs > 1": (
        "static/facts.json: there is no key conv3 under net.cifar10.stages; "
        "there is conv1, pool, pool, conv_2a-b, fc"
    ),
    f"{NET}.stages.pool.macs > 1": "static/facts.json: that stands for 2 values",
    f"len({NET}.stages.no*) == 0": "static/facts.json: there is no key no* under net.cifar10.st",
    "results.no.macs > 1": "static/results/no.json: there is no such file; there is static/",
    "no.macs > 1": "static/no.json: there is no such file; there is static/facts.",
    "net > 1": "there is no value net; write {{ claim: ",
    "results.net.constructor > 1": "static/results/net.json: there is no key constructor",
    "results.net.recipe.epochs >": "that cannot be read; write {{ claim: ",
    "results.net.recipe.epochs > 3)": 'that cannot be read from ")" on; write {{ claim: ',
    "results.net.recipe.epochs > 3; 1 < 2": "that cannot be read from ",
    "": "that cannot be read; write {{ claim: ",
    "results.net.recipe.epochs ** 2 > 3": f"a claim knows no **{UNKNOWN}",
    "not results.net.recipe.plain": f"a claim knows no not{UNKNOWN}",
    "eval(results.net.recipe.epochs) > 3": f"a claim knows no eval{UNKNOWN}",
    "constructor(results.net.recipe.epochs) > 3": f"a claim knows no constructor{UNKNOWN}",
    'results.net.dataset == "cifar10"': f'a claim knows no "cifar10"{UNKNOWN}',
    "min() < results.net.recipe.epochs": "there is no number to take",
    "len(results.net.dataset) == 7": "len is of several values",
}

# What a claim leaves of what is around it.
AROUND = {
    "A\n{{ claim: CLAIM }}\n\nB": "A\n\nB",
    "A {{ claim: CLAIM }} {{ claim: CLAIM }}\nB": "A\nB",
    "A{{ claim: CLAIM }}, B": "A, B",
    "- A\n  {{ claim: CLAIM }} {{ claim: CLAIM }}\n- B": "- A\n- B",
    "Note:\n3 minutes.\n\nA\n{{ claim: CLAIM }}": "Note:\n3 minutes.\n\nA",
    "`{{ claim: 2 < 1 }}` and\n\n```text\n{{ claim: 2 < 1 }}\n```": (
        "`{{ claim: 2 < 1 }}` and\n\n```text\n{{ claim: 2 < 1 }}\n```"
    ),
}

# The same keys look up a value.
VALUES = {
    "{{ static/facts.json: net.cifar10.stages.fc.macs | integer }}": "500,000",
    "{{ static/facts.json: net.cifar10.stages.conv_2a*.macs | millions }}": "1.50\u00a0M",
}


def claim(expression: str) -> str:
    """A deck whose second paragraph is a claim."""
    return f"A\n\n{{{{ claim: {expression} }}}}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the facts and records of this file, and what fills decks in until its end."""
    root = tmp_path_factory.mktemp("claims")
    (root / "static" / "results").mkdir(parents=True)
    (root / "static" / "facts.json").write_text(json.dumps(FACTS))
    for name, record in RECORDS.items():
        (root / "static" / "results" / f"{name}.json").write_text(json.dumps(record))
    yield root
    end_caller()


@pytest.mark.parametrize("expression", GOOD)
def test_a_claim_that_is_so_leaves_nothing(root: Path, expression: str) -> None:
    deck = expand(root, claim(expression))
    assert deck["problems"] == []
    assert deck["markdown"].strip() == "A"


@pytest.mark.parametrize(("expression", "message"), BAD.items())
def test_any_other_is_a_mistake_that_tells_what_was_found(
    root: Path, expression: str, message: str
) -> None:
    deck = expand(root, claim(expression))
    (problem,) = deck["problems"]
    assert problem["message"].startswith(message)
    assert problem["directive"] == claim(expression).split("\n")[-1]
    assert (problem["file"], problem["line"]) == ("slides/deck.md", 12)
    assert "This slide cannot be shown" in deck["slides"][0]


@pytest.mark.parametrize(("before", "after"), AROUND.items())
def test_what_is_around_a_claim_is_as_if_it_were_not_there(
    root: Path, before: str, after: str
) -> None:
    deck = expand(root, before.replace("CLAIM", GOOD[0]))
    assert deck["problems"] == []
    assert deck["markdown"].replace('<!-- .slide: data-timing="180" -->', "").strip() == after


@pytest.mark.parametrize(("directive", "shown"), VALUES.items())
def test_a_value_is_looked_up_by_name_as_in_a_claim(root: Path, directive: str, shown: str) -> None:
    assert expand(root, directive)["markdown"].strip() == shown
