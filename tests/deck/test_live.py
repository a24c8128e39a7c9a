"""Live slides in a real browser: pictures, networks, keys, and everything that may go wrong."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image, ImageDraw, ImageOps
from playwright.sync_api import Browser, Page, Route, expect

import tiny_models
from barriers import AXE
from conftest import DECK, INSPECT, ROOT, copy_shortened, plain_server, run_node
from course.serving import PATIENCE, free_port, serve, start, stop
from course.serving import answers as answers_on
from tiny_models import CLASSES
from watching import Visit, origin, visit

PUBLISHING = ROOT / "docs" / "publishing.md"

SLIDES = """\
---
title: Live
theme: evo
highlightTheme: zenburn
separator: <!--s-->
verticalSeparator: <!--v-->
---

## Before

<!--s-->

Tiny <!-- .element: class="kicker" -->

### Try it

{{ static/models/tiny.onnx | live }}

<!--v-->

Both <!-- .element: class="kicker" -->

### Side by side, live

{{ static/models | live }}

<!--s-->

## After
"""


def twin(picture: Image.Image) -> np.ndarray:
    """Return the 32x32 pixels that a network sees, made by Pillow."""
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture.convert("RGBA"))
    width, height = ground.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = ground.convert("RGB").crop((left, top, left + side, top + side))
    return np.asarray(square.resize((32, 32), Image.Resampling.BILINEAR))


def answers(model: Path, pixels: np.ndarray, **changes: Any) -> np.ndarray:
    """Return the probabilities that onnxruntime has for pixels."""
    about = tiny_models.describe() | changes
    images = ((pixels / 255 - about["mean"]) / about["std"]).transpose(2, 0, 1)[None]
    session = onnxruntime.InferenceSession(str(model))
    (logits,) = session.run(["logits"], {"images": images.astype(np.float32)})
    powers = np.exp(logits[0] - logits[0].max())
    return powers / powers.sum()


def draw(name: str) -> Image.Image:
    """Return a picture that stands for a class: transparent, and no other's."""
    place = CLASSES.index(name)
    picture = Image.new("RGBA", (96, 80), (0, 0, 0, 0))
    color = (25 * place, 255 - 20 * place, 90, 255)
    ImageDraw.Draw(picture).ellipse((5, 5 + 3 * place, 90, 75 - 2 * place), fill=color)
    return picture


@pytest.fixture(scope="module")
def live_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with two tiny networks, ten samples and a deck for them."""
    project = copy_shortened(tmp_path_factory.mktemp("live") / "project")
    for folder in ("models", "samples"):
        shutil.rmtree(project / "static" / folder, ignore_errors=True)
    samples = project / "static" / "samples"
    samples.mkdir()
    (samples / "LICENSE.txt").write_text("Drawn for a test.\n")
    (samples / "test").mkdir()  # what `make samples` puts there
    draw("ship").save(samples / "test" / "ship.png")
    for name in CLASSES:
        draw(name).save(samples / f"{name}.png")
    for seed, (name, title) in enumerate([("tiny", "Tiny"), ("small", "Small")]):
        about = tiny_models.describe(network=name, title=title)
        file = tiny_models.write(project / "static" / "models" / f"{name}.onnx", about, seed)
        about["samples"] = [
            {"file": f"{one}.png", "probabilities": answers(file, twin(draw(one))).tolist()}
            for one in CLASSES
        ]
        tiny_models.write(file, about, seed)
    (project / "slides" / "demo.md").write_text(SLIDES, encoding="utf-8")
    return project


@pytest.fixture(scope="module")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """Run a browser that has a webcam, of a green picture that moves."""
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with launch(*fake) as launched:
        yield launched


@pytest.fixture(scope="module")
def live_url(live_project: Path) -> Iterator[str]:
    """Serve the project with the tiny networks; return the address of its deck."""
    with serve(live_project) as base:
        yield f"{base}/demo.md"


@pytest.fixture(scope="module")
def opened(browser: Browser, live_url: str) -> Iterator[Visit]:
    """Open the deck once for all tests that leave it as it was."""
    with visit(browser) as seen:
        seen.open_deck(live_url)
        # Nothing is loaded before a live slide is shown.
        loaded = {url.rsplit("/", 1)[1] for url in seen.requested}
        assert "start.js" in loaded
        later = {"widget.js", "worker.js", "ort.wasm.bundle.min.js", "tiny.onnx"}
        assert not later & loaded
        yield seen


@pytest.fixture
def page(opened: Visit) -> Page:
    """Return the deck's page at the slide with one network, and its first sample answered."""
    opened.complaints.clear()
    opened.page.evaluate("document.activeElement.blur(); Reveal.slide(1, 0)")
    # What the last test may have left on.
    opened.page.locator(".present .present .live").evaluate(
        "root => root.querySelector('.live-looks[aria-pressed=true]')?.click()"
    )
    opened.page.locator(".present .present [data-panel=pictures]").click()
    choose_sample(opened.page, "cat")
    return opened.page


def widget(page: Page) -> Any:
    """Return the live slide that is shown."""
    return page.locator("section.present:not(.stack) .live")


def settle(page: Page) -> None:
    """Wait until the shown slide has answered the last question."""
    expect(widget(page).locator(".live-say")).to_have_attribute("aria-busy", "false")


def choose_sample(page: Page, name: str, folder: str = "") -> None:
    """Choose a sample and wait for the answer to it."""
    widget(page).locator(f'[data-sample="{folder}{name}"]').click()
    expect(widget(page).locator(".live-what")).to_contain_text(f": {name},")
    settle(page)


def upload(page: Page, name: str, data: bytes) -> None:
    """Choose a file of a name and content, a network by its name."""
    kind = ".onnx" if name.endswith(".onnx") else "image/*"
    chooser = widget(page).locator(f'input[type=file][accept="{kind}"]')
    chooser.set_input_files({"name": name, "mimeType": "", "buffer": data})


