"""LeNet: the network of the paper, its loop written out, and the recorded result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import lab
import lenet
from lab.measure import layers
from running import assert_equal_weights, weights


def test_every_layer_has_the_shape_and_parameters_of_the_paper() -> None:
    measured = {layer.name: layer for layer in layers(lenet.LeNet5(), (1, 1, 32, 32))}
    shapes = {name: layer.shape for name, layer in measured.items() if name != "activation"}
    assert shapes == {
        "c1": (6, 28, 28),
        "s2": (6, 14, 14),
        "c3": (16, 10, 10),
        "s4": (16, 5, 5),
        "c5": (120, 1, 1),
        "f6": (84,),
        "output": (10,),
    }
    # Section II.B gives 156, 48,120 and 10,164 for C1, C5 and F6; C3 is fully connected here.
    parameters = [measured[name].parameters for name in ("c1", "c3", "c5", "f6", "output")]
    assert parameters == [156, 2_416, 48_120, 10_164, 850]
    assert lenet.parameters_of_1998(lenet.LeNet5()) == 60_000


def test_the_loop_written_out_learns_what_the_trainer_learns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = lenet.LeNetRecipe("lenet", data="shapes", limit=500, epochs=2, cutout=4)
    # Layout and number format change the last bits of a convolution; the written-out loop has none.
    plain: dict[str, Any] = {"channels_last": False, "precision": "fp32"}
    options = lab.Options(out=str(tmp_path), device="cpu", progress=False, **plain)
    trained = lab.train(lenet.build, recipe, options)
    torch.manual_seed(recipe.seed)
    model = lenet.build(recipe, 10)
    lenet.train_by_hand(model, lab.load("shapes", limit=500), recipe)
    assert_equal_weights(model.state_dict(), weights(trained.run))
    assert "by hand, epoch 2" in capsys.readouterr().out
