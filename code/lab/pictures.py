"""Where the pictures of a lesson go: into a file, and onto the page of a notebook."""

from pathlib import Path

from matplotlib.figure import Figure

from . import files, machine
from .errors import UserError


def keep(path: Path, figure: Figure) -> None:
    """Write a picture as a PNG file, over an older one, and show it where this is a notebook.

    Raises `UserError` if it cannot be written.
    """
    try:
        files.write(path, lambda file: figure.savefig(file, format="png"))
    except files.Unwritable as error:
        raise UserError(f"{error}: choose another --out") from None
    show(path)


def show(path: Path, words: str = "") -> None:
    """Show a picture where this is a notebook; `words` say what is on it to who cannot see it."""
    if machine.in_notebook():
        from IPython.display import Image, display

        display(Image(str(path), alt=words or None))