def shown_pixels(page: Page) -> np.ndarray:
    """Return the 32x32 pixels on the slide."""
    flat = (
        widget(page)
        .locator(".live-pixels")
        .evaluate("c => [...c.getContext('2d').getImageData(0, 0, 32, 32).data]")
    )
    return np.array(flat, np.uint8).reshape(32, 32, 4)[..., :3]


def shown_shares(page: Page) -> dict[str, float]:
    """Return the probability of each class as it stands beside its bar."""
    rows = widget(page).locator(".live-bars li").all_inner_texts()
    split = [row.split("\n") for row in rows]
    return {name: float(share.removesuffix("\u00a0%")) / 100 for name, share in split}


def encode(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """Return a picture as the bytes of a file."""
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Return a picture of random pixels."""
    channels = len(mode)
    values = np.random.default_rng(3).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(values, mode)


def test_every_sample_gets_the_answer_that_was_recorded(page: Page, live_project: Path) -> None:
    about = onnx_metadata(live_project / "static/models/tiny.onnx")
    for sample in about["samples"]:
        name = Path(sample["file"]).stem
        choose_sample(page, name)
        shares = shown_shares(page)
        assert list(shares) == CLASSES
        assert list(shares.values()) == pytest.approx(sample["probabilities"], abs=0.02)
        best = CLASSES[int(np.argmax(sample["probabilities"]))]
        expect(widget(page).locator(".live-verdict strong")).to_have_text(best)
        expect(widget(page).locator(".live-top .live-class")).to_have_text(best)
    assert widget(page).locator(".live-time").inner_text().endswith("ms")
    assert page.locator(".live-qr").count() == 0  # without an address no code is drawn
    said = widget(page).locator(".live-about").inner_text()
    assert said == (
        "Tiny: 498 parameters, trained on shapes, 25.0\u00a0% right on its test images."
    )


def onnx_metadata(file: Path) -> dict[str, Any]:
    """Return what a network's file says of itself."""
    session = onnxruntime.InferenceSession(str(file))
    return json.loads(session.get_modelmeta().custom_metadata_map["lecture"])


COMPARE = """async ([base, name, samples]) => {
  const engine = await import(`${base}_assets/static/js/live/engine.js`);
  const url = `${base}_assets/static/models/${name}.onnx`;
  const answers = [];
  for (const file of samples) {
    const blob = await (await fetch(`${base}_assets/static/samples/${file}`)).blob();
    const pixels = await engine.picture(blob);
    answers.push((await engine.classify({ key: url, url }, pixels)).probabilities);
  }
  return answers;
}"""


def test_every_network_of_the_lecture_answers_as_in_python(browser: Browser, deck_url: str) -> None:
    files = sorted((ROOT / "static" / "models").glob("*.onnx"))
    assert files or "| live }}" not in DECK.read_text(encoding="utf-8")
    with visit(browser) as seen:
        seen.page.goto(origin(deck_url))
        for file in files:
            about = onnx_metadata(file)
            assert about["network"] == file.stem
            samples = about["samples"]
            names = [sample["file"] for sample in samples]
            told = seen.page.evaluate(COMPARE, [origin(deck_url), file.stem, names])
            for sample, probabilities in zip(samples, told, strict=True):
                wanted = sample["probabilities"]
                assert np.argmax(wanted) == np.argmax(probabilities), (file.stem, sample["file"])
                assert probabilities == pytest.approx(wanted, abs=0.02), (file.stem, sample["file"])


UPRIGHT = Image.Exif()  # a camera held upright
UPRIGHT[0x0112] = 6


@pytest.mark.parametrize(
    ("name", "picture", "options", "tolerance"),
    [
        ("a.png", noise(200, 120), {}, 0),
        ("a.webp", noise(64, 64), {"lossless": True}, 0),
        ("a.jpg", noise(90, 60), {"quality": 95}, 2),
        ("one.png", noise(1, 1), {}, 0),
        ("thin.png", noise(1, 300), {}, 0),
        ("transparent.png", noise(50, 50, "RGBA"), {}, 3),
        ("photo.jpg", noise(60, 40).resize((6000, 4000)), {"quality": 80}, 2),
        ("turned.png", noise(40, 60), {"exif": UPRIGHT}, 0),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_picture_of_every_kind_is_seen_as_pillow_sees_it(
    page: Page, name: str, picture: Image.Image, options: dict[str, Any], tolerance: int
) -> None:
    kind = {"jpg": "JPEG"}.get(name.split(".")[1], name.split(".")[1].upper())
    data = encode(picture, kind, **options)
    upload(page, name, data)
    expect(widget(page).locator(".live-what")).to_contain_text("Your picture")
    settle(page)
    wanted = twin(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.abs(shown_pixels(page).astype(int) - wanted).max() <= tolerance
    assert sum(shown_shares(page).values()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("corrupt.png", encode(noise(64, 64), "PNG")[:60]),
        ("essay.png", b"an essay, renamed\n"),
        ("nothing.jpg", b""),
    ],
)
def test_what_is_no_picture_is_told_in_a_line_and_the_last_one_stays(
    page: Page, name: str, data: bytes
) -> None:
    before = shown_shares(page)
    upload(page, name, data)
    trouble = widget(page).locator(".live-trouble")
    expect(trouble).to_have_text(f"{name}: this browser cannot read it as a picture")
    assert shown_shares(page) == before
    choose_sample(page, "dog")
    expect(trouble).to_be_hidden()


GIVE = """([kind, name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  const options = { bubbles: true, cancelable: true };
  const event = kind === 'paste'
    ? new ClipboardEvent('paste', { clipboardData: data, ...options })
    : new DragEvent('drop', { dataTransfer: data, ...options });
  document.body.dispatchEvent(event);
  return event.defaultPrevented;
}"""


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_picture_can_be_given_while_the_slide_is_shown_and_only_then(
    page: Page, kind: str
) -> None:
    picture = noise(32, 32)
    data = [kind, "given.png", list(encode(picture, "PNG"))]
    assert page.evaluate(GIVE, data)
    expect(widget(page).locator(".live-what")).to_contain_text("Your picture")
    settle(page)
    assert np.array_equal(shown_pixels(page), np.asarray(picture))
    choose_sample(page, "cat")
    page.evaluate("Reveal.slide(0)")
    assert not page.evaluate(GIVE, data)
    page.evaluate("Reveal.slide(1, 0)")
    settle(page)
    assert "Drawing: cat, unlike the training" in widget(page).locator(".live-what").inner_text()


def test_the_webcam_runs_until_its_slide_is_left(page: Page) -> None:
    page.evaluate(
        """() => {
          const media = navigator.mediaDevices;
          const ask = Object.getPrototypeOf(media).getUserMedia.bind(media);
          window.tracks = [];
          media.getUserMedia = async (wanted) => {
            const stream = await ask(wanted);
            window.tracks.push(...stream.getTracks());
            return stream;
          };
        }"""
    )
    states = "tracks.map((track) => track.readyState)"
    webcam = widget(page).locator(".live-row button", has_text="Webcam")
    webcam.click()
    expect(widget(page).locator(".live-what")).to_contain_text("The webcam")
    assert page.evaluate(states) == ["live"]
    first = shown_pixels(page).tolist()
    page.wait_for_function(
        """(first) => {
          const canvas = document.querySelector('.present .present .live-pixels');
          const { data } = canvas.getContext('2d').getImageData(0, 0, 32, 32);
          const differs = (pixel, n) => pixel.some((value, c) => value !== data[4 * n + c]);
          return first.flat().some(differs);
        }""",
        arg=first,
    )
    page.evaluate("Reveal.slide(0)")
    assert page.evaluate(states) == ["ended"]
    page.evaluate("Reveal.slide(1, 0)")
    settle(page)
    expect(webcam).to_have_text("Webcam")  # off, and with the last frame
    expect(widget(page).locator(".live-what")).to_contain_text("The webcam")
    webcam.click()
    page.wait_for_function("tracks.length === 2 && tracks[1].readyState === 'live'")
    widget(page).get_by_role("button", name="Stop").click()
    assert page.evaluate(states) == ["ended", "ended"]


def test_spoiling_a_picture_changes_the_answer_at_once_and_can_be_undone(page: Page) -> None:
    before, shares = shown_pixels(page), shown_shares(page)
    widget(page).locator("[data-panel=wrong]").click()
    for name, value in (("rotation", "90"), ("noise", "30"), ("cover", "12")):
        widget(page).locator(f"input[name={name}]").fill(value)
    settle(page)
    spoilt = shown_pixels(page)
    assert (spoilt[10:22, 10:22] == 128).all()
    assert shown_shares(page) != shares
    # The picture is covered where it is pressed.
    box = widget(page).locator(".live-picture").bounding_box()
    assert box
    page.mouse.click(box["x"] + 2, box["y"] + 2)
    settle(page)
    assert (shown_pixels(page)[:6, :6] == 128).all()
    widget(page).locator("[data-panel=pictures]").click()
    told = widget(page).locator(".live-spoilt p")
    expect(told).to_have_text("Wrong on purpose: rotation 90°, noise 30%, covered 12 px")
    widget(page).get_by_role("button", name="As it was").click()
    settle(page)
    expect(told).to_be_hidden()
    assert np.array_equal(shown_pixels(page), before)
    assert shown_shares(page) == shares


def test_arrow_keys_move_what_is_covered_and_turn_no_slide(page: Page) -> None:
    widget(page).locator("[data-panel=wrong]").click()
    view = widget(page).get_by_role("application")
    expect(view).to_have_attribute("aria-label", "Covered: nothing yet. Arrow keys move it")
    view.focus()
    page.keyboard.press("ArrowLeft")  # the first key covers the middle
    settle(page)
    assert (shown_pixels(page)[11:21, 11:21] == 128).all()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    settle(page)
    assert (shown_pixels(page)[9:19, 7:17] == 128).all()
    assert not (shown_pixels(page)[9:19, 17:19] == 128).all()
    words = "Covered: the middle is at column 12, row 14. Arrow keys move it"
    expect(view).to_have_attribute("aria-label", words)
    place = "Object.values(Reveal.getIndices()).slice(0, 2)"
    assert page.evaluate(place) == [1, 0]
    page.keyboard.press("PageDown")
    assert page.evaluate(place) == [1, 1]
    page.evaluate("Reveal.slide(1, 0)")
    widget(page).get_by_role("button", name="As it was").click()
    widget(page).locator("[data-panel=pictures]").click()
    expect(view).to_have_count(0)  # the deck's keys are the deck's again


def test_samples_of_each_kind_are_offered_apart(page: Page) -> None:
    assert widget(page).locator("[data-sample]:visible").count() == 10
    widget(page).get_by_role("button", name="Test images").click()
    choose_sample(page, "ship", "test/")
    expect(widget(page).locator(".live-what")).to_contain_text("Test image: ship, 32")
    assert widget(page).locator("[data-sample]:visible").count() == 1
    widget(page).get_by_role("button", name="Drawings").click()


def test_inside_shows_every_stage_a_map_its_kernel_and_where_the_network_looks(
    page: Page, live_project: Path
) -> None:
    widget(page).locator("[data-panel=inside]").click()
    model = live_project / "static/models/tiny.onnx"
    pixels = ((twin(draw("cat")) / 255 - 0.5) / 0.25).transpose(2, 0, 1)[None].astype(np.float32)
    session = onnxruntime.InferenceSession(str(model))
    for number, stage in enumerate(tiny_models.describe()["stages"]):
        widget(page).locator(".live-step").nth(number).click()
        (maps,) = session.run([stage["name"]], {"images": pixels})
        caption = widget(page).locator(".live-stage")
        size = " \u00d7 ".join(map(str, stage["output"]))
        expect(caption).to_have_text(
            f"{stage['name']} {stage['kind']} · {size} · from 0 to {maps.max():.2f}"
        )
        count = stage["output"][0]
        strongest = int(maps[0].mean(axis=(1, 2)).argmax())
        label = widget(page).locator(".live-map").first
        expect(label).to_have_text(
            f"{strongest + 1} of {count}: {maps[0, strongest].min():.2f}".replace("0.00", "0")
            + f" to {maps[0, strongest].max():.2f}"
        )
        assert widget(page).locator(".live-kernel").is_visible() == stage["kernel"]
    widget(page).get_by_role("button", name="The next map").click()
    expect(label).to_contain_text(f"{(strongest + 1) % count + 1} of {count}")
    # A map that is pressed is shown large: the first begins at the corner.
    widget(page).locator(".live-maps").click(position={"x": 4, "y": 4})
    expect(label).to_contain_text(f"1 of {count}")
    veil = widget(page).locator(".live-veil")
    assert not veil.is_visible()
    widget(page).get_by_role("button", name="Where it looks").click()
    expect(veil).to_be_visible()
    widget(page).locator("[data-panel=pictures]").click()
    expect(veil).to_be_hidden()


def test_networks_stand_side_by_side_and_are_right_or_wrong(page: Page, live_project: Path) -> None:
    page.evaluate("Reveal.slide(1, 1)")
    models = [live_project / f"static/models/{name}.onnx" for name in ("small", "tiny")]
    recorded = [onnx_metadata(model)["samples"] for model in models]
    for n, name in enumerate(CLASSES):
        choose_sample(page, name)
        best = [int(np.argmax(samples[n]["probabilities"])) for samples in recorded]
        rows = widget(page).locator("tbody tr")
        said = [row.locator("td").first.inner_text() for row in rows.all()]
        judged = ["right" if k == n else "wrong" for k in best]
        assert [answer.split() for answer in said] == [
            [CLASSES[k], word] for k, word in zip(best, judged, strict=True)
        ]
        verdict = widget(page).locator(".live-verdict").inner_text()
        counts = ["None of 2 is right", "1 of 2 is right", "All 2 are right"]
        assert verdict == counts[judged.count("right")]
    upload(page, "mine.png", encode(noise(40, 40), "PNG"))  # whose class nobody knows
    expect(widget(page).locator(".live-what")).to_contain_text("Your picture")
    settle(page)
    assert re.fullmatch(
        r"All 2 say \w+|Each says something else",
        widget(page).locator(".live-verdict").inner_text(),
    )
    first = rows.first.inner_text().split()
    assert "498" in first
    assert first[-1] == "ms"


def test_a_network_of_ones_own_runs_in_place_of_the_lectures_and_sets_no_field_of_the_page(
    opened: Visit, page: Page, tmp_path: Path
) -> None:
    shares = shown_shares(page)
    stranger = f"{origin(page.url)}stranger.onnx"
    fields = {"source": {"key": "stranger", "url": stranger}, "isOwn": False, "trouble": "none"}
    classes = ["yes", "no", "maybe"]
    about = tiny_models.describe(title="Mine", classes=classes, dataset="mine", **fields)
    own = tiny_models.write(tmp_path / "mine.onnx", about, seed=7)
    upload(page, "mine.onnx", own.read_bytes())
    expect(widget(page).locator(".live-about")).to_contain_text("Mine (yours)")
    settle(page)
    for name in ("cat", "dog"):
        choose_sample(page, name)
        mine = shown_shares(page)
        assert list(mine) == classes
        assert list(mine.values()) == pytest.approx(answers(own, twin(draw(name))), abs=0.02)
    assert stranger not in opened.requested
    choose_sample(page, "cat")
    widget(page).get_by_role("button", name="Back", exact=True).click()
    expect(widget(page).locator(".live-about")).to_contain_text("Tiny:")
    settle(page)
    assert shown_shares(page) == shares
    page.evaluate("Reveal.slide(1, 1)")
    settle(page)
    upload(page, "mine.onnx", own.read_bytes())
    expect(widget(page).locator("tbody tr")).to_have_count(3)
    widget(page).get_by_role("button", name="Back", exact=True).click()
    expect(widget(page).locator("tbody tr")).to_have_count(2)


def test_a_file_from_elsewhere_is_completed_beside_its_answer_and_remembered(
    page: Page, tmp_path: Path
) -> None:
    expect(widget(page).locator("[data-panel=network]")).to_be_hidden()
    about = tiny_models.describe(title="Mine", classes=["yes", "no", "maybe"])
    mine = tiny_models.write(tmp_path / "mine.onnx", about, seed=7)
    upload(page, "mine.onnx", mine.read_bytes())  # whose classes are not those of the next file
    expect(widget(page).locator(".live-about")).to_contain_text("Mine (yours)")
    model = tiny_models.write(tmp_path / "plain.onnx", None, seed=5)
    upload(page, "plain.onnx", model.read_bytes())
    told = widget(page).locator(".live-telling")
    expect(told.locator("[name=classes]")).to_have_value(", ".join(CLASSES))
    expect(told.locator("[name=size]")).to_be_disabled()  # the file says that
    told.locator("[name=scale]").select_option("from 0 to 255")
    classes = [f"kind {n}" for n in range(10)]
    told.locator("[name=classes]").fill(",".join(classes))
    told.locator("[name=classes]").blur()
    expect(widget(page).locator(".live-class").first).to_have_text("kind 0")
    settle(page)
    pixels = twin(draw("cat"))
    wanted = answers(model, pixels, mean=[0] * 3, std=[1 / 255] * 3)
    assert list(shown_shares(page).values()) == pytest.approx(list(wanted), abs=0.001)
    told.locator("[name=std]").fill("1, 0, 1")
    told.locator("[name=std]").blur()
    expect(widget(page).locator(".live-trouble")).to_have_text("std must be above 0")

    widget(page).get_by_role("button", name="Back", exact=True).click()
    expect(widget(page).locator(".live-class").first).to_have_text(CLASSES[0])
    upload(page, "plain.onnx", model.read_bytes())  # the next time, nothing is asked
    expect(widget(page).locator(".live-class").first).to_have_text("kind 0")
    expect(told).to_be_hidden()
    settle(page)
    assert list(shown_shares(page).values()) == pytest.approx(list(wanted), abs=0.001)
    widget(page).get_by_role("button", name="Back", exact=True).click()
    settle(page)


def test_a_classs_networks_are_rows_of_one_table_with_their_scores_and_recipes(
    opened: Visit, page: Page, tmp_path: Path
) -> None:
    """Nine files are dropped at once: two say nothing of themselves, and one is none."""
    recipe = {"data": "shapes", "epochs": 3, "lr": 0.1, "batch_size": 64}
    abouts: list[dict[str, Any] | None] = [
        tiny_models.describe(recipe={**recipe, "width": n}) for n in range(6)
    ]
    files = [
        tiny_models.write(tmp_path / f"{name}.onnx", about, seed)
        for seed, (name, about) in enumerate(zip("abcdefgh", [*abouts, None, None], strict=True))
    ]
    (tmp_path / "essay.onnx").write_text("an essay, renamed\n")
    chooser = widget(page).locator("input[accept='.onnx']")
    chooser.set_input_files([*files, tmp_path / "essay.onnx"])
    rows = widget(page).locator("tbody tr")
    expect(rows.locator("th")).to_have_text(list("abcdefgh"))
    expect(widget(page).locator(".live-trouble")).to_contain_text("essay.onnx: this is no ONNX")
    expect(widget(page).locator("[data-panel=inside]")).to_be_hidden()
    score = widget(page).locator("td.count")

    def right(file: Path, classes: list[str], **told: Any) -> str:
        pictures = [*CLASSES, "ship"]  # the drawings, and the test image
        best = [classes[answers(file, twin(draw(name)), **told).argmax()] for name in pictures]
        return f"{sum(a == b for a, b in zip(best, pictures, strict=True))} of 11"

    for n, file in enumerate(files[:6]):
        expect(score.nth(n)).to_have_text(right(file, CLASSES))
        trained = rows.nth(n).locator("td").last.inner_text().replace("\u00a0", " ")
        assert trained == f"shapes, 25.0 % right, 3 epochs, lr 0.1, batch 64, width {n}"
    settle(page)
    opened.add_script(AXE)
    assert page.evaluate(SERIOUS, ".present .present .live") == []

    # Each file that does not say all is completed, and asked anew.
    told = widget(page).locator(".live-telling")
    told.locator("[name=file]").select_option("h")
    pixels = {"mean": [0] * 3, "std": [1 / 255] * 3}
    best = answers(files[7], twin(draw("ship")), **pixels).argmax()
    classes = CLASSES[8 - best :] + CLASSES[: 8 - best]  # so that it knows a ship
    told.locator("[name=classes]").fill(",".join(classes))
    told.locator("[name=classes]").blur()
    told.locator("[name=scale]").select_option("from 0 to 255")
    expect(score.nth(7)).to_have_text(right(files[7], classes, **pixels))
    assert score.nth(7).inner_text() != right(files[7], CLASSES)
    told.locator("[name=file]").select_option("g")
    expect(told.locator("[name=classes]")).to_have_value(", ".join(CLASSES))
    settle(page)
    widget(page).get_by_role("button", name="Back", exact=True).click()
    expect(widget(page).locator("[data-panel=inside]")).to_be_visible()
    settle(page)


def test_a_network_that_cannot_run_is_told_in_a_line_and_the_last_one_stays(
    page: Page, tmp_path: Path
) -> None:
    shares = shown_shares(page)

    def network(**more: Any) -> bytes:
        return tiny_models.write(tmp_path / "one", tiny_models.describe(), **more).read_bytes()

    # What a file or an output may be besides, the tests of the page's scripts have.
    cases = {
        "nan.onnx": (network(scale=np.nan), "its output logits holds something that is not a"),
        "more.onnx": (network(outputs=125_000), "it has 125000 outputs for 10 classes"),
        "essay.onnx": (b"an essay, renamed\n", "this is no ONNX file, or a part of one"),
        "unknown.onnx": (network().replace(b"MaxPool", b"MinPool"), "onnxruntime cannot run it: "),
    }
    for name, (data, words) in cases.items():
        upload(page, name, data)
        trouble = widget(page).locator(".live-trouble")
        expect(trouble).to_contain_text(f"{name}: {words}")
        settle(page)
        assert shown_shares(page) == shares
    choose_sample(page, "dog")
    expect(trouble).to_be_hidden()


def test_the_decks_keys_stay_the_decks(page: Page) -> None:
    place = "Object.values(Reveal.getIndices()).slice(0, 2)"

    def press(selector: str, key: str) -> list[int]:
        page.evaluate("Reveal.slide(1, 0)")
        widget(page).locator(selector).first.focus()
        page.keyboard.press(key)
        return page.evaluate(place)

    sample = "[data-sample=frog]"
    assert press(sample, "PageDown") == [1, 1]
    assert press(sample, "ArrowDown") == [1, 1]
    assert press(sample, "ArrowRight") == [2, 0]
    assert press(sample, "PageUp") == [0, 0]
    for key in ("Space", "Enter"):
        page.evaluate("Reveal.slide(1, 0)")
        choose_sample(page, "cat")
        assert press(sample, key) == [1, 0]
        expect(widget(page).locator(".live-what")).to_contain_text("frog")
    page.evaluate("Reveal.slide(1, 0)")
    widget(page).locator("[data-panel=wrong]").click()
    slider = "input[name=shift]"
    assert press(slider, "ArrowRight") == [1, 0]
    expect(widget(page).locator(slider)).to_have_value("1")
    assert press(slider, "PageDown") == [1, 1]
    assert press(slider, "PageUp") == [0, 0]
    assert press(slider, "Escape") == [1, 0]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(place) == [2, 0]
    # A slider that was moved by the pointer gives the keys back.
    page.evaluate("Reveal.slide(1, 0)")
    widget(page).locator(slider).click()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(place) == [2, 0]
    page.evaluate("Reveal.slide(1, 0)")
    widget(page).get_by_role("button", name="As it was").click()


def test_the_answer_is_said_once(page: Page) -> None:
    widget(page).evaluate(
        """root => {
          window.heard = [];
          const status = root.querySelector('[role=status]');
          new MutationObserver(() => heard.push(status.textContent))
            .observe(status, { childList: true, characterData: true, subtree: true });
        }"""
    )
    for name in ("ship", "bird", "frog", "truck"):  # of those in a hurry, the last
        widget(page).locator(f"[data-sample={name}]").click()
    expect(widget(page).locator(".live-what")).to_contain_text("truck")
    settle(page)
    best = widget(page).locator(".live-verdict strong").inner_text()
    page.wait_for_function("heard.length > 0")
    choose_sample(page, "truck")
    assert page.evaluate("heard.length") == 1
    assert page.evaluate("heard[0]").startswith(f"Tiny: {best}, ")


# Keeps what WebAssembly allocates in the worker, which no measure of the page's memory counts.
MEMORIES = """self.memories = [];
WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
  construct(Memory, given) {
    memories.push(new Memory(...given));
    return memories.at(-1);
  },
});
"""

RUN = """async (count) => {
  const slider = document.querySelector('.present .present input[name=shift]');
  const say = slider.closest('.live').querySelector('.live-say');
  for (let n = 0; n < count; n += 1) {
    slider.value = n % 7;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    while (say.getAttribute('aria-busy') === 'true') await new Promise(requestAnimationFrame);
  }
}"""


class Memory:
    """What a page and its worker hold, once garbage is collected."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable")
        self.workers: list[str] = []
        self.said: dict[int, dict[str, Any]] = {}
        self.asked = 0

        def attached(event: dict[str, Any]) -> None:
            self.workers.append(event["sessionId"])

        def heard(event: dict[str, Any]) -> None:
            message = json.loads(event["message"])
            self.said[message.get("id")] = message.get("result", {})

        self.session.on("Target.attachedToTarget", attached)
        self.session.on("Target.receivedMessageFromTarget", heard)
        listen = {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False}
        self.session.send("Target.setAutoAttach", listen)
        self.wait(lambda: bool(self.workers))

    def wait(self, happened: Callable[[], bool]) -> None:
        """Let events come until something has happened, for twenty seconds at most."""
        for _ in range(1000):
            if happened():
                return
            self.page.wait_for_timeout(20)
        raise TimeoutError("the browser did not say what its worker holds")

    def ask_worker(self, method: str) -> dict[str, Any]:
        self.asked += 1
        message = json.dumps({"id": self.asked, "method": method})
        told = {"sessionId": self.workers[0], "message": message}
        self.session.send("Target.sendMessageToTarget", told)
        self.wait(lambda: self.asked in self.said)
        return self.said[self.asked]

    def held(self) -> dict[str, float]:
        self.session.send("HeapProfiler.collectGarbage")
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        self.ask_worker("HeapProfiler.collectGarbage")
        (worker,) = self.page.workers
        allocated = worker.evaluate("memories.map(({ buffer }) => buffer.byteLength)")
        page = self.session.send("Runtime.getHeapUsage")
        heap = self.ask_worker("Runtime.getHeapUsage")
        return {entry["name"]: entry["value"] for entry in metrics} | {
            "page": page["usedSize"] + page["backingStorageSize"],
            "worker": heap["usedSize"] + heap["backingStorageSize"],
            "WebAssembly": sum(allocated),
        }


def test_two_hundred_runs_leave_nothing_behind(browser: Browser, live_url: str) -> None:
    with visit(browser) as seen:

        def watch(route: Route) -> None:
            answer = route.fetch()
            route.fulfill(response=answer, body=MEMORIES + answer.text())

        seen.page.route("**/worker.js", watch)
        seen.open_deck(f"{live_url}#/1/0")
        settle(seen.page)
        widget(seen.page).locator("[data-panel=inside]").click()
        settle(seen.page)
        memory = Memory(seen.page)
        seen.page.evaluate(RUN, 20)
        before = memory.held()
        seen.page.evaluate(RUN, 200)
        after = memory.held()
        grown = {name: after[name] - before[name] for name in before}
        assert before["WebAssembly"] > 1e6
        assert grown["WebAssembly"] == 0
        assert grown["worker"] < 5e5
        assert grown["page"] < 1e6
        assert grown["Nodes"] < 100


def test_the_server_sends_two_files_of_onnxruntime_by_their_types_and_no_other(
    opened: Visit, page: Page, live_url: str
) -> None:
    base = origin(live_url)
    opened.check(base)
    types = {a.url.rsplit("/", 1)[1]: a.headers["content-type"] for a in opened.answered}
    assert types["ort-wasm-simd-threaded.wasm"] == "application/wasm"
    assert "javascript" in types["ort.wasm.bundle.min.js"]
    hidden = "_assets/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs"
    for path in ("_assets/ort/ort.all.min.mjs", "_assets/ort/", hidden):
        assert page.request.get(base + path).status == 404, path


SERIOUS = """async (selector) => {
  const { violations } = await axe.run(selector, { resultTypes: ['violations'] });
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
}"""


def test_every_panel_fits_and_can_be_read_and_none_has_a_serious_barrier(
    browser: Browser, live_url: str, opened: Visit, page: Page
) -> None:
    opened.add_script(AXE)
    page.evaluate("Reveal.slide(1, 1)")
    settle(page)
    for panel in ("pictures", "wrong", "inside"):
        page.evaluate("Reveal.slide(1, 0)")
        widget(page).locator(f"[data-panel={panel}]").click()
        settle(page)
        assert page.evaluate(SERIOUS, ".present .present .live") == []
        for width, height, smallest in [(1920, 1080, 26), (1024, 768, 13), (1280, 720, 13)]:
            page.set_viewport_size({"width": width, "height": height})
            wrong = page.evaluate(INSPECT, {"smallest": smallest})
            assert wrong == [], f"{panel} at {width}x{height}"
    with visit(browser) as seen:
        seen.page.goto(f"{origin(live_url)}live.html")
        seen.add_script(AXE)
        expect(seen.page.locator(".live:visible .live-verdict")).not_to_have_text("Loading …")
        assert seen.page.evaluate(SERIOUS, "html") == []


def test_on_paper_the_recorded_sample_is_shown(
    browser: Browser, live_url: str, live_project: Path
) -> None:
    (cat,) = [
        sample["probabilities"]
        for sample in onnx_metadata(live_project / "static/models/tiny.onnx")["samples"]
        if sample["file"] == "cat.png"
    ]
    with visit(browser) as seen:
        seen.page.goto(f"{live_url}?view=print")
        seen.page.wait_for_selector(".pdf-page .live")
        still = seen.page.locator(".live").first
        assert still.locator("img").evaluate("img => img.decode().then(() => img.naturalWidth)")
        words = still.inner_text()
        assert f"{100 * max(cat):.1f}\u00a0%" in words
        assert "trained on shapes, 25.0\u00a0% right" in words
        assert seen.page.locator(".live").last.locator("tbody tr").count() == 2
        assert not [url for url in seen.requested if "ort" in url.rsplit("/", 1)[1].split(".")]
        assert seen.page.evaluate(INSPECT, {"smallest": 13}) == []
        seen.check(origin(live_url))


PIXELS = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.join()"


def test_the_speaker_view_shows_the_audiences_answer(opened: Visit, page: Page) -> None:
    ours = widget(page)
    with page.context.expect_page() as new:
        page.keyboard.press("s")
    speaker = new.value
    speaker.wait_for_function("document.querySelectorAll('iframe').length === 2")
    page.bring_to_front()
    choose_sample(page, "horse")
    current = speaker.frame_locator("iframe").first.locator("section.present:not(.stack) .live")
    expect(current.locator(".live-what")).to_contain_text("horse")
    expect(current.locator(".live-verdict")).to_have_text(
        ours.locator(".live-verdict").text_content() or ""
    )
    expect(current.get_by_role("group", name="Test images")).to_be_hidden()
    ours.get_by_role("button", name="Test images").click()
    expect(current.get_by_role("group", name="Test images")).to_be_visible()
    ours.get_by_role("button", name="Drawings").click()

    ours.locator("[data-panel=inside]").click()
    settle(page)
    ours.locator(".live-step").nth(1).click()
    settle(page)
    ours.locator(".live-looks").click()
    settle(page)
    ours.get_by_role("button", name="The next map").click()
    inside = ".live-stage, .live-map"
    expect(current.locator(inside)).to_have_text(ours.locator(inside).all_text_contents())
    for canvas in (".live-pixels", ".live-maps", ".live-large", ".live-veil"):
        expect(current.locator(canvas)).to_be_visible()
        wanted = ours.locator(canvas).evaluate(PIXELS)
        assert current.locator(canvas).evaluate(PIXELS) == wanted, canvas
    assert len(speaker.workers) == 0
    opened.check(origin(page.url))
    speaker.close()


def test_on_a_phone_a_tap_leads_to_the_page_for_it(browser: Browser, live_url: str) -> None:
    with visit(browser, 390, 844) as seen:
        seen.open_deck(live_url)
        assert seen.page.evaluate(INSPECT, {"smallest": 10}) == []
        assert not [url for url in seen.requested if url.endswith((".onnx", ".wasm"))]
        seen.page.locator(".live-start").first.click()
        live = seen.page.locator(".live:visible")
        expect(live.locator(".live-time")).to_be_visible()
        assert seen.page.url == f"{origin(live_url)}live.html?network=tiny"
        for panel in ("wrong", "inside"):
            live.locator(f"[data-panel={panel}]").click()
            expect(live.locator(".live-say")).to_have_attribute("aria-busy", "false")
            assert seen.page.evaluate("document.documentElement.scrollWidth") == 390
        assert live.locator(".live-kernel").bounding_box()["height"] > 50
        seen.check(origin(live_url))


def test_the_page_for_phones_shows_the_network_that_its_address_names(
    browser: Browser, live_url: str
) -> None:
    page_url = f"{origin(live_url)}live.html"
    with visit(browser, 390, 844) as seen:
        seen.page.goto(f"{page_url}?network=small")
        live = seen.page.locator(".live:visible")
        expect(live).to_have_count(1)
        expect(live.locator(".live-about")).to_contain_text("Small:")
        expect(seen.page.locator("nav [aria-current]")).to_have_text("Small")
        live.locator("[data-sample=ship]").click()
        expect(live.locator(".live-what")).to_contain_text("ship")
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 390
        seen.page.get_by_role("link", name="Side by side").click()
        expect(seen.page.locator(".live:visible tbody .live-bar")).to_have_count(2)
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 390
        seen.check(origin(live_url))
        seen.page.get_by_role("link", name="The course").click()
        expect(seen.page.get_by_role("link", name="Live", exact=True)).to_be_visible()


def test_without_a_script_the_page_shows_what_was_recorded(browser: Browser, live_url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{origin(live_url)}live.html")
    assert page.locator(".live:not(.learn)").count() == 3
    assert "trained on shapes" in page.locator(".live:not(.learn)").last.inner_text()
    context.close()


@pytest.fixture(scope="module")
def web(live_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site with an address of its own; return the folder of a server that has it."""
    built = run_node(live_project, "site/build.mjs", env={"SITE_URL": "https://example.org/course"})
    assert built.returncode == 0, built.stderr
    pages = [page.read_text("utf-8") for page in (live_project / "_site").glob("*.html")]
    assert not (live_project / "_site/static/samples/test").exists()
    assert not [page for page in pages if "samples/test" in page]
    top = tmp_path_factory.mktemp("web")
    shutil.copytree(live_project / "_site", top / "course" / "dl")
    return top


@pytest.fixture(scope="module")
def live_site(web: Path) -> Iterator[str]:
    """Serve the site below a folder, by a server that does not know the types of its files."""
    with plain_server(web) as server:
        yield f"{server}/course/dl/"


# What a phone's camera reads of a code: eight pixels a square, and the margin that it must have.
SCAN = """async (svg) => {
  const count = svg.viewBox.baseVal.width;
  const [side, margin] = [8 * count, 32];
  const copy = svg.cloneNode(true);
  for (const [name, value] of Object.entries({ width: side, height: side })) {
    copy.setAttribute(name, value);
  }
  const image = new Image();
  const text = new XMLSerializer().serializeToString(copy);
  image.src = `data:image/svg+xml,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = new OffscreenCanvas(side + 2 * margin, side + 2 * margin);
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, margin, margin);
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  return jsQR(data, width, height)?.data;
}"""


def test_the_site_runs_networks_from_a_sub_path(browser: Browser, live_site: str) -> None:
    with visit(browser) as seen:
        seen.open_deck(f"{live_site}demo.html#/1/0")
        expect(widget(seen.page).locator(".live-verdict .live-time")).to_be_visible()
        settle(seen.page)
        # The address of the site is drawn as a code, for who wants it on a phone.
        code = widget(seen.page).locator("a.live-qr")
        assert code.get_attribute("href") == "https://example.org/course/live.html?network=tiny"
        assert code.locator("svg").is_visible()
        reader = ROOT / "node_modules" / "jsqr" / "dist" / "jsQR.js"
        seen.add_script(reader)
        assert code.locator("svg").evaluate(SCAN) == code.get_attribute("href")
        assert seen.page.evaluate(INSPECT, {"smallest": 13}) == []
        seen.page.goto(f"{live_site}live.html?network=small")
        expect(seen.page.locator(".live:visible .live-verdict .live-time")).to_be_visible()
        seen.page.goto(f"{live_site}live.html?network=learn-lenet")
        learn = seen.page.locator(".learn:visible")
        learn.get_by_role("button", name="Step").click()
        expect(learn.locator(".live-time")).to_contain_text("1 step in")
        seen.check(live_site)


def nginx_settings(port: int, web: Path) -> str:
    """Return settings for nginx: its MIME types, the line of our documents, no file elsewhere."""
    text = PUBLISHING.read_text(encoding="utf-8")
    (compression,) = re.findall(r"^gzip on;.*", text, re.MULTILINE)
    held = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = " ".join(f"{kind}_temp_path {kind};" for kind in held)
    # Without rights it has none to give up, and only warns of this line.
    return f"""user root; pid nginx.pid; worker_processes 1; daemon off; master_process off;
events {{ worker_connections 64; }}
http {{
  include /etc/nginx/mime.types; default_type application/octet-stream; access_log off;
  {places} {compression}
  server {{ listen 127.0.0.1:{port}; root {web}; }}
}}
"""


@pytest.fixture
def nginx(web: Path, tmp_path: Path) -> Iterator[str]:
    """Serve the site by nginx, where it is installed; yield the address of its folder."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or not Path("/etc/nginx/mime.types").exists():
        pytest.skip("nginx is not installed")
    port = free_port()
    settings = tmp_path / "nginx.conf"
    settings.write_text(nginx_settings(port, web), encoding="utf-8")
    command = [program, "-e", "error.log", "-p", str(tmp_path), "-c", str(settings)]
    process = start(tmp_path, port, command=command)
    deadline = time.monotonic() + PATIENCE
    while not answers_on(port) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.poll() is None, (tmp_path / "error.log").read_text()
    yield f"http://127.0.0.1:{port}/course/dl/"
    stop(process)


def test_networks_run_behind_nginx_as_it_comes(browser: Browser, nginx: str) -> None:
    with visit(browser) as seen:
        seen.open_deck(f"{nginx}demo.html#/1/0")
        expect(widget(seen.page).locator(".live-verdict .live-time")).to_be_visible()
        seen.page.goto(f"{nginx}live.html")
        expect(seen.page.locator(".live:visible .live-verdict .live-time")).to_be_visible()
        packed = [a.url for a in seen.answered if a.headers.get("content-encoding") == "gzip"]
        for kind in (".wasm", ".js", ".css", ".onnx"):
            assert any(url.endswith(kind) for url in packed), kind
        seen.check(nginx)


def test_a_phones_first_answer_costs_less_than_five_megabytes(
    browser: Browser, deck_url: str
) -> None:
    with visit(browser, 390, 844) as seen:
        seen.page.goto(f"{origin(deck_url)}live.html")
        expect(seen.page.locator(".live:visible .live-verdict .live-time")).to_be_visible()
        networks = [url for url in seen.requested if url.endswith(".onnx")]
        # What no server compresses is sent as it is.
        bodies = [answer.body() for answer in seen.answered]
        assert sum(min(len(body), len(gzip.compress(body))) for body in bodies) < 5_000_000
        assert len(networks) == 1
        named = seen.page.locator("nav [aria-current]").get_attribute("href")
        assert named == f"live.html?network={Path(networks[0]).stem}"
        seen.check(origin(deck_url))
