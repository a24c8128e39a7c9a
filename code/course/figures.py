"""The deck's figures, drawn from the lessons' networks. `make figures` runs it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import draw as figures
import lab
from draw import KINDS, chain, describe, read
from lab import machine
from lab.parser import Parser

from . import facts, lessons
from .own.drawings import DRAWINGS

ROOT = lessons.ROOT

IMAGES = ROOT / "static" / "img"


def _lesson(lesson: lab.NetworkLesson[Any], figure: lab.Figure) -> str:
    """The drawing of a form that a lesson asks for."""
    form = lesson.forms.get(figure.form) if isinstance(figure.form, str) else figure.form
    if figure.kind not in KINDS or form is None:
        raise lab.UserError(
            f"code/{lesson.name}.py: its figure is a {figure.kind} of {figure.form}: choose from "
            f"{', '.join(KINDS)}, and from the forms {', '.join(lesson.forms) or '(none)'}"
        )
    model = form.build()
    used = {each.name.partition(".")[0] for each in lab.layers(model, (1, *form.shape), depth=1)}
    for name, part in list(model.named_children()):
        if name not in used and lab.count_parameters(part):
            setattr(model, name, None)  # an auxiliary classifier: it only helps to train
    ops = read(model, form.shape)
    told = lesson.name, lesson.recipe.title, describe(ops), ops
    if figure.kind == "chain":
        return chain(*told, power=1 if form.shape[-1] <= 32 else 0.5)
    return KINDS[figure.kind](*told)


def drawings() -> dict[str, Callable[[], str]]:
    """How each figure is drawn, by its name."""
    networks = lessons.networks().items()
    own = {name: partial(_lesson, each, each.figure) for name, each in networks if each.figure}
    return {**own, **DRAWINGS}


def svg(name: str) -> str:
    """One of the figures."""
    draw = drawings()[name]
    if name.startswith("pieces-"):
        return draw()
    with torch.device("meta"):  # a figure needs no weights
        return draw()


def main() -> None:
    for name in drawings():
        for path in figures.write(IMAGES / f"{name}.svg", svg(name)):
            print(path.relative_to(ROOT))
    facts.main()
    lessons.main()


if __name__ == "__main__":
    machine.show_errors_in_one_line()
    Parser(description=__doc__).parse_args()
    main()
