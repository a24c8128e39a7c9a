"""A cell as a graph: which operations of which states each node adds up."""

from collections.abc import Sequence
from typing import Any

from draw.look import FILLS, INK, LARGE, LEFT, MUTED, OUTLINE, PALE, RIBBON, RIGHT, TIMES
from draw.svg import Element, document, number

APART = 275  # from one state to the next
RADIUS = 34  # of a state
WIDE, TALL = 196, 46  # of an operation
FIRST, LEVEL = 100, 62  # from the states to the first operations, and from those to the next
CORNER = 14  # the radius of a line's turns
BAND = 62  # half the height of what holds the nodes
FAMILIES = {"max_pool": "pool", "avg_pool": "pool", "sep_conv": "conv 3", "dil_conv": "conv more"}

Edge = tuple[str, int]


def cell(name: str, title: str, edges: Sequence[Edge]) -> str:
    """Draw a cell of two inputs; a node is a step of the slide.

    Args:
        name: of the figure.
        title: what a screen reader says first.
        edges: two a node, an operation as `sep_conv_3x3` and the state that it reads; 0 and 1 are
            the inputs, 2 the first node.
    """
    nodes = [(edges[n], edges[n + 1]) for n in range(0, len(edges), 2)]
    said = " ".join(f"{_describe(place, pair)}." for place, pair in enumerate(nodes, 2))
    root = document(name, title, said)
    reach = FIRST + LEVEL * (len(nodes) - 1) + TALL / 2
    middle = reach + 8
    _inputs(root, middle)
    _output(root, len(nodes), middle)
    for state, pair in enumerate(nodes, 2):
        # A step before the first node would show two inputs and no cell.
        group = root.step(state - 2)
        for edge, side in zip(pair, (-1, 1), strict=True):
            _edge(group, edge[1], state, side, middle)
        spot = group.telling(_describe(state, pair))
        for edge, side in zip(pair, (-1, 1), strict=True):
            y = middle + side * _level(state)
            spot.rectangle(
                _x(state) - WIDE / 2, y - TALL / 2, WIDE, TALL, _fill(edge[0]), **OUTLINE
            )
            spot.write(_x(state), y + 10, words(edge[0]))
        spot.add("circle", cx=_x(state), cy=middle, r=RADIUS, fill="#FFFFFF", **OUTLINE)
        spot.write(_x(state), middle + 11, str(state), size=LARGE, bold=True)
    return root.finish(2 * middle)


def words(operation: str) -> str:
    """An operation as a figure names it: `sep_conv_3x3` is "sep conv 3x3", with a times sign."""
    if operation == "skip_connect":
        return "skip"
    kind, size = operation.rsplit("_", 1)
    return f"{kind.replace('_', ' ')} {size.replace('x', TIMES)}"


def _describe(state: int, pair: Sequence[Edge]) -> str:
    sources = [f"{words(name)} of {_name(source)}" for name, source in pair]
    return f"node {state}: {' plus '.join(sources)}"


def _name(state: int) -> str:
    return ("the cell before the last", "the last cell")[state] if state < 2 else f"node {state}"


def _fill(operation: str) -> str:
    family = FAMILIES.get(operation.rsplit("_", 1)[0])
    return FILLS[family] if family else PALE


def _x(state: int) -> float:
    return LEFT + RADIUS + 66 + state * APART


def _level(state: int) -> float:
    """How far from the middle the operations of a node are."""
    return FIRST + LEVEL * (state - 2)


def _inputs(root: Element, middle: float) -> None:
    for state, caption in enumerate(("cell before last", "last cell")):
        spot = root.telling(f"input {state}: the output of {_name(state)}")
        spot.add("circle", cx=_x(state), cy=middle, r=RADIUS, fill=PALE, **OUTLINE)
        spot.write(_x(state), middle + 11, str(state), size=LARGE, bold=True)
        spot.write(_x(state), middle + RADIUS + 33, caption, fill=MUTED)


