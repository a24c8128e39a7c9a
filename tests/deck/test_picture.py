"""The pixels that a page gives its networks: Pillow's own, and what is done to them on purpose."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import ROOT

SIDES = [1, 2, 3, 5, 16, 31, 32, 33, 47, 64, 100, 173, 299, 512]

RUN = """
import { scaleSquare } from './static/js/live/picture.js';
import { spoil, UNTOUCHED } from './static/js/live/wrong.js';
let text = '';
for await (const part of process.stdin) text += part;
const { squares, pixels, settings } = JSON.parse(text);
const bytes = (coded) => new Uint8ClampedArray(Buffer.from(coded, 'base64'));
const coded = (values) => Buffer.from(values).toString('base64');
const before = bytes(pixels);
console.log(JSON.stringify({
  scaled: squares.map(({ side, data }) => coded(scaleSquare(bytes(data), side, 4))),
  spoilt: settings.map((change) => coded(spoil(before, { ...UNTOUCHED, ...change }))),
  untouched: coded(before) === pixels,
}));
"""

SETTINGS: list[dict[str, Any]] = [
    {},
    {"shift": 5},
    {"shift": -5},
    {"rotation": 90},
    {"rotation": 180},
    {"grey": 100},
    {"cover": 8},
    {"cover": 8, "at": [0, 31]},
    {"noise": 20},
    {"noise": 20},
    {"rotation": 30, "noise": 50, "grey": 50, "cover": 32},
]


def coded(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


def decoded(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(32, 32, 3)


@pytest.fixture(scope="module")
def squares() -> list[np.ndarray]:
    """Return a random picture of every side, RGBA, and the same with hard edges."""
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (side, side, 4), dtype=np.uint8) for side in SIDES]
    return noise + [np.where(square > 127, 255, 0).astype(np.uint8) for square in noise]


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """Return what a network would see, if it were random."""
    return np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def done(squares: list[np.ndarray], pixels: np.ndarray) -> dict[str, Any]:
    """Scale and spoil everything in one process of Node."""
    given = {
        "squares": [{"side": len(square), "data": coded(square)} for square in squares],
        "pixels": coded(pixels),
        "settings": SETTINGS,
    }
    run = subprocess.run(
        [shutil.which("node") or "node", "--input-type=module", "--eval", RUN],
        cwd=ROOT,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_a_picture_is_scaled_as_pillow_does_bit_for_bit(
    squares: list[np.ndarray], done: dict[str, Any]
) -> None:
    for square, scaled in zip(squares, done["scaled"], strict=True):
        wanted = Image.fromarray(square[..., :3]).resize((32, 32), Image.Resampling.BILINEAR)
        assert np.array_equal(decoded(scaled), np.asarray(wanted)), len(square)


def test_each_way_to_spoil_a_picture_does_what_it_says(
    pixels: np.ndarray, done: dict[str, Any]
) -> None:
    same, right, left, quarter, half, grey, covered, corner, noisy, again, _ = map(
        decoded, done["spoilt"]
    )
    assert np.array_equal(same, pixels)
    assert np.array_equal(right[:, 5:], pixels[:, :-5])
    assert (right[:, :5] == pixels[:, :1]).all()  # the edge is repeated
    assert np.array_equal(left[:, :-5], pixels[:, 5:])
    assert np.abs(np.rot90(pixels, -1).astype(int) - quarter).max() <= 1  # clockwise
    assert np.abs(np.rot90(pixels, 2).astype(int) - half).max() <= 1
    luma = pixels @ [0.299, 0.587, 0.114]
    assert np.abs(grey - luma[..., None]).max() <= 0.51
    assert (covered[12:20, 12:20] == 128).all()
    assert (covered == 128).all(axis=2).sum() == 64
    assert (corner[27:, :4] == 128).all()
    assert np.array_equal(corner[:27], pixels[:27])
    assert np.array_equal(noisy, again)
    middle = (pixels > 100) & (pixels < 150)  # not clipped
    assert 40 < (noisy.astype(int) - pixels)[middle].std() < 62  # 20 % of the range: 51


def test_a_picture_stays_as_it_was_and_can_be_covered_whole(done: dict[str, Any]) -> None:
    assert done["untouched"]
    assert (decoded(done["spoilt"][-1]) == 128).all()
