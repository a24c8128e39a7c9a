"""How the tests build a site, and how a command of the deck refuses."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

from conftest import run_node


def build(project: Path, **environment: str) -> Path:
    """Build the site of a copy of the project; return its folder."""
    built = run_node(project, "site/build.mjs", env=environment)
    assert built.returncode == 0, built.stderr
    return project / "_site"


def refused(done: CompletedProcess[str]) -> str:
    """Return the one line with which a command has refused."""
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    return line
