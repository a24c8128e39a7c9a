"""Where the pictures of a lesson go: into a file, and onto the page of a notebook."""

import io
from pathlib import Path

from matplotlib.figure import Figure

from . import files, machine
from .errors import UserError


def keep(path: Path, figure: Figure) -> None:
    """Write a picture as a PNG file, over an older one.

    Raises `UserError` if it cannot be written.
    """
    try:
        files.write(path, lambda file: figure.savefig(file, format="png"))
    except files.Unwritable as error:
        raise UserError(f"{error}: choose another --out") from None


def display(figure: Figure, words: str) -> None:
    """Show a picture in a notebook; `words` say what is on it to who cannot see it."""
    from IPython.display import Image
    from IPython.display import display as show_image

    content = io.BytesIO()
    figure.savefig(content, format="png")
    show_image(Image(content.getvalue(), alt=words))


def show(path: Path, words: str = "") -> None:
    """Show a picture where this is a notebook; `words` say what is on it to who cannot see it."""
    if machine.in_notebook():
        from IPython.display import Image, display

        display(Image(str(path), alt=words or None))
