"""The deck as an audience, a lecturer and a reader on a phone see it, in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from barriers import check_tab_stops, slides_with_tab_stops
from conftest import (
    COPIED,
    DECK,
    INSPECT,
    ROOT,
    minutes,
    read_slides,
    remark,
    seen,
    title,
)
from course import lecture
from course.serving import serve
from lab import UserError
from stranger import check_nothing_runs
from watching import Visit, origin, visit

GALLERY = ROOT / "slides" / "gallery.md"
ACCEPT = "make accept says that the lecture is meant to be so"


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    """What the lecture is now."""
    return lecture.read()


def test_the_lecture_is_as_it_was_accepted(now: dict[str, Any]) -> None:
    accepted = json.loads(lecture.LECTURE.read_text(encoding="utf-8"))
    assert now == accepted, ACCEPT


def test_the_readme_says_how_long_the_lecture_takes(now: dict[str, Any]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert lecture.put_into(text, now) == text, ACCEPT


# A lecture with separators of its own, with slides that nobody sees, and with notes in each form.
SHORT = """\ufeff---\x20
title: Short
separator: ^---$
verticalSeparator: ^--$
---
# One

note:
1 minute. More.

---
<!-- .slide: data-visibility="hidden" -->
# Hidden

Note:
32 minutes.

---
## Two

Notes: 2 minutes.

--
<!-- .slide: data-route="long short" -->
Note:
4 minutes.

--
Note:
8 minutes.

---
<!-- .slide: data-route="lecture all" -->
Note:
16 minutes.
"""


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch, project: Path) -> Path:
    """Let the command read a short deck in a copy of the project, and write there."""
    shutil.copy(ROOT / "README.md", project)
    monkeypatch.setattr(lecture, "README", project / "README.md")
    monkeypatch.setattr(lecture, "LECTURE", project / "slides" / "lecture.json")
    monkeypatch.setattr(lecture, "SCRIPT", project / lecture.SCRIPT.relative_to(ROOT))
    deck = project / "slides" / f"{COPIED}.md"
    deck.write_text(SHORT, encoding="utf-8")
    return deck


def test_another_lecture_is_accepted_by_one_command(copied: Path) -> None:
    lecture.main()
    accepted = json.loads(lecture.LECTURE.read_text(encoding="utf-8"))
    assert accepted["front_matter"][0] == "title: Short"
    assert [each["heading"] for each in accepted["slides"]] == ["One", "Two", ""]
    assert accepted["minutes"] == {"lecture": 19, "long": 7, "short": 7, "all": 31}
    said = "takes 19 minutes, the route `long` 7, the route `short` 7, and all slides 31."
    assert said in lecture.README.read_text(encoding="utf-8")
    # What is said may change without being accepted, what the audience sees may not.
    other = SHORT.replace("More.", "Less.").replace("## Two", "## Two\n\nOne line more.")
    copied.write_text(other, encoding="utf-8")
    first, second, third = accepted["slides"]
    now = lecture.read()["slides"]
    assert now[::2] == [first, third]
    assert now[1] != second


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("deck", "1 minute", "1 moment", 'md:5: the notes of "One" must begin with the time it t'),
        ("README", lecture.END, "", "the length of the lecture belongs between two lines"),
    ],
)
def test_a_lecture_that_cannot_be_accepted_leaves_everything_as_it_was(
    copied: Path, file: str, old: str, new: str, message: str
) -> None:
    changed = copied if file == "deck" else lecture.README
    changed.write_text(changed.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    before = [path.read_bytes() for path in (lecture.LECTURE, lecture.README)]
    with pytest.raises(UserError, match=message):
        lecture.main()
    assert [path.read_bytes() for path in (lecture.LECTURE, lecture.README)] == before


@pytest.fixture(scope="module")
def kept(browser: Browser) -> Iterator[Visit]:
    """Keep one page, with its files, for the tests that need no other."""
    with visit(browser) as visited:
        yield visited


@pytest.fixture
def deck(kept: Visit, deck_url: str) -> Visit:
    """Show the first slide, of the page that the last test left: to load it is what costs."""
    if kept.page.url.partition("#")[0] == deck_url:  # and on no other route
        kept.forget()
        kept.page.set_viewport_size({"width": 1280, "height": 720})
        kept.page.evaluate("Reveal.slide(0, 0, -1)")
    else:
        kept.begin_anew()
        kept.open_deck(deck_url)
    return kept


def test_the_gallery_fits_from_right_to_left_and_in_other_colors(
    kept: Visit, deck_url: str
) -> None:
    kept.begin_anew(1024, 768)
    kept.open_deck(deck_url.replace(DECK.name, GALLERY.name))
    kept.page.evaluate(
        "document.documentElement.style.setProperty('--accent', '#8a1538');"
        "Reveal.configure({ rtl: true })"
    )
    link = "getComputedStyle(document.querySelector('.has-dark-background a')).color"
    assert kept.page.evaluate(f"/oklch\\(.* 1\\d(\\.\\d+)?\\)/.test({link})")  # its hue
    assert kept.page.evaluate(INSPECT, {"smallest": 13}) == []


LISTING = re.compile(r"^(`{3,})(?:markdown|text|yaml)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)


def test_a_slide_of_the_gallery_shows_the_text_that_makes_it() -> None:
    front = GALLERY.read_text(encoding="utf-8").split("---\n", 2)[1]
    slides = [slide for column in read_slides(GALLERY) for slide in column]
    listings = 0
    for slide in slides:
        assert minutes(slide) >= 1
        above = seen(slide)
        rest = " ".join([*front.split(), *LISTING.sub("", above).split()])
        for _, listing in LISTING.findall(above):
            listings += 1
            # A comment may be broken into lines, and the words for a picture cut short.
            parts = [" ".join(part.split()) for part in re.split("[\n…]", listing)]
            assert [part for part in parts if part not in rest] == []
    assert listings > 15


# Where the deck is, and whether a step of its slide is to come.
STANDS = "[Object.values(Reveal.getIndices()), Reveal.availableFragments().next]"


def test_space_leads_through_every_slide_and_step_and_tab_reaches_everything_on_a_slide(
    kept: Visit, deck_url: str
) -> None:
    deck = kept
    deck.begin_anew()
    deck.open_deck(f"{deck_url}?route=all")
    slides = deck.page.evaluate(
        "Reveal.getSlides().map(s => Reveal.getIndices(s)).map(({ h, v = 0 }) => [h, v])"
    )
    steps = deck.page.evaluate(
        "Reveal.getSlides().reduce((n, s) => n + new Set([...s.querySelectorAll('.fragment')]"
        ".map(f => f.dataset.fragmentIndex)).size, 0)"
    )
    with_stops = set(slides_with_tab_stops(deck))
    places = set()
    for n in range(len(slides) + steps):
        place, goes_on = deck.page.evaluate(STANDS)
        places.add(tuple(place))
        assert len(places) == n + 1
        if not goes_on and (h_v := tuple(place[:2])) in with_stops:
            check_tab_stops(deck)
            deck.page.evaluate("document.activeElement.blur()")
            with_stops.remove(h_v)
        deck.page.keyboard.press("Space")
    assert not with_stops
    assert sorted({place[:2] for place in places}) == sorted(map(tuple, slides))
    deck.check_images()
    deck.check(origin(deck_url))


# Counts how often each slide is fitted.
FITS = """
  window.fits = new Map();
  const { setProperty } = CSSStyleDeclaration.prototype;
  CSSStyleDeclaration.prototype.setProperty = function (name, value, ...more) {
    if (name === '--fit' && value === 1) fits.set(this, (fits.get(this) ?? 0) + 1);
    return setProperty.call(this, name, value, ...more);
  };
