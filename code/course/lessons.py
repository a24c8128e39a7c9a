"""The lessons of the course: what each script in code/ says of itself, in the order of the course.

A lesson is declared once, as `LESSON` in its script. Figures, facts, records, live networks and
pages find it here; what pages and README need to know of it without running Python stands in
static/lessons.json, which `make figures` writes.
"""

from __future__ import annotations

import importlib
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import lab
from lab import files, machine
from records.folders import plain_files

from .marks import put_between

ROOT = Path(__file__).resolve().parents[2]

CODE = ROOT / "code"
COURSE = ROOT / "slides" / "course.json"
LISTED = ROOT / "static" / "lessons.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- written by make figures -->", "<!-- end of what make figures wrote -->"
# Students work in this script, so at any time it may be broken. Nothing but its own entry needs it.
EXERCISE = "exercise"


def names() -> list[str]:
    """The names of all scripts: those in slides/course.json first, in its order."""
    there = [path.stem for path in plain_files(CODE, "*.py")]
    order = files.read_json(COURSE, {"lessons": list})["lessons"]
    for name in order:
        if name not in there:
            raise lab.UserError(f"{machine.shown(COURSE)}: lessons: there is no code/{name}.py")
    return [*order, *(name for name in there if name not in order)]


@cache
def find(name: str) -> lab.Lesson:
    """The lesson that a script declares. Raises `UserError` where it declares none."""
    try:
        lesson = getattr(importlib.import_module(name), "LESSON", None)
    except Exception as error:  # a script may hold anything
        said = " ".join(str(error).split())
        raise lab.UserError(
            f"code/{name}.py cannot be imported ({type(error).__name__}: {said}): "
            f"python code/{name}.py --help shows where"
        ) from None
    if not isinstance(lesson, lab.Lesson):
        raise lab.UserError(f"code/{name}.py declares no LESSON: see CONTRIBUTING.md")
    if lesson.name != name:
        raise lab.UserError(f"code/{name}.py: its LESSON is named {lesson.name}: name it {name}")
    return lesson


def networks() -> dict[str, lab.NetworkLesson[Any]]:
    """The lessons that train a network, by name."""
    found = {name: find(name) for name in names() if name != EXERCISE}
    return {name: each for name, each in found.items() if isinstance(each, lab.NetworkLesson)}


def listed() -> dict[str, dict[str, str]]:
    """What static/lessons.json says of each lesson."""
    return {name: _entry(name) for name in names()}


def _entry(name: str) -> dict[str, str]:
    try:
        lesson = find(name)
    except lab.UserError as error:
        there: dict[str, dict[str, str]] = (
            files.read_json(LISTED, {...: dict}) if LISTED.is_file() else {}
        )
        if name != EXERCISE or name not in there:
            raise
        print(f"{error}; what is known of it stays as it was", file=sys.stderr)
        return there[name]
    is_network = isinstance(lesson, lab.NetworkLesson)
    return {
        "title": lesson.title,
        "idea": lesson.idea,
        "arguments": "--smoke --out runs" if is_network else lesson.arguments,
    }


def table(entries: dict[str, dict[str, str]]) -> str:
    """README's table of the lessons."""
    lines = ["| lesson | what it is about | in full size |", "|---|---|---|"]
    for name, entry in entries.items():
        if name in networks():
            size = networks()[name].full_size
            shown = f"`{size}`" if " " in size else size or "—"
        else:
            shown = "[for you to fill in](#the-exercise)" if name == EXERCISE else "trains nothing"
        lines.append(f"| `code/{name}.py` | {entry['title']}. {entry['idea']} | {shown} |")
    return "\n".join(lines)


def put_into(readme: str, made: str) -> str:
    """README with the table of the lessons replaced."""
    return put_between(readme, "the table of the lessons", BEGIN, END, made)


def main() -> None:
    """Write static/lessons.json, and README's table of the lessons."""
    entries = listed()
    readme = put_into(files.read_text(README), table(entries))
    files.write_text(LISTED, text(entries))
    files.write_text(README, readme)
    print(LISTED.relative_to(ROOT))


def text(entries: dict[str, dict[str, str]]) -> str:
    """The lessons as JSON."""
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"
