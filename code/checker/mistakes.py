"""What a check finds wrong, in words, and where the lecture shows how it is done."""

from __future__ import annotations

import inspect
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
TRANSFORMER = "`help(models.VisionTransformer)`"
LOOP = 'slide "The loop, with ignite: a step" and the two after it'
BATCHES = "`help(lab.Batches)` and `help(lab.normalized)`"
OPTIMIZER = "`help(torch.optim.SGD)`"
SCHEDULE = "`help(PiecewiseLinear)`"
STEMS = "the first lines of code/alexnet.py, code/googlenet.py and code/resnet.py"


# Where the lecture shows how a gap may be filled.
SHOWN = {
    "choose": FIVE,
    "paper_table": TABLE,
    "build": STEMS,
    "get_dataflow": BATCHES,
    "create_optimizer": OPTIMIZER,
    "create_trainer": STEP,
    "create_evaluator": MEASURING,
    "add_schedule": SCHEDULE,
    "add_validation": EVENTS,
    "train": LOOP,
    "report": MEASURING,
}


class Mistake(Exception):  # noqa: N818 (of the student's, not of this program)
    """What was found instead of what a line of the checklist says, and how to mend it.

    `see` is where the lecture shows it; by default where it shows the gap of that line.
    """

    def __init__(self, found: str, hint: str, see: str = "") -> None:
        super().__init__(found)
        self.found = found
        self.hint = hint
        self.see = see

    def advice(self, shown: str) -> str:
        """How to mend it, and where to look; `shown` is where the lecture shows the gap."""
        return f"{self.hint} See {self.see or shown}."


STEM = (
    "The stem is made for images of 224 pixels a side: give its first convolution stride 1, and "
    "leave its pooling out (`nn.Identity()`)."
)
SOFTMAX = (
    "`F.cross_entropy` takes the logits as they are: it contains the softmax. Leave yours out, "
    "or softmax is applied twice and the network learns slowly."
)
ARGMAX = (
    "Something between the logits and the loss has no gradient, such as `argmax`, `detach` or "
    "`no_grad`: nothing comes through. `F.cross_entropy(logits, labels)` takes the logits."
)
TUPLE = (
    "In train mode the network returns a tuple, with the logits of its auxiliary classifiers. "
    "Build it with `aux_logits=False`."
)
UNUSED = (
    "A layer is left out by `nn.Identity()` in its place: `None` cannot be called, and `forward` "
    "still asks for one that was deleted."
)
CHANNELS = (
    "A layer gets another number of channels than it expects: images have three, and a layer that "
    "is put in the place of another one makes as many as that one did."
)
PATCH = (
    "A transformer is made for one size of images: give it `image_size=32` and patches of a few "
    "pixels, `patch_size=4`."
)
LOGITS = (
    "The step returns logits (N, classes) and labels (N,), in this order: `Accuracy` itself looks "
    "for the largest logit."
)
ORDER = (
    "The order is `optimizer.zero_grad()`, `loss.backward()`, `optimizer.step()`, all of them on "
    "the loss of this batch."
)
LEFT = "Take the line `raise NotImplementedError` out: your code stands in its place."
FRESH = "Start from fresh weights, `weights=None`: trained ones know more than the images here."
HANDLER = (
    "A handler is a function, and gets the engine where it takes an argument: "
    "`lambda: scheduler.step()`. Handlers of ignite, such as `PiecewiseLinear`, are handed over "
    "as they are."
)
LOSSES = (
    "`trainer.state.metrics` has what is attached to the trainer, such as its mean loss, "
    '`Average().attach(trainer, "loss")`; the metrics of the held-out images are in '
    "`evaluator.state.metrics` once it has run."
)
ENGINE = (
    "Accuracy and Loss belong to the evaluator, and are read from `evaluator.state.metrics`: on "
    "the trainer they would measure augmented images while the weights change."
)

