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
# # InceptionNet
#
# Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, *Rethinking the Inception architecture for computer
# vision*, CVPR 2016 ([arXiv:1512.00567](https://arxiv.org/abs/1512.00567)). The companion of the
# slide **InceptionNet**; the network is known as Inception v3.
#
# How can an inception block save work? The paper's answer is factorization: two small convolutions
# in a row (as in VGG), and above all a flat one and a tall one, see as much as a large one and cost
# less. The network grows to 42 layers, with little more than a third of VGG16's work.
#
# On ImageNet the images have 299x299 pixels. A first convolution of stride 2, others without
# padding and two poolings shrink them to 35x35 before the first block. Nothing would be left of a
# 32x32 image, so here the stem is padded, its first convolution keeps the resolution, and the
# second pooling is left out. The blocks are the same, at 16x16, 7x7 and 3x3. To suit a laptop,
# every layer has a quarter of its channels; `--width 1` gives the full network.
#
# `python code/inception.py` trains it on CIFAR10. `--help` lists the settings.

# %%
import copy
import re
from collections.abc import Callable
from dataclasses import dataclass

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn

# %% [markdown]
# ## What the blocks are made of
#
# Batch norm and ReLU follow every convolution. The branches of a block see the same input, and
# their maps are concatenated. All channel counts are the original's, and `c` turns them into
# ours: at a quarter of the width `c(64)` is 16. The letters A to E come from torchvision.

# %%
Size = int | tuple[int, int]  # of both sides, or height and width
Scale = Callable[[int], int]


class BasicConv2d(nn.Module):
    """A convolution, batch norm and ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: Size, stride: int = 1, padding: Size = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(x)))


def chain(in_channels: int, *layers: tuple[int, Size]) -> nn.Sequential:
    """Convolutions in a row that keep the size, each given by its channels and its kernel."""
    convolutions = nn.Sequential()
    for channels, kernel in layers:
        height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        padding = (height // 2, width // 2)
        convolutions.append(BasicConv2d(in_channels, channels, kernel, padding=padding))
        in_channels = channels
    return convolutions


def pooled(in_channels: int, out_channels: int) -> nn.Sequential:
    """The branch that averages 3x3 pixels and mixes the channels."""
    mix = BasicConv2d(in_channels, out_channels, 1)
    return nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), mix)


class Branches(nn.Module):
    """Modules side by side: each gets the input, and their outputs are concatenated."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], dim=1)


# %% [markdown]
# ## Blocks A and B: small convolutions in a row
#
# Two 3x3 convolutions see 5x5 pixels with $2 \cdot 3^2 = 18$ weights instead of $5^2 = 25$
# (section 3.1, figure 5). The paper gives no channel counts; ours are from the authors' published
# network, as in torchvision. It has a 5x5 convolution where figure 5 has a single 3x3.
#
# Block B halves the maps. Pooling before a convolution would throw information away; pooling after
# it costs four times as much, as the convolution then works at four times as many pixels (figure 9:
# "3 times more"). So strided convolutions and a pooling layer halve them side by side (figure 10).


