"""Accept the lecture as it is now: writes slides/lecture.json and README's minutes.

`make accept` runs it. What a course is given as, its front matter and the slides that the right
arrow leads through, changes only when its lecturer says so; a test compares.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from lab import files, machine
from lab.errors import UserError
from lab.parser import Parser

from .marks import put_between

ROOT = Path(__file__).resolve().parents[2]

LECTURE = ROOT / "slides" / "lecture.json"
README = ROOT / "README.md"
SCRIPT = ROOT / "slides" / "reveal" / "site" / "lecture.mjs"
BEGIN, END = "<!-- written by make accept -->", "<!-- end of what it wrote down -->"

ALONG, ALL = "lecture", "all"


def read() -> dict[str, Any]:
    """The lecture as it is in the deck. Raises `UserError` where the deck has a mistake."""
    node = shutil.which("node")
    if node is None:
        raise UserError("Node is not installed: get Node 20 or newer from https://nodejs.org")
    asked = subprocess.run([node, str(SCRIPT)], capture_output=True, encoding="utf-8")
    if asked.returncode:
        raise UserError(asked.stderr.strip())
    lecture: dict[str, Any] = json.loads(asked.stdout)
    return lecture


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
