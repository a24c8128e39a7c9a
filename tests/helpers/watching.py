"""A browser page that remembers what went wrong on it and what it asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response


class Visit:
    """An open page, with its requests, its answers and its complaints so far."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requested: list[str] = []
        self.answered: list[Response] = []
        self.complaints: list[str] = []
        self._types: dict[str, str] = {}  # what is in the page's memory comes without
        page.context.on("request", lambda request: self.requested.append(request.url))
        page.context.on("response", self._take)
        page.context.on("requestfailed", self._miss)
        page.context.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _take(self, response: Response) -> None:
        self.answered.append(response)
        if kind := response.headers.get("content-type"):
            self._types[response.url] = kind

    def _miss(self, request: Request) -> None:
        # What a page still waits for when it is left is aborted: its icon, for instance.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(request.url)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def begin_anew(self, width: int = 1280, height: int = 720) -> None:
        """Forget what was, except for files: the same page loads them for a third of the cost."""
        self.forget()
        if self.page.url.startswith("http"):
            self.page.evaluate("sessionStorage.clear(); localStorage.clear()")
        self.page.goto("about:blank")
        self.page.set_viewport_size({"width": width, "height": height})
        self.forget()

    def forget(self) -> None:
        """Close what the page has opened, and forget what was told so far."""
        for other in self.page.context.pages[1:]:
            other.close()
        for told in (self.requested, self.answered, self.complaints):
            told.clear()

    def open_deck(self, url: str) -> None:
        """Open a deck and wait until reveal.js has laid it out."""
        self.page.goto(url)
        self.page.wait_for_function("window.Reveal && Reveal.isReady()")

    def add_script(self, file: Path) -> None:
        """Run a script of the tests in the page, whose policy would not load it."""
        self.page.evaluate(f"{file.read_text(encoding='utf-8')}\n;undefined")

    def check(self, prefix: str) -> None:
        """Assert that nothing failed and that every request stayed under `prefix`."""
        assert self.complaints == []
        assert [
            (answer.status, answer.url) for answer in self.answered if answer.status >= 400
        ] == []
        assert [url for url in self.requested if not url.startswith((prefix, "data:"))] == []

    def check_images(self) -> None:
        """Assert that every image of the page has loaded, as an image."""
        images = self.page.eval_on_selector_all(
            ".reveal img",
            "async all => { await Promise.all(all.map(i => i.decode().catch(() => 0)));"
            " return all.map(i => [i.src, i.naturalWidth]) }",
        )
        assert images
        for source, width in images:
            assert width > 0, source
            assert self._types[source].startswith("image/"), source


@contextmanager
def visit(
    browser: Browser,
    width: int = 1280,
    height: int = 720,
    motion: Literal["reduce", "no-preference"] = "reduce",
) -> Iterator[Visit]:
    """Open a page of the given size, by default without transitions, in a context of its own."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion=motion
    )
    try:
        yield Visit(context.new_page())
    finally:
        context.close()


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, with the slash behind them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"
