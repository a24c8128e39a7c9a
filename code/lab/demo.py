"""Demonstrations: what a lesson shows of its pieces where it is read."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from . import machine, pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

F = TypeVar("F", bound=Callable[[], "Figure | None"])

_demos: list[Callable[[], "Figure | None"]] = []


def demo(function: F) -> F:
    """Show what the function prints, and the picture it may return, where the lesson is read.

    A notebook and a lesson's page run it at once; `python code/NAME.py show` runs all of a script
    in their order. An import, a training and the processes of torchrun do not.
    """
    if function.__module__ == "__main__":
        if machine.in_notebook():
            figure = function()
            if figure:
                pictures.show(figure, _title(function))
        else:
            _demos.append(function)
    return function


def show_demos(folder: Path | None = None) -> None:
    """Run the demonstrations of the script, each below its name; their pictures go to `folder`."""
    for function in _demos:
        print(f"\n{_title(function)}")
        figure = function()
        if folder and figure:
            pictures.keep(folder / f"{function.__name__}.png", figure)
    _demos.clear()


def _title(function: Callable[[], Any]) -> str:
    return function.__name__.replace("_", " ").capitalize()
