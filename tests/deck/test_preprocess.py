"""The directives of a deck: code and values, and every way to get one wrong."""

from __future__ import annotations

import ast
import html
import json
import re
import textwrap
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

import tiny_models
from conftest import ROOT
from expanding import call, end_caller, expand
from tiny_models import CLASSES

RESULT = {
    "network": "net",
    "note": '<b>"bold" & *starred* _under_</b>',
    "parameters": 61706,
    "macs": 651720,
    "recipe": {"lr": 0.05},
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
    "one": {"mean": 0.7371, "n": 1},
    "three": {"mean": 0.7371, "std": 0.0042, "n": 3},
}

STAGES = [
    ("conv1", "2 x conv 3x3", [16, 32, 32], 464, 458_752),
    ("pool", "average", [16, 1, 1], 0, 0),
    ("fc", "", [10], 61_242, 640),
]

FACTS = {
    "net": {
        "name": "Net-*3*",
        "input": [3, 32, 32],
        "parameters": 61_706,
        "macs": 459_392,
        "stages": [
            {"name": name, "kind": kind, "output": output, "parameters": parameters, "macs": macs}
            for name, kind, output, parameters, macs in STAGES
        ],
    }
}

DRAWING = """\
<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50" viewBox="0 0 100 50"
     role="img" aria-labelledby="t d">
<title id="t">Two blocks</title>

<desc id="d">One block, and another.</desc>
<!-- a comment -->
<defs><linearGradient id="g"/></defs>
<g data-step="0"><g class="op" tabindex="0"><title>conv 3x3: "8" maps</title>
<rect fill="url(#g)" width="9" height="9"/></g></g>
<g data-step="1" class="late"><g class="op" tabindex="0"><title>pool</title><use href="#g"/></g></g>
</svg>
"""

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
    (tmp_path / "static" / "facts.json").write_text(json.dumps(FACTS), encoding="utf-8")
    (tmp_path / "static" / "two.svg").write_text(DRAWING, encoding="utf-8")
    (tmp_path / "static" / "broken.json").write_text('{"a": ', encoding="utf-8")
    (tmp_path / "secret.json").write_text('{"a": "secret"}', encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def _end_of_caller() -> Iterator[None]:
    yield
    end_caller()


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
        '<p class="source"><a href="BASE/code/net.py">code/net.py</a></p>',
    ]
    assert "What it is" not in "\n".join(shown)


def test_a_method_is_dedented_and_stepped(root: Path) -> None:
    assert filled(root, "{{ code/net.py: Net.__init__ [1|2] }}") == textwrap.dedent(
        """\
        ```python [1|2]
        def __init__(self, size: int = (1 + 2)) -> None:
            self.size = size  # "a quote that is never closed
        ```

        <p class="source"><a href="BASE/code/net.py">code/net.py</a></p>"""
    )


def test_code_comes_without_types_and_with_its_docstring_when_asked_for(root: Path) -> None:
    (root / "code" / "net.py").write_text(
        textwrap.dedent(
            '''\
            class Net:
                kinds: dict[str, int] = {"a": 1}

                def forward(self, x: Tensor) -> Tensor:  # (N, C)
                    """Says so."""
                    return x


            async def train(
                model: nn.Module, *images: Tensor, rate: float = 0.1, momentum: float | None = None,
                batch_size: int = 128,
            ) -> None:
                ...
            '''
        )
    )
    shown = filled(root, "{{ code/net.py: Net [5] | untyped docstring }}").split("\n")
    assert shown[1:-3] == [
        "class Net:",
        '    kinds = {"a": 1}',
        "",
        "    def forward(self, x):  # (N, C)",
        '        """Says so."""',
        "        return x",
    ]
    shown = filled(root, "{{ code/net.py: train | untyped }}").split("\n")
    assert shown[1:-3] == [
        "async def train(",
        "    model, *images, rate=0.1, momentum=None, batch_size=128,",
        "):",
        "    ...",
    ]


def test_a_fence_is_longer_than_any_in_the_code(root: Path) -> None:
    shown = filled(root, "{{ code/net.py: after }}")
    assert shown.startswith("````python\ndef after()")
    assert "\n````\n" in shown


