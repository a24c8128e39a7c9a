"""Shapes, parameters and multiply-accumulates, against PyTorch's own counter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from onnxruntime import InferenceSession
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import convnext_tiny, mobilenet_v2, resnet18

import draw
import lab
from lab.errors import UserError
from lab.measure import (
    copied,
    count_macs,
    count_parameters,
    first_level,
    layer_table,
    layers,
    without_pointwise_work,
)
from lab.onnx.export import load_model, to_onnx
from lab.plots import learning_curve
from running import options, tiny_recipe

NETWORKS = {
    "plain": lambda: nn.Sequential(nn.Conv2d(3, 8, 5, stride=2), nn.Flatten(), nn.Linear(1568, 9)),
    "grouped": lambda: nn.Sequential(nn.Conv2d(3, 6, 3, groups=3, dilation=2), nn.ReLU()),
    "resnet18": resnet18,
    "mobilenet_v2": mobilenet_v2,
    "convnext_tiny": convnext_tiny,
}


@pytest.mark.parametrize("network", NETWORKS)
def test_the_layers_have_the_work_that_pytorch_counts_for_all(network: str) -> None:
    model = NETWORKS[network]().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, 32, 32))
    macs = sum(layer.macs for layer in layers(model, (1, 3, 32, 32)))
    assert 2 * macs == counter.get_total_flops()


def test_products_of_matrices_count_where_they_are_computed() -> None:
    class Attention(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x @ x.transpose(1, 2)).softmax(dim=2) @ x

    model = nn.Sequential(nn.Linear(8, 8), nn.Sequential(Attention(), nn.Linear(8, 2)))
    shape, products = (1, 5, 8), 2 * 5 * 5 * 8
    assert [layer.macs for layer in layers(model, shape, depth=1)] == [320, products + 80]
    assert count_macs(model, shape) == 320 + products + 80


def test_measuring_leaves_the_network_as_it_was() -> None:
    model = NETWORKS["plain"]().train()
    layers(model, (1, 3, 32, 32))
    assert model.training
    assert model[0].weight.device.type == "cpu"
    assert not model[0]._forward_hooks


def test_a_network_that_looks_at_values_is_measured_and_trained(tmp_path: Path) -> None:
    class Careful(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self:
                x = layer(x)
                assert not x.isnan().any()
            return x

    def build(recipe: lab.Recipe, classes: int) -> nn.Module:
        parts = nn.BatchNorm2d(4), nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        return Careful(nn.Conv2d(3, 4, 3), *parts, nn.Linear(4, classes))

    model, shape = build(tiny_recipe(), 10), (1, 3, 32, 32)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    assert layers(model, shape) == layers(nn.Sequential(*model), shape)
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    results = [
        lab.train(made, tiny_recipe(epochs=2, limit=100, small_share=0.5), options(tmp_path)).result
        for made in (build, lambda *each: nn.Sequential(*build(*each)))
    ]
    assert results[0]["test_loss"] == results[1]["test_loss"]
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        layers(Careful(nn.Flatten(), nn.Linear(7, 7)), shape)


class Read(nn.Module):
    """Reads an image as 64 words, with a look at the values or without."""

    def __init__(self, reader: nn.Module, looks: bool) -> None:
        super().__init__()
        self.reader, self.head, self.looks = reader, nn.Linear(48, 10), looks

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        words = x.flatten(1).unflatten(1, (64, 48))
        assert not self.looks or (words - words.mean()).any()
        words = self.reader(words)
        return self.head((words[0] if isinstance(words, tuple) else words).mean(1))


class Attention(nn.MultiheadAttention):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x, x, x, need_weights=False)


class Products(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(*super().forward(x).chunk(3, dim=-1))


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    "reader",
    [
        lambda: nn.LSTM(48, 48, batch_first=True),
        lambda: nn.GRU(48, 48, batch_first=True),
        lambda: Attention(48, 4, batch_first=True),
        lambda: nn.TransformerEncoderLayer(48, 4, 96, batch_first=True),
        lambda: Products(48, 144),
    ],
    ids=["LSTM", "GRU", "attention", "transformer", "products"],
)
def test_the_work_is_the_same_where_values_are_looked_at(
    reader: Callable[[], nn.Module], frozen: bool
) -> None:
    each = [Read(reader(), looks).requires_grad_(not frozen) for looks in (False, True)]
    one, other = (count_macs(model, (1, 3, 32, 32)) for model in each)
    assert one == other > 64 * 48 * 48


def test_a_layer_may_be_given_a_view_of_a_parameter() -> None:
    class Queries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.queries, self.norm = nn.Parameter(torch.randn(1, 4, 16)), nn.LayerNorm(16)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(self.queries.expand(len(x), -1, -1))

    (row,) = layers(Queries(), (1, 3, 8, 8))
    assert (row.name, row.shape, row.parameters) == ("norm", (4, 16), 32)


def test_lazy_layers_are_made_before_they_are_trained(tmp_path: Path) -> None:
    def build(recipe: lab.Recipe, classes: int) -> nn.Module:
        return nn.Sequential(nn.LazyConv2d(4, 3, 2), nn.Flatten(), nn.LazyLinear(classes))

    with pytest.raises(UserError, match="its layers are lazy: pass images through it first"):
        count_macs(build(tiny_recipe(), 10), (1, 3, 32, 32))
    trained = lab.train(build, tiny_recipe(epochs=1, limit=100, ema=0.5), options(tmp_path))
    assert trained.run.read("run.json")["parameters"] == 4 * 28 + 10 * (4 * 15 * 15 + 1)
    again = load_model(trained.run, trained.recipe, build)
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(again(images), trained.model(images))


def test_a_layer_that_gives_more_than_a_tensor_counts_by_the_first() -> None:
    class Pair(nn.Conv2d):
        def forward(self, input: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            maps = super().forward(input)
            return maps, {"mean": maps.mean()}

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pair, self.pool, self.head = (
                Pair(3, 4, 3),
                nn.AdaptiveAvgPool2d(1),
                nn.Linear(4, 2),
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps, _ = self.pair(input=x)
            return self.head(input=self.pool(input=maps).flatten(1))

    model = Model().eval()
    found = [(layer.name, layer.shape) for layer in layers(model, (1, 3, 8, 8))]
    assert found == [("pair", (4, 6, 6)), ("pool", (4, 1, 1)), ("head", (2,))]
    images = torch.rand(2, 3, 8, 8)
    session = InferenceSession(to_onnx(model, (3, 8, 8)).SerializeToString())
    logits, places = session.run(["logits", "class_activation"], {"images": images.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), model(images).detach())
    assert places.shape == (2, 2, 6, 6)


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(UserError, match="a network to measure, not None"):
        layer_table(None, (1, 3, 32, 32))


def test_the_table_names_every_layer_and_ends_with_the_totals() -> None:
    model = NETWORKS["plain"]()
    rows = layer_table(model, (1, 3, 32, 32)).splitlines()
    assert [row.split()[0] for row in rows] == ["layer", "0", "1", "2", "total"]
    assert rows[1].split() == ["0", "Conv2d", "8", "x", "14", "x", "14", "608", "117,600"]
    assert rows[-1].split() == ["total", f"{count_parameters(model):,}", "131,712"]


def test_the_members_of_a_list_are_where_the_list_is() -> None:
    class Stacked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            blocks = (nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()) for _ in range(2))
            self.blocks = nn.ModuleList(blocks)
            self.fc = nn.Linear(3, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for block in self.blocks:
                x = block(x)
            return self.fc(x.mean((2, 3)))

    model = Stacked()
    rows = layers(model, (1, 3, 8, 8), depth=1)
    assert [row.name for row in rows] == ["blocks.0", "blocks.1", "fc"]
    assert [row.macs for row in rows] == [576, 576, 15]
    assert first_level(model) == {row.name: model.get_submodule(row.name) for row in rows}
    deeper = [row.name for row in layers(model, (1, 3, 8, 8), depth=2)]
    assert deeper == ["blocks.0.0", "blocks.0.1", "blocks.1.0", "blocks.1.1", "fc"]


def test_a_table_of_stages_gives_what_comes_out_of_each_and_all_that_it_costs() -> None:
    class Fork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Conv2d(3, 4, 1), nn.Sequential(nn.Conv2d(3, 2, 3, padding=1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([self.left(x), self.right(x)], dim=1)

    model = nn.Sequential(nn.ReLU(), Fork(), nn.Sequential(nn.Conv2d(6, 1, 1)))
    rows = layers(model, (1, 3, 8, 8), depth=1)
    assert [row.name for row in rows] == ["0", "1", "2"]
    assert [row.kind for row in rows] == ["ReLU", "Fork", "Sequential"]
    assert [row.shape for row in rows] == [(3, 8, 8), (6, 8, 8), (1, 8, 8)]
    assert [row.parameters for row in rows] == [0, 16 + 56, 7]
    assert [row.macs for row in rows] == [0, 64 * (12 + 54), 64 * 6]
    deeper = [layer.name for layer in layers(model, (1, 3, 8, 8), depth=2)]
    assert deeper == ["0", "1.left", "1.right", "2.0"]
    assert [layer.name for layer in layers(model, (1, 3, 8, 8))][-2:] == ["1.right.0", "2.0"]
    table = [row.split() for row in layer_table(model, (1, 3, 8, 8), depth=1).splitlines()]
    assert [row[0] for row in table] == ["layer", "0", "1", "2", "total"]
    assert table[2] == ["1", "Fork", "6", "x", "8", "x", "8", "72", "4,224"]
    assert table[-1] == ["total", "79", "4,608"]


def test_ticks_of_a_short_curve_do_not_repeat() -> None:
    losses = {"train_loss": 2.0, "validation_loss": 2.0}
    rows = [{**losses, "epoch": n, "validation_accuracy": 0.2 + n / 250} for n in (1, 2)]
    figure = learning_curve(rows)
    figure.canvas.draw()
    ticks = [tick.get_text() for tick in figure.axes[1].get_yticklabels()]
    assert len(set(ticks)) == len(ticks) > 2


def test_a_batch_norm_of_another_width_or_of_no_maps_is_no_network() -> None:
    with pytest.raises(ValueError, match="expected 4D input"):
        count_macs(nn.Sequential(nn.Flatten(), nn.BatchNorm2d(192)), (1, 3, 8, 8))
    with pytest.raises(RuntimeError, match="should contain 4 elements"):
        count_macs(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(5)), (1, 3, 8, 8))


def test_a_layer_may_be_called_as_pytorchs_own() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.act = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.GELU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.act(input=self.norm(input=self.conv(x)))

    assert count_macs(Named(), (1, 3, 8, 8)) == 36 * 4 * 27
    with pytest.raises(TypeError, match="must be Tensor"):
        without_pointwise_work(nn.ReLU())([1.0])


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize(
    ("compute", "more"),
    [
        (weight_norm, 8),
        (spectral_norm, 0),
        (parametrizations.weight_norm, 8),
        (lambda conv: prune.l1_unstructured(conv, "weight", 0.5), 0),
    ],
    ids=["weight norm", "spectral norm", "parametrized", "pruned"],
)
def test_a_weight_that_is_computed_from_others_is_one_of_its_layer(
    compute: Callable[[nn.Module], object], more: int, tmp_path: Path
) -> None:
    def build(recipe: lab.Recipe, classes: int) -> nn.Module:
        pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes))
        model = nn.Sequential(nn.Conv2d(3, 8, 3), *pooled)
        compute(model[0])
        compute(model[3])
        return model

    recipe = tiny_recipe(epochs=1, limit=100, small_share=0.5, ema=0.9)
    model = build(recipe, 10).eval()  # its weight was computed with its gradient
    rows = layers(model, (1, 3, 32, 32))
    assert [row.name for row in rows] == ["0", "1", "2", "3"]
    assert rows[0].kind == "Conv2d"
    assert (rows[0].parameters, rows[0].macs) == (224 + more, 30 * 30 * 8 * 27)
    drawing, _ = draw.draw(model, (3, 32, 32), tmp_path / "own.svg")
    assert f" 30, {224 + more} parameters" in drawing.read_text(encoding="utf-8")
    model = lab.train(build, recipe, options(tmp_path)).model.eval()
    images = torch.rand(2, 3, 32, 32)
    session = InferenceSession(to_onnx(model, (3, 32, 32)).SerializeToString())
    (logits,) = session.run(["logits"], {"images": images.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), model(images).detach())


def test_a_tensor_that_is_not_registered_is_no_hindrance_and_stays(tmp_path: Path) -> None:
    class Scaled(nn.Module):
        def __init__(self, classes: int) -> None:
            super().__init__()
            self.layers, self.scale = nn.Linear(3072, classes), torch.full((1,), 2.0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.scale += 1
            return self.layers(self.scale * x.flatten(1))

    model = Scaled(10)
    assert count_macs(model, (1, 3, 32, 32)) == 3072 * 10
    assert model.scale.item() == 2.0
    assert copied(model, "cpu").scale is not model.scale
    recipe = tiny_recipe(epochs=1, limit=100)
    run = lab.train(lambda recipe, classes: Scaled(classes), recipe, options(tmp_path)).run
    assert run.has("result.json")
