"""The PDF of the deck: one page a slide, with text that can be found and copied."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from pypdf import PdfReader

from building import refused
from conftest import (
    COPIED,
    DECK,
    ROOT,
    copy_project,
    heading,
    package,
    read_slides,
    run_node,
    seen,
    title,
)
from decks import FOLDERS, IN_STATIC, write_cases
from watching import visit

Page = tuple[float, float, str]
LECTURES = [deck for deck in DECK.parent.glob("*.md") if deck.stem != "gallery"]
SHORTEST = min(LECTURES, key=lambda deck: deck.stat().st_size)


def print_deck(project: Path, program: str, *options: str, deck: Path = DECK) -> Path:
    """Print a deck of this project, and those of `write_cases`, in a copy of it."""
    copy_project(project)
    shutil.copy(deck, project / "slides" / f"{COPIED}.md")
    write_cases(project)
    if options:  # where the site is known, paper leads there
        about = package() | {"homepage": "https://example.org/course"}
        (project / "package.json").write_text(json.dumps(about))
    printed = run_node(project, "print/pdf.mjs", *options, env={"CHROMIUM": program})
    assert (printed.returncode, printed.stderr) == (0, "")
    return project


def read(reader: PdfReader) -> list[Page]:
    """Return width, height and text of each page."""
    return [
        (float(page.mediabox.width), float(page.mediabox.height), page.extract_text())
        for page in reader.pages
    ]


@pytest.fixture(scope="module")
def slides(chromium: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Print the slides, once."""
    return print_deck(tmp_path_factory.mktemp("pdf") / "project", chromium[0])


