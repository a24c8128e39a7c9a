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
# The paper's images have 224 pixels a side. Five poolings take 32 pixels to one, so nothing needs
# to change in the convolutions at 32x32; but the first fully connected layer sees 512 numbers
# instead of 25,088, and 4,096 hidden units would be far too many behind them. So the head shrinks
# to the width of the last stage. The channels are cut to about a third (`--width`), so that a
# laptop can train it, and batch norm, which is younger than the paper, follows every convolution
# (`--no-batch-norm` leaves it out).
#
# `python code/vgg16.py` trains it on CIFAR10; `--width 1` at full size. `--help` lists the
# settings, `--smoke` tries everything out. What to expect is in the recorded run,
# `static/results/vgg16.json`.

# %%
from dataclasses import dataclass

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn

from lab import plots

# %% [markdown]
# ## The block
#
# Two 3x3 convolutions in a row see 5x5 pixels, three see 7x7 (section 2.3). They need fewer weights
# than one large kernel, and bend the function two or three times instead of once.


# %%
def stage(in_channels: int, channels: int, count: int, batch_norm: bool) -> nn.Sequential:
    """`count` 3x3 convolutions, then pooling.

    (N, in_channels, H, W) -> (N, channels, H / 2, W / 2).
    """
    layers: list[nn.Module] = []
    for number in range(count):
        inputs = channels if number else in_channels
        layers.append(nn.Conv2d(inputs, channels, kernel_size=3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(channels))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers, nn.MaxPool2d(kernel_size=2))


if __name__ == "__main__":
    x = torch.zeros(1, 3, 32, 32)
    print(tuple(x.shape), "->", tuple(stage(3, 64, count=2, batch_norm=False)(x).shape))

# %% [markdown]
# Section 2.3 in numbers, for 64 channels in and out: three small kernels against one large.

# %%
if __name__ == "__main__":
    small = 3 * lab.count_parameters(nn.Conv2d(64, 64, kernel_size=3, bias=False))
    large = lab.count_parameters(nn.Conv2d(64, 64, kernel_size=7, bias=False))
    print(f"three 3x3: {small:,} weights, one 7x7: {large:,}, {large / small - 1:.0%} more")

# %% [markdown]
# ## The network
#
# Table 1, column D: every stage halves the side and, up to 512, doubles the channels.


