"""The exercise answers back: every mistake that it knows is found, and nothing else is."""

from __future__ import annotations

import json
import logging
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ignite.engine import Engine
from torch import nn

from checker import checklist
from checker.coach import Coach
from checker.mistakes import SHOWN
from checker.points import GAPS, POINTS, Result, grade
from checker.work import Work
from conftest import DECK, ROOT
from filling import EXERCISE, SOLUTIONS, changes, gaps, load, solved
from forking import forked
from lab.errors import UserError
from lab.onnx import export
from lab.shapes import SHAPES
from running import lesson

pytestmark = pytest.mark.needs("exercise")

# What is changed in the solution: mistakes of steps 3, 4 and 5, with the gap where each is found
# and what the hint must say; further below, other ways to do it, which are no mistakes.
ZERO = "        optimizer.zero_grad()\n"
SOLUTION = solved()
MISTAKES = changes(SOLUTIONS / "mistakes.diff")
# A network that costs next to nothing.
SMALL = """\
    model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8))
    model.extend([nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes)])
    return model
"""


def changed(source: str, old: str, new: str) -> str:
    """Make one change, at a place that is there once."""
    assert source.count(old) == 1, old
    return source.replace(old, new)


def with_build(source: str, body: str) -> str:
    """Give the exercise another `build`."""
    start = source.index('    """The network for small images')
    start = source.index('    """\n', start) + len('    """\n')
    return source[:start] + body + source[source.index("\n\nif coach.ready", start) :]


def graded(source: str, *steps: int) -> list[Result]:
    """Grade steps of an exercise in this process."""
    return list(grade(Work(load(source)), steps))


def test_the_exercise_has_the_gaps_that_the_checker_knows() -> None:
    assert list(gaps(EXERCISE.read_text())) == [gap for step in GAPS.values() for gap in step]
    for text in (EXERCISE, ROOT / "README.md"):
        assert ("eleven gaps" in text.read_text(encoding="utf-8")) == (len(SHOWN) == 11)
    assert [point.step for point in POINTS] == sorted(point.step for point in POINTS)


def test_the_solution_passes(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SOLUTION)
    assert checklist.check(str(file), patience=60) == 0
    said = capfd.readouterr()
    assert said.out.count("[x]") == len(POINTS), said.out
    assert "[ ]" not in said.out
    assert said.err == ""


def test_a_solution_with_another_network_passes() -> None:
    assert [result.found for result in graded(solved("vgg11"), 1, 2) if not result.passed] == []


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found_with_its_hint(name: str) -> None:
    gap, _, hint = re.split(", |: ", name, maxsplit=2)
    steps = [step for step, names in GAPS.items() if gap in names]
    source = changed(with_build(SOLUTION, SMALL), *MISTAKES[name][0])
    wrong = [result for result in graded(source, *steps) if result.found]
    assert [result.gap for result in wrong] == [gap], wrong
    assert hint in wrong[0].hint
    assert not re.search(r"Traceback|NoneType", wrong[0].found)


OTHER_WAYS = changes(SOLUTIONS / "other-ways.diff")


@pytest.mark.parametrize("name", OTHER_WAYS)
def test_another_way_is_no_mistake(name: str) -> None:
    source = with_build(changed(SOLUTION, *OTHER_WAYS[name][0]), SMALL)
    assert [result.found for result in graded(source, 3, 4, 5) if not result.passed] == []


def test_a_transformer_is_made_to_fit_by_small_patches() -> None:
    layers = "num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=8, num_classes=classes"
    size = "models.VisionTransformer(image_size=32, patch_size={}, " + layers + ")"
    for patch, good in ((4, True), (16, False)):
        source = with_build(SOLUTION, f"    return {size.format(patch)}\n")
        wrong = [result for result in graded(source, 2) if not result.passed]
        assert not wrong if good else "`patch_size=4`" in wrong[0].hint
    rows = "[(name, name) for name in ('conv_proj', *BLOCKS, 'encoder.ln', 'heads')]"
    source = changed(SOLUTION, "models.resnet18()\n", "models.vit_b_16()\n")
    start = source.index('    return [\n        ("conv1"')
    blocks = "[f'encoder.layers.encoder_layer_{each}' for each in range(12)]"
    source = (
        source[:start]
        + f"    return {rows.replace('BLOCKS', blocks)}\n\n\n"
        + (source[source.index("if coach.ready", start) :])
    )
    assert [result.found for result in graded(source, 1) if not result.passed] == []


