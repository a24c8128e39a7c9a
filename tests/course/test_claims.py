"""What the slides say in words about their networks, held against facts and records.

`tests/deck/test_deck.py` keeps typed numbers off the slides; "more than half" or "fewer than" is a
number, too, and a new recipe or another width can make it a lie.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from conftest import DECK, ROOT

FACTS: dict[str, dict[str, Any]] = json.loads((ROOT / "static/facts.json").read_text())
RECORDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text())
    for path in sorted((ROOT / "static/results").glob("*.json"))
}
EARLIER = ("alexnet", "vgg16", "inception", "googlenet")  # designed after LeNet, before ResNet


def share(form: dict[str, Any], what: str, *names: str) -> float:
    """Return what part of a network's parameters or MACs its stages of these names have."""
    rows = [stage for stage in form["stages"] if stage["name"].startswith(names)]
    assert rows
    return sum(stage[what] for stage in rows) / form[what]


def uses(form: dict[str, Any]) -> float:
    """Return how often a weight is used for one image, on average."""
    return form["macs"] / form["parameters"]


def on_small_images(network: str) -> dict[str, Any]:
    return FACTS[network]["cifar10"]


def layers_of_resnet(*sides: int) -> int:
    """Return how many layers of ResNet-20 with weights make maps of these sides."""
    rows = [stage for stage in RESNET["stages"] if stage["parameters"]]
    in_one = {"conv": 1, "fully": 1}  # a row of blocks says how many; each has two convolutions
    sizes = [(stage["output"] + [1, 1])[1] for stage in rows]
    counts = [
        in_one.get(stage["kind"].split()[0], 0) or 2 * int(stage["kind"][0]) for stage in rows
    ]
    return sum(count for count, side in zip(counts, sizes, strict=True) if side in sides)


def alike(one: float, other: float) -> bool:
    return 1 / 1.5 < one / other < 1.5


LENET, ALEXNET, VGG = (FACTS[name]["paper"] for name in ("lenet", "alexnet", "vgg16"))
RESNET = on_small_images("resnet")

CLAIMS: dict[str, Callable[[], bool]] = {
    "most parameters sit in the layer of 120 units, C5": lambda: (
        share(LENET, "parameters", "c5") > 0.5
    ),
    "the first fully connected layer holds most parameters": lambda: (
        share(VGG, "parameters", "fc6") > 0.5
    ),
    "C5 for the parameters": lambda: share(LENET, "parameters", "c5") > 0.5,
    "C3 for the work: it does more than half of it": lambda: share(LENET, "macs", "c3") > 0.5,
    "nearly all parameters sit in the fully connected layers": lambda: (
        share(ALEXNET, "parameters", "fc") > 0.9
    ),
    "the layers with the fewest parameters do most of the work": lambda: (
        share(ALEXNET, "parameters", "conv") < 0.1 and share(ALEXNET, "macs", "conv") > 0.5
    ),
    "most of its parameters sit in layers that can": lambda: (
        share(on_small_images("alexnet"), "parameters", "fc") > 0.5
    ),
    "The first fully connected layer alone holds most of the parameters": lambda: (
        share(VGG, "parameters", "fc6") > 0.5
    ),
    "the two blocks E hold nearly half of all": lambda: (
        0.4 < share(FACTS["inception"]["paper"], "parameters", "mixed_7b") < 0.5
    ),
    "VGG, by about twenty times": lambda: (
        17 < VGG["parameters"] / FACTS["googlenet"]["paper"]["parameters"] < 23
    ),
    "one layer of it is responsible for most of that": lambda: (
        share(VGG, "parameters", "fc6") > 0.5
    ),
    "still fewer parameters than AlexNet": lambda: (
        FACTS["resnet"]["paper"]["parameters"] < ALEXNET["parameters"]
    ),
    "it has fewer parameters than any network before it but LeNet": lambda: (
        on_small_images("lenet")["parameters"]
        < RESNET["parameters"]
        < min(on_small_images(network)["parameters"] for network in EARLIER)
    ),
    "about as much work per image as they have": lambda: all(
        alike(RESNET["macs"], on_small_images(network)["macs"]) for network in EARLIER
    ),
    "a third of its layers work at full resolution": lambda: (
        0.3 < layers_of_resnet(32) / layers_of_resnet(32, 16, 8, 1) < 0.37
    ),
    "on average they use each weight less than half as often": lambda: all(
        uses(on_small_images(network)) < uses(RESNET) / 2 for network in EARLIER
    ),
    "ResNet-20 is right more often, with about twice the work": lambda: (
        RECORDS["resnet"]["test_accuracy"]["mean"] > RECORDS["nsganet"]["test_accuracy"]["mean"]
        and 1.7 < RECORDS["resnet"]["macs"] / RECORDS["nsganet"]["macs"] < 2.3
    ),
    "a CPU trains in less than two hours": lambda: all(
        run["seconds"] < 2 * 3600 and "thread" in run["device"]
        for record in RECORDS.values()
        for run in record["runs"]
    ),
}

# Words that compare, and what they may compare that facts and records count.
COMPARES = re.compile(
    r"\b(?:(?:more|less) than|fewer|fewest|nearly|about as|about \w+ times|almost|most of|most)\b"
    r"[^.?!:;]*\b(?:parameters?|weights?|work|hours?|minutes?|multiplications?|half)\b"
    r"|\b(?:half|a third|a quarter|twice|times) (?:as|of|the) [^.?!:;]*"
    r"\b(?:parameters?|work|layers|accuracy|epochs)\b"
)
# Sentences that compare, but no network of ours: arithmetic, advice, the papers' searches.
OTHERS = (
    "three times as many as it has pixels",
    "no weight decay",
    "fewer errors, and less work",
    "many features matter most right before the averaging",
    "you can buy fewer errors only with more work",
    "It takes less than a minute",
)


# A course that leaves out a network leaves out what is claimed of it.
@pytest.mark.parametrize(
    "words", [words for words in CLAIMS if words in DECK.read_text(encoding="utf-8")]
)
def test_what_the_slides_say_in_words_is_so(words: str) -> None:
    assert CLAIMS[words]()


def test_every_comparison_in_words_is_held_against_something() -> None:
    deck = re.sub(r"\{\{.*?\}\}", "§", DECK.read_text(encoding="utf-8"))
    held = [*CLAIMS, *OTHERS]
    places = [place.span() for words in held for place in re.finditer(re.escape(words), deck)]
    loose = [
        found.group()
        for found in COMPARES.finditer(deck)
        if not any(start < found.end() and found.start() < end for start, end in places)
    ]
    assert loose == []
