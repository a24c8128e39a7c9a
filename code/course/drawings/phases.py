"""Phases of a network as graphs of nodes, from left to right: which node reads which."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from draw.fonts import width
from draw.look import FILLS, INK, LARGE, LEFT, MUTED, OUTLINE, RIGHT, SMALL, TIMES
from draw.svg import Element, document, number

RADIUS = 31  # of a node
DOT = 11  # of input and output
GAP = 90  # between two phases, in which the pooling stands
RISE = 46  # of an arc, for each node that it passes
HEAD = 96  # of the words above
DASHED: dict[str, Any] = {"stroke": MUTED, "stroke_width": 2.4, "stroke_dasharray": "6 5"}


@dataclass(frozen=True)
class Phase:
    """One phase.

    `reads` says which nodes each node reads: 0 is the input, the last one the output. Of the
    `nodes` that there could be, those that it does not name are left out.
    """

    heading: str
    code: str
    reads: dict[int, list[int]]
    nodes: int


def phases(name: str, title: str, drawn: Sequence[Phase]) -> str:
    """Draw phases beside one another, with their bits below; a phase is a step of the slide."""
    said = " ".join(f"{phase.heading}: {_describe(phase)}." for phase in drawn)
    root = document(name, title, said)
    wide = (RIGHT - LEFT - GAP * (len(drawn) - 1)) / len(drawn)
    rises = [_rises(phase) for phase in drawn]
    middle = HEAD + max(RADIUS, *(above for above, _ in rises)) + 14
    bottom = middle + max(RADIUS, *(below for _, below in rises)) + 60
    for place, phase in enumerate(drawn):
        group, left = root.step(place + 1), LEFT + place * (wide + GAP)
        if place > 0:
            _pool(group, left - GAP, middle)
        _draw(group, phase, left, wide, middle)
        group.write(left + wide / 2, 34, phase.heading, size=LARGE, bold=True)
        group.write(left + wide / 2, bottom, phase.code, size=LARGE)
    whole = all(len(phase.reads) == phase.nodes + 1 for phase in drawn)
    _key(root, bottom + 62, whole)
    return root.finish(bottom + 84)


def _describe(phase: Phase) -> str:
    *nodes, output = phase.reads
    words = [f"node {node} reads {_list(phase.reads[node])}" for node in nodes]
    return "; ".join([*words, f"the output reads {_list(phase.reads[output])}"])


def _list(sources: list[int]) -> str:
    return " and ".join(f"node {source}" if source else "the input" for source in sources)


def _edges(phase: Phase) -> list[tuple[int, int]]:
    """From where to where, as places in a row: the input, each node, the output."""
    last = max(phase.reads)
    return [
        (source, phase.nodes + 1 if node == last else node)
        for node, sources in phase.reads.items()
        for source in sources
    ]


def _is_below(phase: Phase, edge: tuple[int, int]) -> bool:
    """What comes from the input or goes to the output runs below the nodes, the rest above."""
    return edge[0] == 0 or edge[1] == phase.nodes + 1


def _rises(phase: Phase) -> tuple[float, float]:
    """How far the arcs reach above and below the nodes."""
    far = {True: 0, False: 0}
    for source, node in _edges(phase):
        side = _is_below(phase, (source, node))
        far[side] = max(far[side], node - source - 1)
    return (RADIUS + RISE * far[False] if far[False] else 0), RADIUS + RISE * far[True]


def _draw(group: Element, phase: Phase, left: float, wide: float, middle: float) -> None:
    apart = (wide - 2 * DOT) / (phase.nodes + 1)

    def x(place: int) -> float:
        return left + DOT + place * apart

    for source, node in _edges(phase):
        _edge(group, phase, x, source, node, middle)
    for place in (0, phase.nodes + 1):
        group.add("circle", cx=x(place), cy=middle, r=DOT, fill=INK)
    for node in range(1, phase.nodes + 1):
        there = node in phase.reads
        spot = group.telling(_node_words(phase, node))
        line = OUTLINE if there else DASHED
        fill = FILLS["conv 3"] if there else "#FFFFFF"
        spot.add("circle", cx=x(node), cy=middle, r=RADIUS, fill=fill, **line)
        spot.write(x(node), middle + 10, str(node), bold=there, fill=INK if there else MUTED)


def _node_words(phase: Phase, node: int) -> str:
    if node not in phase.reads:
        return f"node {node}: left out, for it reads nothing and nothing reads it"
    sources = phase.reads[node]
    joined = f", joined by a 1{TIMES}1 convolution" if len(sources) > 1 else ""
    return f"node {node}: conv 3{TIMES}3, batch norm, ReLU; reads {_list(sources)}{joined}"


def _edge(
    group: Element, phase: Phase, x: Callable[[int], float], source: int, node: int, middle: float
) -> None:
    residual = (source, node) == (0, phase.nodes + 1)
    ink, thick = (FILLS["fc"], 6) if residual else (MUTED, 4)
    start, end = x(source), x(node)
    from_radius, to_radius = (
        DOT if place in (0, phase.nodes + 1) else RADIUS for place in (source, node)
    )
    passed = node - source - 1
    if passed == 0:
        tip = end - to_radius - 3
        line = f"M{number(start + from_radius)},{number(middle)}H{number(tip - 12)}"
        group.path("none", line, stroke=ink, stroke_width=thick)
        group.polygon(ink, (tip - 16, middle - 10), (tip, middle), (tip - 16, middle + 10))
        return
    down = 1 if _is_below(phase, (source, node)) else -1
    # A cubic curve reaches three quarters of the way to its two control points.
    reach = down * (RADIUS + RISE * passed) / 0.75
    begin, tip = middle + down * (from_radius + 2), middle + down * (to_radius + 4)
    control = middle + reach
    line = (
        f"M{number(start)},{number(begin)}C{number(start)},{number(control)} "
        f"{number(end)},{number(control)} {number(end)},{number(tip + down * 12)}"
    )
    group.path("none", line, stroke=ink, stroke_width=thick)
    base = tip + down * 16
    group.polygon(ink, (end - 10, base), (end, tip), (end + 10, base))


def _pool(group: Element, left: float, middle: float) -> None:
    place = group.telling(f"max pooling 2{TIMES}2")
    place.rectangle(left + GAP / 2 - 13, middle - 34, 26, 68, FILLS["pool"], **OUTLINE)


def _key(root: Element, y: float, whole: bool) -> None:
    """Explain the shapes; where no node is left out, `whole`, there is none to explain."""
    x = float(LEFT)
    for kind, words in (
        ("node", f"conv 3{TIMES}3, batch norm, ReLU"),
        ("out", "left out"),
        ("residual", "from input to output"),
        ("pool", f"max pool 2{TIMES}2"),
    ):
        if kind == "out" and whole:
            continue
        if kind == "pool":
            root.rectangle(x + 8, y - 28, 14, 36, FILLS["pool"], **OUTLINE)
        elif kind == "residual":
            d = f"M{number(x)},{number(y - 10)}h30"
            root.path("none", d, stroke=FILLS["fc"], stroke_width=6)
        else:
            fill = FILLS["conv 3"] if kind == "node" else "#FFFFFF"
            line = OUTLINE if kind == "node" else DASHED
            root.add("circle", cx=x + 15, cy=y - 10, r=15, fill=fill, **line)
        root.write(x + 44, y, words, anchor="start")
        x += 44 + width(words, SMALL) + 56
