"""What stands below a figure: where its parameters are, to scale, and the key to its colors."""

from dataclasses import dataclass

from .fonts import width
from .look import EDGE, FILLS, LEFT, MUTED, RIGHT, SMALL, WHITE, color, fill_of, ink_on
from .svg import Element
from .trace import Op, folds_as, short, times

HEIGHT = 40
TITLE, BAR = 26, 42  # from the top down to the base of the title, and to the bar
UNDER = 4  # below the bar
CAPTION, KEY = 40, 44  # height of a second line, with the caption or with the key
DESCENT = 4, 6  # from the base of the caption, and of the key, to the end of that line
GAP = 28  # between two items of a key
TIGHT = 20  # the least between the title and what stands beside it
PAD, BASE = 14, 10  # in a segment: the least beside its words, and from their base to its end
SEAM = 2.0  # between two segments, where they are wide enough
NEUTRAL = "#DCE7EC"  # a segment with operations of several kinds
SWATCH, STRIP, SPACE = 30, 10, 10  # in a key: a color, one of a norm, and from it to its words
RAISED = 24  # the top of a swatch above the base of its words
KINDS = {
    "pool": "pooling",
    "fc": "fully connected",
    "attention": "attention",
    "unknown": "not known here",
}


@dataclass
class Segment:
    """Some operations that share a part of the bar."""

    name: str
    ops: list[Op]
    step: int

    @property
    def parameters(self) -> int:
        return sum(op.parameters for op in self.ops)

    @property
    def fill(self) -> str:
        """The color of the operations, or a neutral one where they are of several kinds."""
        fills = {fill_of(op) for op in self.ops if op.parameters}
        return fills.pop() if len(fills) == 1 else NEUTRAL


def parameter_bar(
    root: Element, segments: list[Segment], y: float, caption: str, folded: bool
) -> float:
    """Draw title, caption, key and bar from `y` down, and return where they end.

    Args:
        segments: the whole network, in its order.
        caption: what the sizes in the figure mean.
        folded: whether the figure shows norms and activations.
    """
    total = sum(segment.parameters for segment in segments)
    title = f"Where the {short(total)} parameters are"
    items = key_of([op for segment in segments for op in segment.ops], folded)
    free = RIGHT - LEFT - width(title, SMALL, bold=True) - key_width(items)
    base, top = y + TITLE, y + BAR
    root.write(LEFT, base, title, bold=True, anchor="start")
    end = top + HEIGHT + UNDER
    if width(caption, SMALL) + GAP + TIGHT < free:
        begin = key(root, items, RIGHT, base)
        root.write(begin - GAP, base, caption, anchor="end", fill=MUTED)
    elif free > TIGHT:
        key(root, items, RIGHT, base)
        end += CAPTION
        root.write(RIGHT, end - DESCENT[0], caption, anchor="end", fill=MUTED)
    else:
        root.write(RIGHT, base, caption, anchor="end", fill=MUTED)
        end += KEY
        key(root, items, RIGHT, end - DESCENT[1])
    x: float = LEFT
    names = [segment.name for segment in segments]
    for segment in (each for each in segments if each.parameters):
        wide = (RIGHT - LEFT) * segment.parameters / total
        group = root.step(segment.step).operation(*segment.ops)
        stroke = {"stroke": WHITE, "stroke_width": min(SEAM, wide / 3)}
        group.rectangle(x, top, wide, HEIGHT, segment.fill, **stroke)
        for words in _words(segment, total, names.count(segment.name) == 1):
            if width(words, SMALL) < wide - PAD:
                ink = ink_on(segment.fill)
                group.write(x + wide / 2, top + HEIGHT - BASE, words, fill=ink)
                break
        x += wide
    return end


def _words(segment: Segment, total: int, unique: bool) -> list[str]:
    """What may stand in a segment, the longest first."""
    percent = f"{100 * segment.parameters / total:.0f} %"
    name = segment.name
    long = [f"{name}: {short(segment.parameters)}, {percent}", f"{name}: {percent}"]
    return [*long, name if unique else percent]


def key_of(ops: list[Op], folded: bool) -> list[tuple[str, str]]:
    """The key to the colors of some operations: names of colors and words."""
    items = []
    for name in ("conv 1", "conv 3", "conv more"):
        kernels = sorted({op.kernel for op in ops if color(op) == name}, reverse=True)
        if kernels:
            items.append((name, f"conv {', '.join(map(times, kernels))}"))
    kinds = {op.kind for op in ops}
    items += [(kind, words) for kind, words in KINDS.items() if kind in kinds]
    if folded:
        names = list(dict.fromkeys(name for op in ops for name in op.folded))
        items += sorted(
            ((folds_as(name), name) for name in names), key=lambda item: item[0] == "activation"
        )
    return items


def key_width(items: list[tuple[str, str]]) -> float:
    return sum(_swatch(name) + SPACE + width(words, SMALL) + GAP for name, words in items) - GAP


def _swatch(name: str) -> int:
    return STRIP if name in ("norm", "activation") else SWATCH


def key(root: Element, items: list[tuple[str, str]], right: float, y: float) -> float:
    """Draw a key that ends at `right`, its baseline at `y`, and return where it begins."""
    x = begin = right - key_width(items)
    for name, words in items:
        swatch = _swatch(name)
        stroke = EDGE if swatch > STRIP else {}
        root.rectangle(x, y - RAISED, swatch, SWATCH, FILLS[name], **stroke)
        root.write(x + swatch + SPACE, y, words, anchor="start", fill=MUTED)
        x += swatch + SPACE + width(words, SMALL) + GAP
    return begin
