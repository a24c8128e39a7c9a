"""Filled versions of code/exercise.py, made from the file itself, so that neither drifts away."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import CodeType
from typing import Any

from conftest import ROOT

EXERCISE = ROOT / "code" / "exercise.py"
SOLUTIONS = ROOT / "tests" / "lessons" / "exercise"


def gaps(source: str) -> dict[str, ast.FunctionDef]:
    """The functions whose last line is still `raise NotImplementedError`, by name."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and isinstance(node.body[-1], ast.Raise):
            found[node.name] = node
    return found


def fill(source: str, solution: Path) -> str:
    """Put the bodies of a solution's functions in the place of the gaps of the same name."""
    text = solution.read_text(encoding="utf-8")
    answers = {
        node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)
    }
    lines, there = source.splitlines(), text.splitlines()
    for name, gap in reversed(gaps(source).items()):
        if name not in answers:
            continue
        answer = answers[name]
        assert ast.dump(answer.args) == ast.dump(gap.args), f"{name} has other arguments"
        last = gap.body[-1]
        lines[last.lineno - 1 : last.end_lineno] = there[
            answer.body[0].lineno - 1 : answer.end_lineno
        ]
    return "\n".join(lines) + "\n"


def changes(file: Path) -> dict[str, list[tuple[str, str]]]:
    """What a file of changes has in the place of what, by the title over each."""
    found = {}
    for change in re.split("^# ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, lines = change.partition("\n")
        found[title] = []
        for taken, put in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)*)", lines, re.MULTILINE):
            old, new = (
                re.sub(r"^[-+]", "", part, flags=re.MULTILINE).removesuffix("\n")
                for part in (taken, put)
            )
            found[title].append((old, new) if put else (f"{old}\n", ""))
    return found


def solved(network: str = "resnet18") -> str:
    """The whole exercise, filled, with the network of one of the solutions."""
    source = EXERCISE.read_text(encoding="utf-8")
    if network != "resnet18":
        source = fill(source, SOLUTIONS / f"{network}.py")
    return fill(source, SOLUTIONS / "resnet18.py")


def load(source: str, file: str = "students.py") -> dict[str, Any]:
    """The global names that a version of the exercise makes when it is imported."""
    names: dict[str, Any] = {"__name__": "students"}
    code: CodeType = compile(source, file, "exec")
    exec(code, names)
    return names
