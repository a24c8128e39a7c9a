"""A finished run becomes one file that says what it is."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from onnxruntime import InferenceSession
from torch import nn
from torch.nn.utils.parametrizations import orthogonal

import lab
import lenet
from lab.errors import UserError
from lab.onnx import export


def command(arguments: list[str]) -> None:
    lab.main(lenet.LESSON, arguments)


def test_the_newest_run_is_written_and_says_what_it_is(
    trained: lab.Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = trained.run.folder
    with pytest.raises(SystemExit) as ended:
        command(["export", "--out", str(folder.parents[1])])
    assert not ended.value.code
    assert "lenet.onnx: LeNet-5" in capsys.readouterr().out
    content = (folder / "lenet.onnx").read_bytes()
    known = export.parse(content)
    assert known["classes"] == list(trained.data.classes)
    assert known["mean"] == list(trained.data.mean)
    assert known["recipe"]["original"] is True
    assert known["test_accuracy"] == trained.result["test_accuracy"]
    assert known["agreement"]["images"] == len(trained.data.test)
    assert known["agreement"]["same"] >= 0.99 * known["agreement"]["images"]
    kernels = [stage["kernel"] for stage in known["stages"]]
    assert kernels == [True, False, True, False, True, False, False]
    assert not known["class_activation"]

    session = InferenceSession(content, providers=["CPUExecutionProvider"])
    names = {output.name for output in session.get_outputs()}
    assert names >= {"logits", "c1", "c1.kernel", "f6"}
    x = torch.rand(3, 3, 32, 32)
    (logits,) = session.run(["logits"], {"images": x.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(logits), trained.model(x), rtol=0, atol=2e-2)


def test_the_file_of_a_run_with_test_time_augmentation_states_no_accuracy(
    trained: lab.Trained,
) -> None:
    recipe = trained.run.recipe(type(lenet.RECIPE))
    accuracies = {"validation_accuracy", "test_accuracy"}
    for tta in (False, True):
        known = export.metadata(trained.run, replace(recipe, tta=tta), trained.model, "float16")
        assert accuracies & set(known) == (set() if tta else accuracies)


def test_what_cannot_be_exported_gets_one_line(
    trained: lab.Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained.run.folder
    with pytest.raises(UserError, match="no finished run of lenet: train one first"):
        command(["export", "--out", str(tmp_path)])
    with pytest.raises(UserError, match="unrecognized arguments: --lr"):
        command(["export", str(folder), "--lr", "1"])
    with pytest.raises(UserError, match="unrecognized arguments: --device"):
        command(["export", "--device", "cpu"])
    with pytest.raises(UserError, match="is a run of lenet, not of tiny"):
        lab.main(replace(lenet.LESSON, name="tiny"), ["export", str(folder)])
    unfinished = shutil.copytree(folder, tmp_path / "lenet" / "run")
    (unfinished / "result.json").unlink()
    with pytest.raises(UserError, match="is not finished: continue it with `resume "):
        command(["export", str(unfinished)])
    with pytest.raises(UserError, match=r"the network cannot become an ONNX file: .*matrix_exp"):
        export.to_onnx(nn.Sequential(orthogonal(nn.Linear(4, 4))), (4,))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"onnx is needed: pip install -e '\.\[export\]'"):
        command(["export", str(folder)])
