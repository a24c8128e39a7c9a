"""Figures are drawn from the networks, are up to date, and can be read on a slide."""

from __future__ import annotations

import io
import os
import subprocess
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models

import lab
from conftest import ROOT
from course import figures as deck
from course import lessons
from course.drawings.cells import RADIUS, cell
from draw import KINDS, draw, fonts, read
from draw.bar import KINDS as WORDS
from draw.look import FILLS
from draw.render import png, sha256
from draw.svg import document
from draw.trace import tell
from running import run_python

SVG = "{http://www.w3.org/2000/svg}"
# A network in one row is drawn at once.
ONE_ROW = [
    name for name, each in lessons.networks().items() if each.figure and each.figure.kind == "rows"
]
SLIDE = 1720  # pixels that the widest figure has on a slide of 1920
IMAGES = ROOT / "static" / "img"

OWN = """
from torch import nn

class Own(nn.Sequential):
    def __init__(self, maps, classes=10):
        super().__init__(
            nn.Conv2d(3, maps, 3, padding=1), nn.BatchNorm2d(maps), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(maps * 16 * 16, classes),
        )

number = 3

def silent():
    return 7
"""


def svg(name: str) -> ET.Element:
    return ET.parse(IMAGES / f"{name}.svg").getroot()


@pytest.mark.parametrize("name", deck.drawings())
def test_a_committed_figure_is_what_the_code_draws(name: str) -> None:
    drawn = deck.svg(name)
    stale = f"static/img/{name} is out of date: run: make figures"
    assert (IMAGES / f"{name}.svg").read_text(encoding="utf-8") == drawn, stale
    with Image.open(IMAGES / f"{name}.png") as picture:
        assert picture.text["svg-sha256"] == sha256(drawn), stale


def test_every_figure_of_the_slides_exists_and_no_other() -> None:
    drawn = {f"{name}.svg" for name in deck.drawings()}
    assert {path.name for path in IMAGES.glob("*.svg")} - drawn == {"favicon.svg", "title.svg"}
    assert {path.stem for path in IMAGES.glob("*.png")} == set(deck.drawings())


# What stands where: boxes are (left, top, right, bottom).

Box = tuple[float, float, float, float]


def texts(root: ET.Element) -> list[tuple[str, float, str, Box]]:
    """Words, size, color and box of every text."""
    found = []
    for each in root.iter(f"{SVG}text"):
        size = float(each.get("font-size", root.get("font-size", "")))
        words = each.text or ""
        wide = fonts.width(words, size, each.get("font-weight") == "700")
        shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[each.get("text-anchor", "start")]
        left, base = float(each.get("x", "")) - shift * wide, float(each.get("y", ""))
        box = (left, base - 0.74 * size, left + wide, base + 0.2 * size)
        found.append((words, size, each.get("fill", root.get("fill", "")), box))
    return found


def luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def behind(root: ET.Element, x: float, y: float) -> str:
    """The color of what is painted last at a point, of rectangles and circles."""
    found = "#FFFFFF"
    for each in root.iter():
        if each.get("fill", "none") == "none":
            continue
        value = {key: float(text) for key, text in each.items() if key in ("x", "y", "width",
                 "height", "cx", "cy", "r")}  # fmt: skip
        if each.tag == f"{SVG}rect":
            inside = (
                0 <= x - value["x"] <= value["width"] and 0 <= y - value["y"] <= value["height"]
            )
        elif each.tag == f"{SVG}circle":
            inside = (x - value["cx"]) ** 2 + (y - value["cy"]) ** 2 <= value["r"] ** 2
        else:
            continue
        found = each.get("fill", "") if inside else found
    return found


@pytest.mark.parametrize("name", deck.drawings())
def test_text_can_be_read_on_a_slide(name: str) -> None:
    root = svg(name)
    wide, tall = (float(root.get(side, "")) for side in ("width", "height"))
    assert wide <= 1760
    for words, size, ink, (left, top, right, bottom) in texts(root):
        assert size * SLIDE / wide >= 26, words
        assert left >= 0, words
        assert right <= wide, words
        assert top >= 0, words
        assert bottom <= tall, words
        ground = behind(root, (left + right) / 2, (top + bottom) / 2)
        assert contrast(ink, ground) >= 4.5, (words, ink, ground)


@pytest.mark.parametrize("name", deck.drawings())
def test_no_two_labels_touch(name: str) -> None:
    check_apart(svg(name))


def check_apart(root: ET.Element) -> None:
    for (one, _, _, a), (other, _, _, b) in combinations(texts(root), 2):
        apart = a[2] + 4 <= b[0] or b[2] + 4 <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, (one, other)


