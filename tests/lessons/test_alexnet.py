"""AlexNet: the two towers of the paper."""

from __future__ import annotations

import pytest
import torch

import alexnet
from lab.measure import layers

pytestmark = pytest.mark.needs("alexnet")


def paper() -> alexnet.AlexNet:
    with torch.device("meta"):
        return alexnet.alexnet_2012()


def test_the_papers_form_has_the_layers_of_section_3_5() -> None:
    measured = layers(paper(), (1, 3, 224, 224))
    convolutions = [layer for layer in measured if layer.kind == "Conv2d"]
    # Kernels by their number and size, "11x11x3", "5x5x48" and so on, and a bias each.
    kernels = [96 * 11 * 11 * 3, 256 * 5 * 5 * 48, 384 * 3 * 3 * 256, 384 * 3 * 3 * 192]
    kernels.append(256 * 3 * 3 * 192)
    assert [layer.parameters - layer.shape[0] for layer in convolutions] == kernels
    # Its numbers of neurons from the second layer on; that of the first, 253,440, does not fit
    # any square map of 96 channels.
    neurons = [layer.shape[0] * layer.shape[1] * layer.shape[2] for layer in convolutions]
    assert neurons[1:] == [186_624, 64_896, 64_896, 43_264]
    connected = [layer.shape for layer in measured if layer.kind == "Linear"]
    assert connected == [(4096,), (4096,), (1000,)]
    normalized = [layer.shape[0] for layer in measured if layer.kind == "LocalResponseNorm"]
    assert normalized == [96, 256]


def test_normalization_follows_the_formula_of_section_3_3() -> None:
    block = alexnet.convolution(3, 12, kernel_size=1, norm="lrn")
    x = torch.randn(2, 3, 4, 4) * 20
    a = torch.relu(block[0](x))
    b = block(x)
    for i in range(12):
        around = a[:, max(0, i - 2) : min(11, i + 2) + 1]
        expected = a[:, i] / (2 + 1e-4 * around.square().sum(1)) ** 0.75
        torch.testing.assert_close(b[:, i], expected)
