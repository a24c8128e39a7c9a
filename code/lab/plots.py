"""Pictures: made of numbers that a lesson or a training produced, readable in print.

Every function returns a matplotlib figure and shows nothing: `Trained.draw` and `lab.keep` keep
and show it.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor

DARK, BRIGHT, AMBER = "#036182", "#04ABE8", "#D98E04"
SIGNED = LinearSegmentedColormap.from_list("signed", [AMBER, "white", BRIGHT])
GRAY = "#9FB3BA"
STYLES = ({"color": AMBER, "linestyle": "--"}, {"color": DARK}, {"color": BRIGHT, "linestyle": ":"})


def learning_curve(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Losses and validation accuracy by epoch, side by side, from the rows of a history."""
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(10, 4), layout="constrained", dpi=120)
    left, right = figure.subplots(1, 2)
    marker = "o" if len(epochs) == 1 else ""
    for key, style in (("train_loss", STYLES[0]), ("validation_loss", STYLES[1])):
        label = key.removesuffix("_loss").replace("train", "training")
        left.plot(epochs, [row[key] for row in history], label=label, marker=marker, **style)
    left.set(xlabel="epoch", ylabel="cross-entropy")
    left.legend(frameon=False)
    accuracy = [row["validation_accuracy"] for row in history]
    right.plot(epochs, accuracy, color=DARK, marker=marker)
    best = int(np.argmax(accuracy))
    right.plot(epochs[best], accuracy[best], "o", color=AMBER)
    right.annotate(
        f"{accuracy[best]:.1%}",
        (epochs[best], accuracy[best]),
        xytext=(0, -26),
        textcoords="offset points",
        ha="right",
    )
    right.set(xlabel="epoch", ylabel="validation accuracy")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> Figure:
    """A confusion matrix: images of class i taken for class j, as `counts[i][j]`."""
    matrix = np.asarray(counts, dtype=float)
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = 2.5 + 0.55 * len(classes)
    figure = Figure(figsize=(side, side), layout="constrained", dpi=120)
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= 20:
        for (row, column), value in np.ndenumerate(share):
            color = "white" if value > 0.5 else "black"
            axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=color)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted", ylabel="true", title="of 100 images of a class")
    return figure


def filters(weight: Tensor) -> Figure:
    """The kernels of a first convolution, (filters, channels, height, width), as pictures.

    Three channels are shown in color, otherwise the first one in gray. Each filter is stretched to
    its own range.
    """
    kernels = weight.detach().cpu().float()
    kernels = kernels if kernels.shape[1] == 3 else kernels[:, :1]
    low, high = kernels.amin((1, 2, 3), keepdim=True), kernels.amax((1, 2, 3), keepdim=True)
    pictures = (kernels - low) / (high - low).clamp(min=1e-12)
    return _gallery(pictures, [str(number + 1) for number in range(len(pictures))])


@torch.no_grad()
def mistakes(
    model: torch.nn.Module,
    images: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    mean: Sequence[float],
    std: Sequence[float],
    count: int = 12,
) -> Figure:
    """The images a network is most sure about and wrong.

    Args:
        model: in eval mode, on the CPU; gives logits.
        images, labels: uint8 (N, C, H, W) and (N,).
        classes: their names.
        mean, std: of each channel, as the network was trained with.
        count: how many to show.
    """
    channels = (1, -1, 1, 1)
    center, scale = torch.tensor(mean).view(channels), torch.tensor(std).view(channels)
    chances = torch.cat(
        [model((part / 255 - center) / scale).softmax(1) for part in images.split(500)]
    )
    confidence, predicted = chances.max(1)
    worst = confidence.masked_fill(predicted == labels, -1).topk(min(count, len(labels)))
    chosen = worst.indices[worst.values >= 0]
    titles = [
        f"{classes[int(labels[i])]}\ntaken for {classes[int(predicted[i])]}, {confidence[i]:.0%}"
        for i in chosen.tolist()
    ]
    return _gallery(images[chosen] / 255, titles)


def _gallery(pictures: Tensor, titles: Sequence[str], columns: int = 6) -> Figure:
    rows = max(1, -(-len(pictures) // columns))
    figure = Figure(figsize=(2.1 * columns, 2.4 * rows), layout="constrained", dpi=120)
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.axis("off")
    for axes, picture, title in zip(figure.axes, pictures, titles, strict=False):
        axes.imshow(picture.permute(1, 2, 0).squeeze(2), cmap="gray", vmin=0, vmax=1)
        axes.set_title(title, fontsize=9)
    return figure


def tables(named: Mapping[str, Tensor]) -> Figure:
    """Small matrices side by side with their numbers, the negative amber and the positive blue.

    Args:
        named: what stands above each, and its numbers, (rows, columns).
    """
    matrices = [matrix.detach().cpu() for matrix in named.values()]
    high = 1 + max(len(matrix) for matrix in matrices)  # in cells; a title takes one
    columns = (matrix.shape[1] for matrix in matrices)
    wide = [1 + max(count, 0.19 * len(name)) for count, name in zip(columns, named, strict=True)]
    figure = Figure(figsize=(0.5 * sum(wide), 0.5 * high + 0.2), layout="constrained", dpi=120)
    places = figure.subplots(1, len(wide), width_ratios=wide, squeeze=False)[0]
    for axes, title, matrix, width in zip(places, named, matrices, wide, strict=True):
        _table(axes, title, matrix)
        bottom, middle = (len(matrix) + high - 1) / 2, matrix.shape[1] / 2
        axes.set(xlim=(middle - width / 2, middle + width / 2), ylim=(bottom, bottom - high))
    return figure


def _table(axes: Axes, title: str, matrix: Tensor) -> None:
    limit = max(matrix.abs().max().item(), 1e-12)
    axes.pcolormesh(matrix, cmap=SIGNED, vmin=-limit, vmax=limit, edgecolors=GRAY, linewidth=1)
    for (row, column), value in np.ndenumerate(matrix.numpy()):
        number = f"{round(float(value), 2) + 0.0:g}"  # -0.001 becomes 0, not -0
        axes.text(column + 0.5, row + 0.5, number, ha="center", va="center")
    axes.text(matrix.shape[1] / 2, -0.2, title, ha="center", va="bottom")
    axes.set_aspect("equal")
    axes.axis("off")


def activations(functions: Mapping[str, Callable[[Tensor], Tensor]], reach: float = 5) -> Figure:
    """What activations make of the numbers from -reach to reach, and their slopes, by autograd."""
    figure = Figure(figsize=(10, 3.6), layout="constrained", dpi=120)
    left, right = figure.subplots(1, 2)
    x = torch.linspace(-reach, reach, 401, requires_grad=True)
    for (name, function), style in zip(functions.items(), cycle(STYLES), strict=False):
        y = function(x)
        slope = torch.autograd.grad(y.sum(), x)[0]
        for axes, values in ((left, y), (right, slope)):
            axes.plot(x.detach(), values.detach(), label=name, **style)
    left.set(title="output", xlabel="x", ylim=(-0.1, 2))
    right.set(title="slope", xlabel="x")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="upper left")
    return figure