# %%
class VGG16(nn.Module):
    """Configuration D: images (N, 3, size, size) -> logits (N, classes).

    Args:
        size: side of the images, a multiple of 32.
        width: factor on the channels of every stage.
        hidden: units of the two hidden fully connected layers.
        classes: how many.
        batch_norm: normalize behind every convolution.
        dropout: share of hidden units left out in training.

    Raises `ValueError` for images of another shape.
    """

    def __init__(
        self,
        size: int = 224,
        width: float = 1.0,
        hidden: int = 4096,
        classes: int = 1000,
        batch_norm: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.size = size
        c1, c2, c3, c4 = (round(width * channels) for channels in (64, 128, 256, 512))
        self.stage1 = stage(3, c1, count=2, batch_norm=batch_norm)
        self.stage2 = stage(c1, c2, count=2, batch_norm=batch_norm)
        self.stage3 = stage(c2, c3, count=3, batch_norm=batch_norm)
        self.stage4 = stage(c3, c4, count=3, batch_norm=batch_norm)
        self.stage5 = stage(c4, c4, count=3, batch_norm=batch_norm)
        self.fc6 = nn.Linear(c4 * (size // 32) ** 2, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        self.fc8 = nn.Linear(hidden, classes)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # He et al. 2015, section 2.2
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:  # at 224x224 | at 32x32 and width 11/32
        # torch.fx traces with a stand-in, which has no shape to check.
        if isinstance(x, Tensor) and x.shape[1:] != (3, self.size, self.size):
            wanted = f"(N, 3, {self.size}, {self.size})"
            raise ValueError(f"this network takes images {wanted}, not {tuple(x.shape)}")
        x = self.stage1(x)  # (N, 64, 112, 112) | (N, 22, 16, 16)
        x = self.stage2(x)  # (N, 128, 56, 56) | (N, 44, 8, 8)
        x = self.stage3(x)  # (N, 256, 28, 28) | (N, 88, 4, 4)
        x = self.stage4(x)  # (N, 512, 14, 14) | (N, 176, 2, 2)
        x = self.stage5(x)  # (N, 512, 7, 7) | (N, 176, 1, 1)
        x = self.dropout(self.relu(self.fc6(x.flatten(1))))  # (N, 4096) | (N, 176)
        x = self.dropout(self.relu(self.fc7(x)))  # (N, 4096) | (N, 176)
        return self.fc8(x)  # (N, classes)


# %% [markdown]
# ## The recipe
#
# The hidden layers drop half of their units, as in the paper.


# %%
@dataclass(frozen=True)
class VGG16Recipe(lab.Recipe):
    """The settings of every lesson, and those of VGG16."""

    width: float = lab.setting(0.34375, "factor on all channels", low=0.05, high=4)
    batch_norm: bool = lab.setting(True, "normalize behind every convolution")
    dropout: float = lab.setting(0.5, "share of hidden units left out", low=0, below=1)

    @property
    def title(self) -> str:
        return "VGG16"


RECIPE = VGG16Recipe("vgg16", epochs=40, lr=0.05, batch_size=128, crop_padding=2)


def build(recipe: VGG16Recipe, classes: int) -> VGG16:
    """The network for 32x32 images that a recipe asks for."""
    return VGG16(
        size=32,
        width=recipe.width,
        hidden=round(512 * recipe.width),
        classes=classes,
        batch_norm=recipe.batch_norm,
        dropout=recipe.dropout,
    )


if __name__ == "__main__":
    recipe, options = lab.command_line(
        RECIPE, "Train VGG16 on CIFAR10 or on images of yours.", build=build
    )

# %% [markdown]
# ## What each stage costs
#
# At 224x224 three of four parameters sit in one layer, fc6, and nearly all the work in the
# convolutions.

# %%
if __name__ == "__main__":
    with torch.device("meta"):  # counts need no memory for 138 million weights
        original = VGG16()
    print(lab.layer_table(original, (1, 3, 224, 224), depth=1))

# %% [markdown]
# Table 2 of the paper gives 138 million parameters. At 32x32:

# %%
if __name__ == "__main__":
    print(lab.layer_table(build(recipe, 10), (1, 3, 32, 32), depth=1))

# %% [markdown]
# ## The same function as torchvision
#
# torchvision numbers all the layers of the convolutional part, and those of the head, with ReLU,
# pooling and dropout counted in: `features.0` is our `stage1.0`, `classifier.3` our fc7. Its
# pooling to 7x7 before the head does nothing at 224x224. So the mapping is counting:

# %%
HEAD = {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}


def torchvision_names(model: VGG16) -> dict[str, str]:
    """What torchvision calls each weight of ours: stage2.0.bias -> features.5.bias."""
    names, position = dict(HEAD), 0
    for stage_name in ("stage1", "stage2", "stage3", "stage4", "stage5"):
        for number in range(len(model.get_submodule(stage_name))):  # type: ignore[arg-type]
            names[f"{stage_name}.{number}"] = f"features.{position}"
            position += 1
    return {
        name: f"{names[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}"
        for name in model.state_dict()
    }


if __name__ == "__main__":
    from torchvision import models

    theirs = models.vgg16_bn().eval()
    with torch.device("meta"):
        ours = VGG16(batch_norm=True).eval()
    weights = theirs.state_dict()
    mapping = torchvision_names(ours)
    ours.load_state_dict({name: weights[mapping[name]] for name in mapping}, assign=True)
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        print(f"largest difference {(ours(images) - theirs(images)).abs().max():.1e}")

# %% [markdown]
# ## Train

# %%
if __name__ == "__main__":
    trained = lab.train(build, recipe, options)

# %% [markdown]
# ## What it learned
#
# Does the validation loss still follow the training loss at the end?

# %%
if __name__ == "__main__":
    trained.show("curve.png")

# %% [markdown]
# Which classes it takes for which, on the test images:

# %%
if __name__ == "__main__":
    trained.show("confusion.png")

# %% [markdown]
# What the 3x3 filters of the first convolution look for: edges, and one color against another.

# %%
if __name__ == "__main__":
    trained.draw("filters.png", plots.filters(trained.model.stage1[0].weight))

# %% [markdown]
# And the test images it is most sure about, and wrong:

# %%
if __name__ == "__main__":
    test, data = trained.data.test, trained.data
    trained.draw(
        "mistakes.png",
        plots.mistakes(trained.model, test.images, test.labels, data.classes, data.mean, data.std),
    )

# %% [markdown]
# ## To try
#
# - `--no-batch-norm`: does it learn at all at this learning rate? At `--lr 0.01`? The authors
#   first trained a network of eleven layers and started the deeper ones from its weights.
# - `--width 1`: seven times the work. What does it buy? (On a CPU it likes `--no-channels-last`.)
# - Put one 5x5 convolution in the place of every two 3x3. Parameters, MACs, accuracy?
