"""Calls what fills in a deck, in one process of Node for all tests of a module."""

from __future__ import annotations

import json
import subprocess
import threading
from functools import cache
from pathlib import Path
from typing import Any

from conftest import ROOT


@cache
def caller() -> subprocess.Popen[str]:
    """Start the process of Node that answers all tests of a module."""
    return subprocess.Popen(
        ["node", ROOT / "tests" / "helpers" / "calls.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def end_caller() -> None:
    """End it, if a test has started it."""
    if caller.cache_info().currsize:
        caller().communicate(timeout=10)
        caller.cache_clear()


def call(file: str, name: str, *given: object) -> dict[str, Any]:
    """Call a function of slides/reveal; return its `value`, and what became of what was `given`."""
    process = caller()
    alarm = threading.Timer(30, process.kill)
    alarm.start()
    process.stdin.write(json.dumps([file, name, *given]) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    alarm.cancel()
    assert answer, f"{name} has ended Node"
    return json.loads(answer)


def expand(root: Path, markdown: str, **changes: object) -> dict[str, Any]:
    """Fill in a deck whose Markdown begins on line 10 of its file."""
    context = {
        "root": str(root),
        "file": "slides/deck.md",
        "firstLine": 10,
        "separator": "<!--s-->",
        "verticalSeparator": "<!--v-->",
        "assets": "BASE",
        **changes,
    }
    return call("expand/directives.mjs", "expand", markdown, context)["value"]
