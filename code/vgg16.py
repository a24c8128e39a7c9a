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
# # VGG16
#
# Simonyan and Zisserman, *Very deep convolutional networks for large-scale image recognition*,
# ICLR 2015 ([arXiv:1409.1556](https://arxiv.org/abs/1409.1556)), configuration D. The companion of
# the slide **VGG (16)**.
#
# One kind of convolution, 3x3, again and again, with pooling after two or three of them: depth
# comes from repetition, and sixteen layers with weights give the network its name.
#
# The paper's images have 224 pixels a side. Five poolings shrink 32 pixels to one, so the
# convolutions can stay as they are. But the first fully connected layer then sees 512 numbers
# instead of 25,088, too few for 4,096 hidden units. So the head shrinks to the width of the last
# stage. To suit a laptop, the channels are cut to about a third (`--width`).
# Batch norm, which is newer than the paper, follows every convolution (`--no-batch-norm` leaves it
# out).
#
# `python code/vgg16.py` trains it on CIFAR10, with `--width 1` at full width; see also `--help`.

# %%
from dataclasses import dataclass
from itertools import accumulate

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn

# %% [markdown]
# ## The block
#
# Two 3x3 convolutions in a row see 5x5 pixels, three see 7x7 (section 2.3). They need fewer weights
# than one large kernel, $3 \cdot 3^2 C^2 = 27 C^2$ instead of $7^2 C^2 = 49 C^2$ for C channels in
# and out, and two or three ReLUs make the function less linear than one does.


# %%
def stage(in_channels: int, channels: int, count: int, batch_norm: bool) -> nn.Sequential:
    """`count` 3x3 convolutions, then pooling.

    (N, in_channels, H, W) -> (N, channels, H / 2, W / 2).
    """
    layers: list[nn.Module] = []
    for number in range(count):
        inputs = channels if number else in_channels
        layers.append(nn.Conv2d(inputs, channels, 3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(channels))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers, nn.MaxPool2d(kernel_size=2))


# %%
@lab.demo
def one_stage() -> None:
    x = torch.zeros(1, 3, 32, 32)
    print(tuple(x.shape), "->", tuple(stage(3, 64, count=2, batch_norm=False)(x).shape))
    # Section 2.3 in numbers, for 64 channels in and out: three small kernels against a large one.
    small = 3 * lab.count_parameters(nn.Conv2d(64, 64, kernel_size=3, bias=False))
    large = lab.count_parameters(nn.Conv2d(64, 64, kernel_size=7, bias=False))
    print(f"three 3x3: {small:,} weights, one 7x7: {large:,}, {large / small - 1:.0%} more")


# %% [markdown]
# ## The network
#
# Table 1, column D: every stage halves the side and, up to 512, doubles the channels.


