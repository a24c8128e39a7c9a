"""A network is added in two places: its script and its slides. All else finds it there."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import shutil
import sys
from pathlib import Path

import pytest

import lab
from conftest import DECK, ROOT, has, run_node
from course import facts, figures, lesson, lessons
from lab import files

# A figure and an experiment of this lecture.
OWN = ["bottleneck", "shortcuts"] if has("resnet") else []


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of scripts, with the deck and the order of the course."""
    for name in ("code", "slides", "static/img"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("slides/course.json", f"slides/{DECK.name}", "static/lessons.json"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(lessons, "ROOT", tmp_path)
    monkeypatch.setattr(lessons, "CODE", tmp_path / "code")
    monkeypatch.setattr(lessons, "COURSE", tmp_path / "slides" / "course.json")
    monkeypatch.syspath_prepend(tmp_path / "code")
    lessons.find.cache_clear()
    ordered(tmp_path)
    yield tmp_path
    lessons.find.cache_clear()
    for name in ("toy", "other"):
        sys.modules.pop(name, None)


def ordered(course: Path, *names: str) -> None:
    """Name these in the course's order."""
    file = course / "slides" / "course.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "lessons": names}))


def test_the_committed_list_of_the_lessons_is_what_the_scripts_declare() -> None:
    entries = lessons.listed()
    mend = "is out of date: run: make figures"
    assert files.read_text(lessons.LISTED) == lessons.text(entries), f"static/lessons.json {mend}"
    readme = files.read_text(lessons.README)
    made = lessons.table(entries)
    assert lessons.put_into(readme, made) == readme, f"README {mend}"
    assert sorted(entries) == sorted(path.stem for path in (ROOT / "code").glob("*.py"))
    first = json.loads(files.read_text(lessons.COURSE))["lessons"]
    assert list(entries)[: len(first)] == first


def test_lessons_follow_the_course_and_then_the_alphabet(course: Path) -> None:
    for name in ("b", "a", "z", ".hidden"):
        (course / "code" / f"{name}.py").touch()
    ordered(course, "z")
    assert lessons.names() == ["z", "a", "b"]
    ordered(course, "zoo")
    with pytest.raises(lab.UserError, match=r"course\.json: lessons: there is no code/zoo\.py"):
        lessons.names()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", r"code/other\.py declares no LESSON"),
        ("LESSON = 3", r"code/other\.py declares no LESSON"),
        (
            'import lab\nLESSON = lab.Lesson("toy", "", "")',
            "its LESSON is named toy: name it other",
        ),
        ("1 / 0", r"code/other\.py cannot be imported \(ZeroDivisionError: division by zero\)"),
        ("def (", r"code/other\.py cannot be imported \(SyntaxError"),
    ],
)
def test_a_script_that_is_no_lesson_is_refused_in_a_line(
    text: str, line: str, course: Path
) -> None:
    (course / "code" / "other.py").write_text(text)
    importlib.invalidate_caches()
    with pytest.raises(lab.UserError, match=line) as error:
        lessons.networks()
    assert "\n" not in str(error.value)


@pytest.mark.needs("exercise")
def test_an_exercise_half_done_stops_nothing_else(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "exercise", raising=False)
    (course / "code" / "exercise.py").write_text("def (")
    importlib.invalidate_caches()
    assert lessons.networks() == {}
    written = json.loads(lessons.LISTED.read_text())["exercise"]
    assert lessons.listed() == {"exercise": written}
    (line,) = capsys.readouterr().err.splitlines()
    assert "code/exercise.py cannot be imported (SyntaxError" in line
    assert line.endswith("; what is known of it stays as it was")


def test_a_lesson_that_is_begun_is_found_by_all_that_shows_it(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script, deck = lesson.start("toy")
    importlib.invalidate_caches()
    before = DECK.read_text()
    assert deck.read_text().startswith(before)
    assert set(lessons.networks()) == {"toy"}
    found = facts.collect()["toy"]
    assert 5 <= len(found["paper"]["stages"]) <= 12
    assert found["cifar10"]["parameters"] == found["paper"]["parameters"]
    assert found["cifar10"]["name"] == f"{lessons.networks()['toy'].title} for CIFAR10"
    assert "<svg" in figures.svg("toy")
    assert lessons.networks()["toy"].live
    words = "--smoke --limit 60 --epochs 1 --batch-size 16 --device cpu --no-progress"
    monkeypatch.setattr(sys, "argv", [str(script), *words.split()])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards
    monkeypatch.chdir(course)
    runpy.run_path(str(script), run_name="__main__")  # as `python code/toy.py` does
    assert "test accuracy" in capsys.readouterr().out
    with pytest.raises(lab.UserError, match="there is a toy in this course already"):
        lesson.start("toy")
    assert deck.read_text().count("## Toy\n") == 1


def test_a_deck_keeps_its_own_ends_of_lines(course: Path) -> None:
    deck = course / "slides" / DECK.name
    deck.write_bytes(deck.read_bytes().replace(b"\n", b"\r\n"))
    before = deck.read_bytes()
    lesson.start("toy")
    after = deck.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == after.count(b"\r\n")


@pytest.mark.parametrize(
    "name",
    ["lenet", "Toy", "3d", "my-net", "class", "json", "torch", "lab", *OWN],
)
def test_a_name_that_something_else_has_is_refused(name: str, course: Path) -> None:
    (course / "code" / "lenet.py").touch()
    before = sorted(course.rglob("*"))
    with pytest.raises(lab.UserError, match=r"choose another name|cannot be the name"):
        lesson.start(name)
    assert sorted(course.rglob("*")) == before


def test_a_slide_waits_for_the_record_that_it_needs(project: Path) -> None:
    slide = '\n<!-- .slide: data-needs="static/results/toy.json" -->\n\n### Waiting\n\n'
    value = "{{ static/results/toy.json: parameters | integer }}\n"
    deck = project / "slides" / "architectures.md"
    deck.write_text(f"# Own\n\n<!--v-->\n{slide}{value}\n<!--s-->\n\n## Last\n")
    refused = run_node(project, "site/build.mjs")
    assert refused.returncode == 2
    assert "no code/NAME.py makes such a file" in refused.stderr
    (project / "code" / "toy.py").touch()
    built = run_node(project, "site/build.mjs")
    assert built.returncode == 0, built.stderr
    assert re.search(r"architectures\.html \(2 slides\)", built.stdout)
    # A network that no slide shows has its drawing on the first page, for all that.
    lenet = (project / "_site" / "index.html").read_text().partition('<article id="lenet">')[2]
    assert "<svg" in lenet.partition("</article>")[0]
    shutil.copy(project / "static/results/lenet.json", project / "static/results/toy.json")
    built = run_node(project, "site/build.mjs")
    assert re.search(r"architectures\.html \(3 slides\)", built.stdout), built.stdout + built.stderr
    assert "62,006" in (project / "_site" / "architectures.html").read_text()
