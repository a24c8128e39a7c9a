"""The trainer: what it writes, how it continues, and what it says when it cannot."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lab
from forking import forked
from lab import machine, training
from lab.data import Split
from lab.errors import UserError
from lab.record import percent
from lab.runs import LOCK, Run
from lab.search import bilevel as searching
from running import (
    LENET,
    ROOT,
    Tiny,
    assert_equal_weights,
    assert_same_training,
    command,
    contents,
    environment,
    lesson,
    only_run,
    options,
    press_ctrl_c_after,
    resumed,
    run_python,
    stopped_and_resumed,
    tiny,
    tiny_recipe,
    two_processes,
    weights,
)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> lab.Trained:
    """A training that nothing interrupted."""
    return lab.train(tiny, tiny_recipe(), options(tmp_path_factory.mktemp("unbroken")))


def test_a_run_says_when_the_commit_that_it_names_does_not_hold_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> str:
        name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        done = subprocess.run(["git", *name, *words], cwd=tmp_path, capture_output=True, text=True)
        return done.stdout.strip()

    script, record = tmp_path / "code" / "toy.py", tmp_path / "static" / "toy.json"
    for file in (tmp_path / "code" / "lab" / "machine.py", record):
        file.parent.mkdir(parents=True)
        file.touch()
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "code" / "lab" / "machine.py"))
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    record.write_text("a record is no code")
    first = git("rev-parse", "--short=12", "HEAD")
    assert machine.commit() == first
    script.touch()
    assert machine.commit() == f"{first}-dirty"  # a script that no commit holds
    git("add", ".")
    assert machine.commit() == f"{first}-dirty"
    git("commit", "--quiet", "--message", "second")
    assert machine.commit() == git("rev-parse", "--short=12", "HEAD") != first
    script.write_text("changed")
    assert machine.commit().endswith("-dirty")
    shutil.rmtree(tmp_path / ".git")
    assert machine.commit() == ""


def test_a_run_folder_holds_recipe_environment_history_checkpoints_and_pictures(
    unbroken: lab.Trained,
) -> None:
    folder = unbroken.run.folder
    assert {path.name for path in folder.iterdir()} - {LOCK} == {
        "run.json",
        "history.json",
        "last.pt",
        "best.pt",
        "result.json",
        "curve.png",
        "confusion.png",
    }
    about = json.loads((folder / "run.json").read_text())
    assert about["recipe"] == tiny_recipe().as_dict()
    assert about["data"]["name"] == "shapes"
    assert about["environment"]["torch"] in torch.__version__
    assert [row["epoch"] for row in unbroken.history] == [1, 2, 3]
    assert re.fullmatch(r"\d{8}-\d{6}-7", folder.name)


def test_the_test_set_is_read_with_the_weights_that_were_best_on_validation(
    unbroken: lab.Trained,
) -> None:
    accuracies = [row["validation_accuracy"] for row in unbroken.history]
    assert unbroken.result["validation_accuracy"] == max(accuracies)
    assert unbroken.result["best_epoch"] == accuracies.index(max(accuracies)) + 1
    data, model = unbroken.data, unbroken.model
    right = 0
    for images, labels in lab.normalized(data.test, data.mean, data.std, 100):
        with torch.no_grad():
            right += int((model(images).argmax(1) == labels).sum())
    assert unbroken.result["test_accuracy"] == pytest.approx(right / len(data.test))
    confusion = torch.tensor(unbroken.result["confusion"])
    assert confusion.sum(1).tolist() == torch.bincount(data.test.labels).tolist()
    assert int(confusion.diagonal().sum()) == right


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    unbroken: lab.Trained, tmp_path: Path
) -> None:
    again = lab.train(tiny, tiny_recipe(), options(tmp_path)).run
    assert_same_training(again, unbroken.run)
    other = lab.train(tiny, tiny_recipe(seed=8), options(tmp_path)).run
    assert not torch.equal(weights(other)["head.weight"], weights(again)["head.weight"])


# A training in a process of its own that kills itself, as a power cut would, at a chosen place.
# "epoch" is in the 2nd epoch, "start" in the 1st, "checkpoint" half-way through writing last.pt.
KILLED = """
import os, pathlib, signal, sys, torch
import lab
from ignite.engine import Events
from running import tiny, tiny_recipe
import lab.training as training

for place in sys.argv[2:]:  # PyTorch is loaded once, for all of them
    if (child := os.fork()) == 0:
        break
    _, status = os.waitpid(child, 0)
    print(place, os.waitstatus_to_exitcode(status), flush=True)
else:
    sys.exit()

