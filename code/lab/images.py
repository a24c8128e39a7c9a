"""From a picture of any kind to what a network sees.

A picture is read as RGB: upright as its EXIF orientation says, what is transparent on white, no
color management. Its middle square (of side s = min(w, h), from ((w - s) // 2, (h - s) // 2)) is
scaled with Pillow's antialiased bilinear filter, on 8-bit pixels. The page that shows networks
live does the same in JavaScript, to the last bit.
"""

from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps

from .errors import UserError


def read(source: str | Path | IO[bytes]) -> Image.Image:
    """Read a picture as upright RGB, what is transparent in it on white.

    Args:
        source: a file, by its path or open.

    Raises:
        UserError: it cannot be read, or the range of its pixels is unknown.
    """
    name = source if isinstance(source, str | Path) else getattr(source, "name", "the picture")
    try:
        with Image.open(source) as file:
            image = ImageOps.exif_transpose(file)  # upright, as the camera was held
            if image.mode.startswith("I;16"):
                image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
            elif image.mode in ("I", "F"):
                raise UserError(
                    f"{name} has pixels of mode {image.mode}, whose range is unknown: "
                    "save it with 8 or 16 bits"
                )
            if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
                picture = image.convert("RGBA")
                image = Image.new("RGBA", picture.size, "white")
                image.alpha_composite(picture)
            return image.convert("RGB")
    except UserError:
        raise
    except Exception as error:  # Pillow's decoders raise almost anything on a damaged file
        raise UserError(f"{name} cannot be read as an image: mend or remove it") from error


def fit(image: Image.Image, size: int) -> Image.Image:
    """The middle square of an image, scaled to `size` pixels a side."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.BILINEAR)


def pixels(source: str | Path | IO[bytes], size: int) -> np.ndarray:
    """What a network of `size` pixels a side sees of a picture, before it is normalized.

    Returns:
        uint8 (3, size, size), in the order red, green, blue.
    """
    return np.asarray(fit(read(source), size)).transpose(2, 0, 1).copy()
