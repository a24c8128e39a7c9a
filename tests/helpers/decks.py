"""Decks that name every kind of file, beside themselves and in static/, and what they show."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

# What the folder has in which a deck lies, by the side of its pictures.
FOLDERS = {"slides": 30, "slides/week2": 50}
IN_STATIC = 70

# In front matter, it would end whatever makes a function of it and calls that.
PROGRAM = "!!js/function 'function () { process.exit(3) }'"

BODY = """\
---
title: Cases
theme: evo
css: slides/own.css
scripts:
  - own.js
---

### Pictures

![A plot](img/plot.png) ![A plot](./img/plot.png "plotted") <img alt="A plot" src='img/plot.png'>
<img alt="A plot" src="img/plot.png" srcset="img/plot.png 1x, ./img/plot.png?2 2x">
![A plot](static/img/plot.png) ![A plot](UP/static/img/plot.png)

<p class="own" style="background-image: url(img/plot.png)">red</p>

`![A plot](img/none.png)`

<!--s-->

<!-- .slide: data-background-image="img/plot.png" -->
### Behind

Half of $a_i$:

$$ \\frac{a_i}{2} $$

<!--s-->

<!-- .slide: data-visibility="hidden" -->
### Kept back

<!--s-->

<!-- .slide: id="links" -->
### Links

[first](#/0) [here](#/links) [after](#/3) [deck](HOMEarchitectures.md#/1)
[folder](HOMEweek2/intro.md) <a href="HOMEarchitectures.md">deck</a> [facts](static/facts.json)
[notes](img/notes.txt) [lesson](code/lenet.py) [elsewhere](https://example.org/)

<!--s-->

### End

<iframe src="plot.html"></iframe>
"""


def write_cases(project: Path) -> None:
    """Put the decks `cases` and `week2/intro` into a copy of the project, with what they name."""
    for folder, side in FOLDERS.items():
        (project / folder / "img").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (side, side), "blue").save(project / folder / "img" / "plot.png")
        (project / folder / "img" / "notes.txt").write_text("notes")
        (project / folder / "plot.html").write_text("<script>parent.ran = 'yes';</script>")
        (project / folder / "own.js").write_text("document.body.dataset.own = 'yes';")
    Image.new("RGB", (IN_STATIC, IN_STATIC), "blue").save(project / "static" / "img" / "plot.png")
    style = ".own { color: rgb(255, 0, 0); }\n.own::after { content: url('img/of-style.png'); }"
    (project / "slides" / "own.css").write_text(style)
    Image.new("RGB", (9, 9), "red").save(project / "slides" / "img" / "of-style.png")
    (project / "slides" / "img" / "unnamed.txt").write_text("nobody names this")
    decks = {"slides/cases.md": ("../", ""), "slides/week2/intro.md": ("../../", "../")}
    for file, (up, home) in decks.items():
        text = BODY.replace("UP/", up).replace("HOME", home)
        lines = "\r\n" if "week2" in file else "\n"
        (project / file).write_text(text, encoding="utf-8", newline=lines)


def write_litter(project: Path) -> None:
    """Put into each folder what editors and macOS leave, and what is called like a file only."""
    for folder, name in [
        ("slides", "x.md"),
        ("slides/week2", "x.md"),
        ("code", "x.py"),
        ("code/lab", "x.py"),
        ("static/models", "x.onnx"),
        ("static/results", "x.json"),
        ("static/samples", "x.png"),
        ("static/img", "x.svg"),
    ]:
        (project / folder).mkdir(parents=True, exist_ok=True)
        (project / folder / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1")
        (project / folder / f"._{name}").write_bytes(b"\x00\x05\x16\x07\xff")
        (project / folder / f".#{name}").symlink_to("somebody@somewhere.1234")
        (project / folder / f"nowhere-{name}").symlink_to("nowhere")
        (project / folder / f"folder-{name}").mkdir()


def read_case(page: Page, url: str) -> dict[str, object]:
    """Open one of the decks; return what it shows, whatever the addresses are."""
    page.goto(url)
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    return page.evaluate(
        """async () => {
            Reveal.slide(1); // a background is loaded when its slide comes near
            const size = async (src) => {
                const image = Object.assign(new Image(), { src });
                await image.decode().catch(() => {});
                return image.naturalWidth;
            };
            await Promise.allSettled([...document.images].map((image) => image.decode()));
            const behind = (element, pseudo, key = 'backgroundImage') =>
                /url\\("(.*)"\\)/.exec(getComputedStyle(element, pseudo)[key])?.[1];
            const own = document.querySelector('.own');
            const near = document.querySelector('.present > .slide-background-content');
            const half = document.querySelector('math[display]');
            const links = [...document.querySelectorAll('#links a')].map((a) => a.href);
            const ours = links.filter((href) => href.startsWith(location.origin));
            return {
                title: document.title,
                slides: Reveal.getTotalSlides(),
                pictures: await Promise.all([...document.images].map((i) => size(i.currentSrc))),
                behind: await size(behind(own)),
                ofStyle: await size(behind(own, '::after', 'content')),
                background: await size(behind(near)),
                color: getComputedStyle(own).color,
                equations: document.querySelectorAll('p math').length,
                // A fraction that is drawn is twice as high as a letter.
                fraction: half.clientHeight > 1.5 * parseFloat(getComputedStyle(half).fontSize),
                script: document.body.dataset.own,
                plot: window.ran,
                links: links.length,
                answers: await Promise.all(ours.map(async (href) => (await fetch(href)).status)),
            };
        }"""
    )


def expected(side: int) -> dict[str, object]:
    """Return what `read_case` has to find in the deck whose own pictures are so wide."""
    return {
        "title": "Cases",
        "slides": 4,
        "pictures": [side] * 4 + [IN_STATIC] * 2,
        "behind": side,
        "ofStyle": 9,
        "background": side,
        "color": "rgb(255, 0, 0)",
        "equations": 2,
        "fraction": True,
        "script": "yes",
        "plot": "yes",
        "links": 10,
        "answers": [200] * 9,
    }
