"""The site that `npm run build` writes: complete, movable, and telling nothing about its maker."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urldefrag, urljoin
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

from conftest import ROOT, copy_project, plain_server, read_slides, run_node, title
from decks import FOLDERS, expected, read_case, write_cases, write_litter
from serving import serve
from watching import visit


@pytest.fixture(scope="module")
def base(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the site below a folder of a plain web server; yield its address there."""
    top = tmp_path_factory.mktemp("web")
    shutil.copytree(site, top / "course" / "dl")
    with plain_server(top) as server:
        yield f"{server}/course/dl/"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site of a copy with decks that name every kind of file, among litter."""
    project = copy_project(tmp_path_factory.mktemp("cases"))
    write_cases(project)
    write_litter(project)
    built = run_node(project, "build.mjs")
    assert (built.returncode, built.stderr) == (0, "")
    assert "cases.html (4 slides), week2/intro.html (4 slides)" in built.stdout
    assert "._" not in built.stdout
    return project


class Links(HTMLParser):
    """Collects what a page names in href and src."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the addresses among the attributes of a tag."""
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def named_in(url: str, kind: str, text: str) -> list[str]:
    """Return the addresses that a page, a style sheet or a deck's Markdown names."""
    if kind == "text/html":
        page = Links()
        page.feed(text)
        # The slides are Markdown with some HTML, inside of a textarea.
        deck = re.findall(r'(?:src|href)="([^"]+)"|\]\(([^)\s]+)\)', text)
        return page.found + [a or b for a, b in deck]
    if kind == "text/css":
        return [name for name in re.findall(r'url\("?([^")]+)"?\)', text) if name[:5] != "data:"]
    return []


def test_every_link_and_asset_answers_below_a_sub_path(base: str) -> None:
    waiting, answers = [base], {}
    while waiting:
        url = urldefrag(waiting.pop()).url
        if url in answers or not url.startswith("http://127.0.0.1"):
            continue
        assert url.startswith(base), f"{url} leaves the site"
        try:
            with urlopen(url, timeout=10) as answer:
                answers[url] = answer.status
                kind = answer.headers.get_content_type()
                text = answer.read().decode("utf-8", errors="replace")
        except HTTPError as error:
            answers[url] = error.code
            continue
        waiting += [urljoin(url, name) for name in named_in(url, kind, text)]
    assert {url: status for url, status in answers.items() if status != 200} == {}
    for name in ("architectures.html", "static/img/lenet.png", "dist/reveal.js", "code/lenet.py"):
        assert base + name in answers
    assert any(url.endswith(".woff2") for url in answers)


def test_the_site_works_from_a_sub_path_in_a_browser(browser: Browser, base: str) -> None:
    with visit(browser) as seen:
        seen.page.goto(base)
        seen.page.get_by_role("link", name="Open the slides").click()
        seen.page.wait_for_function("window.Reveal && Reveal.isReady()")
        seen.check_images()
        seen.check(base)


def test_what_is_presented_is_published(browser: Browser, cases: Path) -> None:
    with serve(cases) as served, plain_server(cases) as site, visit(browser) as seen:
        for (_, side), deck in zip(FOLDERS.items(), ["cases", "week2/intro"], strict=True):
            for url in [f"{served}/{deck}.md", f"{site}/_site/{deck}.html"]:
                assert read_case(seen.page, url) == expected(side), url


def test_of_a_folder_of_slides_the_site_has_what_decks_name(cases: Path) -> None:
    published = {
        file.relative_to(cases / "_site").as_posix()
        for file in (cases / "_site" / "slides").rglob("*")
        if file.is_file()
    }
    assert published == {
        *(f"{folder}/{name}" for folder in FOLDERS for name in ("img/plot.png", "img/notes.txt")),
        *(f"{folder}/own.js" for folder in FOLDERS),
        "slides/own.css",
        "slides/img/of-style.png",
    }
    index = (cases / "_site" / "index.html").read_text(encoding="utf-8")
    assert '<a href="week2/intro.html">Cases</a>' in index


