"""What a deck can draw, each drawing as full as it may be, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from barriers import check_tab_stops, find_barriers, slides_with_tab_stops
from conftest import INSPECT, copy_project
from course.serving import serve
from draw.look import FILLS, INK, ink_on
from draw.svg import document
from watching import Visit, origin, visit

SLIDES = """\
---
title: Drawings
theme: evo
highlightTheme: zenburn
separator: <!--s-->
verticalSeparator: <!--v-->
revealOptions: { width: '100%', height: '100%', slideNumber: true }
---

ResNet <!-- .element: class="kicker" -->

### Layer by layer

{{ static/facts.json: full.cifar10 | layers }}

<!--s-->

### Block after block

{{ static/img/blocks.svg | figure steps }}

Blocks, and a [link](code/lenet.py).

<!--v-->

### All blocks

{{ static/img/blocks.svg | figure }}

<!--s-->

### All of them side by side

{{ static/results: test_accuracy | compare macs }}

<!--v-->

### All of them side by side

{{ static/results: test_accuracy | compare seconds }}

<!--s-->

### Plain against residual

{{ static/results/net5.json: ., variants.plain20, variants.plain56 | curves train_loss }}

<!--s-->

### Words alone
"""

BLOCKS = 8


def drawing() -> str:
    """Return a drawing of blocks in a row, the last with light words on a dark ground."""
    root = document("blocks", "Blocks", "Eight blocks in a row.")
    for k in range(BLOCKS):
        group, fill = root.step(k + 1), FILLS["fc" if k == BLOCKS - 1 else "conv 3"]
        group.path("none", f"M{k * 215} 180h60", stroke=INK)
        block = group.telling(f"block {k}: 64 x 56 x 56, 36,928 parameters")
        block.rectangle(k * 215 + 60, 80, 150, 200, fill)
        block.write(k * 215 + 135, 190, f"block {k}", fill=ink_on(fill))
    return root.finish(400)


def facts() -> dict[str, object]:
    """Return a network with as many stages as a slide takes, and with long names and numbers."""
    stages = [
        {
            "name": f"conv{n}_x",
            "kind": "3 x InceptionBlock",
            "output": [1024, 112, 112],
            "parameters": 10**n // 1000,
            "macs": 10**n // 10,
        }
        for n in range(12)
    ]
    total = {key: sum(stage[key] for stage in stages) for key in ("parameters", "macs")}
    net = {"name": "ResNet-20", "input": [3, 224, 224], "stages": stages, **total}
    return {"full": {"cifar10": net | {"auxiliary_parameters": 3_326_696}}}


def records() -> list[dict[str, object]]:
    """Return the records of six networks, some close to others, the last with variants."""
    history = [
        {
            "epoch": epoch,
            "train_loss": 2 / epoch,
            "validation_loss": 2.2 / epoch,
            "validation_accuracy": 0.9 - 0.6 / epoch,
        }
        for epoch in range(1, 31)
    ]

    def record(name: str, variant: str, n: int) -> dict[str, object]:
        accuracy = {"mean": 0.7 + 0.2 * n / 5, "std": 0.02 * (n % 3), "n": n % 3 + 1}
        return {
            "network": name,
            "variant": variant,
            "dataset": "cifar10-jpeg75",
            "parameters": 62_006 * 10**n,
            "macs": int(651_720 * 2.3**n),
            "recipe": {"epochs": 30},
            "runs": [
                {
                    "seconds": 150.5 * 2**n,
                    "device": "CPU, 2 threads",
                    "precision": "float32",
                    "history": history,
                }
            ],
            "test_accuracy": accuracy,
        }

    nets = [record(f"net{n}", "default", n) for n in range(6)]
    nets[4]["macs"] = nets[5]["macs"]
    nets[4]["test_accuracy"] = nets[5]["test_accuracy"]
    nets[5]["variants"] = {v: record("net5", v, 2) for v in ("plain20", "plain56")}
    return nets


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a deck with every kind of drawing; return the address of its page."""
    project = copy_project(tmp_path_factory.mktemp("drawings"))
    (project / "slides" / "architectures.md").write_text(SLIDES, encoding="utf-8")
    (project / "static" / "facts.json").write_text(json.dumps(facts()))
    (project / "static" / "img" / "blocks.svg").write_text(drawing())
    for old in (project / "static" / "results").glob("*.json"):
        old.unlink()
    for record in records():
        path = project / "static" / "results" / f"{record['network']}.json"
        path.write_text(json.dumps(record))
    with serve(project) as base:
        yield f"{base}/architectures.md"


@pytest.fixture(scope="module")
def seen(browser: Browser) -> Iterator[Visit]:
    """The page of all tests here: each begins it anew, and has its files already."""
    with visit(browser) as seen:
        yield seen


