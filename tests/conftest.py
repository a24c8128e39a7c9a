"""What the tests of the deck share: a browser, the served deck, and copies of the project."""

from __future__ import annotations

import gc
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from playwright.sync_api import Browser, Error, Frame, Page, expect, sync_playwright

import forking
from course.serving import serve

pytest.register_assert_rewrite("watching")

# One thread to a process, before PyTorch counts them: the tests run side by side on few cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# To search all objects of PyTorch for garbage took almost a tenth of the tests' time in Python.
gc.set_threshold(200_000, 50, 1000)

# A shell lets what it starts in the background ignore Ctrl-C, and so all that this starts in turn.
signal.signal(signal.SIGINT, signal.default_int_handler)

# On busy cores an answer can take long, and that is no fault.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
expect.set_options(timeout=30_000)

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

COURSE = ROOT / "slides" / "course.json"
DECK = ROOT / "slides" / f"{json.loads(COURSE.read_text(encoding='utf-8'))['deck']}.md"
# What the lecture is called in copies, of whatever course they are.
COPIED = "architectures"

WITHOUT_BROWSER = pytest.StashKey[bool]()


def read_check(name: str) -> str:
    """Return the function of `make check` that a page with a deck evaluates."""
    text = (ROOT / "slides" / "reveal" / "check" / name).read_text(encoding="utf-8")
    return text.partition("export default ")[2]


# It lists what does not fit on a slide or cannot be read.
INSPECT = read_check("inspect.js")


def title(deck: Path = DECK) -> str:
    """Return the title of a deck: of its front matter, or else its first heading."""
    _, front, text = deck.read_text(encoding="utf-8").split("---\n", 2)
    heading = re.findall(r"^#+ (.+)", text, re.MULTILINE)[0]
    return str(yaml.safe_load(front).get("title", heading))


def read_slides(deck: Path = DECK) -> list[list[str]]:
    """Return the text of a deck's slides, as columns of a horizontal slide and those below it."""
    _, _, text = deck.read_text(encoding="utf-8").split("---\n", 2)  # the front matter goes
    return [column.split("<!--v-->") for column in text.split("<!--s-->")]


def seen(slide: str) -> str:
    """Return what a slide has above its notes."""
    return re.split(r"^\s*notes?:", slide, maxsplit=1, flags=re.MULTILINE | re.IGNORECASE)[0]


def heading(slide: str) -> str:
    """Return the first heading of a slide, or nothing."""
    found = re.search(r"^#+ +(.*?) *$", slide, re.MULTILINE)
    return found[1] if found else ""


def minutes(slide: str) -> int:
    """Return how long a slide takes, as its notes say."""
    return int(re.findall(r"^Note:\s*(\d+) minutes?\.$", slide, re.MULTILINE)[0])


def remark(h: int) -> str:
    """Return words from the notes of a horizontal slide, after its minutes."""
    notes = read_slides()[h][0].split("\nNote:")[1].split("minute", 1)[1].partition("\n")[2]
    return re.findall(r"\w[\w ,'-]{15,}\w", notes)[0]


@cache
def find_chromium() -> subprocess.CompletedProcess[str]:
    """Ask for the browser that `npm run pdf` takes, and its switches."""
    return run_node(ROOT, "print/chromium.mjs")


# A test that is about a part of this course says which lessons or decks, for instance with
# `@pytest.mark.needs("resnet")`. In a course without them it is left out; so is a module, which
# could not even be imported.
NEEDS = re.compile(r"^pytestmark = pytest\.mark\.needs\(([^)]*)\)", re.MULTILINE)


def has(*names: str) -> bool:
    """Return whether this course has all these lessons and decks."""
    places = [(ROOT / "code" / f"{name}.py", ROOT / "slides" / f"{name}.md") for name in names]
    return all(any(path.is_file() for path in place) for place in places)


