"""A cell as a graph: which operations of which states each node adds up."""

from collections.abc import Sequence

from draw.svg import (
    FILLS,
    INK,
    LARGE,
    LEFT,
    MUTED,
    OUTLINE,
    PALE,
    RIGHT,
    TIMES,
    Element,
    add,
    document,
    finish,
    number,
    path,
    polygon,
    rectangle,
    step,
    telling,
    text,
)

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
        # The first is there at once: a step before it would show two inputs and no cell.
        group = step(root, state - 2) if state > 2 else add(root, "g")
        for edge, side in zip(pair, (-1, 1), strict=True):
            _edge(group, edge[1], state, side, middle)
        spot = telling(group, _describe(state, pair))
        for edge, side in zip(pair, (-1, 1), strict=True):
            y = middle + side * _level(state)
            rectangle(
                spot, _x(state) - WIDE / 2, y - TALL / 2, WIDE, TALL, _fill(edge[0]), **OUTLINE
            )
            text(spot, _x(state), y + 10, words(edge[0]))
        add(spot, "circle", cx=_x(state), cy=middle, r=RADIUS, fill="#FFFFFF", **OUTLINE)
        text(spot, _x(state), middle + 11, str(state), size=LARGE, bold=True)
    return finish(root, 2 * middle)


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
        spot = telling(root, f"input {state}: the output of {_name(state)}")
        add(spot, "circle", cx=_x(state), cy=middle, r=RADIUS, fill=PALE, **OUTLINE)
        text(spot, _x(state), middle + 11, str(state), size=LARGE, bold=True)
        text(spot, _x(state), middle + RADIUS + 33, caption, fill=MUTED)


def _output(root: Element, nodes: int, middle: float) -> None:
    """What the nodes are side by side."""
    left, right = _x(2) - BAND, _x(1 + nodes) + BAND
    rectangle(root, left, middle - BAND, right - left, 2 * BAND, "#F3F6F8", rx=BAND)
    path(root, "none", f"M{number(right)},{number(middle)}h20", stroke=MUTED, stroke_width=4)
    _head(root, right + 32, middle, (1, 0))
    add(root, "circle", cx=right + 46, cy=middle, r=11, fill=INK)
    for line, caption in enumerate(("output: nodes", "side by side")):
        text(root, RIGHT, middle + 62 + 36 * line, caption, anchor="end", fill=MUTED)


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
    path(group, "none", line, stroke=MUTED, stroke_width=4)
    _head(group, tip, level, (1, 0))
    start, end = level - side * TALL / 2, middle + side * (RADIUS + 4)
    path(group, "none", f"M{number(_x(state))},{number(start)}V{number(end + side * 8)}",
         stroke=MUTED, stroke_width=4)  # fmt: skip
    _head(group, _x(state), end, (0, -side))


def _head(group: Element, x: float, y: float, along: tuple[int, int]) -> None:
    """The head of an arrow with its tip at a point."""
    dx, dy = along
    back = (x - 16 * dx, y - 16 * dy)
    polygon(
        group,
        MUTED,
        (back[0] - 10 * dy, back[1] - 10 * dx),
        (x, y),
        (back[0] + 10 * dy, back[1] + 10 * dx),
    )
