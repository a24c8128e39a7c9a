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
# # Vision Transformer
#
# Dosovitskiy and others, *An image is worth 16x16 words: transformers for image recognition at
# scale*, ICLR 2021 ([arXiv:2010.11929](https://arxiv.org/abs/2010.11929)). The companion of the
# slide **Vision Transformer**.
#
# Cut the image into patches, turn each into a vector, and give these vectors to a transformer as if
# they were the words of a sentence. Its blocks have ResNet's shortcuts, but no convolution: every
# patch may look at every other, and no layer knows which two are neighbors. A convolution has that
# built in. This network must learn it: with 1.3 million images it was worse than ResNets, and with
# 300 million it was better (figure 3). A stronger recipe closes much of that gap (Touvron and
# others, 2021, [arXiv:2012.12877](https://arxiv.org/abs/2012.12877)).
#
# With the 50,000 of CIFAR10 and the recipe of a ResNet you may expect it to be worse. Here the
# patches have 4x4 pixels, so that there are 64 of them, and the network is small.
#
# `python code/vit.py` trains it on CIFAR10; with `--stem conv`, three convolutions make the
# vectors. `--help` lists the rest.

# %%
from dataclasses import dataclass

import lab  # isort: skip (before torch, for Ctrl-C)
import torch
from torch import Tensor, nn

# %% [markdown]
# ## Attention
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\left(QK^\top / \sqrt{D_h}\right) V$$
#
# Every patch asks a question (a row of Q, the queries). Every patch also has a key (K), which fits
# a question more or less well, and a value (V), which it hands over in that proportion: equations 5
# to 7 of appendix A. Several *heads* do so side by side, each with $D_h$ numbers (equation 8).


# %%
class Attention(nn.Module):
    """Self-attention with several heads: (N, T, D) -> (N, T, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.softmax = nn.Softmax(dim=3)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:  # q, k, v: (N, heads, T, D_h)
        qkv = self.qkv(x).unflatten(2, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5
        y = self.softmax(scores) @ v  # (N, heads, T, D_h)
        return self.out(y.transpose(1, 2).flatten(2))


# %% [markdown]
# ## The block
#
# Equations 2 and 3: attention moves information between patches, then a perceptron with one hidden
# layer works on each patch by itself. Both have a shortcut, and layer norm comes before both.


# %%
def perceptron(width: int, hidden: int) -> nn.Sequential:
    """(N, T, D) -> (N, T, D), each token by itself."""
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class EncoderBlock(nn.Module):
    """Figure 1, right: (N, T, D) -> (N, T, D)."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = perceptron(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


# %%
@lab.demo
def one_block() -> None:
    x = torch.rand(1, 197, 768)
    block = EncoderBlock(768, heads=12, hidden=3072)
    y = block(x)
    print(tuple(x.shape), "->", tuple(y.shape), f"{lab.count_parameters(block):,} parameters")
    turned = block(x.flip(1))
    print("in another order, the same answers:", torch.allclose(turned, y.flip(1), atol=1e-5))


# %% [markdown]
# ## The network
#
# Equation 1: a convolution with stride P cuts patches of P x P pixels and makes a vector of each.
# One more vector, the *class token*, is learned, and its last state goes to the classifier
# (equation 4). Attention knows no order, so each place adds a vector of its own, the *position
# embedding*, which is learned as well.


# %%
class Tokens(nn.Module):
    """Equation 1: patches (N, D, H, W) -> tokens (N, 1 + H * W, D)."""

    def __init__(self, patches: int, width: int) -> None:
        super().__init__()
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, 1 + patches, width) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(2).transpose(1, 2)  # (N, H * W, D)
        token = self.class_token.expand(x.shape[0], -1, -1)
        return torch.cat([token, x], dim=1) + self.positions


