"""The command line of a lesson: readable help, and one line for whatever is wrong."""

from __future__ import annotations

import os
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

import lab
from lab import cli
from lab.errors import UserError
from lab.recipe import flag
from running import lesson, tiny, tiny_recipe

RECIPE = lab.Recipe("lenet")
LENET = lab.NetworkLesson("lenet", "LeNet", "", recipe=RECIPE, build=tiny)
TINY = lab.NetworkLesson("tiny", "Tiny", "", recipe=lab.Recipe("tiny"), build=tiny)


def parse(*arguments: str) -> tuple[lab.Recipe, lab.Options]:
    return cli.command_line(RECIPE, "A lesson.", arguments)


def test_every_setting_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse("--help")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for each in (*fields(lab.Recipe), *fields(lab.Options)):
        if each.name not in ("network", "resume"):
            assert flag(each.name) in text
            assert f"(default: {each.default})" in " ".join(text.split()) or each.default in (
                "",
                True,
                False,
            )


def test_settings_change_the_recipe_and_nothing_else() -> None:
    recipe, options = parse("--epochs", "3", "--lr", "0.5", "--no-flip", "--threads", "1")
    assert recipe == lab.Recipe("lenet", epochs=3, lr=0.5, flip=False)
    assert options == lab.Options(threads=1)


def test_a_folder_of_images_is_remembered_by_its_whole_path(tmp_path: Path) -> None:
    recipe, _ = parse("--data", os.path.relpath(tmp_path))
    assert recipe.data == str(tmp_path)


def test_smoke_mode_needs_no_download_and_yields_to_what_is_said() -> None:
    recipe, _ = parse("--smoke", "--epochs", "1")
    assert (recipe.data, recipe.limit, recipe.epochs) == ("shapes", 1000, 1)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--epoch", "3"], "unrecognized arguments: --epoch 3 (--help lists the settings)"),
        (["--lr"], "argument --lr: expected one argument (--help lists the settings)"),
        (["--lr", "fast"], "--lr takes a number, not fast"),
        (["--lr", "nan"], "--lr must be above 0, not nan"),
        (["--lr", "0"], "--lr must be above 0, not 0.0"),
        (["--lr", "inf"], "--lr must be below inf, not inf"),
        (["--epochs", "2.5"], "--epochs takes a whole number, not 2.5"),
        (["--epochs", "0"], "--epochs must be at least 1, not 0"),
        (["--batch-size", "-1"], "--batch-size must be at least 1, not -1"),
        (["--momentum", "1"], "--momentum must be below 1, not 1.0"),
        (["--cutout", "33"], "--cutout must be at most 32, not 33"),
        (["--device", "tpu"], "--device must be one of auto, cpu, cuda, mps, not tpu"),
        (["--data", "no/such/place"], "there is no folder"),
        (["--data", __file__], f"{__file__} is a file: data is cifar10, shapes, or a folder"),
    ],
)
def test_a_wrong_setting_gets_one_line(arguments: list[str], line: str) -> None:
    with pytest.raises(UserError) as error:
        parse(*arguments)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


def test_a_device_that_is_not_there_gets_one_line_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="--device cuda: this machine has no such device"):
        parse("--device", "cuda")


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    options = lab.Options(out=str(out), device="cpu", progress=False)
    return lab.train(tiny, tiny_recipe(epochs=1), options).run.folder


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere"], "no run folder nowhere: name one of those in runs"),
        ([], "the following arguments are required: RUN"),
        (["{run}", "--lr", "1"], "unrecognized arguments: --lr 1"),
        (["{tests}"], "is not a run folder: it holds no run.json"),
        (["{run}"], "is a run of tiny, not of lenet: use code/tiny"),
    ],
)
def test_resume_refuses_what_it_cannot_go_on_with(
    arguments: list[str], line: str, tiny_run: Path
) -> None:
    places = {"run": tiny_run, "tests": Path(__file__).parent}
    with pytest.raises(UserError, match=re.escape(line)) as error:
        lab.main(LENET, ["resume", *(each.format(**places) for each in arguments)])
    assert "\n" not in str(error.value)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[lab.Recipe, lab.Options]]:
    """Recipe and options of what would be trained."""
    trainings: list[tuple[lab.Recipe, lab.Options]] = []
    monkeypatch.setattr(cli, "train", lambda build, *settings: trainings.append(settings))
    return trainings


