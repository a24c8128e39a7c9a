"""DARTS: the search space, equations 6 to 8, the derivation, and a search that goes on exactly."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call
from torch.nn import functional as F

import darts
import lab
from darts import DARTS, DARTS_V2, EDGES, NAMES, SearchNetwork
from lab import precision, training
from lab.errors import Stopped
from lab.runs import Run
from lab.search import bilevel as machinery
from lab.training import description
from networks import assert_one_row_an_image

pytestmark = pytest.mark.needs("darts")

RECIPE = replace(
    darts.SEARCH, data="shapes", limit=200, cells=3, channels=2, epochs=2, images=48, batch_size=8
)
# In fp32 no layer has to be tried; a network of all operations has many.
OPTIONS = replace(darts.OPTIONS, device="cpu", precision="fp32")


@pytest.fixture
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """To count the work of a network of all operations takes longer than a step of it."""
    monkeypatch.setattr(training, "count_macs", lambda *_: 0)


def search(recipe: darts.SearchRecipe, options: lab.Options) -> Run:
    return machinery.search(darts.Bilevel, recipe, options, images=recipe.images)


def test_the_paper_s_network_has_its_3_3_million_parameters() -> None:
    with torch.device("meta"):
        assert lab.count_parameters(DARTS(DARTS_V2, auxiliary=False)) == 3_349_342


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_genotype_survives_its_text_and_gives_a_network(seed: int) -> None:
    genotype = darts.random_genotype(seed)
    assert darts.read_genotype(str(genotype)) == genotype
    model = DARTS(genotype, cells=3, channels=2, classes=7)
    assert_one_row_an_image(model, 32, classes=7, batches=(2, 5))


def test_gradients_reach_every_alpha() -> None:
    torch.manual_seed(0)
    model = SearchNetwork(3, 4, 5)
    F.cross_entropy(model(torch.rand(4, 3, 32, 32)), torch.arange(4)).backward()
    assert model.alpha.grad.abs().min() > 0


def test_a_node_keeps_its_two_strongest_edges_and_never_none() -> None:
    alpha = torch.zeros(EDGES, len(NAMES))
    alpha[:, 0] = 5.0
    strongest = {0: 1, 1: 2, 3: 3, 4: 4, 6: 5, 8: 6, 9: 7, 13: 4}  # edge: operation
    for edge, operation in strongest.items():
        alpha[edge, operation] = 4.0
    expected = "max_pool_3x3:0 avg_pool_3x3:1 skip_connect:1 sep_conv_3x3:2"
    expected += " sep_conv_5x5:1 dil_conv_3x3:3 dil_conv_5x5:0 sep_conv_3x3:4"
    assert str(darts.derive(torch.stack([alpha, alpha]))) == f"{expected} / {expected}"


def test_second_order_is_the_gradient_of_the_unrolled_objective() -> None:
    torch.manual_seed(0)
    model = SearchNetwork(3, 2, 3).double()
    batches = [(torch.rand(4, 3, 32, 32).double(), torch.tensor([0, 1, 2, 0])) for _ in range(2)]
    xi = 0.1
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    found = darts.architecture_gradient(model, *batches, xi=xi, radius=1e-6)
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name]), name

    def unrolled(by: float) -> float:
        """L_val(w - xi dL_train/dw) with alpha moved along a direction."""
        moved = {
            name: weight.detach() + by * direction[name] if name in direction else weight
            for name, weight in model.named_parameters()
        }
        names = [name for name in moved if name not in direction]

        def loss(parameters: dict, batch: darts.Batch) -> torch.Tensor:
            return F.cross_entropy(functional_call(model, parameters, batch[0]), batch[1])

        step = torch.autograd.grad(loss(moved, batches[0]), [moved[name] for name in names])
        stepped = {name: moved[name] - xi * each for name, each in zip(names, step, strict=True)}
        return float(loss({**moved, **stepped}, batches[1]).detach())

    direction = {"alpha": torch.randn(2, EDGES, len(NAMES)).double()}
    slope = (unrolled(1e-6) - unrolled(-1e-6)) / 2e-6
    along = float((found * direction["alpha"]).sum())
    first = darts.architecture_gradient(model, *batches, xi=0)
    plain = float((first * direction["alpha"]).sum())
    assert along == pytest.approx(slope, rel=1e-3)
    assert plain != pytest.approx(slope, rel=1e-2)


def test_a_stopped_search_goes_on_exactly(
    uncounted: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(RECIPE, images=8, batch_size=2)  # two steps an epoch
    whole = search(recipe, replace(OPTIONS, out=str(tmp_path / "whole")))
    step, calls = darts.Bilevel.__call__, []

    def interrupted(*arguments: object) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 3:  # in the middle of the second epoch
            signal.raise_signal(signal.SIGINT)
        return step(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(darts.Bilevel, "__call__", interrupted)
    parts = replace(OPTIONS, out=str(tmp_path / "parts"))
    with pytest.raises(Stopped, match="the same command goes on"):
        search(recipe, parts)
    (folder,) = (tmp_path / "parts" / "darts-search").iterdir()
    assert not (folder / "genotype.json").exists()
    resumed = search(recipe, parts)
    assert resumed.folder == folder
    one, other = (run.load("last.pt")["model"] for run in (whole, resumed))
    assert all(torch.equal(one[name], other[name]) for name in one)
    rows = [run.read("history.json") for run in (whole, resumed)]
    assert [row["normal"] for row in rows[0]] == [row["normal"] for row in rows[1]]
    assert darts.read_genotype(str(resumed.folder)) == darts.read_genotype(str(whole.folder))
    taken = len(calls)
    assert search(recipe, parts).folder == folder  # it is finished: nothing is left to do
    assert len(calls) == taken


def test_a_search_stops_at_its_skips(
    uncounted: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(darts, "derive", lambda alpha: DARTS_V2)  # it has two
    recipe = replace(RECIPE, stop_at_skips=2, images=16)
    run = search(recipe, replace(OPTIONS, out=str(tmp_path / "my runs")))
    assert darts.read_genotype(str(run.folder)) == DARTS_V2
    assert len(run.read("history.json")) == 1


def test_a_search_goes_on_only_where_numbers_are_rounded_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machinery, "_search", lambda *_: None)  # each is stopped at once
    monkeypatch.setattr(machinery, "result_of", lambda run: "")
    simple = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10))
    monkeypatch.setattr(darts, "Bilevel", lambda *_: SimpleNamespace(model=simple))

    def begun(**changes: object) -> Run:
        values: dict[str, object] = {"out": str(tmp_path), "precision": "fp32", **changes}
        return search(RECIPE, replace(OPTIONS, **values))  # type: ignore[arg-type]

    first, layout, half = begun(), begun(channels_last=True), begun(precision="bf16")
    assert len({run.folder for run in (first, layout, half)}) == 3
    assert begun(threads=1).folder == first.folder
    assert begun(channels_last=True).folder == layout.folder
    assert begun(precision="fp16").folder == half.folder  # it would need a gradient scaler
    assert half.read("run.json")["environment"]["precision"] == "bfloat16"


def test_a_search_without_two_images_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(lab.UserError, match="at least two training images"):
        search(replace(RECIPE, images=1), replace(OPTIONS, out=str(tmp_path)))
    assert not list(tmp_path.iterdir())


def test_several_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machinery.idist, "get_world_size", lambda: 2)
    with pytest.raises(lab.UserError, match="without torchrun"):
        search(RECIPE, OPTIONS)


def test_settings_that_a_search_does_not_read_are_refused(tmp_path: Path) -> None:
    for name in darts.LESSON.commands["search"].hidden:
        words = ["search", "--out", str(tmp_path), f"--{name.replace('_', '-')}", "1"]
        with pytest.raises(lab.UserError, match=f"unrecognized arguments: {words[-2]}"):
            lab.main(darts.LESSON, words)


@pytest.mark.parametrize("command", ["train", "resume", "search"])
def test_a_layout_that_spoils_gradients_is_refused(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "wrong_layer", lambda *_: "cells.0")
    words = ["--channels-last", "--precision", "bf16", "--device", "cpu"]
    new = ["--data", "shapes", "--limit", "60", "--out", str(tmp_path / "out")]
    start = new if command == "train" else [command, *new]
    if command == "resume":
        recipe = replace(darts.RECIPE, data="shapes", limit=60)
        images, model = lab.load("shapes", limit=60), darts.build(recipe, 10)
        about = description(recipe, OPTIONS, torch.device("cpu"), images, model)
        run = Run.create(str(tmp_path / "begun"), recipe)
        run.write("run.json", about)
        start = ["resume", str(run.folder)]
    with pytest.raises(lab.UserError, match="--precision bf16: with bf16 and --channels-last"):
        lab.main(darts.LESSON, [*start, *words])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("DARTS_V9", "no genotype"),
        ("", "no genotype"),
        ("x" * 300, "no genotype"),  # longer than the name of a file may be
        ("random:x", "no genotype"),
        *(
            (str(DARTS_V2).replace("dil_conv_3x3:2", edge), "two different states before its own")
            for edge in ("none:2", "dil_conv_3x3:5", "dil_conv_3x3:0")
        ),
    ],
)
def test_a_bad_genotype_is_one_line(words: str, complaint: str) -> None:
    with pytest.raises(lab.UserError, match=complaint) as wrong:
        darts.read_genotype(words)
    assert "\n" not in str(wrong.value)


def test_its_auxiliary_classifier_is_for_images_of_one_size() -> None:
    recipe = replace(darts.RECIPE, data="shapes", limit=100, small_share=0.5)
    with pytest.raises(lab.UserError, match="--small-share: omit it: at 24x24 the network fails"):
        lab.train(darts.build, recipe)
    small = replace(recipe, auxiliary_weight=0)
    assert not precision.refusal(darts.build(small, 10), (3, 24, 24), torch.contiguous_format)
