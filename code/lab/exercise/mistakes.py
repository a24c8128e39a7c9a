"""What a check finds wrong, in words, and where the lecture shows how it is done."""

from __future__ import annotations

import re
import traceback
from typing import Any

from torch import Tensor

PIECES = 'slide "Softmax"'
FIVE = 'slide "In five steps"'
STEP = 'slide "The loop, with ignite: a step"'
MEASURING = 'slide "The loop, with ignite: measuring"'
EVENTS = 'slide "The loop, with ignite: events"'
TABLE = 'slide "Layer by layer" of your network'
BY_HAND = "train_by_hand in code/lenet.py"
STEMS = "the first lines of code/alexnet.py, code/googlenet.py and code/resnet.py"


# Where the lecture shows how a gap may be filled.
SHOWN = {
    "choose": FIVE,
    "paper_table": TABLE,
    "build": STEMS,
    "get_dataflow": BY_HAND,
    "create_optimizer": BY_HAND,
    "create_trainer": STEP,
    "create_evaluator": MEASURING,
    "add_schedule": BY_HAND,
    "add_validation": EVENTS,
    "train": BY_HAND,
    "report": MEASURING,
}


class Mistake(Exception):  # noqa: N818 (of the student's, not of this program)
    """What was found instead of what a line of the checklist says, and how to mend it."""

    def __init__(self, found: str, hint: str, see: str) -> None:
        super().__init__(found)
        self.found = found
        self.hint = f"{hint} See {see}."


STEM = (
    "The stem is made for images of 224 pixels a side: give its first convolution stride 1, and "
    "leave its pooling out (`nn.Identity()`)."
)
SOFTMAX = (
    "`F.cross_entropy` takes the logits as they are: it contains the softmax. Leave yours out, "
    "or softmax is applied twice and the network learns slowly."
)
ARGMAX = (
    "Between logits and loss stands something without a slope, such as `argmax`, `detach` or "
    "`no_grad`: no gradient comes through. `F.cross_entropy(logits, labels)` takes the logits."
)
TUPLE = (
    "In train mode the network returns a tuple, with the logits of its auxiliary classifiers. "
    "Build it with `aux_logits=False`."
)
FRESH = "Start from fresh weights, `weights=None`: trained ones know more than the images here."
ENGINE = (
    "Accuracy and Loss belong to the evaluator, and are read from `evaluator.state.metrics`: on "
    "the trainer they would measure augmented images while the weights change."
)

# What Python, PyTorch or ignite say of a mistake that is known: part of it, a hint, and where.
KNOWN = (
    (r"does not require grad", ARGMAX, STEP),
    (r"not implemented for 'Long'|expected floating point|Expected floating", ARGMAX, STEP),
    (r"[Oo]utput size is too small|can't be greater than actual input", STEM, STEMS),
    (r"Expected more than 1 (spatial element|value per channel)", STEM, STEMS),
    (
        r"shapes cannot be multiplied|same reduction dim|size mismatch",
        "A fully connected layer expects another number of inputs than it gets: print the shape "
        "of what arrives there.",
        "code/vgg16.py",
    ),
    (r"Outputs?\b.*(Tensor|attribute)|must be Tensor, not tuple", TUPLE, "code/googlenet.py"),
    (
        r"not enough values to unpack|too many values to unpack",
        "A batch to learn from is images, "
        "labels and their number; one to measure on is images and labels.",
        BY_HAND,
    ),
    (r"trained weights", FRESH, FIVE),
    (r"^NotImplementedError", "It calls a gap that is still to do: fill that first.", FIVE),
    (
        r"[Ss]ame device|not compiled with CUDA|NVIDIA driver",
        "Leave devices out of the gaps: network and images are moved before they come to you.",
        BY_HAND,
    ),
    (r"^KeyError: '(accuracy|loss)'", ENGINE, MEASURING),
    (
        r"[Tt]rying to backward through the graph a second time",
        "Call `backward` once a step, on the loss of this batch alone.",
        STEP,
    ),
)


def explain(error: BaseException, files: set[str], see: str) -> Mistake:
    """A student's exception as a mistake: line, kind and message, and a hint where it is known."""
    words = " ".join(str(error).split())
    message = f"{type(error).__name__}: {words}" if words else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame for frame in frames if frame.filename in files]
    number = lines[-1].lineno if lines else getattr(error, "lineno", None)
    where = f"line {number}: " if number else ""
    shortened = message if len(message) <= 240 else message[:237] + "..."
    for pattern, hint, known in KNOWN:
        if re.search(pattern, message):
            return Mistake(where + shortened, hint, known)
    return Mistake(where + shortened, "Mend what Python says here first.", see)


def kind(value: Any) -> str:
    """A value in a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{type(value).__name__} {value!r}"[:80]