out = str(pathlib.Path(sys.argv[1], place))
create_trainer, torch_save = training.create_trainer, torch.save

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def create(*arguments):
    trainer = create_trainer(*arguments)
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=3 if place == "start" else 8), die)
    return trainer

def save(content, file):
    if isinstance(content, dict) and content.get("trainer", {}).get("iteration") == 10:
        file.write(b"half of a checkpoint")
        file.flush()
        die()
    torch_save(content, file)

if place != "checkpoint":
    training.create_trainer = create
else:
    torch.save = save
lab.train(tiny, tiny_recipe(), lab.Options(out=out, device="cpu"))
"""


PLACES = ["start", "epoch", "checkpoint"]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each place, with the run that was killed there."""
    folder = tmp_path_factory.mktemp("killed")
    path = os.pathsep.join([*(str(ROOT / each) for each in ("code", "tests", "tests/helpers"))])
    done = run_python(["-c", KILLED, str(folder), *PLACES], folder, PYTHONPATH=path)
    ends = re.findall(r"^(\w+) (-\d+)$", done.stdout, re.MULTILINE)
    assert ends == [(place, str(-signal.SIGKILL.value)) for place in PLACES], done.stderr
    return folder


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("place", PLACES)
def test_a_killed_run_resumes_to_the_weights_of_an_unbroken_one(
    place: str, unbroken: lab.Trained, killed: Path
) -> None:
    begun = only_run(killed / place)
    assert bool([*begun.folder.glob("last.pt.*.part")]) == (place == "checkpoint")
    if place == "start":
        assert not begun.has("last.pt")
    else:
        assert begun.load("last.pt")["trainer"]["iteration"] == 5

    assert_same_training(resumed(tiny, tiny_recipe(), options(killed / place)), unbroken.run)
    assert begun.read("result.json")["test_accuracy"] == unbroken.result["test_accuracy"]
    assert not [*begun.folder.glob("*.part")]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize("step", [5, 7], ids=["end of an epoch", "in an epoch"])
