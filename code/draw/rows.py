"""Whole networks below each other: a tile for each layer with weights, an arc for each shortcut."""

from collections.abc import Sequence
from typing import Any

from lab.errors import UserError

from .bar import GAP, key, key_of, key_width
from .fonts import width
from .look import EDGE, FILLS, INK, LARGE, LEFT, MUTED, RIBBON, RIGHT, SMALL, fill_of
from .svg import Element, document, number
from .trace import Op, short

GUTTER = 60  # between the words before the rows and the first tile
FLATTEST, TALLEST = 26, 92  # tiles
WIDEST, NARROWEST = 60, 11  # from one tile to the next
SHARE = 0.68  # of that, the width of a tile
TRUNK = 8  # thickness of the line through the tiles
OVER, ARCH = 16, 44  # room above a row without arcs, and with them
UNDER = 54  # below a row, for its numbers
FIRST, LINE = 28, 36  # from the middle of a row up to its name, and from line to line
NUMBERS = 34  # from the tiles down to their numbers
APART = 8  # between two numbers
KEY, END = 40, 54  # from the last row down to the key, and to the end
SAMPLE, AHEAD, RAISED = 44, 10, 9  # a line in the key, its space to the words, above their base
ARC = FILLS["fc"]
THICK, THIN = 3.6, 0.17  # of an arc at most, and its share of the way between two tiles
DASHES = {"shape changes": "8 6", "concatenated": "3 2", "identity": ""}
GATE = 6  # radius of the dot of a gate, at most
GATED = "gate"  # what the key calls it
TILES = ("conv", "fc", "attention", "unknown")
MERGES = ("add", "mul", "concat")


def rows(name: str, title: str, description: str, networks: Sequence[tuple[str, list[Op]]]) -> str:
    """Draw networks below each other, at one scale; a tile is as tall as its maps.

    Args:
        networks: what each is called, and its operations.

    Raises:
        UserError: there are too many layers for the width of a slide, or branches other than
            shortcuts.
    """
    for _, ops in networks:
        _check_concats(ops)
    root = document(name, title, description)
    side = max(op.side for _, ops in networks for op in ops)
    words = [_words(label, ops) for label, ops in networks]
    widest = max(
        max(width(label, LARGE, bold=True), *(width(each, SMALL) for each in costs))
        for label, *costs in words
    )
    left = LEFT + GUTTER + widest
    longest = max(len(_trunk(ops)) for _, ops in networks)
    pitch = (RIGHT - left) / max(1, longest)
    if pitch < NARROWEST:
        raise UserError(f"{longest} layers in a row are too many for the width of a slide")
    y = 0.0
    for count, ((_, ops), lines) in enumerate(zip(networks, words, strict=True)):
        group = root.step(count)
        middle = y + TALLEST / 2 + (ARCH if any(map(_merges, ops)) else OVER)
        for place, each in enumerate(lines):
            size: dict[str, Any] = {"size": LARGE, "bold": True} if place == 0 else {"fill": MUTED}
            group.write(LEFT, middle - FIRST + LINE * place, each, anchor="start", **size)
        _row(group, ops, left, middle, min(pitch, WIDEST), side)
        y = middle + TALLEST / 2 + UNDER
    tiles = [op for _, ops in networks for op in _trunk(ops)]
    arcs = {_arc(op, ops) for _, ops in networks for op in ops if _merges(op)}
    _key(root, tiles, [each for each in (*DASHES, GATED) if each in arcs], y + KEY)
    return root.finish(y + END)


def _merges(op: Op) -> bool:
    return op.kind in MERGES and len(op.inputs) > 1


def _check_concats(ops: list[Op]) -> None:
    """Raise `UserError` unless what is concatenated is an input and what the row made of it."""
    by = {op.id: op for op in ops}
    for op in ops:
        if op.kind == "concat" and _merges(op):
            fork = _fork(op, by)
            made = [_way(each, fork, by) for each in op.inputs]
            layers = [any(by[each].kind in TILES for each in way) for way in made]
            if sorted(map(bool, made)) != [False, True] or sum(layers) != 1:
                raise UserError(
                    f"rows cannot show the concatenation {op.id}: choose strip or graph"
                )


def _arc(op: Op, ops: list[Op]) -> str:
    """What the key calls the line of a merge."""
    if op.kind != "add":
        return GATED if op.kind == "mul" else "concatenated"
    return "shape changes" if _shortcut(op, ops) else "identity"


def _words(label: str, ops: list[Op]) -> list[str]:
    parameters, macs = sum(op.parameters for op in ops), sum(op.macs for op in ops)
    return [label, f"{short(parameters)} parameters", f"{short(macs)} MACs"]


def _trunk(ops: list[Op]) -> list[Op]:
    """The layers with weights that stand in the row: not those inside a shortcut or a gate."""
    inside = {each for op in ops if _merges(op) for each in _shortcut(op, ops)}
    return [op for op in ops if op.kind in TILES and op.id not in inside]


def _way(which: str, end: str, by: dict[str, Op]) -> list[str]:
    """The operations back from one to another, the end left out."""
    found = []
    while which != end:
        found.append(which)
        which = by[which].inputs[0]
    return found


