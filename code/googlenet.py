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
# Should a layer look at one pixel, at 3x3 or at 5x5? GoogLeNet does all of it side by side and
# lets the next layer choose. What makes this affordable is a 1x1 convolution before each expensive
# one, which first mixes many channels into few.
#
# On ImageNet the stem shrinks 224x224 images by eight before the first of the nine blocks. Of a
# 32x32 image that would leave 4x4, so here the first convolution is a 3x3 one that keeps the
# resolution, and one of the two poolings is left out: the blocks work at 16x16, 8x8 and 4x4. To
# suit a laptop, every layer has 3/8 of its channels; `--width 1` gives the full network.
#
# `python code/googlenet.py` trains it on CIFAR10; `--paper` does it in the form of 2014,
# `--auxiliary-weight 0` without the auxiliary classifiers. `--help` lists the settings, `--smoke`
# tries everything out. What to expect is in the recorded run, `static/results/googlenet.json`.

# %%
from dataclasses import dataclass

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn

from lab import plots
from lab.measure import layers

# %% [markdown]
# ## The block
#
# Four branches see the same input (figure 2b): 1x1, 3x3 and 5x5 convolutions and max pooling.
# Their maps have the same size and are put one behind the other, so the channels add up.
#
# Here **torchvision departs from the paper** in two ways. Its "5x5" branch has a 3x3 convolution:
# a mistake that was found when the trained weights were in use everywhere, and kept for their
# sake. And each convolution is followed by batch norm, which was published only after GoogLeNet;
# the paper's convolutions have a bias instead. `paper=True` is the form of 2014.


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
    """Four branches, concatenated: (N, in_channels, H, W) -> (N, their channels, H, W).

    The six `channels` are a row of table 1.
    """

    def __init__(self, in_channels: int, channels: tuple[int, ...], paper: bool = False) -> None:
        super().__init__()
        ch1x1, ch3x3_reduce, ch3x3, ch5x5_reduce, ch5x5, pool_proj = channels
        self.branch1x1 = BasicConv2d(in_channels, ch1x1, 1, 1, paper)
        self.branch3x3 = nn.Sequential(
            BasicConv2d(in_channels, ch3x3_reduce, 1, 1, paper),
            BasicConv2d(ch3x3_reduce, ch3x3, 3, 1, paper),
        )
        self.branch5x5 = nn.Sequential(
            BasicConv2d(in_channels, ch5x5_reduce, 1, 1, paper),
            BasicConv2d(ch5x5_reduce, ch5x5, 5 if paper else 3, 1, paper),
        )
        self.branch_pool = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            BasicConv2d(in_channels, pool_proj, 1, 1, paper),
        )

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch1x1, self.branch3x3, self.branch5x5, self.branch_pool)
        return torch.cat([branch(x) for branch in branches], dim=1)


# %% [markdown]
# The first block of the network, 3a: 64 + 128 + 32 + 32 channels make 256. And what the 1x1
# convolutions before the 3x3 and the 5x5 one save (section 4):

# %%
if __name__ == "__main__":
    x = torch.rand(1, 192, 28, 28)
    block = Inception(192, (64, 96, 128, 16, 32, 32), paper=True)
    print(f"{tuple(x.shape)} -> Inception 3a -> {tuple(block(x).shape)}")
    for name, branch, kernel in (("3x3", block.branch3x3, 3), ("5x5", block.branch5x5, 5)):
        direct = nn.Conv2d(192, branch[-1].conv.out_channels, kernel, padding=kernel // 2)
        costs = [lab.count_macs(module, tuple(x.shape)) / 1e6 for module in (direct, branch)]
        print(f"{name} branch: direct {costs[0]:.0f} million MACs, reduced {costs[1]:.0f} million")

# %% [markdown]
# ## The auxiliary classifiers
#
# In 2014 a gradient hardly survived 22 layers: batch norm and shortcuts were still to come. So two
# small classifiers sit on the blocks 4a and 4d, and their losses, with a weight of 0.3 each, reach
# the lower half of the network directly (section 5). They are thrown away after training.


# %%
class InceptionAux(nn.Module):
    """An auxiliary classifier: (N, in_channels, H, W) -> logits (N, classes)."""

    def __init__(
        self, in_channels: int, classes: int, width: float, pool: nn.Module, paper: bool
    ) -> None:
        super().__init__()
        maps, hidden = scaled(128, width), scaled(1024, width)
        self.pool = pool
        self.conv = BasicConv2d(in_channels, maps, 1, 1, paper)
        self.fc1 = nn.Linear(maps * 4 * 4, hidden)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.pool(x)).flatten(1)  # (N, 128 * 4 * 4)
        return self.fc2(self.dropout(self.relu(self.fc1(x))))  # (N, classes)