# For each network how it is made small, as a student would; before, the checker must object.
ADAPTED = {
    "resnet18": ["model.conv1.stride = (1, 1)", "model.maxpool = nn.Identity()"],
    "alexnet": [
        "model.features[0] = nn.Conv2d(3, 64, kernel_size=5, padding=2)",
        "model.avgpool = nn.Identity()",
        "model.classifier = nn.Linear(256 * 3 * 3, classes)",
    ],
    "googlenet": ["model.conv1.conv.stride = (1, 1)", "model.maxpool1 = nn.Identity()"],
    "inception_v3": ["model.Conv2d_1a_3x3.conv.stride = (1, 1)", "model.maxpool1 = nn.Identity()"],
    "mobilenet_v2": [
        "model.features[0][0].stride = (1, 1)",
        "model.features[2].conv[1][0].stride = (1, 1)",
    ],
    "densenet121": ["model.features.conv0.stride = (1, 1)", "model.features.pool0 = nn.Identity()"],
    "squeezenet1_1": ["model.features[0].stride = (1, 1)", "model.features[2] = nn.Identity()"],
}
ALONE = ", aux_logits=False, init_weights=False"
AUXILIARY = {"googlenet": ALONE, "inception_v3": ALONE}


def built(name: str, lines: list[str], arguments: str = "") -> str:
    """The body of a `build`."""
    made = f"model = models.{name}(num_classes=classes{arguments})"
    return "".join(f"    {line}\n" for line in [made, *lines, "return model"])


@pytest.mark.parametrize("name", ADAPTED)
def test_a_network_fits_once_it_is_no_longer_as_torchvision_makes_it(name: str) -> None:
    arguments = AUXILIARY.get(name, "")
    source = with_build(SOLUTION, built(name, [], arguments))
    wrong = [result for result in graded(source, 2) if result.found]
    assert wrong
    assert all("stride 1" in result.hint for result in wrong)
    source = with_build(SOLUTION, built(name, ADAPTED[name], arguments))
    assert [result.found for result in graded(source, 2) if not result.passed] == []


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (built("vgg11", []), "nn.AdaptiveAvgPool2d(1)"),
        (built("googlenet", ADAPTED["googlenet"], ", init_weights=False"), "`aux_logits=False`"),
        ("    return models.resnet18()\n", "`classes` outputs"),
        (
            built("vgg11", ["model.avgpool = nn.Identity()"]),
            "print the shape of what arrives there",
        ),
        ("    return None\n", "Return the network"),
        ("    return models.resnet18\n", "Return the network"),
        (built("resnet18", ["model.maxpool = None"]), "`nn.Identity()` in its place"),
        (built("resnet18", ["model.conv1 = nn.Conv2d(3, 32, 3)"]), "as many as that one did"),
        (built("vit_b_16", []), "`image_size=32`"),
        ("    return choos()\n", "First fix what Python complains about"),
    ],
)
def test_a_network_that_is_built_wrong_gets_its_hint(body: str, hint: str) -> None:
    wrong = [result for result in graded(with_build(SOLUTION, body), 2) if result.found]
    assert [result.gap for result in wrong] == ["build"]
    assert hint in wrong[0].hint


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("models.resnet18()", "nn.Linear(3, 1000)", "choose returned Linear"),
        ("models.resnet18()", 'models.resnet18(weights="DEFAULT")', "trained weights"),
        ("models.resnet18()", "models.resnet18(num_classes=10)", "instead of (2, 1000)"),
        ('"layer4"', '"layer5"', "there are conv1, bn1"),
        ('"layer4"', '"layer4.0"', "in no row: layer4.1.conv1"),
        ('"layer4"', '"layer4", "layer4.1"', '"layer4.1.conv1" stands in 2 rows'),
        ('"layer4"', '"layer2"', "stands behind"),
        ('        ("conv1", "conv1", "bn1"),', '        "conv1",', "is not a name and modules"),
        ('        ("conv1", "conv1", "bn1"),\n', "", "in no row: conv1, bn1"),
    ],
)
def test_a_wrong_table_is_found(old: str, new: str, found: str) -> None:
    wrong = [result for result in graded(changed(SOLUTION, old, new), 1) if result.found]
    assert len(wrong) == 1
    assert found in wrong[0].found


@pytest.mark.parametrize("gap", [gap for step in GAPS.values() for gap in step])
def test_an_exception_is_told_with_its_line_and_no_trace(gap: str) -> None:
    lines = SOLUTION.splitlines()
    gap_in_text = gaps(EXERCISE.read_text())[gap]
    docstring = gap_in_text.body[0]
    length = docstring.end_lineno - gap_in_text.lineno  # the same in the solution
    line = next(n for n, text in enumerate(lines, 1) if text.startswith(f"def {gap}(")) + length
    lines.insert(line, "    1 / 0")  # behind the docstring
    (step,) = (step for step, names in GAPS.items() if gap in names)
    results = [each for each in graded("\n".join(lines), step) if each.gap == gap]
    assert results[0].found == f"line {line + 1}: ZeroDivisionError: division by zero"
    assert not any(result.passed for result in results)
    assert all(result.waits for result in results[1:])