@pytest.fixture(scope="module")
def handouts(chromium: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Print the handouts of the shortest lecture, once."""
    project = tmp_path_factory.mktemp("paper") / "project"
    return print_deck(project, chromium[0], "--handout", deck=SHORTEST)


@pytest.fixture(scope="module")
def printed(slides: Path) -> PdfReader:
    """Return the PDF of the slides."""
    return PdfReader(slides / f"{COPIED}.pdf", strict=True)


@pytest.fixture(scope="module")
def pages(printed: PdfReader) -> list[Page]:
    """Return the pages of the slides."""
    return read(printed)


def test_every_slide_is_one_wide_page(pages: list[Page]) -> None:
    assert len(pages) == sum(len(column) for column in read_slides())
    assert {round(width / height, 3) for width, height, _ in pages} == {round(16 / 9, 3)}


def test_text_can_be_found_in_order(pages: list[Page]) -> None:
    slides = [seen(slide) for column in read_slides() for slide in column]
    found = 0
    for slide, (_, _, text) in zip(slides, pages, strict=True):
        printed = "".join(text.split())
        said = re.findall(
            r"^[A-Z][\w ,.:;?()'-]+$", re.sub(r"```.*?```", "", slide, flags=re.S), re.M
        )
        for line in [heading(slide), *said]:
            assert "".join(line.split()) in printed
        found += len(said)
        assert "| percent }}** test accuracy" not in slide or "testaccuracy" in printed
    assert found >= min(10, len(slides) // 3)


def test_pages_have_the_numbers_of_the_screen(pages: list[Page], printed: PdfReader) -> None:
    shown = [
        f"{h}.{v}" if len(column) > 1 else f"{h}"
        for h, column in enumerate(read_slides(), start=1)
        for v, _ in enumerate(column, start=1)
    ]
    lines = [text.split("\n") for _, _, text in pages]
    assert [number for number, page in zip(shown, lines, strict=True) if number in page] == shown
    assert printed.page_labels == shown


def test_an_outline_leads_to_every_slide(printed: PdfReader) -> None:
    def flat(entries: list) -> list:
        return [one for e in entries for one in (flat(e) if isinstance(e, list) else [e])]

    led = [
        (each.title, printed.get_destination_page_number(each)) for each in flat(printed.outline)
    ]
    headings = [heading(slide) for column in read_slides() for slide in column]
    assert set(zip(headings, range(len(headings)), strict=True)) <= set(led)


@pytest.mark.needs("architectures")
def test_a_listing_is_printed_once_and_notes_are_not(pages: list[Page]) -> None:
    text = "\n".join(text for _, _, text in pages)
    deck = "".join(slide for column in read_slides() for slide in column)
    named = re.findall(r"\{\{ code/\w+\.py: ([A-Z]\w+) \[", deck)  # classes, stepped by lines
    assert named
    for name in named:
        assert len(re.findall(rf"\bclass {name}\(", text)) == named.count(name)
    assert "Ask the room" not in text


def check_paper(edition: list[Page], deck: Path) -> None:
    """Two or three slides a page on A4, and each page says which it is of what."""
    slides = sum(len(column) for column in read_slides(deck))
    assert slides / 3 <= len(edition) <= slides / 2 + 1
    millimeters = {(round(w / 72 * 25.4), round(h / 72 * 25.4)) for w, h, _ in edition}
    assert millimeters == {(210, 297)}
    for n, (_, _, text) in enumerate(edition, start=1):
        assert f"{n} / {len(edition)}" in text
        assert title(deck) in text


def test_both_handouts_have_every_slide_with_its_notes_on_its_page(handouts: Path) -> None:
    editions = [
        read(PdfReader(handouts / f"{COPIED}-{edition}.pdf", strict=True))
        for edition in ("handout", "notes")
    ]
    for edition in editions:
        check_paper(edition, SHORTEST)
    students, lecturer = (["".join(text.split()) for _, _, text in each] for each in editions)
    assert not any("Answer:" in text for text in students)
    slides = [slide for column in read_slides(SHORTEST) for slide in column]
    count = 0
    for slide in slides:
        plain = re.findall(r"^[\w ,.:;?()'`-]+$", slide.split("Note:")[1], re.MULTILINE)
        count += len(plain)
        said = [heading(slide), *plain]
        words = ["".join(line.replace("`", "").split()) for line in said]
        assert any(all(each in text for each in words) for text in lecturer), slide
        asked = [words[0], *(each.partition("Answer:")[0] for each in words[2:])]
        assert any(all(each in text for each in asked) for text in students), slide
    assert count >= 2 * len(slides)
    minutes = [re.findall(r"^\d+ minutes?\.$", "\n".join(p[2] for p in e), re.M) for e in editions]
    assert [len(each) for each in minutes] == [0, len(slides)]


def links(file: Path) -> list[str]:
    """Return where the links of a PDF lead: addresses, and the names of places in it."""
    annotations = [
        each.get_object() for page in PdfReader(file).pages for each in page.get("/Annots", [])
    ]
    return [str(each["/A"]["/URI"] if "/A" in each else each["/Dest"]) for each in annotations]


@pytest.mark.parametrize("form", ["slides", "handouts"])
def test_what_is_presented_is_printed(form: str, request: pytest.FixtureRequest) -> None:
    project = request.getfixturevalue(form)
    on_paper = form == "handouts"
    end = "-handout.pdf" if on_paper else ".pdf"
    for name, folder in [("cases", ""), ("week2-intro", "week2/")]:
        file = project / f"{name}{end}"
        pages = PdfReader(file).pages
        text = "".join(page.extract_text() for page in pages)
        assert "Kept back" not in text
        drawn = [{image.image.width for image in page.images} for page in pages]
        own, of_style = FOLDERS[f"slides/{folder}".rstrip("/")], 9
        if on_paper:
            assert set().union(*drawn) == {own, IN_STATIC, of_style}
        else:
            assert drawn == [{own, IN_STATIC, of_style}, {own}, set(), set()]
        inside = ["/page-1", "/page-3", "/page-4"]
        site = "https://example.org/course/"
        outside = [
            "architectures.html#/1",
            "week2/intro.html",
            "architectures.html",
            "static/facts.json",
            f"slides/{folder}img/notes.txt",
            "code/lenet.py",
        ]
        away = [f"{site}{each}" for each in outside] if on_paper else []
        assert links(file) == [*inside, *away, "https://example.org/"]


HAVE_FOOTER = """[...document.querySelectorAll('.pdf-page > section')].map((slide) =>
    getComputedStyle(slide, '::after').content.includes('The gallery'))"""


def test_paper_that_is_held_upright_is_no_narrow_screen(browser: Browser, deck_url: str) -> None:
    with visit(browser, 1280, 720) as seen:
        seen.open_deck(f"{deck_url.replace(DECK.name, 'gallery.md')}?view=print")
        seen.page.locator(".pdf-page").first.wait_for(state="attached")
        title, *others = seen.page.evaluate(HAVE_FOOTER)
        assert not title
        assert others
        assert all(others)
        # Before the page size is known, a browser asks about paper that is held upright.
        seen.page.set_viewport_size({"width": 500, "height": 700})
        seen.page.evaluate("document.querySelector('section > *').classList.add('comparison')")
        direction = "getComputedStyle(document.querySelector('.comparison')).flexDirection"
        assert seen.page.evaluate(direction) == "column"
        seen.page.emulate_media(media="print")
        assert seen.page.evaluate(direction) == "row"


def test_only_screens_are_asked_whether_they_are_narrow() -> None:
    for style in (ROOT / "static" / "css").glob("*.css"):
        if style.name != "course.css":  # its pages are printed on upright paper
            narrow = re.findall(r"@media \(max-.*", style.read_text(encoding="utf-8"))
            assert narrow == [], style.name


def test_a_browser_that_is_none_gets_one_line_and_the_old_pdf_stays(project: Path) -> None:
    none = str(project / "none")
    old = project / "architectures.pdf"
    old.write_text("old")
    line = refused(run_node(project, "print/pdf.mjs", env={"CHROMIUM": none}))
    assert line.startswith(f"CHROMIUM={none} is not a")
    assert "install" in line
    assert old.read_text() == "old"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script is no program there")
def test_a_browser_that_does_not_start_gets_one_line(project: Path) -> None:
    broken = project / "chrome"
    switches = project / "switches"
    broken.write_text(f'#!/bin/sh\necho "$*" > "{switches}"; echo long; echo story; exit 1\n')
    broken.chmod(0o755)
    printed = run_node(project, "print/pdf.mjs", env={"CHROMIUM": str(broken)})
    line = refused(printed)
    assert line.startswith(f"{broken} does not start (")
    assert line.endswith("let CHROMIUM name another Chromium or Chrome")
    # Of two such switches the last counts: ours has to name all that Playwright's does.
    given, ours = re.findall(r"--disable-features=(\S*)", switches.read_text())
    assert set(given.split(",")) < set(ours.split(","))


def test_a_deck_that_asks_for_what_is_not_its_own_is_not_printed(
    project: Path, chromium: list[str]
) -> None:
    elsewhere = "http://192.0.2.1/x.png"
    broken = "%zz.png"
    outside = "..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd"
    deck = project / "slides" / "architectures.md"
    deck.write_text(f'<img src="{elsewhere}" alt=""> <iframe src="page.html"></iframe>\n')
    page = "".join(f'<img src="{source}" alt="">' for source in (broken, outside))
    (project / "slides" / "page.html").write_text(page)
    asked = [elsewhere, f"slides/{broken}", f"slides/{outside}"]
    line = refused(run_node(project, "print/pdf.mjs", env={"CHROMIUM": chromium[0]}))
    said = re.fullmatch(r"slides/architectures\.md asks for (.*): a deck loads only .*", line)
    assert said is not None, line
    assert sorted(said[1].split(", ")) == sorted(asked)
    assert not (project / "architectures.pdf").exists()
    (project / "slides" / "whole.md").write_text("# Whole\n")
    named = run_node(project, "print/pdf.mjs", "slides/whole.md", env={"CHROMIUM": chromium[0]})
    assert (named.returncode, named.stdout) == (0, "whole.pdf: 1 pages\n")