def scaled(channels: int, width: float) -> int:
    """A channel count of the paper, times `width`."""
    return max(1, round(channels * width))


# %% [markdown]
# ## The network
#
# Table 1 of the paper, row by row. The paper's form differs in four more details: local response
# normalization in the stem (figure 3), a last max pooling over 3x3 rather than 2x2 pixels, averages
# over 5x5 pixels in the auxiliary classifiers, and dropout of 40 % rather than 20.

# %%
TABLE_1 = {  # block: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class GoogLeNet(nn.Module):
    """GoogLeNet: images (N, 3, size, size) -> logits (N, classes).

    In train mode, with auxiliary classifiers, it returns a tuple of three such logits: its own,
    those after block 4a and those after block 4d.

    Args:
        size: side of the images; at 32 the stem shrinks them by two instead of eight.
        width: channels of every layer, as a share of the paper's.
        classes: how many.
        auxiliary: with the two auxiliary classifiers.
        paper: the form of 2014 instead of torchvision's.

    Raises `ValueError` for images of another shape.
    """

    def __init__(
        self,
        size: int = 224,
        width: float = 1.0,
        classes: int = 1000,
        auxiliary: bool = True,
        paper: bool = False,
    ) -> None:
        super().__init__()
        self.size = size
        small = size == 32
        stem = scaled(64, width)
        channels = scaled(192, width)
        self.conv1 = BasicConv2d(3, stem, 3 if small else 7, 1 if small else 2, paper)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm1 = local_response_norm() if paper else nn.Identity()
        self.conv2 = BasicConv2d(stem, stem, 1, 1, paper)
        self.conv3 = BasicConv2d(stem, channels, 3, 1, paper)
        self.norm2 = local_response_norm() if paper else nn.Identity()
        self.maxpool2 = nn.Identity() if small else nn.MaxPool2d(3, stride=2, ceil_mode=True)
        for name, row in TABLE_1.items():
            counts = tuple(scaled(count, width) for count in row)
            self.add_module(f"inception{name}", Inception(channels, counts, paper=paper))
            channels = counts[0] + counts[2] + counts[4] + counts[5]
            if name in ("4a", "4d") and auxiliary:
                pool = nn.AvgPool2d(5, 3) if paper and not small else nn.AdaptiveAvgPool2d(4)
                head = InceptionAux(channels, classes, width, pool, paper)
                self.add_module("aux1" if name == "4a" else "aux2", head)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.maxpool4 = nn.MaxPool2d(3 if paper else 2, stride=2, ceil_mode=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4 if paper else 0.2)
        self.fc = nn.Linear(channels, classes)
        self.auxiliary = auxiliary
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # keeps the size of the signal through all layers
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:  # 224x224 | 32x32 at width 3/8
        # torch.fx traces with a stand-in, which has no shape to check.
        if isinstance(x, Tensor) and x.shape[1:] != (3, self.size, self.size):
            wanted = f"(N, 3, {self.size}, {self.size})"
            raise ValueError(f"this network takes images {wanted}, not {tuple(x.shape)}")
        speaks = self.training and self.auxiliary
        x = self.conv1(x)  # (N, 64, 112, 112) | (N, 24, 32, 32)
        x = self.norm1(self.maxpool1(x))  # (N, 64, 56, 56) | (N, 24, 16, 16)
        x = self.conv2(x)  # (N, 64, 56, 56) | (N, 24, 16, 16)
        x = self.norm2(self.conv3(x))  # (N, 192, 56, 56) | (N, 72, 16, 16)
        x = self.maxpool2(x)  # (N, 192, 28, 28) | (N, 72, 16, 16)
        x = self.inception3a(x)  # (N, 256, 28, 28) | (N, 96, 16, 16)
        x = self.inception3b(x)  # (N, 480, 28, 28) | (N, 180, 16, 16)
        x = self.maxpool3(x)  # (N, 480, 14, 14) | (N, 180, 8, 8)
        x = self.inception4a(x)  # (N, 512, 14, 14) | (N, 192, 8, 8)
        aux1 = self.aux1(x) if speaks else None  # (N, classes)
        x = self.inception4b(x)  # (N, 512, 14, 14) | (N, 192, 8, 8)
        x = self.inception4c(x)  # (N, 512, 14, 14) | (N, 192, 8, 8)
        x = self.inception4d(x)  # (N, 528, 14, 14) | (N, 198, 8, 8)
        aux2 = self.aux2(x) if speaks else None  # (N, classes)
        x = self.inception4e(x)  # (N, 832, 14, 14) | (N, 312, 8, 8)
        x = self.maxpool4(x)  # (N, 832, 7, 7) | (N, 312, 4, 4)
        x = self.inception5a(x)  # (N, 832, 7, 7) | (N, 312, 4, 4)
        x = self.inception5b(x)  # (N, 1024, 7, 7) | (N, 384, 4, 4)
        x = self.avgpool(x).flatten(1)  # (N, 1024) | (N, 384)
        logits = self.fc(self.dropout(x))  # (N, classes)
        return (logits, aux1, aux2) if speaks else logits


def local_response_norm() -> nn.LocalResponseNorm:
    """Each pixel, divided by a mean over five neighboring channels (as AlexNet's, 1 for its 2)."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)


# %% [markdown]
# ## The recipe
#
# Batch norm allows a high learning rate. The auxiliary classifiers count 0.3 each, as in the paper.


# %%
@dataclass(frozen=True)
class GoogLeNetRecipe(lab.AuxiliaryRecipe):
    """The settings of every lesson, and those of GoogLeNet."""

    width: float = lab.setting(
        0.375, "channels of every layer, as a share of the paper's", above=0, high=2
    )
    paper: bool = lab.setting(False, "5x5 convolutions and no batch norm, as in 2014")

    @property
    def title(self) -> str:
        return "GoogLeNet"


RECIPE = GoogLeNetRecipe("googlenet", epochs=16, lr=0.1, batch_size=128, crop_padding=2)


def build(recipe: GoogLeNetRecipe, classes: int) -> GoogLeNet:
    """The network for 32x32 images that a recipe asks for."""
    auxiliary = recipe.auxiliary_weight > 0
    return GoogLeNet(32, recipe.width, classes, auxiliary=auxiliary, paper=recipe.paper)


if __name__ == "__main__":
    recipe, options = lab.command_line(
        RECIPE, "Train GoogLeNet on CIFAR10 or on images of yours.", build=build
    )

# %% [markdown]
# ## What each stage costs
#
# At 32x32 and at 224x224. There is no large fully connected layer any more: each of the 1024 last
# maps is averaged to one number first.

# %%
if __name__ == "__main__":
    small = GoogLeNet(32, width=0.375, classes=10, auxiliary=False)
    print(lab.layer_table(small, (1, 3, 32, 32), depth=1))
    print(lab.layer_table(GoogLeNet(auxiliary=False), (1, 3, 224, 224), depth=1))

# %% [markdown]
# ## Is it the network of the paper?
#
# Table 1 gives the parameters (K stands for 1,024, biases are left out) and the operations of each
# row. Ours, in the paper's form, beside them:

# %%
PAPER = {  # row of table 1: the modules of ours, parameters in K, operations in M
    "convolution 7x7": (("conv1",), 2.7, 34),
    "convolution 3x3": (("conv2", "conv3"), 112, 360),
    "inception (3a)": (("inception3a",), 159, 128),
    "inception (3b)": (("inception3b",), 380, 304),
    "inception (4a)": (("inception4a",), 364, 73),
    "inception (4b)": (("inception4b",), 437, 88),
    "inception (4c)": (("inception4c",), 463, 100),
    "inception (4d)": (("inception4d",), 580, 119),
    "inception (4e)": (("inception4e",), 840, 170),
    "inception (5a)": (("inception5a",), 1072, 54),
    "inception (5b)": (("inception5b",), 1388, 71),
    "linear": (("fc",), 1000, 1),
}


def beside_the_paper() -> dict[str, tuple[float, float, float, float]]:
    """For each row of table 1: our parameters and the paper's (K), our MACs and the paper's (M)."""
    model = GoogLeNet(auxiliary=False, paper=True)
    measured = layers(model, (1, 3, 224, 224))
    rows = {}
    for row, (modules, parameters, operations) in PAPER.items():
        weights = [w for name in modules for w in getattr(model, name).parameters() if w.ndim > 1]
        macs = sum(layer.macs for layer in measured if layer.name.split(".")[0] in modules)
        ours = sum(weight.numel() for weight in weights)
        rows[row] = (ours / 1024, parameters, macs / 1e6, operations)
    return rows


if __name__ == "__main__":
    print(f"{'':18}parameters, K      operations, M")
    for row, (ours, theirs, macs, operations) in beside_the_paper().items():
        print(f"{row:16}{ours:9.1f}{theirs:8g}{macs:12.1f}{operations:7}")

# %% [markdown]
# The operations agree in all rows but two, to less than a million. The parameters agree where the
# paper is consistent with itself; in 4c, 4d, 4e and 5b its operations do not follow from its
# parameters, and in 5a both are larger than the widths in the same row give.
#
# The first row is another convolution, it seems. With eight 7x7 filters for each of the three
# colors and then a 1x1 convolution to 64 channels, both numbers come out:

# %%
if __name__ == "__main__":
    separable = nn.Sequential(
        nn.Conv2d(3, 24, 7, stride=2, padding=3, groups=3, bias=False),
        nn.Conv2d(24, 64, 1, bias=False),
    )
    macs = lab.count_macs(separable, (1, 3, 224, 224))
    print(
        f"separable: {lab.count_parameters(separable):,} parameters, {macs / 1e6:.1f} million MACs"
    )

# %% [markdown]
# In all, the 3x3 convolutions in place of the 5x5 ones save torchvision some parameters:

# %%
if __name__ == "__main__":
    for form, paper in (("torchvision", False), ("paper", True)):
        counts = [lab.count_parameters(GoogLeNet(auxiliary=a, paper=paper)) for a in (False, True)]
        print(
            f"{form:12} {counts[0]:>10,} parameters, {counts[1]:,} with the auxiliary classifiers"
        )

# %% [markdown]
# ## The same function as torchvision
#
# Equal weights must give equal outputs, those of the auxiliary classifiers included. torchvision
# numbers the branches; all other names agree.

# %%
THEIRS = {
    "branch1x1": "branch1",
    "branch3x3": "branch2",
    "branch5x5": "branch3",
    "branch_pool": "branch4",
}


def torchvision_name(name: str) -> str:
    """What torchvision calls a weight: inception3a.branch1x1.* -> inception3a.branch1.*."""
    return ".".join(THEIRS.get(part, part) for part in name.split("."))


if __name__ == "__main__":
    from torchvision import models

    theirs = models.googlenet(init_weights=False)
    ours = GoogLeNet()
    weights = theirs.state_dict()
    ours.load_state_dict({name: weights[torchvision_name(name)] for name in ours.state_dict()})
    for module in (*ours.modules(), *theirs.modules()):
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # each network would drop something else
    images = torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        logits, aux1, aux2 = ours(images)
        expected = theirs(images)
    pairs = ((logits, expected.logits), (aux1, expected.aux_logits1), (aux2, expected.aux_logits2))
    for name, (one, other) in zip(("logits", "aux1", "aux2"), pairs, strict=True):
        print(f"{name:7} largest difference {(one - other).abs().max():.1e}")

# %% [markdown]
# ## Train
#
# The losses below are those of the network's own logits; the auxiliary classifiers help to find
# the weights and are not asked afterwards.

# %%
if __name__ == "__main__":
    trained = lab.train(build, recipe, options)

# %% [markdown]
# ## What it learned

# %%
if __name__ == "__main__":
    trained.show("curve.png")

# %% [markdown]
# Which classes it takes for which, on the test images:

# %%
if __name__ == "__main__":
    trained.show("confusion.png")

# %% [markdown]
# What the filters of the first convolution look for:

# %%
if __name__ == "__main__":
    trained.draw("filters.png", plots.filters(trained.model.conv1.conv.weight))

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
# - `--auxiliary-weight 0`: with batch norm, do the auxiliary classifiers still help? And with
#   `--paper --lr 0.01`?
# - `--paper`: how high may the learning rate be without batch norm?
# - Leave out one of the four branches and give its channels to the others. Which one is missed?
