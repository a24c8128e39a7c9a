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
# # Toy
#
# Authors, *title of the paper*, where and when. The companion of the slide **Toy**.
#
# What is new in it, in two or three sentences, and what changes for images of 32x32 pixels.
#
# `python code/toy.py` trains it on CIFAR10; `--smoke` tries everything out in seconds, and `--help`
# lists the settings.

# %%
from dataclasses import dataclass

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn

# %% [markdown]
# ## The block
#
# The idea of its block, with the symbols and the equation of the paper.


# %%
class Block(nn.Sequential):
    """(N, in_channels, H, W) -> (N, channels, H / 2, W / 2)."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )


# %% [markdown]
# ## The network


# %%
class Toy(nn.Module):
    """Images (N, 3, 32, 32) -> logits (N, classes)."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.block1 = Block(3, 16)
        self.block2 = Block(16, 32)
        self.block3 = Block(32, 64)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.output = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block1(x)  # (N, 16, 16, 16)
        x = self.block2(x)  # (N, 32, 8, 8)
        x = self.block3(x)  # (N, 64, 4, 4)
        x = self.average(x).flatten(1)  # (N, 64)
        return self.output(x)  # (N, classes)


@lab.demo
def costs() -> None:
    block = Block(3, 16)
    print("Block: (1, 3, 32, 32) ->", tuple(block(torch.rand(1, 3, 32, 32)).shape))
    print(lab.layer_table(Toy(), (1, 3, 32, 32), depth=1))


# %% [markdown]
# ## The recipe
#
# `LESSON` says all that figure, facts, records, pages and tests need to know of the network.


# %%
@dataclass(frozen=True)
class ToyRecipe(lab.Recipe):
    """What the network is called; settings of its own belong here."""

    @property
    def title(self) -> str:
        return "Toy"


RECIPE = ToyRecipe("toy", epochs=20, lr=0.05, batch_size=128)


def build(recipe: ToyRecipe, classes: int) -> Toy:
    """The network for 32x32 images."""
    return Toy(classes)


LESSON = lab.NetworkLesson(
    "toy",
    RECIPE.title,
    "Say its idea in one sentence.",
    recipe=RECIPE,
    build=build,
    forms={"paper": lab.Form(RECIPE.title, Toy, (3, 32, 32))},
    figure=lab.Figure("chain", "paper"),
    live=True,
)

# %% [markdown]
# ## Train

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %% [markdown]
# ## What it learned
#
# What do the two losses say? Which classes does it confuse?

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `--lr 0.1 --epochs 10`: does it still learn?
