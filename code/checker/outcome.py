"""Steps 4 and 5: what a whole training must do, and the report on the test images."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch.nn.utils import parameters_to_vector

from lab.data import load
from lab.measure import count_macs
from lab.recipe import Recipe

from . import loop, mistakes, network, probes
from .mistakes import EVENTS, FIVE, LOOP, Mistake, kind
from .points import GAPS, point
from .probes import EPOCHS
from .work import Work, unreadable

# How far a student's own network is trained: enough for a learning rate to diverge, and no more.
# The rate shrinks with the batch, as it does in practice. With lr=0.05 the loss of networks of
# torchvision stayed below 3; with lr=5 that of all five that were tried rose above 12 or to nan.
# A rate in between that is too high only for long trainings is not found.
TRIED_EPOCHS, TRIED_BATCH = 2, 16
TRIED_STEPS = (2, 6)  # an epoch, at least and at most
TRIED_MACS = 1e11  # of all forward passes: ResNet-18 gets the most steps, a larger network fewer
STILL = 1e-6  # change of all weights, as a share of them
DIVERGED = 12.0  # cross-entropy, mean of an epoch; guessing among ten classes has 2.3


@point(
    "train",
    "learns from training images, measures on held-out ones, never sees a test image",
    *loop.CHECKS,
)
def learns_and_chooses_on_the_right_images(work: Work) -> None:
    model = work.oracle.model
    if not model.learned:
        raise Mistake(
            "the network that it was given made no step",
            "Run the trainer, made with `model`, on the training batches.",
        )
    if not model.measured:
        raise Mistake(
            f"the network made {len(model.learned)} steps and was never measured",
            "Make the evaluator with `model`, and call `add_validation` before the trainer runs.",
        )
    for split, batches, purpose in (
        (0, model.learned, "learned from"),
        (1, model.measured, "was measured on"),
    ):
        for seen in batches:
            if seen is None:
                raise unreadable(f"images that the network {purpose} during training")
            if not seen.only(split):
                raise Mistake(
                    f"during training the network {purpose} {' and '.join(seen.kinds())} images",
                    "Learn from `data.train` and choose on `data.validation`. Test images are for "
                    "step 5 alone: what is chosen on them makes the number reported too good.",
                    FIVE,
                )
    if len(model.epochs()) != EPOCHS:
        raise Mistake(
            f"it trained for {len(model.epochs())} epochs where the recipe says {EPOCHS}",
            "Pass `max_epochs=recipe.epochs` to `trainer.run`.",
        )


@point("train", "a new order in every epoch", learns_and_chooses_on_the_right_images)
def every_epoch_has_its_own_order(work: Work) -> None:
    epochs = work.oracle.model.epochs()
    if epochs[0] == epochs[1]:
        raise Mistake(
            "the second epoch has the order and the augmentation of the first",
            "`lab.Batches` draws both from its `epoch`: set it when an epoch starts.",
        )


@point("train", "trains the network that it is given", learns_and_chooses_on_the_right_images)
def the_given_network_learns(work: Work) -> None:
    if torch.equal(work.oracle.before, work.oracle.model.head.weight.detach()):
        raise Mistake(
            "after the training, the network has the weights from before it",
            "Make the optimizer of `model`, the network that `train` gets, and train that one.",
        )


@point("train", "a learning rate that rises and falls over all epochs", the_given_network_learns)
def rate_follows_the_schedule(work: Work) -> None:
    rates = work.oracle.rates
    if not rates:
        return  # an optimizer of the student's own, which tells no step
    top, steps = max(rates), len(rates)
    if len(set(rates)) == 1:
        raise Mistake(
            f"the learning rate is {top:.4g} in every step",
            "Call `add_schedule` before the trainer runs.",
        )
    idle = sum(rate < 0.01 * top for rate in rates[steps // 2 :])
    if rates[-1] > 0.5 * top or idle > steps // 4:
        raise Mistake(
            f"in {steps} steps the learning rate is at most {top:.2g}, {rates[steps // 2]:.2g} in "
            f"the middle and {rates[-1]:.2g} at the end",
            "The schedule is as long as the training: `steps` is `recipe.epochs * len(training)`.",
        )


@point("train", "leaves it with the weights of its best epoch", the_given_network_learns)
def best_weights_are_kept(work: Work) -> None:
    trial = work.oracle
    history = trial.history
    if not isinstance(history, list) or len(history) != EPOCHS:
        raise Mistake(
            f"train returned {kind(history)}", "Return the history that `add_validation` gave you."
        )
    best = max(range(EPOCHS), key=lambda number: history[number]["validation_accuracy"])
    accuracy = history[best]["validation_accuracy"]
    if trial.model.accuracy(1) < accuracy - 1e-6:
        raise Mistake(
            f"epoch {best + 1} had the best validation accuracy, {accuracy:.0%}, but the network "
            f"was left with weights that reach {trial.model.accuracy(1):.0%}",
            "Copy the weights whenever the accuracy is the best so far, with "
            "`copy.deepcopy(model.state_dict())`, because `state_dict` alone goes on changing; "
            "load them at the end.",
            f"{EVENTS} and fit in code/lab/training.py",
        )


@point(
    "train",
    "your network with your recipe, on a few drawn images: the loss stays small",
    network.output_is_logits,
    network.no_kernel_on_a_pixel,
    network.head_makes_no_copies,
    every_epoch_has_its_own_order,
    rate_follows_the_schedule,
    best_weights_are_kept,
    needs=(*GAPS[2], *GAPS[3]),
)
def own_network_and_recipe_learn(work: Work) -> None:
    recipe = work.names.get("RECIPE")
    if not isinstance(recipe, Recipe):
        raise Mistake(f"RECIPE is {kind(recipe)}", "It is a `lab.Recipe`.", "code/lenet.py")
    model = work.network
    with torch.no_grad():
        output = model.train()(torch.randn(8, 3, probes.SIDE, probes.SIDE))
    if output.min() >= 0 and (output.sum(1) - 1).abs().max() < 1e-3:
        raise Mistake("your network returns probabilities", mistakes.SOFTMAX, mistakes.PIECES)
    if recipe.batch_size == 1:
        raise Mistake(
            "RECIPE learns from one image at a time",
            "A batch norm then knows one image alone, and a step is as noisy as can be: take 32 to "
            "256 as `batch_size`.",
            "the recipe in code/lenet.py",
        )
    rate = recipe.lr * TRIED_BATCH / recipe.batch_size
    tried = replace(recipe, epochs=TRIED_EPOCHS, batch_size=TRIED_BATCH, lr=rate)
    batch_macs = TRIED_BATCH * count_macs(model, (1, 3, probes.SIDE, probes.SIDE))
    affordable = round(TRIED_MACS / TRIED_EPOCHS / batch_macs) if batch_macs else TRIED_STEPS[1]
    steps = min(max(affordable, TRIED_STEPS[0]), TRIED_STEPS[1])
    data = load("shapes", limit=steps * TRIED_BATCH)
    before = parameters_to_vector(model.parameters()).detach().clone()
    history = work.call("train")(model, data, tried)
    losses = [float(row["train_loss"]) for row in history]
    if not all(loss < DIVERGED for loss in losses):  # nan is not, either
        worst = next((loss for loss in losses if not math.isfinite(loss)), max(losses))
        raise Mistake(
            f"with lr={recipe.lr:g} the loss of your network became {worst:.3g} within a few "
            f"steps, where guessing has {math.log(probes.CLASSES):.2f}",
            "The learning rate is too high: divide it by ten.",
            "the recipe in code/lenet.py",
        )
    change = (parameters_to_vector(model.parameters()).detach() - before).norm() / before.norm()
    if change < STILL:
        raise Mistake(
            f"with lr={recipe.lr:g} a few steps change the weights of your network by one part in "
            f"{1 / max(change.item(), 1e-12):,.0f}",
            "The learning rate is too low: multiply it by ten until the loss falls.",
            "the recipe in code/lenet.py",
        )


@point("report", "reads every test image once, and no other", *loop.CHECKS)
def test_images_are_read_once(work: Work) -> None:
    model, _ = work.reported
    if model.learned:
        raise Mistake(
            "the network was in train mode",
            "Measure with the evaluator of `create_evaluator`, which calls `model.eval()`.",
        )
    batches = model.measured
    places = sorted(place for seen in batches if seen for place in seen.places)
    if any(seen is None for seen in batches):
        raise unreadable("images that it was measured on")
    kinds = sorted({kind for seen in batches if seen for kind in seen.kinds()})
    if kinds not in ([], ["test"]):
        raise Mistake(
            f"it was measured on {' and '.join(kinds)} images",
            "Report on `data.test`: on all other images something was learned or chosen.",
            FIVE,
        )
    if places != list(range(len(work.data.test))):
        raise Mistake(
            f"of {len(work.data.test)} test images it read {len(places)}, {len(set(places))} "
            "different ones",
            "Read every test image once: `lab.normalized(data.test, ...)`.",
            FIVE,
        )
    if not all(seen.whole for seen in batches if seen):
        raise Mistake(
            "the test images are shifted, mirrored or blanked",
            "Augment training images only: measure on images as they are.",
            LOOP,
        )


@point("report", "returns the share of them that is right", test_images_are_read_once)
def accuracy_is_reported(work: Work) -> None:
    model, said = work.reported
    true = model.accuracy(2)
    if not isinstance(said, (int, float)) or abs(said - true) > 1e-4:
        raise Mistake(
            f"a network that gets {true:.3f} of the test images right was reported with "
            f"{kind(said)}",
            'Return `evaluator.state.metrics["accuracy"]`, a fraction of one.',
        )
