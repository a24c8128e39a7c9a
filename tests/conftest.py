"""What the tests of the deck share: a browser, the served deck, and copies of the project."""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path

import hypothesis
import pytest
import yaml
from playwright.sync_api import Browser, Error, Frame, Page, sync_playwright

from course.serving import serve

pytest.register_assert_rewrite("watching")

# One thread to a process, before PyTorch counts them: the tests run side by side on few cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# On busy cores a first call can take long, and that is no fault.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

ROOT = Path(__file__).resolve().parents[1]


def wait_for(
    self: Page | Frame, expression: str, *, arg: object = None, timeout: float = 30_000
) -> None:
    """Wait until an expression is true in a page.

    Playwright's own way evaluates it in a timer of the page, which the policy of our pages forbids.
    """
    deadline = time.monotonic() + timeout / 1000
    while time.monotonic() < deadline:
        with suppress(Error):  # a page that is left meanwhile
            if self.evaluate(expression, arg):
                return
        self.wait_for_timeout(20)
    raise TimeoutError(f"not within {timeout} ms: {expression}")


for kind in (Page, Frame):
    kind.wait_for_function = wait_for

DECK = ROOT / "slides" / "architectures.md"

WITHOUT_BROWSER = pytest.StashKey[bool]()

# A script for a page with a deck: it lists what does not fit on a slide or cannot be read.
INSPECT = (ROOT / "tests" / "helpers" / "inspect.js").read_text(encoding="utf-8")


def title() -> str:
    """Return the title of the lecture, as its front matter has it."""
    _, front, _ = DECK.read_text(encoding="utf-8").split("---\n", 2)
    return str(yaml.safe_load(front)["title"])


def read_slides() -> list[list[str]]:
    """Return the text of the deck's slides, as columns of a horizontal slide and those below it."""
    _, _, text = DECK.read_text(encoding="utf-8").split("---\n", 2)  # the front matter goes
    return [column.split("<!--v-->") for column in text.split("<!--s-->")]


def remark(h: int) -> str:
    """Return words from the notes of a horizontal slide, after its minutes."""
    notes = read_slides()[h][0].split("\nNote:")[1].split("minute", 1)[1].partition("\n")[2]
    return re.findall(r"\w[\w ,'-]{15,}\w", notes)[0]


@cache
def find_chromium() -> subprocess.CompletedProcess[str]:
    """Ask for the browser that `npm run pdf` takes, and its switches."""
    return run_node(ROOT, "print/chromium.mjs")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Where there is no browser, let the first test that needs one say so, and skip the others."""
    if "chromium" not in getattr(item, "fixturenames", ()) or find_chromium().returncode == 0:
        return
    if item.config.stash.get(WITHOUT_BROWSER, False):
        pytest.skip("there is no browser, as the first such test says")
    item.config.stash[WITHOUT_BROWSER] = True
    pytest.fail(find_chromium().stderr.strip(), pytrace=False)


@pytest.fixture(scope="session")
def chromium() -> list[str]:
    """Return the browser that `npm run pdf` takes, and its switches."""
    return find_chromium().stdout.splitlines()


@pytest.fixture(scope="module")
def browser(chromium: list[str]) -> Iterator[Browser]:
    """Run a browser that does nothing but what a test asks of it.

    One for each module: while Playwright runs, nothing else in this thread can run an event loop.
    """
    program, *switches = chromium
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=switches)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def deck_url() -> Iterator[str]:
    """Serve this project's deck and return the address of its page."""
    with serve(ROOT) as base:
        yield f"{base}/architectures.md"


def package() -> dict[str, object]:
    """Return package.json without the addresses of a course, which each test sets as it needs."""
    about = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    return {key: value for key, value in about.items() if key not in ("homepage", "repository")}


def copy_project(target: Path) -> Path:
    """Copy what the deck is made from, so that a test may break it; return the copy's folder.

    Other decks stay behind: a course may have any, and a test makes those that it needs.
    """
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in ("slides", "static", "code"):
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    for own in (*target.glob("slides/*.md"), *target.glob("static/img/slides/*.png")):
        if own.stem != DECK.stem:
            own.unlink()
    for name in ("reveal-md.json", "LICENSE"):
        shutil.copy(ROOT / name, target)
    (target / "package.json").write_text(json.dumps(package()), encoding="utf-8")
    (target / "node_modules").symlink_to(ROOT / "node_modules", target_is_directory=True)
    return target


def leave_out_live_slides(project: Path) -> None:
    """Take out of a copy's deck what runs a network, so that it needs no models."""
    deck = project / "slides" / "architectures.md"
    lines = deck.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.rstrip().endswith(("| live }}", "| learn }}"))]
    deck.write_text("".join(kept), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a copy of the project."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site, once, and return its folder."""
    project = copy_project(tmp_path_factory.mktemp("site") / "project")
    built = run_node(project, "site/build.mjs")
    assert built.returncode == 0, built.stderr
    return project / "_site"


def run_node(
    project: Path, script: str, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of the deck's scripts in the project or a copy; `env` may take its PATH away."""
    return subprocess.run(
        [shutil.which("node") or "node", f"slides/reveal/{script}", *arguments],
        cwd=project,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
    )


class _Quiet(http.server.SimpleHTTPRequestHandler):
    # There are servers that know none of these: nginx no .mjs, others no .wasm, and none .onnx.
    extensions_map = {  # noqa: RUF012
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        **dict.fromkeys((".mjs", ".wasm", ".onnx"), "application/octet-stream"),
    }

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the requests out of the test's output."""


@contextmanager
def plain_server(folder: Path) -> Iterator[str]:
    """Serve a folder as the least of web servers would, and yield its base URL."""
    handler = partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
