"""Training with auxiliary classifiers: what they add to the gradient, and what is reported."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lab
from lab.training import create_trainer, initialize
from running import Tiny, options, tiny_recipe

CPU = torch.device("cpu")


class TwoHeads(Tiny):
    """`Tiny` with a second head, which speaks in train mode only."""

    def __init__(self, classes: int) -> None:
        super().__init__(classes)
        self.second = nn.Linear(3, classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        logits = super().forward(x)
        return (logits, self.second(x.mean((2, 3)))) if self.training else logits


def recipe(**changes: object) -> lab.AuxiliaryRecipe:
    values = {**tiny_recipe().as_dict(), **changes}
    return lab.AuxiliaryRecipe(**values)  # type: ignore[arg-type]


def test_a_step_descends_the_loss_plus_the_weighted_auxiliary_loss_and_reports_its_own() -> None:
    torch.manual_seed(0)
    images, labels = torch.rand(8, 3, 32, 32), torch.arange(8)
    settings = recipe(auxiliary_weight=0.3, label_smoothing=0.1, lr=0.1)
    model = TwoHeads(10)
    model.drop.p = 0.0
    own, second = model(images)
    expected = F.cross_entropy(own, labels, label_smoothing=0.1)
    (expected + 0.3 * F.cross_entropy(second, labels, label_smoothing=0.1)).backward()
    gradients = {name: weight.grad.clone() for name, weight in model.named_parameters()}

    parts = initialize(model, settings, CPU, lab.Options())
    trainer = create_trainer(*parts, settings, CPU, torch.float32)
    trainer.run([(images, labels, len(images))], max_epochs=1)
    assert float(trainer.state.output) == pytest.approx(expected.item(), abs=1e-6)
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.grad, gradients[name], msg=name)


def test_auxiliary_logits_need_a_recipe_that_weighs_them(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="AuxiliaryRecipe"):
        lab.train(lambda _, classes: TwoHeads(classes), tiny_recipe(epochs=1), options(tmp_path))
