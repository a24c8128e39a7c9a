"""`make check`: what an audience would stumble over, found in one deck and not in ours."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, expect

from conftest import ROOT, copy_project, run_node
from course.serving import serve
from watching import visit


class Fault(NamedTuple):
    """A slide with a fault: its heading, its text, what has to be said of which line."""

    title: str
    text: str
    said: list[str]
    line: str  # begins the line that is named
    notes: str = "Note:\n1 minute.\n\nSaid."


LENET = json.loads((ROOT / "static" / "facts.json").read_text(encoding="utf-8"))["lenet"]
COUNT = f"{LENET['cifar10']['parameters']:,}"
PLACED = '<p style="position: absolute; margin: 0; {}">Placed by hand</p>'
FULL = "\n".join(f"- {n}" for n in range(13))  # unless it is fitted, too full for paper
FAULTS = [
    Fault(
        "Too much",
        "\n\n".join(f"Paragraph {n} of a text that is much too long." for n in range(60)),
        [
            r'<p> "Paragraph \d+ .*" leaves the slide: .* \(and \d+ more\)',
            r"<p> .* px high, less than",
        ],
        "Paragraph",
    ),
    Fault(
        "Too wide", '<div style="width: 200vw">Wide</div>', [r'<div> "Wide" leaves', " px"], "<div"
    ),
    Fault(
        "Cut off",
        '<div style="height: 1em; overflow: hidden">Cut<br>Off<br>Here</div>',
        [r"<div> .* is cut: show less of it"],
        "<div",
    ),
    Fault("Tiny", '<p style="font-size: 9px">Nine</p>', [r'<p> "Nine" is 9.0 px high, less'], "<p"),
    Fault("Long code", f"```python\nx = {'1 + ' * 99}1\n```", [r"<code> .* px high, less"], "x ="),
    Fault(
        "Pale", '<p style="color: #bbb">Gray</p>', [r'"Gray" has a contrast of 1\.\d, less'], "<p"
    ),
    Fault(
        "Faint", '<p style="opacity: 0.4">Dim</p>', [r'"Dim" has a contrast of \d\.\d, less'], "<p"
    ),
    Fault("Wordless", "![](img/plot.png)", [r"<img> plot.png has no words for who"], "![]"),
    Fault("Unsaid", "![plot.png](img/plot.png)", [r"<img> plot.png has no words for who"], "![p"),
    Fault(
        "Nameless", "<button></button>", [r"<button>.* keeps people out: .*button-name"], "<button"
    ),
    Fault("No file", "Here\n\n![A plot](img/none.png)", [r"img/none.png: there is no such"], "![A"),
    Fault(
        "No slide", "[on](#/99)", [r"#/99: there is no such slide; slides/planted.md ends"], "[on"
    ),
    Fault("No name", "[on](#nowhere)", [r"#nowhere: no slide is called so: write <!--"], "[on"),
    Fault(
        "Not there", "[on](architectures.md#/2/99)", [r"slides/architectures.md ends with"], "[on"
    ),
    Fault("Silent", "Nothing to say.", [r"the notes are missing: write"], "### Silent", notes=""),
    Fault(
        "Endless",
        "How long?",
        [r"the notes do not begin with the minutes"],
        "Note:",
        "Note:\nLong.",
    ),
    Fault(
        "Twice",
        "{{ static/results/lenet.json: test_accuracy | percent }}\n\nafter 99 epochs",
        [r"99 is typed by hand, and may be recorded"],
        "after",
    ),
    Fault(
        "Typed",
        f"LeNet has {COUNT} parameters",
        [rf"{COUNT} is typed .*write {{{{ static/facts.json: lenet.cifar10.parameters \| integer"],
        "LeNet",
    ),
    Fault("False", "A\n{{ claim: 1 > 2 }}", [r"claim: 1 > 2 }}: 1 > 2 is false"], "{{ claim"),
    Fault(
        "One over the other",
        "\n\n".join([PLACED.format("top: 50%; left: 30%")] * 2),
        [r'<p> "Placed by hand" lies over <p> "Placed by hand": move'],
        "<p",
    ),
    Fault(
        "Away",
        "![A picture of somewhere else](https://example.org/a.png)",
        [r"https://example.org/a.png is neither in slides/ nor in static/"],
        "![A",
    ),
    Fault(
        "No picture",
        "![A file of text, and no picture](img/text.png)",
        [r"<img> text.png cannot be shown"],
        "![A",
    ),
    Fault(
        "Later",
        'A\n\n<p class="fragment" style="position: absolute; top: -2em">Above</p>',
        [r'<p> "Above" leaves the slide'],
        "<p",
    ),
    Fault(
        "Uncounted",
        f'<!-- .slide: data-visibility="uncounted" -->\n\n{FULL}\n\n<p style="font-size: 9px">Nine',
        [r'<p> "Nine" is 9.0 px high, less'],
        "<p",
    ),
    Fault(
        "In the corner",
        PLACED.format("right: 0; bottom: 0"),
        [r'<p> "Placed by hand" lies under an arrow', r"leaves the slide", r"px high, less"],
        "<p",
    ),
]
FRONT = "---\ntitle: Planted\ntheme: evo\n---\n"
LINE = re.compile(r'slides/planted\.md:(\d+) slide #/(\d+) "(.+?)": (.*)')


def plant(slides: Path, faults: list[Fault]) -> None:
    """Write a deck with faults."""
    texts = [f"\n### {each.title}\n\n{each.text}\n\n{each.notes}\n" for each in faults]
    deck = FRONT + "\n<!--s-->\n".join([*texts, "\n### The end\n\nNote:\n1 minute.\n"])
    (slides / "planted.md").write_text(deck, encoding="utf-8")


def test_every_planted_fault_is_found_and_our_own_decks_have_none(tmp_path: Path) -> None:
    planted = copy_project(tmp_path / "project")
    slides = planted / "slides"
    for own in (ROOT / "slides").glob("*.md"):
        shutil.copy(own, slides)
    (slides / "img").mkdir(exist_ok=True)
    Image.new("RGB", (30, 30), "blue").save(slides / "img" / "plot.png")
    (slides / "img" / "text.png").write_text("no picture")
    plant(slides, FAULTS)
    # Of words alone: on a phone nothing in it can have the focus.
    words = "\n<!--s-->\n".join(["\n## Words\n\nNote:\n1 minute.\n"] * 2)
    (slides / "words.md").write_text(FRONT + words, encoding="utf-8")
    done = run_node(planted, "check/check.mjs", timeout=400)
    assert (done.returncode, done.stderr) == (2, "")
    lines = (planted / "slides" / "planted.md").read_text(encoding="utf-8").splitlines()
    told: dict[str, list[str]] = {}
    for said in done.stdout.splitlines():
        found = LINE.fullmatch(said)
        assert found, said
        line, h, title, what = found.groups()
        fault = FAULTS[int(h)]
        assert fault.title == title, said
        assert lines[int(line) - 1].startswith(fault.line), said
        told.setdefault(title, []).append(what)
    for fault in FAULTS:
        whole = told[fault.title]
        assert len(whole) == len(fault.said), whole
        for pattern in fault.said:
            assert any(re.search(pattern, what) for what in whole), (pattern, whole)


def test_a_strip_tells_who_writes_and_nobody_else(browser: Browser, project: Path) -> None:
    titles = ["Faint", "Later", "Silent", "Pale"]
    at = {title: n for n, title in enumerate(titles)}
    faults = {each.title: each for each in FAULTS}
    plant(project / "slides", [faults[title] for title in titles])
    with serve(project) as base, visit(browser) as seen:
        seen.open_deck(f"{base}/planted.md?check#/{at['Faint']}")
        strip = seen.page.locator("#check")
        expect(strip).to_contain_text('"Dim" has a contrast of ')
        seen.page.evaluate(f"Reveal.slide({at['Later']})")
        expect(strip).to_be_hidden()
        seen.page.keyboard.press("Space")
        expect(strip).to_contain_text('"Above" leaves the slide')
        seen.page.evaluate(f"Reveal.slide({at['Silent']})")
        expect(strip).to_contain_text("the notes are missing")
        strip.click()
        seen.page.evaluate(f"Reveal.slide({at['Pale']})")
        expect(strip).to_be_hidden()
        seen.open_deck(f"{base}/planted.md#/{at['Faint']}")
        seen.page.wait_for_load_state("networkidle")
        assert strip.count() == 0
