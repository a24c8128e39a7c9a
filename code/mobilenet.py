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
# # MobileNetV2
#
# Sandler, Howard, Zhu, Zhmoginov and Chen, *MobileNetV2: inverted residuals and linear
# bottlenecks*, CVPR 2018 ([arXiv:1801.04381](https://arxiv.org/abs/1801.04381)). The companion of
# the slide **MobileNetV2**.
#
# A convolution does two things at once: it looks at neighboring pixels, and it mixes channels. Do
# one after the other, 3x3 within each channel and then 1x1 across channels, and the work falls to
# about an eighth (Xception and the first MobileNet, 2017). MobileNetV2 builds a residual block from
# these two and turns it inside out: it is wide inside, where the 3x3 convolution is cheap, and
# narrow outside, where the shortcut runs.
#
# The paper's network halves the image five times, which would leave a single pixel of 32x32. Here
# the stem and the second stage keep the resolution, so that 4x4 are left, and every block has about
# half of its channels (`--width`).
#
# `python code/mobilenet.py` trains it on CIFAR10; `--width 1` gives it all its channels. `--help`
# lists the rest.

# %%
import math
from dataclasses import dataclass

import lab  # isort: skip (before torch, for Ctrl-C)
from torch import Tensor, nn

# %% [markdown]
# ## Depthwise separable convolution
#
# With $d_i$ channels in, $d_j$ out and a $k \times k$ kernel, each pixel takes $k^2 d_i d_j$
# multiplications at once, and $d_i (k^2 + d_j)$ one after the other (section 3.1).


# %%
def conv(
    in_channels: int, channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """A convolution, batch norm and ReLU6: (N, C, H, W) -> (N, channels, H / stride, W / stride).

    ReLU6 is at most 6, which suits arithmetic with few bits (section 4).
    """
    padding = kernel // 2
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU6(),
    )


# %%
@lab.demo
def separable() -> None:
    at_once = nn.Conv2d(64, 64, kernel_size=3, padding=1, bias=False)
    depthwise = nn.Conv2d(64, 64, kernel_size=3, padding=1, groups=64, bias=False)
    pointwise = nn.Conv2d(64, 64, kernel_size=1, bias=False)
    shape = (1, 64, 32, 32)
    whole = lab.count_macs(nn.Sequential(at_once), shape)
    parts = lab.count_macs(nn.Sequential(depthwise, pointwise), shape)
    print(f"at once {whole:,} MACs, one after the other {parts:,}: {whole / parts:.1f} times less")


# %% [markdown]
# ## The inverted residual
#
# ResNet's bottleneck is wide outside and narrow inside; here it is the other way round (figure 3).
# A 1x1 convolution makes six times as many channels (the *expansion factor* t), a 3x3 convolution
# works on each of them by itself, and another 1x1 reduces them to a few. No ReLU follows: on so few
# channels it would destroy too much (the *linear bottleneck* of section 3.2).