def test_every_drawing_fits_can_be_read_and_has_no_serious_barrier(seen: Visit, url: str) -> None:
    seen.begin_anew()
    seen.open_deck(url)
    assert seen.page.locator("section.mistake").count() == 0
    for width, height, smallest in [(1920, 1080, 26), (1024, 768, 13)]:
        seen.page.set_viewport_size({"width": width, "height": height})
        wrong = seen.page.evaluate(INSPECT, {"smallest": smallest})
        assert wrong == [], f"at {width}x{height}"
    for h, v in slides_with_tab_stops(seen):
        seen.page.evaluate("([h, v]) => Reveal.slide(h, v, 99)", [h, v])
        check_tab_stops(seen)
    seen.begin_anew(390, 844)
    seen.open_deck(url)
    assert seen.page.evaluate(INSPECT, {"smallest": 10}) == []
    assert find_barriers(seen) == []
    seen.begin_anew()
    seen.open_deck(f"{url}?view=print")
    seen.page.wait_for_function("document.querySelectorAll('.pdf-page').length === 7")
    assert seen.page.evaluate(INSPECT, {"smallest": 13}) == []
    assert not seen.page.locator("figcaption").first.is_visible()
    seen.check(origin(url))


@pytest.fixture
def whole(seen: Visit, url: str) -> Visit:
    """Open the slide with the whole drawing."""
    seen.begin_anew()
    seen.open_deck(f"{url}#/1/1")
    return seen


def place(seen: Visit) -> list[int]:
    """Return where the deck is: horizontal slide, vertical slide, step."""
    return seen.page.evaluate("(({ h, v, f }) => [h, v, f])(Reveal.getIndices())")


def caption(seen: Visit) -> str:
    """Return what stands below the drawing of the slide that is shown."""
    return seen.page.locator("section.present section.present figcaption").inner_text()


def focused(seen: Visit) -> str | None:
    """Return what has the focus, by its name."""
    return seen.page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_pointing_at_an_operation_tells_what_it_is(whole: Visit) -> None:
    assert "Point at an operation" in caption(whole)
    whole.page.get_by_label("block 3:").nth(1).hover()
    assert caption(whole) == "block 3: 64 x 56 x 56, 36,928 parameters"
    whole.page.get_by_label("block 3:").nth(1).click()
    whole.page.mouse.move(5, 5)
    assert "Point at an operation" in caption(whole)
    whole.page.keyboard.press("ArrowRight")
    assert place(whole)[0] == 2


def test_the_arrow_keys_go_from_operation_to_operation_only_inside_of_a_drawing(
    whole: Visit,
) -> None:
    whole.page.keyboard.press("Tab")
    assert focused(whole) == caption(whole) == "block 0: 64 x 56 x 56, 36,928 parameters"
    for key, block in [
        ("ArrowRight", 1),
        ("ArrowDown", 2),
        ("ArrowLeft", 1),
        ("End", BLOCKS - 1),
        ("ArrowRight", BLOCKS - 1),
        ("Home", 0),
        ("ArrowUp", 0),
        ("ArrowRight", 1),
    ]:
        whole.page.keyboard.press(key)
        assert (focused(whole) or "").startswith(f"block {block}:")
        assert caption(whole).startswith(f"block {block}:")
        assert place(whole)[:2] == [1, 1]
    whole.page.keyboard.press("Escape")
    assert focused(whole) is None
    assert not whole.page.evaluate("Reveal.isOverview()")
    whole.page.keyboard.press("ArrowUp")
    assert place(whole)[:2] == [1, 0]


def test_a_lecturers_keys_go_on_from_inside_of_a_drawing(whole: Visit) -> None:
    for key, to in [("PageDown", [2, 0]), ("PageUp", [1, 0]), (" ", [2, 0])]:
        whole.page.evaluate("Reveal.slide(1, 1)")
        whole.page.locator("section.present section.present .op").first.focus()
        assert place(whole)[:2] == [1, 1], key
        assert focused(whole) is not None, key
        whole.page.keyboard.press(key)
        assert place(whole)[:2] == to, key
        assert focused(whole) is None, key


def test_a_step_shows_the_next_block_and_tab_stops_at_none_to_come(seen: Visit, url: str) -> None:
    seen.begin_anew()
    seen.open_deck(f"{url}#/1/0")
    blocks = seen.page.locator("section.present section.present .op")
    for step in range(BLOCKS):
        assert [block.is_visible() for block in blocks.all()] == [n < step for n in range(BLOCKS)]
        seen.page.keyboard.press("Space")
    assert place(seen) == [1, 0, BLOCKS - 1]
    seen.page.keyboard.press("ArrowUp")  # back, block after block
    seen.page.evaluate("Reveal.slide(1, 0, 1)")
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("End")
    assert (focused(seen) or "").startswith("block 1:")


def test_a_tap_tells_what_an_operation_is(browser: Browser, url: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    figure = page.locator("figure").last
    assert "Tap an operation" in figure.locator("figcaption").inner_text()
    figure.locator(".op").nth(2).tap()
    assert figure.locator("figcaption").inner_text().startswith("block 2:")
    context.close()
