"""`--precision auto`: half precision where it is fast and right, by what is there and by a try."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

import lab
from conftest import ROOT
from lab import cli, precision
from running import options, tiny, tiny_recipe

CPU = torch.device("cpu")
ONE = tiny_recipe(epochs=1, limit=100)


class Garbled(nn.Conv2d):
    """A convolution whose weights get twice their gradient in half precision."""

    def forward(self, x: Tensor) -> Tensor:
        half = torch.is_autocast_enabled("cpu")
        weight = 2 * self.weight - self.weight.detach() if half else self.weight
        return F.conv2d(x, weight, self.bias)


def garbled(recipe: lab.Recipe, classes: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 5), Garbled(4, classes, 28), nn.Flatten())


@pytest.fixture(params=[True, False])
def fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether this processor has instructions for bf16: both, one after the other."""
    monkeypatch.setattr(precision, "has_bf16", lambda: request.param)
    return bool(request.param)


def test_auto_is_what_the_processor_is_fast_in_and_stays_so_when_a_run_is_resumed(
    fast: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = lab.train(tiny, ONE, options(tmp_path)).run
    chosen, kind = ("bf16", "bfloat16") if fast else ("fp32", "float32")
    assert f", {chosen}; run folder {run}" in capsys.readouterr().out.splitlines()[0]
    about = run.read("run.json")
    assert (about["options"]["precision"], about["environment"]["precision"]) == (chosen, kind)

    resumed: list[lab.Options] = []
    monkeypatch.setattr(cli, "train", lambda *words: resumed.append(words[-1]))
    monkeypatch.setattr(precision, "has_bf16", lambda: not fast)  # on another machine
    lesson = lab.NetworkLesson("tiny", "Tiny", "A try.", recipe=ONE, build=tiny)
    lab.main(lesson, ["resume", str(run)])
    run.write("run.json", about | {"options": about["options"] | {"precision": "auto"}})
    lab.main(lesson, ["resume", str(run)])  # as an earlier version wrote it
    assert [each.precision for each in resumed] == [chosen, chosen]


def test_other_systems_do_not_say_what_their_processor_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "flags : avx512f avx512_bf16\n")
    assert precision.has_bf16.__wrapped__()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "flags : avx512f avx512_bf16_not\n")
    assert not precision.has_bf16.__wrapped__()
    monkeypatch.undo()
    monkeypatch.setattr(precision, "Path", lambda _: Path("nowhere"))
    assert not precision.has_bf16.__wrapped__()


def test_a_network_that_half_precision_computes_wrong_is_trained_in_fp32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda: True)
    run = lab.train(garbled, ONE, options(tmp_path)).run
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("--precision fp32: with bf16 and --channels-last PyTorch gets")
    assert "the gradient of 1 wrong" in first
    assert ", fp32; run folder" in second
    assert run.read("run.json")["environment"]["precision"] == "float32"
    with pytest.raises(lab.UserError, match="--precision bf16: with bf16 PyTorch gets"):
        lab.train(garbled, ONE, options(tmp_path, precision="bf16", channels_last=False))


def test_all_machines_take_the_format_that_is_right_on_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda: True)
    model, shape = tiny(ONE, 10), (3, 32, 32)
    state = torch.get_rng_state()
    assert precision.settle(lab.Options(), model, CPU, shape).precision == "bf16"
    assert torch.equal(torch.get_rng_state(), state)
    answers = [0, 2, 0, 2, 1, 0]  # of the layout and the format, in turn
    monkeypatch.setattr(precision.idist, "all_reduce", lambda mine, how: answers.pop(0))
    assert precision.settle(lab.Options(), model, CPU, shape).precision == "fp32"
    with pytest.raises(lab.UserError, match="the gradient of a layer wrong"):
        precision.settle(lab.Options(precision="bf16"), model, CPU, shape)
    assert not capsys.readouterr().out
    assert not precision.settle(lab.Options(), model, CPU, shape).channels_last
    assert "takes no images in memory as NHWC (elsewhere)" in capsys.readouterr().out


def computed(compute: Callable[[nn.Module], object]) -> nn.Module:
    """Convolutions whose weights are computed, one of them wrong."""
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), Garbled(4, 4, 3), nn.Conv2d(4, 4, 3))
    for layer in layers:
        compute(layer)
    return layers


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize(
    "compute",
    [
        weight_norm,
        spectral_norm,
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        lambda conv: prune.l1_unstructured(conv, "weight", 0.5),
    ],
    ids=["weight norm", "spectral norm", "normed", "spectrally normed", "pruned"],
)
def test_a_wrong_gradient_of_a_weight_that_is_computed_is_found(
    compute: Callable[[nn.Module], object],
) -> None:
    arguments = (3, 32, 32), torch.bfloat16, torch.contiguous_format
    assert precision.wrong_layer(computed(compute), *arguments) == "1"
    narrow = nn.Sequential(nn.Conv2d(3, 4, 3))
    compute(narrow[0])
    assert precision.wrong_layer(narrow, *arguments) is None