def test_what_editors_and_macos_leave_is_in_no_site(cases: Path) -> None:
    assert list((cases / "slides").glob(".*"))
    left = ("._", ".#", ".DS", "nowhere", "folder")
    assert [file for file in (cases / "_site").rglob("*") if file.name.startswith(left)] == []
    for page in (cases / "_site").glob("*.html"):
        assert not re.search(r"\b(?:nowhere|folder)-|\._x", page.read_text(encoding="utf-8"))


def test_the_index_needs_no_script_and_describes_the_deck(browser: Browser, base: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(base)
    assert page.get_by_role("heading", level=1).inner_text() == title()
    text = page.locator("body > header").inner_text()
    slides = sum(len(column) for column in read_slides())
    # What stands on the first slide below its heading: subtitle, place, author.
    said = read_slides()[0][0].split("\nNote:")[0].partition("## ")[2].splitlines()[1:]
    for line in filter(None, said):
        assert line.strip("*") in text
    assert f"{slides} slides" in text
    context.close()


def test_pages_tell_no_path_user_or_command_line(site: Path) -> None:
    pages = list(site.glob("*.html"))
    live = any((ROOT / "static" / "models").glob("*.onnx"))
    names = {"index.html", "404.html", "architectures.html"} | ({"live.html"} if live else set())
    assert {page.name for page in pages} == names
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for told in (
            str(site.parent),
            str(ROOT),
            str(Path.home()),
            '"_":',
            "--static",
            "staticDir",
        ):
            assert told not in text, f"{page.name} tells {told}"


def test_nothing_is_published_that_no_page_asks_for(site: Path) -> None:
    assert not (site / "dist" / "theme").exists() or not list(
        (site / "dist" / "theme").rglob("*.css")
    )
    assert not list(site.rglob("*.map"))
    runtime = {"ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"}
    assert {file.name for file in site.glob("ort/*")} in (set(), runtime)
    files = [file for file in site.rglob("*") if file.is_file() and file.parent.name != "ort"]
    weight = sum(file.stat().st_size for file in files)
    assert weight < 2_500_000 + sum(
        f.stat().st_size for f in (ROOT / "static").rglob("*") if f.is_file()
    )


def seconds_to_build(project: Path) -> float:
    """Build the site of a copy of the project; return the CPU time that it took."""
    before = os.times()
    built = run_node(project, "build.mjs")
    assert built.returncode == 0, built.stderr
    after = os.times()
    return sum(
        getattr(after, kind) - getattr(before, kind)
        for kind in ("children_user", "children_system")
    )


def test_another_deck_is_listed_by_itself_and_old_pages_go(project: Path) -> None:
    old = project / "_site" / "old.html"
    first = seconds_to_build(project)
    old.write_text("old")
    (project / "slides" / "zoo.md").write_text(
        "---\ntitle: The <Zoo>\ntheme: evo\n---\n# Zoo\n\nA & B\n\n<!--s-->\n\nlast\n"
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```text\n(---\n.*?)^```", readme, re.MULTILINE | re.DOTALL)
    (project / "slides" / "other.md").write_text(example)
    second = seconds_to_build(project)
    assert max(first, second) < 5
    assert not old.exists()
    index = (project / "_site" / "index.html").read_text(encoding="utf-8")
    assert index.index('href="architectures.html"') < index.index(
        '<a href="zoo.html">The &lt;Zoo&gt;</a>'
    )
    assert "2 slides" in index
    assert "A &amp; B" in index
    assert '<a href="other.html">Another lecture</a>' in index
    assert "3 slides" in index


def test_mistakes_stop_the_build_with_a_line_each_and_keep_the_old_site(project: Path) -> None:
    assert run_node(project, "build.mjs").returncode == 0
    before = {f: f.read_bytes() for f in (project / "_site").rglob("*") if f.is_file()}
    (project / "slides" / "bad.md").write_text(
        "---\ntheme: evo\n---\n\n{{ code/lenet.py: No }}\n\n{{ static/no.json: a }}\n"
    )
    (project / "slides" / "worse.md").write_text(
        "---\ntheme: none\nhighlightTheme: dark2\ncss: own.css\n---\n"
    )
    (project / "slides" / "worst.md").write_text("---\na: [\n---\n")
    (project / "slides" / "wide.md").write_text("# Breit\n\nGröße\n", encoding="utf-16")
    (project / "slides" / "latin").mkdir()
    (project / "slides" / "latin" / "old.md").write_text("# Groß\n", encoding="latin-1")
    (project / "slides" / "latin-old.md").write_text("# A\n\n![a](img/none.png)\n")
    (project / "slides" / "yet.md").write_text("---\ntheme: evo\ntitle: Nets: a tour\n---\n")
    built = run_node(project, "build.mjs")
    assert built.returncode == 2
    lines = iter(built.stderr.splitlines())
    assert next(lines).startswith(
        "slides/bad.md:5: {{ code/lenet.py: No }}: there is no No in it; it has "
    )
    assert next(lines).startswith("slides/bad.md:7: {{ static/no.json: a }}: there is no such file")
    assert next(lines) == (
        "slides/latin-old.md:3: img/none.png: there is no such file: slides/img/none.png"
    )
    assert next(lines) == (
        "slides/latin/old.md:1: this deck is not UTF-8: save it in this encoding"
    )
    assert next(lines) == "slides/wide.md:1: this deck is not UTF-8: save it in this encoding"
    assert next(lines) == "slides/worse.md: theme: there is no static/css/none.css"
    assert next(lines) == "slides/worse.md: highlightTheme: highlight.js has no dark2"
    assert next(lines) == ("slides/worse.md: css: own.css: there is no such file: slides/own.css")
    assert next(lines).startswith("slides/worst.md:3: front matter: ")
    assert (
        next(lines) == "slides/yet.md:3: front matter: a text with a colon in it must be in quotes"
    )
    assert list(lines) == []
    assert {f: f.read_bytes() for f in (project / "_site").rglob("*") if f.is_file()} == before


def test_a_checkout_of_the_published_pages_keeps_its_history(project: Path) -> None:
    out = project / "_site"
    history = out / ".git" / "HEAD"
    history.parent.mkdir(parents=True)
    history.write_text("ref: refs/heads/gh-pages\n")
    for page in ("index.html", "old.html"):  # into a branch without files, then over its pages
        assert run_node(project, "build.mjs").returncode == 0
        assert (out / "index.html").exists()
        assert not (out / "old.html").exists()
        assert history.read_text() == "ref: refs/heads/gh-pages\n"
        (out / page).write_text("old")


@pytest.mark.parametrize("kind", ["link", "file", "foreign", "pages"])
def test_what_is_not_ours_is_never_emptied(project: Path, tmp_path: Path, kind: str) -> None:
    precious = tmp_path / "elsewhere" / "precious.txt"
    precious.parent.mkdir()
    out = project / "_site"
    if kind == "link":
        precious.write_text("precious")
        out.symlink_to(precious.parent, target_is_directory=True)
    elif kind == "file":
        precious = out
        precious.write_text("precious")
    else:
        out.mkdir()
        precious = out / "precious.txt"
        precious.write_text("precious")
        if kind == "pages":  # of somebody else, or written by hand
            (out / ".git").mkdir()
            (out / ".nojekyll").touch()
    built = run_node(project, "build.mjs")
    assert built.returncode == 2
    assert len(built.stderr.splitlines()) == 1
    assert "_site" in built.stderr
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("script", ["build.mjs", "pdf.mjs"])
def test_without_the_packages_one_line_says_what_to_run(project: Path, script: str) -> None:
    (project / "node_modules").unlink()
    ended = run_node(project, script)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "is not installed: run npm ci" in line
