"""VGG16: the paper's configuration D, torchvision's outputs, and the variant for 32x32 images."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import models

import lab
import vgg16
from networks import (
    assert_exports,
    assert_finite_gradients,
    assert_one_row_an_image,
    assert_same_outputs,
    renamed,
)


def ghost(**named: object) -> vgg16.VGG16:
    """A network without memory for its weights, made at once."""
    with torch.device("meta"):
        return vgg16.VGG16(**named)  # type: ignore[arg-type]


def recipe(**changes: object) -> vgg16.VGG16Recipe:
    return vgg16.VGG16Recipe("vgg16", **changes)  # type: ignore[arg-type]


SMALL = {
    "default": vgg16.RECIPE,
    "without batch norm": recipe(batch_norm=False),
    "without dropout": recipe(dropout=0.0, width=0.0625),
}


@pytest.mark.parametrize("batch_norm", [False, True])
def test_torchvisions_weights_give_torchvisions_outputs(batch_norm: bool) -> None:
    theirs = models.vgg16_bn() if batch_norm else models.vgg16()
    ours = ghost(batch_norm=batch_norm)
    in_order = dict(zip(ours.state_dict(), theirs.state_dict(), strict=True))
    if batch_norm:
        assert {name: vgg16.torchvision_name(name) for name in in_order} == in_order
    renamed(ours, theirs, in_order.__getitem__)
    assert_same_outputs(ours, theirs, torch.rand(2, 3, 224, 224))


def test_it_has_the_layers_of_its_name_and_the_138_million_parameters_of_table_2() -> None:
    assert round(lab.count_parameters(ghost()) / 1e6) == 138
    layers = [part for part in ghost().modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert len(layers) == 16


@pytest.mark.parametrize("variant", SMALL)
def test_logits_have_one_row_an_image(variant: str) -> None:
    assert_one_row_an_image(vgg16.build(SMALL[variant], 7), 32, 7)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_imagenet_size_gives_one_row_an_image(batch_norm: bool) -> None:
    thin = vgg16.VGG16(width=1 / 16, hidden=64, batch_norm=batch_norm)
    assert_one_row_an_image(thin, 224, 1000)


@pytest.mark.parametrize("variant", SMALL)
def test_every_parameter_gets_a_finite_gradient(variant: str) -> None:
    torch.manual_seed(0)
    assert_finite_gradients(vgg16.build(SMALL[variant], 10), 32, 10)


@pytest.mark.parametrize("variant", ["default", "without batch norm"])
def test_the_network_can_be_exported(variant: str) -> None:
    assert_exports(vgg16.build(SMALL[variant], 10), 32)
