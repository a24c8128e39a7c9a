"""Several objectives at once: which points are best, and how good a set of them is.

A point holds a value for each objective; all objectives are minimized.
"""

from collections.abc import Sequence
from typing import Any

Point = tuple[float, float]


def pareto_front(points: Sequence[Point]) -> list[int]:
    """Where the points stand that no other point dominates, from the lowest first value on.

    One point dominates another if it is as good in both objectives and better in one. Of equal
    points only the first is kept.
    """
    front: list[int] = []
    for index in sorted(range(len(points)), key=lambda index: (points[index], index)):
        if not front or points[index][1] < points[front[-1]][1]:
            front.append(index)
    return front


def knee(points: Sequence[Point]) -> int:
    """Where the point of the front stands from which either objective costs most of the other.

    It is the one farthest below the straight line between the ends of the front, both objectives
    being scaled to the range that the front covers (Das 1999). A front of one or two points has
    no such bend: there it is the point with the lowest first value.
    """
    front = pareto_front(points)
    if len(front) < 3:
        return front[0]
    (low, top), (high, bottom) = points[front[0]], points[front[-1]]

    def below(index: int) -> float:
        first, second = points[index]
        return 1 - (first - low) / (high - low) - (second - bottom) / (top - bottom)

    return max(front, key=below)


def print_front(rows: Sequence[dict[str, Any]]) -> str:
    """Print the front of finished trials, from accurate to cheap; return the genome of its knee."""
    points = [(row["error"], row["macs"]) for row in rows]
    print("     error   million MACs  genome")
    for index in pareto_front(points):
        mark = "knee" if index == knee(points) else ""
        error, macs = points[index]
        print(f"{mark:4} {error:6.1%} {macs / 1e6:13.2f}  {rows[index]['genome']}")
    return str(rows[knee(points)]["genome"])
