"""A network without branches, as a row of volumes: the side of its maps is their height."""

import math
from dataclasses import dataclass
from typing import Any

from lab.errors import UserError

from .bar import Segment, parameter_bar
from .fonts import width
from .look import BELOW, INK, LEFT, LINE, MUTED, PALE, RIGHT, SMALL, WHITE, fill_of, mixed
from .svg import Element, document, number
from .trace import SIGN, Op, spaced

TALLEST = 214  # of a front face
ACROSS, UP = 0.34, 0.2  # how far the depth of a volume goes to the right and up
COLUMN, SHORTEST = 44, 28  # width of a fully connected layer, and the least of its height
FEW = 16  # up to so many maps are drawn one by one,
SHEET, EACH, SHEETS = 4, 9, 70  # each so thick, with what is to the next, and all at least
COLORS, MANY = 4, 36  # an image of more channels is so thick
THICK, THINNEST = 110, 9  # of the volume with most channels, and of any
SOLID = 12  # a thinner volume is drawn as a sheet
LEAST, THINNER = 14, 4  # the least that THICK may become, where there is no room, and its steps
NEAR, FAR = 26, 150  # from one column to the next
HEAD, VOLUMES = 28, 16  # the base of the first line above, and from the last line to the volumes
FOOT, BAR = 42, 22  # from the volumes to the first line below, and from the last to the parameters
PASS, CLEAR = 0.55, 10  # of the slanted side and besides, what pooled maps stand off
BEHIND = 8  # what others stand off
ON_TOP, ON_EDGE = 0.5, 0.22  # the white in the color of a volume's top and of its edge
KERNEL = 15  # a smaller one is not shown
KERNEL_AT, KERNEL_DOWN = 0.3, 0.5  # where on the map, as shares of its depth and of its height
MEETS = 0.62  # how far down the rays of a kernel meet what it makes
FACE: dict[str, Any] = {"stroke": INK, "stroke_width": 1.4}
RAY: dict[str, Any] = {"stroke": INK, "stroke_width": 1.6}


Right = tuple[float, float, float]  # where a column ends: x and heights
Reads = tuple[float, float, float, Op]  # the face that a convolution looks at


@dataclass
class Scale:
    """How large things are drawn: `power` 1 is true to scale, 1/2 the square root."""

    power: float
    side: int
    channels: int
    units: int
    thick: float = THICK

    def face(self, op: Op) -> float:
        return TALLEST * math.pow(op.side / self.side, self.power)

    def column(self, op: Op) -> float:
        return max(SHORTEST, TALLEST * (1 + UP) * math.pow(op.channels / self.units, self.power))

    def thickness(self, op: Op) -> float:
        if op.kind == "input":
            return EACH * op.channels if op.channels <= COLORS else MANY
        if op.channels <= FEW:
            return max(SHEETS, EACH * op.channels)
        return max(THINNEST, self.thick * math.sqrt(op.channels / self.channels))


def chain(name: str, title: str, description: str, ops: list[Op], power: float = 0.5) -> str:
    """Draw a network as a row of volumes and, below it, where its parameters are.

    Raises:
        UserError: the network has branches.
    """
    if any(len(op.inputs) > 1 for op in ops) or len({tuple(op.inputs) for op in ops}) < len(ops):
        raise UserError("a chain cannot show branches: choose graph, strip or rows")
    columns = _columns(ops)
    maps = [op for op in ops if op.kind != "fc" and op.side > 1]
    scale = Scale(
        power,
        side=max(op.side for op in ops),
        channels=max((op.channels for op in maps), default=1),
        units=max((op.channels for op in ops if op not in maps), default=1),
    )
    heads = [_head(column) for column in columns]
    widths, gap = _fit(columns, scale)
    top = LINE * max(map(len, heads)) + VOLUMES
    middle = top + TALLEST * (1 + UP) / 2
    below = top + TALLEST * (1 + UP) + FOOT
    root = document(name, title, description)
    x: float = LEFT
    right: Right | None = None
    reads: Reads | None = None
    segments = []
    for count, (column, head, wide) in enumerate(zip(columns, heads, widths, strict=True)):
        group = root.step(count)
        center = x + wide / 2
        for line, words in enumerate(head):
            bold = line == 0 or column[0].kind == "fc"
            group.write(center, HEAD + LINE * line, words, bold=bold, fill=INK if bold else MUTED)
        for line, words in enumerate(_foot(column)):
            fill = MUTED if line else INK
            group.write(center, below + LINE * line, words, bold=not line, fill=fill)
        if column[0] in maps:
            at = center - _volume_width(column, scale) / 2
            right, reads = _volumes(group, column, at, middle, scale, reads)
        else:
            right = _column(group, column[0], center, middle, scale, right)
            reads = None
        segments.append(Segment(_name(column, columns, head), column, count))
        x += wide + gap
    caption = "heights: sides and units, to scale" if power == 1 else "heights: square roots"
    end = parameter_bar(root, segments, below + LINE + BAR, caption, folded=False)
    return root.finish(end + BELOW)


def _columns(ops: list[Op]) -> list[list[Op]]:
    """Equal convolutions in a row, and the pooling after them, share a column."""
    columns: list[list[Op]] = []
    for op in ops:
        last = columns[-1][-1] if columns else op
        pooled = op.kind == "pool" and last.kind == "conv"
        same = op.shape == last.shape and op.kernel == last.kernel and op.stride == 1
        repeated = op.kind == last.kind == "conv" and same
        if columns and (pooled or repeated):
            columns[-1].append(op)
        else:
            columns.append([op])
    return columns


