"""The site that `npm run build` writes: what is in it, what stops it, and what it leaves alone."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from building import build, changed, refused
from conftest import ROOT, copy_shortened, has, plain_server, run_node
from course.serving import serve
from decks import FOLDERS, PROGRAM, expected, read_case, write_cases, write_litter
from watching import visit


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site of a copy with decks that name every kind of file, among litter."""
    project = copy_shortened(tmp_path_factory.mktemp("cases"))
    write_cases(project)
    write_litter(project)
    built = run_node(project, "site/build.mjs")
    assert (built.returncode, built.stderr) == (0, "")
    assert "cases.html (4 slides), week2/intro.html (4 slides)" in built.stdout
    assert "._" not in built.stdout
    return project


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
        *(f"{folder}/{name}" for folder in FOLDERS for name in ("own.js", "plot.html")),
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


LICENSES = {
    "slides/reveal/site/licenses/marked.txt": "marked: the package has no license file: put ",
    "static/fonts/LICENSE-Lato.txt": "static/fonts/lato-latin-400-italic.woff2: its license",
    "static/samples/LICENSE.txt": "static/samples: their license is missing: put it into ",
    "static/samples/photos/LICENSE.txt": "static/samples/photos: their license is missing",
}


def test_a_missing_license_stops_the_build_with_a_line(project: Path) -> None:
    for name, wanted in LICENSES.items():
        kept = (project / name).rename(project / "kept")
        assert refused(run_node(project, "site/build.mjs")).startswith(wanted)
        kept.rename(project / name)
    assert not (project / "_site").exists()


def seconds_to_build(project: Path) -> float:
    """Build the site of a copy of the project; return the CPU time that it took."""
    before = os.times()
    build(project)
    after = os.times()
    return sum(
        getattr(after, kind) - getattr(before, kind)
        for kind in ("children_user", "children_system")
    )


