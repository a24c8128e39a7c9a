"""GoogLeNet: torchvision's function, the paper's numbers, the variant for small images."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

import googlenet
from googlenet import GoogLeNet
from networks import (
    assert_exports,
    assert_finite_gradients,
    assert_one_row_an_image,
    assert_same_outputs,
    renamed,
)

# Narrow, for speed: a shape is right or wrong at any width.
VARIANTS = {
    "imagenet": lambda: GoogLeNet(width=0.125, classes=7),
    "imagenet-bare": lambda: GoogLeNet(width=0.125, classes=7, auxiliary=False),
    "imagenet-paper": lambda: GoogLeNet(width=0.125, classes=7, paper=True),
    "cifar10": lambda: googlenet.build(googlenet.RECIPE, 7),
    "cifar10-bare": lambda: googlenet.build(replace(googlenet.RECIPE, auxiliary_weight=0.0), 7),
    "cifar10-paper": lambda: googlenet.build(replace(googlenet.RECIPE, paper=True), 7),
}


def side_of(variant: str) -> int:
    """Of the images that it takes, in pixels."""
    return 224 if "imagenet" in variant else 32


class InOrder(nn.Module):
    """torchvision's network, its auxiliary classifiers in the order of the layers."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        output = self.inner(x)
        if isinstance(output, Tensor):
            return output
        return output.logits, output.aux_logits1, output.aux_logits2


@pytest.mark.parametrize("auxiliary", [True, False])
def test_equal_weights_give_torchvisions_outputs(auxiliary: bool) -> None:
    torch.manual_seed(0)
    theirs = models.googlenet(aux_logits=auxiliary, init_weights=False)
    ours = renamed(GoogLeNet(auxiliary=auxiliary), theirs, googlenet.torchvision_name)
    assert_same_outputs(ours, InOrder(theirs), torch.rand(2, 3, 224, 224))


def test_the_papers_form_has_the_costs_of_table_1() -> None:
    rows = googlenet.beside_the_paper()
    assert len(rows) == 12
    stem, last_but_one = rows.pop("conv1"), rows.pop("inception5a")
    for name, (ours, theirs, macs, operations) in rows.items():
        assert abs(macs - operations) < 1, name
        assert ours == pytest.approx(theirs, rel=0.08), name
    exact = ("conv2 conv3", "inception3a", "inception3b", "inception4b", "fc")
    assert all(abs(rows[name][0] - rows[name][1]) <= 1 for name in exact)
    # Where the lesson says that the paper has fewer parameters than its channels need, it has.
    fewer = {name for name, (ours, theirs, *_) in rows.items() if theirs < ours - 1}
    assert fewer == {f"inception{name}" for name in ("4a", "4c", "4d", "4e", "5b")}
    assert last_but_one[:2] == (1018, 1072)
    assert last_but_one[2] + 1 < last_but_one[3]
    assert stem[:2] == (9.1875, 2.7)


def test_the_papers_form_has_5x5_convolutions_and_no_batch_norm() -> None:
    with torch.device("meta"):
        kinds = {type(module) for module in GoogLeNet(paper=True).modules()}
        block = GoogLeNet(paper=True).inception3a.branch5x5[1].conv
    assert nn.BatchNorm2d not in kinds
    assert nn.LocalResponseNorm in kinds
    assert block.kernel_size == (5, 5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_have_one_row_an_image(variant: str) -> None:
    model, side = VARIANTS[variant](), side_of(variant)
    assert_one_row_an_image(model, side, classes=7)
    heads = 1 if "bare" in variant else 3
    output = model.train()(torch.rand(2, 3, side, side))
    assert (len(output) if isinstance(output, tuple) else 1) == heads


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_gets_a_finite_gradient(variant: str) -> None:
    torch.manual_seed(0)
    model = VARIANTS[variant]()
    assert_finite_gradients(model, side_of(variant), classes=7)


@pytest.mark.parametrize("variant", ["cifar10", "imagenet-paper"])
def test_it_exports(variant: str) -> None:
    model = VARIANTS[variant]()
    assert_exports(model, side_of(variant))
