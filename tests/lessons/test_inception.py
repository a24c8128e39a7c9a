"""Inception v3: torchvision's function, what factorization saves, the variant for small images."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torchvision import models

import inception
import lab
from inception import BasicConv2d, Inception3
from networks import (
    assert_exports,
    assert_finite_gradients,
    assert_one_row_an_image,
    assert_same_outputs,
    renamed,
)

# Narrow, for speed: a shape is right or wrong at any width.
VARIANTS = {
    "imagenet": lambda: Inception3(width=0.125, classes=7),
    "imagenet-bare": lambda: Inception3(width=0.125, classes=7, auxiliary=False),
    "cifar10": lambda: inception.build(inception.RECIPE, 7),
    "cifar10-bare": lambda: inception.build(replace(inception.RECIPE, auxiliary_weight=0.0), 7),
}


def side_of(variant: str) -> int:
    """Of the images that it takes, in pixels."""
    return 299 if "imagenet" in variant else 32


@pytest.mark.parametrize("auxiliary", [True, False])
def test_equal_weights_give_torchvisions_outputs(auxiliary: bool) -> None:
    torch.manual_seed(0)
    theirs = models.inception_v3(aux_logits=auxiliary, init_weights=False)
    with torch.device("meta"):
        empty = Inception3(auxiliary=auxiliary)
    ours = renamed(empty, theirs, inception.torchvision_name)
    assert_same_outputs(ours, theirs, torch.rand(2, 3, 299, 299))


def test_it_has_less_than_the_25_million_parameters_of_the_abstract() -> None:
    with torch.device("meta"):
        assert lab.count_parameters(Inception3(auxiliary=False)) < 25_000_000


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_have_one_row_an_image(variant: str) -> None:
    model, side = VARIANTS[variant](), side_of(variant)
    bare = "bare" in variant
    # The auxiliary classifier's batch norm sees one pixel an image.
    assert_one_row_an_image(model, side, classes=7, batches=(1, 2, 5) if bare else (2, 5))
    images = torch.rand(1, 3, side, side)
    assert model.eval()(images).shape == (1, 7)
    if not bare:
        with pytest.raises(ValueError, match="more than 1 value per channel when training"):
            model.train()(images)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_gets_a_finite_gradient(variant: str) -> None:
    torch.manual_seed(0)
    model = VARIANTS[variant]()
    assert_finite_gradients(model, side_of(variant), classes=7)


@pytest.mark.parametrize(
    ("kernels", "kernel"),
    [(((3, 3), (3, 3)), (5, 5)), (((1, 7), (7, 1)), (7, 7)), (((7, 1), (1, 7)), (7, 7))],
)
@pytest.mark.parametrize("stride", [1, 2])
def test_two_convolutions_see_what_the_joined_one_sees(
    kernels: tuple[tuple[int, int], tuple[int, int]], kernel: tuple[int, int], stride: int
) -> None:
    first = BasicConv2d(3, 4, kernels[0], padding=(kernels[0][0] // 2, kernels[0][1] // 2))
    second = BasicConv2d(4, 5, kernels[1], stride=stride)
    one = inception.joined(first, second).conv
    assert (one.kernel_size, one.stride) == (kernel, (stride, stride))
    # Two linear maps are one: composed, they are a convolution with this kernel. Inside of the
    # image it gives the same numbers; at the edges only one of the two is padded.
    kernels_of_both = torch.einsum("oihw,ijkl->ojhwkl", second.conv.weight, first.conv.weight)
    composed = torch.zeros_like(one.weight)
    for h in range(kernels[1][0]):
        for w in range(kernels[1][1]):
            rows = slice(h, h + kernels[0][0])
            composed[:, :, rows, w : w + kernels[0][1]] += kernels_of_both[:, :, h, w]
    one.weight = nn.Parameter(composed)
    images = torch.rand(1, 3, 24, 24)
    direct, pair = one(images), second.conv(first.conv(images))
    assert direct.shape == pair.shape
    inner = (..., slice(4, -4), slice(4, -4))
    torch.testing.assert_close(direct[inner], pair[inner])


def test_factorization_saves_what_the_lesson_says() -> None:
    with torch.device("meta"):
        model = Inception3(auxiliary=False)
        direct = inception.unfactorized(model)
    # A: 64 -> 96 -> 96 by 3x3 or 64 -> 96 by 5x5, each with batch norms of 2 parameters a map.
    saved_a = 25 * 64 * 96 + 2 * 96 - (9 * 64 * 96 + 9 * 96 * 96 + 4 * 96)
    blocks = [lab.count_parameters(each.mixed_5c) for each in (direct, model)]
    assert blocks[0] - blocks[1] == saved_a
    assert direct.mixed_6b.branch7x7[1].conv.kernel_size == (7, 7)
    assert direct.mixed_7b.branch3x3dbl[1].conv.kernel_size == (3, 3)


def test_it_exports() -> None:
    assert_exports(VARIANTS["cifar10"](), 32)