def pytest_configure(config: pytest.Config) -> None:
    """Before there are several processes of tests."""
    if config.getoption("numprocesses", None):
        forking.share()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out a module of tests that says it needs what this course does not have."""
    if collection_path.suffix != ".py":
        return None
    found = NEEDS.search(collection_path.read_text(encoding="utf-8"))
    return True if found and not has(*re.findall(r'"(.+?)"', found[1])) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out each test that needs what this course does not have."""
    left = [
        item for item in items if not all(has(*mark.args) for mark in item.iter_markers("needs"))
    ]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]
    gc.freeze()  # what is alive by now stays: to collect it at exit would take seconds


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no pictures of a training in this process: they take longer than a tiny one.

    A test that is about them has the mark `pictures`.
    """
    if request.node.get_closest_marker("pictures"):
        return
    if "lab.runs" in sys.modules:
        monkeypatch.setattr(sys.modules["lab.runs"].Run, "save_figure", lambda *_: None)
    if "lab.plots" in sys.modules:
        for name in ("confusion", "learning_curve"):
            monkeypatch.setattr(sys.modules["lab.plots"], name, lambda *_: None)


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


@pytest.fixture(scope="session")
def launch(chromium: list[str]) -> Iterator[Callable[..., Browser]]:
    """Start a browser, with switches of its own, that does nothing but what a test asks of it.

    From then on nothing else can run an event loop in this thread, because Playwright does.
    """
    program, *switches = chromium
    with sync_playwright() as playwright:
        yield lambda *own: playwright.chromium.launch(
            executable_path=program, args=[*switches, *own]
        )


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """The browser of nearly all tests."""
    with launch() as launched:
        yield launched


@pytest.fixture(scope="session")
def deck_url() -> Iterator[str]:
    """Serve this project's deck and return the address of its page."""
    with serve(ROOT) as base:
        yield f"{base}/{DECK.name}"


def package() -> dict[str, object]:
    """Return package.json without the addresses of a course, which each test sets as it needs."""
    about = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    return {key: value for key, value in about.items() if key not in ("homepage", "repository")}


def copy_project(target: Path) -> Path:
    """Copy what the deck is made from, so that a test may break it; return the copy's folder.

    Other decks stay behind: a course may have any, and a test makes those that it needs. The
    lecture is called `COPIED` in it.
    """
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in ("slides", "static", "code"):
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    for own in (*target.glob("slides/*.md"), *target.glob("static/img/slides/*.png")):
        if own.stem == DECK.stem:
            own.rename(own.with_stem(COPIED))
        else:
            own.unlink()
    course = json.loads(COURSE.read_text(encoding="utf-8")) | {"deck": COPIED}
    (target / "slides" / "course.json").write_text(json.dumps(course), encoding="utf-8")
    for name in ("reveal-md.json", "LICENSE"):
        shutil.copy(ROOT / name, target)
    (target / "package.json").write_text(json.dumps(package()), encoding="utf-8")
    (target / "node_modules").symlink_to(ROOT / "node_modules", target_is_directory=True)
    return target


def copy_shortened(target: Path) -> Path:
    """Copy the project, but with a lecture of one slide: a site is built in a third of the time."""
    deck = copy_project(target) / "slides" / f"{COPIED}.md"
    deck.write_text("---\ntitle: Short\ntheme: evo\n---\n# Short\n\nNote:\n1 minute.\n")
    return target


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a copy of the project, whose lecture has one slide."""
    return copy_shortened(tmp_path / "project")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Train LeNet on a few drawn shapes."""
    import lab  # PyTorch, which most tests do without
    import lenet

    out = str(tmp_path_factory.mktemp("runs"))
    recipe = lenet.LeNetRecipe("lenet", data="shapes", limit=300, epochs=1, original=True)
    return lab.train(lenet.build, recipe, lab.Options(out=out, device="cpu", progress=False))


def run_node(
    project: Path,
    script: str,
    *arguments: str,
    env: dict[str, str] | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run one of the deck's scripts in the project or a copy; `env` may take its PATH away."""
    return subprocess.run(
        [shutil.which("node") or "node", f"slides/reveal/{script}", *arguments],
        cwd=project,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
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
