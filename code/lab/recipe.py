"""What a training needs to know, and the limits of each value.

`Recipe` holds all that changes the result; `Options` all that changes only where and how fast it
is reached. A lesson may derive a recipe of its own, with the settings of its network. The command
line (`lab.cli`) is made from the fields of both.
"""

import math
from dataclasses import Field, asdict, dataclass, field, fields
from operator import ge, gt, le, lt
from pathlib import Path
from typing import Any, ClassVar

from .errors import UserError


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """Declare one field of a recipe: its default, its help text and its limits.

    `low` and `high` are the smallest and largest value allowed; `above` and `below` exclude the
    limit itself.
    """
    limits = {"low": low, "high": high, "above": above, "below": below, "choices": choices}
    return field(default=default, metadata={"help": help, **limits})


def flag(name: str) -> str:
    """The command-line spelling of a field: `batch_size` -> `--batch-size`."""
    return "--" + name.replace("_", "-")


LIMITS = {
    "low": ("at least", ge),
    "high": ("at most", le),
    "above": ("above", gt),
    "below": ("below", lt),
}
LARGEST = 1e30  # a float32 holds it, and its products with what a training has
LATER = {"muon", "small_share", "tta"}  # settings that older runs and records know nothing of
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _complaint(setting: Field[Any], value: Any) -> str | None:
    """What is wrong with the value of one field, or None."""
    limits = setting.metadata
    if "help" not in limits:
        return None
    kind = type(setting.default)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            return "must be a finite number"
    elif type(value) is not kind:
        return f"must be {KINDS[kind]}"
    if limits["choices"] and value not in limits["choices"]:
        return f"must be one of {', '.join(limits['choices'])}"
    for name, (words, holds) in LIMITS.items():
        if limits[name] is not None and not holds(value, limits[name]):
            return f"must be {words} {limits[name]}"
    return None


@dataclass(frozen=True)
class Checked:
    """A dataclass whose fields are checked against their limits when it is made."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if complaint := _complaint(each, value):
                raise UserError(f"{flag(each.name)} {complaint}, not {value}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Recipe(Checked):
    """How a network is trained: everything that changes the result.

    The optimizer is stochastic gradient descent with Nesterov momentum; with `muon`, Muon trains
    the kernels of hidden convolutions. The learning rate rises linearly to `lr` and then falls
    linearly to zero, step by step (one cycle).

    Raises `UserError` where a value is out of its range.
    """

    TITLE: ClassVar[str] = ""
    network: str
    data: str = setting(
        "cifar10",
        "cifar10 (downloaded once), shapes (drawn on the spot, no download) or a folder of images",
    )
    limit: int = setting(
        0, "most training images; validation and test images follow in proportion; 0: all", low=0
    )
    epochs: int = setting(40, "passes over the training images", low=1)
    batch_size: int = setting(128, "images in a step, over all processes", low=1)
    lr: float = setting(0.05, "highest learning rate", above=0, high=LARGEST)
    warmup: float = setting(
        0.2, "share of the steps in which the learning rate rises", low=0, below=1
    )
    momentum: float = setting(0.9, "Nesterov momentum", above=0, below=1)
    weight_decay: float = setting(
        5e-4, "weight decay; biases and norms have none, and Muon has its own", low=0, high=LARGEST
    )
    muon: float = setting(
        0.0,
        "highest learning rate of Muon for the kernels of hidden convolutions; 0: SGD trains them",
        low=0,
        high=LARGEST,
    )
    label_smoothing: float = setting(
        0.0, "share of each label spread over all classes", low=0, below=1
    )
    crop_padding: int = setting(2, "random shifts by up to this many pixels", low=0, high=31)
    flip: bool = setting(True, "mirror half of the training images")
    small_share: float = setting(
        0.0, "share of the epochs, the first ones, on images of 24x24 pixels", low=0, below=1
    )
    cutout: int = setting(0, "side of a square blanked in each training image", low=0, high=32)
    ema: float = setting(
        0.0, "evaluate a moving average of the weights with this decay; 0: none", low=0, below=1
    )
    tta: bool = setting(False, "evaluate the mean logits of each image and its mirror image")
    patience: int = setting(
        0, "stop after this many epochs without a better validation accuracy; 0: never", low=0
    )
    seed: int = setting(0, "of weights, order and augmentation", low=0, high=2**32 - 1)

    def as_dict(self) -> dict[str, Any]:
        """All fields, but those of `LATER` that change nothing: older runs have none of them."""
        return {name: v for name, v in super().as_dict().items() if v or name not in LATER}

    @property
    def title(self) -> str:
        """What people call the network."""
        return self.TITLE or self.network


def recorded_recipe(recipe: dict[str, Any]) -> dict[str, Any]:
    """What a record keeps of a recipe: what is not the network's name or a run's seed."""
    kept = {key: value for key, value in recipe.items() if key not in ("network", "seed")}
    return kept | {"data": Path(recipe["data"]).name}  # not where it lay on somebody's disk


@dataclass(frozen=True)
class AuxiliaryRecipe(Recipe):
    """A recipe for a network with auxiliary classifiers.

    In train mode such a network returns a tuple: its logits, and those of each auxiliary
    classifier, all (N, classes). In eval mode it returns its logits alone.
    """

    auxiliary_weight: float = setting(
        0.3,
        "what the loss of each auxiliary classifier counts; 0: none is built",
        low=0,
        high=LARGEST,
    )


@dataclass(frozen=True)
class Options(Checked):
    """Where and how a training runs: what changes speed, and results in their last digits only.

    Half precision, the layout in memory and the number of threads round differently, so a run is
    resumed with those that it was started with.
    """

    out: str = setting("", "folder that run folders are made in (default: runs, beside code)")
    resume: str = ""  # the folder of a run to be continued
    smoke: bool = setting(
        False,
        "two epochs on 1,000 drawn images: does everything work here? No network learns much in it",
    )
    device: str = setting("auto", "where to train", choices=("auto", "cpu", "cuda", "mps"))
    threads: int = setting(0, "CPU threads; 0 leaves it to PyTorch", low=0, high=1024)
    precision: str = setting(
        "auto",
        "number format of the forward pass; auto is half precision where it is fast and right",
        choices=("auto", "fp32", "bf16", "fp16"),
    )
    channels_last: bool = setting(True, "lay out images as NHWC in memory: usually faster")
    compile: bool = setting(False, "torch.compile the network: slow start, faster steps")
    progress: bool = setting(True, "show a progress bar where there is a terminal")
    tensorboard: bool = setting(False, "write TensorBoard logs into the run folder")