@pytest.mark.parametrize("name", deck.drawings())
def test_a_figure_can_stand_in_a_slide_and_be_heard(name: str) -> None:
    text = (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg ")
    assert "\n\n" not in text
    assert len(text) < 60_000
    assert (IMAGES / f"{name}.png").stat().st_size < 70_000
    root = svg(name)
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert ids == [f"{name}-title", f"{name}-desc"]
    assert root.get("aria-labelledby") == " ".join(ids)
    for tag in ("title", "desc"):
        assert (root.findtext(f"{SVG}{tag}") or "").strip()
    for op in root.iter(f"{SVG}g"):
        if op.get("class") == "op":
            assert op.get("tabindex") == "0"
            assert op[0].tag == f"{SVG}title"
            assert op[0].text
    steps = {int(each.get("data-step", "0")) for each in root.iter(f"{SVG}g")} - {0}
    assert steps == set(range(1, len(steps) + 1))
    assert steps or name in ONE_ROW


@pytest.mark.needs("resnet")
def test_an_operation_tells_its_shape_its_parameters_and_its_work() -> None:
    said = [each.text for each in svg("resnet").iter(f"{SVG}title")]
    sign = "\N{MULTIPLICATION SIGN}"
    assert (
        f"conv 3{sign}3, 64 channels, batch norm, ReLU: 64 {sign} 56 {sign} 56, "
        "36,992 parameters, 115.6 M multiply-accumulates" in said
    )


# Reading networks

NETWORKS = [
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "resnet50",
    "squeezenet1_1",
    "swin_t",
    "vgg11_bn",
    "vit_b_16",
]


@pytest.fixture
def no_png(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the time of the renderer."""
    monkeypatch.setattr("draw.png", lambda svg: b"")


@pytest.mark.usefixtures("no_png")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_drawn_whole(name: str, tmp_path: Path) -> None:
    """With the parameters and the work that torchvision says, and every operation named."""
    with torch.device("meta"):
        model = getattr(models, name)()
    known = models.get_model_weights(name).DEFAULT.meta
    ops = read(model, (3, 224, 224))
    assert sum(op.parameters for op in ops) == known["num_params"]
    assert round(sum(op.macs for op in ops) / 1e9, 3) == known["_ops"]
    root = ET.parse(draw(model, (3, 224, 224), tmp_path / "it.svg")[0]).getroot()
    told = {each for title in root.iter(f"{SVG}title") for each in (title.text or "").split("; ")}
    assert {tell(op) for op in ops if op.parameters} <= told
    described = root.findtext(f"{SVG}desc") or ""
    assert all(op.label and op.label in described for op in ops)
    assert all(left >= 0 and right <= 1760 for _, _, _, (left, _, right, _) in texts(root))
    check_apart(root)


class Block(nn.Module):
    """Every kind of operation, with modules and with functions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 8, (1, 3), stride=2, padding=(0, 1))
        self.norm = nn.BatchNorm2d(8)
        self.last = nn.Conv2d(16, 5, 4)

    def forward(self, x: Tensor) -> Tensor:  # (N, 4, 8, 8)
        y = torch.relu(self.norm(self.conv(x)))  # (N, 8, 4, 4)
        z = nn.functional.max_pool2d(x, 2)  # (N, 4, 4, 4)
        z = nn.functional.pad(z[:, ::2], (0, 0, 0, 0, 0, 6))  # (N, 8, 4, 4)
        y = torch.cat([y + z, y], dim=1)  # (N, 16, 4, 4)
        return self.last(nn.functional.dropout(y)).flatten(1)  # (N, 5)


def test_kernels_strides_shapes_and_order_are_those_of_the_network() -> None:
    sign = "\N{MULTIPLICATION SIGN}"
    ops = read(Block(), (4, 8, 8))
    assert [(op.kind, op.label, op.shape, op.stride, op.folded) for op in ops] == [
        ("input", "input", (4, 8, 8), 1, []),
        ("conv", f"conv 1{sign}3", (8, 4, 4), 2, ["batch norm", "ReLU"]),
        ("pool", f"max pool 2{sign}2", (4, 4, 4), 2, []),
        ("slice", "subsample", (2, 4, 4), 1, []),
        ("pad", "add zeros", (8, 4, 4), 1, []),
        ("add", "add", (8, 4, 4), 1, []),
        ("concat", "concat", (16, 4, 4), 1, []),
        ("fc", "fully connected", (5, 1, 1), 1, []),  # its kernel covers the whole map
    ]
    by = {op.id: op for op in ops}
    assert [[by[each].kind for each in op.inputs] for op in ops[5:]] == [
        ["conv", "pad"],
        ["add", "conv"],
        ["concat"],
    ]


def test_an_activation_that_others_do_not_see_is_an_operation_of_its_own() -> None:
    class Before(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.conv(torch.relu(x))

    assert [op.kind for op in read(Before(), (4, 8, 8))] == ["input", "activation", "conv", "add"]


def test_channels_come_first_and_what_others_read_is_not_folded_where_a_network_turns() -> None:
    class Turning(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 5, 1)
            self.norm = nn.LayerNorm(5)
            self.scale_of_all = nn.Parameter(torch.ones(5, 1, 1))

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            z = self.norm(y.permute(0, 2, 3, 1)).transpose(2, 3).transpose(2, 3)
            return y + self.scale_of_all * z.permute(0, 3, 1, 2)

    conv, norm, add = read(Turning(), (4, 8, 6))[1:]
    assert [conv.shape, norm.shape, add.shape] == [(5, 8, 6)] * 3
    assert (conv.folded, conv.parameters) == ([], 25)
    assert (norm.label, norm.folded, norm.parameters) == ("layer norm", ["scale of all"], 15)
    assert add.inputs == [conv.id, norm.id]


def test_attention_is_one_operation_with_its_heads() -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 4, 4)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x).flatten(2).transpose(1, 2)
            return x + self.attention(x, x, x)[0]

    op = read(Encoder(), (3, 16, 16))[2]
    assert (op.kind, op.label, op.shape, op.side) == ("attention", "2-head attention", (8, 16), 4)
    assert op.parameters == 4 * (8 * 8 + 8)
    assert op.macs == 4 * 16 * 8 * 8 + 2 * 16 * 16 * 8


