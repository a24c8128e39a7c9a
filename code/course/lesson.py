"""Start a lesson: its script and its slides, which run as they are. `make lesson NAME=toy` runs it.

    python -m course.lesson toy      writes code/toy.py and puts slides at the end of the deck

Both come from code/course/template. Nothing is overwritten.
"""

from __future__ import annotations

import argparse
import importlib.util
import keyword
import re
import sys
from pathlib import Path

import lab
from lab import files, machine
from lab.parser import Parser

from . import lessons
from .own.drawings import DRAWINGS
from .own.trainings import EXPERIMENTS, SEARCHES

TEMPLATE = Path(__file__).parent / "template"


def start(name: str) -> tuple[Path, Path]:
    """Write the script and the slides of a new lesson; return where. Raises `UserError`."""
    check(name)
    script = lessons.CODE / f"{name}.py"
    about = files.read_json(lessons.COURSE, {"deck": str})
    deck = lessons.ROOT / "slides" / f"{about['deck']}.md"
    files.read_text(deck)  # or say why not
    slides = deck.read_bytes()
    end = b"\r\n" if b"\r\n" in slides else b"\n"  # the deck's own ends of lines stay
    added = _filled("toy.txt", name).encode().replace(b"\n", end)
    files.write_text(script, _filled("toy.py", name))
    files.write_bytes(deck, slides.rstrip(b"\r\n") + end + added)
    return script, deck


def check(name: str) -> None:
    """Raise `UserError` for a name that is none, or that something else has."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise lab.UserError(
            f"{name!r} cannot be the name of a lesson: write lower-case letters, digits and _"
        )
    drawn = lessons.ROOT / "static" / "img" / f"{name}.svg"
    known = {*DRAWINGS, *EXPERIMENTS, *SEARCHES}
    if (lessons.CODE / f"{name}.py").exists() or drawn.exists() or name in known:
        raise lab.UserError(f"there is a {name} in this course already: choose another name")
    # The folder of the lessons comes first where a script looks for modules, so it would hide this.
    if name in sys.stdlib_module_names or importlib.util.find_spec(name):
        raise lab.UserError(
            f"{name} is a module of Python, of a package or of the course, which code/{name}.py "
            "would hide: choose another name"
        )


def _filled(template: str, name: str) -> str:
    text = files.read_text(TEMPLATE / template)
    title = "".join(part.capitalize() for part in name.split("_"))
    return re.sub(r"\bToy\b", title, re.sub(r"\btoy\b", name, text))


def main() -> None:
    """The command line."""
    machine.show_errors_in_one_line()
    parser = Parser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", help="of the lesson: code/NAME.py")
    name = parser.parse_args().name
    script, deck = start(name)
    print(
        f"{machine.shown(script)}: the lesson, to be written; python code/{name}.py --smoke tries "
        f"it out\n{machine.shown(deck)}: its slides stand at the end; move them where they belong\n"
        "make figures draws and counts it anew after a change; CONTRIBUTING.md says how to go on"
    )


if __name__ == "__main__":
    main()
