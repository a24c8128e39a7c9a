"""The command line of a lesson: readable help, and one line for whatever is wrong."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import pytest
import torch

import lab
from lab import cli, machine
from lab.errors import UserError
from lab.recipe import flag
from lab.runs import Run
from running import ROOT, contents, environment, lesson, options, tiny, tiny_recipe

RECIPE = lab.Recipe("lenet")
LENET = lab.NetworkLesson("lenet", "LeNet", "", recipe=RECIPE, build=tiny)
TINY = lab.NetworkLesson("tiny", "Tiny", "", recipe=lab.Recipe("tiny"), build=tiny)


def parse(*arguments: str) -> tuple[lab.Recipe, lab.Options]:
    return cli.command_line(RECIPE, "A lesson.", arguments, options=lab.Options())


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
    assert parse("--smoke", "--lr", "0.2")[0].lr == 0.2


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--epoch", "3"], "unrecognized arguments: --epoch 3 (--help lists the settings)"),
        (["--lr"], "argument --lr: expected one argument (--help lists the settings)"),
        (["--lr", "fast"], "argument --lr: invalid float value: 'fast'"),
        (["--lr", "nan"], "--lr must be a finite number, not nan"),
        (["--lr", "0"], "--lr must be above 0, not 0.0"),
        (["--weight-decay", "1e999"], "--weight-decay must be a finite number, not inf"),
        (["--resume="], "--resume is given nothing"),
        (["--data", ""], "--data is given nothing"),
        ([""], "an argument is empty"),
        (["--epochs", "2.5"], "argument --epochs: invalid int value: '2.5'"),
        (["--epochs", "0"], "--epochs must be at least 1, not 0"),
        (["--batch-size", "-1"], "--batch-size must be at least 1, not -1"),
        (["--lr", "1e39"], "--lr must be at most 1e+30, not 1e+39"),
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
    return lab.train(tiny, tiny_recipe(epochs=1), options(out)).run.folder


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"[]", "the whole is no object"),
        (b"", "Expecting value"),
        (b'{"recipe": {"network": "ti', "Unterminated string"),
        (b"\xff", "codec can't decode"),
        (b"[" * 100_000, "recursion"),
        (lambda about: about.pop("recipe"), 'the whole lacks "recipe"'),
        (lambda about: about["recipe"].pop("network"), '"recipe" lacks "network"'),
        (lambda about: about["recipe"].pop("lr"), r"another version of this code \(lr\)"),
        (lambda about: about.pop("options"), 'the whole lacks "options"'),
        (lambda about: about["data"].pop("name"), '"data" lacks "name"'),
        (lambda about: about.pop("macs"), 'the whole lacks "macs"'),
        (lambda about: about.update(data=[]), '"data" is no object'),
        (lambda about: about["recipe"].update(epochs="many"), "must be a whole number, not many"),
        (lambda about: about["recipe"].update(lr=float("nan")), "must be a finite number, not nan"),
        (lambda about: about["options"].update(speed=1), r"another version of this code \(speed\)"),
        (lambda about: about["options"].update(threads="all"), "must be a whole number, not all"),
    ],
)
def test_resume_refuses_a_run_whose_description_is_damaged(
    content: bytes | Callable[[dict], object], line: str, tiny_run: Path, tmp_path: Path
) -> None:
    if not isinstance(content, bytes):
        about = json.loads((tiny_run / "run.json").read_text())
        content(about)
        content = json.dumps(about).encode()
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(UserError, match=line) as error:
        lab.main(TINY, ["resume", str(tmp_path)])
    assert "\n" not in str(error.value)


# Each is a program, its words, and the beginning of the one line that it answers.
REFUSED = [
    ("course.record", [], "the following arguments are required: RUN"),
    ("course.record", [""], "an argument is empty"),
    ("course.record", ["--nope", "x"], "unrecognized arguments: --nope"),
    ("course.record", ["nowhere"], "no run folder nowhere"),
    ("course.record", ["--variant", "a|b", "x"], "--variant is letters, digits, - and _, not"),
    ("course.learning", ["nowhere"], "nowhere does not learn in the page: "),
    ("course.compare", ["extra"], "unrecognized arguments: extra"),
    ("course.notebooks", ["extra"], "unrecognized arguments: extra"),
    ("checker", [], "python code/exercise.py --check starts this"),
    ("draw", ["code/lenet.py:LeNet5", "--size", "nan"], "argument --size: invalid int"),
    ("course.figures", ["extra"], "unrecognized arguments: extra"),
    ("course.facts", ["extra"], "unrecognized arguments: extra"),
    ("course.models", ["--nope"], "unrecognized arguments: --nope"),
    ("course.models", ["--runs", ""], "--runs is given nothing"),
    ("course.results", ["--seeds", "two"], "argument --seeds: invalid int value: 'two'"),
    ("course.results", ["lenet", "--", "--lr", "inf"], "--lr must be a finite number"),
    ("course.pages", ["--nope"], "unrecognized arguments: --nope"),
    ("course.pages", [""], "an argument is empty"),
    ("benchmarks/deck.py", ["--rounds", "0"], "argument --rounds: must be a whole number of at"),
    ("benchmarks/live.py", ["extra"], "unrecognized arguments: extra"),
    ("code/lenet.py", ["--epochs", "many"], "argument --epochs: invalid int value: 'many'"),
    ("code/lenet.py", ["--rate", "1"], "unrecognized arguments: --rate"),
    ("setup/pytorch.py", ["extra"], "setup/pytorch.py takes no extra"),
    ("benchmarks/training.py", ["--threads", "-1"], "--threads must be at least 0, not -1"),
]


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")  # where another test imported it
@pytest.mark.parametrize(("program", "words", "line"), REFUSED)
def test_every_program_refuses_a_wrong_word_in_one_line(
    program: str,
    words: list[str],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [program, *words])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards
    own = ROOT / (program if program.endswith(".py") else f"code/{program.replace('.', '/')}")
    file = own / "__main__.py" if own.is_dir() else own.with_suffix(".py")
    module = ".".join(file.relative_to(ROOT / "code").with_suffix("").parts) if own != file else ""
    run = partial(runpy.run_module, module) if module else partial(runpy.run_path, str(file))
    if not module:  # a script finds what lies beside it
        monkeypatch.syspath_prepend(str(file.parent))
    with pytest.raises((UserError, SystemExit)) as stop:
        run(run_name="__main__")
    if isinstance(stop.value, SystemExit):
        assert stop.value.code == 2
    said = str(stop.value) if isinstance(stop.value, UserError) else capsys.readouterr().err
    assert said.startswith(line)
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(30, "Read-only file system", "/x/y"), "/x/y: Read-only file system"),
        (UserError("no run folder a\nb"), "no run folder a b"),
    ],
)
def test_whatever_the_machine_refuses_is_one_line(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["code/lenet.py"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards
    monkeypatch.setattr(sys, "__stderr__", sys.stderr)
    machine.show_errors_in_one_line()
    with pytest.raises(SystemExit) as stop:
        sys.excepthook(type(error), error, None)
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"lenet.py: {line}\n"


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
    chosen = options(tmp_path, precision="bf16", channels_last=False)
    run = lab.train(tiny, tiny_recipe(epochs=1), chosen).run
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
    said = " ".join(capsys.readouterr().out.split())
    assert "other commands: resume RUN, export [RUN] (ONNX), show (demonstrations), find" in said
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


def flip_a_bit(file: Path) -> None:
    """In a weight."""
    saved = torch.load(file)
    bits = saved.get("model", saved)["norm.weight"].numpy().tobytes()
    content = bytearray(file.read_bytes())
    content[content.index(bits) + 2] ^= 0b1000
    file.write_bytes(content)


OTHER_NETWORK = {"model": {"weight": torch.zeros(3)}, "trainer": {}, "optimizer": {}}
DAMAGED = (
    r"^cannot read the checkpoint .*{name}, which is damaged \({reason}\): "
    "put a copy of it in its place, or train anew$"
)
FLIPPED = DAMAGED.replace("{reason}", r"wrong checksum of \S+")


@pytest.mark.parametrize(
    ("name", "spoil", "line"),
    [
        ("last.pt", lambda file: file.write_bytes(b""), DAMAGED),
        ("last.pt", lambda file: file.write_bytes(b"not a checkpoint"), DAMAGED),
        ("last.pt", flip_a_bit, FLIPPED),
        ("best.pt", flip_a_bit, FLIPPED),
        ("last.pt", lambda file: torch.save([1, 2], file), "is not of this network"),
        ("last.pt", lambda file: torch.save(OTHER_NETWORK, file), "is not of this network"),
        ("last.pt", Path.unlink, "has no last.pt: this run cannot be continued"),
    ],
)
def test_resume_refuses_a_checkpoint_that_is_damaged_or_not_of_this_network(
    name: str, spoil: Callable[[Path], None], line: str, tiny_run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    (folder / "result.json").unlink()  # so that there is something to go on with
    (folder / "history.json").write_text("[{}, {}]")  # it was past its first epoch
    spoil(folder / name)
    before = contents(folder)
    line = line.replace("{name}", name).replace("{reason}", ".+")
    with pytest.raises(UserError, match=line) as error:
        lab.train(tiny, tiny_recipe(epochs=1), options(tmp_path, resume=str(folder)))
    assert "\n" not in str(error.value)
    assert contents(folder) == before


def test_any_flipped_bit_of_a_checkpoint_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    saved = {"a": torch.arange(9.0), "b": {"n": 3, "m": [1.5, "text"]}}
    torch.save(saved, tmp_path / "last.pt")
    whole, noticed = (tmp_path / "last.pt").read_bytes(), 0
    attributes = whole.rindex(b"last/data/0") - 8  # of the tensor, which one bit makes a folder
    for place in (*range(0, len(whole), 5), attributes):
        content = bytearray(whole)
        content[place] ^= 0x10
        (tmp_path / "last.pt").write_bytes(content)
        try:
            found = Run(tmp_path).load("last.pt")
        except UserError:
            noticed += 1
        else:
            assert torch.equal(found["a"], saved["a"])
            assert found["b"] == saved["b"]
    assert noticed > len(whole) / 5 / 3  # the rest is padding and the time of day


def test_resume_refuses_images_that_have_changed(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again, line = options(tmp_path, resume=str(tiny_run)), "or their labels, have changed since"
    with pytest.raises(UserError, match=f"the images of shapes, {line}"):
        lab.train(tiny, tiny_recipe(epochs=1, limit=200), again)

    data = lab.load("shapes", limit=300)
    others = lab.data.Split(data.test.images, data.test.labels.flip(0))
    monkeypatch.setattr(lab.training, "load", lambda *_, **__: replace(data, test=others))
    with pytest.raises(UserError, match=f"the images of shapes, {line}"):
        lab.train(tiny, tiny_recipe(epochs=1), again)
    # A run of an earlier version does not know its labels, and goes on as before.
    folder = tmp_path / "run"
    shutil.copytree(tiny_run, folder)
    about = json.loads((folder / "run.json").read_text())
    del about["data"]["digest"]
    (folder / "run.json").write_text(json.dumps(about))
    before = contents(folder)
    lab.train(tiny, tiny_recipe(epochs=1), replace(again, resume=str(folder)))
    assert contents(folder) == before


def test_an_out_that_is_a_file_gets_one_line_and_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "runs"
    out.write_text("mine")
    with pytest.raises(UserError, match=r"cannot make the folder|is not a folder"):
        lab.train(tiny, tiny_recipe(), options(out))
    assert out.read_text() == "mine"


def test_a_script_shows_bad_input_as_one_line_and_exits_with_code_2(tmp_path: Path) -> None:
    done = lesson("--data", "no/such/folder", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("lenet.py: ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


# A stand-in for PyTorch: it presses Ctrl-C and, as NumPy does, passes over the error.
INTERRUPTED = """
import signal
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("it went on", flush=True)
"""


def interrupted(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python where Ctrl-C is pressed as soon as PyTorch is imported."""
    (folder / "torch.py").write_text(INTERRUPTED)
    paths = os.pathsep.join([str(folder), str(ROOT / "code")])
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(PYTHONPATH=paths),
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("script", sorted((ROOT / "code").glob("*.py")), ids=lambda path: path.stem)
def test_ctrl_c_while_a_lesson_loads_pytorch_ends_it_in_one_line(
    script: Path, tmp_path: Path
) -> None:
    done = interrupted([str(script)], tmp_path)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == f"{script.name}: stopped\n"


def test_ctrl_c_stays_with_a_program_that_is_no_script_of_ours(tmp_path: Path) -> None:
    assert interrupted(["-c", "import lab"], tmp_path).stdout == "it went on\n"
