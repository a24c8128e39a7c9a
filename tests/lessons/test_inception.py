"""Inception v3: what factorization saves, and what the auxiliary classifier needs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import inception
import lab
from inception import BasicConv2d, Inception3

pytestmark = pytest.mark.needs("inception")


def test_one_image_has_its_logits_but_is_too_few_for_the_auxiliary_classifier() -> None:
    model, image = Inception3(width=0.125, classes=7), torch.rand(1, 3, 299, 299)
    assert model.eval()(image).shape == (1, 7)
    # The auxiliary classifier's batch norm sees one pixel an image.
    with pytest.raises(ValueError, match="more than 1 value per channel when training"):
        model.train()(image)


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
