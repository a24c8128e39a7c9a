"""The directives of a deck: code and values, and every way to get one wrong."""

from __future__ import annotations

import ast
import html
import json
import subprocess
import textwrap
from pathlib import Path

import pytest

from conftest import ROOT, run_node

RESULT = {
    "network": "net",
    "note": '<b>"bold" & *starred* _under_</b>',
    "parameters": 61706,
    "macs": 651720,
    "recipe": {"lr": 0.05},
    "empty": None,
    "runs": [
        {
            "seconds": 183.2,
            "history": [
                {
                    "epoch": epoch,
                    "train_loss": 2.0 / epoch,
                    "validation_loss": 2.2 / epoch,
                    "validation_accuracy": 0.1 * epoch,
                }
                for epoch in range(1, 8)
            ],
        }
    ],
    "one": {"mean": 0.7371, "std": 0.0, "n": 1},
    "three": {"mean": 0.7371, "std": 0.0042, "n": 3},
}

NET = '''\
"""A module that says class Net: in its docstring.

class Net:
    not_this = True
"""

# %%
@decorated(
    "class Net",
)
class Net(Base):
    """What it is.

    def forward(self): not this one
    """

    text = """
def forward():
"""

    def __init__(self, size: int = (1 + 2)) -> None:
        """Only a line."""
        self.size = size  # "a quote that is never closed

    async def forward(self, x):
        return {"}": x, '"': f"{x}"} \\
            or None
        # the last word

    # about nothing


# %% [markdown]
def after(): return "`" + "```"
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with one lesson and one record, of which tests know every byte."""
    (tmp_path / "code").mkdir()
    (tmp_path / "static" / "results").mkdir(parents=True)
    (tmp_path / "code" / "net.py").write_text(NET, encoding="utf-8")
    (tmp_path / "static" / "net.json").write_text(json.dumps(RESULT), encoding="utf-8")
    (tmp_path / "static" / "broken.json").write_text('{"a": ', encoding="utf-8")
    (tmp_path / "secret.json").write_text('{"a": "secret"}', encoding="utf-8")
    return tmp_path


def node(script: str, *arguments: str) -> object:
    """Run a script that may import the deck's modules; return what it prints as JSON."""
    run = subprocess.run(
        ["node", "--input-type=module", "-e", script, *arguments],
        cwd=ROOT / "slides" / "reveal",
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def expand(root: Path, markdown: str) -> dict:
    """Fill in a deck whose Markdown begins on line 10 of slides/deck.md."""
    context = {
        "root": str(root),
        "file": "slides/deck.md",
        "firstLine": 10,
        "separator": "<!--s-->",
        "verticalSeparator": "<!--v-->",
        "staticBase": "BASE",
    }
    return node(
        "import { expand } from './directives.mjs';"
        "const [markdown, context] = process.argv.slice(1);"
        "console.log(JSON.stringify(expand(markdown, JSON.parse(context))));",
        markdown,
        json.dumps(context),
    )


def filled(root: Path, directive: str) -> str:
    """Return what stands on the slide in place of a good directive."""
    deck = expand(root, directive)
    assert deck["problems"] == []
    return deck["markdown"].strip()


def test_a_definition_comes_with_its_decorators_and_without_its_docstring(root: Path) -> None:
    shown = filled(root, "{{ code/net.py: Net }}").split("\n")
    assert shown[:6] == [
        "```python",
        "@decorated(",
        '    "class Net",',
        ")",
        "class Net(Base):",
        '    text = """',
    ]
    assert shown[-6:] == [
        "        # the last word",
        "",
        "    # about nothing",
        "```",
        "",
        '<p class="source">code/net.py</p>',
    ]
    assert "What it is" not in "\n".join(shown)


def test_a_method_is_dedented_and_stepped(root: Path) -> None:
    assert filled(root, "{{ code/net.py: Net.__init__ [1|2] }}") == textwrap.dedent(
        """\
        ```python [1|2]
        def __init__(self, size: int = (1 + 2)) -> None:
            self.size = size  # "a quote that is never closed
        ```

        <p class="source">code/net.py</p>"""
    )


def test_a_docstring_stays_when_asked_for(root: Path) -> None:
    assert '    """Only a line."""\n' in filled(root, "{{ code/net.py: Net.__init__ | docstring }}")


def test_a_fence_is_longer_than_any_in_the_code(root: Path) -> None:
    shown = filled(root, "{{ code/net.py: after }}")
    assert shown.startswith("````python\ndef after()")
    assert "\n````\n" in shown


def python_definitions(source: str) -> dict[str, tuple[int, int]]:
    """Return the lines, from 0, of each definition in the module and directly in another one."""
    found: dict[str, tuple[int, int]] = {}

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for item in body:
            if isinstance(item, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([item.lineno, *(d.lineno for d in item.decorator_list)])
                found[prefix + item.name] = (first - 1, item.end_lineno - 1)
                walk(item.body, f"{prefix}{item.name}.")

    walk(ast.parse(source).body, "")
    return found


def test_definitions_are_found_where_python_finds_them() -> None:
    library = [Path(module.__file__) for module in (ast, json.decoder, subprocess, textwrap)]
    scripts = sorted({*(ROOT / "code").rglob("*.py"), *(ROOT / "tests").glob("*.py"), *library})
    found = node(
        "import fs from 'node:fs'; import { definitions } from './python.mjs';"
        "const read = (file) => fs.readFileSync(file, 'utf8').replaceAll('\\r\\n', '\\n');"
        "const list = (file) => definitions(read(file)).map((d) => [d.name, d.first, d.last]);"
        "console.log(JSON.stringify(process.argv.slice(1).map(list)));",
        *map(str, scripts),
    )
    for script, ours in zip(scripts, found, strict=True):
        source = script.read_text(encoding="utf-8")
        lines = source.split("\n")
        shown = {}
        for name, first, last in ours:
            # We keep the comments that close a body; Python's last line is that of a statement.
            while lines[last].lstrip().startswith("#") or not lines[last].strip():
                last -= 1
            shown[name] = (first, last)
        expected = python_definitions(source)
        assert shown == expected, script
        assert shown or "def " not in source


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("network", "net"),
        ("recipe.lr", "0.05"),
        ("parameters | integer", "61,706"),
        ("parameters | millions", "0.06\u00a0M"),
        ("macs | millions", "0.65\u00a0M"),
        ("recipe.lr | decimals 3", "0.050"),
        ("one.mean | percent", "73.7%"),
        ("one | percent", "73.7%"),
        ("three | percent", "73.7\u00a0±\u00a00.4%"),
        ("runs.0.seconds | duration", "3\u00a0min 3\u00a0s"),
        ("macs | duration", "181\u00a0h 2\u00a0min"),
    ],
)
def test_a_value_is_written_for_an_audience(root: Path, what: str, shown: str) -> None:
    assert filled(root, f"It is {{{{ static/net.json: {what} }}}}.") == f"It is {shown}."


def test_a_value_is_text_whatever_it_holds(root: Path) -> None:
    shown = filled(root, "{{ static/net.json: note }}")
    assert not set(shown) & set("<>\"'*_")


def test_a_training_is_drawn_without_blank_lines(root: Path) -> None:
    shown = filled(root, "{{ static/net.json: runs.0.history | curve }}")
    assert "\n\n" not in shown
    assert shown.count("<svg") == 2
    assert "validation from 10% to 70%" in shown
    assert "NaN" not in shown


def test_code_is_left_as_it_is(root: Path) -> None:
    deck = (
        "\n`{{ code/no.py: X }}` and `` ` {{ static/no.json: x }} ``\n\n"
        '````python\n```\n{{ code/no.py: X }}\n<img src="static/no.png">\n'
        "                deep\n````\n"
    )
    assert expand(root, deck) | {"slides": []} == {"markdown": deck, "slides": [], "problems": []}


def test_names_of_static_files_lead_where_the_page_finds_them(root: Path) -> None:
    (root / "static" / "a.png").touch()
    deck = (
        '<img src="static/a.png"> ![a](static/a.png)\n'
        '<!-- .slide: data-background-image="static/a.png" -->'
    )
    assert filled(root, deck) == deck.replace("static/", "BASE/")


def test_a_deck_from_windows_is_the_same_deck(root: Path) -> None:
    deck = "# A\n\n{{ code/net.py: Net.forward }}\n\n<!--s-->\n\n# B\n"
    assert expand(root, deck.replace("\n", "\r\n")) == expand(root, deck)


BAD = [
    ("{{ code/no.py: Net }}", "there is no such file; there is code/net.py"),
    (
        "{{ code/net.py: Not }}",
        "there is no Not in it; it has Net, Net.__init__, Net.forward, after",
    ),
    (
        "{{ code/net.py: Net.forward [1|2-9] }}",
        "the steps go to line 9, but Net.forward has 4 lines",
    ),
    ("{{ code/net.py: Net | percent }}", "code takes the option docstring, not percent"),
    (
        "{{ static/no.json: a }}",
        "there is no such file; there is static/broken.json, static/linked.json, static/net.json",
    ),
    ("{{ static/net.json: recipe.rate }}", "there is no key rate under recipe; there is lr"),
    (
        "{{ static/net.json: parameters.length }}",
        "there is no key length under parameters; there is nothing",
    ),
    ("{{ static/net.json: constructor }}", "there is no key constructor"),
    ("{{ static/net.json: empty }}", "that is not a single value"),
    ("{{ static/net.json: recipe | integer }}", '{"lr":0.05} is not a number'),
    ("{{ static/net.json: network | percent }}", '"net" is not a number'),
    (
        "{{ static/net.json: parameters | euros }}",
        "there is no format euros; there is text, integer",
    ),
    ("{{ static/net.json: runs | curve }}", "a curve needs a list of two or more epochs"),
    ("{{ static/net.json: parameters [1] }}", "only code has steps"),
    ("{{ static/broken.json: a }}", "that is not JSON"),
    ("{{ secret.json: a }}", "a directive reads code/….py or static/….json"),
    ("{{ static/../secret.json: a }}", "the path leaves static/"),
    ("{{ static/linked.json: a }}", "the path leaves static/"),
    ("{{ /etc/passwd: a }}", "a directive reads code/….py or static/….json"),
    ("{{ code/net.py }}", "that cannot be read; write"),
    ("{{ code/net.py: Net", "{{ has no }} on its line"),
    ("- {{ code/net.py: Net }}", "code and curves need a line of their own"),
    ('<img src="static/no.png">', "there is no such file"),
    ("Note: a\n\nNote: b", "a second Note: in one slide"),
]


def test_every_mistake_names_its_line_and_makes_a_slide_of_its_own(root: Path) -> None:
    (root / "static" / "linked.json").symlink_to(root / "secret.json")
    good = "# Good\n\n{{ static/net.json: network }}\n\n<!--s-->\n\n"
    for bad, message in BAD:
        deck = expand(root, f"{good}# Bad\n\n{bad}\n\n<!--v-->\n\n# Good again\n")
        (problem,) = deck["problems"]
        assert problem["file"] == "slides/deck.md"
        assert problem["line"] == 10 + 8 + bad.count("\n"), bad
        assert message in problem["message"], bad
        assert "secret" not in deck["markdown"].replace("secret.json", "")
        first, second, third = deck["slides"]
        assert first.strip() == "# Good\n\nnet"
        assert 'class="mistake"' in second
        assert "# Bad" not in second
        assert third.strip() == "# Good again"


def test_the_page_gets_a_deck_whatever_it_says_and_only_its_own_options() -> None:
    slide = "# </textarea><script>a()</script> &amp; &lt;\n"
    page = node(
        "import preprocess from './preprocess.mjs';"
        "const options = { separator: '<!--s-->', verticalSeparator: '<!--v-->',"
        " static: '_site', _: ['slides'], revealOptions: { width: '</script>' } };"
        "const markdown = preprocess(process.argv[1], options);"
        "const broken = preprocess('# A', { ...options, separator: '(' });"
        "console.log(JSON.stringify({ markdown, broken, options }));",
        slide,
    )
    assert "<" not in page["markdown"]
    assert html.unescape(page["markdown"]).strip() == slide.strip()
    assert "front matter" in page["broken"]
    assert json.loads(page["options"]["deckOptions"]) == {"width": "</script>"}
    assert "<" not in page["options"]["deckOptions"]


def test_this_projects_deck_has_no_mistake(project: Path) -> None:
    built = run_node(project, "build.mjs")
    assert (built.returncode, built.stderr) == (0, "")
