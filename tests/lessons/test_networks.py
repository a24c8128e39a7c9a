"""What holds for each form of each network: one row an image, gradients everywhere, an export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest
import torch
from torch import nn

import alexnet
import convnext
import darts
import densenet
import googlenet
import inception
import lenet
import mobilenet
import nsganet
import resnet
import vgg16
import vit
from networks import assert_exports, assert_finite_gradients, assert_one_row_an_image

pytestmark = pytest.mark.needs(
    "alexnet",
    "convnext",
    "darts",
    "densenet",
    "googlenet",
    "inception",
    "mobilenet",
    "nsganet",
    "resnet",
    "vgg16",
    "vit",
)

CLASSES = 7


def small(lesson: ModuleType, **changes: object) -> Callable[[], nn.Module]:
    """The network for 32x32 images of a recipe that differs from the lesson's in these settings."""
    return lambda: lesson.build(replace(lesson.RECIPE, **changes), CLASSES)


def short_inception() -> nn.Module:
    """Inception-v3 with one of each kind of block."""
    model = small(inception)()
    for name in ("mixed_5d", "mixed_6c", "mixed_6d", "mixed_6e", "mixed_7c"):
        setattr(model, name, nn.Identity())
    return model


# Narrow, for speed: a shape is right or wrong at any width.
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "lenet": small(lenet),
    "lenet-original": small(lenet, original=True),
    "alexnet": small(alexnet),
    "alexnet-paper": small(alexnet, towers=2, norm="lrn"),
    "alexnet-torchvision": small(alexnet, norm="none", width=0.25),
    "alexnet-imagenet": lambda: alexnet.AlexNet(width=0.25, hidden=128, classes=CLASSES),
    "alexnet-imagenet-paper": lambda: alexnet.AlexNet(
        towers=2, norm="lrn", width=0.25, hidden=64, classes=CLASSES
    ),
    "vgg16": small(vgg16),
    "vgg16-without-batch-norm": small(vgg16, batch_norm=False),
    "vgg16-without-dropout": small(vgg16, dropout=0.0, width=0.0625),
    "vgg16-imagenet": lambda: vgg16.VGG16(width=1 / 16, hidden=64, classes=CLASSES),
    "vgg16-imagenet-batch-norm": lambda: vgg16.VGG16(
        width=1 / 16, hidden=64, batch_norm=True, classes=CLASSES
    ),
    "googlenet": small(googlenet),
    "googlenet-bare": small(googlenet, auxiliary_weight=0.0),
    "googlenet-paper": small(googlenet, paper=True),
    "googlenet-imagenet": lambda: googlenet.GoogLeNet(width=0.125, classes=CLASSES),
    "googlenet-imagenet-paper": lambda: googlenet.GoogLeNet(0.125, CLASSES, paper=True),
    "inception": small(inception),
    "inception-bare": small(inception, auxiliary_weight=0.0),
    "inception-short": short_inception,
    "inception-imagenet": lambda: inception.Inception3(width=0.125, classes=CLASSES),
    "resnet": small(resnet, depth=8),
    "resnet-B": small(resnet, depth=8, shortcut="B"),
    "resnet-plain": small(resnet, depth=8, plain=True),
    "resnet-18": small(resnet, depth=18),
    "resnet-50-A": small(resnet, depth=50, shortcut="A"),
    "resnet-imagenet": lambda: resnet.resnet_imagenet(18, classes=CLASSES, stride_first=True),
    "darts": small(darts, cells=3, channels=4, drop_path=0.0),
    "darts-bare": small(darts, cells=3, channels=4, drop_path=0.0, auxiliary_weight=0.0),
    "nsganet": small(nsganet, genome="1-11-1.0-01-0", width=4),
    "densenet": small(densenet, depth=10, growth_rate=4),
    "densenet-imagenet": lambda: densenet.DenseNet((1, 2), growth_rate=4, classes=CLASSES),
    "mobilenet": small(mobilenet, width=0.1),
    "mobilenet-imagenet": lambda: mobilenet.MobileNetV2(width=0.1, classes=CLASSES, depth=0.1),
    "mobilenet-excited": lambda: mobilenet.with_excitation(
        mobilenet.for_small_images(mobilenet.MobileNetV2(width=0.25, classes=CLASSES, depth=0.1))
    ),
    "vit": small(vit, width=24, depth=1),
    "vit-conv": small(vit, width=24, depth=1, patch=8, stem="conv"),
    "vit-imagenet": lambda: vit.VisionTransformer(
        width=24, depth=1, heads=2, hidden=48, classes=CLASSES
    ),
    "convnext": lambda: convnext.ConvNeXt((1, 1, 2), width=4, patch=2, classes=CLASSES, drop=0.1),
    "convnext-imagenet": lambda: convnext.ConvNeXt((1, 1, 2, 1), width=4, classes=CLASSES),
}
AUXILIARY = {"googlenet": 2, "inception": 1, "darts": 1}  # classifiers, which "bare" leaves out
# The auxiliary classifier's batch norm sees one pixel an image.
NOT_ONE = ("inception", "inception-short", "inception-imagenet", "darts")
# Each kind of layer and of block once: an export takes time for every layer.
EXPORTED = ["lenet", "alexnet-imagenet-paper", "inception-short", "resnet"]
EXPORTED += ["darts-bare", "nsganet", "densenet", "mobilenet-excited", "vit-conv", "convnext"]


def side_of(name: str) -> int:
    """Of the images that it takes, in pixels."""
    return 32 if "imagenet" not in name else 299 if "inception" in name else 224


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_have_one_row_an_image_and_every_parameter_gets_a_gradient(name: str) -> None:
    torch.manual_seed(0)
    batches = (2, 3) if name in NOT_ONE else (1, 3)
    model, side = NETWORKS[name](), side_of(name)
    assert_one_row_an_image(model, side, CLASSES, batches)
    auxiliary = 0 if "bare" in name else AUXILIARY.get(name.partition("-")[0], 0)
    assert assert_finite_gradients(model, side, CLASSES) == 1 + auxiliary


@pytest.mark.parametrize("name", EXPORTED)
def test_it_exports(name: str) -> None:
    assert_exports(NETWORKS[name](), side_of(name))
