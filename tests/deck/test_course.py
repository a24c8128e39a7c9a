"""The published course: complete, movable, and telling nothing about its maker."""

from __future__ import annotations

import hashlib
import html
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import AbstractContextManager
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal
from urllib.error import HTTPError
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, expect
from pypdf import PdfReader

from barriers import AXE
from building import build, changed, refused
from conftest import (
    DECK,
    ROOT,
    copy_project,
    copy_shortened,
    package,
    plain_server,
    read_slides,
    run_node,
    title,
)
from forking import forked
from lab.record import percent
from running import environment
from stranger import check_nothing_runs, check_speaker_view
from watching import visit

LESSONS = sorted(path.stem for path in (ROOT / "code").glob("*.py"))
RECORDED = sorted(path.stem for path in (ROOT / "static" / "results").glob("*.json"))
GUARD = 'if __name__ == "__main__":'
HEAVIEST = 300_000  # bytes of the first page, with all that it loads


def run_pages(project: Path, *lessons: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m course.pages LESSON ...` in a copy of the project."""
    return subprocess.run(
        [sys.executable, "-m", "course.pages", *lessons],
        cwd=project,
        env=environment(PYTHONPATH=str(project / "code"), **more),
        capture_output=True,
        text=True,
        timeout=300,
    )


# What the build does last.
WRITE = """
import { readDecks } from './slides/reveal/site/build.mjs';
import { readCourse, writeCourse } from './slides/reveal/site/course.mjs';
writeCourse('_site', readCourse(readDecks()));
"""


def write_around(project: Path) -> Path:
    """Write the pages around the decks anew into a site that is there; return its folder."""
    (project / "write.mjs").write_text(WRITE)
    written = subprocess.run(["node", "write.mjs"], cwd=project, capture_output=True, text=True)
    assert written.returncode == 0, written.stderr
    return project / "_site"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which one lesson was run for its page."""
    folder = tmp_path_factory.mktemp("course")
    project = copy_project(folder / "project")
    kernel = folder / "kernels" / "python3" / "kernel.json"  # begins with PyTorch loaded
    kernel.parent.mkdir(parents=True)
    argv = [*forked([sys.executable]), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": argv, "display_name": "", "language": "python"}))
    done = run_pages(project, "lenet", JUPYTER_PATH=str(folder))
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture(scope="module")
def short(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another copy with the same run, and with its site, whose lecture has one slide."""
    project = copy_shortened(tmp_path_factory.mktemp("short") / "project")
    shutil.copytree(course / ".lessons", project / ".lessons")
    build(project)
    return project


@pytest.fixture(scope="module")
def whole(course: Path) -> Path:
    """Its site."""
    return build(course)


@pytest.fixture(scope="module")
def address(whole: Path) -> Iterator[str]:
    """The address of that site, below a folder of a plain web server."""
    with plain_server(whole.parent) as server:
        yield f"{server}/{whole.name}/"


class Page(HTMLParser):
    """The addresses that a page names, its ids, and what it says in its `meta` elements."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.meta: dict[str, str] = {}
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect from one element."""
        values = {name: value or "" for name, value in attrs}
        self.links += [values[name] for name in ("href", "src") if name in values]
        self.ids |= {values["id"]} if "id" in values else set()
        if tag == "meta" and "content" in values:
            self.meta[values.get("property", values.get("name", ""))] = values["content"]


def own_pages(site: Path) -> list[Path]:
    """The pages around the decks."""
    return [site / "index.html", site / "404.html", *sorted((site / "lessons").glob("*.html"))]


def named_in(kind: str, text: str) -> list[str]:
    """The addresses that a page, a style sheet or the Markdown of a deck names."""
    if kind == "text/css":
        return re.findall(r'url\("?((?!data:)[^")]+)', text)
    if kind != "text/html":
        return []
    deck = re.findall(r"\]\(([^)\s]+)\)", text.partition("<textarea")[2])
    return [*map(html.unescape, re.findall(r'(?:src|href)="([^"]+)"', text)), *deck]


def test_every_link_and_asset_answers_below_a_sub_path(address: str) -> None:
    waiting, answers = [address, f"{address}404.html"], {}
    while waiting:
        url = urldefrag(waiting.pop()).url
        if url in answers or not url.startswith("http://127.0.0.1"):
            continue
        assert url.startswith(address), f"{url} leaves the site"
        try:
            with urlopen(url, timeout=10) as answer:
                answers[url] = answer.status
                kind = answer.headers.get_content_type()
                text = answer.read().decode("utf-8", errors="replace")
        except HTTPError as error:
            answers[url] = error.code
            continue
        waiting += [urljoin(url, name) for name in named_in(kind, text)]
    assert {url: status for url, status in answers.items() if status != 200} == {}
    for name in ("architectures.html", "static/img/favicon.svg", "dist/reveal.js"):
        assert address + name in answers
    for name in ("lessons/lenet.html", "code/lenet.ipynb", *(f"code/{n}.py" for n in LESSONS)):
        assert address + name in answers
    assert any(url.endswith(".woff2") for url in answers)


def test_every_link_to_a_place_leads_to_one_on_the_page_or_to_a_slide(whole: Path) -> None:
    columns = [len(column) for column in read_slides()]
    for file in own_pages(whole):
        for link in Page(file).links:
            path, _, place = unquote(link).partition("#")
            target = file.parent / path if path else file
            if place.startswith("/"):
                h, v, *_ = [*map(int, place.strip("/").split("/")), 0]
                assert target.name == "architectures.html"
                assert v < columns[h], f"{file.name}: {link}"
            elif place:
                assert place in Page(target).ids, f"{file.name}: {link}"


def test_the_pages_are_valid_html(whole: Path) -> None:
    program = ROOT / "node_modules" / "html-validate" / "bin" / "html-validate.mjs"
    settings = ROOT / "tests" / "helpers" / "html-validate.json"
    command = ["node", str(program), "--config", str(settings), *map(str, own_pages(whole))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


BARRIERS = """(options) => axe.run(options).then(({ violations }) =>
    violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`))"""
# Besides what is printed here, lines a little longer than the page is wide.
CUT = """() => [...document.querySelectorAll('pre')].map((pre) => {
    pre.append(`\\n${'long '.repeat(30)}`);
    return pre.scrollWidth > pre.clientWidth && pre.className;
}).filter((name) => name !== false)"""
OUTSIDE = """() => [...document.querySelectorAll('header .live')].flatMap((card) => {
    const { right } = card.getBoundingClientRect();
    return [...card.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > right);
}).map(({ localName }) => localName)"""
GROUND = "getComputedStyle(document.documentElement).backgroundColor"


@pytest.mark.parametrize("page", ["index.html", "404.html", "lessons/lenet.html"])
def test_a_page_keeps_nobody_out_and_fits_every_width(
    browser: Browser, address: str, page: str
) -> None:
    with visit(browser) as seen:
        seen.page.goto(address + page)
        seen.add_script(AXE)
        for width in (360, 480, 768, 1024, 1280, 1366, 1920):
            seen.page.set_viewport_size({"width": width, "height": 900})
            wide = seen.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{page} is {wide} pixels wide at {width}"
            assert seen.page.evaluate(OUTSIDE) == [], f"{page} at {width}"
            if width in (360, 1280):
                assert seen.page.evaluate(BARRIERS, {}) == [], f"{page} at {width}"
        light = seen.page.evaluate(GROUND)
        assert seen.page.evaluate(CUT) == []
        seen.page.emulate_media(color_scheme="dark")
        assert seen.page.evaluate(GROUND) != light
        assert seen.page.evaluate(BARRIERS, {"runOnly": "color-contrast"}) == [], f"{page}, dark"
        seen.page.emulate_media(media="print")
        seen.page.set_viewport_size({"width": 680, "height": 900})  # A4, without its margins
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 680
        for_the_screen = seen.page.locator(".skip, nav, button, .actions")
        assert for_the_screen.filter(visible=True).count() == 0
        seen.check(address)


@pytest.mark.parametrize(
    ("how", "pages"),
    [
        ("window", ["architectures.html", "live.html", "index.html", "lessons/lenet.html"]),
        ("frame", ["architectures.html"]),
    ],
)
def test_a_strangers_page_runs_nothing_in_what_is_published(
    browser: Browser,
    address: str,
    tmp_path: Path,
    how: Literal["window", "frame"],
    pages: list[str],
) -> None:
    check_nothing_runs(browser, [address + page for page in pages], tmp_path, how)


def test_the_published_deck_is_whole_and_has_a_speaker_view(browser: Browser, address: str) -> None:
    with visit(browser) as seen:
        seen.page.goto(address)
        seen.page.get_by_role("link", name="Open the slides").click()
        seen.page.wait_for_function("window.Reveal && Reveal.isReady()")
        seen.check_images()
        check_speaker_view(seen)
        seen.check(address)


def test_the_first_page_describes_the_deck(whole: Path) -> None:
    text = (whole / "index.html").read_text(encoding="utf-8")
    header = html.unescape(text.partition("<header>")[2].partition("</header>")[0])
    assert f"<h1>{title()}</h1>" in header
    slides = read_slides()
    # What stands on the first slide below its heading: subtitle, place, author.
    said = slides[0][0].split("\nNote:")[0].partition("## ")[2].splitlines()[1:]
    for line in filter(None, said):
        assert line.strip("*") in header
    assert f"{sum(map(len, slides))} slides" in header


def test_the_first_page_is_light_needs_no_script_and_begins_with_the_live_networks(
    browser: Browser, address: str, whole: Path
) -> None:
    with visit(browser, width=1920, height=1080) as seen:
        seen.page.goto(address, wait_until="networkidle")
        weight = sum(len(answer.body()) for answer in seen.answered)
        assert weight < HEAVIEST, f"{weight} bytes"
        assert seen.page.locator("script").count() == 0
        seen.page.set_viewport_size({"width": 1366, "height": 768})
        live = seen.page.get_by_role("group", name=re.compile("^Try "))
        expect(live).to_be_in_viewport(ratio=1)
        networks = len([*whole.glob("static/models/*.onnx")])
        if networks > 1:
            assert live.get_attribute("aria-label") == "Try all networks side by side"
            assert live.get_by_role("row").count() == 1 + networks
            link = live.get_by_role("link", name="Try it").get_attribute("href")
            assert link == "./live.html?networks=all"
        seen.check(address)


def test_the_first_page_shows_each_lesson_with_the_numbers_of_its_record(whole: Path) -> None:
    text = (whole / "index.html").read_text(encoding="utf-8")
    articles = dict(re.findall(r'<article id="([\w-]+)">(.*?)</article>', text, re.DOTALL))
    assert sorted(articles) == LESSONS
    assert list(articles) == list(json.loads((ROOT / "static" / "lessons.json").read_text()))
    order = re.findall(r"\bcode/(\w+)\.py", DECK.read_text(encoding="utf-8"))
    facts = json.loads((ROOT / "static" / "facts.json").read_text())
    for name in RECORDED:
        record = json.loads((ROOT / "static" / "results" / f"{name}.json").read_text())
        # As in README: of the network that answers, without its auxiliary classifiers.
        assert f"<dd>{facts[name]['cifar10']['parameters']:,}</dd>" in articles[name]
        accuracy = percent(record["test_accuracy"]["mean"])
        assert re.search(rf"<dd>{re.escape(accuracy)}\D", articles[name]), name
        assert record["dataset"] in articles[name]
        assert 'role="img" aria-label="' in articles[name]
        assert ('href="architectures.html#/' in articles[name]) == (name in order)
    assert all(re.search(r"</h3>\s*<p>\S", article) for article in articles.values())


def test_a_lesson_shows_what_it_printed_and_drew_beside_its_record(
    browser: Browser, address: str
) -> None:
    with visit(browser, width=1920, height=1080) as seen:
        seen.page.goto(f"{address}lessons/lenet.html")
        main = seen.page.locator("main")
        said = ("test accuracy", "today 61,706, in 1998 60,000", "120 x 1 x 1", "by hand, epoch 2")
        assert [words for words in said if words not in main.inner_text()] == []
        images = main.locator("img")
        assert images.count() == 4
        shown = images.evaluate_all("all => all.map(i => [i.alt, i.naturalWidth])")
        assert len({alt for alt, _ in shown}) == 4  # each has words of its own
        assert shown[0][0] == "The losses and the validation accuracy of each epoch"
        for alt, width in shown:
            assert len(alt) > 20
            assert width > 0
        assert seen.page.get_by_role("heading", level=1).inner_text() == "LeNet"
        record = json.loads((ROOT / "static" / "results" / "lenet.json").read_text())
        recorded = main.get_by_role("region", name="As recorded")
        assert percent(record["test_accuracy"]["mean"]) in recorded.inner_text()
        datasets = json.loads((ROOT / "static" / "datasets.json").read_text())
        assert datasets[record["dataset"]] in recorded.inner_text()
        assert "smoke run" in recorded.inner_text()
        counts = record["runs"][0]["confusion"]
        share, true, taken = max(
            (count / sum(row), true, taken)
            for true, row in zip(record["classes"], counts, strict=True)
            for taken, count in zip(record["classes"], row, strict=True)
            if true != taken
        )
        assert f"{true} taken for {taken} ({percent(share)}%)" in recorded.inner_text()
        assert recorded.get_by_role("img").count() == 2
        # Between the text that speaks of it and what the page's own run has learned.
        order = ["Both are high", "As recorded", ".pictures()", "From the smoke run", "To try"]
        places = [main.inner_text().index(words) for words in order]
        assert places == sorted(places)


def test_a_lesson_has_its_contents_beside_it_and_can_be_copied(
    browser: Browser, address: str
) -> None:
    with visit(browser, width=1366, height=768) as seen:
        seen.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        seen.page.goto(f"{address}lessons/lenet.html")
        main, contents = seen.page.locator("main"), seen.page.locator(".contents")
        titles = main.get_by_role("heading", level=2).all_inner_texts()
        assert contents.get_by_role("link").all_inner_texts() == titles
        contents.get_by_role("link", name="The recipe").click()
        assert seen.page.url.endswith("/lenet.html#the-recipe")
        heading = main.get_by_role("heading", name="The recipe")
        main.get_by_role("link", name="The recipe").click()  # its own address
        assert 0 < heading.bounding_box()["y"] < 40
        beside = contents.bounding_box()  # it stays in view
        assert 0 <= beside["y"] <= 768 - beside["height"]
        assert beside["x"] >= main.bounding_box()["x"] + main.bounding_box()["width"]
        listing = main.locator(".highlight").nth(1)
        listing.hover()
        button = listing.get_by_role("button")
        button.click()
        seen.page.wait_for_function("document.body.innerText.includes('Copied')")
        copied = seen.page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("class LeNet5(nn.Module):\n    ")
        assert copied.rstrip().endswith("return self.output(x)  # (N, classes)")
        seen.check(address)


def test_on_paper_no_heading_is_left_alone(browser: Browser, address: str) -> None:
    with visit(browser) as seen:
        seen.page.goto(f"{address}lessons/lenet.html")
        titles = seen.page.locator("main :is(h2, h3)").all_inner_texts()
        pages = PdfReader(io.BytesIO(seen.page.pdf(format="A4"))).pages
    texts = [page.extract_text().strip() for page in pages]
    assert not [text for text in texts if text.endswith(tuple(titles))]
    # A long listing begins below its heading rather than on a page of its own.
    (loop,) = (text for text in texts if "The loop, written out" in text)
    assert "def train_by_hand" in loop
    (drawn,) = (n for n, text in enumerate(texts) if "From the smoke run" in text)
    assert pages[drawn].images


def test_the_notebook_on_the_site_is_the_lesson_without_guards_and_outputs(whole: Path) -> None:
    import jupytext  # here and below: every process that runs tests reads this file

    notebook = jupytext.read(whole / "code" / "lenet.ipynb")
    script = jupytext.read(whole / "code" / "lenet.py")
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert len(notebook.cells) == len(script.cells)
    guarded = 0
    for cell, written in zip(notebook.cells, script.cells, strict=True):
        guard, _, body = written.source.partition("\n")
        if guard == GUARD:
            guarded += 1
            assert cell.source == textwrap.dedent(body)
        else:
            assert cell.source == written.source
    assert guarded == 2
    page = (whole / "lessons" / "lenet.html").read_text(encoding="utf-8")
    assert "__main__" not in page


def test_only_the_guard_of_a_cell_goes() -> None:
    without_guards = runpy.run_path(str(ROOT / "code" / "course" / "pages.py"))["without_guards"]
    text = f'{GUARD}\n    print("""a\n    b""")\n'
    for source, expected in {
        f"{GUARD}\n    a()\n\n    if b:\n        c()": "a()\n\nif b:\n    c()",
        f"x = 1\n{GUARD}\n    a()\ny = 2": "x = 1\na()\ny = 2",
        'if __name__ == "__main__" and ready(1):\n    a()': "if ready(1):\n    a()",
        f"def f():\n    {GUARD}\n        a()": f"def f():\n    {GUARD}\n        a()",
        text: text,  # dedented, it would print something else
    }.items():
        assert without_guards(source) == expected


def test_a_formula_of_a_lesson_is_drawn_by_the_browser(whole: Path) -> None:
    page = (whole / "lessons" / "lenet.html").read_text(encoding="utf-8")
    assert "<mi>φ</mi>" in page  # \varphi in the script
    assert "$" not in page


def test_the_pages_tell_no_path_user_or_command_line(course: Path, whole: Path) -> None:
    pages = list(whole.glob("*.html"))
    live = any((ROOT / "static" / "models").glob("*.onnx"))
    names = {"index.html", "404.html", "architectures.html"} | ({"live.html"} if live else set())
    assert {page.name for page in pages} == names
    paths = (str(course), str(ROOT), str(Path.home()), "site-packages", "/tmp/")
    for file in [*pages, *whole.glob("lessons/*.html"), whole / "code" / "lenet.ipynb"]:
        text = file.read_text(encoding="utf-8")
        for told in (*paths, '"_":', "--static", "staticDir"):
            assert told not in text, f"{file.name} tells {told}"


def test_nothing_is_published_that_no_page_asks_for(whole: Path) -> None:
    files = files_in(whole)
    assert not list(whole.glob("dist/theme/**/*.css"))
    # Where a server does not know the type of a script, a browser does not run it.
    assert not [file for file in files if file.suffix in (".map", ".mjs")]
    runtime = {"ort.wasm.bundle.min.js", "ort-wasm-simd-threaded.wasm"}
    assert {file.name for file in whole.glob("ort/*")} in (set(), runtime)
    weight = sum(file.stat().st_size for file in files if file.parent.name != "ort")
    assert weight < 2_500_000 + sum(file.stat().st_size for file in files_in(ROOT / "static"))


def files_in(*folders: Path) -> list[Path]:
    """Each file below the folders."""
    return [file for folder in folders for file in folder.rglob("*") if file.is_file()]


def hashes(files: list[Path]) -> dict[str, Path]:
    """Each file by what it holds."""
    return {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in files}


def test_licenses_names_every_package_that_the_site_has_files_of(whole: Path) -> None:
    text = (whole / "licenses.txt").read_text(encoding="utf-8-sig")
    ours = hashes(files_in(*(ROOT / folder for folder in ("static", "code", "slides"))))
    made = {".html", ".ipynb", ""}  # pages, notebooks and marks
    files = [f for f in files_in(whole) if f.suffix not in made and f.parent.name != "lessons"]
    rest = {digest: file for digest, file in hashes(files).items() if digest not in ours}
    modules = ROOT / "node_modules"
    packed = files_in(
        *(modules / name for name in ("reveal.js", "highlight.js", "onnxruntime-web"))
    )
    sizes = {file.stat().st_size for file in rest.values()}  # a package has 140 MB of others
    theirs = hashes([file for file in packed if file.stat().st_size in sizes])
    unknown = {file.name for digest, file in rest.items() if digest not in theirs}
    assert unknown == {"licenses.txt"}
    packages = {theirs[digest].relative_to(modules).parts[0] for digest in rest if digest in theirs}
    for name in packages:
        about = json.loads((modules / name / "package.json").read_text(encoding="utf-8"))
        assert f"\n{name} {about['version']}, {about['license']}: " in text
    inside = json.loads((modules / "reveal.js" / "package.json").read_text(encoding="utf-8"))
    for name in ("marked", "highlight.js"):
        assert f"\n{name} {inside['devDependencies'][name].lstrip('^')}, " in text
    places = "LICENSE", "slides/LICENSE", "static/**/LICENSE*"
    own = [file for place in places for file in ROOT.glob(place)]
    own += [modules / "reveal.js" / "LICENSE", modules / "highlight.js" / "LICENSE"]
    own += sorted((ROOT / "slides" / "reveal" / "site" / "licenses").iterdir())
    for file in own:
        assert file.read_text(encoding="utf-8").strip() in text, file


def test_every_page_around_the_slides_leads_to_the_licenses(whole: Path) -> None:
    for page in (*own_pages(whole), *whole.glob("live.html")):
        assert any(link.endswith("licenses.txt") for link in Page(page).links), page.name
    said = json.loads((ROOT / "slides" / "course.json").read_text("utf-8"))["license"]
    assert said in (whole / "index.html").read_text("utf-8")


def test_every_page_says_what_it_is_about(whole: Path) -> None:
    pages = [*own_pages(whole), whole / "live.html", whole / "architectures.html"]
    assert [file.name for file in pages if len(Page(file).meta.get("description", "")) < 40] == []


def changed_package(course: Path, **settings: object) -> None:
    (course / "package.json").write_text(json.dumps(package() | settings))


def links_away(site: Path) -> set[str]:
    """Where the first page and a lesson lead outside of the site."""
    links = Page(site / "lessons" / "lenet.html").links + Page(site / "index.html").links
    return {link for link in links if urlsplit(link).scheme}


def test_without_a_repository_nothing_leads_away(whole: Path) -> None:
    assert links_away(whole) == set()


@pytest.mark.parametrize(
    ("repository", "source"),
    [
        ("github:owner/name", "https://github.com/owner/name"),
        ({"type": "git", "url": "git+https://github.com/o/n.git"}, "https://github.com/o/n"),
        ("https://git.example.org/group/name.git", "https://git.example.org/group/name"),
    ],
)
def test_links_to_source_and_colab_appear_with_the_repository(
    short: Path, repository: object, source: str
) -> None:
    import jupytext

    changed_package(short, repository=repository)
    site = write_around(short)
    away = links_away(site)
    notebook = jupytext.read(site / "code" / "lenet.ipynb")
    assert f"%pip install --quiet git+{source}" in notebook.cells[0].source
    colab = f"https://colab.research.google.com/github{urlsplit(source).path}/blob/notebooks/"
    assert (f"{colab}lenet.ipynb" in away) == ("github.com" in source)
    path = "blob/HEAD" if "github.com" in source else "-/blob/HEAD"
    assert f"{source}/{path}/code/lenet.py" in away
    assert source in away


def test_whole_addresses_appear_where_the_address_of_the_site_is_known(
    short: Path, whole: Path
) -> None:
    unknown = Page(whole / "index.html").meta
    assert unknown["og:title"] == title()
    assert not {"og:image", "og:url"} & set(unknown)
    changed_package(short, homepage="https://elsewhere.example.org")
    site = build(short, SITE_URL="https://owner.example.org/dl")
    index, lesson = Page(site / "index.html").meta, Page(site / "lessons" / "lenet.html").meta
    assert index["og:url"] == "https://owner.example.org/dl/"
    assert lesson["og:url"] == "https://owner.example.org/dl/lessons/lenet.html"
    deck = Page(site / "architectures.html").meta
    assert deck["og:url"] == "https://owner.example.org/dl/architectures.html"
    assert deck["og:title"] == index["og:title"]
    assert deck["og:image"] == index["og:image"] == lesson["og:image"]
    assert deck["description"] == index["description"]
    image = lesson["og:image"].removeprefix("https://owner.example.org/dl/")
    assert (site / image).read_bytes().startswith(b"\x89PNG")
    # The page for what is missing is shown at any depth.
    for link in Page(site / "404.html").links:
        assert link.startswith("/dl/")
    index = Page(write_around(short) / "index.html").meta
    assert index["og:url"] == "https://elsewhere.example.org/"


def edited(file: Path) -> AbstractContextManager[None]:
    """Let a script have one more comment for a while."""
    return changed(file, file.read_text(encoding="utf-8") + "\n# changed\n")


def test_a_lesson_that_has_changed_since_it_was_run_has_no_page(short: Path) -> None:
    changed_package(short)
    with edited(short / "code" / "lenet.py"):
        built = run_node(short, "site/build.mjs")
    assert "lenet" in built.stdout.split("Without a page")[1]
    assert not (short / "_site" / "lessons").exists()
    links = Page(short / "_site" / "index.html").links
    assert not any("lessons/" in link or "ipynb" in link for link in links)
    again = run_pages(short, "lenet")  # it is kept: nothing is run again
    assert (again.returncode, again.stdout) == (0, "")


def stale(project: Path, *names: str) -> dict[str, str]:
    """The lessons that need a run, each with its settings."""
    asked = run_node(project, "site/lessons.mjs", "--stale", *names)
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout)


@pytest.mark.needs("exercise", "resnet")
def test_a_lesson_is_run_again_when_what_it_loaded_or_its_settings_have_changed(
    short: Path,
) -> None:
    kept = short / ".lessons" / "lenet.json"
    made_from = json.loads(kept.read_text())["made_from"]
    lab = [f"code/lab/{name}.py" for name in ("__init__", "training", "demo", "plots")]
    assert {"code/lenet.py", *lab} <= set(made_from)
    # Other lessons, and the checker.
    others = ("code/exercise.py", "code/resnet.py", "code/checker/coach.py")
    assert not set(others) & set(made_from)
    assert stale(short, "lenet", "resnet") == {"resnet": "--smoke --out runs"}
    for file in ("code/lenet.py", "code/lab/plots.py", *others):
        with edited(short / file):
            assert bool(stale(short, "lenet")) == (file not in others)
    said = kept.read_text()
    for damaged in (said.replace("--smoke", "--epochs 2"), said[:40], "[]", "{}"):
        with changed(kept, damaged):
            assert stale(short, "lenet")


def test_pages_without_node_are_one_line_and_help_needs_nothing(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        # Without site-packages: neither PyTorch nor Jupyter.
        command = [sys.executable, "-I", "-S", str(ROOT / "code" / "course" / "pages.py"), *words]
        environment = {**os.environ, "PATH": str(tmp_path)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    helped, without = run("--help"), run("lenet")
    assert helped.returncode == 0, helped.stderr
    assert helped.stdout.startswith("usage: pages.py")
    told = "Node is not installed: get Node 20 or newer from https://nodejs.org"
    assert refused(without) == told


def test_live_networks_are_linked_where_their_page_and_their_weights_are(project: Path) -> None:
    for folder in ("models", "learn"):
        shutil.rmtree(project / "static" / folder)
    site = build(project)
    assert not any("live.html" in link for link in Page(site / "index.html").links)
    model = project / "static" / "models" / "lenet.onnx"
    model.parent.mkdir()
    shutil.copy(ROOT / "static" / "models" / "lenet.onnx", model)
    (site / "live.html").touch()
    write_around(project)
    live = [link for link in Page(site / "index.html").links if "live.html" in link]
    # In a word, by what it said on the first screen, and in its row.
    assert live == ["live.html", "./live.html?network=lenet", "live.html?network=lenet"]


def test_downloads_are_linked_where_they_are_and_show_the_deck_as_it_is(short: Path) -> None:
    changed_package(short)
    deck, pdf = short / "slides" / "architectures.md", short / "architectures.pdf"
    old = short / "architectures-handout.pdf"
    try:
        pdf.write_bytes(b"%PDF")
        old.write_bytes(b"%PDF")
        changed = deck.stat().st_mtime
        os.utime(pdf, (changed + 1, changed + 1))
        os.utime(old, (changed - 1, changed - 1))
        site = build(short)
        assert (site / "architectures.pdf").read_bytes() == b"%PDF"
        links = Page(site / "index.html").links
        assert "architectures.pdf" in links
        assert "architectures-handout.pdf" not in links  # older than the deck
    finally:
        pdf.unlink()
        old.unlink()


def test_what_the_lessons_declare_is_told_with_the_line_where_it_breaks(project: Path) -> None:
    (project / "static" / "lessons.json").write_text('{\n "lenet": "a "word" here"\n}\n')
    line = refused(run_pages(project, "lenet"))
    assert line.startswith("static/lessons.json:2: that is not JSON: ")


def test_an_equation_that_cannot_be_set_stops_the_build_with_a_line(short: Path) -> None:
    deck = short / "slides" / "wrong.md"
    deck.write_text("---\ntitle: Wrong\n---\n\n### Wrong\n\nNote:\n$\\foo$\n")
    kept, made = short / ".lessons" / "lenet.html", short / ".lessons" / "lenet.json"
    script = short / "code" / "lenet.py"
    in_deck = run_node(short, "site/build.mjs")
    deck.unlink()
    with (
        changed(script, f"# $a < \\foo$\n{script.read_text(encoding='utf-8')}"),
        changed(made, json.dumps(json.loads(made.read_text()) | {"made_from": {}})),
        changed(kept, f"<p>$a &lt; \\foo$</p>{kept.read_text(encoding='utf-8')}"),
    ):
        in_lesson = run_node(short, "site/build.mjs")
    reason = "Undefined control sequence: \\foo"
    assert refused(in_deck) == f"slides/wrong.md:8: $\\foo$: {reason}"
    assert refused(in_lesson) == f"code/lenet.py:1: $a < \\foo$: {reason}"


def test_a_new_lesson_is_listed_by_itself_and_one_that_fails_says_so(project: Path) -> None:
    header = (project / "code" / "lenet.py").read_text().split("# %% [markdown]")[0]
    cell = "# %% [markdown]\n# # Draft\n#\n# A paper.\n#\n# A try, *first* of all. Then more.\n\n"
    written = "# %%\nimport tempfile\nprint(tempfile.mkdtemp(prefix='a'))\n"
    (project / "code" / "draft.py").write_text(header + cell + written)
    index = (build(project) / "index.html").read_text(encoding="utf-8")
    article = index.split('<article id="draft">')[1].split("</article>")[0]
    assert 'href="code/draft.py">Draft</a>' in article
    assert "<p>A try, first of all.</p>" in article
    (project / "code" / "failing.py").write_text(header + cell + "# %%\n1 / 0\n")
    failed = run_pages(project, "draft", "failing")
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1] == "code/failing.py: ZeroDivisionError: division by zero"
    assert not list((project / ".lessons").glob("failing*"))
    # No place on this machine.
    assert '<pre class="printed">a' in (project / ".lessons" / "draft.html").read_text()
    unknown = refused(run_pages(project, "zoo"))
    first = min(path.stem for path in (project / "code").glob("*.py"))
    assert unknown.startswith(f"there is no code/zoo.py; there is {first},")


def test_the_pictures_show_the_slides_as_they_are() -> None:
    checked = run_node(ROOT, "print/pictures.mjs", "--check")
    assert checked.returncode == 0, checked.stderr


def test_a_picture_of_a_slide_that_has_changed_is_named(project: Path) -> None:
    shutil.copytree(ROOT / "docs", project / "docs")
    course = project / "slides" / "course.json"
    settings = json.loads(course.read_text())
    course.write_text(json.dumps(settings | {"pictures": {}}))
    checked = run_node(project, "print/pictures.mjs", "--check")
    expected = "older than the slides they show: static/img/slides/architectures.png; run "
    assert refused(checked).startswith(expected)
    built = run_node(project, "site/build.mjs")
    assert (built.returncode, built.stderr) == (0, checked.stderr)
    own = {"docs/pictures/figure.png": ["Our zoo", "Below"]}
    course.write_text(json.dumps(settings | {"pictures": own}))
    line = refused(run_node(project, "print/pictures.mjs", "--check"))
    missing = "docs/pictures/figure.png: slides/architectures.md has no slide Our zoo, Below: "
    assert line.startswith(missing)
