"""What the tests of the deck share: a browser, the served deck, and copies of the project."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from serving import serve

pytest.register_assert_rewrite("watching")

ROOT = Path(__file__).resolve().parents[1]

# A script for a page with a deck: it lists what does not fit on a slide or cannot be read.
INSPECT = (ROOT / "tests" / "inspect.js").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of the browser that `npm run pdf` takes, or fail and say how to get one."""
    found = subprocess.run(
        ["node", "slides/reveal/chromium.mjs"], cwd=ROOT, capture_output=True, text=True
    )
    if found.returncode != 0:
        pytest.fail(found.stderr.strip(), pytrace=False)
    return found.stdout.strip()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Run a browser that does nothing but what a test asks of it.

    One for each module: while Playwright runs, nothing else in this thread can run an event loop.
    """
    switches = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    if os.environ.get("CI") or getattr(os, "geteuid", lambda: 1)() == 0:
        switches.append("--no-sandbox")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=switches)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def deck_url() -> Iterator[str]:
    """Serve this project's deck and return the address of its page."""
    with serve(ROOT) as base:
        yield f"{base}/architectures.md"


def copy_project(target: Path) -> Path:
    """Copy what the deck is made from, so that a test may break it; return the copy's folder."""
    for folder in ("slides", "static"):
        shutil.copytree(ROOT / folder, target / folder)
    (target / "code").mkdir()
    for script in (ROOT / "code").glob("*.py"):
        shutil.copy(script, target / "code")
    for name in ("package.json", "reveal-md.json"):
        shutil.copy(ROOT / name, target)
    (target / "node_modules").symlink_to(ROOT / "node_modules", target_is_directory=True)
    return target


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a copy of the project."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site, once, and return its folder."""
    project = copy_project(tmp_path_factory.mktemp("site") / "project")
    built = run_node(project, "build.mjs")
    assert built.returncode == 0, built.stderr
    return project / "_site"


def run_node(
    project: Path, script: str, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of the deck's scripts in a copy of the project."""
    return subprocess.run(
        ["node", f"slides/reveal/{script}", *arguments],
        cwd=project,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
    )


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the requests out of the test's output."""


@contextmanager
def plain_server(folder: Path) -> Iterator[str]:
    """Serve a folder as the simplest of web servers would, and yield its base URL."""
    handler = partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
