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
# # GoogLeNet
#
# Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke and Rabinovich, *Going deeper with
# convolutions*, CVPR 2015 ([arXiv:1409.4842](https://arxiv.org/abs/1409.4842)). The companion of
# the slide **GoogLeNet**.
#
# Should a layer look at one pixel, at 3x3 or at 5x5? GoogLeNet does all three side by side and lets
# the next layer choose. A 1x1 convolution in front of each expensive one mixes many channels into
# few, which makes this affordable. (The 1x1 convolution, and the average over each map at the
# end, come from Lin, Chen and Yan, *Network in network*, 2013.)
#
# The stem for ImageNet shrinks an image by eight before the first of the nine blocks, so 32x32
# pixels would shrink to 4x4. Here the first convolution is 3x3 and keeps the resolution, and one of
# the two poolings is left out: the blocks work at 16x16, 8x8 and 4x4. To suit a laptop, every layer
# has 3/8 of its channels; `--width 1` gives the full network.
#
# `python code/googlenet.py` trains it on CIFAR10. `--help` lists the settings.

# %%
from dataclasses import dataclass
from functools import partial

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn

# %% [markdown]
# ## The block
#
# Four branches see the same input (figure 2b): 1x1, 3x3 and 5x5 convolutions and max pooling. Their
# maps are concatenated: block 3a turns 192 channels into 64 + 128 + 32 + 32 = 256. On H x W pixels
# a K x K convolution from C to D channels costs $HWK^2CD$ multiply-accumulates; after a 1x1
# convolution to R channels both cost $HW(CR + K^2RD)$ (section 4). Below, the costs in block 3a.
#
# **torchvision's block departs from the paper's** in two ways. Its "5x5" branch has a 3x3
# convolution: a mistake that came with trained weights, ported from TensorFlow, and stayed because
# they need it. And batch norm, newer than GoogLeNet, follows each convolution; the paper's
# convolutions have a bias instead. `paper=True` is the form of 2014.


