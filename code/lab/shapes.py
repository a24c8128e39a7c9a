"""Ten kinds of shapes, drawn on the spot: a data set that needs no download.

Each image shows one shape of random size, place, angle and color, lit softly over an uneven
background, behind noise and sometimes a bar. Color alone is a hint and not the answer: hues of
different classes overlap widely.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, hypot, maximum, minimum
from torch.nn.functional import interpolate

SIZE = 32  # pixels a side
BATCH = 500  # images drawn at a time: their pixels stay in the processor's cache


# Each shape is a function of a point (p, q) in the shape's own frame, where it fills about the
# square from -1 to 1: positive inside, negative outside, near its edge the distance to it.
SLOPE = math.sqrt(3) / 2  # of the normals of a triangle's sides, 120 degrees apart
SHAPES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "disc": lambda p, q: 1 - hypot(p, q),
    "ring": lambda p, q: 0.18 - (hypot(p, q) - 0.8).abs(),
    "square": lambda p, q: 0.8 - maximum(p.abs(), q.abs()),
    "triangle": lambda p, q: 0.5 - maximum(maximum(0.5 * q - SLOPE * p, 0.5 * q + SLOPE * p), -q),
    "cross": lambda p, q: minimum(
        0.28 - minimum(p.abs(), q.abs()), 0.95 - maximum(p.abs(), q.abs())
    ),
    "star": lambda p, q: 0.6 + 0.35 * torch.cos(5 * torch.atan2(q, p)) - hypot(p, q),
    "stripes": lambda p, q: minimum(0.95 - hypot(p, q), 0.4 * torch.sin(7 * p + 1.3)),
    "checks": lambda p, q: minimum(0.95 - hypot(p, q), 0.8 * torch.sin(7 * p) * torch.sin(7 * q)),
    "crescent": lambda p, q: minimum(1 - hypot(p, q), hypot(p - 0.5, q) - 0.75),
    "frame": lambda p, q: 0.17 - (maximum(p.abs(), q.abs()) - 0.72).abs(),
}


def draw(count: int, seed: int = 0, index: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Draw images of shapes; the same seed gives the same bytes, whatever the threads.

    Returns images, uint8 (n, 3, 32, 32), and labels, int64 (n,): 0, 1, … 9, 0, 1, … in the order of
    `SHAPES`. With `index`, int64 (n,), only those at these places are drawn, in this order.
    """
    generator = torch.Generator().manual_seed(seed)
    index = torch.arange(count) if index is None else index
    images = torch.empty(len(index), 3, SIZE, SIZE, dtype=torch.uint8)
    # Random numbers are drawn for whole batches, so that fewer images are a part of more.
    for first in range(0, count, BATCH):
        here = (index >= first) & (index < first + BATCH)
        images[here] = _draw_batch(generator, index[here] - first)
    return images, index % len(SHAPES)


def _draw_batch(generator: torch.Generator, wanted: Tensor) -> Tensor:
    """Draw those images of a batch that are wanted, uint8 (n, 3, SIZE, SIZE)."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return (torch.rand(BATCH, *shape, generator=generator) * (high - low) + low)[wanted]

    def normal(*shape: int) -> Tensor:
        return torch.randn(BATCH, *shape, generator=generator)[wanted]

    axis = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1  # pixel centers, the image from -1 to 1
    x, y = axis.view(1, 1, SIZE), axis.view(1, SIZE, 1)

    # The pose: center, radius and angle of the shape's own frame.
    center_x, center_y = uniform(-0.35, 0.35, 1, 1), uniform(-0.35, 0.35, 1, 1)
    radius, angle = uniform(0.42, 0.77, 1, 1), uniform(0, 2 * math.pi, 1, 1)
    u, v = (x - center_x) / radius, (y - center_y) / radius
    p = torch.cos(angle) * u + torch.sin(angle) * v
    q = torch.cos(angle) * v - torch.sin(angle) * u
    label = wanted % len(SHAPES)
    inside = torch.empty(len(wanted), 1, SIZE, SIZE)
    for number, shape in enumerate(SHAPES.values()):
        mine = label == number
        inside[mine, 0] = shape(p[mine], q[mine])
    # From distance to coverage: a sigmoid about a pixel wide smooths the edge.
    coverage = torch.sigmoid(inside * radius[:, None] * (SIZE / 1.2))

    # The background: one color, made uneven by a coarse grid of random colors.
    ground = uniform(0.25, 0.75, 3, 1, 1)
    coarse = ground + uniform(-0.2, 0.2, 3, 5, 5)
    image = interpolate(coarse, size=(SIZE, SIZE), mode="bilinear")

    # The shape's color: its hue lies near its class's own, its strength is random.
    hue = label / len(SHAPES) + 0.12 * normal()
    phase = hue.view(-1, 1, 1, 1) + torch.tensor([0, 1 / 3, 2 / 3]).view(1, 3, 1, 1)
    color = 0.5 + 0.5 * torch.cos(2 * math.pi * phase)
    strength = uniform(0.6, 1, 1, 1, 1)
    image += (color - ground) * strength * coverage

    # In 30 of 100 images a bar of one color lies across, level or upright.
    barred, level = uniform(0, 1, 1, 1) < 0.3, uniform(0, 1, 1, 1) < 0.5
    place, half_width = uniform(-1, 1, 1, 1), uniform(0.06, 0.16, 1, 1)
    across = torch.where(level, y, x)
    bar = barred & ((across - place).abs() < half_width)
    image = torch.where(bar[:, None], uniform(0, 1, 3, 1, 1), image)

    image += 0.05 * normal(3, SIZE, SIZE)
    return image.mul_(255).clamp_(0, 255).to(torch.uint8)
