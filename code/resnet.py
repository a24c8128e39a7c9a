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
# # ResNet
#
# He, Zhang, Ren and Sun, *Deep residual learning for image recognition*, CVPR 2016
# ([arXiv:1512.03385](https://arxiv.org/abs/1512.03385)). The companion of the slide **ResNet**.
#
# Stack more and more layers, and at some depth even the *training* error grows: the optimizer no
# longer finds what a shallower network finds. In ResNet every two or three layers learn only what
# to add to their input. If there is nothing to add, zeros will do, and zeros are easy to find.
#
# The networks for ImageNet take 224x224 images and shrink them by four before the first block. A
# 32x32 image has no pixels to spare, so the paper has another family for CIFAR10 (section 4.2):
# with a 3x3 stem that keeps the size, and three stages. The smallest, ResNet-20, is trained here.
#
# `python code/resnet.py` trains it on CIFAR10; `--depth 56` makes it deeper, `--plain` leaves the
# shortcuts out, `--depth 18` is ImageNet's with a stem for small images. `--help` lists the rest.

# %%
from dataclasses import dataclass

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn
from torch.nn import functional as F

# %% [markdown]
# ## The block
#
# $$y = F(x, \{W_i\}) + x$$
#
# This is equation 1: the convolutions compute the residual F, and the shortcut carries x past them.
# The last ReLU comes after the sum (figure 2).


# %%
def conv3x3(in_channels: int, channels: int, stride: int = 1) -> nn.Conv2d:
    """(N, in_channels, H, W) -> (N, channels, H / stride, W / stride); batch norm has the bias."""
    return nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)


class BasicBlock(nn.Module):
    """Figure 5, left: (N, in_channels, H, W) -> (N, channels, H / stride, W / stride)."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int, shortcut: nn.Module | None):
        super().__init__()
        self.conv1 = conv3x3(in_channels, channels, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv3x3(channels, channels)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = shortcut
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.shortcut is not None:  # None: a plain network
            y = y + self.shortcut(x)
        return self.relu(y)


# %% [markdown]
# Networks of fifty layers or more use a cheaper block: a 1x1 convolution reduces the channels to a
# quarter, the 3x3 convolution works on these, and another 1x1 restores them.


# %%
class Bottleneck(nn.Module):
    """Figure 5, right: (N, in_channels, H, W) -> (N, 4 * channels, H / stride, W / stride)."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int, shortcut: nn.Module | None):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv3x3(channels, channels, stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.shortcut = shortcut
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        return self.relu(y)


# %% [markdown]
# A sum needs two equal shapes. Where a block changes the shape, so does its shortcut (section 3.3):
# option A takes every second pixel and adds channels of zeros, with no parameters; option B is
# $y = F(x, \{W_i\}) + W_s x$ (equation 2), where the projection $W_s$ is a 1x1 convolution.


# %%
class ZeroPadding(nn.Module):
    """Option A: (N, C, H, W) -> (N, C + added, H / stride, W / stride)."""

    def __init__(self, added: int, stride: int) -> None:
        super().__init__()
        self.added, self.stride = added, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))


def make_shortcut(channels: int, wanted: int, stride: int, option: str) -> nn.Module | None:
    """The shortcut of (N, channels, H, W): the identity wherever the shape allows it."""
    if option == "plain":
        return None
    if stride == 1 and channels == wanted:
        return nn.Identity()
    if option == "A":
        return ZeroPadding(wanted - channels, stride)
    projection = nn.Conv2d(channels, wanted, 1, stride, bias=False)
    return nn.Sequential(projection, nn.BatchNorm2d(wanted))


# %% [markdown]
# More depth need not hurt: a block whose residual is zero passes its input on unchanged, provided
# that no number in the input is negative, and the output of a ReLU never is.


# %%
@lab.demo
def blocks() -> None:
    x = torch.rand(1, 64, 56, 56)
    block = BasicBlock(64, 64, stride=1, shortcut=nn.Identity())
    bottleneck = Bottleneck(64, 64, stride=1, shortcut=make_shortcut(64, 256, 1, "B"))
    for each in (block, bottleneck):
        print(f"{type(each).__name__:11}{tuple(x.shape)} -> {tuple(each(x).shape)}")
    nn.init.zeros_(block.bn2.weight)
    print("a silent block changes nothing:", torch.equal(block(x), x))