def _shortcut(merge: Op, ops: list[Op]) -> list[str]:
    """The operations of the lesser way into a merge, its last first; none in an identity.

    The lesser one has smaller maps, as a gate has, or does less work.
    """
    by = {op.id: op for op in ops}
    fork = _fork(merge, by)

    def size(which: str) -> tuple[int, int]:
        return by[which].side, sum(by[each].macs for each in _way(which, fork, by))

    return _way(min(merge.inputs, key=size), fork, by)


def _fork(add_: Op, by: dict[str, Op]) -> str:
    """Where the two ways into a sum part."""

    def back(which: str) -> list[str]:
        found = [which]
        while by[found[-1]].inputs:
            found.append(by[found[-1]].inputs[0])
        return found

    ways = [back(each) for each in add_.inputs]
    return next(each for each in ways[0] if all(each in way for way in ways[1:]))


def _row(
    group: Element, ops: list[Op], left: float, middle: float, pitch: float, side: int
) -> None:
    trunk = _trunk(ops)
    by = {op.id: op for op in ops}
    wide = pitch * SHARE
    at = {op.id: left + pitch * place for place, op in enumerate(trunk)}

    def after(which: str) -> float:
        """The place behind the layer that made what an operation hands on."""
        while which not in at:
            if not by[which].inputs:
                return left - (pitch - wide) / 2
            which = max(by[which].inputs, key=lambda each: at.get(each, 0))
        return at[which] + wide + (pitch - wide) / 2

    end = max(at.values(), default=left) + wide
    group.rectangle(left, middle - TRUNK / 2, end - left, TRUNK, RIBBON)
    for op in filter(_merges, ops):
        place = group.operation(op, *(by[each] for each in _shortcut(op, ops)))
        if op.kind == "mul":
            radius = min(GATE, (pitch - wide) / 2)
            place.add("circle", cx=after(op.id), cy=middle, r=radius, fill=INK)
        else:
            style = _bow_style(_arc(op, ops), pitch)
            _bow(place, after(_fork(op, by)), after(op.id), middle, style)
    numbers = _numbers(trunk, at)
    for op in trunk:
        height = FLATTEST + (TALLEST - FLATTEST) * (0 if _flat(op) else (op.side / side) ** 0.5)
        tile = group.operation(*_before(op, by), op)
        tile.rectangle(at[op.id], middle - height / 2, wide, height, fill_of(op), **EDGE)
        if op.id in numbers:
            (x, words), y = numbers[op.id], middle + TALLEST / 2 + NUMBERS
            group.write(x, y, words, anchor="start", fill=MUTED)


def _before(op: Op, by: dict[str, Op]) -> list[Op]:
    """What a tile tells of, too: the norms and the like that stand alone before it."""
    found: list[Op] = []
    which = by[op.inputs[0]]
    while which.kind not in (*TILES, "input") and not _merges(which):
        if which.kind != "pool" or which.parameters:
            found.insert(0, which)
        which = by[which.inputs[0]]
    return found


def _bow(place: Element, begin: float, to: float, middle: float, style: dict[str, Any]) -> None:
    """A line from one place of a row over its tiles to another."""
    base, top = middle - TRUNK / 2 - 1, middle - TALLEST / 2 - ARCH - 2
    d = f"M{number(begin)},{number(base)}C{number(begin)},{number(top)} {number(to)},{number(top)}"
    place.path("none", f"{d} {number(to)},{number(base)}", **style)


def _bow_style(name: str, pitch: float = WIDEST) -> dict[str, Any]:
    """The stroke of a line, thinner where tiles are."""
    dashes = {"stroke_dasharray": DASHES[name]} if DASHES[name] else {}
    return {"stroke": ARC, "stroke_width": min(THICK, THIN * pitch), **dashes}


def _flat(op: Op) -> bool:
    return op.kind == "fc" and op.side == 1


def _numbers(trunk: list[Op], at: dict[str, float]) -> dict[str, tuple[float, str]]:
    """Where which words are below tiles: channels, each once for a side, where there is room."""
    numbers: dict[str, tuple[float, str]] = {}
    said: list[str] = []  # for this side, the last words last
    side, free = 0, 0.0  # from where on there is room
    for op in trunk:
        said, side = (said if op.side == side else said[-2:]), op.side
        words = "fc" if _flat(op) else str(op.channels) + (" maps" if not said else "")
        long = width(words, SMALL)
        x = min(at[op.id], RIGHT - long)
        if words not in said and x > free:
            numbers[op.id] = x, words
            free = x + long + APART
            said += [words, f"{op.channels}"]
    return numbers


def _key(root: Element, tiles: list[Op], lines: list[str], y: float) -> None:
    items = key_of(tiles, folded=False)
    root.write(LEFT, y, "heights: square roots", anchor="start", fill=MUTED)
    key(root, items, RIGHT, y)
    x = RIGHT - key_width(items)
    for words in lines:
        x -= width(words, SMALL) + GAP
        root.write(x, y, words, anchor="start", fill=MUTED)
        sample = SAMPLE if words in DASHES else 2 * GATE
        begin = x - sample - AHEAD
        if words in DASHES:
            line = f"M{number(begin)},{number(y - RAISED)}h{SAMPLE}"
            root.path("none", line, **_bow_style(words))
        else:
            root.add("circle", cx=begin + GATE, cy=y - RAISED, r=GATE, fill=INK)
        x = begin
