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
# # LeNet
#
# LeCun, Bottou, Bengio and Haffner, *Gradient-based learning applied to document recognition*,
# Proceedings of the IEEE 86.11 (1998), section II. The companion of the slide **LeNet**.
#
# LeNet-5 read handwritten digits on bank checks: one gray 32x32 image in, ten classes out.
# CIFAR10's images are of the same size, but in color, so the first layer sees three channels. And
# ReLU and max pooling replace tanh and average pooling (`--original` keeps those of 1998,
# roughly).
#
# `python code/lenet.py` trains it on CIFAR10, in a few minutes on a laptop; `--help` lists the
# settings, `--smoke` tries everything out in seconds.

# %%
from dataclasses import dataclass

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from ignite.engine import Engine, Events
from ignite.handlers import PiecewiseLinear
from ignite.metrics import Accuracy, Loss
from torch import Tensor, nn
from torch.nn import functional as F

# %% [markdown]
# ## The network
#
# Convolutions (C1, C3, C5) look for the same small pattern everywhere; subsampling (S2, S4) halves
# the image, so that the next convolution sees twice as much of it; two fully connected layers
# (F6 and the output) decide. The names are the paper's (section II.B, figure 2).
#
# A layer computes $x^i = \varphi(W^i x^{i-1} + b^i)$. In the paper $\varphi(a) = A \tanh(S a)$ with
# $A = 1.7159$ and $S = 2/3$ (appendix A); here it is the plain $\tanh$ or ReLU.


# %%
class LeNet5(nn.Module):
    """LeNet-5 for 32x32 images: (N, in_channels, 32, 32) -> logits (N, classes)."""

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 10,
        activation: type[nn.Module] = nn.Tanh,
        pooling: type[nn.Module] = nn.AvgPool2d,
    ) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(in_channels, 6, kernel_size=5)
        self.s2 = pooling(kernel_size=2)
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)
        self.s4 = pooling(kernel_size=2)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, classes)
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:  # (N, in_channels, 32, 32)
        x = self.activation(self.c1(x))  # (N, 6, 28, 28)
        x = self.s2(x)  # (N, 6, 14, 14)
        x = self.activation(self.c3(x))  # (N, 16, 10, 10)
        x = self.s4(x)  # (N, 16, 5, 5)
        x = self.activation(self.c5(x))  # (N, 120, 1, 1)
        x = self.activation(self.f6(x.flatten(1)))  # (N, 84)
        return self.output(x)  # (N, classes)


# %% [markdown]
# ## What each layer costs
#
# A K x K convolution turns a side of H pixels into $H - K + 1$, and subsampling halves it: 32, 28,
# 14, 10, 5, 1. Most parameters are in C5, most of the work (multiply-accumulates, MACs) in C3.
#
# The paper counts 60,000 trainable parameters. Its LeNet-5 differs from the one that everybody
# writes today in several places, and three of them change the count: each C3 map sees only some of
# the S2 maps (table I: 60 of the 96 pairs), each subsampling map has a trainable coefficient and
# bias, and the output compares F6 with fixed drawings of the digits, so it learns no weights.
# Besides, subsampling has a squashing function of its own, and the loss is not cross-entropy
# (section II).


# %%
def parameters_of_1998(model: LeNet5) -> int:
    """Trainable parameters of the paper's LeNet-5, from those of the modern one."""
    unconnected = (6 * 16 - 60) * 5 * 5  # pairs of maps without a 5x5 kernel between S2 and C3
    subsampling = 2 * (6 + 16)  # a coefficient and a bias for each map of S2 and S4
    output = lab.count_parameters(model.output)
    return lab.count_parameters(model) - unconnected + subsampling - output


@lab.demo
def costs() -> None:
    model = LeNet5()
    print(lab.layer_table(model, (1, 1, 32, 32)))
    print(f"today {lab.count_parameters(model):,}, in 1998 {parameters_of_1998(model):,}")


# %% [markdown]
# ## The recipe
#
# Everything that changes the result is in one place, and the command line is made from it.
# A network this small underfits: light augmentation (mirroring, shifts by two pixels) suits it;
# stronger regularization costs accuracy.


# %%
@dataclass(frozen=True)
class LeNetRecipe(lab.Recipe):
    """The settings of every lesson, and one of LeNet's own."""

    TITLE = "LeNet-5"
    original: bool = lab.setting(False, "tanh and average pooling, much as in 1998")


