"""Where the pictures of a lesson go: into a file, and onto the page of a notebook."""

from pathlib import Path

from matplotlib.figure import Figure

from . import machine
from .errors import UserError


def keep(path: Path, figure: Figure) -> None:
    """Write a picture as a PNG file, over an older one, and show it where this is a notebook.

    Raises `UserError` if it cannot be written.
    """
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise UserError(
            f"cannot write {machine.shown(path)} ({error.strerror}): choose another --out"
        ) from None
    show(path)


def show(path: Path, words: str = "") -> None:
    """Show a picture where this is a notebook; `words` say what is on it to who cannot see it."""
    if machine.in_notebook():
        from IPython.display import Image, display

        display(Image(str(path), alt=words or None))
