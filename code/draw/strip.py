"""A whole network with branches as one strip: a tile for each operation."""

from collections.abc import Sequence
from itertools import groupby, pairwise, takewhile
from typing import Any

from lab.errors import UserError

from .bar import Segment, parameter_bar
from .fonts import width
from .layout import Layout, lay_out
from .look import BELOW, EDGE, INK, LEFT, MUTED, RIBBON, RIGHT, SMALL, fill_of
from .svg import Element, document, number
from .trace import Op, times

TILE, BETWEEN = 40, 4  # height of a tile, and the space to the next
WIDE, NARROW = 36, 16  # a tile, where there is room for it and where not
TALLEST = 176  # of a ribbon between two stages
GUTTER = 92  # for the words before the rows
MARGIN = 32  # right of the strip: the number of classes is wider than a tile
NAMES, TOP = 28, 46  # the base of the names, and the top of the tiles
MAPS, SIDE, BAR = 40, 56, 80  # from the tiles to the numbers of maps, from there to sides and bar
BRACKET, ARM, SIDES = 14, 10, 42  # from the maps to the brackets; their height; to their words
CLEAR = 5  # on each side of a word
THINNEST, SHORTEST = 3.0, 28  # a ribbon between two stages
NARROWER = 2  # the next try, where tiles are too wide
PLUS = 7  # half of the sign of a sum
BRACKET_STROKE: dict[str, Any] = {"stroke": MUTED, "stroke_width": 2}
PLUS_STROKE: dict[str, Any] = {"stroke": INK, "stroke_width": 3}


def strip(name: str, title: str, description: str, ops: list[Op]) -> str:
    """Draw a network stage by stage; its stages are its first level of modules.

    Raises:
        UserError: a shortcut leads over a stage, or there is too much for the width of a slide.
    """
    stages = _stages(ops)
    words = _words(stages)
    # What is concatenated at the end of a stage is seen in the ribbon that leaves it.
    tiles = [stage[:-1] if stage[-1].kind == "concat" else stage for stage in stages]
    layouts = [lay_out(each) for each in tiles]
    tile, gap = _fit([layout.columns for layout in layouts])
    tallest = max(TALLEST, max(layout.lanes for layout in layouts) * (TILE + BETWEEN) - BETWEEN)
    middle, below = TOP + tallest / 2, TOP + tallest + MAPS
    per_channel = TALLEST / max(op.channels for op in ops)
    root = document(name, title, description)
    root.write(LEFT, below, "maps", anchor="start", fill=MUTED)
    root.write(LEFT, below + SIDE, "side", anchor="start", fill=MUTED)
    x = float(LEFT + GUTTER)
    ends, groups, segments = [], [], []
    for count, (stage, layout) in enumerate(zip(stages, layouts, strict=True)):
        group = root.step(count)
        wide = layout.columns * (tile + BETWEEN) - BETWEEN
        last = stage[-1]
        if count + 1 < len(stages):
            thick = max(THINNEST, last.channels * per_channel)
            ribbon = group.operation(last) if last.kind == "concat" else group
            ribbon.rectangle(x + wide, middle - thick / 2, gap, thick, RIBBON)
        tall = max(TILE, last.channels * per_channel) if len(stage) == 1 else TILE
        _tiles(group, tiles[count], layout, x, middle, tile, tall)
        groups.append(group)
        segments.append(Segment(words[count], stage, count))
        ends.append((x, x + wide))
        x += wide + gap
    centers = [(left + right) / 2 for left, right in ends]
    pools = [stage[-1].kind == "pool" for stage in stages]
    bold = [len(stage) > 1 for stage in stages]
    for place in _fitting(centers, words, bold):
        fill = MUTED if pools[place] else INK
        groups[place].write(centers[place], NAMES, words[place], bold=bold[place], fill=fill)
    counts = [
        "" if pool else str(stage[-1].channels) for stage, pool in zip(stages, pools, strict=True)
    ]
    for place in _fitting(centers, counts, bold):
        groups[place].write(centers[place], below, counts[place])
    _sides(root, stages, ends, below + BRACKET)
    end = parameter_bar(root, segments, below + BAR, "ribbons: maps", folded=False)
    return root.finish(end + BELOW)


def _name(stage: list[Op]) -> str:
    """The module that contains a stage."""
    return ".".join(_beginning([op.path.split(".") for op in stage]))


def _beginning(several: Sequence[Sequence[str]]) -> list[str]:
    """What names, or lists of them, have in common from their beginning on."""
    return [
        each[0] for each in takewhile(lambda each: len(set(each)) == 1, zip(*several, strict=False))
    ]


