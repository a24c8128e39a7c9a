"""A network learns on a slide, in a real browser: from drawn shapes, and from the room."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxruntime import InferenceSession
from playwright.sync_api import Browser, Locator, Page, Route, expect

from barriers import find_barriers
from conftest import ROOT
from lab.onnx import export
from lab.record import percent
from watching import Visit, origin, visit

LESSONS = ROOT / "static" / "learn"
LEARN = "section.present:not(.stack) .learn"
NETWORKS = ["lenet", pytest.param("resnet", marks=pytest.mark.needs("resnet"))]
GO = """network => {
  const learn = document.querySelector(`.slides [data-network="learn-${network}"]`);
  const { h, v } = Reveal.getIndices(learn.closest('section'));
  Reveal.slide(h, v);
}"""
# A webcam that shows what the test says: a color with noise.
WEBCAM = """
const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 64 });
const context = canvas.getContext('2d');
window.color = 'red';
setInterval(() => {
  context.fillStyle = window.color;
  context.fillRect(0, 0, 64, 64);
  context.fillStyle = 'white';
  context.fillRect(60 * Math.random(), 60 * Math.random(), 9, 9);
}, 30);
navigator.mediaDevices.getUserMedia = async () => canvas.captureStream();
"""
# What leaves the slide.
OUTSIDE = """root => {
  const { right, bottom } = root.getBoundingClientRect();
  const leaves = (box) => box.right > right + 1 || box.bottom > bottom + 1;
  return [...root.querySelectorAll('button, p, label, figcaption, canvas, input, span')]
    .filter((each) => each.checkVisibility() && !each.closest('aside'))
    .filter((each) => leaves(each.getBoundingClientRect()))
    .map((each) => each.outerHTML);
}"""
SOON = 120_000  # ms, on a busy machine; a quiet one needs a few seconds


def few(route: Route) -> None:
    """Let the page train on few images in small batches: in less time, it learns a part."""
    file = LESSONS / route.request.url.rpartition("/")[2]
    lesson = json.loads(file.read_text(encoding="utf-8"))
    lesson["training"]["count"] = 1000
    lesson["settings"]["shapes"]["batch"] = 16
    route.fulfill(json=lesson)


@pytest.fixture(scope="module")
def opened(browser: Browser, deck_url: str) -> Iterator[Visit]:
    """Open the deck once."""
    with visit(browser) as opened:
        opened.page.route("**/static/learn/*.json", few)
        opened.page.add_init_script(WEBCAM)
        opened.open_deck(deck_url)
        assert not [url for url in opened.requested if url.endswith((".onnx", "worker.js"))]
        yield opened
        opened.check(origin(deck_url))


def go(opened: Visit, network: str) -> tuple[Page, Locator]:
    """Go to the slide on which a network learns; return the page and what is on the slide."""
    opened.page.evaluate(GO, network)
    root = opened.page.locator(LEARN)
    expect(root.get_by_role("button", name="Start")).to_be_visible()
    return opened.page, root


def press(root: Locator, name: str) -> None:
    root.get_by_role("button", name=name, exact=True).click()


def wait_until_right(page: Page, share: int) -> None:
    """Wait until the slide says that it gets so many of a hundred right."""
    said = f"document.querySelector('{LEARN} .live-verdict strong')?.textContent"
    page.wait_for_function(f"parseInt({said}) >= {share}", timeout=SOON)


def keep(page: Page, root: Locator, file: Path) -> dict[str, Any]:
    """Keep the network as a file; return what the file says of itself, and check that it runs."""
    with page.expect_download() as kept:
        press(root, "Keep it")
    kept.value.save_as(file)
    session = InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"images": np.zeros((1, 3, 32, 32), np.float32)})
    assert logits.shape == (1, 10)
    return export.parse(file.read_bytes())


@pytest.mark.parametrize("network", NETWORKS)
def test_the_slide_fits_can_be_read_and_has_no_serious_barrier(opened: Visit, network: str) -> None:
    page, root = go(opened, network)
    for panel in ("Watch it learn", "Teach it yourself"):
        press(root, panel)
        assert find_barriers(opened) == []
        for width, height in [(1920, 1080), (1024, 768)]:
            page.set_viewport_size({"width": width, "height": height})
            assert root.evaluate(OUTSIDE) == [], f"{panel} at {width}x{height}"
    press(root, "Watch it learn")


def test_the_room_watches_it_learn_and_keeps_what_it_has_learned(
    opened: Visit, tmp_path: Path
) -> None:
    page, root = go(opened, "lenet")
    assert not [url for url in opened.requested if url.endswith((".onnx", ".wasm"))]
    with page.context.expect_page() as new:
        page.keyboard.press("s")
    speaker = new.value
    speaker.wait_for_function("document.querySelectorAll('iframe').length === 2")
    page.bring_to_front()
    press(root, "Start")
    wait_until_right(page, 25)  # a network that learns nothing stays at 10
    press(root, "Pause")
    expect(root.get_by_role("button", name="Start")).to_be_visible()
    steps = root.locator(".live-time").inner_text()
    press(root, "Step")
    expect(root.locator(".live-time")).not_to_have_text(steps)
    expect(root.get_by_role("button", name="Start")).to_be_visible()
    expect(root.locator("aside [role=status]")).to_contain_text("new shapes right")
    assert len(root.locator(".learn-pictures figcaption").all_inner_texts()) == 10
    assert "…" not in root.locator(".learn-pictures").inner_text()
    mirror = speaker.frame_locator("iframe").first.locator(LEARN)
    expect(mirror.locator(".live-verdict")).to_have_text(
        root.locator(".live-verdict").text_content() or ""
    )
    speaker.close()

    assert keep(page, root, tmp_path / "kept.onnx")["parameters"] == 62_006

    press(root, "Again")
    expect(root.locator(".live-verdict")).to_have_text("Press Start")
    rate = root.get_by_role("slider", name="Learning rate")
    rate.fill("0.5")
    press(root, "Start")
    expect(root.locator(".live-verdict")).to_contain_text("Diverged", timeout=SOON)
    expect(root.locator(".before")).to_have_count(2)
    page.keyboard.press("PageDown")
    expect(page.locator(LEARN)).to_have_count(0)


@pytest.mark.needs("resnet")
def test_a_network_with_batch_norm_learns_too_and_is_kept(opened: Visit, tmp_path: Path) -> None:
    page, root = go(opened, "resnet")
    press(root, "Start")
    wait_until_right(page, 1)
    press(root, "Pause")
    expect(root.get_by_role("button", name="Start")).to_be_visible()
    expect(root.get_by_role("img", name="of the first layer")).to_have_count(8)
    known = keep(page, root, tmp_path / "kept.onnx")
    assert (known["title"], known["parameters"]) == ("ResNet-10", 78_002)
    assert known["class_activation"]


def test_the_room_teaches_two_classes_with_the_webcam(opened: Visit) -> None:
    page, root = go(opened, "lenet")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.post_data}"))
    press(root, "Teach it yourself")
    expect(root.locator(".live-about")).to_contain_text("nothing is sent anywhere")
    press(root, "Start")
    expect(root.locator(".live-trouble")).to_have_text(
        "thumb up has 0 pictures, and needs 5 or more"
    )
    name = root.get_by_role("textbox", name="Name of class 2")
    name.fill("blue")
    name.press("Tab")
    for color, film in (("red", "Film thumb up"), ("blue", "Film blue")):
        page.evaluate("(color) => { window.color = color; }", color)
        page.wait_for_timeout(200)
        press(root, film)
        expect(root.locator("li", has=page.get_by_role("button", name=film))).to_contain_text(
            "20 of 20", timeout=SOON
        )
    press(root, "Start")
    wait_until_right(page, 90)
    for color, answer in (("red", "thumb up"), ("blue", "blue")):
        page.evaluate("(color) => { window.color = color; }", color)
        expect(root.locator(".live-top .live-class")).to_have_text(answer, timeout=SOON)
    assert set(sent) <= {"GET None"}  # nothing but files that it fetched


def test_without_a_script_the_recorded_run_is_shown(browser: Browser, deck_url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{origin(deck_url)}live.html")
    for path in LESSONS.glob("*.json"):
        root = page.locator(f"[data-network=learn-{path.stem}]")
        lesson = json.loads(path.read_text(encoding="utf-8"))
        right = f"{percent(lesson['record']['history'][-1]['accuracy'])}\u00a0% right"
        expect(root.locator(".live-verdict")).to_have_text(right)
        assert root.locator("path.now").count() == 2
        assert root.locator("image").count() == 10 + lesson["parameters"][0]["shape"][0]
    context.close()
