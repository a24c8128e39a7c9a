"""How figures look: their size, the colors and the two sizes of text."""

from typing import Any

from .trace import Op

WIDTH = 1760  # of every figure; the height is what it needs
LEFT, RIGHT = 4, WIDTH - 4
LARGE, SMALL = 33, 29  # the only sizes of text: on a slide of 1920 pixels neither is below 26

INK, MUTED, RIBBON, PALE, WHITE = "#06202B", "#4A5F69", "#B4C7D0", "#E8EEF1", "#FFFFFF"
FILLS = {
    "conv 1": "#C4EEFF",
    "conv 3": "#53D1FE",
    "conv more": "#04ABE8",
    "pool": "#F2B33D",
    "fc": "#036182",
    "attention": "#5CC9A7",
    "unknown": "#C2C2C2",
    "norm": "#CC79A7",
    "activation": INK,
}

OUTLINE: dict[str, Any] = {"stroke": INK, "stroke_width": 2.4}
EDGE: dict[str, Any] = {"stroke": INK, "stroke_width": 1.2}  # of a tile
LINE = 34  # from one line of a label to the next
BELOW = 4  # room under the last thing of a figure
TIMES = "\N{MULTIPLICATION SIGN}"


def color(op: Op) -> str:
    """The key of FILLS for an operation; "" for one without a color of its own."""
    if op.kind == "conv":
        return {1: "conv 1", 3: "conv 3"}.get(max(op.kernel), "conv more")
    return op.kind if op.kind in FILLS else ""


def fill_of(op: Op) -> str:
    return FILLS.get(color(op), PALE if op.kind in ("input", "concat") else WHITE)


def ink_on(fill: str) -> str:
    return WHITE if fill in (FILLS["fc"], INK) else INK


def mixed(fill: str, white: float) -> str:
    """A color with a share of white in it."""
    parts = (int(fill[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(part * (1 - white) + 255 * white):02X}" for part in parts)
