# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise
#
# *Look at one of the torchvision implementations of models and the reference paper to understand
# how the torch version is implemented. Train a network of your choice on CIFAR10 using ignite.*
# The companion of the slide **Exercise**.
#
# There are five steps with eleven gaps: functions whose docstrings say what they must do, and whose
# last line is `raise NotImplementedError`. Replace that line with your code, and leave names and
# arguments as they are. All other cells are already written, and use your functions.
#
# `python code/exercise.py --check` says, in less than a minute, which points are done, which are
# wrong, and where the lecture shows how to do it; begin with it, and run it again after every gap.
# `python code/exercise.py --smoke` runs what you have on a few drawn images; without `--smoke` it
# trains on CIFAR10. In a notebook, the last cell runs the check.
#
# Use the scripts of the other slides as models.

# %%
import copy
from collections.abc import Iterable
from typing import Any

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from ignite.engine import Engine, Events
from ignite.handlers import PiecewiseLinear
from ignite.metrics import Accuracy, Average, Loss
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torchvision import models

from checker import Coach, paper_rows, standing

LESSON = lab.Lesson(
    "exercise",
    "Exercise",
    "A network of torchvision, understood, made to fit and trained by you, with a checker that "
    "answers.",
    arguments="--smoke",
)
coach = Coach(globals())  # does nothing on import; with --check, the script ends here

# %% [markdown]
# ## Step 1: a network of torchvision and its paper
#
# Choose one of `torchvision.models`: ResNet-18, VGG11, GoogLeNet, AlexNet and SqueezeNet are easy
# to read; in MobileNet v2, DenseNet-121 and Inception v3 there is more to discover. Open its source
# (`models.resnet18` is in `torchvision/models/resnet.py`) beside the paper. The slide **Layer by
# layer** of each network shows what such a table looks like.


# %%
def choose() -> nn.Module:
    """The network of your choice as torchvision makes it, with fresh weights.

    Returns:
        images (N, 3, 224, 224) -> logits (N, 1000). Inception v3 takes 299x299 pixels.
    """
    raise NotImplementedError


def paper_table() -> list[tuple[str, ...]]:
    """The rows of the paper's table, and which modules of `choose()` compute each of them.

    Returns:
        for each row, in the order in which the network computes them: what the paper calls it,
        then the names of its modules, as `named_modules` gives them. For ResNet-18 it begins with
        `[("conv1", "conv1", "bn1"), ("conv2_x", "layer1"), ...]`. The name of a module stands for
        all modules inside it. Everything with parameters belongs to one row; pooling, dropout and
        auxiliary classifiers may be left out.
    """
    raise NotImplementedError


if coach.ready(1):
    print(paper_rows(choose(), paper_table(), side=224))

# %% [markdown]
# Compare with the paper, row by row: the shapes, the number of blocks, where the stride is, what
# follows each convolution. Where does torchvision differ, and why? Write it down here; two groups
# will show what they found.
#
# ## Step 2: made to fit 32x32 images
#
# A stem made for 224 pixels leaves almost nothing of 32: after a stride of 2 and a pooling only 8x8
# pixels remain, and the network has hardly begun. The slide **In five steps** says what happens
# then; the first lines of `code/alexnet.py`, `code/googlenet.py` and `code/resnet.py` say what they
# changed. Usually you can take the network of `choose()`, or torchvision's class, and replace a
# layer: `model.conv1 = nn.Conv2d(...)`, `model.features[0] = ...`, `model.maxpool = nn.Identity()`.


# %%
def build(classes: int) -> nn.Module:
    """The network for small images: (N, 3, 32, 32) -> logits (N, classes), in either mode.

    The second convolution that is wider than a pixel still gets 14x14 pixels or more. No such
    convolution gets a map of a single pixel. The head has no more inputs than the last maps have
    numbers: an average pooling that makes 7x7 pixels out of one only copies it.

    A laptop needs hours for a network at full width: fewer blocks or fewer channels are welcome.
    """
    raise NotImplementedError


if coach.ready(2):
    print(lab.layer_table(build(10), (1, 3, 32, 32), depth=2))

# %% [markdown]
# ## Step 3: trainer, evaluator and handlers
#
# The slides **The loop, with ignite** show the parts. Write yours as these six functions, each a
# few lines long.
#
# A batch to learn from is `(images, labels, count)`, a batch to measure on `(images, labels)`:
# images float32 (N, 3, 32, 32), labels int64 (N,). Images and network are moved to the GPU, where
# there is one, before they come to you.


# %%
def get_dataflow(
    data: lab.Data, recipe: lab.Recipe
) -> tuple[lab.Batches, Iterable[tuple[Tensor, Tensor]]]:
    """The batches to train on, and those to validate on.

    Returns:
        `lab.Batches` of `data.train`, which are shuffled and augmented as the recipe says, and
        `lab.normalized` of `data.validation`: every held-out image once, as it is. Both normalize
        with `data.mean` and `data.std`. What they take, by name: `help(lab.Batches)` and
        `help(lab.normalized)`.
    """
    raise NotImplementedError


