"""VGG16: the paper's configuration D, torchvision's outputs, and the variant for 32x32 images."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import models

import lab
import vgg16
from networks import assert_same_outputs, renamed

pytestmark = pytest.mark.needs("vgg16")


def ghost(**named: object) -> vgg16.VGG16:
    """A network without memory for its weights, made at once."""
    with torch.device("meta"):
        return vgg16.VGG16(**named)  # type: ignore[arg-type]


def test_without_batch_norms_torchvisions_weights_give_torchvisions_outputs() -> None:
    """With them its demonstration proves that."""
    theirs, ours = models.vgg16(), ghost()
    in_order = dict(zip(ours.state_dict(), theirs.state_dict(), strict=True))
    renamed(ours, theirs, in_order.__getitem__)
    assert_same_outputs(ours, theirs, torch.rand(2, 3, 224, 224))


def test_it_has_the_layers_of_its_name_and_the_138_million_parameters_of_table_2() -> None:
    assert round(lab.count_parameters(ghost()) / 1e6) == 138
    layers = [part for part in ghost().modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert len(layers) == 16
