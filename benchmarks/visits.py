"""Pages of the served course, opened in a browser that has nothing of them in its cache."""

import gzip
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Response, sync_playwright

from course.serving import serve
from lab.errors import UserError

ROOT = Path(__file__).parents[1]


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
def fresh(browser: Browser, script: str) -> Iterator[tuple[Page, list[Response]]]:
    """An empty page that will run a script before its own, and the answers that it gets."""
    # What waits in the page evaluates text, which its policy forbids.
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, bypass_csp=True)
    page, answers = context.new_page(), []
    page.add_init_script(script)
    page.on("response", lambda answer: answers.append(answer))
    yield page, answers
    context.close()


def sent(response: Response) -> int:
    """Bytes that a server with gzip would send as the body of an answer."""
    body = response.body()
    return min(len(body), len(gzip.compress(body, 6)))