class Scaled(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 2


class Choosing(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.sum() > 0 else x


class Forgetting(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return self[0](x)


class Chunked(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        left, right = super().forward(x).chunk(2, dim=1)
        return left + right


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        (Chunked(nn.Conv2d(3, 4, 3)), (3, 8, 8), "cannot draw chunk"),
        (Scaled(nn.Conv2d(3, 4, 3)), (3, 8, 8), "mul"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.PixelShuffle(2)), (3, 8, 8), "PixelShuffle at 1"),
        (nn.Sequential(nn.Upsample(scale_factor=2)), (3, 8, 8), "Upsample at 0"),
        (Choosing(nn.Conv2d(3, 3, 1)), (3, 8, 8), "torch.fx cannot trace Choosing"),
        (Forgetting(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)), (3, 8, 8), "1.weight takes no part"),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), (1, 8, 8), "does not take an input of 1 x 8 x 8"),
    ],
)
def test_what_cannot_be_drawn_truly_is_not_drawn(
    model: nn.Module, shape: tuple[int, ...], words: str
) -> None:
    with pytest.raises(lab.UserError, match=words) as wrong:
        read(model, shape)
    assert "\n" not in str(wrong.value)


@pytest.mark.usefixtures("no_png")
@pytest.mark.parametrize("kind", ["graph", "chain"])
def test_an_unknown_operation_is_a_gray_box_with_name_and_shape_on_request(
    kind: str, tmp_path: Path
) -> None:
    from draw.__main__ import main

    path = tmp_path / "own.py"
    path.write_text(OWN.replace("nn.BatchNorm2d(maps)", "nn.Upsample(scale_factor=2)"))
    words = [f"{path}:Own", "1", "--size", "16", "--out", str(tmp_path / "own.svg")]
    with pytest.raises(lab.UserError, match=r"cannot draw Upsample at 1: .*--unknown box"):
        main(words)
    main([*words, "--unknown", "box", "--kind", kind])
    text = (tmp_path / "own.svg").read_text(encoding="utf-8")
    said = [words for words, *_ in texts(ET.fromstring(text))]
    assert "Upsample" in said
    assert any("32 \N{MULTIPLICATION SIGN} 32" in each for each in said)
    assert FILLS["unknown"] in text
    assert WORDS["unknown"] in said


def test_a_box_has_all_parts_of_what_it_hands_on() -> None:
    ops = read(Chunked(nn.Conv2d(3, 4, 3)), (3, 8, 8), unknown="box")
    assert [(op.kind, op.label, op.shape) for op in ops[2:]] == [
        ("unknown", "chunk", (2, 6, 6)),
        ("add", "add", (2, 6, 6)),
    ]
    with pytest.raises(lab.UserError, match="refuse or box, not Box"):
        read(nn.Sequential(), (3, 8, 8), unknown="Box")


def test_reading_leaves_the_network_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    read(model, (3, 8, 8))
    assert model.training
    assert model[0].weight.device.type == "cpu"


def test_a_kind_that_would_hide_something_is_refused() -> None:
    ops = read(Block(), (4, 8, 8))
    for kind in ("chain", "rows"):
        with pytest.raises(lab.UserError, match="cannot show"):
            KINDS[kind]("name", "title", "description", ops)


def test_text_that_the_font_lacks_is_refused() -> None:
    with pytest.raises(lab.UserError, match="has no"):
        fonts.width("a \N{RIGHTWARDS ARROW} b", 30)


