"""Networks that torchvision has, in more forms than their demonstrations prove: equal outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torchvision import models

import convnext
import googlenet
import inception
import lab
import resnet
import vgg16
from lab import proof
from networks import comparing_images

pytestmark = pytest.mark.needs("convnext", "googlenet", "inception", "resnet", "vgg16")


def bare(same_as: lab.SameAs, network: Callable[..., nn.Module]) -> lab.SameAs:
    """The same network without its auxiliary classifiers."""
    build, arguments = partial(network, auxiliary=False), {"aux_logits": False}
    return replace(same_as, build=build, arguments={**same_as.arguments, **arguments})


def vgg16_without_batch_norms() -> lab.SameAs:
    """Its weights stand in torchvision's order."""
    with torch.device("meta"):
        pairs = zip(vgg16.VGG16().state_dict(), models.vgg16().state_dict(), strict=True)
    return lab.SameAs("vgg16", vgg16.VGG16, dict(pairs).__getitem__)


# Each on smaller images where the network takes them.
PROVEN: dict[str, lab.SameAs] = {
    "vgg16": vgg16_without_batch_norms(),
    "googlenet-bare": replace(bare(googlenet.SAME_AS, googlenet.GoogLeNet), side=96),
    "inception-bare": replace(bare(inception.SAME_AS, inception.Inception3), side=107),
    **{
        f"resnet{depth}": lab.SameAs(
            f"resnet{depth}",
            partial(resnet.resnet_imagenet, depth),
            resnet.torchvision_name,
            side=96,
        )
        for depth in (34, 50)
    },
}


@pytest.mark.parametrize("name", PROVEN)
def test_torchvisions_weights_give_torchvisions_outputs(name: str) -> None:
    torch.manual_seed(0)
    with comparing_images():
        proven = lab.prove(PROVEN[name])
    assert proven.holds, proven


def test_what_is_no_number_is_not_equal() -> None:
    assert not proof.Proof("", {"training": 0.0, "evaluation": float("nan")}).holds


def test_a_convnext_whose_blocks_are_exchanged_is_not_torchvisions() -> None:
    def crossed(name: str) -> str:
        for block, other in (("stages.2.0.", "stages.2.1."), ("stages.2.1.", "stages.2.0.")):
            if name.startswith(block):
                return convnext.torchvision_name(name.replace(block, other))
        return convnext.torchvision_name(name)

    proven = lab.prove(replace(convnext.SAME_AS, rename=crossed))
    assert not proven.change
    assert not proven.holds
