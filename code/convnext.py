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
# # ConvNeXt
#
# Liu, Mao, Wu, Feichtenhofer, Darrell and Xie, *A ConvNet for the 2020s*, CVPR 2022
# ([arXiv:2201.03545](https://arxiv.org/abs/2201.03545)). The companion of the slide **ConvNeXt**.
#
# Are transformers better than convolutions, or only newer? The authors take a ResNet-50, train it
# as transformers are trained, and then bring it closer to a transformer, one change at a time: a
# stem that cuts patches, depthwise convolutions of 7x7, blocks that are wide inside, and layer norm
# and GELU in place of batch norm and ReLU, only once in a block (sections 2.1 to 2.6). The
# result has no attention, and does at least as well as a Swin transformer of its size.
#
# The paper's stem cuts patches of 4x4 pixels; of a 32x32 image that would leave 8x8, too few for
# four stages. Here the patches have 2x2 pixels, and there are three stages.
#
# `python code/convnext.py` trains it on CIFAR10; `--width 96` makes it as wide as ConvNeXt-T.
# `--help` lists the rest.

# %%
from dataclasses import dataclass

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn

# %% [markdown]
# ## The block
#
# Figure 4, right. The depthwise convolution looks around, at 7x7 pixels of each channel, where a
# transformer has attention. The two 1x1 convolutions mix the channels, with four times as many in
# between, like a transformer's perceptron. With the channels last, a 1x1 convolution is a fully
# connected layer, and layer norm works as it is.


# %%
class StochasticDepth(nn.Module):
    """(N, C, H, W) -> (N, C, H, W): in training, some images become zero, and the others larger.

    So the mean stays the same (Huang et al., *Deep networks with stochastic depth*).
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return x
        kept = torch.rand(x.shape[0], 1, 1, 1, device=x.device) >= self.probability
        return x * kept / (1 - self.probability)


class Block(nn.Module):
    """x + scale * F(x): (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        drop: probability that an image skips F in training (stochastic depth).
        scale: what the factor of each channel of F begins with ("layer scale", appendix A). Our
            recipe decays it as any weight; the authors' does not.
    """

    def __init__(self, channels: int, drop: float = 0.0, scale: float = 1e-6) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.expand = nn.Linear(channels, 4 * channels)
        self.gelu = nn.GELU()
        self.project = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels, 1, 1), scale))
        self.skip = StochasticDepth(drop)

    def forward(self, x: Tensor) -> Tensor:
        y = self.depthwise(x).permute(0, 2, 3, 1)  # (N, H, W, C)
        y = self.project(self.gelu(self.expand(self.norm(y))))
        y = self.scale * y.permute(0, 3, 1, 2)  # (N, C, H, W)
        return x + self.skip(y)


# %%
class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each pixel: (N, C, H, W) -> (N, C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


# %%
@lab.demo
def one_block() -> None:
    x = torch.rand(1, 96, 56, 56)
    block = Block(96)
    print(tuple(x.shape), "->", tuple(block(x).shape))
    for layer in (block.depthwise, block.expand, block.project):
        print(f"{lab.count_parameters(layer):>7,} parameters in {layer}")


# %% [markdown]
# ## The network
#
# The stem cuts patches, and stages of equal blocks follow; between two stages a 2x2 convolution
# halves the image and doubles the channels. The stages have 3, 3, 9 and 3 blocks, in the
# proportions of Swin-T (section 2.2).


# %%
class ConvNeXt(nn.Module):
    """Table 9: images (N, 3, 224, 224) -> logits (N, classes).

    Args:
        blocks: how many in each stage.
        width: channels of the first stage.
        patch: side of the patches that the stem cuts, in pixels.
        classes: how many.
        drop: stochastic depth of the last block; it grows linearly from 0.
        scale: of every block, at first.
    """

    def __init__(
        self,
        blocks: tuple[int, ...] = (3, 3, 9, 3),
        width: int = 96,
        patch: int = 4,
        classes: int = 1000,
        drop: float = 0.0,
        scale: float = 1e-6,
    ) -> None:
        super().__init__()
        last = sum(blocks) - 1
        drops = (drop * number / last for number in range(sum(blocks)))
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, patch, stride=patch), ChannelNorm(width, 1e-6)
        )
        self.stages, self.downsampling = nn.ModuleList(), nn.ModuleList()
        channels = width
        for number, count in enumerate(blocks):
            if number > 0:
                halve = nn.Conv2d(channels, 2 * channels, kernel_size=2, stride=2)
                self.downsampling.append(nn.Sequential(ChannelNorm(channels, 1e-6), halve))
                channels *= 2
            stage = (Block(channels, next(drops), scale) for _ in range(count))
            self.stages.append(nn.Sequential(*stage))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.classifier = nn.Linear(channels, classes)
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:  # ConvNeXt-T at 224x224 | three stages at 32x32
        x = self.stem(x)  # (N, 96, 56, 56) | (N, 32, 16, 16)
        x = self.stages[0](x)
        for downsample, stage in zip(self.downsampling, self.stages[1:], strict=True):
            x = stage(downsample(x))  # (N, 768, 7, 7) | (N, 128, 4, 4) at the end
        x = self.avgpool(x).flatten(1)  # (N, 768) | (N, 128)
        return self.classifier(self.norm(x))  # (N, classes)


def initialize(module: nn.Module) -> None:
    """Small weights from a truncated normal distribution, biases of zero, as the authors' code."""
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)