def create_optimizer(model: nn.Module, recipe: lab.Recipe) -> Optimizer:
    """The optimizer of the weights of `model`: stochastic gradient descent, or one you choose.

    Its learning rate is `recipe.lr`; use `recipe.momentum` and `recipe.weight_decay` as you like.
    """
    raise NotImplementedError


def create_trainer(model: nn.Module, optimizer: Optimizer) -> Engine:
    """The engine that learns from one batch after another.

    Returns:
        an `Engine` whose step takes `(images, labels, count)`:
        in train mode, it descends the cross-entropy once, and
        returns the loss, a number or a tensor without graph.
    """
    raise NotImplementedError


def create_evaluator(model: nn.Module) -> Engine:
    """The engine that measures.

    Returns:
        an `Engine` whose step takes `(images, labels)`, in eval mode and without gradients, and
        returns logits and labels. To it two metrics are attached, "accuracy" and "loss".
    """
    raise NotImplementedError


def add_schedule(trainer: Engine, optimizer: Optimizer, recipe: lab.Recipe, steps: int) -> None:
    """Let the learning rate rise to `recipe.lr` and fall to zero in `steps` steps, a batch each.

    `recipe.warmup` is the share of the steps in which it rises.
    """
    raise NotImplementedError


def add_validation(
    trainer: Engine, evaluator: Engine, validation: Iterable[tuple[Tensor, Tensor]]
) -> list[dict[str, Any]]:
    """Measure on the batches of `validation` whenever the trainer has completed an epoch.

    The trainer's output is the loss of a batch; the evaluator has the metrics "accuracy" and
    "loss".

    Returns:
        the history, empty at first. Every epoch appends a row, and may print it: a
        dictionary with `epoch`, which counts from 1, `train_loss`, the mean of the trainer's
        losses (ignite's `Average` collects them), `validation_loss` and `validation_accuracy`.
    """
    raise NotImplementedError


if coach.ready(3):
    print("step 3: the parts are there; --check tries each of them out")

# %% [markdown]
# ## Step 4: train
#
# The recipe is yours: everything that changes the result is in it, and no test image is seen while
# you try others. Try small things first, with `--smoke`, then `--data shapes`, then a few epochs of
# CIFAR10. Does the loss rise, or become `nan`? The learning rate is too high. Do both losses stay
# high? It is too low, or the network is too small. "What it learned" at the end of each lesson
# shows how to read a curve.


# %%
RECIPE = lab.Recipe("exercise", epochs=10, lr=0.05, batch_size=128, crop_padding=2)


def train(model: nn.Module, data: lab.Data, recipe: lab.Recipe) -> list[dict[str, Any]]:
    """Train `model` in place with the six functions of step 3, for `recipe.epochs` epochs.

    `lab.Batches` shuffles and augments differently when its `epoch` changes: set it at the start
    of every epoch, as `shuffle` in `code/lenet.py` does.

    At the end the model has the weights of the epoch with the best validation accuracy. Keep a
    copy of them (`copy.deepcopy(model.state_dict())`): `state_dict` itself goes on changing.

    Returns:
        the history of `add_validation`.
    """
    raise NotImplementedError


if coach.ready(4):
    recipe = coach.recipe(RECIPE)
    torch.manual_seed(recipe.seed)
    data = lab.load(recipe.data, limit=recipe.limit or None).to(coach.device)
    model = build(len(data.classes)).to(coach.device)
    if not coach.load(model):  # with --test, a network that was trained before
        history = train(model, data, recipe)
        coach.keep(recipe, model, history)

# %% [markdown]
# ## Step 5: the test set, once
#
# By now everything is chosen. Every choice made on the test images would turn them a bit more into
# a training set, and the number would be a bit too good: so no training reads them. When you are
# sure that nothing will change any more, `python code/exercise.py --test runs/exercise/TIME-SEED`
# takes the best weights of that run, reports on them, and keeps the number; in a notebook the cell
# below does it. Then it compares the number with the lecture's records in `static/results/`.


# %%
def report(model: nn.Module, data: lab.Data) -> float:
    """The accuracy on the test images, a fraction of one: each of them once, as it is."""
    raise NotImplementedError


if coach.ready(5):
    accuracy = coach.once(report, model, data)
    print(f"test accuracy {accuracy:.2%}\n")
    print(standing(model, accuracy, data.name))

# %% [markdown]
# Which networks cost about as much as yours, and how good are they? What differs besides the
# architecture: epochs, augmentation, width? How much would another seed change?
#
# ## Check

# %%
coach.finish()