def test_ctrl_c_saves_within_the_epoch_and_resumes_to_the_same_weights(
    step: int, unbroken: lab.Trained, tmp_path: Path
) -> None:
    run = stopped_and_resumed(tiny, tiny_recipe(), options(tmp_path), step)
    assert_same_training(run, unbroken.run)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_at_the_last_step_leaves_nothing_to_resume(
    unbroken: lab.Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    press_ctrl_c_after(15, monkeypatch)
    assert_same_training(lab.train(tiny, tiny_recipe(), options(tmp_path)).run, unbroken.run)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_a_stopped_run_in_half_precision_with_a_moving_average_resumes_exactly(
    tmp_path: Path,
) -> None:
    recipe, chosen = tiny_recipe(ema=0.9, cutout=4, epochs=2), {"precision": "fp16"}
    whole = lab.train(tiny, recipe, options(tmp_path / "whole", **chosen)).run
    assert_same_training(stopped_and_resumed(tiny, recipe, options(tmp_path, **chosen)), whole)


def test_resuming_a_finished_run_changes_nothing(
    unbroken: lab.Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = unbroken.run.folder
    before = contents(folder)
    again = lab.train(tiny, tiny_recipe(), options(tmp_path, resume=str(folder)))
    assert contents(folder) == before
    assert again.result == unbroken.result
    said = capsys.readouterr().out
    assert "this run is finished, and its learning rate has come down to zero: " in said
    assert "start anew with --epochs 6\n" in said
    assert "test accuracy" in said


def test_a_training_ends_with_its_result_the_recorded_one_and_what_to_do_with_the_network(
    unbroken: lab.Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = unbroken.run.folder
    reached = f"{percent(unbroken.result['test_accuracy'])}%"
    for epochs, dataset, ending in (
        (40, "cifar10", f"; yours {reached} after 3 of 40 on shapes"),
        (2, "cifar10", f"; yours {reached} after 3 epochs on shapes"),
        (3, "shapes", ""),
    ):
        known = {"test_accuracy": {"mean": 0.88}, "recipe": {"epochs": epochs}, "dataset": dataset}
        monkeypatch.setattr(training.record, "read", {"tiny": known}.get)
        lab.train(tiny, tiny_recipe(), options(tmp_path, resume=str(folder)))
        *_, result, recorded, pictures = capsys.readouterr().out.splitlines()
        assert result.startswith(f"test accuracy {unbroken.result['test_accuracy']:.2%} ")
        assert recorded == f"recorded: 88.0% after {epochs} epochs on {dataset}{ending}"
        assert re.fullmatch(rf"pictures in .*; export it: .* export .*{folder.name}", pictures)


def test_a_moving_average_is_what_is_validated_and_kept(tmp_path: Path) -> None:
    trained = lab.train(tiny, tiny_recipe(ema=0.9, epochs=1), options(tmp_path))
    last = trained.run.load("last.pt")
    assert_equal_weights(weights(trained.run, "best.pt"), last["average"])
    assert not torch.equal(last["average"]["head.weight"], last["model"]["head.weight"])


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_test_time_augmentation_measures_the_mean_of_both_sides_and_trains_alike(
    ema: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = lab.train(tiny, tiny_recipe(ema=ema), options(tmp_path / "plain"))
    assert "augmentation," not in capsys.readouterr().out
    trained = lab.train(tiny, tiny_recipe(ema=ema, tta=True), options(tmp_path / "tta"))
    assert "% with test-time augmentation, with the weights of" in capsys.readouterr().out
    assert_equal_weights(weights(trained.run), weights(plain.run))
    data, result = trained.data, trained.result
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (data.mean, data.std))

    def measured(model: nn.Module, split: Split) -> tuple[float, float]:
        images = (split.images / 255 - mean) / std
        with torch.no_grad():
            logits = (model.eval()(images) + model(images.flip(3))) / 2
        right = logits.argmax(1) == split.labels
        return right.double().mean().item(), F.cross_entropy(logits, split.labels).item()

    last = trained.run.load("last.pt")
    model = Tiny(len(data.classes))
    model.load_state_dict(last["average" if ema else "model"])
    validated = measured(model, data.validation)
    assert trained.history[-1]["validation_accuracy"] == validated[0]
    assert trained.history[-1]["validation_loss"] == pytest.approx(validated[1])
    tested = measured(trained.model, data.test)
    assert (result["test_accuracy"], result["test_loss"]) == pytest.approx(tested)


def test_smaller_images_come_first_and_a_stopped_run_goes_on_with_its_own(tmp_path: Path) -> None:
    seen: list[int] = []

    class Watched(Tiny):
        def forward(self, x: Tensor) -> Tensor:
            if self.training and len(x) == 60:  # others come before the training
                seen.append(x.shape[-1])
            return super().forward(x)

    def watched(recipe: lab.Recipe, classes: int) -> Tiny:
        return Watched(classes)

    recipe = tiny_recipe(small_share=0.4)  # of three epochs: begun ones count
    whole = lab.train(watched, recipe, options(tmp_path / "whole")).run
    assert seen == [24] * 10 + [32] * 5
    assert_same_training(stopped_and_resumed(watched, recipe, options(tmp_path)), whole)

    def flat(recipe: lab.Recipe, classes: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, classes))

    with pytest.raises(
        UserError, match=r"--small-share: omit it: at 24x24 the network fails \(mat1 and"
    ):
        lab.train(flat, recipe, options(tmp_path))


def test_training_stops_early_when_validation_no_longer_improves(tmp_path: Path) -> None:
    recipe = tiny_recipe(epochs=30, patience=2, lr=1e-12)  # too low to learn anything
    trained = lab.train(tiny, recipe, options(tmp_path))
    accuracies = [row["validation_accuracy"] for row in trained.history]
    best = accuracies.index(max(accuracies))
    assert len(accuracies) == best + 1 + 2 < 30
    # What was killed between its last epoch and its result has only the result to make.
    (trained.run.folder / "result.json").unlink()
    assert resumed(tiny, recipe, options(tmp_path)).read("history.json") == trained.history


def test_a_diverging_loss_ends_in_one_line_and_keeps_the_last_good_checkpoint(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match=r"loss became (nan|inf) in epoch \d+: try a .* lower"):
        lab.train(tiny, tiny_recipe(lr=1e30, epochs=50), options(tmp_path))
    for path in tmp_path.glob("tiny/*/last.pt"):
        assert all(tensor.isfinite().all() for tensor in torch.load(path)["model"].values())


def test_a_full_disk_ends_in_one_line_and_keeps_the_last_checkpoint(
    unbroken: lab.Trained, tmp_path: Path
) -> None:
    torch_save = torch.save

    def full(content: dict, file: IO[bytes]) -> None:
        if content.get("trainer", {}).get("iteration") == 10:  # last.pt of the second epoch
            file.write(b"half of a checkpoint")
            raise OSError(errno.ENOSPC, "No space left on device")
        torch_save(content, file)

    line = r"No space left on device\): make room, then continue with .* resume .*tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(UserError, match=line):
            lab.train(tiny, tiny_recipe(), options(tmp_path))
    assert only_run(tmp_path).load("last.pt")["trainer"]["iteration"] == 5
    assert_same_training(resumed(tiny, tiny_recipe(), options(tmp_path)), unbroken.run)


def test_a_disk_that_turns_read_only_ends_in_one_line_that_says_what_is_lost(
    unbroken: lab.Trained, tmp_path: Path
) -> None:
    open_, unlink = Path.open, Path.unlink

    def refuse(path: Path) -> None:
        if list(path.parent.glob("last.pt")):  # the first epoch is saved
            raise OSError(errno.EROFS, "Read-only file system", str(path))

    def opened(path: Path, mode: str = "r", *rest: object, **more: object) -> object:
        if "w" in mode:
            refuse(path)
        return open_(path, mode, *rest, **more)  # type: ignore[call-overload]

    def unlinked(path: Path, **more: bool) -> None:
        refuse(path)
        unlink(path, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", opened)
        patch.setattr(Path, "unlink", unlinked)
        with pytest.raises(UserError) as error:
            lab.train(tiny, tiny_recipe(), options(tmp_path))
    begun = only_run(tmp_path)
    assert re.search(
        r"\(Read-only file system\): make the disk writable again, then continue with "
        rf".*resume {begun}; what was trained after \d\d:\d\d:\d\d is lost$",
        str(error.value),
    )
    assert not list(begun.folder.glob("*.part"))
    assert_same_training(resumed(tiny, tiny_recipe(), options(tmp_path)), unbroken.run)


# Holds the lock of a run, as a training does, until it is killed.
HOLD = """
import sys, time
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("place", ["training", "search"])
def test_a_run_at_work_in_another_process_is_refused_until_that_has_ended(
    place: str, unbroken: lab.Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Run.create(str(tmp_path), tiny_recipe())
    name = "run.json"
    begun.write(name, unbroken.run.read(name))

    def work() -> str:
        if place == "training":
            return str(lab.train(tiny, tiny_recipe(), options(tmp_path, resume=str(begun))).run)
        monkeypatch.setattr(
            searching, "_search", lambda *rest: rest[-1].write("genotype.json", "found")
        )
        return str(searching.search(make_step, tiny_recipe(), options(tmp_path), images=0))

    def make_step(recipe: lab.Recipe, classes: int) -> Any:
        return SimpleNamespace(model=tiny(recipe, classes))

    command = [sys.executable, "-c", HOLD, str(begun.folder / LOCK)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match=r"tiny\S* is being trained by another process: wait"):
            work()
        assert {path.name for path in begun.folder.iterdir()} == {name, LOCK}
    finally:
        other.kill()
        other.communicate()
    assert work() == str(begun)


def test_tensorboard_logs_are_written_when_asked_for(tmp_path: Path) -> None:
    trained = lab.train(tiny, tiny_recipe(epochs=1), options(tmp_path, tensorboard=True))
    assert list(trained.run.folder.glob("events.out.tfevents.*"))


def test_two_processes_learn_what_one_learns_and_only_the_first_writes(tmp_path: Path) -> None:
    recipe = ["--data", "shapes", "--limit", "600", "--epochs", "2", "--batch-size", "50"]
    recipe += ["--precision", "fp32"]  # half precision rounds too much to compare them
    two = two_processes([str(LENET), *recipe, "--out", "two"], tmp_path)
    assert two.returncode == 0, two.stderr
    one = lesson(*recipe, "--out", "one", "--device", "cpu", cwd=tmp_path)
    assert one.returncode == 0, one.stderr

    single, double = (only_run(tmp_path / out, "lenet") for out in ("one", "two"))
    rows = (run.read("history.json") for run in (single, double))
    for mine, theirs in zip(*rows, strict=True):
        assert theirs["train_loss"] == pytest.approx(mine["train_loss"], abs=1e-4)
        assert theirs["validation_loss"] == pytest.approx(mine["validation_loss"], abs=1e-4)
    total, others = (
        sum(map(sum, run.read("result.json")["confusion"])) for run in (single, double)
    )
    assert total == others
    assert double.read("run.json")["environment"]["processes"] == 2
    for line in ("test accuracy", "recorded: ", "epoch 1/2"):
        assert two.stdout.count(line) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_a_terminal_shows_a_bar_with_loss_and_images_a_second(tmp_path: Path) -> None:
    import fcntl
    import pty
    import termios

    watcher, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    recipe = "--data shapes --limit 4000 --epochs 1 --batch-size 16 --out runs"
    process = subprocess.Popen(
        forked(command(*recipe.split())),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    shown, deadline = b"", time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            shown += os.read(watcher, 4096)
        except OSError:  # the other end was closed
            break
    assert process.wait(timeout=60) == 0
    assert b"loss=" in shown
    assert b" img/s" in shown
