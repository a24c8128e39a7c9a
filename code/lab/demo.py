"""Demonstrations: what a lesson shows of its pieces where it is read."""

from collections.abc import Callable
from typing import TypeVar

from . import machine

F = TypeVar("F", bound=Callable[[], object])

_demos: list[Callable[[], object]] = []


def demo(function: F) -> F:
    """Show what the function prints where the lesson is read, and nowhere else.

    A notebook and a lesson's page run it at once; `python code/NAME.py show` runs all of a script
    in their order. An import, a training and the processes of torchrun do not.
    """
    if function.__module__ == "__main__":
        if machine.in_notebook():
            function()
        else:
            _demos.append(function)
    return function


def show_demos() -> None:
    """Run the demonstrations of the script, each below its name."""
    for function in _demos:
        print(f"\n{function.__name__.replace('_', ' ').capitalize()}")
        function()
    _demos.clear()
