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
# # AlexNet
#
# Krizhevsky, Sutskever and Hinton, *ImageNet classification with deep convolutional neural
# networks*, NIPS 2012. The companion of the slide **AlexNet**.
#
# LeNet's plan with a thousand times the parameters: five convolutions, three fully connected
# layers, ReLU so that it trains fast, dropout so that it does not memorize, and two GPUs, since one
# had only 3 GB of memory.
#
# The paper's network has two towers, one on each GPU, which see each other's maps only in one
# convolution and in the fully connected layers. torchvision's has a single tower with fewer maps,
# after a later paper (*One weird trick for parallelizing convolutional neural networks*, 2014), and
# no local response normalization. Both are here, and torchvision's is the default.
#
# At 32x32 the first convolution, 11x11 with stride 4, would have only 7x7 positions. Here it is 5x5
# with stride 1, and pooling is padded by one pixel, so that the sides are 32, 16, 8 and 4 instead
# of 55, 27, 13 and 6. To suit a laptop, the network has half as many channels (`--width`), and 384
# hidden units instead of 4,096 (`--hidden`). Batch norm replaces the paper's normalization.
#
# `python code/alexnet.py` trains it on CIFAR10; `--towers 2 --norm lrn` gives it the paper's towers
# and normalization. `--help` lists the rest.

# %%
from dataclasses import dataclass

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn
from torch.nn import functional as F

# %% [markdown]
# ## The block
#
# Convolution, ReLU (section 3.1), and in the first two layers local response normalization
# (section 3.3): a strong response of map i at some place weakens those of its neighbors there, two
# on either side.
#
# $$b^i = a^i \Big/ \Big(k + \alpha \sum_{j=i-2}^{i+2} (a^j)^2\Big)^\beta$$


# %%
def convolution(
    in_channels: int,
    channels: int,
    kernel_size: int,
    norm: str = "none",
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
) -> nn.Sequential:
    """A convolution with ReLU: (N, in_channels, H, W) -> (N, channels, H', W').

    Args:
        norm: "batch" normalizes before the ReLU, "lrn" after it as in the paper, "none" not at all.
        groups: 2 for two towers that do not see each other.
    """
    size = (kernel_size, stride, padding)
    conv = nn.Conv2d(in_channels, channels, *size, groups=groups)
    layers: list[nn.Module] = [conv]
    if norm == "batch":
        layers.append(nn.BatchNorm2d(channels))
    layers.append(nn.ReLU())
    if norm == "lrn":  # section 3.3; PyTorch divides alpha by n
        lrn = nn.LocalResponseNorm(5, 5e-4, beta=0.75, k=2.0)
        layers.append(lrn)
    return nn.Sequential(*layers)


# %% [markdown]
# Two towers side by side are one convolution in two groups: each half of the output sees half of
# the input, which saves half of the weights.


# %%
@lab.demo
def a_layer_and_two_towers() -> None:
    x = torch.rand(1, 3, 224, 224)
    layer = convolution(3, 96, kernel_size=11, norm="lrn", stride=4, padding=2)
    print(tuple(x.shape), "->", tuple(layer(x).shape))
    x = torch.rand(1, 96, 27, 27)
    both = nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2)
    halves = zip(x.chunk(2, 1), *(each.chunk(2) for each in both.parameters()), strict=True)
    apart = [F.conv2d(half, weight, bias, padding=2) for half, weight, bias in halves]
    print(f"two towers and two groups differ by {(both(x) - torch.cat(apart, 1)).abs().max():.1e}")


# %% [markdown]
# ## The network
#
# Figure 2 of the paper. Pooling windows overlap: 3x3 pixels, two apart (section 3.4).


