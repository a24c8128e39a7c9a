"""What convolutions see of an image, and which weights they have for it."""

from collections.abc import Callable, Sequence
from functools import partial

from draw.look import FILLS, INK, LARGE, LEFT, MUTED, PALE, SMALL, TIMES
from draw.svg import Element, document

SEEN, CHOSEN = FILLS["conv 1"], FILLS["conv more"]
TOP = 68  # of what stands below the words
COUNT = 4  # of the channels that are drawn
CELL, GAP = 66, 8  # of a kernel, and between two
SPAN = COUNT * CELL + (COUNT - 1) * GAP


def receptive_fields(networks: Sequence[tuple[str, str, int, int]]) -> str:
    """Beside one another the images of networks, and how much of each one value sees.

    Args:
        networks: of each its name, what looks, the side of its image and its receptive field.
    """
    told = " ".join(
        f"{name}: {what} sees {field} by {field} pixels of an image of {side} by {side}."
        for name, what, side, field in networks
    )
    root = document("fields", "Receptive fields", told)
    said = "What one value of the last maps sees of the image"
    root.write(LEFT, 34, said, size=LARGE, bold=True, anchor="start")
    pitch, most = 436, 360
    for place, (name, what, side, field) in enumerate(networks):
        group = root.step(place)
        scale = most / max(side, field)
        center, middle = LEFT + pitch * place + most / 2, TOP + most / 2
        for size, fill, style in (
            (max(side, field), PALE, {"stroke": "none"}),
            (side, "#FFFFFF", {"stroke": "none"}),
            (min(side, field), SEEN, {"stroke": "none"}),
            (side, "none", {"stroke": INK, "stroke_width": 4}),
            (field, "none", {"stroke": CHOSEN, "stroke_width": 5, "stroke_dasharray": "14 9"}),
        ):
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
        channels: in and out, for the counts below the drawings, which show four.
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
        ("depthwise 3x3", f"{depthwise:,} weights", partial(_kernels, kernel=3, diagonal=True)),
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
    root.write(LEFT + 20, TOP + SPAN + 100, "A row for each output channel, a column for each "
         f"input channel; the counts are for {channels} of each.", fill=MUTED,
         anchor="start")  # fmt: skip
    return root.finish(TOP + SPAN + 116)


def _kernels(group: Element, x: float, *, kernel: int, diagonal: bool = False) -> None:
    """A kernel for each pair of channels, or on the diagonal alone, with empty frames around it."""
    side = CELL / 3
    shift = (CELL - kernel * side) / 2
    for row in range(COUNT):
        for column in range(COUNT):
            left, top = x + column * (CELL + GAP), TOP + row * (CELL + GAP)
            if diagonal and row != column:
                group.rectangle(left, top, CELL, CELL, "none", stroke=PALE, stroke_width=3)
                continue
            for i in range(kernel):
                for j in range(kernel):
                    group.rectangle(left + shift + j * side, top + shift + i * side, side, side,
                              CHOSEN, stroke=INK, stroke_width=1.4)  # fmt: skip


def _dilated(group: Element, x: float) -> None:
    """A map, the pixels that the kernel reads, and the part that they span."""
    count = 7
    side = SPAN / count
    for i in range(count):
        for j in range(count):
            inside = all(0 < each < count - 1 for each in (i, j))
            read = all(each in (1, 3, 5) for each in (i, j))
            fill = CHOSEN if read else SEEN if inside else "#FFFFFF"
            group.rectangle(x + j * side, TOP + i * side, side, side, fill, stroke=INK,
                      stroke_width=1.4)  # fmt: skip
