"""What a network is trained on: the loss of an answer, and the numbers that it is given."""

import torch
from torch import Tensor
from torch.nn import functional as F

import lab
from draw.look import INK, MUTED, RIBBON
from draw.svg import Element, number

from .pieces import BLUE, DEEP, RED, TOP, start, value

COLORS = (("red", RED, ""), ("green", "#2E7D32", "14 7"), ("blue", DEEP, "4 6"))


def cross_entropy() -> str:
    """The loss for each class that the example of the softmax could be of."""
    names, logits = ("dog", "cat", "ship", "frog"), torch.tensor([3.5, 2.0, 0.5, -1.0])
    shares = logits.softmax(0)
    losses = F.cross_entropy(logits.repeat(4, 1), torch.arange(4), reduction="none")
    root = start(
        "cross-entropy",
        "Cross-entropy",
        "The loss looks at one number: the probability of the right class",
        "The loss is minus the logarithm of the probability of the right class: "
        + ", ".join(
            f"{value(loss)} where it is {value(share, 3)}"
            for loss, share in zip(losses.tolist(), shares.tolist(), strict=True)
        ),
    )
    left, right, tall, high = 90.0, 880.0, 340.0, 5.0

    def place(p: float, loss: float) -> tuple[float, float]:
        return left + p * (right - left), TOP + tall * (1 - loss / high)

    for tick in (1, 2, 3, 4, 5):
        up = place(0, tick)[1]
        root.path("none", f"M{number(left)},{number(up)}H{number(right)}", stroke=RIBBON,
             stroke_width=1.5)  # fmt: skip
        root.write(left - 16, up + 10, str(tick), anchor="end", fill=MUTED)
    root.path("none", f"M{number(left)},{number(TOP)}V{number(TOP + tall)}H{number(right)}",
         stroke=INK, stroke_width=2.4)  # fmt: skip
    for share in (0.25, 0.5, 0.75, 1.0):
        across = place(share, 0)[0]
        root.write(across, TOP + tall + 40, value(share), fill=MUTED)
    root.write(right, TOP + tall + 78, "probability of the right class", anchor="end", fill=MUTED)
    p = torch.linspace(0.0068, 1, 160)
    points = [place(a, b) for a, b in zip(p.tolist(), (-p.log()).tolist(), strict=True)]
    root.path("none", "M" + "L".join(f"{number(a)},{number(b)}" for a, b in points),
         stroke=DEEP, stroke_width=6, stroke_linejoin="round")  # fmt: skip
    group = root.step(1)
    pitch, wide, zero = 92.0, 72.0, 1330.0
    columns = ((1080.0, "if it is a"), (1240.0, "p"), (zero, "loss"))
    for at, head in columns:
        anchor = "end" if head == "p" else "start"
        group.write(at, TOP + 22, head, anchor=anchor, fill=MUTED)
    for row, (name, share, loss) in enumerate(
        zip(names, shares.tolist(), losses.tolist(), strict=True)
    ):
        base = TOP + 84 + pitch * row
        group.add("circle", cx=place(share, loss)[0], cy=place(share, loss)[1], r=12, fill=BLUE,
            stroke=INK, stroke_width=2.4)  # fmt: skip
        group.write(1080, base, name, bold=True, anchor="start")
        group.write(1240, base, value(share, 3), anchor="end")
        group.rectangle(zero, base - 32, wide * loss, 44, BLUE, stroke=INK, stroke_width=1.2)
        group.write(zero + wide * loss + 14, base, value(loss), anchor="start")
    return root.finish(TOP + tall + 92)


def normalized() -> str:
    """How often each value occurs in drawn shapes, before and after normalization."""
    data = lab.load("shapes", limit=600)
    images = data.train.images.double() / 255
    mean, std = (torch.tensor(each, dtype=torch.float64) for each in (data.mean, data.std))
    after = (images - mean[:, None, None]) / std[:, None, None]
    root = start(
        "normalized",
        "Normalized input",
        "From each channel its mean is subtracted, and the rest is divided by its deviation",
        "How often each value occurs, for red, green and blue. Before, all are between 0 and 1. "
        "After, each channel has the mean 0 and the deviation 1.",
    )
    _histogram(root, 40, images, (0.0, 1.0), (0.0, 0.5, 1.0))
    _histogram(root.step(1), 930, after, (-2.5, 2.5), (-2.0, -1.0, 0.0, 1.0, 2.0))
    return root.finish(TOP + 424)


def _histogram(
    root: Element, left: float, values: Tensor, ends: tuple[float, float], ticks: tuple[float, ...]
) -> None:
    """A line for each channel of (N, 3, H, W)."""
    wide, tall, (low, high) = 780.0, 270.0, ends
    bins = 24
    counts = [values[:, place].histogram(bins, range=ends).hist for place in range(3)]
    most = max(float(count.max()) for count in counts)
    base = TOP + tall
    root.path("none", f"M{number(left)},{number(base)}h{number(wide)}", stroke=INK,
         stroke_width=2.4)  # fmt: skip
    for tick in ticks:
        root.write(left + wide * (tick - low) / (high - low), base + 40, value(tick), fill=MUTED)
    for place, (name, color, dashes) in enumerate(COLORS):
        dots = " ".join(
            f"{number(left + wide * (at + 0.5) / bins)},{number(base - tall * float(each) / most)}"
            for at, each in enumerate(counts[place])
        )
        style = {"stroke": color, "stroke_width": 5, "stroke_dasharray": dashes or "none"}
        root.add("polyline", points=dots, fill="none", **style)
        each = values[:, place]
        mean, deviation = (value(abs(float(x))) for x in (each.mean(), each.std()))
        at, down = left + 20 + 262 * place, base + 92
        root.add("line", x1=at, y1=down - 10, x2=at + 50, y2=down - 10, **style)
        root.write(at + 62, down, name, anchor="start", bold=True)
        root.write(at + 62, down + 38, f"{mean} ± {deviation}", anchor="start", fill=MUTED)