# %% [markdown]
# ## The network
#
# A stem, stages of equal blocks (conv2_x to conv5_x in table 1), an average over each map, and one
# fully connected layer. Where a stage halves the side, it doubles the channels: its blocks cost as
# much as those before it, but for the first.


# %%
class ResNet(nn.Module):
    """A residual network: images (N, 3, H, W) -> logits (N, classes).

    Args:
        block: `BasicBlock` or `Bottleneck`.
        blocks: how many in each stage.
        width: channels after the stem.
        option: of the shortcuts that change the shape, "A" or "B"; "plain": no shortcut anywhere.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        blocks: tuple[int, ...],
        width: int = 64,
        classes: int = 1000,
        option: str = "B",
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool: nn.Module = nn.MaxPool2d(3, stride=2, padding=1)
        channels, stages = width, [nn.Sequential() for _ in blocks]
        for stage, count in enumerate(blocks):
            for number in range(count):
                stride = 2 if stage > 0 and number == 0 else 1
                inner = width * 2**stage
                shortcut = make_shortcut(channels, block.expansion * inner, stride, option)
                stages[stage].append(block(channels, inner, stride, shortcut))
                channels = block.expansion * inner
        self.conv2_x, self.conv3_x, self.conv4_x = stages[:3]
        self.conv5_x = stages[3] if len(stages) == 4 else nn.Identity()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:  # ResNet-50 at 224x224 | ResNet-20 at 32x32
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, 112, 112) | (N, 16, 32, 32)
        x = self.maxpool(x)  # (N, 64, 56, 56) | (N, 16, 32, 32)
        x = self.conv2_x(x)  # (N, 256, 56, 56) | (N, 16, 32, 32)
        x = self.conv3_x(x)  # (N, 512, 28, 28) | (N, 32, 16, 16)
        x = self.conv4_x(x)  # (N, 1024, 14, 14) | (N, 64, 8, 8)
        x = self.conv5_x(x)  # (N, 2048, 7, 7) | (N, 64, 8, 8)
        x = self.avgpool(x).flatten(1)  # (N, 2048) | (N, 64)
        return self.fc(x)  # (N, classes)


def initialize(module: nn.Module) -> None:
    """Keep the size of the signal (He et al., *Delving deep into rectifiers*, section 2.2)."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def for_small_images(model: ResNet) -> ResNet:
    """The stem of section 4.2, which keeps the resolution of 32x32 images."""
    model.conv1 = nn.Conv2d(3, model.conv1.out_channels, 3, padding=1, bias=False).apply(initialize)
    model.maxpool = nn.Identity()
    return model


# %% [markdown]
# The paper has two families: table 1 for ImageNet, section 4.2 for CIFAR10. A network for CIFAR10
# has three stages of n blocks, each of two layers: 6n + 2 with the first and the last layer.
#
# In the paper a bottleneck halves the image in its first 1x1 convolution, which therefore skips
# three of every four pixels; torchvision halves it in the 3x3 convolution (ResNet v1.5).

# %%
IMAGENET = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
}