# %%
class InvertedResidual(nn.Module):
    """Table 1: (N, in_channels, H, W) -> (N, channels, H / stride, W / stride)."""

    def __init__(self, in_channels: int, channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = expansion * in_channels
        self.expand: nn.Module = nn.Identity()
        if expansion > 1:
            self.expand = conv(in_channels, inner, 1)
        self.depthwise = conv(inner, inner, 3, stride, groups=inner)
        self.project = nn.Conv2d(inner, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.in_channels = in_channels
        self.shortcut = stride == 1 and in_channels == channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.depthwise(self.expand(x))
        y = self.norm(self.project(y))
        return x + y if self.shortcut else y


# %% [markdown]
# ## The network
#
# Each row of table 2: the expansion t, the channels c, n blocks, and the stride s of the first one.

# %%
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def round_channels(channels: float) -> int:
    """To a multiple of eight, and never down by more than a tenth, as the authors' code does."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class MobileNetV2(nn.Module):
    """Table 2: images (N, 3, 224, 224) -> logits (N, classes).

    Args:
        width: factor on the channels of every stage (section 4, "width multiplier").
        classes: how many.
        dropout: share of the 1,280 features left out in training.
        depth: factor on the blocks of every stage, rounded up.
    """

    def __init__(
        self,
        width: float = 1.0,
        classes: int = 1000,
        dropout: float = 0.2,
        depth: float = 1.0,
    ) -> None:
        super().__init__()
        channels = round_channels(32 * width)
        self.stem = conv(3, channels, 3, stride=2)
        self.stages = nn.ModuleList()
        for expansion, wanted, count, stride in STAGES:
            stage = nn.Sequential()
            for number in range(math.ceil(depth * count)):
                out = round_channels(wanted * width)
                step = 1 if number else stride
                stage.append(InvertedResidual(channels, out, step, expansion))
                channels = out
            self.stages.append(stage)
        features = round_channels(1280 * max(1.0, width))
        self.head = conv(channels, features, 1)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(features, classes)
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:  # at 224x224 | at 32x32 and width 1/2
        x = self.stem(x)  # (N, 32, 112, 112) | (N, 16, 32, 32)
        for stage in self.stages:
            x = stage(x)  # (N, 320, 7, 7) | (N, 160, 4, 4) at the end
        x = self.head(x)  # (N, 1280, 7, 7) | (N, 1280, 4, 4)
        x = self.avgpool(x).flatten(1)  # (N, 1280)
        return self.classifier(self.dropout(x))  # (N, classes)


def initialize(module: nn.Module) -> None:
    """As torchvision does: the paper does not say how."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


def for_small_images(model: MobileNetV2) -> MobileNetV2:
    """For 32x32 images: the stem and the second stage keep the resolution, so that 4x4 are left."""
    convolutions = [each for each in model.modules() if isinstance(each, nn.Conv2d)]
    halving = [each for each in convolutions if each.stride == (2, 2)]
    for convolution in halving[:2]:
        convolution.stride = (1, 1)
    return model


# %% [markdown]
# ## What later networks added
#
# *Squeeze and excitation* (Hu, Shen and Sun, CVPR 2018,
# [arXiv:1709.01507](https://arxiv.org/abs/1709.01507)) lets a block look at the whole image: an
# average over each map, two small layers, and from them a factor between 0 and 1 for each channel.
# MobileNetV3 and EfficientNet put it behind the depthwise convolution.


# %%
class SqueezeExcitation(nn.Module):
    """Equations 2 to 4: (N, C, H, W) -> (N, C, H, W), each channel times a factor of its own."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.restore = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        factors = self.squeeze(x)  # (N, C, 1, 1)
        factors = self.restore(self.reduce(factors).relu())
        return x * factors.sigmoid()


def with_excitation(model: MobileNetV2) -> MobileNetV2:
    """One in each block, as in EfficientNet: inside, a quarter of the channels of its input."""
    for block in model.modules():
        if isinstance(block, InvertedResidual):
            channels = block.project.in_channels
            block.depthwise.append(SqueezeExcitation(channels, block.in_channels // 4))
    return model


# %% [markdown]
# EfficientNet (Tan and Le, ICML 2019, [arXiv:1905.11946](https://arxiv.org/abs/1905.11946)) asks
# how a network should grow when there is more to spend. Its answer is one number $\phi$ for three
# things at once: depth times $1.2^\phi$, width times $1.1^\phi$, and the side of the image times
# $1.15^\phi$ (equation 3; the factors are from section 4). Work grows with the depth and with the
# squares of the other two, and $1.2 \cdot 1.1^2 \cdot 1.15^2 \approx 2$: each step of $\phi$ about
# doubles it.


# %%
def scaled(phi: int) -> MobileNetV2:
    """MobileNetV2 by EfficientNet's rule, for images of `scaled_side(phi)` pixels."""
    return MobileNetV2(width=1.1**phi, depth=1.2**phi)


def scaled_side(phi: int) -> int:
    """To a multiple of 32, which five halvings divide."""
    return round(224 * 1.15**phi / 32) * 32


# %% [markdown]
# ## What it costs
#
# The paper counts 300 million multiply-adds and 3.4 million parameters (table 4). More than a third
# of the parameters are in the classifier, for a thousand classes.


# %%
@lab.demo
def costs() -> None:
    print(lab.layer_table(MobileNetV2(), (1, 3, 224, 224), depth=1))


# %% [markdown]
# ## The same function as torchvision
#
# torchvision numbers stem, blocks and head in one list, and also the layers of a block.


# %%
def torchvision_name(name: str) -> str:
    """What torchvision calls a weight of ours: stages.1.0.norm.bias -> features.2.conv.3.bias."""
    kind, *rest = name.split(".")
    if kind == "classifier":
        return ".".join(("classifier", "1", *rest))
    if kind in ("stem", "head"):
        return ".".join(("features", "0" if kind == "stem" else "18", *rest))
    stage, block, layer, *rest = rest
    before = sum(count for _, _, count, _ in STAGES[: int(stage)])
    layers = ["expand", "depthwise", "project", "norm"]
    if stage == "0":
        layers.remove("expand")
    return ".".join(
        ("features", str(1 + before + int(block)), "conv", str(layers.index(layer)), *rest)
    )


SAME_AS = lab.SameAs("mobilenet_v2", MobileNetV2, torchvision_name)


@lab.demo
def difference_from_torchvision() -> None:
    print(lab.prove(SAME_AS))


# %% [markdown]
# ## The recipe


# %%
@dataclass(frozen=True)
class MobileNetRecipe(lab.Recipe):
    """The settings of every lesson, and those of MobileNetV2."""

    TITLE = "MobileNetV2"
    width: float = lab.setting(0.5, "factor on all channels", low=0.1, high=4)
    dropout: float = lab.setting(0.2, "share of the features left out in training", low=0, below=1)


RECIPE = MobileNetRecipe("mobilenet", epochs=20, lr=0.2, batch_size=128, crop_padding=2)


def build(recipe: MobileNetRecipe, classes: int) -> MobileNetV2:
    """The network for 32x32 images that a recipe asks for."""
    return for_small_images(MobileNetV2(recipe.width, classes, recipe.dropout))


LESSON = lab.NetworkLesson(
    "mobilenet",
    "MobileNetV2",
    "A residual block inside out: narrow where the shortcut runs, wide where filters are cheap.",
    recipe=RECIPE,
    build=build,
    forms={
        "paper": lab.Form("MobileNetV2", MobileNetV2),
        "excited": lab.Form("MobileNetV2 with SE", lambda: with_excitation(MobileNetV2())),
        **{
            f"phi{phi}": lab.Form(
                f"MobileNetV2, phi = {phi}",
                lambda phi=phi: scaled(phi),
                (3, scaled_side(phi), scaled_side(phi)),
            )
            for phi in range(1, 4)
        },
    },
    same_as=SAME_AS,
    figure=lab.Figure(
        "graph",
        lab.Form("An inverted residual", lambda: InvertedResidual(24, 24, 1, 6), (24, 56, 56)),
    ),
    live=True,
    full_size="--width 1",
    smoke="--width 0.25",
)

# %% [markdown]
# ## Train

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %% [markdown]
# ## What it learned
#
# Compare the curve with ResNet's. This network has more layers and more parameters, and does less
# work.

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `--width 0.25` and `--width 1` do a third and three times the work. What does that do to the
#   accuracy?
# - Put a ReLU6 behind the projection. In the paper, accuracy falls (figure 6a). Does it here?
# - Let the shortcut run between the wide parts, as in ResNet's bottleneck. How much does it cost?