def test_another_deck_is_listed_by_itself_and_old_pages_go(project: Path) -> None:
    deck = project / "slides" / "old.md"
    deck.write_text("---\ntitle: Old\ntheme: evo\n---\n\n# Old\n")
    picture = project / "static" / "old" / "picture.png"
    picture.parent.mkdir()
    picture.write_bytes(b"old")
    old = [project / "_site" / name for name in ("old.html", "static/old/picture.png")]
    own = [project / "_site" / name for name in ("CNAME", "own/old.html", "static/img/own.png")]
    first = seconds_to_build(project)
    assert all(file.exists() for file in old)
    for file in own:
        file.parent.mkdir(exist_ok=True)
        file.write_text("precious")
    deck.unlink()
    shutil.rmtree(picture.parent)
    (project / "slides" / "zoo.md").write_text(
        "---\ntitle: The <Zoo>\ntheme: evo\n---\n# Zoo\n\nA & B\n\n<!--s-->\n\nlast\n"
    )
    page = (ROOT / "docs" / "slides.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```text\n(---\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    (project / "slides" / "other.md").write_text(example)
    second = seconds_to_build(project)
    assert max(first, second) < 5
    assert not any(file.exists() for file in (*old, old[1].parent))
    assert [file.read_text() for file in own] == ["precious"] * 3
    index = (project / "_site" / "index.html").read_text(encoding="utf-8")
    assert index.index('href="architectures.html"') < index.index(
        '<a href="zoo.html">The &#60;Zoo&#62;</a>'
    )
    assert "2 slides" in index
    assert "A &#38; B" in index
    assert '<a href="other.html">Another lecture</a>' in index
    assert "3 slides" in index


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own")
def test_what_the_server_refuses_is_not_published(project: Path) -> None:
    secret = project.parent / "secret" / "secret.py"
    secret.parent.mkdir()
    secret.write_text("---\ntheme: evo\n---\n# the-word-that-must-not-get-out\n")
    for hidden in ("static/.env", "static/img/._plot.svg", "static/.git/config", "code/._x.py"):
        (project / hidden).parent.mkdir(exist_ok=True)
        shutil.copy(secret, project / hidden)
    for link in ("slides/leak.md", "static/leak.txt", "static/.leak", "code/leak.py"):
        (project / link).symlink_to(secret)
    (project / "static" / "leak").symlink_to(secret.parent)
    (project / "static" / "gone.txt").symlink_to("nowhere")
    (project / "static" / "inside.css").symlink_to("css/evo.css")
    out = build(project)
    theme = (project / "static" / "css" / "evo.css").read_bytes()
    assert (out / "static" / "inside.css").read_bytes() == theme
    published = [*out.rglob("*"), *out.rglob("*/.*")]
    assert [file.name for file in published if "leak" in file.name or "gone" in file.name] == []
    told = [file for file in published if file.is_file() and b"must-not" in file.read_bytes()]
    assert told == []
    assert "leak" not in (out / "index.html").read_text(encoding="utf-8")


TOLD = r"""slides/a.md:3: front matter: unknown tag !<tag:yaml.org,2002:js/function>
slides/bad.md:5: {{ code/lenet.py: No }}: there is no No in it; it has ANY
slides/bad.md:7: {{ static/no.json: a }}: there is no such fileANY
slides/bad.md:10: {{ claim: 2 * results.lenet.macs < results.lenet.macs }}: N_ < N_ is false: results.lenet.macs is N_
slides/index.md: its page would take the place of another; give it another name
slides/latin-old.md:3: img/none.png: there is no such file: slides/img/none.png
slides/latin/old.md:1: this deck is not UTF-8: save it in this encoding
slides/none.md:4: no slide of it is shown: each is hidden, or waits by data-needs for what is not recorded yet
slides/open.md: front matter: it has no end: write a line --- below it
slides/wide.md:1: this deck is not UTF-8: save it in this encoding
slides/worse.md: theme: there is no static/css/none.css
slides/worse.md: highlightTheme: highlight.js has no dark2
slides/worse.md: css: own.css: there is no such file: slides/own.css
slides/worse.md: css: https://example.org/a.css: it is elsewhere: put it into slides/
slides/worst.md:3: front matter: ANY
slides/wrong#1.md: no address can have this name in it: rename it
slides/wrong(.md: front matter: separator is no regular expression
slides/wrong.md: front matter: preprocessor is no setting of a deckANY
slides/wrong2.md: front matter: separator matches where nothing stands
slides/yet.md:3: front matter: a text with a colon in it must be in quotes
"""  # noqa: E501


WRONG = {
    "a": f"---\ntheme: evo\nx: {PROGRAM}\n---\n",
    "bad": "---\ntheme: evo\n---\n\n{{ code/lenet.py: No }}\n\n{{ static/no.json: a }}\n"
    "\nNote:\n{{ claim: 2 * results.lenet.macs < results.lenet.macs }}\n",
    "index": "# A list of my own\n",
    "latin-old": "# A\n\n![a](img/none.png)\n",
    "none": "---\nrevealOptions:\n  route: lecture\n---\n\n"
    '<!-- .slide: data-visibility="hidden" -->\n# A\n',
    "open": "---\ntheme: evo\n# A\n",
    "worse": "---\ntheme: none\nhighlightTheme: dark2\n"
    "css: own.css, https://example.org/a.css\n---\n",
    "worst": "---\na: [\n---\n",
    "wrong#1": "# A\n",
    "wrong(": "---\nseparator: (\n---\n",
    "wrong": "---\npreprocessor: slides/own.mjs\n---\n",
    "wrong2": "---\nseparator: ''\n---\n# A\n",
    "yet": "---\ntheme: evo\ntitle: Nets: a tour\n---\n",
}


def test_mistakes_stop_the_build_with_a_line_each_and_keep_the_old_site(project: Path) -> None:
    out = build(project)
    before = {f: f.read_bytes() for f in out.rglob("*") if f.is_file()}
    for name, text in WRONG.items():
        (project / "slides" / f"{name}.md").write_text(text)
    (project / "slides" / "wide.md").write_text("# Breit\n\nGröße\n", encoding="utf-16")
    (project / "slides" / "latin").mkdir()
    (project / "slides" / "latin" / "old.md").write_text("# Groß\n", encoding="latin-1")
    built = run_node(project, "site/build.mjs")
    assert built.returncode == 2
    for line, wanted in zip(built.stderr.splitlines(), TOLD.splitlines(), strict=True):
        assert re.fullmatch(re.escape(wanted).replace("ANY", ".*").replace("N_", r"\d+"), line)
    assert {f: f.read_bytes() for f in out.rglob("*") if f.is_file()} == before


def test_a_checkout_of_the_published_pages_keeps_its_history(small: Small) -> None:
    out = small.out
    history = out / ".git" / "HEAD"
    history.parent.mkdir(parents=True)
    history.write_text("ref: refs/heads/gh-pages\n")
    for _ in range(2):  # into a branch without files, then over its pages
        assert small.put("index.html") == []
        assert (out / "index.html").read_text() != "old"
        assert history.read_text() == "ref: refs/heads/gh-pages\n"
        (out / "index.html").write_text("old")


@pytest.mark.parametrize("kind", ["link", "file", "foreign", "pages"])
def test_what_is_not_ours_is_never_emptied(small: Small, tmp_path: Path, kind: str) -> None:
    precious = tmp_path / "elsewhere" / "precious.txt"
    precious.parent.mkdir()
    out = small.out
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
    (line,) = small.put("index.html")
    assert "_site" in line
    assert precious.read_text() == "precious"


COURSE = "slides/course.json"
RECORD = "static/results/lenet.json"
# A file of the project, what is in it instead, and how the line begins that says so.
BROKEN: list[tuple[str, Callable[[Any], Any], str]] = [
    ("static/facts.json", lambda facts: "{", "static/facts.json:1: that is not JSON: "),
    ("static/facts.json", lambda facts: {**facts, "lenet": {}}, "static/facts.json: lenet.cifar10"),
    # What the check of a file does not ask for is told once as well.
    ("static/facts.json", lambda facts: {}, "slides/shown.md:"),
    (RECORD, lambda record: [], f"{RECORD}: it is not a set"),
    (RECORD, lambda record: {**record, "runs": []}, f"{RECORD}: runs.0 is missing"),
    (COURSE, lambda _: '{\n "footer": "a "b" c"\n}\n', f"{COURSE}:2: that is not JSON: "),
    (
        COURSE,
        lambda course: {**course, "lessons": {"lenet": 3}},
        f"{COURSE}: lessons is not a list",
    ),
    (
        COURSE,
        lambda course: {**course, "lessons": ["zoo"]},
        f"{COURSE}: lessons: there is no code/",
    ),
    (
        COURSE,
        lambda course: {**course, "learnt": []},
        f"{COURSE}: there is no setting learnt; there is deck, description, learn,",
    ),
    (
        COURSE,
        lambda course: {**course, "deck": "zoo"},
        f"{COURSE}: deck: no slides/zoo.md; there is architectures",
    ),
    (
        COURSE,
        lambda course: {**course, "pictures": {"a.png": "LeNet"}},
        f"{COURSE}: pictures.a.png is not a list",
    ),
    (
        "static/lessons.json",
        lambda lessons: {**lessons, "lenet": 3},
        "static/lessons.json: lenet is not a set of names and values",
    ),
    ("package.json", lambda package: "{", "package.json:1: that is not JSON: "),
    ("package.json", lambda package: None, "package.json: it is not a set of names and values"),
    (
        "package.json",
        lambda package: {**package, "repository": "here"},
        "package.json: repository here is not an address: write https://",
    ),
    (
        "package.json",
        lambda package: {**package, "homepage": "o.github.io"},
        "package.json: homepage o.github.io is not an address: write https://",
    ),
]


def test_a_broken_file_stops_the_build_with_one_line(project: Path) -> None:
    shown = "{{ static/facts.json: lenet.cifar10.macs }}"
    (project / "slides" / "shown.md").write_text(f"{shown}\n{shown}\n")
    search = ("static/searches/darts.json", lambda _: {}, "static/searches/darts.json: network is")
    for name, change, wanted in [*BROKEN, search] if has("darts") else BROKEN:
        file = project / name
        broken = change(json.loads(file.read_text(encoding="utf-8")))
        with changed(file, broken if isinstance(broken, str) else json.dumps(broken)):
            assert refused(run_node(project, "site/build.mjs")).startswith(wanted)
    line = refused(run_node(project, "site/build.mjs", env={"SITE_URL": "x"}))
    assert line.startswith("SITE_URL x is not an address: write https://")
    assert not (project / "_site").exists()


# In Node's place of a disk on which nothing can be written any more; elsewhere all is as ever.
READ_ONLY = """
const fs = require('node:fs');
for (const name of ['mkdirSync', 'copyFileSync', 'writeFileSync', 'rmSync']) {
  const real = fs[name];
  fs[name] = (...given) => {
    const file = given[name === 'copyFileSync' ? 1 : 0];
    if (!String(file).includes('FROZEN')) return real(...given);
    const said = `EROFS: read-only file system, open '${file}'`;
    throw Object.assign(new Error(said), { code: 'EROFS', syscall: 'open', path: file });
  };
}
"""


def test_a_file_system_that_turns_read_only_gets_one_line(project: Path) -> None:
    for frozen in ("_site", "slides-"):
        shim = project / "shim.cjs"
        shim.write_text(READ_ONLY.replace("FROZEN", frozen))
        environment = {"NODE_OPTIONS": f"--require {shim.as_posix()}"}
        line = refused(run_node(project, "site/build.mjs", env=environment))
        assert line.endswith(" cannot be read or written: read-only file system")
        assert line.startswith("_site") == (frozen == "_site")


@pytest.mark.parametrize(
    ("script", "arguments", "line"),
    [
        ("site/build.mjs", ["x"], "npm run build knows no x: write npm run build"),
        (
            "print/pictures.mjs",
            ["--nope"],
            "npm run pictures knows no --nope: write npm run pictures",
        ),
        (
            "print/pdf.mjs",
            ["--handouts"],
            "npm run pdf knows no --handouts: write npm run pdf -- [--handout] [NAME]",
        ),
        ("print/pdf.mjs", ["none"], "there is no deck slides/none.md; there is "),
        ("check/check.mjs", ["none"], "there is no deck slides/none.md; there is "),
        ("print/get-chromium.mjs", ["x"], "npm run browser knows no x: write npm run browser"),
        ("site/site.mjs", ["x"], "make clean knows no x: write make clean"),
        ("serve/present.mjs", ["x"], "npm start knows no x: write npm start, with PORT and"),
    ],
)
def test_an_argument_that_is_none_gets_one_line(
    script: str, arguments: list[str], line: str
) -> None:
    done = run_node(ROOT, script, *arguments)
    assert refused(done).startswith(line)
    assert done.stdout == ""


class Small:
    """A folder `_site` into which sites of a few files are put as a build puts its own."""

    PUT = (
        "import { command } from './project.mjs';"
        "import { putInPlace, SITE } from './site/site.mjs';"
        "await command(() => putInPlace(process.argv[2], SITE));"
    )

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "_site"
        programs = folder / "slides" / "reveal"
        (programs / "site").mkdir(parents=True)
        for name in ("site/site.mjs", "project.mjs"):
            shutil.copy(ROOT / "slides" / "reveal" / name, programs / name)
        (programs / "put.mjs").write_text(self.PUT)

    def put(self, *files: str) -> list[str]:
        """Put a site of these files in place; return what was said where that was refused."""
        built = self.folder / "built"
        shutil.rmtree(built, ignore_errors=True)
        for file in files:
            (built / file).parent.mkdir(parents=True, exist_ok=True)
            (built / file).write_text("built")
        done = run_node(self.folder, "put.mjs", str(built))
        assert done.returncode == (2 if done.stderr else 0)
        return done.stderr.splitlines()

    def clean(self) -> str:
        """Take the site away as `make clean` does; return what was said."""
        done = run_node(self.folder, "site/site.mjs")
        assert done.returncode == 0, done.stderr
        return done.stderr

    def files(self) -> dict[str, str]:
        """What lies in the folder, but for the list of it."""
        found = [file for file in self.out.rglob("*") if file.is_file()]
        texts = {file.relative_to(self.out).as_posix(): file.read_text() for file in found}
        return {name: text for name, text in texts.items() if name != ".built-from-slides"}


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Return a folder for small sites."""
    return Small(tmp_path / "small")


def test_a_build_writes_over_nothing_that_no_build_wrote(small: Small, tmp_path: Path) -> None:
    assert small.put("index.html", "code/a.py") == []
    (small.out / "new.html").write_text("precious")
    before = small.files()
    (line,) = small.put("index.html", "new.html", "other.html")
    assert line.startswith("_site/new.html: this build did not write that")
    assert small.files() == before
    # Nor through a link that has taken the place of what it wrote.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.py").write_text("precious")
    shutil.rmtree(small.out / "code")
    (small.out / "code").symlink_to(elsewhere, target_is_directory=True)
    (line,) = small.put("index.html", "code/a.py")
    assert line.startswith("_site/code: ")
    assert small.put("index.html") == []
    assert (elsewhere / "a.py").read_text() == "precious"


def test_a_list_from_elsewhere_removes_nothing_outside_of_the_site(small: Small) -> None:
    precious = small.folder / "precious.txt"
    history = small.out / ".git" / "HEAD"
    history.parent.mkdir(parents=True)
    own = [precious, history, small.out / "own.txt"]
    for file in own:
        file.write_text("precious")
    told = ["../precious.txt", "x/../../precious.txt", str(precious), ".git/HEAD", 3, ""]
    (small.out / ".built-from-slides").write_text(json.dumps(told))
    assert small.put("index.html") == []
    assert [file.read_text() for file in own] == ["precious"] * 3
    (small.out / ".built-from-slides").write_text("no list")
    (line,) = small.put("index.html", "other.html")
    assert line.startswith("_site/index.html: ")


def test_make_clean_takes_away_what_was_built_alone(small: Small) -> None:
    assert small.put("index.html", "static/img/a.png") == []
    assert small.clean() == ""
    assert not small.out.exists()
    assert small.put("index.html", "static/img/a.png") == []
    (small.out / "CNAME").write_text("precious")
    said = "make clean: _site keeps what no build wrote: CNAME\n"
    assert small.clean() == said
    assert small.files() == {"CNAME": "precious"}
    assert not (small.out / "static").exists()
    assert small.put("index.html") == []
    assert small.files() == {"CNAME": "precious", "index.html": "built"}
    (small.out / ".built-from-slides").unlink()
    assert small.clean().startswith("make clean: _site keeps what no build wrote: ")
    (small.out / ".git").mkdir()
    assert small.clean() == "make clean: _site is a git checkout and stays\n"
    assert small.files() == {"CNAME": "precious", "index.html": "built"}


@pytest.mark.parametrize("script", ["site/build.mjs", "print/pdf.mjs"])
def test_without_the_packages_one_line_says_what_to_run(project: Path, script: str) -> None:
    (project / "node_modules").unlink()
    assert "is not installed: run npm ci" in refused(run_node(project, script))