def resnet_imagenet(
    depth: int, classes: int = 1000, option: str = "B", stride_first: bool = False
) -> ResNet:
    """ResNet-18, -34 or -50, for images of 224x224 pixels; `stride_first` as in the paper."""
    kind, counts = IMAGENET[depth]
    model = ResNet(kind, counts, 64, classes, option)
    for block in model.modules():
        if stride_first and isinstance(block, Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    return model


def resnet_cifar10(depth: int, classes: int = 10, option: str = "A") -> ResNet:
    """The network of section 4.2 with `depth` = 6n + 2 layers, for images of 32x32 pixels."""
    return for_small_images(ResNet(BasicBlock, (depth // 6,) * 3, 16, classes, option))


# %% [markdown]
# ## What each stage costs
#
# The last stage of ResNet-20 holds most of the parameters. Table 6 of the paper gives 0.27, 0.46,
# 0.66, 0.85 and 1.7 million for five such networks; option B would add a few. For ResNet-50,
# table 1 has 3.8 billion multiply-adds; moving the stride makes it 4.1, with no extra parameter.


# %%
@lab.demo
def costs() -> None:
    print(lab.layer_table(resnet_cifar10(20), (1, 3, 32, 32), depth=1))
    for depth in (20, 32, 44, 56, 110):
        counts = [lab.count_parameters(resnet_cifar10(depth, option=option)) for option in "AB"]
        print(f"ResNet-{depth:<4} option A {counts[0]:>9,}   option B {counts[1]:>9,}")
    for form, stride_first in (("paper", True), ("torchvision", False)):
        macs = lab.count_macs(resnet_imagenet(50, stride_first=stride_first), (1, 3, 224, 224))
        print(f"ResNet-50, {form}: {macs:,} MACs")


# %% [markdown]
# ## The same function as torchvision
#
# Equal weights must give equal outputs. torchvision's names are layer1 to layer4 and `downsample`.


# %%
def torchvision_name(name: str) -> str:
    """What torchvision calls a weight of ours: conv3_x.0.bn1.bias -> layer2.0.bn1.bias."""
    for stage in range(1, 5):
        name = name.replace(f"conv{stage + 1}_x", f"layer{stage}")
    return name.replace("shortcut", "downsample")


SAME_AS = lab.SameAs("resnet18", lambda: resnet_imagenet(18), torchvision_name)


@lab.demo
def difference_from_torchvision() -> None:
    print(lab.prove(SAME_AS))


# %% [markdown]
# ## The recipe
#
# A network this small needs little regularization: shifts and mirroring, as in the paper.


# %%
@dataclass(frozen=True)
class ResNetRecipe(lab.Recipe):
    """The settings of every lesson, and those of ResNet."""

    depth: int = lab.setting(20, "layers: 6n + 2, or 18, 34, 50 as for ImageNet", low=8)
    plain: bool = lab.setting(False, "no shortcuts")
    shortcut: str = lab.setting(
        "auto", "A adds zeros, B projects, auto as in the paper", choices=("auto", "A", "B")
    )

    @property
    def title(self) -> str:
        return f"{'Plain' if self.plain else 'ResNet'}-{self.depth}"


RECIPE = ResNetRecipe("resnet", epochs=20, lr=0.2, batch_size=128, crop_padding=2)


def build(recipe: ResNetRecipe, classes: int) -> ResNet:
    """The network for 32x32 images that a recipe asks for."""
    option = "plain" if recipe.plain else recipe.shortcut
    if recipe.depth in IMAGENET:
        return for_small_images(resnet_imagenet(recipe.depth, classes, option.replace("auto", "B")))
    if recipe.depth % 6 != 2:
        raise lab.UserError(
            f"--depth must be 18, 34, 50 or 6n + 2 (20, 32, 44, 56, 110), not {recipe.depth}"
        )
    return resnet_cifar10(recipe.depth, classes, option.replace("auto", "A"))


LESSON = lab.NetworkLesson(
    "resnet",
    "ResNet",
    "Each block learns only what to add to its input, so that a hundred layers still train.",
    recipe=RECIPE,
    build=build,
    forms={
        "paper": lab.Form("ResNet-50", lambda: resnet_imagenet(50, stride_first=True)),
        "torchvision": lab.Form("ResNet-50 of torchvision", lambda: resnet_imagenet(50)),
        "cifar10": lab.Form("ResNet-20", lambda: resnet_cifar10(20), (3, 32, 32)),
    },
    same_as=SAME_AS,
    live=True,
    full_size="--depth 18",
    smoke="--depth 8",
)

# %% [markdown]
# ## Train

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %% [markdown]
# ## What it learned
#
# Compare the training loss with LeNet's: nineteen thin convolutions do better, with four times the
# parameters and sixty times the work. A 3x3 filter has room for an edge or a color, and no more.

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `--plain --depth 20` and `--plain --depth 56`: which of the two has the lower *training* loss?
#   And with shortcuts, `--depth 20` and `--depth 56`? This is figure 6 of the paper.
# - `--shortcut B`: do the 2,752 extra parameters help?
# - Leave out the ReLU after the sum, so that the shortcuts reach from the stem to the pooling
#   with nothing in between. What does that change for a network of 110 layers?
