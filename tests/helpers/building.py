"""How the tests build a site of a copy that they have changed, and how a command refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def changed(file: Path, text: str) -> Iterator[None]:
    """Let a file of a copy say something else for a while."""
    before = file.read_bytes()
    file.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        file.write_bytes(before)