# %%
class InceptionA(Branches):
    """Block A, at 35x35 pixels."""

    def __init__(self, in_channels: int, c: Scale, pool_channels: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(in_channels, c(64), 1)
        self.branch5x5 = chain(in_channels, (c(48), 1), (c(64), 5))
        self.branch3x3dbl = chain(
            in_channels,
            (c(64), 1),
            (c(96), 3),
            (c(96), 3),
        )
        self.branch_pool = pooled(in_channels, c(pool_channels))
        self.out_channels = 2 * c(64) + c(96) + c(pool_channels)


class InceptionB(Branches):
    """Block B, from 35x35 to 17x17 pixels."""

    def __init__(self, in_channels: int, c: Scale) -> None:
        super().__init__()
        self.branch3x3 = BasicConv2d(in_channels, c(384), 3, stride=2)
        self.branch3x3dbl = chain(in_channels, (c(64), 1), (c(96), 3))
        self.branch3x3dbl.append(BasicConv2d(c(96), c(96), 3, stride=2))
        self.branch_pool = nn.MaxPool2d(3, stride=2)
        self.out_channels = c(384) + c(96) + in_channels


# %% [markdown]
# ## Blocks C and D: flat and tall
#
# A 1x7 and a 7x1 convolution see 7x7 pixels with $2 \cdot 7 = 14$ weights instead of $7^2 = 49$
# (section 3.2, figure 6). The paper found that this works well on maps with 12 to 20 pixels a side,
# and not in early layers. Block D halves the maps, as block B does.


# %%
class InceptionC(Branches):
    """Block C, at 17x17 pixels."""

    def __init__(self, in_channels: int, c: Scale, channels_7x7: int) -> None:
        super().__init__()
        c7, flat, tall = c(channels_7x7), (1, 7), (7, 1)
        self.branch1x1 = BasicConv2d(in_channels, c(192), 1)
        self.branch7x7 = chain(in_channels, (c7, 1), (c7, flat), (c(192), tall))
        self.branch7x7dbl = chain(
            in_channels, (c7, 1), (c7, tall), (c7, flat), (c7, tall), (c(192), flat)
        )
        self.branch_pool = pooled(in_channels, c(192))
        self.out_channels = 4 * c(192)


class InceptionD(Branches):
    """Block D, from 17x17 to 8x8 pixels."""

    def __init__(self, in_channels: int, c: Scale) -> None:
        super().__init__()
        self.branch3x3 = chain(in_channels, (c(192), 1))
        self.branch3x3.append(BasicConv2d(c(192), c(320), 3, stride=2))
        self.branch7x7x3 = chain(in_channels, (c(192), 1), (c(192), (1, 7)), (c(192), (7, 1)))
        self.branch7x7x3.append(BasicConv2d(c(192), c(192), 3, stride=2))
        self.branch_pool = nn.MaxPool2d(3, stride=2)
        self.out_channels = c(320) + c(192) + in_channels


# %% [markdown]
# ## Block E: wide
#
# On the smallest maps a flat and a tall convolution stand side by side and give twice as many
# features (figure 7): 2048, right before they are averaged.


# %%
class Fork(Branches):
    """A 1x3 and a 3x1 convolution side by side: (N, C, H, W) -> (N, 2C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = BasicConv2d(channels, channels, (1, 3), padding=(0, 1))
        self.b = BasicConv2d(channels, channels, (3, 1), padding=(1, 0))


class InceptionE(Branches):
    """Block E, at 8x8 pixels."""

    def __init__(self, in_channels: int, c: Scale) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(in_channels, c(320), 1)
        self.branch3x3 = chain(in_channels, (c(384), 1)).append(Fork(c(384)))
        self.branch3x3dbl = chain(in_channels, (c(448), 1), (c(384), 3)).append(Fork(c(384)))
        self.branch_pool = pooled(in_channels, c(192))
        self.out_channels = c(320) + 4 * c(384) + c(192)


# %% [markdown]
# ## The auxiliary classifier
#
# Of GoogLeNet's two, the lower one turned out to be useless, and the other helps only late in
# training: the authors take it for a regularizer (section 4). It sits on the last block at 17x17
# pixels. Its second convolution leaves one pixel, so in training batch norm needs two images.


# %%
class InceptionAux(nn.Module):
    """The auxiliary classifier: (N, in_channels, 17, 17) -> logits (N, classes)."""

    def __init__(self, in_channels: int, c: Scale, classes: int) -> None:
        super().__init__()
        self.pool: nn.Module = nn.AvgPool2d(5, stride=3)
        self.conv0 = BasicConv2d(in_channels, c(128), 1)
        self.conv1 = BasicConv2d(c(128), c(768), 5)
        self.fc = nn.Linear(c(768), classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv0(self.pool(x))  # (N, 128, 5, 5)
        return self.fc(self.conv1(x).flatten(1))  # (N, classes)


# %% [markdown]
# ## The network
#
# The published network differs from the paper's table 1 in a few more places: its stem has a 1x1
# convolution and a second pooling, and it has four blocks C.


# %%
class Inception3(nn.Module):
    """Images (N, 3, 299, 299) -> logits (N, classes); in train mode also those of the auxiliary.

    `width` is each layer's share of the original's channels.
    """

    def __init__(self, width: float = 1.0, classes: int = 1000, auxiliary: bool = True) -> None:
        super().__init__()

        def c(channels: int) -> int:
            return max(1, round(channels * width))

        self.auxiliary = auxiliary
        self.conv_1a = BasicConv2d(3, c(32), 3, stride=2)
        self.conv_2a = BasicConv2d(c(32), c(32), 3)
        self.conv_2b = BasicConv2d(c(32), c(64), 3, padding=1)
        self.maxpool1 = nn.MaxPool2d(3, stride=2)
        self.conv_3b = BasicConv2d(c(64), c(80), 1)
        self.conv_4a = BasicConv2d(c(80), c(192), 3)
        self.maxpool2: nn.Module = nn.MaxPool2d(3, stride=2)
        self.mixed_5b = InceptionA(c(192), c, pool_channels=32)
        self.mixed_5c = InceptionA(self.mixed_5b.out_channels, c, pool_channels=64)
        self.mixed_5d = InceptionA(self.mixed_5c.out_channels, c, pool_channels=64)
        self.mixed_6a = InceptionB(self.mixed_5d.out_channels, c)
        self.mixed_6b = InceptionC(self.mixed_6a.out_channels, c, channels_7x7=128)
        self.mixed_6c = InceptionC(self.mixed_6b.out_channels, c, channels_7x7=160)
        self.mixed_6d = InceptionC(self.mixed_6c.out_channels, c, channels_7x7=160)
        self.mixed_6e = InceptionC(self.mixed_6d.out_channels, c, channels_7x7=192)
        if auxiliary:
            self.aux = InceptionAux(self.mixed_6e.out_channels, c, classes)
        self.mixed_7a = InceptionD(self.mixed_6e.out_channels, c)
        self.mixed_7b = InceptionE(self.mixed_7a.out_channels, c)
        self.mixed_7c = InceptionE(self.mixed_7b.out_channels, c)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(self.mixed_7c.out_channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # keeps the size of the signal through all layers
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:  # 299x299 | 32x32 at width 1/4
        with_auxiliary = self.training and self.auxiliary
        x = self.conv_1a(x)  # (N, 32, 149, 149) | (N, 8, 32, 32)
        x = self.conv_2b(self.conv_2a(x))  # (N, 64, 147, 147) | (N, 16, 32, 32)
        x = self.conv_3b(self.maxpool1(x))  # (N, 80, 73, 73) | (N, 20, 16, 16)
        x = self.conv_4a(x)  # (N, 192, 71, 71) | (N, 48, 16, 16)
        x = self.mixed_5b(self.maxpool2(x))  # (N, 256, 35, 35) | (N, 64, 16, 16)
        x = self.mixed_5d(self.mixed_5c(x))  # (N, 288, 35, 35) | (N, 72, 16, 16)
        for block in (self.mixed_6a, self.mixed_6b, self.mixed_6c, self.mixed_6d, self.mixed_6e):
            x = block(x)  # (N, 768, 17, 17) | (N, 192, 7, 7)
        aux = self.aux(x) if with_auxiliary else None  # (N, classes)
        x = self.mixed_7a(x)  # (N, 1280, 8, 8) | (N, 320, 3, 3)
        x = self.mixed_7c(self.mixed_7b(x))  # (N, 2048, 8, 8) | (N, 512, 3, 3)
        x = self.avgpool(x).flatten(1)  # (N, 2048) | (N, 512)
        logits = self.fc(self.dropout(x))  # (N, classes)
        return logits if aux is None else (logits, aux)


def for_small_images(model: Inception3) -> Inception3:
    """A stem that shrinks 32x32 images by two instead of eight; only strides and padding change."""
    model.conv_1a.conv.stride = (1, 1)
    for layer in (model.conv_1a.conv, model.conv_2a.conv, model.conv_4a.conv):
        layer.padding = (1, 1)
    model.maxpool1 = nn.MaxPool2d(3, stride=2, padding=1)
    model.maxpool2 = nn.Identity()
    if model.auxiliary:
        model.aux.pool = nn.AdaptiveAvgPool2d(5)
    return model


# %% [markdown]
# ## What it costs, and what factorization saves
#
# Undo the factorization: replace each pair in a branch by one convolution that sees as many pixels.
# 3x3 and 3x3 become 5x5; 1x7 and 7x1 become 7x7. Block E keeps its forks, which are not pairs.


# %%
def joined(first: BasicConv2d, second: BasicConv2d) -> BasicConv2d:
    """One convolution that sees as many pixels as two in a row, the first of stride 1."""
    one, two = first.conv, second.conv
    (h1, w1), (h2, w2) = one.kernel_size, two.kernel_size
    both = BasicConv2d(one.in_channels, two.out_channels, (h1 + h2 - 1, w1 + w2 - 1))
    paddings = zip(one.padding, two.padding, strict=True)
    both.conv.stride, both.conv.padding = two.stride, tuple(int(a) + int(b) for a, b in paddings)
    return both


def unfactorized(model: Inception3) -> Inception3:
    """A copy of the network with one large convolution in place of each pair of small ones."""
    model = copy.deepcopy(model)
    for branch in (each for block in model.children() for each in block.children()):
        if isinstance(branch, nn.Sequential):
            for place in reversed(range(1, len(branch) - 1, 2)):  # the pairs behind a 1x1 one
                first, second = branch[place], branch[place + 1]
                if isinstance(first, BasicConv2d) and isinstance(second, BasicConv2d):
                    branch[place] = joined(first, second)
                    del branch[place + 1]
    return model


@lab.demo
def savings() -> None:
    with torch.device("meta"):  # counts need no weights
        model, shape = Inception3(auxiliary=False), (1, 3, 299, 299)
        both = model, unfactorized(model)
    print(lab.layer_table(model, shape, depth=1))
    rows = [lab.layers(each, shape, depth=1) for each in both]
    print("\nin millions          parameters          MACs")
    for small, large in zip(*rows, strict=True):
        if small.macs != large.macs:
            parameters = f"{small.parameters / 1e6:7.2f} for {large.parameters / 1e6:.2f}"
            macs = f"{small.macs / 1e6:8.0f} for {large.macs / 1e6:.0f}"
            print(f"{large.name} {large.kind}{parameters}{macs}")
    for what in ("parameters", "macs"):
        small, large = (sum(getattr(layer, what) for layer in each) for each in rows)
        print(f"in all: {small:,} {what} instead of {large:,}: {1 - small / large:.0%} saved")


# %% [markdown]
# Nearly all of the saving comes from the sevens in blocks C and D. The threes of block A save
# little: the first of the two already widens from 64 to 96 channels. And block B does *more* work
# than with one 5x5 convolution, which would only work at every fourth pixel, with its stride of 2.

# %% [markdown]
# ## The same function as torchvision
#
# Equal weights must give equal outputs. torchvision numbers its layers and spells some differently.


# %%
def torchvision_name(name: str) -> str:
    """What torchvision calls a weight: mixed_7b.branch3x3.1.a.* -> Mixed_7b.branch3x3_2a.*."""
    name = re.sub(r"^conv_(..)", r"Conv2d_\1_3x3", name).replace("3b_3x3", "3b_1x1")
    name = name.replace("mixed", "Mixed").replace("aux.", "AuxLogits.")
    name = name.replace("branch_pool.1.", "branch_pool.")
    layer = r"(branch\w+)\.(\d)\.(?:([ab])\.)?"
    return re.sub(layer, lambda m: f"{m[1]}_{int(m[2]) + 1}{m[3] or ''}.", name)


SAME_AS = lab.SameAs(
    "inception_v3", Inception3, torchvision_name, {"init_weights": False}, side=299
)


@lab.demo
def difference_from_torchvision() -> None:
    print(lab.prove(SAME_AS))


# %% [markdown]
# ## The recipe
#
# The auxiliary loss has weight 0.4, as in the authors' published code; the paper gives none. The
# rest is the recipe of the other networks.
#
# Label smoothing comes from this paper (section 7): from an image of class y the network learns
# $q'(k) = (1 - \epsilon)\delta_{k,y} + \epsilon/K$ for all K classes k, with $\epsilon = 0.1$.
# `--label-smoothing 0.1` trains with it. With ten classes the training loss then cannot fall below
# 0.50; the validation loss does not include it.


# %%
@dataclass(frozen=True)
class InceptionRecipe(lab.AuxiliaryRecipe):
    """The settings of every lesson, and one of InceptionNet's own."""

    TITLE = "Inception v3"
    width: float = lab.setting(0.25, "channels, as a share of the original", above=0, high=2)


RECIPE = InceptionRecipe(
    "inception", epochs=20, lr=0.1, batch_size=128, crop_padding=2, auxiliary_weight=0.4
)


def build(recipe: InceptionRecipe, classes: int) -> Inception3:
    """The network for 32x32 images that a recipe asks for."""
    return for_small_images(Inception3(recipe.width, classes, recipe.auxiliary_weight > 0))


LESSON = lab.NetworkLesson(
    "inception",
    "InceptionNet",
    "A flat and a tall filter in a row see as much as a large one, and cost far less.",
    recipe=RECIPE,
    build=build,
    forms={"paper": lab.Form("Inception v3", Inception3, (3, 299, 299))},
    same_as=SAME_AS,
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
# At a quarter of the width the first convolution has eight filters. What do they look for?

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `--auxiliary-weight 0` and `--label-smoothing 0.1`: does either help, and when in training?
# - The sevens of block C see whole maps here, 7x7 pixels. Replace them by threes: what do you lose?
# - Train `unfactorized(build(recipe, 10))`. Does the extra work make it better, or only slower?
