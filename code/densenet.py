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
# # DenseNet
#
# Huang, Liu, van der Maaten and Weinberger, *Densely connected convolutional networks*, CVPR 2017
# ([arXiv:1608.06993](https://arxiv.org/abs/1608.06993)). The companion of the slide **DenseNet**.
#
# ResNet adds the output of a block to its input. DenseNet keeps both, side by side: every layer
# reads all maps that were made before it in its block, and appends a few of its own. No layer has
# to find again what an earlier one has found, so each can be thin. The number of maps that it
# appends is the *growth rate* k, 12 to 32 in the networks below.
#
# Like ResNet's, the paper's networks for ImageNet shrink the image by four before the first block,
# and those for CIFAR10 do not; they have three blocks instead of four (section 3). The network that
# is trained here has 34 layers and a growth rate of 12.
#
# `python code/densenet.py` trains it on CIFAR10; `--depth 100` trains one of the paper's table 2,
# `--growth-rate 24` a wider one. `--help` lists the rest.

# %%
from dataclasses import dataclass

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn

# %% [markdown]
# ## The layer
#
# $$x_\ell = H_\ell([x_0, x_1, \dots, x_{\ell-1}])$$
#
# That is equation 2: the brackets stand for concatenation. $H_\ell$ is batch norm, ReLU and a 3x3
# convolution with k channels. Before it, a 1x1 convolution reduces what may be hundreds of maps to
# 4k (the "B" of DenseNet-BC, for bottleneck). Batch norm and ReLU come before each convolution, so
# that every layer that reads a map can scale it in its own way.