def python_definitions(source: str) -> list[tuple]:
    """Return name, first and last line and docstring's lines of each definition, from 1."""
    found = []

    def walk(parent: ast.AST, prefix: str) -> None:
        for item in ast.iter_child_nodes(parent):
            name = prefix
            if isinstance(item, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([item.lineno, *(d.lineno for d in item.decorator_list)])
                said = item.body[0] if ast.get_docstring(item) and len(item.body) > 1 else None
                docstring = (said.lineno, said.end_lineno) if said else None
                found.append((prefix + item.name, first, item.end_lineno, docstring))
                name = f"{prefix}{item.name}."
            walk(item, name)

    walk(ast.parse(source), "")
    return sorted(found, key=lambda each: each[1])


def test_definitions_are_found_where_python_finds_them(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    scripts = [
        tmp_path / "net.py",
        *(ROOT / "code").rglob("*.py"),
        *Path(find_spec("torchvision").origin).parent.rglob("*.py"),
    ]
    for script in scripts:
        source = script.read_text(encoding="utf-8")
        ours = call("expand/python.mjs", "definitions", source)["value"]
        lines = source.split("\n")
        shown = []
        for each in ours:
            last, docstring = each["last"], each.get("docstring")
            # We keep the comments that close a body; Python's last line is that of a statement.
            while lines[last].lstrip().startswith("#") or not lines[last].strip():
                last -= 1
            said = docstring and (docstring["first"] + 1, docstring["last"] + 1)
            shown.append((each["name"], each["first"] + 1, last + 1, said))
        assert shown == python_definitions(source), script


def test_a_value_is_written_in_its_sentence(root: Path) -> None:
    shown = filled(
        root, "It is {{ static/net.json: three | percent }} of {{ static/net.json: network }}."
    )
    assert shown == "It is 73.7\u00a0±\u00a00.4% of net."


def test_a_value_is_text_whatever_it_holds(root: Path) -> None:
    shown = filled(root, "{{ static/net.json: note }}")
    assert not set(shown) & set("<>\"'*_")


def test_a_training_is_drawn_without_blank_lines(root: Path) -> None:
    shown = filled(root, "{{ static/net.json: runs.0.history | curve }}")
    assert "\n\n" not in shown
    assert shown.count("<svg") == 2
    assert "validation from 10% to 70%" in shown
    assert "NaN" not in shown
    # A first try may have one epoch.
    file = root / "static" / "net.json"
    net = json.loads(file.read_text(encoding="utf-8"))
    del net["runs"][0]["history"][1:]
    file.write_text(json.dumps(net), encoding="utf-8")
    shown = filled(root, "{{ static/net.json: runs.0.history | curve }}")
    assert shown.count("<circle") == 3
    assert "NaN" not in shown


def test_the_lessons_are_links_to_their_scripts(root: Path) -> None:
    (root / "code" / "lenet.py").touch()
    (root / "static" / "lessons.json").write_text('{"net": {}, "lenet": {}}', encoding="utf-8")
    links = [f'<a href="BASE/code/{name}.py">{name}</a>' for name in ("net", "lenet")]
    assert filled(root, "{{ static/lessons.json: . | lessons }}") == ", ".join(links)
    (root / "code" / "lenet.py").unlink()
    (problem,) = expand(root, "{{ static/lessons.json: . | lessons }}")["problems"]
    assert problem["message"] == "there is no such file; there is code/net.py"


def cells(table: str) -> list[list[str]]:
    """Return the words in the cells of an HTML table, row by row."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", table, re.DOTALL)
    return [
        [html.unescape(re.sub("<.*?>", "", cell)) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
        for row in rows
    ]


def test_a_network_is_listed_stage_by_stage(root: Path) -> None:
    shown = filled(root, "{{ static/facts.json: net | layers }}")
    times = " \u00d7 "
    assert "\n\n" not in shown
    assert f"Net-&#42;3&#42;, input 3{times}32{times}32</caption>" in shown
    assert cells(shown) == [
        ["stage", "layers", "output", "parameters", "million MACs"],
        ["conv1", "2 \u00d7 conv 3\u00d73", f"16{times}32{times}32", "464", "0.459"],
        ["pool", "average", f"16{times}1{times}1", "0", "0"],
        ["fc", "", "10", "61,242", "0.001"],
        ["in all", "", "", "61,706", "0.459"],
    ]
    shares = [float(share) for share in re.findall(r"--share:([\d.]+)%", shown)]
    assert shares == [0.8, 99.9, 0.0, 0.0, 99.2, 0.1]


def test_a_step_marks_the_rows_to_look_at(root: Path) -> None:
    shown = filled(root, "{{ static/facts.json: net | layers: conv1, fc }}")
    rows = re.findall(r'<tr(.*?)><th scope="row">(.*?)</th>', shown)
    marked = ' class="marked fragment custom" data-fragment-index="0"'
    assert rows == [(marked, "conv1"), ("", "pool"), (marked, "fc"), ("", "in all")]


def test_what_is_too_little_for_its_column_is_not_called_nothing(root: Path) -> None:
    facts = json.loads(json.dumps(FACTS))
    facts["net"]["stages"][0]["macs"] += 10**10
    facts["net"]["macs"] += 10**10
    (root / "static" / "facts.json").write_text(json.dumps(facts))
    rows = cells(filled(root, "{{ static/facts.json: net | layers }}"))
    assert [row[-1] for row in rows[1:]] == ["10,000", "0", "<\u00a01", "10,000"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"macs": 1},
            "net is no network of layers: the macs of its stages sum to 459392, not to 1",
        ),
        ({"parameters": None}, "net is no network of layers: parameters of Net-*3* is not a whole"),
        ({"stages": []}, "net is no network of layers: it has no stages"),
        ({"input": [3, "a"]}, "input of Net-*3* is not a list of whole numbers"),
        ({"name": None}, "net is no network of layers: it has no name"),
    ],
)
def test_facts_that_do_not_add_up_are_not_shown(
    root: Path, change: dict[str, object], message: str
) -> None:
    (root / "static" / "facts.json").write_text(json.dumps({"net": FACTS["net"] | change}))
    (problem,) = expand(root, "{{ static/facts.json: net | layers }}")["problems"]
    assert message in problem["message"]


def test_a_drawing_is_put_into_the_page(root: Path) -> None:
    shown = filled(root, "{{ static/two.svg | figure }}")
    assert "\n" not in shown
    assert "comment" not in shown
    drawing = ElementTree.fromstring(shown)
    svg = drawing[0]
    assert {name: svg.get(name) for name in ("role", "aria-label", "width")} == {
        "role": "group",
        "aria-label": "Two blocks",
        "width": None,
    }
    svg_names = "{http://www.w3.org/2000/svg}"
    assert list(svg.iter(f"{svg_names}title")) == []
    assert svg.find(f"{svg_names}desc").get("id") == svg.get("aria-describedby")
    operations = [g for g in svg.iter(f"{svg_names}g") if g.get("class") == "op"]
    assert [(g.get("aria-label"), g.get("tabindex"), g.get("role")) for g in operations] == [
        ('conv 3x3: "8" maps', "0", "img"),
        ("pool", "-1", "img"),
    ]
    assert "fragment" not in shown


def test_the_steps_of_a_drawing_are_the_steps_of_its_slide(root: Path) -> None:
    shown = ElementTree.fromstring(filled(root, "{{ static/two.svg | figure steps }}"))
    stepped = [g for g in shown.iter() if "data-step" in g.attrib]
    assert [(g.get("class"), g.get("data-fragment-index")) for g in stepped] == [
        ("fragment", "0"),
        ("late fragment", "1"),
    ]


def test_two_copies_of_a_drawing_share_no_id(root: Path) -> None:
    shown = expand(root, "{{ static/two.svg | figure }}\n\n{{ static/two.svg | figure }}")[
        "markdown"
    ]
    ids = re.findall(r' id="(.*?)"', shown)
    assert len(ids) == len(set(ids)) == 4
    named = re.findall(r'url\(#(.*?)\)|href="#(.*?)"|aria-describedby="(.*?)"', shown)
    assert {"".join(name) for name in named} == set(ids)


def test_an_image_without_operations_stays_an_image(root: Path) -> None:
    plain = "<svg viewBox='0 0 1 1'><title>A dot</title><g><title>no</title></g></svg>"
    (root / "static" / "plain.svg").write_text(plain)
    shown = filled(root, "{{ static/plain.svg | figure }}")
    assert 'role="img" aria-label="A dot"' in shown
    assert "figcaption" not in shown


def record(network: str, **changes: object) -> dict[str, object]:
    """Return the record of a network, with its changes."""
    runs = json.loads(json.dumps(RESULT["runs"]))
    accuracy = {"mean": 0.9, "std": 0.01, "n": 3}
    default = {"network": network, "variant": "default", "dataset": "data-1", "device": "CPU"}
    runs[0] |= {"device": changes.pop("device", "CPU"), "precision": "float32"}
    counts = {"macs": 10**6, "parameters": 2000, "recipe": {"epochs": 7}}
    return default | counts | {"runs": runs, "accuracy": accuracy} | changes


def write_records(root: Path, *records: dict[str, object]) -> None:
    """Put records into the project."""
    for written in records:
        path = root / "static" / "results" / f"{written['network']}.json"
        path.write_text(json.dumps(written))


def test_all_records_are_compared_with_their_cost(root: Path) -> None:
    # Without the auxiliary classifiers that the record counts as well.
    facts = {"b": {"cifar10": {"name": "B-20", "parameters": 1_230_000}}}
    (root / "static" / "facts.json").write_text(json.dumps(facts))
    once = {"mean": 0.8, "n": 1}
    write_records(root, record("b", macs=4 * 10**7), record("a", accuracy=once), {"network": "c"})
    shown = filled(root, "{{ static/results: accuracy | compare macs }}")
    assert "\n\n" not in shown
    assert "NaN" not in shown
    nbsp = "\u00a0"
    assert cells(shown) == [
        ["network", "accuracy", "epochs", "parameters", "MACs"],
        ["a", "80.0%", "7", f"0.00{nbsp}M", f"1.00{nbsp}M"],
        ["B-20", f"90.0{nbsp}±{nbsp}1.0%", "7", f"1.23{nbsp}M", f"40.0{nbsp}M"],
    ]
    assert "over several runs (B-20: 3), else one run. Trained on CPU, float32.</caption>" in shown
    assert shown.count('class="point"') == 2
    assert shown.count('class="spread"') == 1
    assert "Test accuracy, data-1" in shown
    left, right = (float(x) for x in re.findall(r'class="point" cx="([\d.]+)"', shown))
    assert left < right
    write_records(root, record("a"))
    shown = filled(root, "{{ static/results: accuracy | compare macs }}")
    assert ": ± standard deviation over 3 runs of each. Trained on CPU, float32.</caption>" in shown
    some = filled(root, "{{ static/results: accuracy | compare macs: a }}")
    assert [row[0] for row in cells(some)] == ["network", "a"]


def test_times_of_several_devices_say_which(root: Path) -> None:
    write_records(root, record("a", device="CPU"))
    write_records(root, record("b", device="GPU", dataset="data-2"))
    shown = filled(root, "{{ static/results: accuracy | compare seconds }}")
    assert "Trained on CPU, float32: a; GPU, float32: b (data-2).</caption>" in shown
    assert cells(shown)[0][-1] == "training"


def test_one_far_below_the_others_is_named_and_does_not_stretch_the_axis(root: Path) -> None:
    for n, mean in enumerate((0.88, 0.87, 0.865, 0.6)):
        write_records(root, record(f"net{n}", accuracy={"mean": mean, "n": 1}))
    shown = filled(root, "{{ static/results: accuracy | compare macs }}")
    assert shown.count('class="point"') == 3
    assert "↓ net3, 60.0% at 1.00\u00a0M</text>" in shown
    assert re.findall(r'text-anchor="end">([\d.]+)%<', shown)[0] == "86.5"
    assert cells(shown)[4][:2] == ["net3", "60.0%"]


def test_results_on_other_images_than_most_say_on_which(root: Path) -> None:
    write_records(root, record("a", macs=10**5, dataset="data-2"), record("b"), record("c"))
    shown = filled(root, "{{ static/results: accuracy | compare macs }}")
    assert [row[0] for row in cells(shown)] == ["network", "a (data-2)", "b", "c"]
    assert "Test accuracy, data-1 where not named" in shown


def write_search(root: Path) -> None:
    """Put two searches of two generations into the project."""
    points = [(0.5, 4), (0.6, 2), (0.4, 8), (0.45, 4)]  # the last one is better than the first
    trials = [
        {"generation": place // 2, "error": error, "macs": macs * 10**6}
        for place, (error, macs) in enumerate(points)
    ]
    search = {"trials": trials, "hypervolume": [0.25, 0.5], "trained": 3}
    whole = {
        "dataset": "data-1",
        "images": {"training": 5000, "validation": 1234},
        "searches": {"nsga2": search, "random": search | {"trained": 4}},
    }
    (root / "static" / "search.json").write_text(json.dumps(whole))


def test_a_search_is_drawn_generation_by_generation(root: Path) -> None:
    write_search(root)
    shown = filled(root, "{{ static/search.json: searches.nsga2 | front generations }}")
    assert "\n\n" not in shown
    assert "NaN" not in shown
    assert cells(shown) == [
        ["generation", "front", "least error", "hypervolume"],
        ["1", "2", "50.0%", "0.250"],
        ["2", "3", "40.0%", "0.500"],
    ]
    # The second generation comes as a step, in the chart and in the table.
    assert re.findall(r'<(\w+) class="fragment" data-fragment-index="1"', shown) == ["g", "tr"]
    assert shown.count("<circle") == 4
    assert "trained on 5,000 images, and measured on 1,234 others." in shown
    first, second = (path.count("V") for path in re.findall(r'class="edge first" d="(.*?)"', shown))
    assert (first, second) == (2, 3)  # a step for each network of the front


def test_two_searches_are_told_apart_by_more_than_their_color(root: Path) -> None:
    write_search(root)
    shown = filled(root, "{{ static/search.json: searches.nsga2, searches.random | front }}")
    assert cells(shown) == [
        ["search", "trained", "least error", "hypervolume"],
        ["NSGA-II", "3", "40.0%", "0.500"],
        ["random search", "4", "40.0%", "0.500"],
    ]
    for shape, style in (("circle", "first"), ("rect", "second")):
        # Three on the front and one in the key, beside one that is dominated.
        assert len(re.findall(f'<{shape} class="trial {style} front"', shown)) == 4
        assert len(re.findall(f'<{shape} class="trial {style} dominated"', shown)) == 1
    assert re.findall(r'class="label".*?>(.*?)<', shown) == ["NSGA-II", "random search"]


def test_searches_with_other_seeds_are_thin_lines_and_a_spread(root: Path) -> None:
    write_search(root)
    path = root / "static" / "search.json"
    whole = json.loads(path.read_text())
    whole["repeats"] = 2 * [{"seed": 1, "searches": whole["searches"]}]
    mean = {"mean": 0.4, "std": 0.01, "n": 3}
    some = {"least_error": mean, "hypervolume": mean}
    whole["over_seeds"] = dict.fromkeys(whole["searches"], some)
    path.write_text(json.dumps(whole))
    shown = filled(root, "{{ static/search.json: searches.nsga2, searches.random | front }}")
    assert shown.count('class="edge other first"') == shown.count('class="edge other second"') == 2
    row = [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in cells(shown)[1]]
    assert row == ["NSGA-II", "3", "40.0 ± 1.0%", "0.400 ± 0.010"]
    assert "Thin lines: the same with 2 other seeds" in shown


def test_the_shares_of_a_search_are_means_over_its_edges(root: Path) -> None:
    rows = [[[0.5, 0.5], [0.5, 0.5]], [[0.75, 0.25], [0.25, 0.75]], [[0.9, 0.1], [0.5, 0.5]]]
    history = [{"epoch": n, "normal": row} for n, row in enumerate(rows, 1)]
    whole = {"operations": ["sep_conv_3x3", "skip_connect"], "search": {"history": history}}
    (root / "static" / "search.json").write_text(json.dumps(whole))
    shown = filled(root, "{{ static/search.json: . | shares normal }}")
    assert shown.count("<svg") == 2  # for a slide and for a phone
    assert "over 3 epochs: sep conv 3x3 from 50% to 70%, skip from 50% to 30%" in shown
    assert re.findall(r'class="line (\w+)"', shown) == ["first", "fourth"] * 2


def test_a_still_shows_a_recorded_sample_that_the_network_gets_right(root: Path) -> None:
    (root / "package.json").write_text("{}")

    def still(**said: str) -> str:
        samples = [
            {"file": f"{name}.png", "probabilities": [float(c == answer) for c in CLASSES]}
            for name, answer in said.items()
        ]
        about = tiny_models.describe(samples=samples)
        tiny_models.write(root / "static" / "models" / "one.onnx", about)
        return filled(root, "{{ static/models/one.onnx | live }}")

    assert "<strong>cat</strong>" in still(ship="ship", cat="cat")
    assert "<strong>ship</strong>" in still(frog="dog", cat="dog", ship="ship")
    assert "<strong>dog</strong>" in still(frog="ship", cat="dog")


def test_several_trainings_are_drawn_in_one_chart(root: Path) -> None:
    plain = record("net", variant="plain")
    write_records(root, record("net", variants={"plain": plain}))
    shown = filled(root, "{{ static/results/net.json: ., variants.plain | curves train_loss }}")
    assert shown.count("<svg") == 2  # for a slide and for a phone
    assert "Training loss, data-1 over 7 epochs: net from 2 to 0.29, plain from 2" in shown
    assert re.findall(r'class="label".*?>(.*?)<', shown) == ["net", "plain"] * 2
    (x, y), (x_plain, y_plain) = label_places(shown)[:2]
    assert x == x_plain
    assert abs(y - y_plain) >= 34  # equal trainings, and yet their labels are apart


def write_short_training(root: Path) -> None:
    """Put a record into the project, and in it one of fewer epochs."""
    short = record("net", variant="short")
    del short["runs"][0]["history"][3:]
    write_records(root, record("net", variants={"short": short}))


def test_trainings_are_called_as_the_deck_says_with_their_length(root: Path) -> None:
    write_short_training(root)
    directive = "static/results/net.json: ., variants.short | curves train_loss: all of it, a part"
    shown = filled(root, f"{{{{ {directive} }}}}")
    labels = ["all of it", "7 epochs", "a part", "3 epochs"]
    assert re.findall(r'class="label".*?>(.*?)<', shown) == labels * 2
    assert "all of it from 2 to 0.29, a part from 2" in shown


def test_an_axis_shows_the_range_in_which_something_happens(root: Path) -> None:
    result = json.loads(json.dumps(RESULT))
    for row in result["runs"][0]["history"]:
        row["validation_accuracy"] = 0.8 + row["epoch"] / 100
    (root / "static" / "net.json").write_text(json.dumps(result))
    accuracy = filled(root, "{{ static/net.json: runs.0.history | curve }}").split("<svg")[1]
    assert re.findall(r'text-anchor="end">(.*?)<', accuracy) == ["80%", "82%", "84%", "86%", "88%"]
    assert re.findall(r'class="label".*?>(.*?)<', accuracy) == ["validation", "87%"]


def test_a_short_training_is_named_over_the_end_of_its_line(root: Path) -> None:
    write_short_training(root)
    shown = filled(root, "{{ static/results/net.json: ., variants.short | curves train_loss }}")
    (x, _), (x_short, y_short) = label_places(shown)[:2]
    ends = re.findall(r'class="end \w+" cx="([\d.]+)" cy="([\d.]+)"', shown)
    assert [x - 18, x_short] == [float(cx) for cx, _ in ends[:2]]
    assert y_short == pytest.approx(float(ends[1][1]) - 22)
    assert x_short < x


def label_places(shown: str) -> list[tuple[float, float]]:
    """Return where the labels of a chart's lines stand."""
    found = re.findall(r'class="label" x="([\d.]+)" y="([\d.]+)"', shown)
    return [(float(x), float(y)) for x, y in found]


def test_code_is_left_as_it_is(root: Path) -> None:
    deck = (
        "\n`{{ code/no.py: X }}` and `` ` {{ static/no.json: x }} ``\n\n"
        '````python\n```\n{{ code/no.py: X }}\n<img src="static/no.png">\n'
        "                deep\n````\n"
    )
    shown = expand(root, deck)
    assert (shown["markdown"], shown["problems"], shown["files"]) == (deck, [], [])


def test_what_lies_beside_a_deck_is_found_from_where_the_deck_lies(root: Path) -> None:
    for folder in ["slides", "slides/week2", "static"]:
        (root / folder / "img").mkdir(parents=True, exist_ok=True)
        for name in ["a.png", "größe (1) & 2.png", "demo.html"]:
            (root / folder / "img" / name).touch()
    (root / "slides" / "img" / "demo.html").write_text("<img src='a.png'><img src='not.png'>")
    for name in ["deck.md", "other.md", "week2/intro.md"]:
        (root / "slides" / name).touch()
    deck = "\n".join(
        [
            "![a](img/a.png) ![a](./img/a.png 'a') ![a](UPslides/img/a.png) "
            "[a](slides/img/a.png#x)",
            "[![a](<img/größe (1) & 2.png>)](img/gr%C3%B6%C3%9Fe%20(1)%20&amp;%202.png)",
            '<img class="a > b" srcset="img/a.png, ./img/a.png 2x"> '
            "<video poster=img/a.png></video>",
            "<!-- .slide: data-background-image='img/a.png, static/img/a.png' -->",
            '<!-- .slide: data-background="img/a.png" data-background-iframe="img/demo.html" -->',
            '<!-- .slide: data-background="#aabbcc" class="no.png" --> <!-- <img src="no.png"> -->',
            '<p style="background: url(img/a.png), url(UPstatic/img/a.png)" title="src=no.png">',
            "<style>.a { background: url('img/a.png') } /* url(no.png) */</style>",
            "[a]: img/a.png",
            "<script>const a = '<img src=\"no.png\">';</script>",
            '<use href="#a"/> [a](#/2) ![a](data:image/png;base64,AAAA) <a href="">a</a>',
            "[a](https://example.org/a.png) <//example.org> [a](mailto:a@example.org) f\\[x](y)",
            "`![a](no.png)` ``a ` <img src='no.png'>``",
            "~~~html\n<img src='no.png'>\n~~~",
            "[a](HOMEother.md#/2) <a href='HOMEweek2/intro.md'>a</a> [a](live.html?network=net) "
            "[a](UPcode/net.py)",
        ]
    )

    def expanded(file: str, up: str, home: str, assets: str) -> tuple[list[str], dict]:
        text = deck.replace("UP", up).replace("HOME", home)
        shown = expand(root, text, file=file, assets=assets)
        assert shown["problems"] == []
        return shown["markdown"].strip().split("\n"), shown

    lines, shown = expanded("slides/deck.md", "../", "", ".")
    big = "./slides/img/gr%C3%B6%C3%9Fe%20%281%29%20&amp;%202.png"
    assert lines[:9] == [
        "![a](./slides/img/a.png) ![a](./slides/img/a.png 'a') ![a](./slides/img/a.png) "
        "[a](./slides/img/a.png#x)",
        f"[![a](<{big}>)]({big})",
        '<img class="a > b" srcset="./slides/img/a.png, ./slides/img/a.png 2x"> '
        "<video poster=./slides/img/a.png></video>",
        "<!-- .slide: data-background-image='./slides/img/a.png, ./static/img/a.png' -->",
        '<!-- .slide: data-background="./slides/img/a.png" '
        'data-background-iframe="./slides/img/demo.html" -->',
        deck.split("\n")[5],
        '<p style="background: url(./slides/img/a.png), url(./static/img/a.png)" '
        'title="src=no.png">',
        "<style>.a { background: url('./slides/img/a.png') } /* url(no.png) */</style>",
        "[a]: ./slides/img/a.png",
    ]
    assert lines[9:-1] == deck.split("\n")[9:-1]
    assert lines[-1] == (
        "[a](./other.html#/2) <a href='./week2/intro.html'>a</a> [a](./live.html?network=net) "
        "[a](./code/net.py)"
    )
    names = ["a.png", "demo.html", "größe (1) & 2.png"]
    assert sorted(shown["files"]) == [f"slides/img/{name}" for name in names]

    lines, shown = expanded("slides/week2/intro.md", "../../", "../", "/_assets")
    assert lines[0].startswith("![a](/_assets/slides/week2/img/a.png) ![a](/_assets/slides/week2/")
    assert lines[0].endswith("(/_assets/slides/img/a.png) [a](/_assets/slides/img/a.png#x)")
    assert lines[-1] == (
        "[a](/other.md#/2) <a href='/week2/intro.md'>a</a> [a](/live.html?network=net) "
        "[a](/_assets/code/net.py)"
    )
    assert "slides/week2/img/a.png" in shown["files"]

    lines, _ = expanded("slides/week2/intro.md", "../../", "../", "./..")
    assert lines[0].startswith("![a](./../slides/week2/img/a.png)")
    assert lines[-1].startswith("[a](./../other.html#/2) <a href='./../week2/intro.html'>")


def blocks(markdown: str) -> str:
    """Fill in a good deck whose bibliography has an entry; return it without blank lines."""
    deck = expand(ROOT, markdown, bibliography={"he": "He, [paper](code/lenet.py)"})
    assert deck["problems"] == []
    return re.sub(r"\n{2,}", "\n", deck["markdown"].strip())


def test_columns_are_written_as_in_pandoc_and_quarto() -> None:
    listing = "```text\n::: columns\n```"
    deck = f':::: {{.columns #two}}\n::: column\nA\n:::\n::: {{.b width="40%" lang=fr}}\n{listing}'
    assert blocks(f"{deck}\n:::\n::::\n::: right\nB\n:::").split("\n") == [
        '<div class="columns" id="two">',
        *('<div class="column">', "A", "</div>"),
        *('<div class="b" style="width: 40%" lang="fr">', *listing.split("\n"), "</div>"),
        *("</div>", '<div class="right">', "B", "</div>"),
    ]


def test_a_callout_is_written_as_on_github() -> None:
    listing = "```python\nx\n```"
    quoted = listing.replace("\n", "\n> ")
    deck = f"> [!NOTE]\n> A\n> {quoted}\n{listing}\n> [!TIP] Own *title*\n>\n> B\n> [!X]\n\n> Said"
    assert blocks(deck).split("\n") == [
        *('<div class="callout callout-note">', "**Note**", "A", *listing.split("\n"), "</div>"),
        *listing.split("\n"),
        *('<div class="callout callout-tip">', "**Own *title***", "B", "</div>"),
        *('<div class="callout callout-x">', "**X**", "</div>"),
        "> Said",
    ]


def test_a_footnote_stands_at_the_foot_of_each_slide_that_refers_to_it() -> None:
    deck = (
        "A[^b] and[^he] and[^b], `[^1]`, \\[^1]\n\n[^b]: Of B,\n  and so on\n\n"
        "Note:\nSaid[^1].\n\n<!--s-->\n\n# C[^c]\n\n<!--s-->\n\n[^c]: Of C"
    )
    assert blocks(deck).split("\n") == [
        "A<sup>1</sup> and<sup>2</sup> and<sup>1</sup>, `[^1]`, \\[^1]",
        "**1** Of B, and so on<br>**2** He, [paper](BASE/code/lenet.py)",
        '<!-- .element: class="cite" -->',
        *("Note:", "Said[^1].", "<!--s-->", "# C<sup>1</sup>", "**1** Of C"),
        *('<!-- .element: class="cite" -->', "<!--s-->"),
    ]


def test_braces_behind_a_backslash_are_no_directive(root: Path) -> None:
    assert filled(root, "\\{{ x }} and \\{{") == "\\{{ x }} and \\{{"


def test_a_diagram_is_drawn_with_what_it_shows_in_words_and_nothing_from_elsewhere(
    root: Path,
) -> None:
    call("expand/diagram.mjs", "prepareDiagrams", "```mermaid")
    listing = "```mermaid\ngraph LR;\n  accTitle: A < B\n  A{{a*b}}-->|`b`|B;\n```"
    drawing = filled(root, listing)
    figure = ElementTree.fromstring(drawing)
    assert figure[0].get("aria-label") == "A < B"
    texts = [text.text for text in figure.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["`b`", "a*b", "B"]
    assert not re.search("<style|@import|https?://(?!www.w3.org/2000/svg)", drawing)
    both = filled(root, f"{listing}\n\n{listing}")
    ids = re.findall(r' id="(.*?)"', both)
    assert len(ids) == len(set(ids)) == 4
    assert filled(root, f"````text\n{listing}\n````") == f"````text\n{listing}\n````"


@pytest.mark.parametrize(
    ("lines", "at", "message"),
    [
        ("A\n:::\n", 1, "there is no ::: name that this closes"),
        ("::: columns\nA\n\nNote:\n:::\n", 0, "no ::: closes it on its slide"),
        ("::: {.a b}\n:::\n", 0, 'b is neither .class, #id nor name="value"'),
        ("A\n\nB[^x]\n", 2, "it has no text: write [^x]: …"),
        ("A\n\n[^x]: B\n", 2, "no slide refers to it by [^x]"),
        ("A[^x]\n\n[^x]: B\n[^x]: C\n", 3, "it has a text already, above: leave one of the two"),
        ("> [!NOTE]\n> A[^b]\n\n{{ x }}\n\n[^b]: B", 3, "for braces, write \\{{"),
        ("A[^b]\n\nNote:\n{{ x }}\n[^b]: B", 3, "for braces, write \\{{"),
        ("::: a\n:::\n\n$\\foo$\n", 3, "Undefined control sequence"),
        ("```mermaid\ngraph LR\nA-->B\n```\n", 0, "say what the diagram shows: accTitle: …"),
        ("A\n```mermaid\npie\naccTitle: A\n```\n", 1, "Invalid mermaid header"),
        ("```mermaid\ngraph LR\naccTitle: A\nA--oB\n```\n", 3, "cannot be drawn: A --oB"),
        ("```mermaid\ngraph LR\naccTitle: A\nA[x-->B\n```\n", 3, "cannot be drawn: A[x"),
        (
            "```mermaid\ngraph LR\naccTitle: A\nA-->B\nsubgraph S\nA-->B\nend\n```\n",
            0,
            "write the nodes of a subgraph inside of it",
        ),
        (
            "```mermaid\ngraph LR\naccTitle: A\nA-->B\nsubgraph S\nC-->B\n```\n",
            4,
            "no line that says end",
        ),
    ],
)
def test_a_mistake_in_a_block_is_told_with_its_line(
    root: Path, lines: str, at: int, message: str
) -> None:
    call("expand/diagram.mjs", "prepareDiagrams", "```mermaid")
    (problem,) = expand(root, f"# Good\n\n::: b\n> [!TIP]\n:::\n<!--s-->\n{lines}")["problems"]
    assert problem["line"] == 10 + 6 + at
    assert message in problem["message"]


def test_a_lesson_for_the_page_that_is_not_whole_says_what_it_lacks(root: Path) -> None:
    lesson = json.loads((ROOT / "static/learn/lenet.json").read_text(encoding="utf-8"))
    (root / "static/half.json").write_text(json.dumps(lesson | {"parameters": []}))
    (problem,) = expand(root, "{{ static/half.json: . | learn }}")["problems"]
    assert "parameters.0 is missing: python -m course.learning" in problem["message"]


def test_a_deck_from_windows_is_the_same_deck(root: Path) -> None:
    deck = "# A\n\n{{ code/net.py: Net.forward }}\n\n<!--s-->\n\n# B\n"
    assert expand(root, deck.replace("\n", "\r\n")) == expand(root, deck)


def test_a_slide_tells_the_speaker_view_how_long_it_takes(root: Path) -> None:
    deck = expand(root, "# A\n\nNote:\n3 minutes.\n\nB\n<!--s-->\n# C\n\nNote:\nLater, 5 minutes.")
    assert 'data-timing="180"' in deck["slides"][0]
    assert "data-timing" not in deck["slides"][1]


def test_values_of_one_missing_record_are_one_mistake(root: Path) -> None:
    values = [f"{{{{ static/no.json: {key} | integer }}}}" for key in "abc"]
    deck = expand(root, f"{values[0]} {values[1]}\n{values[2]}\n\n{{{{ static/net.json: no }}}}")
    assert len(deck["problems"]) == 4
    assert deck["slides"][0].count("<li>") == 2
    assert "</code> and 2 more<br>" in deck["slides"][0]
    assert "slides/deck.md, lines 10, 11</small>" in deck["slides"][0]


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
    ("{{ code/net.py: Net.forward [3-1] }}", "the step 3-1 is no lines: they count from 1"),
    ("{{ code/net.py: Net.forward [0|1] }}", "the step 0 is no lines: they count from 1"),
    ("{{ code/net.py: Net | percent }}", "code takes the options docstring and untyped, not perce"),
    (
        "{{ static/no.json: a }}",
        "there is no such file; there is static/broken.json, static/facts.json, static/net.json",
    ),
    ("{{ static/net.json: recipe.rate }}", "there is no key rate under recipe; there is lr"),
    ("{{ static/net.json: recipe | integer }}", '{"lr":0.05} is not a number'),
    ("{{ static/net.json: network | curve }}", "a curve needs a list of epochs"),
    (
        "{{ static/net.json: parameters [1] }}",
        "that cannot be read; write {{ static/FILE.json: key | format }}",
    ),
    (
        "{{ static/net.json: runs, one | curves train_loss }}",
        "curves are of records, which have network",
    ),
    ("{{ static/net.json: one, . | curves loss }}", "curves are of train_loss, validation_loss"),
    ("{{ static/results: accuracy | compare euros }}", "records compare by parameters, macs"),
    ("{{ static/results: accuracy | compare macs }}", "no record has accuracy"),
    ("{{ static/models | live: good, best }}", "there is no best in it; there is "),
    ("{{ static/net.json: one | front }}", "one is no search: it has no trials"),
    ("{{ static/net.json: . | shares normal }}", "shares are of a search with operations"),
    ("{{ static/net.json: . | shares }}", "shares takes normal, reduction, not nothing"),
    ("{{ static/net.json: one | front slowly }}", "front takes generations, not slowly"),
    ("{{ static/net.json: one, runs | front generations }}", "front generations draws at most 1"),
    ("{{ static/facts.json: net | layers: conv2 }}", "net has no stage conv2; it has conv1, pool"),
    ("{{ static/net.json: one | front: a }}", "front takes no names behind a colon"),
    ("{{ static/net.json: one | layers }}", "one is no network of layers: it has no name"),
    (
        "{{ static/two.svg | figure slowly }}",
        "that cannot be read; write {{ static/img/FILE.svg | figure }} or ",
    ),
    ("{{ static/two.svg: a | figure }}", "that cannot be read; write"),
    ("{{ static/two.svg }}", "that cannot be read; write {{ static/img/FILE.svg | figure }} or "),
    ("{{ static/net.json: one | figure }}", "there is no format figure; there is text, integer"),
    ("{{ static/unstepped.svg | figure steps }}", 'it has no <g data-step="…"> to step'),
    ("{{ static/scripted.svg | figure }}", "a figure holds no script, event handler"),
    ("{{ static/untitled.svg | figure }}", "it has no <title> that says what it shows"),
    ("{{ static/no.svg | figure }}", "there is no such file; there is static/scripted.svg"),
    ("- {{ static/two.svg | figure }}", "code and drawings need a line of their own"),
    (
        "{{ static/models/no.onnx | live }}",
        "there is no such file; there is static/essay.onnx, static/foreign.onnx",
    ),
    ("{{ static/no | live }}", "there is no such file"),
    ("{{ static/empty | live }}", "there is no .onnx file in it"),
    (
        "{{ static/models/good.onnx }}",
        "that cannot be read; write {{ static/models/FILE.onnx | live }}",
    ),
    (
        "{{ static/models/good.onnx | percent }}",
        "that cannot be read; write {{ static/models/FILE.onnx | live }}",
    ),
    ("{{ static/models/good.onnx: title | live }}", "that cannot be read; write"),
    (
        "{{ static/models/good.onnx | live slowly }}",
        "that cannot be read; write {{ static/models/FILE.onnx | live }}",
    ),
    (
        "{{ static/net.json | live }}",
        "that cannot be read; write {{ static/FILE.json: key | format }}",
    ),
    (
        "{{ static/results: one }}",
        "that cannot be read; write {{ static/FOLDER: key | compare macs }}, ",
    ),
    ("{{ static/net.json: . | learn }}", "title is missing: python -m course.learning writes it"),
    ("{{ code/lab | live }}", "a directive reads code/….py, static/….json or"),
    ("- {{ static/models/good.onnx | live }}", "code and drawings need a line of their own"),
    ("{{ static/essay.onnx | live }}", "essay.onnx: this is no ONNX file, or a part of one"),
    ("{{ static/foreign.onnx | live }}", "foreign.onnx: this ONNX file does not say what its"),
    ("{{ ../models/good.onnx | live }}", "a directive reads code/"),
    ("[a](code/lab/data.py)", "of code/ only its lessons, code/NAME.py, are on the site"),
    ("[a](code/no.py)", "there is no such file"),
    ("{{ static/broken.json: a }}", "that is not JSON"),
    ("{{ secret.json: a }}", "a directive reads code/….py, static/….json or static/….svg"),
    ("{{ static/../secret.json: a }}", "the path leaves static/"),
    ("{{ static/linked.json: a }}", "the path leaves static/"),
    ("{{ /etc/passwd: a }}", "a directive reads code/….py, static/….json or static/….svg"),
    ("{{ code/net.py }}", "that cannot be read; write"),
    ("{{ code/net.py: Net", "{{ has no }} on its line"),
    ("- {{ code/net.py: Net }}", "code and drawings need a line of their own"),
    ('<img src="static/no.png">', "there is no such file"),
    ("![a](img/no.png)", "there is no such file: slides/img/no.png"),
    ("[![a](https://example.org/a.png)](no.pdf)", "there is no such file: slides/no.pdf"),
    ("[a]: <no way.pdf>", "there is no such file: slides/no way.pdf"),
    ('<!-- .slide: data-background-image="no.png" -->', "there is no such file: slides/no.png"),
    ("<!-- .slide: data-background-video='no.mp4' -->", "there is no such file: slides/no.mp4"),
    ('<!-- .slide: data-background="no.png" -->', "there is no such file: slides/no.png"),
    (
        '<img srcset="https://example.org/a.png 1x, no.png 2x">',
        "there is no such file: slides/no.png",
    ),
    ("<video controls poster=no.png></video>", "there is no such file: slides/no.png"),
    ("<p style=\"background: url( 'no.png' )\">a</p>", "there is no such file: slides/no.png"),
    ("<style>\n.a { background: url(no.png) }</style>", "there is no such file: slides/no.png"),
    ("![a](../secret.json)", "a page finds files in slides/ and static/ alone"),
    ("![a](../../etc/passwd)", "a page finds files in slides/ and static/ alone"),
    ("![a](reveal/build.mjs)", "a page finds files in slides/ and static/ alone"),
    ("![a](static/linked.json)", "a link that leads away: it is not sent"),
    ("![a](static/empty)", "that is a folder, hidden, or a link"),
    ("![a](%zz.png)", "no address can have this name in it"),
    ("![a](..%2f..%2fsecret.json)", "a page finds files in slides/ and static/ alone"),
    ("![a](/img/a.png)", "that begins with a slash"),
    ("![a](file:///home/me/a.png)", "that is on this machine alone"),
    ("[a](no.md#/2)", "there is no deck slides/no.md"),
    ("[a](../README.md)", "there is no deck README.md"),
    ("Note: a\n\nNote: b", "a second Note: in one slide"),
]


def test_every_mistake_names_its_line_and_makes_a_slide_of_its_own(root: Path) -> None:
    (root / "slides" / "reveal").mkdir(parents=True)
    (root / "slides" / "reveal" / "build.mjs").touch()
    (root / "static" / "linked.json").symlink_to(root / "secret.json")
    titled = "<svg><title>a</title></svg>"
    (root / "static" / "unstepped.svg").write_text(titled)
    (root / "static" / "scripted.svg").write_text(titled.replace("</", "<script/></", 1))
    (root / "static" / "untitled.svg").write_text("<svg><g><title>a</title></g></svg>")
    static = root / "static"
    (static / "models").mkdir()
    (static / "empty").mkdir()
    tiny_models.write(static / "models" / "good.onnx", tiny_models.describe())
    (static / "essay.onnx").write_text("an essay, renamed\n")
    tiny_models.write(static / "foreign.onnx")
    good = "# Good\n\n{{ static/net.json: network }}\n\n<!--s-->\n\n"
    decks = [f"{good}# Bad\n\n{bad}\n\n<!--v-->\n\n# Good again\n" for bad, _ in BAD]
    for (bad, message), text in zip(BAD, decks, strict=True):
        deck = expand(root, text)
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
    given = {
        **{"separator": "<!--s-->", "verticalSeparator": "<!--v-->"},
        **{"theme": "evo", "highlightTheme": "zenburn", "static": "_site", "_": ["slides"]},
        "revealOptions": {"width": "</script>"},
    }
    page = call("expand/preprocess.mjs", "default", slide, given)
    broken = call("expand/preprocess.mjs", "default", "# A", given | {"separator": "("})
    (_, options) = page["given"]
    assert "<" not in page["value"]
    assert html.unescape(page["value"]).strip() == slide.strip()
    assert "front matter" in broken["value"]
    assert json.loads(options["deckOptions"]) == {"width": "</script>"}
    assert "<" not in options["deckOptions"]
    assert (options["lang"], options["dir"]) == ("en", "ltr")
    own = {"dir": "rtl", "lang": "he", "footer": 'a "b" \\ c'}
    _, options = call("expand/preprocess.mjs", "default", slide, given | own)["given"]
    assert json.loads(options["deckOptions"]) == {"width": "</script>", "rtl": True}
    assert options["footerText"] == r'"a \"b\" \\ c"'
    _, options = call("expand/preprocess.mjs", "default", slide, given | {"footer": True})["given"]
    course = json.loads((ROOT / "slides" / "course.json").read_text(encoding="utf-8"))
    assert options["footerText"].startswith(f'"{course["footer"]}')