RECIPE = LeNetRecipe("lenet", epochs=20, lr=0.05, batch_size=128, crop_padding=2)


def build(recipe: LeNetRecipe, classes: int) -> LeNet5:
    """LeNet-5 for color images."""
    if recipe.original:
        return LeNet5(in_channels=3, classes=classes)
    return LeNet5(in_channels=3, classes=classes, activation=nn.ReLU, pooling=nn.MaxPool2d)


LESSON = lab.NetworkLesson(
    "lenet",
    "LeNet",
    "The same small filters all over the image, then half the size: the shape of nearly every "
    "network since.",
    recipe=RECIPE,
    build=build,
    forms={"paper": lab.Form("LeNet-5", LeNet5, (1, 32, 32))},
    figure=lab.Figure("chain", "paper"),
    live=True,
    full_size="always",
)

# %% [markdown]
# ## The loop, written out
#
# ignite calls a function for each batch and fires events around it. This is all of a training:
# two engines (one learns, one measures), a learning rate that rises and falls, and a validation
# after each epoch. Its loss is the cross-entropy of the right class y,
# $-\log p_y = -x_y + \log \sum_k e^{x_k}$ for logits x.
#
# `lab.training`, which all lessons use, adds checkpoints, several processes and GPUs. With this
# recipe, and images laid out in memory as here (`--no-channels-last`), both give the same weights,
# bit for bit. Below, `train_by_hand` runs for two epochs on 1,000 drawn shapes.


# %%
def train_by_hand(model: nn.Module, data: lab.Data, recipe: lab.Recipe) -> None:
    """Train `model` in place, on the CPU, and print what each epoch reaches on validation."""
    batches = lab.Batches.of(data, recipe)
    decayed = [weight for weight in model.parameters() if weight.ndim > 1]
    biases = [weight for weight in model.parameters() if weight.ndim == 1]
    optimizer = torch.optim.SGD(
        [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": biases}],
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=True,
    )

    def learn(engine: Engine, batch: tuple[Tensor, Tensor, int]) -> Tensor:
        images, labels, _ = batch
        model.train()
        optimizer.zero_grad()
        logits = model(images)
        loss = F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def measure(engine: Engine, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        images, labels = batch
        model.eval()
        with torch.no_grad():
            return model(images), labels

    trainer, evaluator = Engine(learn), Engine(measure)
    Accuracy().attach(evaluator, "accuracy")
    Loss(F.cross_entropy).attach(evaluator, "loss")

    steps = recipe.epochs * len(batches)
    rising = round(recipe.warmup * steps)
    cycle = [(0, recipe.lr / (rising + 1)), (rising, recipe.lr), (steps, 0.0)]
    trainer.add_event_handler(Events.ITERATION_STARTED, PiecewiseLinear(optimizer, "lr", cycle))

    @trainer.on(Events.EPOCH_STARTED)
    def shuffle() -> None:
        batches.epoch = trainer.state.epoch - 1

    @trainer.on(Events.EPOCH_COMPLETED)
    def validate() -> None:
        evaluator.run(lab.normalized(data.validation, data.mean, data.std, batch_size=500))
        accuracy, loss = evaluator.state.metrics["accuracy"], evaluator.state.metrics["loss"]
        print(f"by hand, epoch {trainer.state.epoch}: loss {loss:.3f}, accuracy {accuracy:.2%}")

    trainer.run(batches, max_epochs=recipe.epochs)


@lab.demo
def two_epochs_by_hand() -> None:
    torch.manual_seed(RECIPE.seed)
    short = LeNetRecipe("lenet", epochs=2, batch_size=32)
    train_by_hand(build(short, 10), lab.load("shapes", limit=1000), short)


# %% [markdown]
# ## Train
#
# The run folder keeps the recipe, every epoch, the checkpoints and the pictures. Ctrl-C stops the
# run, and `resume` continues it to the same weights that an unbroken run would give.

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %% [markdown]
# ## What it learned
#
# How far apart are the training and the validation loss at the end? Both are high: this
# network is too small for its task. The six filters of C1 look for edges and blobs of color.

# %%
if __name__ == "__main__":
    trained.pictures()  # losses, confusion matrix, filters, worst mistakes

# %% [markdown]
# ## To try
#
# - `--original`: how much did ReLU and max pooling help?
# - `--label-smoothing 0.1 --cutout 8`: why do these not suit a small network?
# - Double the channels of C1 and C3. What happens to the parameters, the MACs, and the gap between
#   the two losses?