# %%
class VGG16(nn.Module):
    """Configuration D: images (N, 3, 224, 224) -> logits (N, classes).

    Args:
        width: factor on the channels of every stage.
        hidden: units of the two hidden fully connected layers.
        classes: how many.
        batch_norm: normalize after every convolution.
        dropout: share of hidden units left out in training.
    """

    def __init__(
        self,
        width: float = 1.0,
        hidden: int = 4096,
        classes: int = 1000,
        batch_norm: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        c1, c2, c3, c4 = (round(width * channels) for channels in (64, 128, 256, 512))
        self.stage1 = stage(3, c1, count=2, batch_norm=batch_norm)
        self.stage2 = stage(c1, c2, count=2, batch_norm=batch_norm)
        self.stage3 = stage(c2, c3, count=3, batch_norm=batch_norm)
        self.stage4 = stage(c3, c4, count=3, batch_norm=batch_norm)
        self.stage5 = stage(c4, c4, count=3, batch_norm=batch_norm)
        self.fc6 = nn.Linear(c4 * 7 * 7, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        self.fc8 = nn.Linear(hidden, classes)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        for module in self.modules():  # He et al., Delving deep into rectifiers, section 2.2
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:  # at 224x224 | at 32x32 and width 11/32
        x = self.stage1(x)  # (N, 64, 112, 112) | (N, 22, 16, 16)
        x = self.stage2(x)  # (N, 128, 56, 56) | (N, 44, 8, 8)
        x = self.stage3(x)  # (N, 256, 28, 28) | (N, 88, 4, 4)
        x = self.stage4(x)  # (N, 512, 14, 14) | (N, 176, 2, 2)
        x = self.stage5(x)  # (N, 512, 7, 7) | (N, 176, 1, 1)
        x = self.dropout(self.relu(self.fc6(x.flatten(1))))  # (N, 4096) | (N, 176)
        x = self.dropout(self.relu(self.fc7(x)))  # (N, 4096) | (N, 176)
        return self.fc8(x)  # (N, classes)


def for_small_images(model: VGG16) -> VGG16:
    """For 32x32 images: five poolings leave one pixel of each map, not 7x7."""
    channels = model.fc6.in_features // (7 * 7)
    model.fc6 = nn.Linear(channels, model.fc6.out_features)
    return model


# %% [markdown]
# ## What each stage costs
#
# At 224x224 one layer, fc6, holds three quarters of the parameters, and the convolutions do nearly
# all the work. Table 2 of the paper gives 138 million parameters.


# %%
@lab.demo
def costs() -> None:
    with torch.device("meta"):  # counts need no memory for 138 million weights
        print(lab.layer_table(VGG16(), (1, 3, 224, 224), depth=1))


# %% [markdown]
# ## The same function as torchvision
#
# torchvision numbers all layers, ReLU, pooling and dropout included, first those of the
# convolutional part and then those of the head: `features.0` is our `stage1.0`, `classifier.3` our
# fc7. So we only count: a stage has a convolution, a batch norm and a ReLU two or three times, and
# a pooling. (torchvision's extra pooling to 7x7 before the head does nothing at 224x224.)

# %%
BEFORE = dict(enumerate(accumulate((7, 7, 10, 10), initial=0), start=1))  # layers before a stage
HEAD = {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}


def torchvision_name(name: str) -> str:
    """What torchvision calls a weight of ours: stage2.0.bias -> features.7.bias."""
    layer, *number, kind = name.split(".")
    if layer in HEAD:
        return f"{HEAD[layer]}.{kind}"
    return f"features.{BEFORE[int(layer[-1])] + int(number[0])}.{kind}"


SAME_AS = lab.SameAs(
    "vgg16_bn", lambda: VGG16(batch_norm=True), torchvision_name, {"init_weights": False}
)


@lab.demo
def difference_from_torchvision() -> None:
    print(lab.prove(SAME_AS))


# %% [markdown]
# ## The recipe
#
# Dropout leaves out half of the hidden units, as in the paper.


# %%
@dataclass(frozen=True)
class VGG16Recipe(lab.Recipe):
    """The settings of every lesson, and those of VGG16."""

    TITLE = "VGG16"
    width: float = lab.setting(0.34375, "factor on all channels", low=0.05, high=4)
    batch_norm: bool = lab.setting(True, "normalize after every convolution")
    dropout: float = lab.setting(0.5, "share of hidden units left out", low=0, below=1)


RECIPE = VGG16Recipe("vgg16", epochs=20, lr=0.1, batch_size=128, crop_padding=2)


def build(recipe: VGG16Recipe, classes: int) -> VGG16:
    """The network for 32x32 images that a recipe asks for."""
    hidden = round(512 * recipe.width)
    model = VGG16(recipe.width, hidden, classes, recipe.batch_norm, recipe.dropout)
    return for_small_images(model)


LESSON = lab.NetworkLesson(
    "vgg16",
    "VGG16",
    "One small convolution, again and again: depth comes from repetition.",
    recipe=RECIPE,
    build=build,
    forms={
        "paper": lab.Form("VGG16", VGG16),
        "batch_norm": lab.Form("VGG16 with batch norm", lambda: VGG16(batch_norm=True)),
    },
    same_as=SAME_AS,
    figure=lab.Figure("chain", "paper"),
    live=True,
    full_size="--width 1",
    smoke="--width 0.125",
)

# %% [markdown]
# ## Train

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %% [markdown]
# ## What it learned
#
# Does the validation loss still follow the training loss at the end? The 3x3 filters of the first
# convolution look for edges, and for contrasts between two colors.

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `--no-batch-norm`: does it learn at all at this learning rate? And at a lower one, with
#   `--no-batch-norm --lr 0.01`? The authors first trained a network of eleven layers and started
#   the deeper ones from its weights.
# - `--width 1 --no-channels-last`: eight times the work. What do you get for it?
# - Replace every two 3x3 convolutions by one 5x5. How do parameters, MACs and accuracy change?
