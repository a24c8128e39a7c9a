"""What convolutions see of an image, and which weights they have for it."""

from collections.abc import Callable, Sequence

from draw.look import FILLS, INK, LARGE, LEFT, MUTED, PALE, SMALL, TIMES
from draw.svg import Element, document

SEEN, CHOSEN = FILLS["conv 1"], FILLS["conv more"]
TOP = 68  # of what stands below the words


def receptive_fields(networks: Sequence[tuple[str, str, int, int]]) -> str:
    """Beside one another the images of networks, and how much of each one value sees.

    Args:
        networks: of each its name, what looks, the side of its image and its receptive field.
    """
    root = document("fields", "Receptive fields", "")
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
    description = root.find("desc")
    assert description is not None
    description.text = " ".join(
        f"{name}: {what} sees {field} by {field} pixels of an image of {side} by {side}."
        for name, what, side, field in networks
    )
    return root.finish(TOP + most + 106)


def separable(channels: int, depthwise: int, pointwise: int, dense: int) -> str:
    """Which weights an ordinary, a separable and a dilated convolution have.

    Args:
        channels: in and out, for the counts below the drawings, which show four.
        depthwise, pointwise: weights of the two parts of a separable convolution.
        dense: weights of an ordinary one.
    """
    count = 4
    said = f"With {channels} channels: {depthwise + pointwise:,} weights for {dense:,}"
    root = document(
        "separable",
        "Ordinary, separable and dilated convolutions",
        f"An ordinary 3 by 3 convolution has a kernel for each pair of an input and an output "
        f"channel. A separable one has one kernel for each channel and then one weight for each "
        f"pair. A dilated one looks at every other pixel. {said}.",
    )
    cell, gap = 66, 8
    span = count * cell + (count - 1) * gap
    parts: tuple[tuple[str, str, Callable[[Element, float], None]], ...] = (
        ("3x3", f"{dense:,} weights", lambda group, x: _kernels(group, x, cell, gap, count, 3)),
        (
            "depthwise 3x3",
            f"{depthwise:,} weights",
            lambda group, x: _kernels(group, x, cell, gap, count, 3, lambda i, j: i == j),
        ),
        ("1x1", f"{pointwise:,} weights", lambda group, x: _kernels(group, x, cell, gap, count, 1)),
        ("dilated 3x3", "still nine pixels", lambda group, x: _dilated(group, x, span)),
    )
    pitch = 462
    for place, (name, words, draw) in enumerate(parts):
        # Both parts of the separable one belong together.
        group = root.step((0, 1, 1, 2)[place])
        x = LEFT + pitch * place + 20
        draw(group, x)
        middle = x + span / 2
        group.write(middle, 34, name.replace("x", TIMES), size=LARGE, bold=True)
        group.write(middle, TOP + span + 46, words, fill=MUTED)
        if place == 2:
            group.write(LEFT + pitch * 2 - 70, TOP + span / 2 + 14, "then", size=SMALL)
    root.write(LEFT + 20, TOP + span + 100, "A row for each output channel, a column for each "
         f"input channel; the counts are for {channels} of each.", fill=MUTED,
         anchor="start")  # fmt: skip
    return root.finish(TOP + span + 116)


def _kernels(
    group: Element,
    x: float,
    cell: float,
    gap: float,
    count: int,
    kernel: int,
    there: Callable[[int, int], bool] = lambda row, column: True,
) -> None:
    """A kernel for each pair of channels; where there is none, an empty frame."""
    for row in range(count):
        for column in range(count):
            left, top = x + column * (cell + gap), TOP + row * (cell + gap)
            if not there(row, column):
                group.rectangle(left, top, cell, cell, "none", stroke=PALE, stroke_width=3)
                continue
            side = cell / 3
            shift = (cell - kernel * side) / 2
            for i in range(kernel):
                for j in range(kernel):
                    group.rectangle(left + shift + j * side, top + shift + i * side, side, side,
                              CHOSEN, stroke=INK, stroke_width=1.4)  # fmt: skip


def _dilated(group: Element, x: float, span: float) -> None:
    """A map, the pixels that the kernel reads, and the part that they span."""
    count = 7
    side = span / count
    for i in range(count):
        for j in range(count):
            inside = all(0 < each < count - 1 for each in (i, j))
            read = all(each in (1, 3, 5) for each in (i, j))
            fill = CHOSEN if read else SEEN if inside else "#FFFFFF"
            group.rectangle(x + j * side, TOP + i * side, side, side, fill, stroke=INK,
                      stroke_width=1.4)  # fmt: skip
