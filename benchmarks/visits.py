"""Pages of the served course, opened in a browser that has nothing of them in its cache."""

import gzip
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, Response, sync_playwright

from course.serving import serve
from lab.errors import UserError

ROOT = Path(__file__).parents[1]

# Runs in the page before its own scripts: notes when what is waited for has been painted.
WATCH = """
requestAnimationFrame(function look() {
  if (!SHOWN) requestAnimationFrame(look);
  else requestAnimationFrame(() => { window.shown = performance.now(); });
});
"""


@contextmanager
def course() -> Iterator[tuple[str, Browser]]:
    """Serve the course as `npm start` does; yield its address and a browser."""
    found = subprocess.run(
        ["node", "slides/reveal/print/chromium.mjs"], cwd=ROOT, capture_output=True, text=True
    )
    if found.returncode != 0:
        raise UserError(found.stderr.strip())
    program, *switches = found.stdout.splitlines()
    with serve(ROOT) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=switches)
        yield base, browser
        browser.close()


@contextmanager
def visit(
    browser: Browser, url: str, shown: str, wait_until: Literal["load", "networkidle"] = "load"
) -> Iterator[tuple[Page, float, list[Response]]]:
    """Open a page with an empty cache, and wait until an expression in it is true.

    Yields the page, the seconds from navigation until that was painted, and the answers it got.
    """
    # What waits in the page evaluates text, which its policy forbids.
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, bypass_csp=True)
    page, answers = context.new_page(), []
    page.add_init_script(WATCH.replace("SHOWN", shown))
    page.on("response", lambda answer: answers.append(answer))
    page.goto(url, wait_until=wait_until)
    page.wait_for_function("window.shown")
    yield page, page.evaluate("window.shown") / 1000, answers
    context.close()


def sent(response: Response) -> int:
    """Bytes that a server with gzip would send as the body of an answer."""
    body = response.body()
    return min(len(body), len(gzip.compress(body, 6)))