# %%
class BasicConv2d(nn.Module):
    """A convolution that keeps the size (at stride 1), batch norm unless `paper`, and ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int, paper: bool
    ) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=paper)
        self.bn = nn.Identity() if paper else nn.BatchNorm2d(out_channels, eps=0.001)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """(N, in_channels, H, W) -> (N, those of all branches, H, W); `channels`: a row of table 1."""

    def __init__(self, in_channels: int, channels: tuple[int, ...], paper: bool = False) -> None:
        super().__init__()
        ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool = channels
        conv = partial(BasicConv2d, stride=1, paper=paper)
        self.branch1x1 = conv(in_channels, ch1x1, 1)
        self.branch3x3 = nn.Sequential(
            conv(in_channels, ch3x3red, 1),
            conv(ch3x3red, ch3x3, 3),
        )
        self.branch5x5 = nn.Sequential(
            conv(in_channels, ch5x5red, 1),
            conv(ch5x5red, ch5x5, 5 if paper else 3),
        )
        self.branch_pool = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            conv(in_channels, pool, 1),
        )
        self.out_channels = ch1x1 + ch3x3 + ch5x5 + pool

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], dim=1)


@lab.demo
def reduction() -> None:
    block = Inception(192, (64, 96, 128, 16, 32, 32), paper=True)
    for side, maps, branch in ((3, 128, block.branch3x3), (5, 32, block.branch5x5)):
        direct = nn.Conv2d(192, maps, side, padding=side // 2)
        costs = [lab.count_macs(module, (1, 192, 28, 28)) / 1e6 for module in (direct, branch)]
        print("{0}x{0}: direct {1:.0f} million MACs, reduced {2:.0f} million".format(side, *costs))


# %% [markdown]
# ## The auxiliary classifiers
#
# Two small classifiers sit on the blocks 4a and 4d. Their losses reach the lower half of the
# network directly, and after training they are thrown away. They were meant to strengthen the
# gradient in the lower layers, and to regularize (section 5). A year later two of the authors kept
# only the second reason (*Rethinking the Inception architecture*, section 4).


# %%
class InceptionAux(nn.Module):
    """An auxiliary classifier: (N, in_channels, H, W) -> logits (N, classes)."""

    def __init__(self, in_channels: int, maps: int, hidden: int, classes: int, paper: bool) -> None:
        super().__init__()
        self.pool: nn.Module = nn.AvgPool2d(5, stride=3) if paper else nn.AdaptiveAvgPool2d(4)
        self.conv = BasicConv2d(in_channels, maps, 1, 1, paper)
        self.fc1 = nn.Linear(maps * 4 * 4, hidden)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.pool(x)).flatten(1)  # (N, maps * 4 * 4)
        return self.fc2(self.dropout(self.relu(self.fc1(x))))  # (N, classes)


# %% [markdown]
# ## The network
#
# Table 1 of the paper, row by row. Apart from its blocks, the paper's network differs from
# torchvision's in four details: local response normalization in the stem (figure 3; the paper gives
# no constants, these are Caffe's), a last max pooling over 3x3 rather than 2x2 pixels, averages
# over 5x5 pixels in the auxiliary classifiers, and dropout of 40 % rather than 20.


# %%
class GoogLeNet(nn.Module):
    """Images (N, 3, 224, 224) -> logits (N, classes); in train mode also those of 4a and 4d.

    `width` is each layer's share of the paper's channels.
    """

    def __init__(
        self, width: float = 1.0, classes: int = 1000, auxiliary: bool = True, paper: bool = False
    ) -> None:
        super().__init__()

        def c(channels: int) -> int:
            return max(1, round(channels * width))

        def block(in_channels: int, *row: int) -> Inception:
            return Inception(in_channels, tuple(c(channels) for channels in row), paper)

        self.auxiliary = auxiliary
        self.conv1 = BasicConv2d(3, c(64), 7, 2, paper)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm1 = nn.LocalResponseNorm(5) if paper else nn.Identity()
        self.conv2 = BasicConv2d(c(64), c(64), 1, 1, paper)
        self.conv3 = BasicConv2d(c(64), c(192), 3, 1, paper)
        self.norm2 = nn.LocalResponseNorm(5) if paper else nn.Identity()
        self.maxpool2: nn.Module = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        # 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj
        self.inception3a = block(c(192), 64, 96, 128, 16, 32, 32)
        self.inception3b = block(self.inception3a.out_channels, 128, 128, 192, 32, 96, 64)
        self.inception4a = block(self.inception3b.out_channels, 192, 96, 208, 16, 48, 64)
        if auxiliary:
            self.aux1 = InceptionAux(self.inception4a.out_channels, c(128), c(1024), classes, paper)
        self.inception4b = block(self.inception4a.out_channels, 160, 112, 224, 24, 64, 64)
        self.inception4c = block(self.inception4b.out_channels, 128, 128, 256, 24, 64, 64)
        self.inception4d = block(self.inception4c.out_channels, 112, 144, 288, 32, 64, 64)
        if auxiliary:
            self.aux2 = InceptionAux(self.inception4d.out_channels, c(128), c(1024), classes, paper)
        self.inception4e = block(self.inception4d.out_channels, 256, 160, 320, 32, 128, 128)
        self.inception5a = block(self.inception4e.out_channels, 256, 160, 320, 32, 128, 128)
        self.inception5b = block(self.inception5a.out_channels, 384, 192, 384, 48, 128, 128)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.maxpool4 = nn.MaxPool2d(3 if paper else 2, stride=2, ceil_mode=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4 if paper else 0.2)
        self.fc = nn.Linear(self.inception5b.out_channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # keeps the size of the signal through all layers
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:  # 224x224 | 32x32 at width 3/8
        with_auxiliary = self.training and self.auxiliary
        x = self.conv1(x)  # (N, 64, 112, 112) | (N, 24, 32, 32)
        x = self.norm1(self.maxpool1(x))  # (N, 64, 56, 56) | (N, 24, 16, 16)
        x = self.norm2(self.conv3(self.conv2(x)))  # (N, 192, 56, 56) | (N, 72, 16, 16)
        x = self.inception3a(self.maxpool2(x))  # (N, 256, 28, 28) | (N, 96, 16, 16)
        x = self.inception3b(x)  # (N, 480, 28, 28) | (N, 180, 16, 16)
        x = self.inception4a(self.maxpool3(x))  # (N, 512, 14, 14) | (N, 192, 8, 8)
        aux1 = self.aux1(x) if with_auxiliary else None  # (N, classes)
        x = self.inception4c(self.inception4b(x))  # (N, 512, 14, 14) | (N, 192, 8, 8)
        x = self.inception4d(x)  # (N, 528, 14, 14) | (N, 198, 8, 8)
        aux2 = self.aux2(x) if with_auxiliary else None  # (N, classes)
        x = self.inception4e(x)  # (N, 832, 14, 14) | (N, 312, 8, 8)
        x = self.inception5a(self.maxpool4(x))  # (N, 832, 7, 7) | (N, 312, 4, 4)
        x = self.inception5b(x)  # (N, 1024, 7, 7) | (N, 384, 4, 4)
        x = self.avgpool(x).flatten(1)  # (N, 1024) | (N, 384)
        logits = self.fc(self.dropout(x))  # (N, classes)
        return logits if aux1 is None or aux2 is None else (logits, aux1, aux2)


def for_small_images(model: GoogLeNet, paper: bool) -> GoogLeNet:
    """A stem that shrinks 32x32 images by two instead of eight."""
    model.conv1 = BasicConv2d(3, model.conv1.conv.out_channels, 3, 1, paper)
    nn.init.kaiming_normal_(model.conv1.conv.weight, nonlinearity="relu")
    model.maxpool2 = nn.Identity()
    if model.auxiliary:
        model.aux1.pool, model.aux2.pool = nn.AdaptiveAvgPool2d(4), nn.AdaptiveAvgPool2d(4)
    return model


# %% [markdown]
# ## Is it the network of the paper?
#
# Table 1 gives the parameters (K stands for 1,024, biases are left out) and the operations of each
# row. Our operations agree to within a million in all rows but two. In 4a, 4c, 4d, 4e and 5b the
# paper has fewer parameters than its own channels need; in 5a it has more, and more operations,
# too. The first row seems to mean another layer: eight 7x7 filters for each color, then 1x1 filters
# to 64 channels, with 24 * 49 + 24 * 64 = 2,712 weights and, at 112x112 pixels, 34 M operations.


# %%
BLOCKS = [f"inception{name}" for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")]
ROWS = ["conv1", "conv2 conv3", *BLOCKS, "fc"]
PARAMETERS = [2.7, 112, 159, 380, 364, 437, 463, 580, 840, 1072, 1388, 1000]  # K
OPERATIONS = [34, 360, 128, 304, 73, 88, 100, 119, 170, 54, 71, 1]  # M


def beside_the_paper() -> dict[str, tuple[float, float, float, float]]:
    """For each row of table 1: our parameters and the paper's (K), our MACs and the paper's (M)."""
    model = GoogLeNet(auxiliary=False, paper=True)
    layers = {layer.name: layer for layer in lab.layers(model, (1, 3, 224, 224), depth=1)}
    rows = {}
    for row, parameters, operations in zip(ROWS, PARAMETERS, OPERATIONS, strict=True):
        weights = [w for name in row.split() for w in getattr(model, name).parameters()]
        ours = sum(weight.numel() for weight in weights if weight.ndim > 1) / 1024
        macs = sum(layers[name].macs for name in row.split()) / 1e6
        rows[row] = (ours, parameters, macs, operations)
    return rows


@lab.demo
def costs() -> None:
    print(f"{'':14}parameters, K      operations, M")
    for row, (ours, theirs, macs, operations) in beside_the_paper().items():
        print(f"{row:12}{ours:9.1f}{theirs:8g}{macs:12.1f}{operations:7}")


# %% [markdown]
# ## The same function as torchvision
#
# Equal weights must give equal outputs. torchvision numbers the branches; all other names agree.


# %%
def torchvision_name(name: str) -> str:
    """What torchvision calls a weight: inception3a.branch1x1.* -> inception3a.branch1.*."""
    for number, branch in enumerate(("1x1", "3x3", "5x5", "_pool"), 1):
        name = name.replace(f"branch{branch}", f"branch{number}")
    return name


SAME_AS = lab.SameAs("googlenet", GoogLeNet, torchvision_name, {"init_weights": False})


@lab.demo
def difference_from_torchvision() -> None:
    print(lab.prove(SAME_AS))


# %% [markdown]
# ## The recipe
#
# The loss of each auxiliary classifier has a weight of 0.3, as in the paper.


# %%
@dataclass(frozen=True)
class GoogLeNetRecipe(lab.AuxiliaryRecipe):
    """The settings of every lesson, and those of GoogLeNet."""

    TITLE = "GoogLeNet"
    width: float = lab.setting(0.375, "channels, as a share of the paper's", above=0, high=2)
    paper: bool = lab.setting(False, "5x5 convolutions and no batch norm, as in 2014")


RECIPE = GoogLeNetRecipe("googlenet", epochs=20, lr=0.2, batch_size=128, crop_padding=2)


def build(recipe: GoogLeNetRecipe, classes: int) -> GoogLeNet:
    """The network for 32x32 images that a recipe asks for."""
    model = GoogLeNet(recipe.width, classes, recipe.auxiliary_weight > 0, recipe.paper)
    return for_small_images(model, recipe.paper)


LESSON = lab.NetworkLesson(
    "googlenet",
    "GoogLeNet",
    "Filters of several sizes side by side, made affordable by 1x1 convolutions before them.",
    recipe=RECIPE,
    build=build,
    forms={
        "paper": lab.Form("GoogLeNet", lambda: GoogLeNet(paper=True)),
        "torchvision": lab.Form("GoogLeNet of torchvision", GoogLeNet),
    },
    same_as=SAME_AS,
    figure=lab.Figure("strip", "paper"),
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
# These are the losses of the network's own logits. Are they still falling at the end?

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `--auxiliary-weight 0`: do the auxiliary classifiers help? And without batch norm, with
#   `--paper --lr 0.01` and `--paper --lr 0.01 --auxiliary-weight 0`?
# - `--paper --lr 0.03`: how high may the learning rate be without batch norm?
# - Leave out one of the four branches and give its channels to the others. Which do you miss most?
