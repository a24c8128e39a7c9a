"""Compare the recorded networks: a table in README.md and a picture beside it.

    python -m course.compare

Both are made of `static/results/*.json` alone: accuracy against parameters, multiply-accumulates
and training time.
"""

import hashlib
import json
import math
import statistics
from collections.abc import Sequence
from io import BytesIO
from operator import itemgetter
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter
from matplotlib.transforms import Bbox

from lab import files, machine
from lab.parser import Parser
from lab.plots import DARK
from lab.record import DEFAULT, Spread, Variant, name_of, records

from .marks import put_between

ROOT = Path(__file__).parents[2]

README = ROOT / "README.md"
PICTURE = ROOT / "static" / "img" / "comparison.png"
BEGIN, END = "<!-- written by python -m course.compare -->", "<!-- end of what it wrote -->"
DIGEST = "Records"  # the key of the picture's text chunk that says what it shows

Record = Variant


def table(rows: Sequence[Record]) -> str:
    """Records as a Markdown table: costs, accuracies with their spread, time, device, data."""
    head = (
        *("network", "parameters", "MACs", "epochs", "runs"),
        *("validation accuracy", "test accuracy", "training time", "trained on", "data"),
    )
    align = ["---", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "---", "---"]
    lines = [head, align, *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(record: Record) -> list[str]:
    devices = sorted({f"{run['device']}, {run['precision']}" for run in record["runs"]})
    return [
        f"[{_name(record)}](code/{record['network']}.py)",
        f"{record['parameters']:,}",
        f"{record['macs'] / 1e6:.{2 if record['macs'] < 1e7 else 1}f} M",
        str(record["recipe"]["epochs"]),
        str(record["test_accuracy"]["n"]),
        _accuracy(record["validation_accuracy"]),
        _accuracy(record["test_accuracy"]),
        _duration(_seconds(record)),
        "; ".join(devices),
        record["dataset"],
    ]


def _name(record: Record) -> str:
    return name_of(record["network"], record["variant"])


def _accuracy(spread: Spread) -> str:
    deviation = f" ± {100 * spread['std']:.1f}" if spread["n"] > 1 else ""
    return f"{100 * spread['mean']:.1f}{deviation} %"


def _seconds(record: Record) -> float:
    return statistics.median(run["seconds"] for run in record["runs"])


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def picture(rows: Sequence[Record]) -> bytes:
    """The chart as a PNG that says in a text chunk what it shows, as `digest` gives it.

    The bytes differ between versions of matplotlib, the text does not.
    """
    file = BytesIO()
    chart(rows).savefig(file, format="png", metadata={DIGEST: digest(rows)})
    return file.getvalue()


def chart(rows: Sequence[Record]) -> Figure:
    """Test accuracy against parameters, multiply-accumulates and training time.

    One point a record, its name beside it, and the standard deviation where it has several runs.
    """
    figure = Figure(figsize=(12, 4.6), layout="constrained", dpi=120)
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (title, horizontal) in zip(panels, _axes(rows).items(), strict=True):
        _scatter(axes, rows, horizontal)
        axes.set_xlabel(title)
    usual = _usual(rows)
    mixed = any(record["dataset"] != usual for record in rows)
    panels[0].set_ylabel(f"test accuracy on {usual}{' where not named' if mixed else ''}")
    canvas.draw()  # places the axes, in which the labels then look for room
    for axes, horizontal in zip(panels, _axes(rows).values(), strict=True):
        _label(axes, rows, horizontal, canvas)
    return figure


def _usual(rows: Sequence[Record]) -> str:
    """The data set of most records. Accuracies on others do not compare with those on it."""
    return statistics.mode(record["dataset"] for record in rows)


def _axes(rows: Sequence[Record]) -> dict[str, list[float]]:
    """What stands along each horizontal axis."""
    return {
        "parameters": [record["parameters"] for record in rows],
        "multiply-accumulates per image": [record["macs"] for record in rows],
        "minutes of training": [_seconds(record) / 60 for record in rows],
    }


def digest(rows: Sequence[Record]) -> str:
    """A fingerprint of all that the picture shows."""
    shown = [
        [_name(record), record["dataset"], record["test_accuracy"], *map(float, costs)]
        for record, costs in zip(rows, zip(*_axes(rows).values(), strict=True), strict=True)
    ]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def _scatter(axes: Axes, rows: Sequence[Record], horizontal: Sequence[float]) -> None:
    for x, record in zip(horizontal, rows, strict=True):
        spread = record["test_accuracy"]
        std = 100 * spread["std"] if spread["n"] > 1 else None
        axes.errorbar(x, 100 * spread["mean"], std, fmt="o", color=DARK, ms=7, capsize=4)
    axes.set_xscale("log")
    axes.set_xlim(min(horizontal) / 2, max(horizontal) * 5)  # names mostly stand on the right
    means = [100 * record["test_accuracy"]["mean"] for record in rows]
    axes.set_ylim(max(0, math.floor(min(means)) - 2), min(100, math.ceil(max(means)) + 2))
    axes.xaxis.set_major_locator(LogLocator())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _short(value: float) -> str:
    """10000 -> "10 k", 1e7 -> "10 M"."""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


# Where a name may stand, in points from its point: close by first, then at the end of a line.
PLACES = [(9, 0), (-9, 0), (0, 13), (0, -13)] + [
    (x * far, y * far)
    for far in (18, 28, 40, 54, 70, 88)
    for x, y in ((0.7, 0.7), (-0.7, 0.7), (0.7, -0.7), (-0.7, -0.7), (0, 1), (0, -1))
]


def _label(
    axes: Axes, rows: Sequence[Record], horizontal: Sequence[float], canvas: FigureCanvasAgg
) -> None:
    """Write each name where it covers no point and no other name, the highest point's first."""
    heights = [100 * record["test_accuracy"]["mean"] for record in rows]
    dots = axes.transData.transform(list(zip(horizontal, heights, strict=True)))
    taken = [Bbox.from_extents(x - 9, y - 9, x + 9, y + 9) for x, y in dots]
    usual = _usual(rows)
    for y, x, record in sorted(
        zip(heights, horizontal, rows, strict=True), key=itemgetter(0), reverse=True
    ):
        line = {"arrowstyle": "-", "color": "0.4", "shrinkA": 0, "shrinkB": 5}
        name = _name(record)
        if record["dataset"] != usual:
            name += f" ({record['dataset']})"
        text = axes.annotate(
            name, (x, y), (0, 0), textcoords="offset points", va="center", arrowprops=line
        )
        box = Bbox.null()
        for right, up in PLACES:
            text.xyann = (right, up)
            text.set_horizontalalignment("left" if right > 0 else "right" if right else "center")
            assert text.arrow_patch is not None  # drawn where the name stands apart
            text.arrow_patch.set_visible(abs(right) + abs(up) > 13)
            text.update_positions(canvas.get_renderer())
            box = Text.get_window_extent(text, canvas.get_renderer()).padded(2)
            inside = axes.bbox.contains(box.x0, box.y0) and axes.bbox.contains(box.x1, box.y1)
            if inside and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)


def put_into(text: str, made: str) -> str:
    """`text` with the table between its two marks replaced."""
    return put_between(text, "the table", BEGIN, END, made)


def update() -> None:
    """Write table and picture anew from the records.

    The table has every variant; the picture has the networks as their lessons train them, because
    an experiment's variants may have been trained for less long.
    """
    rows = records()
    text = put_into(files.read_text(README), table(rows))
    drawn = picture(defaults(rows))
    files.write(PICTURE, lambda file: file.write(drawn))
    files.write_text(README, text)


def defaults(rows: Sequence[Record]) -> list[Record]:
    """The records of the networks as their lessons train them."""
    return [record for record in rows if record["variant"] == DEFAULT]


def main() -> None:
    """The command line: `python -m course.compare`."""
    machine.show_errors_in_one_line()
    Parser(prog="course.compare", description=str(__doc__).partition("\n")[0]).parse_args()
    update()
    print(f"{machine.shown(README)} and {machine.shown(PICTURE)} show every record")


if __name__ == "__main__":
    main()
