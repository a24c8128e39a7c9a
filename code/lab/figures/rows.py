"""Whole networks below each other: a tile for each layer with weights, an arc for each shortcut."""

from collections.abc import Sequence

from ..errors import UserError
from .bar import GAP, key, key_of, key_width
from .fonts import width
from .svg import (
    FILLS,
    INK,
    LARGE,
    LEFT,
    MUTED,
    RIBBON,
    RIGHT,
    SMALL,
    Element,
    add,
    document,
    fill_of,
    finish,
    number,
    operation,
    path,
    rectangle,
    step,
    text,
)
from .trace import Op, short

GUTTER = 60  # between the words before the rows and the first tile
ROW = 152
FLATTEST, TALLEST = 26, 92  # tiles
ARC = FILLS["fc"]


def rows(name: str, title: str, description: str, networks: Sequence[tuple[str, list[Op]]]) -> str:
    """Draw networks below each other, at one scale; a tile is as tall as its maps.

    Args:
        networks: what each is called, and its operations.

    Raises:
        UserError: there are too many layers for the width of a slide, or branches other than
            shortcuts.
    """
    if any(op.kind == "concat" for _, ops in networks for op in ops):
        raise UserError("rows cannot show a concatenation: choose strip or graph")
    root = document(name, title, description)
    side = max(op.side for _, ops in networks for op in ops)
    words = [_words(label, ops) for label, ops in networks]
    left = (
        LEFT
        + GUTTER
        + max(
            width(each, LARGE if place == 0 else SMALL, bold=place == 0)
            for lines in words
            for place, each in enumerate(lines)
        )
    )
    longest = max(len(_trunk(ops)) for _, ops in networks)
    pitch = (RIGHT - left) / longest
    if pitch < 14:
        raise UserError(f"{longest} layers in a row are too many for the width of a slide")
    y = 0.0
    for count, ((_, ops), lines) in enumerate(zip(networks, words, strict=True)):
        group = step(root, count) if count else add(root, "g")
        arcs = any(op.kind == "add" for op in ops)
        middle = y + TALLEST / 2 + (44 if arcs else 16)
        for place, each in enumerate(lines):
            size = {"size": LARGE, "bold": True} if place == 0 else {"fill": MUTED}
            text(group, LEFT, middle - 28 + 36 * place, each, anchor="start", **size)
        _row(group, ops, left, middle, min(pitch, 60), side)
        y = middle + TALLEST / 2 + 54
    tiles = [op for _, ops in networks for op in _trunk(ops)]
    shortcuts = [_shortcut(op, ops) for _, ops in networks for op in ops if op.kind == "add"]
    arcs_drawn = [("shape changes", "8 6")] if any(shortcuts) else []
    arcs_drawn += [("identity", "")] if not all(shortcuts) else []
    _key(root, tiles, arcs_drawn, y + 40)
    return finish(root, y + 54)


def _words(label: str, ops: list[Op]) -> list[str]:
    parameters, macs = sum(op.parameters for op in ops), sum(op.macs for op in ops)
    return [label, f"{short(parameters)} parameters", f"{short(macs)} MACs"]


def _trunk(ops: list[Op]) -> list[Op]:
    """The layers with weights that stand in the row: not those inside a shortcut."""
    shortcuts = {each for op in ops if op.kind == "add" for each in _shortcut(op, ops)}
    return [op for op in ops if op.kind in ("conv", "fc") and op.id not in shortcuts]


def _shortcut(add_: Op, ops: list[Op]) -> list[str]:
    """The operations of the cheaper way into a sum, its last first; none in an identity."""
    by = {op.id: op for op in ops}

    def way(which: str, end: str) -> list[str]:
        found = []
        while which != end:
            found.append(which)
            which = by[which].inputs[0]
        return found

    fork = _fork(add_, by)
    ways = [way(each, fork) for each in add_.inputs]
    return min(ways, key=lambda found: sum(by[each].macs for each in found))


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
    wide = pitch * 0.68
    at = {op.id: left + pitch * place for place, op in enumerate(trunk)}

    def tall(op: Op) -> float:
        if op.kind == "fc":
            return FLATTEST
        return FLATTEST + (TALLEST - FLATTEST) * (op.side / side) ** 0.5

    def after(which: str) -> float:
        """The place behind the layer that made what an operation hands on."""
        while which not in at:
            if not by[which].inputs:
                return left - (pitch - wide) / 2
            which = max(by[which].inputs, key=lambda each: at.get(each, 0))
        return at[which] + wide + (pitch - wide) / 2

    end = at[trunk[-1].id] + wide
    rectangle(group, left, middle - 4, end - left, 8, RIBBON)
    for op in ops:
        if op.kind == "add":
            begin, to = after(_fork(op, by)), after(op.id)
            changes = bool(_shortcut(op, ops))
            top = middle - TALLEST / 2 - 46
            d = f"M{number(begin)},{number(middle - 5)}"
            d += f"C{number(begin)},{number(top)} {number(to)},{number(top)}"
            dashes = {"stroke_dasharray": "8 6"} if changes else {}
            arc = operation(group, op, *(by[each] for each in _shortcut(op, ops)))
            path(arc, "none", f"{d} {number(to)},{number(middle - 5)}", stroke=ARC,
                 stroke_width=3.6, **dashes)  # fmt: skip
    said: list[str] = []  # what the words below the tiles said last
    shown = 0.0  # where they end
    for op in trunk:
        height = tall(op)
        style = {"stroke": INK, "stroke_width": 1.2}
        tile = operation(group, op)
        rectangle(tile, at[op.id], middle - height / 2, wide, height, fill_of(op), **style)
        words = "fc" if op.kind == "fc" else str(op.channels) + (" maps" if not said else "")
        if words not in said and at[op.id] > shown:
            text(group, at[op.id], middle + TALLEST / 2 + 34, words, anchor="start", fill=MUTED)
            shown = at[op.id] + width(words, SMALL) + 8
            said = [words, f"{op.channels}"]


def _key(root: Element, tiles: list[Op], lines: list[tuple[str, str]], y: float) -> None:
    items = key_of(tiles, folded=False)
    text(root, LEFT, y, "heights: square roots", anchor="start", fill=MUTED)
    key(root, items, RIGHT, y)
    x = RIGHT - key_width(items)
    for words, dashes in lines:
        x -= width(words, SMALL) + GAP
        text(root, x, y, words, anchor="start", fill=MUTED)
        more = {"stroke_dasharray": dashes} if dashes else {}
        path(root, "none", f"M{number(x - 54)},{number(y - 9)}h44", stroke=ARC, stroke_width=3.6,
             **more)  # fmt: skip
        x -= 54
