"""What a lecturer does besides turning pages: follow a route, draw, give the room a time."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from conftest import copy_shortened
from course.serving import serve
from watching import Visit, visit

DECK = """---
title: Three minutes
revealOptions:
    route: lecture
---
# One

Note:
1 minute.

<!--s-->

# Two

- first <!-- .element: class="fragment" -->

Note:
1 minute.

<!--v-->

<!-- .slide: data-route="long" -->

## Below

Note:
5 minutes.

<!--v-->

## Further below

Note:
7 minutes.

<!--s-->

# Three

Note:
1 minute.
"""
LECTURE = ["0/0", "1/0", "1/0 first", "2/0"]
LONG = ["0/0", "1/0", "1/0 first", "1/1", "2/0"]
ALL = [*LONG[:-1], "1/2", "2/0"]
PLACE = """(() => {
  const { h, v } = Reveal.getIndices();
  const step = Reveal.getCurrentSlide().querySelector('.fragment.visible') ? ' first' : '';
  return `${h}/${v}${step}`;
})()"""


@pytest.fixture(scope="module")
def seen(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Visit, str]]:
    """Serve a short deck, and keep one page for it."""
    project = copy_shortened(tmp_path_factory.mktemp("talk") / "project")
    (project / "slides" / "talk.md").write_text(DECK, encoding="utf-8")
    with serve(project) as base, visit(browser) as kept:
        yield kept, f"{base}/talk.md"


@pytest.fixture
def page(seen: tuple[Visit, str]) -> Iterator[Page]:
    """Open the deck anew, and see that nothing goes wrong."""
    kept, url = seen
    kept.begin_anew()
    open_deck(kept, url)
    yield kept.page
    assert kept.complaints == []


def open_deck(seen: Visit, url: str) -> None:
    seen.open_deck(url)
    seen.page.locator(".ink").first.wait_for(state="attached")


def walk(page: Page, key: str) -> list[str]:
    """Press a key from the first slide to the last; return where it led."""
    places = [page.evaluate(PLACE)]
    for _ in range(20):
        page.keyboard.press(key)
        if (place := page.evaluate(PLACE)) == places[-1]:
            break
        places.append(place)
    return places


def route(page: Page) -> str | None:
    """The route in the address; Playwright learns of a new one later than the page."""
    return page.evaluate("new URLSearchParams(location.search).get('route')")


def test_a_press_leads_along_the_route(page: Page) -> None:
    for places, name in [(LECTURE, None), (LONG, "long")]:
        assert route(page) == name
        for key in ("PageDown", "Space", "ArrowRight"):
            assert walk(page, key) == places
            page.keyboard.press("Home")
        for key in ("PageDown", "Home", "r"):  # so fast that reveal.js has yet to write where it is
            page.keyboard.press(key)
    said = page.get_by_role("status").filter(has_text="Route")
    expect(said).to_have_text("Route all: 5 slides, 15 minutes")
    page.wait_for_timeout(1100)  # reveal.js writes the address once a second at most
    page.reload()
    page.locator(".ink").wait_for(state="attached")
    page.locator(".reveal.ready").wait_for()  # a key pressed before that is lost
    assert route(page) == "all"
    assert walk(page, "PageDown") == ALL
    page.keyboard.press("Home")
    # A moment later, reveal.js forgets where in a column the audience was.
    page.evaluate("new Promise((done) => setTimeout(done, 20))")
    assert walk(page, "ArrowRight") == LECTURE


def test_what_lies_below_opens_and_the_route_goes_on(page: Page) -> None:
    keys = ["PageDown", "PageDown", "ArrowDown", "ArrowDown", "PageUp", "ArrowDown", "PageDown"]
    places = []
    for key in keys:
        page.keyboard.press(key)
        places.append(page.evaluate(PLACE))
    assert places == ["1/0", "1/0 first", "1/1", "1/2", "1/0 first", "1/1", "2/0"]


def test_a_route_that_is_not_there_is_told(seen: tuple[Visit, str]) -> None:
    kept, url = seen
    kept.begin_anew()
    open_deck(kept, f"{url}?route=short")
    said = kept.page.get_by_role("status").filter(has_text="route")
    expect(said).to_have_text("There is no route short; there is lecture, long, all.")


def test_the_speaker_view_chooses_the_route_and_counts_it(page: Page) -> None:
    with page.context.expect_page() as opened:
        page.keyboard.press("s")
    speaker = opened.value
    left = speaker.locator(".pacing .minutes-value")
    for name, minutes in [("lecture", 3), ("long", 8), ("all", 15)]:
        page.evaluate("Reveal.slide(2)")
        # Almost so many are left to the end of the last slide.
        expect(left).to_have_text(f":{minutes - 1:02}")
        page.evaluate("Reveal.slide(1, 0, 0)")
        upcoming = {"lecture": "2/0", "long": "1/1", "all": "1/1"}[name]
        speaker.frames[2].wait_for_function(f"{PLACE} === '{upcoming}'")
        speaker.keyboard.press("r")
    page.wait_for_function("location.search.includes('route=lecture')")
    speaker.keyboard.press("t")
    expect(page.get_by_role("timer")).to_have_text(re.compile("5:00|4:5."))


def draw(page: Page, x: float, y: float) -> None:
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 100, y + 50, steps=3)
    page.mouse.up()


def test_what_is_drawn_stays_on_its_slide_and_can_be_taken_back(
    page: Page, seen: tuple[Visit, str]
) -> None:
    strokes = page.locator(".ink path")
    draw(page, 300, 300)
    expect(strokes).to_have_count(0)  # no tool, no stroke
    page.keyboard.press("d")
    draw(page, 640, 360)
    page.keyboard.press("m")
    draw(page, 200, 500)
    expect(page.locator(".ink path.marker")).to_have_count(1)
    page.keyboard.press("z")
    expect(strokes).to_have_count(1)
    assert re.match(r"M0\.5 0\.5Q.*L0\.57\d* 0\.56\d*$", strokes.get_attribute("d") or "")
    page.keyboard.press("Escape")
    assert not page.evaluate("Reveal.isOverview()")
    page.keyboard.press("PageDown")
    expect(strokes).to_have_count(0)
    with page.context.expect_page() as opened:
        page.keyboard.press("s")
    current = opened.value
    page.evaluate("Reveal.slide(0)")
    current.wait_for_function("frames.length === 2")
    mirrored = current.frame_locator("#current-slide iframe").locator(".ink path")
    expect(mirrored).to_have_count(1)
    page.keyboard.press("d")
    page.keyboard.press("c")
    expect(mirrored).to_have_count(0)
    page.keyboard.press("z")
    expect(mirrored).to_have_count(1)
    current.close()
    kept, url = seen
    for query, count in [("?view=print", 0), ("?view=print&ink", 1), ("", 1)]:
        kept.open_deck(url + query)
        kept.page.locator(".ink, .pdf-page").first.wait_for(state="attached")
        expect(strokes).to_have_count(count)
    # On a slide without a drawing, a second time clears all.
    page.keyboard.press("d")
    for key in ("PageDown", "c", "c", "Home"):
        page.keyboard.press(key)
    expect(strokes).to_have_count(0)
    assert "ink" not in "".join(page.evaluate("Object.keys(localStorage)"))


def test_the_slide_alone_is_shown_until_a_tool_or_a_timer_is_asked_for(page: Page) -> None:
    bar, timer = page.get_by_role("toolbar"), page.get_by_role("timer")
    dot = page.locator(".ink-dot")
    for shown in (bar, timer, dot):
        expect(shown).to_be_hidden()
    page.keyboard.press("x")
    page.mouse.move(640, 360)
    expect(dot).to_be_visible()
    page.keyboard.press("x")
    for key in ("t", "b"):
        page.keyboard.press(key)
    expect(timer).to_have_text(re.compile("5:00|4:5."))
    assert page.evaluate("Reveal.isPaused()")
    for key in ("b", "1", "2"):
        page.keyboard.press(key)
    expect(timer).to_have_text(re.compile("12:00|11:5."))
    page.evaluate("Date.now = () => 1e14")
    expect(timer).to_have_class(re.compile("over"))
    page.keyboard.press("t")
    for shown in (bar, timer, dot):
        expect(shown).to_be_hidden()
    page.keyboard.press("Shift+?")
    keys = page.locator(".overlay-help td:first-child").all_inner_texts()
    assert {"D , M , X", "R", "T"} <= set(keys)


def test_a_held_finger_offers_the_tools_and_a_stylus_draws_at_once(page: Page) -> None:
    devtools = page.context.new_cdp_session(page)

    def touch(*places: tuple[int, int], hold: int = 0) -> None:
        kinds = ["touchStart", *["touchMove"] * (len(places) - 1)]
        for kind, (x, y) in zip(kinds, places, strict=True):
            points = [{"x": x, "y": y}]
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_timeout(hold)
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    bar, strokes = page.get_by_role("toolbar"), page.locator(".ink path")
    touch((600, 500), (300, 500))
    assert page.evaluate(PLACE) == "1/0"  # a finger that moves turns the page
    touch((300, 600), hold=800)
    expect(bar).to_be_visible()
    touch((600, 500), (500, 510), (300, 520))
    expect(strokes).to_have_count(1)
    assert page.evaluate(PLACE) == "1/0"
    for name in ("Undo", "Done"):
        bar.get_by_role("button", name=name).click()
    expect(strokes).to_have_count(0)
    expect(bar).to_be_hidden()
    for kind, x in [("mousePressed", 300), ("mouseMoved", 350), ("mouseReleased", 400)]:
        devtools.send(
            "Input.dispatchMouseEvent",
            {"type": kind, "x": x, "y": 500, "button": "left", "pointerType": "pen"}
            | {"clickCount": 1, "buttons": int(kind != "mouseReleased")},
        )
    expect(strokes).to_have_count(1)
    touch((600, 500), (300, 500))  # beside a stylus, a finger still turns the page
    assert page.evaluate(PLACE) == "1/0 first"
    expect(strokes).to_have_count(1)