class Strange(nn.Module):
    """Layers that are tried although they take and give more than a tensor, or less."""

    def __init__(self, wrong: float) -> None:
        super().__init__()
        self.patches, self.place = nn.Conv2d(3, 8, 4, 4), nn.Embedding(64, 8)
        self.patches.requires_grad_(False)
        self.add, self.read, self.head = AddedInPlace(), Read(wrong), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).mT + self.place(torch.arange(64))
        hidden, _ = self.read(input=self.add(x))
        return self.head(hidden.mean(1))


class AddedInPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.ones(64, 8))

    def forward(self, x: Tensor) -> Tensor:
        x += self.shift
        return x


class Read(nn.LSTM):
    def __init__(self, wrong: float) -> None:
        super().__init__(8, 8, 2, batch_first=True, dropout=0.5)
        self.wrong = wrong

    def forward(self, input: Tensor) -> tuple[Tensor, Any]:
        output, state = super().forward(input)
        wrong = self.wrong if torch.is_autocast_enabled("cpu") else 0.0
        return output + wrong * (output - output.detach()), state


@pytest.mark.parametrize(("wrong", "said"), [(0.0, None), (0.5, "read")])
def test_layers_that_take_and_give_other_things_than_a_tensor_are_tried(
    wrong: float, said: str | None
) -> None:
    torch.manual_seed(0)
    arguments = (3, 32, 32), torch.bfloat16, torch.contiguous_format
    assert precision.wrong_layer(Strange(wrong), *arguments) == said


class InPlace(nn.Conv2d):
    """Keeps a mean that is not registered."""

    mean = torch.zeros(8)

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        self.mean = self.mean.mul_(0.9).add_(y.detach().float().mean((0, 2, 3)))
        return y


class Grown(nn.Module):
    """A layer with a weight of its own and a child without any."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.act = nn.Parameter(torch.randn(8, 3, 3, 3)), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        half = torch.is_autocast_enabled("cpu")
        weight = 2 * self.weight - self.weight.detach() if half else self.weight
        return self.act(F.conv2d(x, weight))


class Viewed(nn.Conv2d):
    """Flattens as older tutorials do, which takes images of one layout alone."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).view(len(x), -1)


class Put(nn.Conv2d):
    """Puts half precision where only single precision may be."""

    def forward(self, x: Tensor) -> Tensor:
        out = torch.zeros(len(x), 8, 30, 30)
        out[torch.arange(len(x))] = super().forward(x)
        return out


LAYOUT = "--no-channels-last: the network takes no images in memory as NHWC (view size is not"


@pytest.mark.parametrize(
    ("layer", "said", "last", "kind"),
    [
        (lambda: InPlace(3, 8, 3), "bf16; run folder", True, "bfloat16"),
        (Grown, "PyTorch gets the gradient of 0 wrong here", True, "float32"),
        (lambda: Viewed(3, 8, 3), LAYOUT, False, "bfloat16"),
        (
            lambda: Put(3, 8, 3),
            "with bf16 and --channels-last the network fails (Index",
            True,
            "float32",
        ),
    ],
    ids=["in place", "grown", "viewed", "put"],
)
def test_a_network_is_trained_in_a_layout_and_a_format_that_it_takes(
    layer: Callable[[], nn.Module],
    said: str,
    last: bool,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda: True)

    def build(recipe: lab.Recipe, classes: int) -> nn.Module:
        return nn.Sequential(layer(), nn.Flatten(), nn.Linear(8 * 30 * 30, classes))

    run = lab.train(build, ONE, options(tmp_path)).run
    first, *_ = capsys.readouterr().out.splitlines()
    assert said in first
    about = run.read("run.json")
    assert (about["options"]["channels_last"], about["environment"]["precision"]) == (last, kind)


def test_a_network_that_always_fails_says_so_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(recipe: lab.Recipe, classes: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(7, classes))

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        lab.train(build, ONE, options(tmp_path, precision="bf16"))
    assert not capsys.readouterr().out


def test_both_formats_learn_the_same(tmp_path: Path) -> None:
    recipe = tiny_recipe(epochs=4, limit=600)
    curves = [
        [row["train_loss"] for row in lab.train(tiny, recipe, each).history]
        for each in (options(tmp_path, precision=name) for name in ("fp32", "bf16"))
    ]
    assert curves[0] != curves[1]
    assert curves[1] == pytest.approx(curves[0], rel=0.01)
    assert curves[0][-1] < 0.97 * curves[0][0]


def test_the_fault_of_pytorch_is_as_the_page_shows_it_and_is_found() -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    program, _ = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    known: dict[str, object] = {}
    exec(compile(program, "docs/training.md", "exec"), known)
    conv, images = known["conv"], known["images"]
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(images, Tensor)
    found = precision.wrong_layer(
        nn.Sequential(conv), images.shape[1:], torch.bfloat16, torch.channels_last
    )
    assert (found is not None) == (not known["off"] <= 0.1)  # a later PyTorch may be right
    narrow = (images.shape[1], 16, 16)  # where it is right already
    layers = nn.Sequential(conv)
    assert precision.wrong_layer(layers, narrow, torch.bfloat16, torch.channels_last) is None
