"""`make new-course`: the machine stays, and this lecture goes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, has
from course import new_course
from forking import forked
from running import environment

pytestmark = pytest.mark.needs("architectures")

# Finds modules in the copy alone: this project's own may be installed.
PYTHON = """
import sys
sys.path = [sys.argv[1], *(path for path in sys.path if path != sys.argv[2])]
from runpy import run_module
del sys.argv[:3]
run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode()


def python(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m WORDS` in a copy."""
    paths = str(clone / "code"), str(ROOT / "code")
    command = [sys.executable, "-c", PYTHON, *paths, *words]
    env = environment(PYTHONPATH="")
    return subprocess.run(forked(command), cwd=clone, env=env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project, which git has whole."""
    folder = tmp_path_factory.mktemp("course") / "clone"
    left = "node_modules", ".venv", ".git", ".lessons", ".*_cache", "runs", "data", "_site"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*left, "__pycache__"))
    (folder / "node_modules").symlink_to(ROOT / "node_modules", target_is_directory=True)
    git(folder, "init", "--quiet")
    (folder / ".git" / "info" / "exclude").write_text("node_modules\n")
    git(folder, "config", "user.name", "Ada Lovelace")
    git(folder, "config", "user.email", "ada@example.org")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "All")
    return folder


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("My course", "'My course' cannot be the name of a course: write lower-case letters, "),
        ("gallery", "this course has a gallery already: choose another name"),
        ("vision", "git does not have all that is here (?? own.md): commit it, so that "),
    ],
)
def test_what_cannot_be_made_is_refused_in_a_line_and_changes_nothing(
    clone: Path, name: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_course, "ROOT", clone)
    (clone / "own.md").write_text("mine")
    with pytest.raises(new_course.UserError, match=re.escape(line)) as error:
        new_course.check(name)
    assert "\n" not in str(error.value)
    assert git(clone, "status", "--porcelain") == "?? own.md\n"
    (clone / "own.md").unlink()


def test_a_new_course_has_its_deck_one_lesson_and_the_tests_of_what_is_left(clone: Path) -> None:
    done = python(clone, "course.new_course", "vision")
    assert done.returncode == 0, done.stderr
    assert "slides/vision.md is the lecture now" in done.stdout
    assert [path.name for path in (clone / "code").glob("*.py")] == ["lenet.py"]
    assert {path.name for path in (clone / "slides").glob("*.md")} == {"vision.md", "gallery.md"}
    others = "|".join(path.stem for path in (ROOT / "code").glob("*.py") if path.stem != "lenet")
    files = [*clone.glob("static/*/*"), *clone.glob("tests/*/*")]
    left = {path.name for path in files if re.match(rf"(test_)?({others})[.-]", path.name)}
    assert left == {"test_exercise.py"}  # of the checker, for a course that has an exercise
    readme = (clone / "README.md").read_text(encoding="utf-8")
    assert "The lecture takes 8 minutes" in readme
    assert "[lenet](code/lenet.py) | 62,006" in readme
    assert "Ada Lovelace" in (clone / "slides" / "vision.md").read_text(encoding="utf-8")
    script = (
        "import('./slides/reveal/site/build.mjs')"
        ".then(({ tryDecks }) => console.log(tryDecks().mistakes))"
    )
    command = [shutil.which("node") or "node", "-e", script, "README.md"]
    decks = subprocess.run(command, cwd=clone, capture_output=True, text=True)
    assert decks.stdout == "[]\n", decks.stderr
    # All tests are found without an error, and a few of them pass.
    few = ["--assert=plain", "-k", "test_compare"]  # nobody reads how one of them fails
    passed = python(clone, "pytest", "-q", "-p", "no:cacheprovider", *few)
    assert passed.returncode == 0, passed.stdout


def test_this_course_has_all_that_a_test_says_it_needs() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    needed = re.findall(r"mark\.needs\(([^)]*)\)", "\n".join(texts))
    names = {name for each in needed for name in re.findall(r'"(.+?)"', each)}
    assert "resnet" in names
    assert [name for name in sorted(names) if not has(name)] == []
