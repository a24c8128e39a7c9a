"""Muon: PyTorch's own on the kernels of a network, in a training that can be stopped."""

from __future__ import annotations

import copy
import os
from pathlib import Path

import pytest
import torch
from torch import nn

import lab
from conftest import ROOT
from lab import muon, training
from lab.errors import UserError
from running import (
    Deep,
    assert_same_training,
    deep,
    needs_muon,
    options,
    stopped_and_resumed,
    tiny,
    tiny_recipe,
    two_processes,
    weights,
)

pytestmark = needs_muon


@pytest.mark.parametrize("channels_last", [True, False])
def test_a_step_is_that_of_pytorch_on_the_kernels_and_of_sgd_on_the_rest(
    channels_last: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muon, "WEIGHT_DECAY", 3.0)  # so that a step without it is another one
    recipe = tiny_recipe(muon=0.03, weight_decay=0.1)
    model, device = Deep(10), torch.device("cpu")
    before = copy.deepcopy(model)
    chosen = options(tmp_path, channels_last=channels_last, precision="fp32")
    replica, optimizer, scaler = training.initialize(model, recipe, device, chosen)
    trainer = training.create_trainer(replica, optimizer, scaler, recipe, device, torch.float32)
    images, labels = torch.randn(20, 3, 32, 32), torch.randint(10, (20,))
    trainer.run([(images, labels, 20)] * 4, max_epochs=1)

    stepped = [each for each in before.parameters() if muon.is_hidden_kernel(each)]
    assert [len(each) for each in stepped] == [6, 5]
    twins = [nn.Parameter(each.detach().flatten(1)) for each in stepped]
    theirs = torch.optim.Muon(twins, 0.03, weight_decay=3.0, momentum=muon.MOMENTUM)
    rest = [each for each in before.parameters() if all(each is not one for one in stepped)]
    sgd = torch.optim.SGD(
        [
            {"params": [each for each in rest if each.ndim > 1], "weight_decay": 0.1},
            {"params": [each for each in rest if each.ndim == 1]},
        ],
        recipe.lr,
        recipe.momentum,
        nesterov=True,
    )
    for _ in range(4):
        before.zero_grad()
        nn.functional.cross_entropy(before(images), labels).backward()
        for twin, each in zip(twins, stepped, strict=True):
            twin.grad = each.grad.flatten(1)  # type: ignore[union-attr]
        theirs.step()
        sgd.step()
        with torch.no_grad():
            for twin, each in zip(twins, stepped, strict=True):
                each.copy_(twin.view_as(each))
    for (name, own), other in zip(model.named_parameters(), before.parameters(), strict=True):
        # Its matrices are multiplied in bf16: in another order of the columns they round otherwise.
        off = 2e-3 if channels_last else 1e-6
        torch.testing.assert_close(own, other, rtol=0, atol=off, msg=name)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_stopped_run_resumes_to_the_same_weights(precision: str, tmp_path: Path) -> None:
    recipe, chosen = tiny_recipe(muon=0.03, epochs=2), {"precision": precision}
    whole = lab.train(deep, recipe, options(tmp_path / "whole", **chosen)).run
    plain = lab.train(deep, tiny_recipe(epochs=2), options(tmp_path / "plain", **chosen)).run
    assert not torch.equal(weights(plain)["hidden.weight"], weights(whole)["hidden.weight"])
    assert_same_training(stopped_and_resumed(deep, recipe, options(tmp_path, **chosen)), whole)


# Two processes with images of their own; the first says whether both step by one gradient.
GROUP = """
import ignite.distributed as idist, torch
import lab
from lab import training
from running import Deep
from running import tiny_recipe

idist.initialize("gloo")
torch.manual_seed(0)
recipe, device = tiny_recipe(muon=0.03), torch.device("cpu")
replica, optimizer, _ = training.initialize(Deep(10), recipe, device, lab.Options())
torch.manual_seed(idist.get_rank())
replica(torch.randn(4, 3, 32, 32)).square().sum().backward()
optimizer.step()
for matrix in optimizer.muon.param_groups[0]["params"]:
    one, other = idist.all_gather(matrix.grad.flatten()[None])
    if idist.get_rank() == 0:
        print("same:", torch.equal(one, other) and bool(one.norm() > 0), flush=True)
idist.finalize()
"""


def test_processes_step_by_the_mean_of_their_gradients(tmp_path: Path) -> None:
    script = tmp_path / "group.py"
    script.write_text(GROUP)
    path = [str(ROOT / each) for each in ("code", "tests", "tests/helpers", "tests/lab")]
    done = two_processes([str(script)], tmp_path, PYTHONPATH=os.pathsep.join(path))
    assert done.stdout.count("same: True") == 2, done.stdout + done.stderr


def test_its_rate_rises_to_its_own_and_falls_to_zero_with_that_of_sgd(tmp_path: Path) -> None:
    recipe = tiny_recipe(muon=0.03)
    model, device = Deep(10), torch.device("cpu")
    _, optimizer, _ = training.initialize(model, recipe, device, options(tmp_path))
    assert isinstance(optimizer, muon.SGDWithMuon)
    schedule = training.create_schedule(optimizer, recipe, 100)
    rates = []
    for _ in range(100):
        schedule(None, "lr")  # type: ignore[arg-type]
        optimizer.step()
        rates.append(optimizer.muon.param_groups[0]["lr"])
    assert max(rates) == pytest.approx(0.03)
    assert rates[-1] == pytest.approx(0.03 / 80)


def test_a_search_trains_a_network_without_kernels_by_sgd(tmp_path: Path) -> None:
    recipe, device = tiny_recipe(muon=0.03), torch.device("cpu")
    _, optimizer, _ = training.initialize(tiny(recipe, 10), recipe, device, options(tmp_path))
    assert type(optimizer) is torch.optim.SGD


def test_where_it_cannot_be_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="--muon: this network has no hidden convolution"):
        lab.train(tiny, tiny_recipe(muon=0.03), options(tmp_path))
    assert not list(tmp_path.iterdir())  # no run was begun
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(UserError, match=r"--muon needs PyTorch 2\.9 or newer"):
        lab.train(deep, tiny_recipe(muon=0.03), options(tmp_path))