def test_the_slide_shows_what_the_check_says() -> None:
    results = graded(changed(SOLUTION, ZERO, ""), 3)
    said = [checklist.lines(each) for each in results if each.gap == "create_trainer"]
    (shown,) = re.findall(
        r"```text\n\$ python code/exercise.py --check\n(.*?)```", DECK.read_text(), re.DOTALL
    )
    assert "\n".join(said).startswith(shown.rstrip())


def test_everything_that_a_hint_points_to_is_there() -> None:
    sources = (ROOT / "code" / "checker").glob("*.py")
    text = "".join(path.read_text() for path in sources) + EXERCISE.read_text()
    text = re.sub(r"\s*\n#? *", " ", text)
    headings = re.findall(r"^##+ (.*)$", DECK.read_text(encoding="utf-8"), re.MULTILINE)
    named = re.findall(r'slide "([^"]+)"|slides? \*\*([^*]+)\*\*', text)
    assert len(named) > 5
    for name in map("".join, named):
        assert any(heading.startswith(name) for heading in headings), name
    files = set(re.findall(r"code/[\w/]+\.py", text))
    assert len(files) > 4
    for file in files:
        assert (ROOT / file).is_file(), file
    assert "train_by_hand" not in text  # which answers most of step three
    assert "def fit(" in (ROOT / "code" / "lab" / "training.py").read_text()


# The command.