# What Python, PyTorch or ignite say of a mistake that is known: part of it, a hint, and where.
KNOWN = (
    (r"does not require grad", ARGMAX, STEP),
    (
        r"not implemented for 'Long'|[Ee]xpected floating",
        "Labels stand where logits belong: it is `F.cross_entropy(logits, labels)`, in this order, "
        "without `argmax`.",
        STEP,
    ),
    (
        r"Boolean value of Tensor with more than one value",
        "`nn.CrossEntropyLoss()` is made first, without arguments, and then called with logits and "
        "labels; `F.cross_entropy(logits, labels)` does both.",
        STEP,
    ),
    (r"modified by an inplace operation", ORDER, STEP),
    (r"y must have shape of|^ValueError: For binary cases", LOGITS, MEASURING),
    (
        r"context manager protocol|__enter__",
        "It needs its brackets: `with torch.no_grad():`.",
        MEASURING,
    ),
    (
        r"^TypeError: Output should be a number or torch.Tensor",
        "`Average` collects losses: attach it to the trainer, whose output is one.",
        EVENTS,
    ),
    (
        r"'process_function'",
        "A step takes the engine and a batch: `def step(engine, batch)`.",
        STEP,
    ),
    (r"is not a callable object|instances of 'Engine' and 'int'", HANDLER, EVENTS),
    (
        r"generator already executing",
        "The trainer is in the middle of its run: let the handler run the evaluator.",
        EVENTS,
    ),
    (
        r"Tried to step \d+ times",
        "The schedule is shorter than the training: `steps` is `recipe.epochs * len(training)`.",
        LOOP,
    ),
    (r"'NoneType' object is not callable|object has no attribute '\w*pool", UNUSED, STEMS),
    (r"running_mean should contain|channel dimensions|to have \d+ channels", CHANNELS, STEMS),
    (r"Wrong image (height|width)", PATCH, TRANSFORMER),
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
        LOOP,
    ),
    (r"trained weights", FRESH, FIVE),
    (r"^NotImplementedError$", "It calls a gap that is still to do: fill that first.", FIVE),
    (
        r"[Ss]ame device|not compiled with CUDA|NVIDIA driver",
        "Leave devices out of the gaps: network and images are moved before they come to you.",
        LOOP,
    ),
    (
        r"^IndexError: list index out of range",
        "Is it the history, still empty? Handlers run in the order in which they were added: call "
        "`add_validation` before you add what reads its rows.",
        EVENTS,
    ),
    (r"^KeyError: 'accuracy'", ENGINE, MEASURING),
    (r"^KeyError: '\w*loss'", LOSSES, EVENTS),
    (
        r"[Tt]rying to backward through the graph a second time",
        "Call `backward` once a step, on the loss of this batch alone.",
        STEP,
    ),
)


ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of an object, in the words of Python


def explain(error: BaseException, files: set[str]) -> Mistake:
    """A student's exception as a mistake: line, kind and message, and a hint where it is known."""
    words = " ".join(str(error).split())
    message = f"{type(error).__name__}: {words}" if words else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame for frame in frames if frame.filename in files]
    number = lines[-1].lineno if lines else getattr(error, "lineno", None)
    where = f"line {number}: " if number else ""
    if message == "NotImplementedError" and lines and lines[0].name == lines[-1].name:
        return Mistake(where + message, LEFT)
    message = ADDRESS.sub("", message)
    shortened = message if len(message) <= 240 else message[:237] + "..."
    for pattern, hint, known in KNOWN:
        if re.search(pattern, message):
            return Mistake(where + shortened, hint, known)
    return Mistake(where + shortened, "First fix what Python complains about here.")


def kind(value: Any) -> str:
    """A value in a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if inspect.isclass(value) or inspect.isroutine(value):
        return f"{value.__name__} itself, which was not called"
    return ADDRESS.sub("", f"{type(value).__name__} {value!r}")[:80]
