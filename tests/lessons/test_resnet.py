"""ResNet: the paper's networks, and the variants for 32x32 images."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

import lab
import resnet

pytestmark = pytest.mark.needs("resnet")


def ghost(make: Callable[..., resnet.ResNet], *arguments: object, **named: object) -> nn.Module:
    """A network without memory for its weights, made at once."""
    with torch.device("meta"):
        return make(*arguments, **named)


def recipe(**changes: object) -> resnet.ResNetRecipe:
    return resnet.ResNetRecipe("resnet", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("depth", "billions"), [(18, 1.8), (34, 3.6), (50, 3.8)])
def test_the_papers_form_needs_the_multiply_adds_of_table_1(depth: int, billions: float) -> None:
    model = ghost(resnet.resnet_imagenet, depth, stride_first=True)
    macs = lab.count_macs(model, (1, 3, 224, 224))
    assert int(macs / 1e8) / 10 == billions  # the paper cuts digits off


@pytest.mark.parametrize(
    ("depth", "millions"), [(20, "0.27"), (32, "0.46"), (44, "0.66"), (56, "0.85"), (110, "1.7")]
)
def test_the_cifar10_family_has_the_parameters_of_table_6(depth: int, millions: str) -> None:
    model = ghost(resnet.build, recipe(depth=depth), 10)
    assert f"{lab.count_parameters(model) / 1e6:.{len(millions) - 2}f}" == millions
    layers = [part for part in model.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth


@pytest.mark.parametrize(("make", "shape"), [("cifar10", (3, 32, 32)), ("imagenet", (3, 224, 224))])
def test_blocks_cost_the_same_in_all_stages_but_the_first_of_each_less(
    make: str, shape: tuple[int, int, int]
) -> None:
    model = (
        ghost(resnet.resnet_cifar10, 20) if make == "cifar10" else ghost(resnet.resnet_imagenet, 34)
    )
    costs = {each.name: each.macs for each in lab.layers(model, (1, *shape), depth=2)}
    assert costs["conv2_x.1"] == costs["conv3_x.1"] == costs["conv4_x.1"] > costs["conv3_x.0"]


def test_option_a_keeps_every_second_pixel_and_adds_channels_of_zeros() -> None:
    x = torch.rand(2, 4, 8, 8)
    y = resnet.ZeroPadding(added=4, stride=2)(x)
    assert torch.equal(y[:, :4], x[:, :, ::2, ::2])
    assert y[:, 4:].shape == (2, 4, 4, 4)
    assert not y[:, 4:].any()


def test_a_plain_network_is_the_residual_one_without_its_shortcuts() -> None:
    plain = ghost(resnet.build, recipe(depth=20, plain=True), 10)
    residual = ghost(resnet.build, recipe(depth=20), 10)
    assert [name for name, _ in plain.named_parameters()] == [
        name for name, _ in residual.named_parameters()
    ]
    shortcuts = [name for name, _ in residual.named_modules() if name.endswith("shortcut")]
    assert len(shortcuts) == 9
    assert not [name for name, _ in plain.named_modules() if name.endswith("shortcut")]
    silent = resnet.build(recipe(depth=8, plain=True), 10).eval()
    nn.init.zeros_(silent.conv4_x[0].bn2.weight)
    one, other = silent(torch.rand(2, 3, 32, 32))
    assert torch.equal(one, other)  # nothing passes a block that is silent


@pytest.mark.parametrize("depth", [9, 19, 101])
def test_a_depth_that_no_family_has_is_refused(depth: int) -> None:
    with pytest.raises(lab.UserError, match=f"6n \\+ 2 .*, not {depth}"):
        resnet.build(recipe(depth=depth), 10)