def test_resume_goes_on_with_recipe_and_options_of_the_run_where_no_others_are_chosen(
    tmp_path: Path, started: list[tuple[lab.Recipe, lab.Options]]
) -> None:
    options = lab.Options(
        out=str(tmp_path), device="cpu", precision="bf16", channels_last=False, progress=False
    )
    run = lab.train(tiny, tiny_recipe(epochs=1), options).run
    lab.main(TINY, ["resume", str(run.folder / "last.pt")])
    lab.main(TINY, ["resume", str(run), "--precision", "fp32"])
    (recipe, same), (_, changed) = started
    assert recipe == tiny_recipe(epochs=1)
    assert (same.precision, same.channels_last, same.resume) == ("bf16", False, str(run))
    assert same.threads == torch.get_num_threads()
    assert (changed.precision, changed.channels_last) == ("fp32", False)


def test_settings_alone_train_and_an_unknown_command_names_those_there_are(
    tmp_path: Path,
    started: list[tuple[lab.Recipe, lab.Options]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    lab.main(TINY, ["--epochs", "3", "--data", "shapes"])
    assert started[0][0].epochs == 3
    lesson = replace(TINY, commands={"find": lab.Command("Find.", print, TINY.recipe)})
    with pytest.raises(UserError, match="no command prvoe: resume, export, prove, show, find"):
        lab.main(lesson, ["prvoe"])
    with pytest.raises(SystemExit) as stop:
        lab.main(lesson, ["--help"])
    assert stop.value.code == 0
    assert "other commands: resume RUN, export [RUN], show, find" in capsys.readouterr().out
    assert len(started) == 1


def test_a_command_of_a_lesson_has_settings_of_its_own() -> None:
    ran: list[tuple[lab.Recipe, lab.Options]] = []
    search = lab.Command("Search.", lambda *given: ran.append(given), RECIPE, hidden=("lr",))
    with pytest.raises(SystemExit) as stop:
        lab.main(replace(TINY, commands={"search": search}), ["search", "--seed", "4"])
    assert not stop.value.code
    assert ran == [(replace(RECIPE, seed=4), lab.Options(threads=ran[0][1].threads))]
    with pytest.raises(UserError, match="unrecognized arguments: --lr 1"):
        lab.main(replace(TINY, commands={"search": search}), ["search", "--lr", "1"])


def test_a_network_that_torchvision_lacks_cannot_be_proven() -> None:
    with pytest.raises(UserError, match="torchvision has no Tiny to compare with"):
        lab.main(TINY, ["prove"])


OTHER_NETWORK = {"model": {"weight": torch.zeros(3)}, "trainer": {}, "optimizer": {}}


@pytest.mark.parametrize(
    "checkpoint", [b"", b"not a checkpoint", [1, 2], OTHER_NETWORK, None], ids=str
)
def test_resume_refuses_a_checkpoint_that_is_damaged_or_not_of_this_network(
    checkpoint: object, tiny_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_bytes((tiny_run / "run.json").read_bytes())
    (folder / "history.json").write_text("[{}, {}]")  # it was past its first epoch
    if isinstance(checkpoint, bytes):
        (folder / "last.pt").write_bytes(checkpoint)
    elif checkpoint is not None:
        torch.save(checkpoint, folder / "last.pt")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    options = lab.Options(resume=str(folder), device="cpu", progress=False)
    with pytest.raises(UserError) as error:
        lab.train(tiny, tiny_recipe(epochs=1), options)
    message = str(error.value)
    assert any(
        words in message
        for words in ("cannot read the checkpoint", "not of this network", "has no last.pt")
    )
    assert "\n" not in message
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_resume_refuses_images_that_have_changed(tiny_run: Path) -> None:
    options = lab.Options(resume=str(tiny_run), device="cpu", progress=False)
    with pytest.raises(UserError, match="images of shapes have changed since"):
        lab.train(tiny, tiny_recipe(epochs=1, limit=200), options)


def test_an_out_that_is_a_file_gets_one_line_and_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "runs"
    out.write_text("mine")
    with pytest.raises(UserError, match=r"cannot make the folder|is not a folder"):
        lab.train(tiny, tiny_recipe(), lab.Options(out=str(out), device="cpu"))
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    "arguments", [["--epochs", "many"], ["--data", "no/such/folder"], ["--rate", "1"]]
)
def test_a_script_shows_bad_input_as_one_line_and_exits_with_code_2(
    arguments: list[str], tmp_path: Path
) -> None:
    done = lesson(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("lenet.py: ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
