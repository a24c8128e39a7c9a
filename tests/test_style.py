"""The code reads as one hand wrote it, and its types hold."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from running import ROOT


@pytest.mark.parametrize(
    "tool",
    ["ruff check --no-cache", "ruff format --no-cache --check", "mypy --cache-dir=/dev/null"],
)
def test_the_tools_find_nothing_to_say(tool: str) -> None:
    if sys.platform == "win32":
        tool = tool.replace("/dev/null", "nul")
    assert_quiet(*tool.split())


def test_an_editor_finds_no_wrong_type_in_a_lesson() -> None:
    lessons = sorted(str(path) for path in (ROOT / "code").glob("*.py"))
    assert_quiet("pyright", "--pythonpath", sys.executable, *lessons)


def assert_quiet(*tool: str) -> None:
    done = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "tool",
    [
        "prettier/bin/prettier.cjs --check *.{mjs,d.ts} {slides,static,tests}/**/*.{js,mjs}",
        "eslint/bin/eslint.js .",
        "typescript/bin/tsc -p jsconfig.json",
    ],
)
def test_the_tools_for_javascript_find_nothing_to_say(tool: str) -> None:
    program, *arguments = tool.split()
    node = shutil.which("node") or "node"
    command = [node, str(ROOT / "node_modules" / program), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
