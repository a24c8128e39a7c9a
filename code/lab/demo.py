"""Demonstrations: what a lesson shows of its pieces where it is read."""

from collections.abc import Callable
from typing import Any, TypeVar

from . import machine, pictures

F = TypeVar("F", bound=Callable[[], str | None])

_demos: list[Callable[[], str | None]] = []


def demo(function: F) -> F:
    """Show what the function prints, and the drawing it may name, where the lesson is read.

    A notebook and a lesson's page run it at once, `python code/NAME.py show` all of a script in
    their order; an import, a training and the processes of torchrun do not.
    """
    if function.__module__ == "__main__":
        if machine.in_notebook():
            pictures.show_drawing(function(), _title(function))
        else:
            _demos.append(function)
    return function


def show_demos() -> None:
    """Run the demonstrations of the script, each below its name."""
    for function in _demos:
        print(f"\n{_title(function)}")
        if drawing := function():
            print(f"drawn in static/img/{drawing}.svg")
    _demos.clear()


def _title(function: Callable[[], Any]) -> str:
    return function.__name__.replace("_", " ").capitalize()
