"""Pictures: made of numbers that a lesson or a training produced, readable in print.

Every function returns a matplotlib figure and shows nothing: who asked for it keeps and shows it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor

from .data import Data

DARK, AMBER = "#036182", "#D98E04"
STYLES = ({"color": AMBER, "linestyle": "--"}, {"color": DARK})


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
    point, words = (epochs[best], accuracy[best]), f"{accuracy[best]:.1%}"
    right.plot(*point, "o", color=AMBER)
    right.annotate(words, point, xytext=(0, -26), textcoords="offset points", ha="right")
    right.set(xlabel="epoch", ylabel="validation accuracy")
    right.yaxis.set_major_formatter(PercentFormatter(1))
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
def mistakes(model: torch.nn.Module, data: Data) -> Figure:
    """The test images that a network in eval mode is most sure about and wrong, 12 at most."""
    images, labels, classes = data.test.images, data.test.labels, data.classes
    center, scale = (torch.tensor(each).view(1, -1, 1, 1) for each in (data.mean, data.std))
    chances = torch.cat(
        [model((part / 255 - center) / scale).softmax(1) for part in images.split(500)]
    )
    confidence, predicted = chances.max(1)
    worst = confidence.masked_fill(predicted == labels, -1).topk(min(12, len(labels)))
    chosen = worst.indices[worst.values >= 0]
    titles = [
        f"{classes[int(labels[i])]}\ntaken for {classes[int(predicted[i])]}, {confidence[i]:.0%}"
        for i in chosen.tolist()
    ]
    return _gallery(images[chosen] / 255, titles)


def _gallery(pictures: Tensor, titles: Sequence[str]) -> Figure:
    """Pictures side by side in rows, all in one pair of axes, each below its title."""
    columns = 6
    rows = max(1, -(-len(pictures) // columns))
    figure = Figure(figsize=(2.1 * columns, 2.4 * rows), layout="constrained", dpi=120)
    axes = figure.subplots()
    axes.axis("off")
    side, pitch, above = 0.9, 1.15, 0.25  # of a picture, of the rows, of a title: in columns
    for at, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        left, top = at % columns, at // columns * pitch
        pixels, where = picture.permute(1, 2, 0).squeeze(2), (left, left + side, top + side, top)
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, extent=where)
        axes.text(left + side / 2, top - 0.03, title, fontsize=9, ha="center", va="bottom")
    axes.set(xlim=(0, columns - 1 + side), ylim=((rows - 1) * pitch + side, -above))
    return figure
