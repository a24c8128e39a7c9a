"""The PDF of the deck: one page a slide, with text that can be found and copied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from pypdf import PdfReader

from conftest import INSPECT, ROOT, run_node
from watching import visit

DECK = ROOT / "slides" / "architectures.md"


@pytest.fixture(scope="module")
def pages(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[float, float, str]]:
    """Print this project's deck, once; return width, height and text of each page."""
    file = tmp_path_factory.mktemp("pdf") / "deck.pdf"
    printed = run_node(ROOT, "pdf.mjs", str(file), env={"CHROMIUM": chromium})
    assert printed.returncode == 0, printed.stderr
    reader = PdfReader(file)
    return [
        (float(page.mediabox.width), float(page.mediabox.height), page.extract_text())
        for page in reader.pages
    ]


def test_every_slide_is_one_wide_page(pages: list[tuple[float, float, str]]) -> None:
    slides = (
        len(re.findall("<!--[sv]-->", DECK.read_text(encoding="utf-8").split("---\n", 2)[2])) + 1
    )
    assert len(pages) == slides
    assert {round(width / height, 3) for width, height, _ in pages} == {round(16 / 9, 3)}


def test_text_can_be_found_in_order(pages: list[tuple[float, float, str]]) -> None:
    texts = [" ".join(text.split()) for _, _, text in pages]
    assert "Convolutional Neural Networks, NAS" in texts[0]
    assert "LeNet is often considered the first modern" in texts[2]
    assert "Proceedings of the IEEE 86.11 (1998): 2278-2324." in texts[2]
    assert "The network in code" in texts[3]
    assert "test accuracy" in texts[5]
    assert "Train a network of your choice on CIFAR10" in texts[-1]


def test_a_listing_is_printed_once_and_notes_are_not(
    pages: list[tuple[float, float, str]],
) -> None:
    text = "\n".join(text for _, _, text in pages)
    assert text.count("self.c1 = ") == 1
    assert "Ask the room" not in text


def test_every_slide_fits_its_page(browser: Browser, deck_url: str) -> None:
    with visit(browser, 1280, 720) as seen:
        seen.open_deck(f"{deck_url}?view=print")
        assert seen.page.locator(".pdf-page").count() > 0
        assert seen.page.evaluate(INSPECT, {"smallest": 13}) == []


def test_without_a_browser_the_old_pdf_stays_and_one_line_says_how_to_get_one(
    project: Path,
) -> None:
    old = project / "architectures.pdf"
    old.write_text("old")
    printed = run_node(project, "pdf.mjs", env={"CHROMIUM": str(project / "none")})
    assert printed.returncode == 2
    (line,) = printed.stderr.splitlines()
    assert "is not a program" in line
    assert "install" in line
    assert old.read_text() == "old"


def test_a_deck_that_loads_from_elsewhere_is_not_printed(project: Path, chromium: str) -> None:
    deck = project / "slides" / "architectures.md"
    deck.write_text(
        deck.read_text(encoding="utf-8") + '\n<img src="http://192.0.2.1/x.png" alt="">\n',
        encoding="utf-8",
    )
    printed = run_node(project, "pdf.mjs", env={"CHROMIUM": chromium})
    assert printed.returncode == 2
    (line,) = printed.stderr.splitlines()
    assert "architectures.md asks for http://192.0.2.1/x.png" in line
    assert not (project / "architectures.pdf").exists()
