"""The files of the live slides are of the recorded runs, and small."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession
from torch import nn

import lab
import lenet
import records
from course import export as own
from course import models, rounding, samples
from lab.errors import UserError
from lab.facts import facts
from lab.onnx import export
from lab.onnx.export import halved

FILES = sorted(models.MODELS.glob("*.onnx"))
# The networks of the lecture as it was given, and the bytes that they may have together.
LECTURE, LECTURE_SUM = {"lenet", "alexnet", "vgg16", "inception", "googlenet", "resnet"}, 8_000_000


def test_a_weight_is_off_by_half_a_step_of_its_channel() -> None:
    weight = np.random.default_rng(5).normal(size=(4, 25, 3)).astype(np.float32)
    weight[2] = 0
    for axis in (0, 2):
        whole, scale = rounding.steps(weight, axis)
        assert scale.size == weight.shape[axis]
        assert (np.abs(whole * scale - weight) <= 0.52 * scale).all()
    assert (whole[2] == 0).all()


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "grouped": lambda: nn.Conv2d(8, 32, 9, padding=4, groups=8),
    "dilated": lambda: nn.Conv2d(8, 48, 3, stride=2, padding=2, dilation=2),
    "linear": lambda: nn.Sequential(nn.Flatten(2), nn.Linear(64, 48)),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_a_bias_makes_up_for_what_rounding_changes_on_average(kind: str) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.ReLU(), LAYERS[kind]()).eval()
    x = torch.randn(rounding.BATCH, 8, 8, 8) + 1
    program = torch.onnx.export(net, (x,), dynamo=True, input_names=["images"], verbose=False)
    assert program is not None
    small = rounding.rounded(program.model_proto, x.numpy()).SerializeToString()
    (y,) = InferenceSession(small).run(None, {"images": x.numpy()})
    with torch.no_grad():
        error = torch.from_numpy(y) - net(x)
    channel = error.transpose(1, -1).flatten(0, -2) if kind != "linear" else error.flatten(0, -2)
    assert channel.abs().max() > 1e-3
    assert channel.mean(0).abs().max() < 1e-3


def test_a_rounded_network_answers_nearly_as_the_one_it_is_made_of(trained: lab.Trained) -> None:
    model = trained.model.cpu().eval()
    whole = export.to_onnx(model, (3, 32, 32))
    x = torch.randn(48, 3, 32, 32)
    with torch.no_grad():
        wanted = model(x)
    errors = []
    for small in (halved(whole), rounding.rounded(whole, x.numpy())):
        content = small.SerializeToString()
        session = InferenceSession(content, providers=["CPUExecutionProvider"])
        (logits,) = session.run(["logits"], {"images": x.numpy()})
        errors.append(float((torch.from_numpy(logits) - wanted).abs().max()))
        assert {each.name for each in session.get_outputs()} >= {"c1", "c1.kernel", "f6"}
    assert max(errors) < 0.02 * float(wanted.abs().max())
    assert len(content) < 0.4 * len(whole.SerializeToString())


def test_a_network_is_only_taken_from_its_recorded_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"recorded run of lenet .* make results ARCH=lenet"):
        models.recorded_run("lenet", str(tmp_path))


def test_each_class_has_a_sample() -> None:
    classes = records.read("lenet")["classes"]
    drawings, photos = (samples.SAMPLES / each for each in ("", "photos"))
    assert sorted(path.stem for path in drawings.glob("*.png")) == sorted(classes)
    assert [path.stem for path in sorted(photos.glob("*.png"))] == sorted(samples.PHOTOS)
    assert set(samples.PHOTOS) <= set(classes)
    for folder in (drawings, photos):
        licence = (folder / "LICENSE.txt").read_text()
        for path in folder.glob("*.png"):
            assert path.stat().st_size <= 25_000
            assert path.name in licence


def test_the_test_images_of_a_machine_are_one_of_each_class(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(samples, "SAMPLES", tmp_path)
    monkeypatch.setattr(lab.data, "SHAPES_DRAWN", 300)  # all take seconds to draw
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "other.png").touch()  # of a data set before
    folder = samples.write_test_images("shapes")
    data = lab.load("shapes")
    assert sorted(path.stem for path in folder.iterdir()) == sorted(data.classes)
    label = data.classes.index("ring")
    first = data.test.images[data.test.labels.tolist().index(label)]
    shown = lab.images.pixels(folder / "ring.png", 32)
    assert np.array_equal(np.asarray(shown), first.numpy())
    with pytest.raises(UserError, match=r'nowhere is not here: make samples ARGS="--data FOLDER"'):
        samples.write_test_images("nowhere")


def test_any_network_becomes_a_file_that_says_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    network, weights, out = f"{lenet.__file__}:LeNet5", tmp_path / "w.pt", tmp_path / "mine.onnx"
    model = lenet.LeNet5().half().float().eval()  # as float16 they are stored
    torch.save(model.state_dict(), weights)

    def write(*more: str) -> None:
        told = ["export", network, "--weights", str(weights), "--out", str(out), *more]
        monkeypatch.setattr("sys.argv", told)
        own.main()

    classes = [f"kind {n}" for n in range(10)]
    write("--classes", ",".join(classes), "--mean", "0.5", "--std", "0.25", "--title", "Mine")
    assert own.is_ours(out)  # the next export may replace it
    known = export.parse(out.read_bytes())
    assert (known["title"], known["classes"], known["size"]) == ("Mine", classes, 32)
    assert known["stages"][0]["name"] == "c1"
    x = torch.randn(1, 1, 32, 32)
    (logits,) = InferenceSession(out.read_bytes()).run(["logits"], {"images": x.numpy()})
    with torch.no_grad():
        wanted = model(x).numpy()
    assert np.abs(logits - wanted).max() < 1e-5
    with pytest.raises(UserError, match="10 outputs, and --classes names 2"):
        write("--classes", "a,b", "--mean", "0.5", "--std", "0.25")


class Pair(lenet.LeNet5):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (super().forward(images),)  # type: ignore[return-value]


class Branch(lenet.LeNet5):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images) * (2 if images.sum() > 3 else 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--classes=a,a", "a name of its own for each class"),
        ("--classes=a,", "a name of its own for each class"),
        ("--out=w.pt", "is an ONNX file, FOLDER/NAME.onnx, not w.pt"),
        ("--mean=nan", "invalid numbers"),
        ("--mean=0,0,0 --std=1,1,1", "fails on an image of 3x32x32"),
        ("--size=4", "fails on an image of 1x4x4"),
        ("--weights=nowhere.pt", "there is no file nowhere.pt"),
        ("--weights=empty.pt", "no file of weights alone"),
        ("--weights=network.pt", "no file of weights alone"),
        ("--weights=checkpoint.pt", "not of this network: Missing key"),
        ("--weights=nan.pt", "numbers that are not finite"),
        (f"{__file__}:Pair", "must give one number for each class"),
        (f"{__file__}:Branch", "cannot become an ONNX file"),
        ("--out=plain.onnx", "plain.onnx is there and was not written by this command"),
    ],
)
def test_a_network_that_no_slide_could_show_is_refused_in_one_line(
    options: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = lenet.LeNet5().state_dict()
    broken = weights | {name: w * math.nan for name, w in weights.items()}
    for name, content in {
        "w": weights,
        "network": torch.nn.Linear(1, 1),
        "checkpoint": {"model": weights},
    }.items():
        torch.save(content, tmp_path / f"{name}.pt")
    torch.save(broken, tmp_path / "nan.pt")
    (tmp_path / "empty.pt").touch()
    (tmp_path / "plain.onnx").write_bytes(b"of somebody else")
    monkeypatch.chdir(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    network = [] if ":" in options else [f"{lenet.__file__}:LeNet5"]
    usual = ["--weights=w.pt", "--classes=a,b,c,d,e,f,g,h,i,j", "--mean=0.5", "--std=0.25"]
    monkeypatch.setattr("sys.argv", ["export", *network, *usual, *options.split()])
    with pytest.raises((UserError, SystemExit)) as refused:
        own.main()
    line = capsys.readouterr().err.strip() or str(refused.value)
    assert said in line
    assert "\n" not in line
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_models_are_small_enough_to_load() -> None:
    sizes = {path.stem: path.stat().st_size for path in FILES}
    assert max(sizes.values(), default=0) <= models.LARGEST
    assert sum(size for name, size in sizes.items() if name in LECTURE) <= LECTURE_SUM


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_model_is_of_its_record_and_answers_as_it_says(path: Path) -> None:
    content = path.read_bytes()
    known, there = export.parse(content), records.read(path.stem)
    row = there["runs"][0]
    for key in ("seed", "commit", "validation_accuracy", "test_accuracy", "epochs"):
        assert known[key] == row[key], key
    assert known["recipe"] == there["recipe"]
    assert known["classes"] == there["classes"]
    assert known["parameters"] + known.get("auxiliary_parameters", 0) == there["parameters"]
    lesson = importlib.import_module(path.stem)
    with torch.device("meta"):
        model = lesson.build(lesson.RECIPE, 10)
    assert known["macs"] == facts("", model, (3, 32, 32))["macs"]
    assert known["agreement"]["same"] >= models.LEAST_AGREEMENT * known["agreement"]["images"]
    pictures, names = models.samples()
    assert [sample["file"] for sample in known["samples"]] == names
    told = [sample["probabilities"] for sample in known["samples"]]
    error, others = models.difference(content, pictures, known, told)
    assert error <= models.LARGEST_ERROR
    assert others == 0
