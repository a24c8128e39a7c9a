"""Accept the lecture as it is now: writes slides/lecture.json and README's minutes.

`make accept` runs it. What a course is given as, its front matter and the slides that the right
arrow leads through, changes only when its lecturer says so; a test compares.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from lab import files, machine
from lab.errors import UserError
from lab.parser import Parser

from .marks import put_between

ROOT = Path(__file__).resolve().parents[2]

COURSE = ROOT / "slides" / "course.json"
LECTURE = ROOT / "slides" / "lecture.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- written by make accept -->", "<!-- end of what it wrote down -->"

NOTES = re.compile(r"^\s*notes?:", re.MULTILINE | re.IGNORECASE)
HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)
# The notes of a slide begin with the time that it takes.
MINUTES = re.compile(r"^Note:\s*(\d+) minutes?\.$", re.MULTILINE)
# A slide may name the routes that it is on: static/js/talk/routes.js.
ROUTES = re.compile(r'<!--\s*\.slide:[^>]*\bdata-route="([^"]*)"')
ALONG, ALL = "lecture", "all"


def deck() -> Path:
    """The deck that is the course's lecture."""
    return ROOT / "slides" / f"{files.read_json(COURSE, {'deck': str})['deck']}.md"


def split(path: Path) -> tuple[str, list[list[str]]]:
    """A deck's front matter, and its slides as columns of a horizontal one and those below it."""
    parts = files.read_text(path).split("---\n", 2)
    if len(parts) < 3 or parts[0]:
        raise UserError(f"{machine.shown(path)} must begin with a front matter between two ---")
    return parts[1], [column.split("<!--v-->") for column in parts[2].split("<!--s-->")]


def heading(slide: str) -> str:
    """The first heading of a slide, or nothing."""
    found = HEADING.search(slide)
    return found[1] if found else ""


def minutes(slide: str) -> int:
    """How long a slide takes, as its notes say."""
    found = MINUTES.search(slide)
    if not found:
        raise UserError(f'the notes of "{heading(slide)}" must begin with a line like "3 minutes."')
    return int(found[1])


def lengths(columns: list[list[str]]) -> dict[str, int]:
    """The minutes of each route through the deck: the lecture, those that a slide names, all."""
    slides = [
        (v, minutes(slide), mark[1].split() if (mark := ROUTES.search(slide)) else [])
        for column in columns
        for v, slide in enumerate(column)
    ]
    routes = dict.fromkeys([ALONG, *(name for *_, named in slides for name in named)])
    routes.pop(ALL, None)
    totals = {
        route: sum(time for v, time, named in slides if (route in named if named else v == 0))
        for route in routes
    }
    return totals | {ALL: sum(time for _, time, _ in slides)}


def read() -> dict[str, Any]:
    """The lecture as it is in the deck."""
    front, columns = split(deck())
    return {
        "front_matter": front.splitlines(),
        "minutes": lengths(columns),
        # A digest of what a slide says is enough to see that it has changed; git says how.
        "slides": [
            {
                "heading": heading(column[0]),
                "sha256": hashlib.sha256(NOTES.split(column[0])[0].strip().encode()).hexdigest(),
            }
            for column in columns
        ],
    }


def put_into(text: str, lecture: dict[str, Any]) -> str:
    """README.md with the lecture's minutes."""
    times = lecture["minutes"]
    others = [f"the route `{route}` {times[route]}" for route in times if route not in (ALONG, ALL)]
    said = ", ".join([f"The lecture takes {times[ALONG]} minutes", *others])
    said += f", and all slides {times[ALL]}."
    return put_between(text, "the length of the lecture", BEGIN, END, said)


def main() -> None:
    """The command line: `python -m course.lecture`."""
    lecture = read()
    text = put_into(files.read_text(README), lecture)
    files.write_text(LECTURE, json.dumps(lecture, indent=1, ensure_ascii=False) + "\n")
    files.write_text(README, text)
    print(f"{machine.shown(LECTURE)} and {machine.shown(README)} hold the lecture as it is now")


if __name__ == "__main__":
    machine.show_errors_in_one_line()
    Parser(description=str(__doc__).partition("\n")[0]).parse_args()
    main()
