"""The points of the checklist, each with its check, and how they are gone through."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace

import torch

from .mistakes import SHOWN, Mistake, explain
from .work import Work

# The gaps of each step, in the order of the text.
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

# The steps whose gaps a step needs filled to run.
NEEDS: dict[int, tuple[int, ...]] = {1: (1,), 2: (2,), 3: (3,), 4: (2, 3, 4), 5: (2, 3, 4, 5)}

TITLES = {
    1: "a network of torchvision and its paper",
    2: "made to fit 32x32 images",
    3: "trainer, evaluator and handlers",
    4: "training",
    5: "the test set, once",
}

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


POINTS: list[Point] = []  # in the order of the text; `outcome`, and what it imports, adds them


def point(
    gap: str, text: str, *after: Check, needs: tuple[str, ...] = ()
) -> Callable[[Check], Check]:
    """Put a check onto the list; it waits for those `after` which it comes."""

    def put(check: Check) -> Check:
        POINTS.append(Point(gap, text, check, needs or NEEDED.get(gap, ()), after))
        POINTS.sort(key=lambda point: point.step)
        return check

    return put


@dataclass(frozen=True)
class Result:
    """A line of the checklist."""

    step: int
    gap: str
    text: str
    passed: bool
    found: str = ""
    hint: str = ""
    waits: bool = False  # not looked at yet, because a point before it is open


def grade(work: Work, steps: tuple[int, ...] = tuple(GAPS)) -> Iterator[Result]:
    """Look at one point of the checklist after another.

    What the student's functions print is left out. A point waits where it builds on one that is
    still open.

    Args:
        work: the student's functions.
        steps: those to look at; points before them count as done.
    """
    open_points: set[Check] = set()
    said: dict[str, str] = {}
    for point in POINTS:
        if point.step not in steps:
            continue
        result = _look(point, work, open_points)
        if not result.passed:
            open_points.add(point.check)
        if result.found and result.found == said.get(point.gap):
            result = replace(result, found="", hint="", waits=True)  # said once is enough
        elif result.found:
            said[point.gap] = result.found
        yield result


def _look(point: Point, work: Work, open_points: set[Check]) -> Result:
    result = Result(point.step, point.gap, point.text, passed=False)
    if work.open(point.gap):
        return replace(result, found="still to do", hint=f"See {SHOWN[point.gap]}.")
    if open_points & set(point.after) or any(map(work.open, point.needs)):
        return replace(result, waits=True)
    try:
        with quietly():
            point.check(work)
            return replace(result, passed=True)
    except Mistake as error:
        mistake = error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, too: a student's file may call exit()
        mistake = explain(error, work.files)
    return replace(result, found=mistake.found, hint=mistake.advice(SHOWN[point.gap]))


@contextmanager
def quietly() -> Iterator[None]:
    """Swallow what is printed and logged; leave the random numbers outside as they were."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
            torch.random.fork_rng(devices=[]),
        ):
            torch.manual_seed(0)
            yield
    finally:
        logging.disable(before)