# %%
def conv(in_channels: int, channels: int, kernel: int) -> nn.Conv2d:
    """(N, in_channels, H, W) -> (N, channels, H, W), without a bias: batch norm has one."""
    return nn.Conv2d(in_channels, channels, kernel, padding=kernel // 2, bias=False)


class DenseLayer(nn.Module):
    """Equation 2: (N, C, H, W) -> (N, C + k, H, W), k being the growth rate."""

    def __init__(self, in_channels: int, growth_rate: int) -> None:
        super().__init__()
        inner = 4 * growth_rate
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = conv(in_channels, inner, 1)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv2 = conv(inner, growth_rate, 3)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        new = self.conv1(self.relu(self.norm1(x)))
        new = self.conv2(self.relu(self.norm2(new)))
        return torch.cat([x, new], dim=1)


# %%
@lab.demo
def one_block() -> None:
    x = torch.rand(1, 24, 32, 32)
    print("in ", tuple(x.shape))
    for number in range(5):
        layer = DenseLayer(24 + 12 * number, growth_rate=12)
        y = layer(x)
        print("out", tuple(y.shape), "begins with its input:", torch.equal(y[:, : x.shape[1]], x))
        x = y


# %% [markdown]
# ## The transition
#
# Maps of different sizes cannot be concatenated, so the image is halved between the blocks, by
# averages over 2x2 pixels. Before that, a 1x1 convolution halves the number of maps, too (the "C"
# of DenseNet-BC: compression by $\theta = 0.5$).


# %%
class Transition(nn.Module):
    """(N, C, H, W) -> (N, C / 2, H / 2, W / 2)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU()
        self.conv = conv(in_channels, in_channels // 2, 1)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.conv(self.relu(self.norm(x))))


# %% [markdown]
# ## The network
#
# A stem of 2k maps, dense blocks with transitions between them, and an average over each map.


# %%
class DenseNet(nn.Module):
    """DenseNet-BC: images (N, 3, H, W) -> logits (N, classes).

    Args:
        layers: how many in each dense block.
        growth_rate: k, the maps that a layer appends.
        classes: how many.
    """

    def __init__(self, layers: tuple[int, ...], growth_rate: int, classes: int = 1000) -> None:
        super().__init__()
        channels = 2 * growth_rate
        self.stem: nn.Module = nn.Sequential(
            nn.Conv2d(3, channels, kernel_size=7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.pool: nn.Module = nn.MaxPool2d(3, stride=2, padding=1)
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        for number, count in enumerate(layers):
            if number > 0:
                self.transitions.append(Transition(channels))
                channels //= 2
            inputs = range(channels, channels + count * growth_rate, growth_rate)
            self.blocks.append(nn.Sequential(*(DenseLayer(each, growth_rate) for each in inputs)))
            channels += count * growth_rate
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:  # DenseNet-121 at 224x224 | 34 layers at 32x32
        x = self.stem(x)  # (N, 64, 112, 112) | (N, 24, 32, 32)
        x = self.pool(x)  # (N, 64, 56, 56) | (N, 24, 32, 32)
        x = self.blocks[0](x)  # (N, 256, 56, 56) | (N, 84, 32, 32)
        for transition, block in zip(self.transitions, self.blocks[1:], strict=True):
            x = block(transition(x))  # (N, 1024, 7, 7) | (N, 111, 8, 8) at the end
        x = self.relu(self.norm(x))
        x = self.avgpool(x).flatten(1)  # (N, 1024) | (N, 111)
        return self.classifier(x)  # (N, classes)


def initialize(module: nn.Module) -> None:
    """As in section 4.2, after He et al., *Delving deep into rectifiers*."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight)


def for_small_images(model: DenseNet) -> DenseNet:
    """The stem of section 3, which keeps the resolution of 32x32 images."""
    channels = len(next(model.stem.parameters()))
    model.stem = conv(3, channels, 3).apply(initialize)
    model.pool = nn.Identity()
    return model


# %% [markdown]
# The paper's two families: table 1 for ImageNet, where k = 32, and section 3 for CIFAR10, where
# each of three blocks has n layers of two convolutions; with the stem, the two transitions and the
# classifier that makes 6n + 4 layers.


# %%
def densenet121(classes: int = 1000) -> DenseNet:
    """Table 1, for images of 224x224 pixels."""
    return DenseNet((6, 12, 24, 16), growth_rate=32, classes=classes)


def densenet_cifar10(depth: int = 34, growth_rate: int = 12, classes: int = 10) -> DenseNet:
    """DenseNet-BC with `depth` = 6n + 4 layers, for images of 32x32 pixels."""
    return for_small_images(DenseNet(((depth - 4) // 6,) * 3, growth_rate, classes))


# %% [markdown]
# ## What it costs
#
# Each block has about as many parameters as the others, and the first, at full resolution, does
# most of the work. Table 2 gives 0.8 million parameters for 100 layers with k = 12, and 15.3
# million for 250 with k = 24. In that table the smaller of the two does as well as a ResNet of 1001
# layers with 10.2 million.


# %%
@lab.demo
def costs() -> None:
    print(lab.layer_table(densenet_cifar10(), (1, 3, 32, 32), depth=1))
    for depth, growth_rate in ((34, 12), (100, 12), (250, 24)):
        count = lab.count_parameters(densenet_cifar10(depth, growth_rate))
        print(f"depth {depth}, k = {growth_rate}: {count:,} parameters")


# %% [markdown]
# ## The same function as torchvision
#
# Equal weights must give equal outputs. torchvision counts from 1 where we count from 0.


# %%
def torchvision_name(name: str) -> str:
    """What torchvision calls a weight of ours: blocks.0.2.conv1.weight -> (...).conv1.weight."""
    kind, *rest = name.split(".")
    if kind == "classifier":
        return name
    if kind in ("stem", "norm"):
        kind = {"0": "conv0", "1": "norm0"}[rest.pop(0)] if kind == "stem" else "norm5"
    if kind == "blocks":
        block, layer, *rest = rest
        kind = f"denseblock{int(block) + 1}.denselayer{int(layer) + 1}"
    if kind == "transitions":
        number, *rest = rest
        kind = f"transition{int(number) + 1}"
    return ".".join(("features", kind, *rest))


SAME_AS = lab.SameAs("densenet121", densenet121, torchvision_name, side=64)


@lab.demo
def difference_from_torchvision() -> None:
    print(lab.prove(SAME_AS))


# %% [markdown]
# ## The recipe


# %%
@dataclass(frozen=True)
class DenseNetRecipe(lab.Recipe):
    """The settings of every lesson, and those of DenseNet."""

    TITLE = "DenseNet"
    depth: int = lab.setting(34, "layers: 6n + 4", low=10)
    growth_rate: int = lab.setting(12, "maps that a layer appends", low=2, high=64)


RECIPE = DenseNetRecipe("densenet", epochs=20, lr=0.2, batch_size=128, crop_padding=2)


def build(recipe: DenseNetRecipe, classes: int) -> DenseNet:
    """The network for 32x32 images that a recipe asks for."""
    if recipe.depth % 6 != 4:
        raise lab.UserError(f"--depth must be 6n + 4 (22, 34, 100), not {recipe.depth}")
    return densenet_cifar10(recipe.depth, recipe.growth_rate, classes)


LESSON = lab.NetworkLesson(
    "densenet",
    "DenseNet",
    "Every layer reads all maps made before it, and appends a few of its own.",
    recipe=RECIPE,
    build=build,
    forms={
        "paper": lab.Form("DenseNet-121", densenet121),
        "cifar10": lab.Form("DenseNet-34", densenet_cifar10, (3, 32, 32)),
    },
    same_as=SAME_AS,
    figure=lab.Figure(
        "graph", lab.Form("A layer of DenseNet-121", lambda: DenseLayer(64, 32), (64, 56, 56))
    ),
    live=True,
    full_size="--depth 100",
    smoke="--depth 10 --growth-rate 8",
)

# %% [markdown]
# ## Train

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %% [markdown]
# ## What it learned
#
# The stem has 24 filters of 3x3 pixels, and every layer of the first block reads their maps. Which
# of them look for edges, and which for colors?

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `--depth 22 --growth-rate 17` has about as many parameters. Which is better, depth or width?
# - Add the new maps to the input instead of appending them, and you are back at ResNet. Which
#   shapes must change?
# - Leave out the 1x1 convolution of a layer. What happens to the parameters, and to the accuracy?