"""


# The sizes of the text of slides that are fuller than a phone's page.
SIZES = "[...document.querySelectorAll('.scroll-page section')].map(each => each.style.fontSize)"


def phone_link(n: int) -> tuple[str, int]:
    """The address of a slide in the middle, or of the last one below it, and its page."""
    columns = read_slides()
    h = len(columns) // 2
    v = n * (len(columns[h]) - 1)
    return f"#/{h}/{v}" if n else f"#/{h}", sum(map(len, columns[:h])) + v


def test_a_phone_fits_each_slide_a_few_times_and_goes_where_a_link_leads(
    browser: Browser, deck_url: str
) -> None:
    sizes = []
    opened, followed = phone_link(1), phone_link(0)
    with visit(browser, 390, 844) as phone:
        phone.page.add_init_script(FITS)
        phone.open_deck(deck_url)
        pages = phone.page.locator(".scroll-page")
        assert pages.count() == sum(len(column) for column in read_slides())
        for place in ("", opened[0]):
            if place:
                phone.begin_anew(390, 844)
                phone.open_deck(deck_url + place)
                expect(pages.nth(opened[1])).to_be_in_viewport(ratio=0.9)
            phone.check_images()  # however many arrive
            pages.last.scroll_into_view_if_needed()
            fits = phone.page.evaluate("[...fits.values()]")
            assert len(fits) >= min(10, pages.count() // 6)
            assert max(fits) <= 4
            sizes.append(phone.page.evaluate(SIZES))
            phone.check(origin(deck_url))
        # Opened by a link, the slides above the window are as large as ever.
        assert sizes[1] == sizes[0]
        assert phone.page.evaluate(INSPECT, {"smallest": 10}) == []
        for link, page in (followed, opened):
            phone.page.evaluate("link => { location.hash = link; }", link)
            expect(pages.nth(page)).to_be_in_viewport(ratio=0.9)


def listing() -> tuple[str, str]:
    """Where the first listing of a class below another slide is, and the name of the class."""
    for h, column in enumerate(read_slides()):
        for v, slide in enumerate(column):
            found = re.search(r"\{\{ code/\w+\.py: ([A-Z]\w+)\W", slide)
            if v and found:
                return f"#/{h}/{v}", found[1]
    pytest.skip("no slide shows a class")


def test_a_slide_fits_a_changed_window_as_if_it_had_always_been_that_size(
    browser: Browser, deck_url: str
) -> None:
    with visit(browser, 1920, 1080, motion="no-preference") as seen:
        seen.open_deck(deck_url + listing()[0])
        size = "Reveal.getCurrentSlide().style.fontSize"
        at_first = seen.page.evaluate(size)
        seen.page.set_viewport_size({"width": 1024, "height": 300})
        seen.page.wait_for_function(f"{size} !== '{at_first}'")
        refitted = seen.page.evaluate(size)
        seen.page.reload()
        seen.page.wait_for_function("window.Reveal && Reveal.isReady()")
        assert seen.page.evaluate(size) == refitted
        seen.page.set_viewport_size({"width": 1920, "height": 1080})
        seen.page.wait_for_function(f"{size} === '{at_first}'")


# The sizes of the text, the listings and the tables of the slide that is shown.
FITTED = """[Reveal.getCurrentSlide(), ...Reveal.getCurrentSlide().querySelectorAll('pre, table')]
  .map(({ style }) => style.fontSize || style.getPropertyValue('--fit'))"""


def test_a_slide_that_the_overview_led_to_is_fitted_as_any(kept: Visit, deck_url: str) -> None:
    ways = {"Reveal.slide(...place)": []}
    ways["Reveal.toggleOverview(true); Reveal.slide(...place); Reveal.toggleOverview(false)"] = []
    for way, sizes in ways.items():
        kept.begin_anew(1920, 1080)
        kept.open_deck(deck_url)
        places = kept.page.evaluate(
            "Reveal.getSlides().filter(s => s.querySelector(':scope > table'))"
            ".map(s => Reveal.getIndices(s)).map(({ h, v = 0 }) => [h, v])"
        )
        for place in places[:8]:
            kept.page.evaluate(f"(place) => {{ {way} }}", place)
            sizes.append(kept.page.evaluate(FITTED))
    direct, by_overview = ways.values()
    assert direct == by_overview
    assert any(map(any, direct))


def test_the_speaker_view_shows_the_notes_and_leads_the_deck(deck: Visit, deck_url: str) -> None:
    with deck.page.context.expect_page() as opened:
        deck.page.keyboard.press("s")
    speaker = opened.value
    notes = speaker.locator(".speaker-controls-notes .value")
    notes.filter(has_text=remark(0)).wait_for()
    deck.page.bring_to_front()
    deck.page.keyboard.press("ArrowRight")
    notes.filter(has_text=remark(1)).wait_for()
    assert len(speaker.frames) == 3
    for frame in speaker.frames[1:]:
        frame.wait_for_function("window.Reveal && Reveal.isReady()")
        # Laid out for the window of the audience, and shown as large as there is room.
        assert frame.evaluate("[innerWidth, innerHeight]") == [1280, 720]
        shown, room = frame.evaluate(
            "(({ width, height }, inner, room) => [[width, height], [room.clientWidth - 2 *"
            "inner.offsetLeft, room.clientHeight - 2 * inner.offsetTop]])"
            "(frameElement.getBoundingClientRect(), frameElement, frameElement.parentElement)"
        )
        assert shown[0] / shown[1] == pytest.approx(1280 / 720, rel=0.02)
        assert max(shown[0] / room[0], shown[1] / room[1]) == pytest.approx(1, rel=0.02)
    speaker.set_viewport_size(
        {"width": 1366, "height": 768}
    )  # nothing is cut, or moved by an arrow
    speaker.wait_for_function(
        "[...document.querySelectorAll('iframe')].every((each) =>"
        "each.getBoundingClientRect().right <= each.parentElement.getBoundingClientRect().right)"
    )
    root, body = (f"document.{each}.scrollWidth" for each in ("documentElement", "body"))
    assert speaker.evaluate(f"[{root}, {body}]") == [1366, 1366]
    # The second slide has its minutes, and those of the first are still left as well.
    left = speaker.locator(".pacing.ahead")
    left.wait_for()
    first, second = (minutes(column[0]) for column in read_slides()[:2])
    assert left.locator(".minutes-value").inner_text() == f":{first + second - 1:02}"
    speaker.bring_to_front()
    speaker.keyboard.press("ArrowLeft")
    deck.page.wait_for_function("Reveal.getIndices().h === 0")
    deck.check(origin(deck_url))


def test_all_keys_are_listed_on_a_small_screen_with_those_of_a_clicker(deck: Visit) -> None:
    deck.page.keyboard.press("Shift+?")
    keys = deck.page.locator(".overlay-help table")
    assert "PAGE UP , PAGE DOWN" in keys.inner_text()
    assert keys.evaluate("table => table.getBoundingClientRect().bottom < innerHeight")


def test_a_strangers_page_runs_nothing_in_what_is_presented(
    browser: Browser, deck_url: str, tmp_path: Path
) -> None:
    pages = [deck_url, *(origin(deck_url) + page for page in ("live.html", ""))]
    check_nothing_runs(browser, pages, tmp_path)


def test_search_finds_a_slide(deck: Visit, deck_url: str) -> None:
    columns = ["".join(column).lower() for column in read_slides()]
    h = len(columns) // 2
    before = "".join(columns[:h])
    seen_there = seen(read_slides()[h][0])
    word = next(w for w in re.findall(r"[a-z]{7,}", seen_there) if w not in before)
    deck.page.keyboard.press("Control+Shift+F")
    deck.page.locator("input.searchinput").fill(word)
    deck.page.keyboard.press("Enter")
    deck.page.wait_for_function(f"Reveal.getIndices().h === {h}")
    deck.check(origin(deck_url))


def test_an_author_sees_a_mistake_and_then_the_mended_slide(
    browser: Browser, project: Path
) -> None:
    deck = project / "slides" / f"{COPIED}.md"
    bad, good = ("{{ static/facts.json: lenet.cifar10." + key + " }}" for key in ("no", "name"))
    with serve(project) as base, visit(browser) as seen:
        seen.open_deck(f"{base}/{COPIED}.md")
        deck.write_text(f"---\ntheme: evo\n---\n# A\n\n{bad}\n", encoding="utf-8")
        mistake = seen.page.locator("section.mistake")
        mistake.wait_for(state="attached")
        text = mistake.text_content() or ""
        assert f"slides/{COPIED}.md, line 6" in text
        assert bad in text
        assert "there is no key no under lenet.cifar10; there is " in text
        deck.write_text(f"---\ntheme: evo\n---\n# A\n\n{good}\n", encoding="utf-8")
        # The page may load more than once: saving is an emptying and a writing, each seen alone.
        expect(seen.page.locator("section p")).to_contain_text("LeNet")
        expect(mistake).to_have_count(0)


def test_the_list_of_lectures_leads_to_the_deck_and_a_listing_to_its_script(
    kept: Visit, deck_url: str
) -> None:
    kept.begin_anew()
    kept.page.goto(origin(deck_url))
    kept.page.get_by_role("link", name=title()).click()
    kept.page.wait_for_url(deck_url + "*")
    kept.page.wait_for_function("window.Reveal && Reveal.isReady()")
    link, name = listing()
    kept.page.evaluate("link => { location.hash = link; }", link)
    kept.page.locator("section.present section.present .source a").click()
    kept.page.get_by_text(f"class {name}").first.wait_for()
    kept.page.go_back()
    kept.page.wait_for_function("window.Reveal && Reveal.isReady()")
    assert kept.page.evaluate("location.hash") == link
    kept.check(origin(deck_url))


def test_reduced_motion_is_respected(deck: Visit) -> None:
    assert deck.page.evaluate("Reveal.getConfig().transition") == "none"
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Space", "Space"):
        deck.page.keyboard.press(key)
        assert deck.page.evaluate("document.getAnimations().length") == 0


def test_the_page_names_its_language_and_title_and_its_code_is_colored_and_stepped(
    deck: Visit,
) -> None:
    assert deck.page.locator("html").get_attribute("lang") == "en"
    assert deck.page.title() == title()
    listing = deck.page.locator("pre code.python").first
    assert listing.locator(".hljs-keyword, .hljs-built_in").count() > 0
    assert deck.page.locator("pre code.fragment").count() > 0
    ground = listing.evaluate("code => getComputedStyle(code).backgroundColor")
    assert ground not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")
