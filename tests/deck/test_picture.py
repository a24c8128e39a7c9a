"""The pixels that a page gives its networks: Pillow's own."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess

import numpy as np
from PIL import Image

from conftest import ROOT

SIDES = [1, 2, 3, 5, 16, 31, 32, 33, 47, 64, 100, 173, 299, 512]

RUN = """
import { scaleSquare } from './static/js/live/picture.js';
let text = '';
for await (const part of process.stdin) text += part;
const bytes = (coded) => new Uint8ClampedArray(Buffer.from(coded, 'base64'));
const scaled = JSON.parse(text).map(({ side, data }) => scaleSquare(bytes(data), side, 4));
console.log(JSON.stringify(scaled.map((values) => Buffer.from(values).toString('base64'))));
"""


def test_a_picture_is_scaled_as_pillow_does_bit_for_bit() -> None:
    # Random pictures of every side, and the same with hard edges, in one process of Node.
    rng = np.random.default_rng(0)
    squares = [rng.integers(0, 256, (side, side, 4), dtype=np.uint8) for side in SIDES]
    squares += [np.where(square > 127, 255, 0).astype(np.uint8) for square in squares]
    given = [
        {"side": len(square), "data": base64.b64encode(square.tobytes()).decode()}
        for square in squares
    ]
    done = subprocess.run(
        [shutil.which("node") or "node", "--input-type=module", "--eval", RUN],
        cwd=ROOT,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    for square, coded in zip(squares, json.loads(done.stdout), strict=True):
        wanted = Image.fromarray(square[..., :3]).resize((32, 32), Image.Resampling.BILINEAR)
        scaled = np.frombuffer(base64.b64decode(coded), np.uint8).reshape(32, 32, 3)
        assert np.array_equal(scaled, np.asarray(wanted)), len(square)
