"""Where the pictures of a lesson go: into a file, and onto the page of a notebook."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Union

from . import files, machine
from .errors import UserError

if TYPE_CHECKING:  # here and elsewhere: matplotlib takes half a second to load
    from matplotlib.figure import Figure


def keep(path: Path, figure: "Figure") -> None:
    """Write a picture as a PNG file, over an older one.

    Raises `UserError` if it cannot be written.
    """
    try:
        files.write(path, lambda file: figure.savefig(file, format="png"))
    except files.Unwritable as error:
        raise UserError(f"{error}: choose another --out") from None


def show(picture: Union["Figure", Path], words: str = "") -> None:
    """Show a picture where this is a notebook; `words` say what is on it to who cannot see it."""
    if machine.in_notebook():
        from IPython.display import Image, display

        content = io.BytesIO(picture.read_bytes() if isinstance(picture, Path) else b"")
        if not isinstance(picture, Path):
            picture.savefig(content, format="png")
        display(Image(content.getvalue(), alt=words or None))