def _output(root: Element, nodes: int, middle: float) -> None:
    """What the nodes are side by side."""
    left, right = _x(2) - BAND, _x(1 + nodes) + BAND
    root.rectangle(left, middle - BAND, right - left, 2 * BAND, "#F3F6F8", rx=BAND)
    root.path("none", f"M{number(right)},{number(middle)}h20", stroke=MUTED, stroke_width=4)
    _head(root, right + 32, middle, (1, 0))
    root.add("circle", cx=right + 46, cy=middle, r=11, fill=INK)
    for line, caption in enumerate(("output: nodes", "side by side")):
        root.write(RIGHT, middle + 62 + 36 * line, caption, anchor="end", fill=MUTED)


def _edge(group: Element, source: int, state: int, side: int, middle: float) -> None:
    """From a state by the gap behind it to an operation, and from that to its node."""
    lane, level = _x(source) + APART / 2, middle + side * _level(state)
    tip, turn = _x(state) - WIDE / 2 - 2, side * CORNER
    line = (
        f"M{number(_x(source) + RADIUS)},{number(middle)}H{number(lane - CORNER)}"
        f"Q{number(lane)},{number(middle)} {number(lane)},{number(middle + turn)}"
        f"V{number(level - turn)}"
        f"Q{number(lane)},{number(level)} {number(lane + CORNER)},{number(level)}"
        f"H{number(tip - 8)}"
    )
    group.path("none", line, stroke=MUTED, stroke_width=4)
    _head(group, tip, level, (1, 0))
    start, end = level - side * TALL / 2, middle + side * (RADIUS + 4)
    group.path("none", f"M{number(_x(state))},{number(start)}V{number(end + side * 8)}",
         stroke=MUTED, stroke_width=4)  # fmt: skip
    _head(group, _x(state), end, (0, -side))


def _head(group: Element, x: float, y: float, along: tuple[int, int]) -> None:
    """The head of an arrow with its tip at a point."""
    dx, dy = along
    back = (x - 16 * dx, y - 16 * dy)
    group.polygon(
        MUTED,
        (back[0] - 10 * dy, back[1] - 10 * dx),
        (x, y),
        (back[0] + 10 * dy, back[1] + 10 * dx),
    )


def mixture(operations: Sequence[str], shares: Sequence[float], states: tuple[int, int]) -> str:
    """Draw one edge of a search: all operations, each as wide as its share.

    Args:
        operations: their names.
        shares: of each; together one.
        states: the one that is read, and the node that reads it.
    """
    parts = list(zip(operations, shares, strict=True))
    said = ", ".join(f"{_called(name)} {share:.0%}" for name, share in parts)
    title = f"The edge from state {states[0]} to node {states[1]} at the end of the search"
    root = document("darts-edge", title, f"All operations side by side, with their shares: {said}.")
    left, right, pitch, top = LEFT + 104, RIGHT - 104, 54, 34
    middle = top + pitch * (len(parts) - 1) / 2
    box, wide = 560, 330
    for row, (name, _) in enumerate(parts):
        y = top + pitch * row
        _bend(root, (left, middle), (box, y), stroke=RIBBON, stroke_width=5)
        root.rectangle(box, y - 23, wide, 46, _fill(name), **OUTLINE)
        root.write(box + 14, y + 10, _called(name), anchor="start")
    sums = root.step(1)
    for row, (_, share) in enumerate(parts):
        y = top + pitch * row
        end = (right, middle)
        _bend(sums, (box + wide, y), end, stroke=RIBBON, stroke_width=110 * share)
        sums.write(box + wide - 14, y + 10, f"{100 * share:.0f}%", bold=True, anchor="end")
    for x, state, role in ((left - 52, states[0], "x"), (right + 52, states[1], "sum")):
        root.add("circle", cx=x, cy=middle, r=52, fill=PALE, **OUTLINE)
        root.write(x, middle + 12, str(state), size=LARGE, bold=True)
        root.write(x, middle + 96, role, fill=MUTED)
    return root.finish(top + pitch * (len(parts) - 1) + 46)


def _called(operation: str) -> str:
    return words(operation) if operation != "none" else "none: no edge"


def _bend(
    group: Element, start: tuple[float, float], end: tuple[float, float], **style: Any
) -> None:
    """A line that begins and ends level."""
    half = (start[0] + end[0]) / 2
    (x, y), (to_x, to_y) = start, end
    curve = f"M{number(x)},{number(y)}C{number(half)},{number(y)} {number(half)},{number(to_y)} "
    group.path("none", curve + f"{number(to_x)},{number(to_y)}", **style)
