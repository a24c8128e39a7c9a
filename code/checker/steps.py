"""The points of the checklist, in their order, and how they are gone through."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace

import torch

from . import loop, network, outcome
from .mistakes import SHOWN, Mistake, explain
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

NEEDS: dict[int, tuple[int, ...]] = {1: (1,), 2: (2,), 3: (3,), 4: (2, 3, 4), 5: (2, 3, 4, 5)}

TITLES = {
    1: "a network of torchvision and its paper",
    2: "made to fit 32x32 images",
    3: "trainer, evaluator and handlers",
    4: "training",
    5: "the test set, once",
}


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


@dataclass(frozen=True)
class Point:
    """One thing to get right: in which gap, which gaps it needs filled, and which points mended."""

    gap: str
    text: str
    check: Callable[[Work], None]
    needs: tuple[str, ...] = ()
    after: tuple[Callable[[Work], None], ...] = ()

    @property
    def step(self) -> int:
        return next(step for step, gaps in GAPS.items() if self.gap in gaps)


_LOOP = (
    loop.training_batches_are_right,
    loop.validation_batches_are_right,
    loop.optimizer_holds_the_network,
    loop.trainer_is_in_train_mode,
    loop.loss_is_the_cross_entropy,
    loop.every_step_has_its_own_gradient,
    loop.trainer_returns_the_loss,
    loop.evaluator_changes_nothing,
    loop.metrics_are_right,
    loop.rate_rises_and_falls,
    loop.validates_after_every_epoch,
    loop.history_is_right,
)


POINTS = (
    Point(
        "choose",
        "a network of torchvision, as it is, with fresh weights",
        network.chosen_is_torchvisions,
    ),
    Point(
        "paper_table",
        "every layer in one row, in the order in which they run",
        network.rows_are_in_order,
        needs=("choose",),
        after=(network.chosen_is_torchvisions,),
    ),
    Point("build", "from images (N, 3, 32, 32) to logits (N, classes)", network.output_is_logits),
    Point(
        "build",
        f"the stem leaves {network.STEM_SIDE}x{network.STEM_SIDE} pixels or more",
        network.stem_keeps_pixels,
        after=(network.output_is_logits,),
    ),
    Point(
        "build",
        "no kernel looks at a single pixel",
        network.no_kernel_on_a_pixel,
        after=(network.output_is_logits,),
    ),
    Point(
        "build",
        "the head weighs no copies of a pixel",
        network.head_makes_no_copies,
        after=(network.output_is_logits,),
    ),
    Point(
        "get_dataflow",
        "training images in a random order, each with its own label",
        loop.training_batches_are_right,
    ),
    Point(
        "get_dataflow",
        "every held-out image once, as it is, to validate on",
        loop.validation_batches_are_right,
    ),
    Point(
        "create_optimizer",
        "all parameters of the network, and the recipe's learning rate",
        loop.optimizer_holds_the_network,
    ),
    Point("create_trainer", "learns in train mode", loop.trainer_is_in_train_mode),
    Point(
        "create_trainer",
        "descends the cross-entropy of the logits",
        loop.loss_is_the_cross_entropy,
        after=(loop.trainer_is_in_train_mode,),
    ),
    Point(
        "create_trainer",
        "a gradient of its own for every step",
        loop.every_step_has_its_own_gradient,
        after=(loop.trainer_is_in_train_mode,),
    ),
    Point(
        "create_trainer",
        "returns the loss, and nothing that keeps memory",
        loop.trainer_returns_the_loss,
        after=(loop.trainer_is_in_train_mode,),
    ),
    Point(
        "create_evaluator",
        "measures in eval mode, without gradients",
        loop.evaluator_changes_nothing,
    ),
    Point(
        "create_evaluator",
        "accuracy and loss of all images",
        loop.metrics_are_right,
        after=(loop.evaluator_changes_nothing,),
    ),
    Point(
        "add_schedule", "the learning rate rises and falls, step by step", loop.rate_rises_and_falls
    ),
    Point(
        "add_validation",
        "measures on the held-out images after every epoch",
        loop.validates_after_every_epoch,
    ),
    Point(
        "add_validation",
        "a row of the history for every epoch",
        loop.history_is_right,
        after=(loop.validates_after_every_epoch,),
    ),
    Point(
        "train",
        "learns from training images, measures on held-out ones, never sees a test image",
        outcome.learns_and_chooses_on_the_right_images,
        needs=GAPS[3],
        after=_LOOP,
    ),
    Point(
        "train",
        "a new order in every epoch",
        outcome.every_epoch_has_its_own_order,
        needs=GAPS[3],
        after=(outcome.learns_and_chooses_on_the_right_images,),
    ),
    Point(
        "train",
        "trains the network that it is given",
        outcome.the_given_network_learns,
        needs=GAPS[3],
        after=(outcome.learns_and_chooses_on_the_right_images,),
    ),
    Point(
        "train",
        "a learning rate that rises and falls over all epochs",
        outcome.rate_follows_the_schedule,
        needs=GAPS[3],
        after=(outcome.the_given_network_learns,),
    ),
    Point(
        "train",
        "leaves it with the weights of its best epoch",
        outcome.best_weights_are_kept,
        needs=GAPS[3],
        after=(outcome.the_given_network_learns,),
    ),
    Point(
        "train",
        "your network with your recipe, on a few drawn images: the loss stays small",
        outcome.own_network_and_recipe_learn,
        needs=(*GAPS[2], *GAPS[3]),
        after=(
            network.output_is_logits,
            network.no_kernel_on_a_pixel,
            network.head_makes_no_copies,
            outcome.every_epoch_has_its_own_order,
            outcome.rate_follows_the_schedule,
            outcome.best_weights_are_kept,
        ),
    ),
    Point(
        "report",
        "reads every test image once, and no other",
        outcome.test_images_are_read_once,
        needs=GAPS[3],
        after=_LOOP,
    ),
    Point(
        "report",
        "returns the share of them that is right",
        outcome.accuracy_is_reported,
        needs=GAPS[3],
        after=(outcome.test_images_are_read_once,),
    ),
)


def grade(work: Work, steps: tuple[int, ...] = tuple(GAPS)) -> Iterator[Result]:
    """Look at one point of the checklist after another.

    What the student's functions print is left out. A point waits where it builds on one that is
    still open.

    Args:
        work: the student's functions.
        steps: those to look at; points before them count as done.
    """
    open_points: set[Callable[[Work], None]] = set()
    said: dict[str, str] = {}
    for point in POINTS:
        if point.step not in steps:
            continue
        result = _look(point, work, open_points)
        if not result.passed:
            open_points.add(point.check)
        if result.found and result.found == said.get(point.gap):
            result = replace(result, found="", hint="", waits=True)  # said once is enough
        else:
            said[point.gap] = result.found
        yield result


def _look(point: Point, work: Work, open_points: set[Callable[[Work], None]]) -> Result:
    result = Result(point.step, point.gap, point.text, passed=False)
    if work.open(point.gap):
        return replace(result, found="still to do", hint=f"See {SHOWN[point.gap]}.")
    if open_points & set(point.after) or any(map(work.open, point.needs)):
        return replace(result, waits=True)
    try:
        with quietly():
            point.check(work)
    except Mistake as mistake:
        return replace(result, found=mistake.found, hint=mistake.hint)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, too: a student's file may call exit()
        explained = explain(error, work.files, SHOWN[point.gap])
        return replace(result, found=explained.found, hint=explained.hint)
    return replace(result, passed=True)


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
