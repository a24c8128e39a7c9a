"""SVG to PNG, for print, phones and pages without scripts."""

import hashlib
import io
import tempfile
from functools import cache
from pathlib import Path

import resvg_py
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .fonts import truetype

ZOOM = 1.5  # sharp where a pixel of the page is more than one of the screen
COLORS = 32


def png(svg: str) -> bytes:
    """A figure as PNG; its text chunk `svg-sha256` says of which SVG.

    The same SVG gives the same bytes with the same versions of the renderer and of Pillow.
    """
    rendered = resvg_py.svg_to_bytes(
        svg_string=svg,
        zoom=ZOOM,
        background="#ffffff",
        skip_system_fonts=True,
        font_dirs=[_font_folder().name],
        font_family="Lato",
        sans_serif_family="Lato",
    )
    image = Image.open(io.BytesIO(bytes(rendered))).convert("RGB")
    few = image.quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    said, buffer = PngInfo(), io.BytesIO()
    said.add_text("svg-sha256", sha256(svg))
    few.save(buffer, "PNG", optimize=True, pnginfo=said)
    return buffer.getvalue()


def sha256(svg: str) -> str:
    return hashlib.sha256(svg.encode()).hexdigest()


@cache
def _font_folder() -> tempfile.TemporaryDirectory[str]:
    """The renderer reads fonts from files only; the folder goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="lab-fonts-")
    for bold in (False, True):
        (Path(folder.name) / f"lato-{bold}.ttf").write_bytes(truetype(bold))
    return folder
