"""Steps 1 and 2: what the network of a student's choice must be, and be made into."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from . import mistakes, probes
from .mistakes import FIVE, STEMS, Mistake, kind
from .points import point
from .work import Work, blank, ghost, inside, native_side

# In each direction, at least, where one convolution cuts the image into patches.
PATCHES = 7
STEM_SIDE = 14  # pixels that the stem must leave of 32: a half, less what an unpadded kernel takes


@point("choose", "a network of torchvision, as it is, with fresh weights")
def chosen_is_torchvisions(work: Work) -> None:
    made = type(work.chosen)
    if not made.__module__.startswith("torchvision.models"):
        raise Mistake(
            f"choose returned {made.__name__} of {made.__module__}",
            "Take a network of `torchvision.models`, such as `models.resnet18()`.",
        )
    side = native_side(work.chosen)
    output = work.chosen.eval()(blank(work.chosen, 2, side))
    if not isinstance(output, Tensor) or output.shape != (2, 1000):
        raise Mistake(
            f"two images of {side}x{side} pixels gave {kind(output)} instead of (2, 1000)",
            "Leave it as torchvision made it, for the 1000 classes of ImageNet; `build` adapts it.",
        )


@point(
    "paper_table", "every layer in one row, in the order in which they run", chosen_is_torchvisions
)
def rows_are_in_order(work: Work) -> None:
    order: list[str] = []
    model = work.chosen.eval()
    # What stands above layers and has parameters of its own, as transformers do, cannot be named
    # without them.
    for name, module in model.named_modules():
        if _is_layer(module):
            module.register_forward_hook(lambda *_, name=name: order.append(name))
    with torch.no_grad():
        model(blank(model, 2, native_side(model)))
    last, before = -1, ""
    for row in work.rows:
        places = [place for place, name in enumerate(order) if inside(name, row[1:])]
        if not places:
            continue  # pooling and dropout have no parameters, auxiliary classifiers do not run
        if places[0] < last:
            raise Mistake(
                f'"{row[0]}" stands behind "{before}", but runs before it',
                "Keep the order in which the network computes, which is that of its `forward`.",
            )
        last, before = places[0], row[0]
    named = [name for row in work.rows for name in row[1:]]
    for owner in order:
        times = sum(inside(owner, (name,)) for name in named)
        if times != 1:
            left = [each for each in dict.fromkeys(order) if not inside(each, tuple(named))]
            raise Mistake(
                f'"{owner}" stands in {times} rows'
                if times
                else f"in no row: {', '.join(left[:4])}{' and others' if len(left) > 4 else ''}",
                "Every module with parameters belongs to one row. What has no row in the paper, "
                "such as a batch norm younger than it, stands beside the convolution before it.",
            )


def _is_layer(module: nn.Module) -> bool:
    """Whether a module has parameters, and contains none that has."""
    nested = (weight for child in module.children() for weight in child.parameters())
    return any(True for _ in module.parameters()) and not any(True for _ in nested)


@point("build", "from images (N, 3, 32, 32) to logits (N, classes)")
def output_is_logits(work: Work) -> None:
    for classes in (probes.CLASSES, 7):
        model = ghost(partial(work.call("build"), classes))
        for training in (True, False):
            output = model.train(training)(blank(model, 2, probes.SIDE))
            mode = "train" if training else "eval"
            if isinstance(output, tuple) and output and isinstance(output[0], Tensor):
                raise Mistake(
                    f"in {mode} mode it returned {kind(output)}",
                    mistakes.TUPLE,
                    "code/googlenet.py",
                )
            if not isinstance(output, Tensor) or output.shape != (2, classes):
                raise Mistake(
                    f"build({classes}) made of two images {kind(output)} in {mode} mode, instead "
                    f"of (2, {classes})",
                    "Give the last layer `classes` outputs.",
                    "code/vgg16.py",
                )


@point("build", f"the stem leaves {STEM_SIDE}x{STEM_SIDE} pixels or more", output_is_logits)
def stem_keeps_pixels(work: Work) -> None:
    wide = [entry for entry in work.maps if _is_wide(entry[1])]
    if len(wide) == 1 and wide[0][3] < PATCHES:
        name, after = wide[0][0], wide[0][3]
        raise Mistake(
            f"{name} leaves {after}x{after} patches of the image",
            mistakes.PATCH,
            mistakes.TRANSFORMER,
        )
    if len(wide) > 1 and wide[1][2] < STEM_SIDE:
        name, side = wide[1][0], wide[1][2]
        raise Mistake(
            f"{side}x{side} pixels arrive at {name}, the second convolution wider than a pixel",
            mistakes.STEM,
        )


def _is_wide(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and max(module.kernel_size) > 1


@point("build", "no kernel looks at a single pixel", output_is_logits)
def no_kernel_on_a_pixel(work: Work) -> None:
    for name, module, side, _ in work.maps:
        if side == 1 and isinstance(module, nn.Conv2d) and _is_wide(module):
            kernel = "x".join(map(str, module.kernel_size))
            raise Mistake(
                f"{name} moves its {kernel} kernel over a single pixel: the rest is padding",
                "32 pixels were halved five times. Give one more convolution stride 1, or leave "
                "one more pooling out.",
                f"{FIVE} and {STEMS}",
            )


@point("build", "the head weighs no copies of a pixel", output_is_logits)
def head_makes_no_copies(work: Work) -> None:
    for name, module, before, after in work.maps:
        if isinstance(module, nn.AdaptiveAvgPool2d) and after > before:
            raise Mistake(
                f"{name} makes {after}x{after} pixels out of {before}x{before}: copies, with a "
                "weight for each of them",
                "Let it make one pixel, `nn.AdaptiveAvgPool2d(1)`, and let the first fully "
                "connected layer expect as many inputs as there are channels.",
                "code/vgg16.py",
            )
