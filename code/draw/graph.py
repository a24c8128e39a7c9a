"""A block of a network, operation by operation: a ribbon is as wide as the data has channels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.errors import UserError

from .bar import Segment, key, key_of, parameter_bar
from .fonts import width
from .layout import Layout, lay_out
from .look import BELOW, FILLS, INK, LARGE, LEFT, LINE, MUTED, RIBBON, RIGHT, SMALL, fill_of, ink_on
from .svg import Element, document, number
from .trace import Op, folds_as, short, spaced, times

STRIP = 11  # a norm or an activation, at the right edge of what it follows
CIRCLE = 34  # radius of a sum
CROSS = 17  # half of the plus in it
STRIPS, TALL = 10, 88  # beside a sum: from it to a strip, and the height of one
WIDEST, THINNEST = 62, 3.0  # ribbon
BETWEEN, MERGED = 3, 22  # two ribbons that a box reads, and how much taller than they it is
BESIDE, ABOVE, BASE = 36, 22, 26  # in a box: beside words, above and below, to the first base
APART = 20  # between two lanes of boxes
SHORTEST = 30  # from one box to the next
TOP, BAR = 4, 22  # above the boxes, and between them and the parameters
NAME, PANEL, NEXT = 28, 52, 34  # from the top of a block: its name, its boxes; to the next block
LAST = 20  # of the space to the next block, what the last one needs not
COSTS = 26  # from the name of a block to what it costs
ARROW, HEAD, BARB = 64, 22, 9  # at the end: room for it, its head and how far that stands out
BEND, CORNER = 70, 20  # where a shortcut turns up into its sum
UNDER, SKIP_ROOM = 32, 58  # below a shortcut: its name, and the end of the figure
BOX: dict[str, Any] = {"stroke": INK, "stroke_width": 1.6}
RING: dict[str, Any] = {"stroke": INK, "stroke_width": 3}
PLUS: dict[str, Any] = {"stroke": INK, "stroke_width": 5}


def graph(name: str, title: str, description: str, ops: list[Op]) -> str:
    """Draw a block and, below it, where its parameters are.

    Raises:
        UserError: there are too many operations in a row.
    """
    root = document(name, title, description)
    layout = lay_out(ops)
    groups = [root.step(each) for each in range(layout.columns)]
    sizes = _sizes([(ops, layout)])
    end = _draw(ops, layout, sizes, TOP, groups)
    segments = [Segment(op.label, [op], layout.column[op.id]) for op in ops]
    if any(op.parameters for op in ops):
        caption = "ribbons: channels"
        end = parameter_bar(root, segments, end + BAR, caption, folded=True)
    return root.finish(end + BELOW)


def compare(name: str, title: str, description: str, panels: Sequence[tuple[str, list[Op]]]) -> str:
    """Draw several blocks below each other, each under a line of words, at the same scale."""
    root = document(name, title, description)
    layouts = [lay_out(ops) for _, ops in panels]
    columns = max(layout.columns for layout in layouts)
    for (_, ops), layout in zip(panels, layouts, strict=True):
        if ops[-1].kind == "add":  # sums stand below each other
            layout.column[ops[-1].id] = columns - 1
    sizes = _sizes([(ops, layout) for (_, ops), layout in zip(panels, layouts, strict=True)])
    y = float(TOP)
    key(root, key_of([op for _, ops in panels for op in ops], folded=True), RIGHT, y + NAME)
    for count, ((words, ops), layout) in enumerate(zip(panels, layouts, strict=True)):
        group = root.step(count)
        group.write(LEFT, y + NAME, words, size=LARGE, bold=True, anchor="start")
        macs = sum(op.macs for op in ops)
        costs = f"{sum(op.parameters for op in ops):,} parameters, {short(macs)} MACs"
        at = LEFT + width(words, LARGE, bold=True) + COSTS
        group.write(at, y + NAME, costs, anchor="start", fill=MUTED)
        y = _draw(ops, layout, sizes, y + PANEL, [group] * columns) + NEXT
    return root.finish(y - LAST)


def _words(op: Op) -> list[str]:
    """What a box says."""
    if op.kind in ("input", "concat", "unknown"):
        return [op.label, spaced(op.shape)]
    if op.kind == "pool":
        lines = [op.label.removesuffix(f" {times(op.kernel)}"), times(op.kernel) or "all pixels"]
    elif op.kind in ("conv", "fc"):
        lines = [op.label, f"{op.channels} {'maps' if op.side > 1 else 'units'}"]
    else:
        lines = [op.label, f"{op.channels} channels"]
    return lines + ([f"stride {op.stride}"] if op.stride > 1 else [])


def _box_width(op: Op) -> float:
    if op.kind == "add":
        return 2 * CIRCLE + (STRIP + STRIPS) * len(op.folded)
    words = _words(op)
    widths = [width(words[0], SMALL, bold=True), *(width(each, SMALL) for each in words[1:])]
    return max(widths) + BESIDE + STRIP * len(op.folded)


@dataclass
class Sizes:
    """What the blocks of a figure have in common."""

    lefts: list[float]  # of the columns
    widths: list[float]
    gaps: list[float]  # before the columns
    tall: int  # of a box
    per_channel: float  # width of a ribbon

    def ribbon(self, op: Op) -> float:
        return max(THINNEST, op.channels * self.per_channel)


def _sizes(blocks: list[tuple[list[Op], Layout]]) -> Sizes:
    columns = max(layout.columns for _, layout in blocks)
    widths = [0.0] * columns
    everything = [op for ops, _ in blocks for op in ops]
    for ops, layout in blocks:
        for op in ops:
            place = layout.column[op.id]
            widths[place] = max(widths[place], _box_width(op))
    bends = {
        layout.column[op.id] if len(op.inputs) > 1 else layout.column[op.inputs[0]] + 1
        for ops, layout in blocks
        for op in ops
        if any(layout.lane[op.id] != layout.lane[each] for each in op.inputs)
    }
    weights = [0] + [2 if place in bends else 1 for place in range(1, columns)]
    free = (RIGHT - ARROW - LEFT - sum(widths)) / max(1, sum(weights))
    gaps = [free * weight for weight in weights]
    if free < SHORTEST:
        raise UserError(
            f"a graph of {columns} operations in a row is too wide for a slide: "
            "choose strip or rows"
        )
    lefts = [LEFT + sum(widths[:place]) + sum(gaps[: place + 1]) for place in range(columns)]
    lines = max(len(_words(op)) for op in everything if op.kind != "add")
    # A ribbon that bends in a gap narrower than twice its width looks broken.
    widest = min([WIDEST, *(gaps[place] / 2 for place in bends)])
    per_channel = widest / max(op.channels for op in everything)
    return Sizes(lefts, widths, gaps, LINE * lines + ABOVE, per_channel)


def _draw(ops: list[Op], layout: Layout, sizes: Sizes, top: float, groups: list[Element]) -> float:
    """Draw a block from `top` on, each column into its group, and return where it ends."""
    by = {op.id: op for op in ops}
    lefts, tall, ribbon = sizes.lefts, sizes.tall, sizes.ribbon
    lane = tall + APART

    def center(op: Op) -> float:
        place = layout.column[op.id]
        return lefts[place] + sizes.widths[place] / 2

    def left(op: Op) -> float:
        return center(op) - (0 if op.kind == "add" else _box_width(op) / 2)

    def right(op: Op) -> float:
        if op.kind == "add":  # where a ribbon leaves the circle
            return center(op) + math.sqrt(max(0, CIRCLE**2 - ribbon(op) ** 2 / 4))
        return center(op) + _box_width(op) / 2

    def at(lane_number: float) -> float:
        return top + tall / 2 + lane * lane_number

    heights = {op.id: float(tall) for op in ops}
    for op in ops:
        group = groups[layout.column[op.id]]
        offset = -sum(ribbon(by[each]) + BETWEEN for each in op.inputs) / 2
        for source in (by[each] for each in op.inputs):
            thick = ribbon(source)
            here, there = at(layout.lane[source.id]), at(layout.lane[op.id])
            if op.kind == "concat":
                there += offset + (thick + BETWEEN) / 2
                offset += thick + BETWEEN
            skip = layout.skips.get((source.id, op.id))
            first = lefts[layout.column[source.id] + 1]  # where the gap after the source ends
            # Where the gap before the target begins.
            last = lefts[layout.column[op.id]] - sizes.gaps[layout.column[op.id]]
            if skip is not None and op.kind == "add":
                d = _around((right(source), here), first, at(skip), (center(op), there))
                group.path("none", d, stroke=RIBBON, stroke_width=thick)
                name_at = at(skip) + thick / 2 + UNDER
                group.write((first + last) / 2, name_at, "identity", fill=MUTED)
                continue
            own = there if len(op.inputs) == 1 else here
            between = at(skip) if skip is not None else own
            d = f"M{number(right(source))},{number(here)}"
            if layout.column[op.id] == layout.column[source.id] + 1:
                d += _curve(right(source), here, left(op), there)
            else:
                d += _curve(right(source), here, first, between) + f"H{number(last)}"
                d += _curve(last, between, left(op), there)
            group.path("none", d, stroke=RIBBON, stroke_width=thick)
        if op.kind == "concat":
            need = sum(ribbon(by[each]) + BETWEEN for each in op.inputs) + MERGED
            heights[op.id] = max(tall, need)
    final = ops[-1]
    _arrow(
        groups[layout.column[final.id]],
        left(final) if final.kind == "add" else right(final),
        at(layout.lane[final.id]),
        ribbon(final),
    )
    for op in ops:
        group = groups[layout.column[op.id]].operation(op)
        middle = at(layout.lane[op.id])
        if op.kind == "add":
            _sum(group, op, center(op), middle)
        else:
            _box(group, op, left(op), middle, heights[op.id])
    end = top + lane * layout.lanes - APART
    if any(by[target].kind == "add" for _, target in layout.skips):
        lowest = at(max(layout.skips.values()))
        end = max(max(at(each) + tall / 2 for each in layout.lane.values()), lowest + SKIP_ROOM)
    return end


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    if abs(y - to_y) < 0.05:
        return f"H{number(to_x)}"
    half = (x + to_x) / 2
    points = ((half, y), (half, to_y), (to_x, to_y))
    return "C" + " ".join(f"{number(a)},{number(b)}" for a, b in points)


def _around(start: tuple[float, float], first: float, lane: float, end: tuple[float, float]) -> str:
    """A shortcut: out of the source, along its own lane, and into the sum from below."""
    (x, y), (to_x, to_y) = start, end
    d = f"M{number(x)},{number(y)}{_curve(x, y, first, lane)}H{number(to_x - BEND)}"
    d += f"C{number(to_x - CORNER)},{number(lane)} {number(to_x)},{number(lane - CORNER)}"
    return f"{d} {number(to_x)},{number(to_y)}"


def _arrow(group: Element, x: float, y: float, thick: float) -> None:
    half, neck = thick / 2, number(RIGHT - HEAD)
    d = f"M{number(x)},{number(y - half)}H{neck}v-{BARB}"
    d += f"L{number(RIGHT)},{number(y)} {neck},{number(y + half + BARB)}v-{BARB}"
    group.path(RIBBON, f"{d}H{number(x)}Z")


def _sum(group: Element, op: Op, x: float, y: float) -> None:
    group.add("circle", cx=x, cy=y, r=CIRCLE, fill=fill_of(op), **RING)
    cross = f"M{number(x - CROSS)},{number(y)}h{2 * CROSS}"
    group.path("none", f"{cross}M{number(x)},{number(y - CROSS)}v{2 * CROSS}", **PLUS)
    for place, name in enumerate(op.folded):
        fill = FILLS[folds_as(name)]
        left = x + CIRCLE + STRIPS + (STRIP + STRIPS) * place
        group.rectangle(left, y - TALL / 2, STRIP, TALL, fill)


def _box(group: Element, op: Op, x: float, middle: float, tall: float) -> None:
    fill, wide = fill_of(op), _box_width(op)
    top = middle - tall / 2
    group.rectangle(x, top, wide, tall, fill, **BOX)
    for place, name in enumerate(reversed(op.folded)):
        strip = FILLS[folds_as(name)]
        group.rectangle(x + wide - STRIP * (place + 1), top, STRIP, tall, strip)
    words, center = _words(op), x + (wide - STRIP * len(op.folded)) / 2
    y = middle - LINE * len(words) / 2 + BASE
    for line, each in enumerate(words):
        group.write(center, y + LINE * line, each, bold=not line, fill=ink_on(fill))