# %% [markdown]
# ## What it costs
#
# ConvNeXt-T has 29 million parameters and 4.5 billion multiply-adds (table 1), about as many as
# Swin-T, and a little more than ResNet-50.


# %%
@lab.demo
def costs() -> None:
    print(lab.layer_table(ConvNeXt(), (1, 3, 224, 224), depth=1))


# %% [markdown]
# ## The same function as torchvision
#
# torchvision keeps stem, stages and downsampling in one list, and numbers the layers of a block.

# %%
LAYERS = {"depthwise": 0, "norm": 2, "expand": 3, "project": 5}


def torchvision_name(name: str) -> str:
    """What torchvision calls a weight of ours: stages.1.0.scale -> features.3.0.layer_scale."""
    kind, *rest = name.split(".")
    if kind in ("norm", "classifier"):
        return ".".join(("classifier", "0" if kind == "norm" else "2", *rest))
    if kind == "stem":
        return ".".join(("features", "0", *rest))
    number, *rest = rest
    if kind == "downsampling":
        return ".".join(("features", str(2 * int(number) + 2), *rest))
    block, layer, *rest = rest
    inside = ["block", str(LAYERS[layer])] if layer in LAYERS else ["layer_scale"]
    return ".".join(("features", str(2 * int(number) + 1), block, *inside, *rest))


# A scale of 1e-6 would hide what the blocks compute.
THEIRS = {"stochastic_depth_prob": 0.0, "layer_scale": 1.0}
SAME_AS = lab.SameAs("convnext_tiny", ConvNeXt, torchvision_name, THEIRS, side=64)


@lab.demo
def difference_from_torchvision() -> None:
    print(lab.prove(SAME_AS))


# %% [markdown]
# ## The recipe
#
# The paper trains for 300 epochs with AdamW, Mixup, CutMix and more (table 5). That alone is worth
# 2.7 points for a ResNet-50 (section 2.1). Here it gets the recipe of all the others. Its layer
# scale begins with 1: AdamW takes equally large steps for small gradients, SGD does not.


# %%
@dataclass(frozen=True)
class ConvNeXtRecipe(lab.Recipe):
    """The settings of every lesson, and those of ConvNeXt."""

    TITLE = "ConvNeXt"
    width: int = lab.setting(32, "channels of the first stage", low=4, high=192)
    patch: int = lab.setting(2, "side of the patches that the stem cuts, in pixels", low=1, high=4)
    drop: float = lab.setting(0.0, "stochastic depth of the last block", low=0, below=1)
    scale: float = lab.setting(1.0, "what the layer scale begins with", low=0, high=1)


RECIPE = ConvNeXtRecipe("convnext", epochs=20, lr=0.2, batch_size=128, crop_padding=2)


def build(recipe: ConvNeXtRecipe, classes: int) -> ConvNeXt:
    """The network for 32x32 images that a recipe asks for: three stages."""
    width, patch = recipe.width, recipe.patch
    return ConvNeXt((3, 3, 9), width, patch, classes, recipe.drop, recipe.scale)


LESSON = lab.NetworkLesson(
    "convnext",
    "ConvNeXt",
    "A ResNet, changed step by step until it looks like a transformer, but for the attention.",
    recipe=RECIPE,
    build=build,
    forms={"paper": lab.Form("ConvNeXt-T", ConvNeXt)},
    same_as=SAME_AS,
    figure=lab.Figure("graph", lab.Form("A block of ConvNeXt-T", lambda: Block(96), (96, 56, 56))),
    live=True,
    full_size="--width 96",
    smoke="--width 16 --patch 4",
)

# %% [markdown]
# ## Train

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %% [markdown]
# ## What it learned
#
# The filters of the stem are as large as a patch. What can they see in 2x2 pixels?

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `--patch 1` and `--patch 4` do four times the work and a quarter of it. What does that do to the
#   accuracy?
# - Use 3x3 instead of 7x7 in the block. Does the network miss the wide view, on such small images?
# - `--scale 1e-6`: the layer scale begins as in the paper. What happens in the first epochs?
