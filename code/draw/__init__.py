"""Draw a network from the network itself: `draw.draw(model, (3, 224, 224), "mine.svg")`.

Needs the extra `figures`: `pip install -e '.[figures]'`.
"""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from torch import nn

from lab import files
from lab.errors import UserError

from .chain import chain
from .graph import compare, graph
from .render import png
from .rows import rows
from .strip import strip
from .trace import UNKNOWN, Op, read

__all__ = [
    "KINDS",
    "UNKNOWN",
    "chain",
    "compare",
    "describe",
    "draw",
    "graph",
    "png",
    "read",
    "rows",
    "strip",
    "write",
]

Drawer = Callable[[str, str, str, list[Op]], str]


def _one_row(name: str, title: str, description: str, ops: list[Op]) -> str:
    return rows(name, title, description, [(title, ops)])


KINDS: dict[str, Drawer] = {"chain": chain, "graph": graph, "strip": strip, "rows": _one_row}


def draw(
    model: nn.Module,
    shape: tuple[int, ...],
    path: str | Path,
    kind: str = "auto",
    title: str = "",
    unknown: str = "refuse",
) -> list[Path]:
    """Draw a network into an SVG and a PNG beside it, and return their paths.

    Args:
        model: the network; its weights are not read.
        shape: of one input, (C, H, W).
        path: of the SVG.
        kind: "chain", a row of volumes for a network without branches; "graph", every operation
            and ribbons as wide as there are channels; "strip", a tile an operation, stage by
            stage; "rows", a tile a layer and an arc a shortcut; "auto", one that fits.
        title: by default the name of the network's class.
        unknown: what becomes of an operation that is not known: "refuse", or "box", a gray box
            with its name and shape.

    Raises:
        UserError: the network cannot be traced or does not fit, or the path cannot be written.
    """
    path = Path(path)
    ops = read(model, shape, unknown)
    title = title or type(model).__name__
    name = path.stem.replace(" ", "-")
    if kind != "auto":
        if kind not in KINDS:
            raise UserError(f"no kind of figure is called {kind}: choose {', '.join(KINDS)}")
        return write(path, KINDS[kind](name, title, describe(ops), ops))
    reasons = []
    sums = any(op.kind == "add" for op in ops)
    for drawer in (chain, graph, _one_row, strip) if sums else (chain, graph, strip, _one_row):
        try:
            svg = drawer(name, title, describe(ops), ops)
        except UserError as error:
            reasons.append(str(error))
        else:
            return write(path, svg)
    raise UserError(f"{title} fits into no kind of figure: {'; '.join(reasons)}")


def describe(ops: list[Op]) -> str:
    """What a figure shows, in words, for those who cannot see it."""

    def words(op: Op) -> str:
        return f"{op.label}, {' by '.join(map(str, op.shape))}"

    runs = [(each, len(list(run))) for each, run in groupby(map(words, ops))]
    return "; ".join(f"{count} times {each}" if count > 1 else each for each, count in runs) + "."


def write(path: Path, svg: str) -> list[Path]:
    """Write a figure as SVG and as PNG.

    Raises:
        UserError: the path does not end in .svg, or cannot be written.
    """
    if path.suffix != ".svg":
        raise UserError(f"a figure is written to NAME.svg, not to {path}")
    if not path.absolute().parent.is_dir():
        raise UserError(f"cannot write {path}: there is no folder {path.parent}")
    picture, drawn = path.with_suffix(".png"), png(svg)
    files.write_text(path, svg)
    files.write(picture, lambda file: file.write(drawn))
    return [path, picture]