# One call, one command


def test_a_cell_says_what_each_node_adds_up_and_draws_it() -> None:
    edges = [("max_pool_3x3", 0), ("skip_connect", 1), ("sep_conv_5x5", 2), ("dil_conv_3x3", 0)]
    root = ET.fromstring(cell("cell", "A cell", edges))
    assert [title.text for title in root.iterfind(f".//{SVG}g[@class='op']/{SVG}title")] == [
        "input 0: the output of the cell before the last",
        "input 1: the output of the last cell",
        "node 2: max pool 3\u00d73 of the cell before the last plus skip of the last cell",
        "node 3: sep conv 5\u00d75 of node 2 plus dil conv 3\u00d73 of the cell before the last",
    ]
    assert len(root.findall(f".//{SVG}g[@class='op']/{SVG}rect")) == len(edges)
    # A line begins where the state that it leads from stands.
    place = {
        each.text: float(each.get("x")) for each in root.iter(f"{SVG}text") if each.text.isdigit()
    }
    starts = [
        float(line.get("d")[1:].split(",")[0])
        for line in root.iter(f"{SVG}path")
        if "Q" in line.get("d")
    ]
    assert starts == [place[str(state)] + RADIUS for _, state in edges]


@pytest.mark.parametrize("bold", [False, True])
def test_text_is_in_the_png(bold: bool) -> None:
    """Without its fonts the renderer leaves all text out and says nothing."""
    root = document("words", "Words", "Words alone")
    root.write(880, 40, "Words", bold=bold)
    drawn = Image.open(io.BytesIO(png(root.finish(60))))
    assert sum(drawn.convert("L").histogram()[:128]) > 200


def run(argv: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m draw ARGV` in a folder, with hashes that are not those of this process."""
    path = os.pathsep.join([str(ROOT / "code"), os.environ.get("PYTHONPATH", "")])
    return run_python(["-m", "draw", *argv], cwd, PYTHONPATH=path)


def test_one_call_draws_a_network_of_ones_own_and_the_command_the_same_bytes(
    tmp_path: Path,
) -> None:
    """In another process, with other hashes."""
    names: dict[str, type[nn.Module]] = {}
    exec(OWN, names)
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "again").mkdir()
    figure, picture = tmp_path / "again" / "own.svg", tmp_path / "again" / "own.png"
    own = names["Own"](8, classes=4)
    assert draw(own, (3, 32, 32), figure, title="Mine") == [figure, picture]
    root = ET.parse(figure).getroot()
    assert root.findtext(f"{SVG}title") == "Mine"
    assert "fully connected, 4" in (root.findtext(f"{SVG}desc") or "")
    with Image.open(picture) as opened:
        assert opened.text["svg-sha256"] == sha256(figure.read_text(encoding="utf-8"))
        assert len(opened.getcolors() or []) > 10
    words = ["own.py:Own", "8", "classes=4", "--size", "32", "--title", "Mine"]
    done = run(words, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["own.svg", "own.png"]
    for path in (figure, picture):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["own.py"], "name the file and the network"),
        (["gone.py:Own"], "there is no file gone.py"),
        (["own.py:Other"], "own.py has no network called Other"),
        (["own.py:number"], "own.py has no network called number"),
        (["own.py:silent"], "silent gives no network but int"),
        (["own.py:Own"], "Own cannot be built"),
        (["own.py:Own", "8", "--size", "33x"], "--size"),
        (["own.py:Own", "8", "--size", "0"], "--size and --channels must be 1 or more"),
        (["own.py:Own", "8", "--size", "16"], "does not take an input of 3 x 16 x 16"),
        (["own.py:Own", "8", "--size", "32", "--out", "own.png"], "NAME.svg"),
        (["own.py:Own", "8", "--size", "32", "--out", "gone/own.svg"], "cannot write gone/own.svg"),
        (["broken.py:Own"], "broken.py cannot be imported: SyntaxError"),
    ],
)
def test_bad_input_gets_one_line(words: list[str], says: str, tmp_path: Path, capsys) -> None:
    from draw.__main__ import main

    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("class")
    before = sorted(tmp_path.rglob("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        with pytest.raises(lab.UserError, match=says) as wrong:
            main(words)
    assert "\n" not in str(wrong.value)
    assert str(wrong.value).count(says) == 1  # and not once for each kind of figure
    assert wrong.value.exit_code == 2
    assert [
        each for each in sorted(tmp_path.rglob("*")) if "__pycache__" not in str(each)
    ] == before


def test_the_command_shows_an_error_without_a_stack_trace(tmp_path: Path) -> None:
    done = run(["gone.py:Own"], tmp_path)
    assert done.returncode == 2
    assert done.stderr == "draw: there is no file gone.py\n"