# %%
class VisionTransformer(nn.Module):
    """ViT: images (N, 3, side, side) -> logits (N, classes).

    Args:
        side: of the images, in pixels.
        patch: P, the side of the patches.
        width: D, the numbers in the vector of a patch.
        depth: how many blocks.
        heads: of the attention; they divide the width.
        hidden: units of the perceptron.
        classes: how many.
    """

    def __init__(
        self,
        side: int = 224,
        patch: int = 16,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        hidden: int = 3072,
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.patches: nn.Module = nn.Conv2d(3, width, kernel_size=patch, stride=patch)
        self.tokens = Tokens((side // patch) ** 2, width)
        self.blocks = nn.Sequential(*(EncoderBlock(width, heads, hidden) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:  # ViT-B/16 at 224x224 | at 32x32
        x = self.patches(x)  # (N, 768, 14, 14) | (N, 96, 8, 8)
        x = self.tokens(x)  # (N, 197, 768) | (N, 65, 96)
        x = self.norm(self.blocks(x))
        return self.head(x[:, 0])  # (N, classes), from the class token


# %% [markdown]
# A convolutional stem in place of the patches makes up for some of this (Xiao and others, *Early
# convolutions help transformers see better*, 2021,
# [arXiv:2106.14881](https://arxiv.org/abs/2106.14881)): 3x3 convolutions of stride 2, then a 1x1.


# %%
def convolutional_stem(width: int, patch: int) -> nn.Sequential:
    """Halves the image until a patch is one pixel: (N, 3, H, W) -> (N, width, H / P, W / P)."""
    stem, channels = nn.Sequential(), 3
    for number in range(patch.bit_length() - 1, 0, -1):
        out = width // 2 ** (number - 1) // 2
        stem.append(nn.Conv2d(channels, out, 3, stride=2, padding=1, bias=False))
        stem.append(nn.BatchNorm2d(out))
        stem.append(nn.ReLU())
        channels = out
    return stem.append(nn.Conv2d(channels, width, kernel_size=1))


# %% [markdown]
# ## What it costs
#
# ViT-B/16 has 86 million parameters (table 1), more than three times as many as ResNet-50, and
# nearly all of them are in its twelve blocks.


# %%
@lab.demo
def costs() -> None:
    with torch.device("meta"):  # counts need no memory for 86 million weights
        print(lab.layer_table(VisionTransformer(), (1, 3, 224, 224), depth=1))


# %% [markdown]
# ## The same function as torchvision
#
# torchvision uses PyTorch's own attention, which keeps the weights of Q, K and V in one matrix, as
# ours does. Small images take a tenth of the time; only the position embedding has another shape.

# %%
NAMES = {
    "patches": "conv_proj",
    "tokens.class_token": "class_token",
    "tokens.positions": "encoder.pos_embedding",
    "norm.": "encoder.ln.",
    "head": "heads.head",
    "norm1": "ln_1",
    "norm2": "ln_2",
    "attention.qkv.": "self_attention.in_proj_",
    "attention.out": "self_attention.out_proj",
    "mlp.2": "mlp.3",
}


def torchvision_name(name: str) -> str:
    """What torchvision calls a weight of ours: blocks.0.norm1.bias -> (...)_layer_0.ln_1.bias."""
    front = ""
    if name.startswith("blocks."):
        _, number, name = name.split(".", 2)
        front = f"encoder.layers.encoder_layer_{number}."
    for ours, theirs in NAMES.items():
        if name.startswith(ours):
            return front + name.replace(ours, theirs, 1)
    return front + name


SAME_AS = lab.SameAs(
    "vit_b_16", lambda: VisionTransformer(side=64), torchvision_name, {"image_size": 64}, side=64
)


@lab.demo
def difference_from_torchvision() -> None:
    print(lab.prove(SAME_AS))


# %% [markdown]
# ## The recipe


# %%
@dataclass(frozen=True)
class ViTRecipe(lab.Recipe):
    """The settings of every lesson, and those of the Vision Transformer."""

    TITLE = "Vision Transformer"
    patch: int = lab.setting(4, "side of a patch: 2, 4, 8 or 16 pixels", low=2, high=16)
    width: int = lab.setting(96, "numbers of a patch, a multiple of heads", low=16, high=768)
    depth: int = lab.setting(6, "blocks", low=1, high=48)
    heads: int = lab.setting(3, "of the attention", low=1, high=12)
    stem: str = lab.setting(
        "patches", "what makes the vectors of the patches", choices=("patches", "conv")
    )


RECIPE = ViTRecipe("vit", epochs=20, lr=0.1, batch_size=128, crop_padding=2)


def build(recipe: ViTRecipe, classes: int) -> VisionTransformer:
    """The network for 32x32 images that a recipe asks for."""
    if recipe.patch not in (2, 4, 8, 16):
        raise lab.UserError(f"--patch must be 2, 4, 8 or 16, not {recipe.patch}")
    if recipe.width % recipe.heads != 0:
        raise lab.UserError(
            f"--width must be a multiple of --heads ({recipe.heads}), not {recipe.width}"
        )
    width, hidden = recipe.width, 4 * recipe.width
    model = VisionTransformer(32, recipe.patch, width, recipe.depth, recipe.heads, hidden, classes)
    if recipe.stem == "conv":
        model.patches = convolutional_stem(width, recipe.patch)
    return model


LESSON = lab.NetworkLesson(
    "vit",
    "Vision Transformer",
    "An image as a sentence of patches, in which every patch may look at every other.",
    recipe=RECIPE,
    build=build,
    forms={
        "paper": lab.Form("ViT-B/16", VisionTransformer),
        "cifar10": lab.Form("ViT with 4x4 patches", lambda: build(RECIPE, 10), (3, 32, 32)),
    },
    same_as=SAME_AS,
    figure=lab.Figure("rows", "cifar10"),
    live=True,
    full_size="--width 192 --depth 12",
    smoke="--width 24 --depth 1",
)

# %% [markdown]
# ## Train

# %%
if __name__ == "__main__":
    trained = lab.main(LESSON)

# %% [markdown]
# ## What it learned
#
# Both losses fall together and stay high: in so few epochs it underfits. It has to learn what a
# neighbor is, which a convolution knows from the start.

# %%
if __name__ == "__main__":
    trained.pictures()

# %% [markdown]
# ## To try
#
# - `--stem conv`: how close do three convolutions bring it to ResNet?
# - `--patch 2` and `--patch 8`: the first has sixteen times as many patches. Why is its work more
#   than sixteen times as much?
# - Leave out the position embedding. How much does it matter to know where a patch lies?
