"""GoogLeNet: the paper's numbers and layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import googlenet
from googlenet import GoogLeNet

pytestmark = pytest.mark.needs("googlenet")


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
