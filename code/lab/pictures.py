"""Pictures on the page of a notebook."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Union

from . import machine

if TYPE_CHECKING:  # here and elsewhere: matplotlib takes half a second to load
    from matplotlib.figure import Figure


def show(picture: Union["Figure", Path], words: str = "") -> None:
    """Show a picture where this is a notebook; `words` say what is on it to who cannot see it."""
    if machine.in_notebook():
        from IPython.display import Image, display

        content = io.BytesIO(picture.read_bytes() if isinstance(picture, Path) else b"")
        if not isinstance(picture, Path):
            picture.savefig(content, format="png")
        display(Image(content.getvalue(), alt=words or None))


def show_drawing(name: str | None, words: str) -> None:
    """Show a drawing of the course, where this is a checkout of it."""
    path = machine.home() / "static" / "img" / f"{name}.png"
    if path.is_file():
        show(path, words)