def _head(column: list[Op]) -> list[str]:
    first = column[0]
    if first.kind == "fc":
        return ["fully", "connected"]
    count = sum(op.kind == "conv" for op in column)
    lines = [f"{count} {SIGN} {first.label}" if count > 1 else first.label]
    if first.stride > 1 and first.kind == "conv":
        lines.append(f"stride {first.stride}")
    return lines + [op.label for op in column[1:] if op.kind == "pool"]


def _foot(column: list[Op]) -> list[str]:
    first = column[0]
    if first.side == 1:
        return [f"{first.channels} units"]
    what = "channel" if first.kind == "input" else "map"
    words = f"{first.channels} {what}{'s' if first.channels > 1 else ''}"
    return [words, spaced(first.shape[1:])]


def _name(column: list[Op], columns: list[list[Op]], head: list[str]) -> str:
    """The network's own name of a column, where it has one for each."""
    own = [each[0].stage for each in columns]
    return own[columns.index(column)] if len(set(own)) == len(own) else head[0]


def _fit(columns: list[list[Op]], scale: Scale) -> tuple[list[float], float]:
    """The width of each column and the gap between two, with volumes as thick as there is room.

    Raises:
        UserError: there are too many columns.
    """
    while True:
        widths = []
        for column in columns:
            lines = _head(column) + _foot(column)
            words = max(width(line, SMALL, bold=True) for line in lines)
            widths.append(max(words, _volume_width(column, scale)))
        gap = (RIGHT - LEFT - sum(widths)) / max(1, len(widths) - 1)
        if gap >= NEAR:
            return widths, min(gap, FAR)
        if scale.thick <= LEAST:
            raise UserError(
                f"a chain of {len(columns)} stages is too long for a slide: choose rows or strip"
            )
        scale.thick -= THINNER


def _volume_width(column: list[Op], scale: Scale) -> float:
    if column[0].side == 1:
        return COLUMN
    ends = sum(scale.thickness(op) + _lead(column, place, scale) for place, op in enumerate(column))
    return ends + scale.face(column[-1]) * ACROSS


def _lead(column: list[Op], place: int, scale: Scale) -> float:
    """How far a volume stands from the one before it: pooled maps clear its slanted side."""
    if place == 0:
        return 0
    if column[place].kind != "pool":
        return BEHIND
    return scale.face(column[place]) * ACROSS * PASS + CLEAR


def _volumes(
    group: Element, column: list[Op], x: float, middle: float, scale: Scale, reads: Reads | None
) -> tuple[Right, Reads]:
    """Draw the volumes of a column from `x` on."""
    for place, op in enumerate(column):
        x += _lead(column, place, scale)
        face, thick = scale.face(op), scale.thickness(op)
        top = middle - face / 2 + face * UP / 2
        volume = group.operation(op)
        sheets = op.channels if op.channels <= FEW else 1
        for sheet in range(sheets):
            begin = x + sheet * thick / sheets
            flat = sheets > 1 or thick < SOLID
            _box(volume, begin, top, SHEET if flat else thick, face, fill_of(op))
        if place == 0 and reads and op.kind == "conv":
            _rays(group, reads, op, x, top + face * MEETS)
        end = x + (thick if sheets == 1 else (sheets - 1) * thick / sheets + SHEET)
        reads = (end, top, face, op)
        x += thick
    end, top, face, _ = reads  # type: ignore[misc]
    return (end + face * ACROSS, top - face * UP, top - face * UP + face), reads  # type: ignore


def _box(parent: Element, x: float, y: float, thick: float, face: float, fill: str) -> None:
    """A volume seen from the left and above: its edge, its top and the map."""
    right, up = face * ACROSS, face * UP
    style = {**FACE, "stroke_linejoin": "round"}
    top = ((x, y), (x + right, y - up), (x + right + thick, y - up), (x + thick, y))
    parent.polygon(mixed(fill, ON_TOP), *top, **style)
    parent.rectangle(x, y, thick, face, mixed(fill, ON_EDGE), **style)
    x += thick
    front = ((x, y), (x + right, y - up), (x + right, y - up + face), (x, y + face))
    parent.polygon(fill, *front, **style)


def _rays(group: Element, reads: Reads, op: Op, x: float, y: float) -> None:
    """The kernel, to scale, on the map that it reads, and what it becomes; where large enough."""
    left, top, face, source = reads
    share = max(op.kernel) / source.side
    if face * share < KERNEL:
        return
    across, up, tall = face * ACROSS * share, face * UP * share, face * share
    u = left + face * ACROSS * KERNEL_AT
    v = top - face * UP * KERNEL_AT + face * KERNEL_DOWN
    corners = ((u, v), (u + across, v - up), (u + across, v - up + tall), (u, v + tall))
    group.polygon(WHITE, *corners, fill_opacity="0.6", **RAY)
    for corner in corners[1:3]:
        group.add("line", x1=corner[0], y1=corner[1], x2=x, y2=y, **RAY)


def _column(
    group: Element, op: Op, center: float, middle: float, scale: Scale, right: Right | None
) -> Right:
    """Draw a vector; everything before it leads to each of its units."""
    tall = scale.column(op)
    left, top = center - COLUMN / 2, middle - tall / 2
    if right:
        x, above, below = right
        d = f"M{number(x)},{number(above)}L{number(left)},{number(top)}V{number(top + tall)}"
        group.path(PALE, f"{d}L{number(x)},{number(below)}Z")
    place = group.operation(op)
    place.rectangle(left, top, COLUMN, tall, fill_of(op), **FACE)
    return left + COLUMN, top, top + tall
