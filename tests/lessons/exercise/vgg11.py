"""The first two steps of code/exercise.py with VGG11; the others are those of resnet18.py."""

from __future__ import annotations

from torch import nn
from torchvision import models


def choose() -> nn.Module:
    return models.vgg11()


def paper_table() -> list[tuple[str, ...]]:
    return [
        ("conv3-64", "features.0"),
        ("conv3-128", "features.3"),
        ("conv3-256", "features.6", "features.8"),
        ("conv3-512", "features.11", "features.13"),
        ("conv3-512", "features.16", "features.18"),
        ("FC-4096", "classifier.0"),
        ("FC-4096", "classifier.3"),
        ("FC-1000", "classifier.6"),
    ]


def build(classes: int) -> nn.Module:
    model = models.vgg11_bn()
    model.avgpool = nn.Identity()
    model.classifier = nn.Linear(512, classes)
    return model
