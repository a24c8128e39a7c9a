"""Pictures on the page of a notebook."""

from pathlib import Path

from . import machine


def show(picture: Path, words: str = "") -> None:
    """Show a picture where this is a notebook; `words` say what is on it to who cannot see it."""
    if machine.in_notebook():
        from IPython.display import Image, display

        display(Image(picture.read_bytes(), alt=words or None))


def show_drawing(name: str | None, words: str) -> None:
    """Show a drawing of the course, where this is a checkout of it."""
    path = machine.home() / "static" / "img" / f"{name}.png"
    if path.is_file():
        show(path, words)
