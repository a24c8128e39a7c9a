"""Small pictures of the pieces that networks are made of; PyTorch computes every value in them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from draw.fonts import width
from draw.look import FILLS, INK, LARGE, LEFT, MUTED, PALE, RIBBON, SMALL, TIMES, WIDTH, mixed
from draw.svg import Element, document, number

TOP = 68  # of what stands below the words
BLUE, DEEP, AMBER, LIGHT = FILLS["conv 3"], FILLS["fc"], FILLS["pool"], FILLS["conv 1"]
RED = "#B3261E"  # of negative weights, which are dashed as well


def value(each: float, digits: int = 2) -> str:
    """A number as one writes it: at most so many decimals, and a true minus."""
    words = f"{each:.{digits}f}"
    words = words.rstrip("0").rstrip(".") if "." in words else words
    return "0" if words == "-0" else words.replace("-", "\N{MINUS SIGN}")


def start(name: str, title: str, words: str, described: str = "") -> Element:
    """A figure with words above it; they describe it, too, where nothing else does."""
    root = document(f"pieces-{name}", title, described or words)
    root.write(LEFT, 34, words, size=LARGE, bold=True, anchor="start")
    return root


def _grid(
    group: Element,
    x: float,
    y: float,
    cell: float,
    values: Tensor,
    fill: Callable[[int, int], str] = lambda row, column: "#FFFFFF",
    bold: Callable[[int, int], bool] = lambda row, column: False,
) -> None:
    """A table of numbers, (rows, columns)."""
    for row, numbers in enumerate(values.tolist()):
        for column, each in enumerate(numbers):
            left, top, shade = x + column * cell, y + row * cell, fill(row, column)
            group.rectangle(left, top, cell, cell, shade, stroke=INK, stroke_width=1.2)
            ink = "#FFFFFF" if shade in (DEEP, INK) else INK
            middle = top + cell / 2 + 10
            group.write(left + cell / 2, middle, value(each), bold=bold(row, column), fill=ink)


def _same(fill: str) -> Callable[[int, int], str]:
    return lambda row, column: fill


def _frame(group: Element, x: float, y: float, wide: float, tall: float) -> None:
    group.rectangle(x, y, wide, tall, "none", stroke=INK, stroke_width=5)


def _arrow(group: Element, x: float, y: float, to_x: float) -> None:
    group.path("none", f"M{number(x)},{number(y)}H{number(to_x - 14)}", stroke=MUTED,
         stroke_width=4)  # fmt: skip
    group.polygon(MUTED, (to_x - 18, y - 11), (to_x, y), (to_x - 18, y + 11))


def fully_connected() -> str:
    x = torch.tensor([1.0, 0.5, -1.0, 2.0])
    weight = torch.tensor([[0.5, 1.0, 0.0, -1.0], [2.0, -1.0, 0.5, 0.5], [-0.5, 0.0, 1.5, 1.0]])
    bias = torch.tensor([0.5, -1.0, 0.0])
    y = F.linear(x, weight, bias)
    outputs, inputs = weight.shape
    count = weight.numel() + bias.numel()
    said = "Every output is a weighted sum of all inputs, plus a bias"
    root = start("fully-connected", "A fully connected layer", said)
    costs = f"{inputs} {TIMES} {outputs} weights + {outputs} biases = {count} parameters"
    root.write(LEFT + width(said, LARGE, True) + 30, 34, costs, anchor="start", fill=MUTED)
    radius, pitch, left, right = 38, 92, 70, 560
    ins = [TOP + radius + 6 + pitch * place for place in range(inputs)]
    outs = [TOP + radius + 6 + pitch * (place + (inputs - outputs) / 2) for place in range(outputs)]
    lines = root.step(1)
    for row, to_y in enumerate(outs):
        for column, from_y in enumerate(ins):
            strength = float(weight[row, column])
            if strength:
                dashes = {"stroke_dasharray": "10 7"} if strength < 0 else {}
                lines.add("line", x1=left, y1=from_y, x2=right, y2=to_y, **dashes,
                    stroke=RED if strength < 0 else DEEP,
                    stroke_width=1.5 + 3.5 * abs(strength))  # fmt: skip
    style = {"stroke": INK, "stroke_width": 1.6}
    for numbers, x_at, ys, fill in ((x, left, ins, PALE), (y, right, outs, LIGHT)):
        for each, y_at in zip(numbers.tolist(), ys, strict=True):
            root.add("circle", cx=x_at, cy=y_at, r=radius, fill=fill, **style)
            root.write(x_at, y_at + 10, value(each))
    cell, first = 78, TOP + 44
    at = 760.0
    center = first + cell * outputs / 2
    parts = (
        ("weights", weight, "·"),
        ("inputs", x[:, None], "+"),
        ("bias", bias[:, None], "="),
        ("outputs", y[:, None], ""),
    )
    for words, numbers, sign in parts:
        rows, columns = numbers.shape
        top = center - cell * rows / 2
        fill = LIGHT if words == "outputs" else PALE if words == "inputs" else "#FFFFFF"
        _grid(root, at, top, cell, numbers, _same(fill))
        root.write(at + cell * columns / 2, first + cell * outputs + 82, words, fill=MUTED)
        at += cell * columns
        if sign:
            root.write(at + 49, center + 12, sign, size=LARGE, bold=True)
        at += 98
    return root.finish(first + cell * outputs + 98)


def convolution() -> str:
    row = torch.tensor([0.0, 0.0, 2.0, 9.0, 9.0, 9.0])
    image = row.repeat(6, 1)
    image[4:] = 0
    kernel = torch.tensor([[-1.0, 0.0, 1.0]]).repeat(3, 1)
    result = F.conv2d(image[None, None], kernel[None, None])[0, 0]
    chosen = (1, 1)
    cell = 56
    root = start(
        "convolution",
        "A convolution",
        "The same small kernel at every place: this one answers to vertical edges",
    )
    x, tall = float(LEFT + 20), cell * 6
    r, c = chosen

    def shade(each: float, most: float) -> str:
        return mixed(BLUE, 1 - min(1.0, abs(each) / most))

    _grid(root, x, TOP, cell, image, lambda i, j: shade(float(image[i, j]), 9.0))
    _frame(root, x + c * cell, TOP + r * cell, 3 * cell, 3 * cell)
    root.write(x + tall / 2, TOP + tall + 44, f"input, 6 {TIMES} 6", fill=MUTED)
    x += tall + 110
    group = root.step(1)
    top = TOP + (tall - 3 * cell) / 2
    group.write(x - 55, TOP + tall / 2 + 18, "*", size=LARGE, bold=True)
    _grid(group, x, top, cell, kernel)
    _frame(group, x, top, 3 * cell, 3 * cell)
    group.write(x + 1.5 * cell, TOP + tall + 44, f"kernel, 3 {TIMES} 3", fill=MUTED)
    x += 3 * cell + 110
    group = root.step(2)
    group.write(x - 55, TOP + tall / 2 + 12, "=", size=LARGE, bold=True)
    top = TOP + (tall - 4 * cell) / 2
    most = float(result.abs().max())
    _grid(group, x, top, cell, result, lambda i, j: shade(float(result[i, j]), most),
          lambda i, j: (i, j) == chosen)  # fmt: skip
    _frame(group, x + c * cell, top + r * cell, cell, cell)
    group.write(x + 2 * cell, TOP + tall + 44, f"output, 4 {TIMES} 4", fill=MUTED)
    x += 4 * cell + 110
    window = image[r : r + 3, c : c + 3]
    products = (window * kernel).sum(1)
    group = root.step(3)
    group.write(x, TOP + 70, "In the frame:", bold=True, anchor="start")
    for place in range(3):
        terms = " + ".join(
            f"{value(float(a))}·{value(float(b)) if b >= 0 else f'({value(float(b))})'}"
            for a, b in zip(window[place], kernel[place], strict=True)
        )
        group.write(x, TOP + 126 + 46 * place, terms, anchor="start")
        group.write(x + 330, TOP + 126 + 46 * place, f"= {value(float(products[place]))}",
             anchor="start")  # fmt: skip
    y = TOP + 126 + 46 * 3 + 16
    group.write(x, y, f"together {value(float(result[chosen]))}", bold=True, anchor="start")
    return root.finish(TOP + tall + 58)


def max_pooling() -> str:
    maps = torch.tensor(
        [[1.0, 3.0, 0.0, 2.0], [4.0, 2.0, 1.0, 1.0], [0.0, 1.0, 5.0, 6.0], [2.0, 0.0, 8.0, 3.0]]
    )
    result, where = F.max_pool2d(maps[None, None], 2, return_indices=True)
    kept = {divmod(each, 4) for each in where.flatten().tolist()}
    cell = 76
    root = start(
        "max-pooling",
        "Max pooling",
        "Of every 2 by 2 numbers the largest stays: half the side, no parameters",
    )
    x = 330.0
    _grid(root, x, TOP, cell, maps, lambda i, j: AMBER if (i, j) in kept else "#FFFFFF",
          lambda i, j: (i, j) in kept)  # fmt: skip
    for i in range(2):
        for j in range(2):
            _frame(root, x + 2 * j * cell, TOP + 2 * i * cell, 2 * cell, 2 * cell)
    root.write(x + 2 * cell, TOP + 4 * cell + 46, f"4 {TIMES} 4", fill=MUTED)
    group = root.step(1)
    middle = TOP + 2 * cell
    _arrow(group, x + 4 * cell + 90, middle, x + 4 * cell + 320)
    group.write(x + 4 * cell + 205, middle - 26, "max", bold=True)
    x += 4 * cell + 410
    _grid(group, x, middle - cell, cell, result[0, 0], lambda i, j: AMBER, lambda i, j: True)
    _frame(group, x, middle - cell, 2 * cell, 2 * cell)
    group.write(x + cell, TOP + 4 * cell + 46, f"2 {TIMES} 2", fill=MUTED)
    return root.finish(TOP + 4 * cell + 60)


def _activation(
    name: str, title: str, words: str, function: Callable[[Tensor], Tensor], ticks: tuple[int, ...]
) -> str:
    """A curve with its slope, and what it does to five numbers."""
    root = start(name.lower(), title, words)
    high = 1.12 * max(ticks)
    left, right, tall, low = 70.0, 820.0, 330.0, -0.18 * high
    x = torch.linspace(-6, 6, 121, requires_grad=True)
    y = function(x)
    (slope,) = torch.autograd.grad(y.sum(), x)

    def place(a: float, b: float) -> tuple[float, float]:
        across = left + (a + 6) / 12 * (right - left)
        return across, TOP + tall * (1 - (b - low) / (high - low))

    base, zero = place(0, 0)[1], place(0, 0)[0]
    for d in (f"M{number(left)},{number(base)}H{number(right)}", f"M{number(zero)},{TOP}v{tall}"):
        root.path("none", d, stroke=RIBBON, stroke_width=3)
    for tick in (-6, -3, 3, 6):
        across = place(tick, 0)[0]
        root.add("line", x1=across, y1=base - 7, x2=across, y2=base + 7, stroke=MUTED,
            stroke_width=2)  # fmt: skip
        root.write(across, base + 40, value(tick), fill=MUTED)
    for tick in ticks:
        up = place(0, tick)[1]
        root.add("line", x1=zero - 7, y1=up, x2=zero + 7, y2=up, stroke=MUTED, stroke_width=2)
        root.write(zero - 18, up + 10, value(tick), anchor="end", fill=MUTED)
    for numbers, style in (
        (slope, {"stroke": RED, "stroke_width": 4, "stroke_dasharray": "12 8"}),
        (y.detach(), {"stroke": DEEP, "stroke_width": 6}),
    ):
        d, last = "", 0.0
        for each, height in zip(x.tolist(), numbers.tolist(), strict=True):
            across, up = place(each, height)
            if height <= high:  # a jump is no part of the curve
                d += (
                    f"{'L' if d and abs(height - last) < 0.5 else 'M'}{number(across)},{number(up)}"
                )
            last = height
        root.path("none", d, **style, stroke_linejoin="round")
    group = root.step(1)
    cell, at = 124.0, 1010.0
    some = torch.tensor([-4.0, -1.0, 0.0, 1.0, 4.0], requires_grad=True)
    out = function(some)
    (steep,) = torch.autograd.grad(out.sum(), some)
    rows = (("x", some, PALE, None), (name, out, LIGHT, DEEP), ("slope", steep, "#FFFFFF", RED))
    for count, (label, values, fill, line) in enumerate(rows):
        y_at = TOP + 24 + 104 * count
        group.write(at - 26, y_at + 47, label, anchor="end", bold=True)
        if line:
            dashes = {"stroke_dasharray": "12 8"} if line == RED else {}
            group.add("line", x1=at - 26 - width(label, SMALL, True), y1=y_at + 62, x2=at - 26,
                y2=y_at + 62, stroke=line, stroke_width=5, **dashes)  # fmt: skip
        for column, each in enumerate(values.tolist()):
            group.rectangle(at + column * cell, y_at, cell, 76, fill, stroke=INK, stroke_width=1.2)
            group.write(at + (column + 0.5) * cell, y_at + 48, value(each, 3))
    return root.finish(TOP + tall + 14)


def sigmoid() -> str:
    slope = torch.zeros(1, requires_grad=True)
    (steepest,) = torch.autograd.grad(torch.sigmoid(slope).sum(), slope)
    words = (
        "Sigmoid squeezes every number between 0 and 1; "
        f"its slope is never more than {value(float(steepest))}"
    )
    return _activation("sigmoid", "Sigmoid", words, torch.sigmoid, (1,))


def relu() -> str:
    words = "ReLU cuts off what is negative; where it lets through, its slope is 1"
    return _activation("ReLU", "ReLU", words, torch.relu, (1, 4))


def softmax() -> str:
    names: Sequence[str] = ("cat", "dog", "frog", "ship")
    logits = torch.tensor([2.0, 3.5, -1.0, 0.5])
    probabilities = torch.softmax(logits, dim=0)
    root = start(
        "softmax",
        "Softmax",
        "Softmax turns logits into probabilities: exp(x), divided by the sum of all",
    )
    pitch, tall, zero, scale = 84.0, 56.0, 330.0, 110.0
    right, wide = 1120.0, 480.0
    group = root.step(1)
    root.add("line", x1=zero, y1=TOP, x2=zero, y2=TOP + pitch * 4, stroke=INK, stroke_width=2)
    group.add("line", x1=right, y1=TOP, x2=right, y2=TOP + pitch * 4, stroke=INK, stroke_width=2)
    for place, (name, logit, share) in enumerate(
        zip(names, logits.tolist(), probabilities.tolist(), strict=True)
    ):
        y = TOP + pitch * place + (pitch - tall) / 2
        base = y + tall / 2 + 10
        root.write(LEFT + 20, base, name, anchor="start", bold=True)
        begin = zero + min(0.0, logit) * scale
        root.rectangle(begin, y, abs(logit) * scale, tall, RIBBON)
        root.write(zero + max(0.0, logit) * scale + 16, base, value(logit), anchor="start")
        group.rectangle(right, y, share * wide, tall, BLUE, stroke=INK, stroke_width=1.2)
        group.write(right + share * wide + 16, base, value(share, 3), anchor="start")
    middle = TOP + pitch * 2
    _arrow(group, 850, middle, 1050)
    group.write(945, middle - 24, "softmax", bold=True)
    below = TOP + pitch * 4 + 46
    root.write(zero, below, "logits: any numbers", anchor="start", fill=MUTED)
    total = value(float(probabilities.sum()))
    group.write(right, below, f"probabilities: together {total}", anchor="start", fill=MUTED)
    return root.finish(below + 14)


def dropout() -> str:
    x = torch.tensor([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0])
    p = 0.5
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        trained = F.dropout(x, p, training=True)
    used = F.dropout(x, p, training=False)
    root = start(
        "dropout",
        "Dropout",
        f"In training each unit is left out with probability {value(p)}, "
        f"the others are multiplied by {value(1 / (1 - p))}",
    )
    cell, at, tall = 118.0, 330.0, 84.0
    for count, (words, values) in enumerate(
        (("units", x), ("in training", trained), ("in use", used))
    ):
        group = root.step(count)
        y = TOP + 8 + 118 * count
        group.write(at - 36, y + tall / 2 + 10, words, anchor="end", bold=True)
        for column, each in enumerate(values.tolist()):
            left, out = at + cell * column, count == 1 and each == 0
            fill = "#FFFFFF" if out else (PALE, BLUE, LIGHT)[count]
            group.rectangle(left, y, cell - 12, tall, fill, stroke=INK, stroke_width=1.4)
            if out:
                cross = f"M{number(left + 8)},{number(y + 8)}L{number(left + cell - 20)},"
                cross += f"{number(y + tall - 8)}M{number(left + cell - 20)},{number(y + 8)}"
                cross += f"L{number(left + 8)},{number(y + tall - 8)}"
                group.path("none", cross, stroke=RED, stroke_width=3.5)
            else:
                group.write(left + cell / 2 - 6, y + tall / 2 + 10, value(each), bold=count == 1)
    assert at + cell * len(x) < WIDTH
    return root.finish(TOP + 8 + 118 * 3 - 20)


PIECES: dict[str, Callable[[], str]] = {
    "fully-connected": fully_connected,
    "convolution": convolution,
    "max-pooling": max_pooling,
    "sigmoid": sigmoid,
    "relu": relu,
    "softmax": softmax,
    "dropout": dropout,
}
