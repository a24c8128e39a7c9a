"""The code reads as one hand wrote it, and its types hold."""

from __future__ import annotations

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
    done = subprocess.run(
        [sys.executable, "-m", *tool.split()], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
