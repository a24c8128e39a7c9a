"""The rooms of the house: who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, has

CODE = ROOT / "code"
LESSONS = sorted(path.stem for path in CODE.glob("*.py"))
ROOMS = ("course", "draw", "checker", "records")
# Its program names the environment that it was installed into, which may have moved.
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def imported(path: Path) -> set[str]:
    """The packages that a file imports, wherever in it, without its own."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module).partition(".")[0])
    return names


def test_rooms_import_only_what_lies_below_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=CODE.parent,
        env={"PYTHONPATH": str(CODE), "PATH": "", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("room", ["lab", "records", "draw", "checker"])
def test_a_room_below_the_course_knows_no_lesson(room: str) -> None:
    for path in (CODE / room).rglob("*.py"):
        assert not imported(path) & set(LESSONS), path


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_imports_the_library_alone(name: str) -> None:
    wanted = {"checker"} if name == "exercise" else set()
    assert imported(CODE / f"{name}.py") & {*ROOMS, *LESSONS} == wanted


def test_no_file_changes_where_modules_are_found() -> None:
    hidden = "sys.path." + "insert", "E" + "402"
    for folder in ("code", "benchmarks", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not any(word in text for word in hidden), path


def test_the_library_does_not_grow() -> None:
    # Whoever takes some away lowers the number.
    files = (CODE / "lab").rglob("*.py")
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= 5000


LIMITS = {"darts": 560, "inception": 460, "nsganet": 400, "resnet": 380, "googlenet": 350}


@pytest.mark.parametrize(("name", "lines"), [each for each in LIMITS.items() if has(each[0])])
def test_a_lesson_does_not_grow(name: str, lines: int) -> None:
    assert len((CODE / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= lines
