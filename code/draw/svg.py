"""Write SVG: the few elements that a figure is made of."""

import xml.etree.ElementTree as ET
from typing import Any

from .fonts import FAMILY, width
from .look import INK, SMALL, WIDTH
from .trace import Op, tell


class Element(ET.Element):
    """An element; its methods, all but one, put another one into it and return that."""

    def add(self, tag: str, **attributes: Any) -> "Element":
        """`stroke_width=2` becomes stroke-width="2"."""
        found = {}
        for key, value in attributes.items():
            text = value if isinstance(value, str) else number(value)
            found[key.rstrip("_").replace("_", "-")] = text
        child = Element(tag, found)
        self.append(child)
        return child

    def step(self, count: int) -> "Element":
        """What a slide shows at once when it shows the figure step by step; 0 is there already."""
        return self.add("g", **({"data_step": str(count)} if count else {}))

    def operation(self, *ops: Op) -> "Element":
        """The place of operations, which tells of them when pointed at or focused."""
        return self.telling("; ".join(map(tell, ops)))

    def telling(self, words: str) -> "Element":
        """A place that says these words when pointed at or focused."""
        group = self.add("g", class_="op", tabindex="0", role="img")
        group.add("title").text = words
        return group

    def rectangle(
        self, x: float, y: float, wide: float, tall: float, fill: str, **more: Any
    ) -> "Element":
        return self.add("rect", x=x, y=y, width=wide, height=tall, fill=fill, **more)

    def polygon(self, fill: str, *points: tuple[float, float], **more: Any) -> "Element":
        listed = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        return self.add("polygon", points=listed, fill=fill, **more)

    def path(self, fill: str, d: str, **more: Any) -> "Element":
        return self.add("path", d=d, fill=fill, **more)

    def write(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = SMALL,
        bold: bool = False,
        anchor: str = "middle",
        fill: str = INK,
    ) -> "Element":
        """A line of text whose baseline is at `y`."""
        width(words, size, bold)  # raises for what the font lacks
        more: dict[str, Any] = {"text_anchor": anchor} if anchor != "start" else {}
        if size != SMALL:
            more["font_size"] = size
        if bold:
            more["font_weight"] = "700"
        if fill != INK:
            more["fill"] = fill
        element = self.add("text", x=x, y=y, **more)
        element.text = words
        return element

    def finish(self, height: float) -> str:
        """The figure as text, without blank lines: Markdown would end the SVG there."""
        tall = round(height)
        self.set("viewBox", f"0 0 {WIDTH} {tall}")
        self.set("width", str(WIDTH))
        self.set("height", str(tall))
        ET.indent(self, space="")
        return ET.tostring(self, encoding="unicode") + "\n"


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
    root.add("title", id=f"{name}-title").text = title
    root.add("desc", id=f"{name}-desc").text = description
    return root


def number(value: float) -> str:
    """One decimal, or none where it is zero."""
    return f"{value:.1f}".removesuffix(".0").replace("-0", "0" if abs(value) < 0.05 else "-0")