@pytest.fixture(autouse=True)
def forking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin the process of a check with PyTorch loaded."""
    run = subprocess.run

    def begun(command: list[str], **settings: Any) -> subprocess.CompletedProcess[str]:
        return run(forked(command) if "checker" in command else command, **settings)

    monkeypatch.setattr(subprocess, "run", begun)


def checked(source: str, tmp_path: Path, capfd: pytest.CaptureFixture, **settings: float) -> str:
    """Check a file as the command does; it must fail, with words and no trace, on any mistake."""
    file = tmp_path / "mine.py"
    file.write_text(source)
    assert checklist.check(str(file), **settings) == 1
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err
    assert said.err == ""
    return said.out


def test_a_grader_reads_the_checklist_as_json(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    loop = "    while True:\n        pass\n"
    source = changed(SOLUTION, "    model = models.resnet18(num_classes=classes)\n", loop)
    report = json.loads(checked(source, tmp_path, capfd, patience=3, as_json=True))
    assert report["of"] == len(POINTS)
    assert report["done"] == len(report["points"]) == sum(p["passed"] for p in report["points"])
    assert report["points"][0]["gap"] == "choose"
    assert "not finished after 3 seconds, in line" in report["stopped"]


def test_a_number_that_a_student_prints_is_no_point_of_the_checklist(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    at_exit = "\nimport atexit\nimport os\n\natexit.register(lambda: os.write(1, b'3\\n'))\n"
    blank = EXERCISE.read_text(encoding="utf-8") + at_exit
    report = json.loads(checked(blank, tmp_path, capfd, as_json=True))
    assert (report["done"], len(report["points"])) == (0, len(POINTS))
    assert "stopped" not in report


def test_an_endless_loop_is_stopped_and_named(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    loop = "    while True:\n        pass\n"
    source = changed(SOLUTION, "    return models.resnet18()\n", loop)
    said = checked(source, tmp_path, capfd, patience=1)
    lines = [n for n, text in enumerate(source.splitlines(), 1) if text.strip() in loop]
    assert "[ ] choose: a network of torchvision" in said
    found = re.search(r"not finished after 1 seconds, in line (\d+)", said)
    assert found, said
    assert int(found[1]) in lines
    assert "an endless loop" in said


def test_a_file_that_cannot_be_read_is_told_with_its_line(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    source = changed(SOLUTION, "def choose() -> nn.Module:", "def choose( -> nn.Module:")
    line = next(n for n, text in enumerate(source.splitlines(), 1) if "def choose(" in text)
    said = checked(source, tmp_path, capfd)
    assert "mine.py cannot be loaded" in said
    assert f"line {line}: SyntaxError: " in said


def test_code_that_ends_the_process_is_survived(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    source = changed(SOLUTION, "    return models.resnet18()\n", "    os._exit(0)\n")
    said = checked(changed(source, "import copy\n", "import copy\nimport os\n"), tmp_path, capfd)
    assert "ended from outside" in said


def test_the_unfilled_exercise_says_what_to_do_next(tmp_path: Path) -> None:
    done = lesson(cwd=tmp_path, name="exercise")
    assert (done.returncode, done.stderr) == (0, "")
    first = gaps(EXERCISE.read_text())["choose"].lineno
    assert f"step 1: still to do: choose (line {first})" in done.stdout
    assert done.stdout.rstrip().endswith("exercise.py --check")


def test_the_check_of_the_unfilled_exercise_lists_every_gap(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(sys, "argv", [str(EXERCISE), "--check"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXERCISE), run_name="__main__")
    said = capfd.readouterr()
    assert (ended.value.code, said.err) == (1, "")
    for gap in gaps(EXERCISE.read_text()):
        assert f"[ ] {gap}: still to do, see " in said.out
    assert f"0 of {len(POINTS)} points done. Next: choose" in said.out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--chekc"], "unrecognized arguments: --chekc"),
        (["--check", "--smoke"], "--check takes no other setting"),
        (["--check", "--epochs", "3"], "--check takes no other setting"),
        (["--json"], "--json goes with --check"),
        (["--threads", "0"], "--threads is 1 or more"),
        (["--data"], "--data"),
        (["--data", "no/such/folder"], "there is no folder"),
        (["--test", "runs/none"], "no run folder runs/none"),
        (["--test", "runs/none", "--data", "shapes"], "--test takes its recipe from the run"),
    ],
)
def test_bad_usage_is_one_line(words: list[str], complaint: str) -> None:
    names = {"__file__": str(EXERCISE)}
    with pytest.raises(UserError, match=complaint):
        Coach(names, words)


def test_a_stopped_training_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(engine: Engine, batch: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(logging.getLogger("ignite.engine"), "level", logging.NOTSET)
    Coach({"__file__": str(EXERCISE)}, [])
    with pytest.raises(KeyboardInterrupt):
        Engine(stop).run([1])
    assert not caplog.records


def test_what_a_function_forgot_is_said_and_loses_no_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("lab.machine.home", lambda: tmp_path)
    names = load(SOLUTION)
    names.pop("build")  # renamed, say
    coach = Coach({**names, "__name__": "__main__", "__file__": str(EXERCISE)}, [])
    assert not coach.ready(2)
    assert not coach.ready(4)
    said = capsys.readouterr().out
    assert "step 2: there is no function build: keep its name" in said
    assert "step 4: waits for build" in said
    row = {"epoch": 1, "train_loss": 2.0, "val_loss": 2.0, "validation_accuracy": 0.1}
    for history in (None, [], [row]):
        with pytest.raises(UserError, match=r"has the weights, but no curve: .* epoch"):
            coach.keep(names["RECIPE"], nn.Linear(1, 1), history)
        assert coach.kept
        assert coach.kept.has("best.pt")


@pytest.mark.pictures
def test_a_solved_exercise_trains_and_then_reads_the_test_images_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("lab.machine.home", lambda: tmp_path)
    file = tmp_path / "mine.py"

    def run(source: str, *words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["mine.py", *words])
        names = {"__name__": "__main__", "__file__": str(file)}
        exec(compile(source, str(file), "exec"), names)
        return capsys.readouterr().out

    source = with_build(SOLUTION, SMALL)
    said = run(source, "--smoke", "--epochs", "1", "--threads", "1")
    assert re.search(r"^conv5_x +512 x 7 x 7 +8,393,728 ", said, re.MULTILINE)
    assert "step 5: when nothing will be changed any more: " in said
    assert "test accuracy" not in said
    with pytest.raises(SystemExit) as ended:
        run(source, "export")
    assert ended.value.code == 0
    (folder,) = (tmp_path / "runs" / "exercise").iterdir()
    known = export.parse((folder / "exercise.onnx").read_bytes())
    assert known["classes"] == list(SHAPES)
    assert (known["dataset"], known["recipe"]["epochs"]) == ("shapes", 1)
    (folder / "exercise.onnx").unlink()
    kept = {"best.pt", "curve.png", "history.json", "run.json"}
    assert {path.name for path in folder.iterdir()} == kept

    said = run(source, "--test", str(folder))
    accuracy = re.search(r"^test accuracy ([\d.]+%)$", said, re.MULTILINE)
    assert accuracy, said
    assert re.search(r"^yours .* shapes$", said, re.MULTILINE)
    assert "only accuracies on the same images can be compared" in said
    reading = "    evaluator = create_evaluator(model)\n    evaluator.run("
    unread = changed(source, reading, "    raise AssertionError(")
    said = run(unread, "--test", str(folder))
    assert "the test images were read before" in said
    assert f"test accuracy {accuracy[1]}\n" in said
    assert {path.name for path in folder.iterdir()} == {*kept, "result.json"}
    with pytest.raises(SystemExit):
        run(source, "export")
    known = export.parse((folder / "exercise.onnx").read_bytes())
    assert f"{known['test_accuracy']:.2%}" == accuracy[1]
    with pytest.raises(UserError, match="not of the network of build"):
        run(with_build(source, SMALL.replace("8", "9")), "--test", str(folder))
