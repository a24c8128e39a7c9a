"""The deck's networks, measured: writes static/facts.json. `make figures` runs it."""

from __future__ import annotations

import json
import re
from typing import Any

import torch
from torch import nn
from torch.fx.proxy import TraceError

import lab
from lab import files, machine
from lab.facts import facts
from lab.parser import Parser

from .fields import receptive_field
from .lessons import ROOT, networks
from .own.facts import COUNTS, LEFT_OUT

FACTS = ROOT / "static" / "facts.json"
SMALL = (3, 32, 32)


def collect() -> dict[str, dict[str, Any]]:
    """All facts: for each network those of its forms, and a few that a slide needs besides.

    "paper" is the network of the paper at its own image size, "cifar10" the one for 32x32 images
    that the lesson's recipe builds, "torchvision" the form that library has where it differs.
    """
    found = {}
    for name, lesson in networks().items():
        found[name] = _forms(lesson)
        with torch.device("meta"):
            found[name] |= COUNTS[name](found[name]) if name in COUNTS else {}
        for key in LEFT_OUT.get(name, ()):
            del found[name]["cifar10"][key]
    return found


def _forms(lesson: lab.NetworkLesson[Any]) -> dict[str, Any]:
    """The facts of each form of a network, that for CIFAR10 among them."""
    small = lab.Form(
        f"{lesson.recipe.title} for CIFAR10", lambda: lesson.build(lesson.recipe, 10), SMALL
    )
    forms = {**lesson.forms} if "cifar10" in lesson.forms else {**lesson.forms, "cifar10": small}
    found = {}
    for key, form in forms.items():
        with torch.device("meta"):  # counts need no weights
            model = form.build()
        found[key] = facts(form.title, model, form.shape) | _field(model)
    return found


def _field(model: nn.Module) -> dict[str, int]:
    """How many pixels the last maps see; nothing where that cannot be read off."""
    try:
        return {"receptive_field": receptive_field(model)}
    except TraceError:
        return {}


def text() -> str:
    """The facts as JSON, with a line for each stage, to read in a diff."""
    innermost = re.compile(r"\{[^{}]*\}|\[[^\[\]{}]*\]")
    return innermost.sub(lambda it: " ".join(it[0].split()), json.dumps(collect(), indent=1)) + "\n"


def main() -> None:
    files.write_text(FACTS, text())
    print(FACTS.relative_to(ROOT))


if __name__ == "__main__":
    machine.show_errors_in_one_line()
    Parser(description=__doc__).parse_args()
    main()
