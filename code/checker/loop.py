"""Step 3: what the parts of the loop must do."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from . import mistakes
from .mistakes import FIVE, Mistake, kind
from .points import GAPS, POINTS, point
from .probes import BATCH, EPOCHS, RATE, Engines, Probe, Seen
from .work import Work, unreadable

HELD_OUT = "The metrics of the epoch are in `evaluator.state.metrics` once it has run."
# The columns of the history, and where they come from.
HISTORY = {
    "epoch": "Every epoch appends a dictionary of its own, with `trainer.state.epoch`.",
    "train_loss": "`Average` on the trainer collects the losses of an epoch, then starts again.",
    "validation_loss": HELD_OUT,
    "validation_accuracy": HELD_OUT,
}
NO_GRADIENT = "no gradient reached the network"
TWICE = "the loss is that of a softmax of the softmax"


@point("get_dataflow", "training images in a random order, each with its own label")
def training_batches_are_right(work: Work) -> None:
    batches = work.training_batches
    _only(batches, 0, "train on", "data.train")
    places = [place for seen in batches for place in seen.places]
    if len(set(places)) < len(places) or len(places) <= len(work.data.train) - BATCH:
        raise Mistake(
            f"an epoch has {len(places)} images, {len(set(places))} different ones, of "
            f"{len(work.data.train)}",
            "An epoch shows every training image once.",
        )
    largest = max(len(seen.places) for seen in batches)
    if largest != BATCH:
        raise Mistake(
            f"the batches have {largest} images where the recipe says {BATCH}",
            "Take `recipe.batch_size`, so that the recipe alone says how the network was trained.",
        )
    if places == sorted(places):
        raise Mistake(
            "the images come in the order in which they are stored",
            "Shuffle them, or every epoch has the same batches; `lab.Batches` does.",
        )


@point("get_dataflow", "augmented and seeded as the recipe says", training_batches_are_right)
def training_batches_follow_the_recipe(work: Work) -> None:
    batches = work.training_batches
    for setting, done, what in (
        ("crop_padding", any(seen.moved for seen in batches), "shifts"),
        ("flip", any(seen.mirrored for seen in batches), "mirrored images"),
    ):
        if not done:
            raise Mistake(
                f"the recipe asks for random {what}, and there are none",
                f"What augments takes its setting from the recipe: `recipe.{setting}`.",
            )
    orders = [[place for seen in work.batches_of(seed) for place in seen.places] for seed in (1, 2)]
    if orders[0] == orders[1]:
        raise Mistake(
            "two recipes of different seeds have the same batches",
            "Take `recipe.seed`: else all runs are the same, and their spread says nothing.",
        )


@point("get_dataflow", "every held-out image once, as it is, to validate on")
def validation_batches_are_right(work: Work) -> None:
    batches = work.validation_batches
    _only(batches, 1, "validate on", "data.validation")
    places = sorted(place for seen in batches for place in seen.places)
    if places != list(range(len(work.data.validation))):
        raise Mistake(
            f"{len(places)} images, {len(set(places))} different ones, of "
            f"{len(work.data.validation)}",
            "Measure on every held-out image once: `lab.normalized(data.validation, ...)`.",
        )
    again = sum(1 for _ in work.dataflow[1])
    if again != len(batches):
        raise Mistake(
            f"the second time there are {again} batches to validate on instead of {len(batches)}",
            "Return what starts again every epoch, as `lab.normalized` and lists do: a generator "
            "is used up by the first.",
        )
    if not all(seen.whole for seen in batches):
        raise Mistake(
            "the images to validate on are shifted, mirrored or blanked",
            "Augment training images only: measure on images as they are.",
        )


def _only(batches: list[Seen], split: int, purpose: str, name: str) -> None:
    for seen in batches:
        if not seen.only(split):
            raise Mistake(
                f"among the images to {purpose} are {' and '.join(seen.kinds())} images",
                f"Take `{name}`. The test images are for step 5 alone: what is chosen on them "
                "makes the number reported too good.",
                FIVE,
            )


@point("create_optimizer", "all parameters of the network, and the recipe's learning rate")
def optimizer_holds_the_network(work: Work) -> None:
    model = Probe()
    optimizer = work.call("create_optimizer")(model, work.recipe())
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise Mistake(f"it returned {kind(optimizer)}", "Return the optimizer.")
    held = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    left = [name for name, weight in model.named_parameters() if id(weight) not in held]
    if left:
        raise Mistake(
            f"it does not hold {', '.join(left)} of the network that it was given",
            "Give it all parameters of `model`, the very network that will be trained.",
        )
    rate = optimizer.param_groups[0]["lr"]
    if rate != RATE:
        raise Mistake(
            f"its learning rate is {rate} where the recipe says {RATE}",
            "Take `recipe.lr`, so that the recipe alone says how the network was trained.",
        )


@point("create_trainer", "learns in train mode")
def trainer_is_in_train_mode(work: Work) -> None:
    probe = work.trained_probe
    if not probe.model.passes:
        raise Mistake(
            "the network that it was given was never called",
            "Call `model(images)`, the model that `create_trainer` gets.",
        )
    probe.check_mode()


@point("create_trainer", "descends the cross-entropy of the logits", trainer_is_in_train_mode)
def loss_is_the_cross_entropy(work: Work) -> None:
    probe = work.trained_probe
    made = probe.descended
    if made is None or made.slope is None or not made.slope.any():
        raise Mistake(NO_GRADIENT, mistakes.ARGMAX)
    if _is_cross_entropy(made.logits, len(made.logits) * made.slope, probe.labels):
        return
    if _is_cross_entropy(made.logits, made.slope, probe.labels):
        raise Mistake(
            "the loss is a sum over the batch",
            "Take the mean, as `F.cross_entropy` does: otherwise a learning rate means something "
            "else for every batch size.",
        )
    logits = made.logits.clone().requires_grad_()
    F.cross_entropy(logits.softmax(1), probe.labels).backward()
    slope = logits.grad
    assert slope is not None
    if F.cosine_similarity(slope.flatten(), made.slope.flatten(), dim=0) > 0.999:
        raise Mistake(TWICE, mistakes.SOFTMAX, mistakes.PIECES)
    raise Mistake(
        "its gradient is not that of the cross-entropy of logits and labels",
        "Descend `F.cross_entropy(logits, labels)`, with the logits as the network gives them.",
    )


def _is_cross_entropy(logits: Tensor, slope: Tensor, labels: Tensor) -> bool:
    """Whether a slope with respect to logits, summed over the batch, is the cross-entropy's.

    That is softmax - target. A target may be smoothed: less for the label, the same for all others.

    Args:
        logits, slope: (N, classes).
        labels: int64 (N,).
    """
    target = logits.softmax(1) - slope
    label = F.one_hot(labels, logits.shape[1]).bool()
    own, others = target[label], target[~label].view(len(target), -1)
    whole = (target.sum(1) - 1).abs().max() < 1e-3
    smooth = (others.amax(1) - others.amin(1)).max() < 1e-3
    return bool(whole and smooth and own.min() > 0.5)


@point("create_trainer", "a gradient of its own for every step", trainer_is_in_train_mode)
def every_step_has_its_own_gradient(work: Work) -> None:
    slopes = work.trained_probe.slopes
    if len(slopes) != 2:
        raise Mistake(
            f"two batches made the optimizer step {len(slopes)} times",
            "Call `optimizer.step()` once a batch, on the optimizer that `create_trainer` gets.",
        )
    if not slopes[0]:
        if all(each.slope is None for each in work.trained_probe.model.passes):
            raise Mistake(NO_GRADIENT, mistakes.ARGMAX)
        raise Mistake(
            "there is no gradient when the optimizer makes its step",
            "The order is `optimizer.zero_grad()`, `loss.backward()`, `optimizer.step()`.",
        )
    ratio = slopes[1] / slopes[0]
    if abs(ratio - 1) > 0.05:
        raise Mistake(
            f"on the same batch, step two has {ratio:.2g} times the gradient of step one",
            "Gradients add up until they are cleared: call `optimizer.zero_grad()` in every step.",
        )


@point(
    "create_trainer", "returns the loss, and nothing that keeps memory", trainer_is_in_train_mode
)
def trainer_returns_the_loss(work: Work) -> None:
    output = work.trained_probe.outputs[0]
    number = isinstance(output, (int, float)) or (isinstance(output, Tensor) and output.ndim == 0)
    value = output.item() if isinstance(output, Tensor) and number else output
    if not number or not math.isfinite(value):
        raise Mistake(
            f"the step returned {kind(output)}",
            "Return the loss of the batch, one number: it becomes `trainer.state.output`.",
        )
    if isinstance(output, Tensor) and output.requires_grad:
        raise Mistake(
            "the loss that it returned still holds the graph of the whole step",
            "Return `loss.detach()` or `loss.item()`, or the memory of a step is never freed.",
        )
    made = work.trained_probe.descended
    if made is None or made.slope is None:
        return
    # Smoothed labels and penalties change the loss as well: look for the size of the batch only.
    target = made.logits.softmax(1) - len(made.logits) * made.slope
    mean = -(target * made.logits.log_softmax(1)).sum(1).mean().item()
    for wrong, what in ((value / BATCH, "sum"), (value * BATCH, "mean, divided once more")):
        if math.isclose(wrong, mean, rel_tol=0.05):
            raise Mistake(
                f"the loss of a batch is {mean:.3f}, and the step returned {value:.3f}: its {what}",
                "Return the mean over the batch as `F.cross_entropy` gives it: `Average` takes the "
                "mean over the epoch.",
            )


@point("create_evaluator", "measures in eval mode, without gradients")
def evaluator_changes_nothing(work: Work) -> None:
    passes = work.measured_probe.model.passes
    if not passes:
        raise Mistake(
            "the network that it was given was never called",
            "Call `model(images)`, the model that `create_evaluator` gets.",
        )
    if passes[0].training:
        raise Mistake(
            "the network was in train mode",
            "Call `model.eval()` in every step: else dropout is on, and batch norm learns from "
            "the images that it is measured on.",
        )
    if passes[0].gradient:
        raise Mistake(
            "autograd kept track of every operation",
            "Predict inside `with torch.no_grad():`, which saves memory and time.",
        )


@point("create_evaluator", "accuracy and loss of all images", evaluator_changes_nothing)
def metrics_are_right(work: Work) -> None:
    probe = work.measured_probe
    right = {
        "accuracy": (probe.logits.argmax(1) == probe.labels).float().mean().item(),
        "loss": F.cross_entropy(probe.logits, probe.labels).item(),
    }
    for name, value in right.items():
        if name not in probe.metrics:
            there = ", ".join(probe.metrics) or "none"
            raise Mistake(
                f'evaluator.state.metrics has no "{name}" after a run: there is {there}',
                f'Attach the metrics to the evaluator: `.attach(evaluator, "{name}")`.',
            )
        measured = float(probe.metrics[name])
        if abs(measured - value) > 1e-4:
            twice = F.cross_entropy(probe.logits.softmax(1), probe.labels).item()
            if name == "loss" and abs(measured - twice) < 1e-4:
                raise Mistake(TWICE, mistakes.SOFTMAX, mistakes.PIECES)
            raise Mistake(
                f"the {name} of thirteen images is {value:.3f}, and the evaluator says "
                f"{measured:.3f}",
                "Let its step return logits and labels: `Accuracy()` and `Loss(F.cross_entropy)` "
                "take the mean over all images, whatever the sizes of the batches.",
            )


@point("add_schedule", "the learning rate rises and falls, step by step")
def rate_rises_and_falls(work: Work) -> None:
    engines = Engines(work.data)
    trainer = engines.trainer()
    steps = EPOCHS * len(engines.batches)
    work.call("add_schedule")(trainer, engines.optimizer, work.recipe(), steps)
    trainer.run(engines.batches, max_epochs=EPOCHS)
    rates = engines.rates
    if len(set(rates)) == 1:
        raise Mistake(
            f"the learning rate is {rates[0]:.4g} in every step",
            "Add the schedule to the trainer as a handler of `Events.ITERATION_STARTED`.",
        )
    top = max(rates)
    rises = any(after > before for before, after in pairwise(rates))
    if not rises or not 0.5 * RATE <= top <= 1.001 * RATE or rates[-1] > 0.5 * top:
        raise Mistake(
            f"it begins at {rates[0]:.2g}, is at most {top:.2g} and ends at {rates[-1]:.2g}, where "
            f"recipe.lr is {RATE}",
            "It rises to `recipe.lr` first, and has fallen to almost nothing after `steps` steps, "
            "each of them a batch.",
        )


@point("add_validation", "measures on the held-out images after every epoch")
def validates_after_every_epoch(work: Work) -> None:
    engines, _ = work.validated
    times = len(engines.metrics)
    if times != EPOCHS:
        raise Mistake(
            f"in {EPOCHS} epochs the evaluator ran {times} times",
            "Run it in a handler of `Events.EPOCH_COMPLETED` of the trainer.",
        )
    for seen in engines.measured:
        if seen is None:
            raise unreadable("the images that the evaluator ran on")
        if not seen.only(1):
            raise Mistake(
                f"the evaluator ran on {' and '.join(seen.kinds())} images",
                "Run it on `validation`: on images that the network learned from it says nothing "
                "about new ones.",
                FIVE,
            )


@point("add_validation", "a row of the history for every epoch", validates_after_every_epoch)
def history_is_right(work: Work) -> None:
    engines, history = work.validated
    if not isinstance(history, list) or len(history) != EPOCHS:
        raise Mistake(
            f"after {EPOCHS} epochs the history is {kind(history)}",
            "Return a list, to which the handler appends a row after every epoch.",
        )
    size = len(engines.batches)
    for number, (row, metrics) in enumerate(zip(history, engines.metrics, strict=True)):
        if not isinstance(row, dict) or not set(HISTORY) <= set(row):
            raise Mistake(
                f"a row is {kind(row)}", f"A row is a dictionary with {', '.join(HISTORY)}."
            )
        # A running average remembers the epochs before.
        losses = engines.losses[0 if engines.running else number * size : (number + 1) * size]
        true = {
            "epoch": number + 1,
            "train_loss": sum(losses) / len(losses),
            "validation_loss": metrics["loss"],
            "validation_accuracy": metrics["accuracy"],
        }
        for key, value in true.items():
            said = row[key]
            if not isinstance(said, (int, float)):
                raise Mistake(f"{key} of a row is {kind(said)}", "It is a number.")
            # Any average of the losses will do, and the last of them.
            near = min(losses) <= said <= max(losses) if key == "train_loss" else False
            if not near and abs(said - value) > 1e-4:
                raise Mistake(
                    f"in epoch {number + 1} {key} is {value:.4g}, and the row says {said:.4g}",
                    HISTORY[key],
                )


# All of them: what is made of the parts is looked at when they are right.
CHECKS = tuple(each.check for each in POINTS if each.gap in GAPS[3])
