"""The deck's own fonts, as the renderer needs them and for the width of a text."""

import io
from functools import cache
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont

from lab.errors import UserError

FOLDER = Path(__file__).resolve().parents[2] / "static" / "fonts"
FILES = {False: "lato-latin-400-normal.woff2", True: "lato-latin-700-normal.woff2"}
FAMILY = "Lato, sans-serif"


@cache
def font(bold: bool) -> TTFont:
    """Lato, regular or bold.

    Raises:
        UserError: the font is not there.
    """
    path = FOLDER / FILES[bold]
    if not path.is_file():
        raise UserError(
            f"the font {path} is missing: figures are drawn in a checkout of the lecture "
            "(pip install -e '.[figures]')"
        )
    return TTFont(path)


def truetype(bold: bool) -> bytes:
    """The font uncompressed: the renderer cannot read woff2."""
    loaded, buffer = TTFont(FOLDER / FILES[bold]), io.BytesIO()
    loaded.flavor = None
    loaded.recalcTimestamp = False
    loaded.save(buffer)
    return buffer.getvalue()


def width(text: str, size: float, bold: bool = False) -> float:
    """How wide a text is, without kerning, which makes it a little narrower.

    Raises:
        UserError: a character is not in the font: the renderer would leave it out silently.
    """
    loaded: Any = font(bold)  # fontTools does not tell what its tables hold
    glyphs, advances = loaded.getBestCmap(), loaded["hmtx"]
    missing = sorted({character for character in text if ord(character) not in glyphs})
    if missing:
        raise UserError(f"the font has no {' '.join(missing)}: write {text!r} without")
    total = sum(advances[glyphs[ord(character)]][0] for character in text)
    return float(total * size / loaded["head"].unitsPerEm)