def _fitting(centers: list[float], words: list[str], first: list[bool]) -> list[int]:
    """Which words can stand beside each other without touching; some of them come first."""
    chosen: list[int] = []
    for place in sorted(range(len(words)), key=lambda each: not first[each]):
        half = width(words[place], SMALL, bold=True) / 2 + CLEAR
        free = all(
            abs(centers[place] - centers[other]) > half + width(words[other], SMALL, bold=True) / 2
            for other in chosen
        )
        if words[place] and free:
            chosen.append(place)
    return sorted(chosen)


def _fit(columns: list[int]) -> tuple[int, float]:
    """The width of a tile, and the length of the ribbons between stages."""
    for tile in range(WIDE, NARROW - 1, -NARROWER):
        widths = [(tile + BETWEEN) * each - BETWEEN for each in columns]
        gap = (RIGHT - MARGIN - LEFT - GUTTER - sum(widths)) / max(1, len(columns) - 1)
        if gap >= SHORTEST:
            return tile, gap
    raise UserError(
        f"a strip of {len(columns)} stages, {sum(columns)} operations long, is too long for a slide"
    )


def _tiles(
    group: Element, ops: list[Op], layout: Layout, x: float, middle: float, tile: int, tall: float
) -> None:
    """The operations of a stage; one that waits for a longer branch is drawn from its start."""
    top = middle - (layout.lanes * (tall + BETWEEN) - BETWEEN) / 2
    for op in ops:
        before = [layout.column[each] + 1 for each in op.inputs if each in layout.column]
        first, last = max(before, default=0), layout.column[op.id]
        left = x + first * (tile + BETWEEN)
        wide = (last - first + 1) * (tile + BETWEEN) - BETWEEN
        y = top + layout.lane[op.id] * (tall + BETWEEN)
        place = group.operation(op)
        place.rectangle(left, y, wide, tall, fill_of(op), **EDGE)
        if op.kind == "add":
            plus = f"M{number(left + wide / 2 - PLUS)},{number(y + tall / 2)}h{2 * PLUS}"
            place.path("none", f"{plus}m-{PLUS},-{PLUS}v{2 * PLUS}", **PLUS_STROKE)


def _words(stages: list[list[Op]]) -> list[str]:
    """What a stage is called: the end of its own name, or the operation that it is."""
    names = [_name(stage) for stage in stages if len(stage) > 1]
    common = len(_beginning(names)) if len(names) > 1 else 0
    if any(len(name) - common < 2 for name in names):
        common = 0
    kinds = {"pool": "pool", "fc": "fc", "input": "input"}
    return [
        _name(stage)[common:]
        if len(stage) > 1
        else times(stage[0].kernel)
        if stage[0].kind == "conv"
        else kinds.get(stage[0].kind, "")
        for stage in stages
    ]


def _sides(
    root: Element, stages: list[list[Op]], ends: list[tuple[float, float]], y: float
) -> None:
    """Brackets below stages whose maps have the same side."""
    sides = [stage[-1].side for stage in stages]
    runs = [list(run) for _, run in groupby(range(len(stages)), key=lambda place: sides[place])]
    spans = [(ends[run[0]][0], ends[run[-1]][1]) for run in runs]
    for left, right in spans:
        bracket = f"M{number(left)},{number(y)}v{ARM}H{number(right)}v-{ARM}"
        root.path("none", bracket, **BRACKET_STROKE)
    centers = [(left + right) / 2 for left, right in spans]
    words = [str(sides[run[0]]) for run in runs]
    for place in _fitting(centers, words, [len(run) > 1 for run in runs]):
        root.write(centers[place], y + SIDES, words[place], fill=MUTED)


def _stages(ops: list[Op]) -> list[list[Op]]:
    """The parts of a network: modules of the first level, or of a deeper one in a row of blocks.

    Raises:
        UserError: something leads around a part.
    """
    read_last = {each: place for place, op in enumerate(ops) for each in op.inputs}
    open_until = -1
    alone = set()  # operations through which everything goes
    for place, op in enumerate(ops):
        if open_until <= place:
            alone.add(op.id)
        open_until = max(open_until, read_last.get(op.id, place))
    stages = _split(ops, alone, 1)
    for before, stage in pairwise(stages):
        inside = {op.id for op in stage}
        if {each for op in stage for each in op.inputs} - inside - {before[-1].id}:
            raise UserError(
                f"a strip cannot show what leads around {stage[0].stage}: choose rows or graph"
            )
    return stages


def _split(ops: list[Op], alone: set[str], level: int) -> list[list[Op]]:
    stages: list[list[Op]] = []
    for _, found in groupby(ops, key=lambda op: op.path.split(".")[:level] if op.path else op.id):
        part = list(found)
        merges = [op for op in part[:-1] if op.kind in ("concat", "add") and op.id in alone]
        deeper = any(op.path.count(".") >= level for op in part)
        stages += _split(part, alone, level + 1) if merges and deeper else [part]
    return stages
