"""What convolutions see of an image, and which weights they have for it."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

from draw.look import FILLS, INK, LARGE, LEFT, MUTED, PALE, SMALL, TIMES
from draw.svg import Element, document

SEEN, CHOSEN = FILLS["conv 1"], FILLS["conv more"]
TOP = 68  # of what stands below the words
COUNT, CELL, GAP = 4, 66, 8  # channels that are drawn, a kernel, and from one to the next
SPAN = COUNT * CELL + (COUNT - 1) * GAP
LINE: dict[str, Any] = {"stroke": INK, "stroke_width": 1.4}  # around a weight


def receptive_fields(networks: Sequence[tuple[str, str, int, int]]) -> str:
    """Beside one another the images of networks, and how much of each one value sees.

    Args:
        networks: of each its name, what looks, the side of its image and its receptive field.
    """
    description = " ".join(
        f"{name}: {what} sees {field} by {field} pixels of an image of {side} by {side}."
        for name, what, side, field in networks
    )
    root = document("fields", "Receptive fields", description)
    said = "What one value of the last maps sees of the image"
    root.write(LEFT, 34, said, size=LARGE, bold=True, anchor="start")
    pitch, most = 436, 360
    for place, (name, what, side, field) in enumerate(networks):
        group = root.step(place)
        scale = most / max(side, field)
        center, middle = LEFT + pitch * place + most / 2, TOP + most / 2
        for size, fill, style in (
            (field if field > side else side, PALE, {"stroke": "none"}),
            (side, "#FFFFFF", {"stroke": "none"}),
            (min(side, field), SEEN, {"stroke": "none"}),
            (side, "none", {"stroke": INK, "stroke_width": 4}),
            (field, "none", {"stroke": CHOSEN, "stroke_width": 5, "stroke_dasharray": "14 9"}),
        ):
            if size <= side or size == field:
                half = scale * size / 2
                group.rectangle(center - half, middle - half, 2 * half, 2 * half, fill, **style)
        group.rectangle(center - 5, middle - 5, 10, 10, INK)
        group.write(center, TOP + most + 48, f"{name}, {what}", bold=True)
        words = (
            f"sees {field} of {side} pixels" if field <= side else f"sees all {side}, and padding"
        )
        group.write(center, TOP + most + 90, words, fill=MUTED)
    return root.finish(TOP + most + 106)


def separable(channels: int, depthwise: int, pointwise: int, dense: int) -> str:
    """Which weights an ordinary, a separable and a dilated convolution have.

    Args:
        channels: in and out, for the counts below the drawings, which show `COUNT`.
        depthwise, pointwise: weights of the two parts of a separable convolution.
        dense: weights of an ordinary one.
    """
    said = f"With {channels} channels: {depthwise + pointwise:,} weights for {dense:,}"
    root = document(
        "separable",
        "Ordinary, separable and dilated convolutions",
        f"An ordinary 3 by 3 convolution has a kernel for each pair of an input and an output "
        f"channel. A separable one has one kernel for each channel and then one weight for each "
        f"pair. A dilated one looks at every other pixel. {said}.",
    )
    parts: tuple[tuple[str, str, Callable[[Element, float], None]], ...] = (
        ("3x3", f"{dense:,} weights", partial(_kernels, kernel=3)),
        ("depthwise 3x3", f"{depthwise:,} weights", partial(_kernels, kernel=3, depthwise=True)),
        ("1x1", f"{pointwise:,} weights", partial(_kernels, kernel=1)),
        ("dilated 3x3", "still nine pixels", _dilated),
    )
    pitch = 462
    for place, (name, words, draw) in enumerate(parts):
        # Both parts of the separable one belong together.
        group = root.step((0, 1, 1, 2)[place])
        x = LEFT + pitch * place + 20
        draw(group, x)
        middle = x + SPAN / 2
        group.write(middle, 34, name.replace("x", TIMES), size=LARGE, bold=True)
        group.write(middle, TOP + SPAN + 46, words, fill=MUTED)
        if place == 2:
            group.write(LEFT + pitch * 2 - 70, TOP + SPAN / 2 + 14, "then", size=SMALL)
    words = "A row for each output channel, a column for each input channel; the counts are for "
    root.write(LEFT + 20, TOP + SPAN + 100, f"{words}{channels} of each.", fill=MUTED,
         anchor="start")  # fmt: skip
    return root.finish(TOP + SPAN + 116)


def _kernels(group: Element, x: float, kernel: int, depthwise: bool = False) -> None:
    """A kernel for each pair of channels; where there is none, an empty frame."""
    side = CELL / 3
    shift = (CELL - kernel * side) / 2
    for row, column in product(range(COUNT), repeat=2):
        left, top = x + column * (CELL + GAP), TOP + row * (CELL + GAP)
        if depthwise and row != column:
            group.rectangle(left, top, CELL, CELL, "none", stroke=PALE, stroke_width=3)
            continue
        for i, j in product(range(kernel), repeat=2):
            y = top + shift + i * side
            group.rectangle(left + shift + j * side, y, side, side, CHOSEN, **LINE)


def _dilated(group: Element, x: float) -> None:
    """A map, the pixels that the kernel reads, and the part that they span."""
    count = 7
    side = SPAN / count
    for i, j in product(range(count), repeat=2):
        inside = all(0 < each < count - 1 for each in (i, j))
        read = all(each in (1, 3, 5) for each in (i, j))
        fill = CHOSEN if read else SEEN if inside else "#FFFFFF"
        group.rectangle(x + j * side, TOP + i * side, side, side, fill, **LINE)