# %%
class AlexNet(nn.Module):
    """Five convolutions, three fully connected layers: (N, 3, 224, 224) -> logits (N, classes).

    Args:
        towers: 1 for torchvision's channels; 2 for the paper's, in two groups.
        norm: "none" as in torchvision, "lrn" as in the paper, or "batch".
        width: factor on the channels.
        hidden: units of the two hidden fully connected layers.
        classes: how many.
        dropout: share of the inputs of fc6 and of fc7 left out in training, as in torchvision; the
            paper (section 4.2) leaves out outputs of these two layers.
    """

    def __init__(
        self,
        towers: int = 1,
        norm: str = "none",
        width: float = 1.0,
        hidden: int = 4096,
        classes: int = 1000,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        maps = (64, 192, 384, 256, 256) if towers == 1 else (96, 256, 384, 384, 256)
        c1, c2, c3, c4, c5 = (towers * round(width * channels / towers) for channels in maps)
        self.channels = c1, c5  # of the first and the last convolution
        later = norm if norm == "batch" else "none"  # the paper normalizes two layers only
        self.conv1 = convolution(3, c1, 11, norm, stride=4, padding=2)
        self.conv2 = convolution(c1, c2, 5, norm, padding=2, groups=towers)
        self.conv3 = convolution(c2, c3, 3, later, padding=1)  # the towers meet
        self.conv4 = convolution(c3, c4, 3, later, padding=1, groups=towers)
        self.conv5 = convolution(c4, c5, 3, later, padding=1, groups=towers)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2)
        self.fc6 = nn.Linear(c5 * 6 * 6, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        self.fc8 = nn.Linear(hidden, classes)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:  # torchvision's at 224x224 | at 32x32, width 1/2
        x = self.conv1(x)  # (N, 64, 55, 55) | (N, 32, 32, 32)
        x = self.conv2(self.pool(x))  # (N, 192, 27, 27) | (N, 96, 16, 16)
        x = self.conv3(self.pool(x))  # (N, 384, 13, 13) | (N, 192, 8, 8)
        x = self.conv4(x)  # (N, 256, 13, 13) | (N, 128, 8, 8)
        x = self.conv5(x)  # (N, 256, 13, 13) | (N, 128, 8, 8)
        x = self.pool(x).flatten(1)  # (N, 9216) | (N, 2048)
        x = self.relu(self.fc6(self.dropout(x)))  # (N, 4096) | (N, 384)
        x = self.relu(self.fc7(self.dropout(x)))  # (N, 4096) | (N, 384)
        return self.fc8(x)  # (N, classes)


def for_small_images(model: AlexNet) -> AlexNet:
    """For 32x32 images: a first convolution that keeps the resolution, pooling that halves it."""
    first, last = model.channels
    model.conv1[0] = nn.Conv2d(3, first, kernel_size=5, padding=2)
    model.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
    model.fc6 = nn.Linear(last * 4 * 4, model.fc6.out_features)
    return model


def alexnet_2012() -> AlexNet:
    """The network of the paper but for where dropout acts: two towers, local response norm."""
    return AlexNet(towers=2, norm="lrn")


# %% [markdown]
# ## What each layer costs
#
# The fully connected layers hold the parameters, the convolutions do the work. First torchvision's
# form, then the paper's, whose abstract counts 60 million parameters:


# %%
@lab.demo
def costs() -> None:
    with torch.device("meta"):  # counts need no memory
        for form in (AlexNet(), alexnet_2012()):
            print(lab.layer_table(form, (1, 3, 224, 224), depth=1))


# %% [markdown]
# ## The same function as torchvision
#
# torchvision numbers all layers, ReLU, pooling and dropout included. Its extra pooling to 6x6
# before the head does nothing at 224x224.

# %%
THEIRS = {
    "conv1.0": "features.0",
    "conv2.0": "features.3",
    "conv3.0": "features.6",
    "conv4.0": "features.8",
    "conv5.0": "features.10",
    "fc6": "classifier.1",
    "fc7": "classifier.4",
    "fc8": "classifier.6",
}


def torchvision_name(name: str) -> str:
    """What torchvision calls a weight of ours: conv2.0.bias -> features.3.bias."""
    layer, _, kind = name.rpartition(".")
    return f"{THEIRS.get(layer, layer)}.{kind}"


SAME_AS = lab.SameAs("alexnet", AlexNet, torchvision_name)


@lab.demo
def difference_from_torchvision() -> None:
    print(lab.prove(SAME_AS))


# %% [markdown]
# ## The recipe
#
# Most parameters sit in fully connected layers, which can memorize a lot. Dropout, shifts and
# mirroring work against that, as in section 4 of the paper. But dropout acts where torchvision has
# it, with one tower or two: on the inputs of fc6 and fc7, not on their outputs.


# %%
@dataclass(frozen=True)
class AlexNetRecipe(lab.Recipe):
    """The settings of every lesson, and those of AlexNet."""

    TITLE = "AlexNet"
    width: float = lab.setting(0.5, "factor on the channels of the convolutions", low=0.05, high=4)
    hidden: int = lab.setting(384, "units of a hidden fully connected layer", low=1, high=16384)
    towers: int = lab.setting(1, "2: the paper's channels, in two towers", low=1, high=2)
    norm: str = lab.setting("batch", "normalization", choices=("batch", "lrn", "none"))
    dropout: float = lab.setting(0.5, "share of units left out", low=0, below=1)


RECIPE = AlexNetRecipe("alexnet", epochs=20, lr=0.2, batch_size=128, crop_padding=2)


def build(recipe: AlexNetRecipe, classes: int) -> AlexNet:
    """The network for 32x32 images that a recipe asks for."""
    sizes = (recipe.width, recipe.hidden, classes, recipe.dropout)
    return for_small_images(AlexNet(recipe.towers, recipe.norm, *sizes))


LESSON = lab.NetworkLesson(
    "alexnet",
    "AlexNet",
    "LeNet’s plan, much larger: ReLU so that it trains fast, dropout so that it does not memorize.",
    recipe=RECIPE,
    build=build,
    forms={
        "paper": lab.Form("AlexNet", alexnet_2012),
        "torchvision": lab.Form("AlexNet, one tower", AlexNet),
    },
    same_as=SAME_AS,
    figure=lab.Figure("chain", "torchvision"),
    live=True,
    full_size="--width 1 --hidden 4096",
    smoke="--width 0.125 --hidden 128",
)

# %% [markdown]
# ## Train

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %% [markdown]
# ## What it learned
#
# With dropout the training loss is that of a thinned network; the validation loss is that of the
# whole network, and may be lower. Figure 3 of the paper shows the filters of its first convolution:
# edges in all directions and blobs of color, which nobody designed. Do you see these here?

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `--norm lrn --lr 0.01` and `--norm none --lr 0.01`: did the paper's normalization help?
# - `--dropout 0`: how far apart are the two losses now?
# - `--towers 2`: look at the two halves of the filters. In the paper one tower specialized in edges
#   and the other in colors (section 6.1). Do these?
