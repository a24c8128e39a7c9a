"""A picture becomes what a network sees as it is documented, whatever its size and kind."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional

from lab import images
from lab.errors import UserError


def noise(width: int, height: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(width).integers(0, 256, (height, width, channels), np.uint8)


def pixels_of(image: Image.Image, **settings: object) -> np.ndarray:
    """What a network sees of an image that is saved as PNG."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "image.png")
        image.save(path, **settings)
        return images.pixels(path, 32)


@settings(max_examples=30)
@given(width=st.integers(1, 300), height=st.integers(1, 300))
@example(width=1, height=1)
@example(width=1, height=500)
@example(width=32, height=32)
@example(width=1500, height=1001)
def test_the_middle_square_is_scaled_as_torchvision_does(width: int, height: int) -> None:
    image = Image.fromarray(noise(width, height))
    side = min(width, height)
    square = functional.crop(image, (height - side) // 2, (width - side) // 2, side, side)
    expected = functional.pil_to_tensor(functional.resize(square, [32, 32])).numpy()
    assert np.array_equal(pixels_of(image), expected)


def test_what_is_transparent_lies_on_white() -> None:
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    assert (pixels_of(clear) == 255).all()
    half = pixels_of(Image.new("RGBA", (40, 40), (255, 0, 0, 128)))
    assert half[:, 0, 0].tolist() == [255, 127, 127]
    palette = Image.new("P", (40, 40), 3)
    palette.putpalette([0, 0, 0] * 256)
    assert (pixels_of(palette, transparency=3) == 255).all()
    gray = Image.new("LA", (40, 40), (9, 0))
    assert (pixels_of(gray) == 255).all()


def test_sixteen_bits_become_eight() -> None:
    levels = np.full((40, 40), 257 * 77, np.uint16)
    assert (pixels_of(Image.fromarray(levels)) == 77).all()


def test_a_jpeg_too_large_for_pillow_is_scaled_while_it_is_decoded_and_others_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradient = Image.linear_gradient("L").resize((2400, 2100)).convert("RGB")
    for ending in ("jpg", "png"):
        gradient.save(tmp_path / f"large.{ending}")
    expected = images.pixels(tmp_path / "large.png", 32).astype(int)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2_000_000)  # and the error from twice of it
    assert images.read(tmp_path / "large.jpg").size == (1200, 1050)
    assert abs(images.pixels(tmp_path / "large.jpg", 32) - expected).max() <= 3
    with pytest.raises(UserError) as error:
        images.read(tmp_path / "large.png")
    assert str(error.value) == (
        f"{tmp_path / 'large.png'} has more than 179 million pixels, which is too large: "
        "scale it down, or save it as JPEG"
    )
