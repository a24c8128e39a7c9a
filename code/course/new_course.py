"""A course of your own in this clone: the machine stays, and this lecture goes.

    python -m course.new_course vision      slides/vision.md is the lecture from now on

What stays is all that serves, prints, checks and publishes a deck, the library that trains
networks, LeNet with its record, the gallery, and the tests of these. Git keeps what goes.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess

from lab import files, machine
from lab.errors import UserError
from lab.parser import Parser

from .lessons import COURSE, ROOT

KEPT = "lenet"
# What goes, as git's own patterns; what begins with an exclamation mark stays.
GOES = f"""
code/*.py !code/{KEPT}.py code/course/own/[!_]*.py
code/course/darts_search.py code/course/nsganet_search.py
slides/**/*.md !slides/gallery.md slides/LICENSE slides/lecture.json docs/pictures/**
static/results/** static/models/** static/searches/** static/papers.json static/rates.json
static/learn/** !static/learn/{KEPT}[.-]*
static/img/** !static/*/{KEPT}.*
!static/img/favicon.svg !static/img/title.svg !static/img/slides/gallery.png
tests/lessons/test_*.py !tests/lessons/test_{KEPT}.py
!tests/lessons/test_lessons.py !tests/lessons/test_exercise.py
tests/course/test_darts_record.py tests/course/test_searches.py
""".split()
# What this lecture has besides its lessons: the new one begins without.
OWN = {
    "drawings": ["DRAWINGS"],
    "facts": ["COUNTS", "LEFT_OUT"],
    "learned": ["LEARNED"],
    "trainings": ["EXPERIMENTS", "SEARCHES"],
}
# LeNet, in the slides of a new lesson.
LENET = {
    "toy": KEPT,
    "Toy": "LeNet",
    "Block.__init__": "LeNet5.__init__ [ | 6-7 | 8-9 | 10 | 11-12 ] | untyped",
    "The block in code": "The network in code",
    'Authors. "Title of the paper." Where and when.': "LeCun et al. “Gradient-based learning "
    "applied to document recognition.” Proceedings of the IEEE, 1998.",
}
# What the packages say of themselves, besides their name.
ABOUT = {
    "A lecture on deep learning architectures that": "A lecture that",
    "MIT AND CC-BY-NC-SA-4.0": "SEE LICENSE IN README.md",
}


def git(*arguments: str) -> str:
    """What git says. Raises `UserError` where it cannot."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise UserError(f"git {arguments[0]}: {' '.join(done.stderr.split())}")
    return done.stdout


def check(name: str) -> None:
    """Raise `UserError` where this name cannot be had, or where something could be lost."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", name):
        raise UserError(
            f"{name!r} cannot be the name of a course: write lower-case letters, digits and -, "
            "at most 20"
        )
    if name in ("index", "live") or (ROOT / "slides" / f"{name}.md").exists():
        raise UserError(f"this course has a {name} already: choose another name")
    changed = git("status", "--porcelain")
    if changed:
        raise UserError(
            f"git does not have all that is here ({changed.splitlines()[0].strip()}): commit it, "
            "so that nothing can be lost"
        )


def make(name: str) -> None:
    """Remove this lecture, and write what the new one begins with."""
    title = name.replace("-", " ").capitalize()
    author = git("config", "--default", "Author", "--get", "user.name").strip()
    template = ROOT / "code" / "course" / "template"
    slides, deck, readme = (
        files.read_text(template / f"{file}.txt") for file in ("toy", "deck", "README")
    )
    for there, instead in LENET.items():
        slides = slides.replace(there, instead)
    words = {"NAME": name, "TITLE": title, "AUTHOR": author, "LESSON": slides.strip()}
    goes = [f":({'exclude,' * (each[0] == '!')}glob){each.lstrip('!')}" for each in GOES]
    for path in git("ls-files", "-z", "--", *goes).split("\0")[:-1]:
        (ROOT / path).unlink()
    for path, text in ((f"slides/{name}.md", deck), ("README.md", readme)):
        text = re.sub(r"\b(?:NAME|TITLE|AUTHOR|LESSON)\b", lambda found: words[found[0]], text)
        files.write_text(ROOT / path, text)
    for path, names in OWN.items():
        text = f'"""The {path} of this lecture alone."""\n\nfrom typing import Any\n\n'
        text += "".join(f"{each}: dict[str, Any] = {{}}\n" for each in names)
        files.write_text(ROOT / "code" / "course" / "own" / f"{path}.py", text)
    course = {
        "deck": name,
        "description": "What this course is about, in a sentence.",
        "learn": ["What a student can do after it."],
        "footer": title,
        "license": f"Slides by {author}. Code: MIT License.",
        "lessons": [KEPT],
    }
    before = json.loads(files.read_text(ROOT / "package.json"))["name"]
    for path in ("pyproject.toml", "package.json", "package-lock.json"):
        text = files.read_text(ROOT / path)
        for there, instead in {**ABOUT, before: f"{name}-lecture"}.items():
            text = text.replace(there, instead)
        files.write_text(ROOT / path, text)
    files.write_text(COURSE, json.dumps(course, indent=2, ensure_ascii=False) + "\n")


def main() -> None:
    """The command line."""
    machine.show_errors_in_one_line()
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", help="of the course and of its deck, slides/NAME.md")
    name = parser.parse_args().name
    check(name)
    make(name)
    from . import compare, figures, lecture  # only now: before, they would import what goes

    figures.main()
    compare.update()
    lecture.main()
    print(
        f"slides/{name}.md is the lecture now, and code/{KEPT}.py its lesson.\n"
        "Write place and author on the first slide, what the course is in slides/course.json, and\n"
        "in README.md how your slides may be used. Then: make accept pictures test, and git add\n"
        "--all && git commit. Until then, git stash --include-untracked takes it all back."
    )


if __name__ == "__main__":
    main()
