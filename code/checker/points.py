"""The points of the checklist: checks, each with the words that the list has for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .work import Work

# The gaps of each step, in the order of the text, and the steps whose gaps it needs to run.
GAPS: dict[int, tuple[str, ...]] = {
    1: ("choose", "paper_table"),
    2: ("build",),
    3: (
        "get_dataflow",
        "create_optimizer",
        "create_trainer",
        "create_evaluator",
        "add_schedule",
        "add_validation",
    ),
    4: ("train",),
    5: ("report",),
}

# The gaps that the points of a gap need filled besides it.
NEEDED = {"paper_table": ("choose",), "train": GAPS[3], "report": GAPS[3]}

Check = Callable[[Work], None]


@dataclass(frozen=True)
class Point:
    """One thing to get right: in which gap, which gaps it needs filled, and which points mended."""

    gap: str
    text: str
    check: Check
    needs: tuple[str, ...]
    after: tuple[Check, ...]

    @property
    def step(self) -> int:
        return next(step for step, gaps in GAPS.items() if self.gap in gaps)


POINTS: list[Point] = []  # in the order of the text


def point(
    gap: str, text: str, *after: Check, needs: tuple[str, ...] = ()
) -> Callable[[Check], Check]:
    """Put a check onto the list; it waits for those `after` which it comes."""

    def put(check: Check) -> Check:
        POINTS.append(Point(gap, text, check, needs or NEEDED.get(gap, ()), after))
        POINTS.sort(key=lambda point: point.step)
        return check

    return put
