"""From a picture of any kind to what a network sees.

A picture is read as RGB: upright as its EXIF orientation says, what is transparent on white, no
color management. Its middle square (of side s = min(w, h), from ((w - s) // 2, (h - s) // 2)) is
scaled with Pillow's antialiased bilinear filter, on 8-bit pixels. The page that shows networks
live does the same in JavaScript, to the last bit.
"""

import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from .errors import UserError

LARGEST = 178_956_970  # pixels; Pillow opens no picture with more, and warns from half of it on
DRAFT = 1024  # pixels a side that are kept at least of a JPEG picture with more

# What Pillow warns of are pictures made to fill the memory; here they are the user's own.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class Unusable(UserError):  # noqa: N818 (a word, as in errors)
    """A picture that cannot be used, for what reason, and what to do."""

    def __init__(self, name: object, reason: str, remedy: str) -> None:
        super().__init__(f"{name} {reason}: {remedy}")
        self.reason = reason


def read(path: str | Path) -> Image.Image:
    """Read a picture as upright RGB, what is transparent in it on white.

    Raises `Unusable`: it cannot be read, is too large, or the range of its pixels is unknown.
    """
    try:
        with _open(path) as file:
            image = ImageOps.exif_transpose(file)  # upright, as the camera was held
            if image.mode.startswith("I;16"):
                image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
            elif image.mode in ("I", "F"):
                reason = f"has pixels of mode {image.mode}, whose range is unknown"
                raise Unusable(path, reason, "save it with 8 or 16 bits")
            if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
                picture = image.convert("RGBA")
                image = Image.new("RGBA", picture.size, "white")
                image.alpha_composite(picture)
            return image.convert("RGB")
    except Unusable:
        raise
    except Image.DecompressionBombError:
        reason = f"has more than {LARGEST / 1e6:.0f} million pixels, which is too large"
        raise Unusable(path, reason, "scale it down, or save it as JPEG") from None
    except Exception as error:  # Pillow's decoders raise almost anything on a damaged file
        raise Unusable(path, "cannot be read as an image", "repair or remove it") from error


def _open(path: str | Path) -> Image.Image:
    """Open a picture; a JPEG that is too large for Pillow is scaled down while it is decoded."""
    try:
        return Image.open(path)
    except Image.DecompressionBombError:
        with suppress(SyntaxError):  # it is no JPEG
            jpeg = JpegImageFile(path)
            jpeg.draft(None, (DRAFT, DRAFT))
            return jpeg
        raise


def fit(image: Image.Image, size: int) -> Image.Image:
    """The middle square of an image, scaled to `size` pixels a side."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.BILINEAR)


def pixels(path: str | Path, size: int) -> np.ndarray:
    """What a network of `size` pixels a side sees of a picture, before it is normalized.

    Returns:
        uint8 (3, size, size), in the order red, green, blue.
    """
    return np.array(np.asarray(fit(read(path), size)).transpose(2, 0, 1), order="C")
