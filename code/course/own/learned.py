"""The networks of this lecture that learn in the page, besides LeNet: `course.learning`."""

from __future__ import annotations

from typing import Any

from torch import nn

import resnet


def _resnet(classes: int) -> nn.Module:
    """Half as wide as the paper's for CIFAR10, with a fourth stage: in a page, work is time.

    A step takes less than half of ResNet-8's, and it learns more of the shapes in fewer steps.
    """
    small = resnet.ResNet(resnet.BasicBlock, (1, 1, 1, 1), width=8, classes=classes)
    return resnet.for_small_images(small)


# As `course.learning.Learned` takes them.
LEARNED: dict[str, dict[str, Any]] = {
    "resnet": {
        "title": "ResNet-10",
        "build": _resnet,
        "shapes": {"lr": 0.05, "momentum": 0.9, "batch": 32, "augment": False},
        "own": {"lr": 0.02, "momentum": 0.9, "batch": 16, "augment": True},
        "passes": 4,
    },
}
