"""Write SVG: the few elements that a figure is made of, the colors and the two sizes of text."""

import xml.etree.ElementTree as ET
from typing import Any

from .fonts import FAMILY, width
from .trace import Op, tell

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

Element = ET.Element


def document(name: str, title: str, description: str) -> Element:
    """An empty figure. `name` makes its ids unique among several on a page."""
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            # Its operations can be focused, which nothing inside role="img" may be.
            "role": "group",
            "aria-labelledby": f"{name}-title {name}-desc",
            "font-family": FAMILY,
            "font-size": str(SMALL),
            "fill": INK,
        },
    )
    add(root, "title", id=f"{name}-title").text = title
    add(root, "desc", id=f"{name}-desc").text = description
    return root


def finish(root: Element, height: float) -> str:
    """The figure as text, without blank lines: Markdown would end the SVG there."""
    tall = round(height)
    root.set("viewBox", f"0 0 {WIDTH} {tall}")
    root.set("width", str(WIDTH))
    root.set("height", str(tall))
    ET.indent(root, space="")
    return ET.tostring(root, encoding="unicode") + "\n"


def number(value: float) -> str:
    """One decimal, or none where it is zero."""
    return f"{value:.1f}".removesuffix(".0").replace("-0", "0" if abs(value) < 0.05 else "-0")


def add(parent: Element, tag: str, **attributes: Any) -> Element:
    """An element in another; `stroke_width=2` becomes stroke-width="2"."""
    found = {}
    for key, value in attributes.items():
        text = value if isinstance(value, str) else number(value)
        found[key.rstrip("_").replace("_", "-")] = text
    return ET.SubElement(parent, tag, found)


def step(parent: Element, count: int) -> Element:
    """What a slide shows at once when it shows the figure step by step."""
    return add(parent, "g", data_step=str(count))


def operation(parent: Element, *ops: Op) -> Element:
    """The place of an operation, or of several, that tells of them when pointed at or focused."""
    return telling(parent, "; ".join(map(tell, ops)))


def telling(parent: Element, words: str) -> Element:
    """A place that says these words when pointed at or focused."""
    group = add(parent, "g", class_="op", tabindex="0", role="img")
    add(group, "title").text = words
    return group


def rectangle(
    parent: Element, x: float, y: float, wide: float, tall: float, fill: str, **more: Any
) -> Element:
    return add(parent, "rect", x=x, y=y, width=wide, height=tall, fill=fill, **more)


def polygon(parent: Element, fill: str, *points: tuple[float, float], **more: Any) -> Element:
    listed = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return add(parent, "polygon", points=listed, fill=fill, **more)


def path(parent: Element, fill: str, d: str, **more: Any) -> Element:
    return add(parent, "path", d=d, fill=fill, **more)


def text(
    parent: Element,
    x: float,
    y: float,
    words: str,
    *,
    size: float = SMALL,
    bold: bool = False,
    anchor: str = "middle",
    fill: str = INK,
) -> Element:
    """A line of text whose baseline is at `y`."""
    width(words, size, bold)  # raises for what the font lacks
    more: dict[str, Any] = {"text_anchor": anchor} if anchor != "start" else {}
    if size != SMALL:
        more["font_size"] = size
    if bold:
        more["font_weight"] = "700"
    if fill != INK:
        more["fill"] = fill
    element = add(parent, "text", x=x, y=y, **more)
    element.text = words
    return element


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
