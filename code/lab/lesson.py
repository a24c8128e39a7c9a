"""What a lesson says of itself, once: all that is made from it finds it here.

Figures, facts, records, live networks, pages and tests are made from these declarations. A new
lesson needs its script and its slides, and nothing else is told of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from torch import nn

from .proof import SameAs
from .recipe import Options, Recipe

R = TypeVar("R", bound=Recipe)


@dataclass(frozen=True)
class Form:
    """One form of a network, such as the paper's."""

    title: str  # what people call it
    build: Callable[[], nn.Module]
    shape: tuple[int, int, int] = (3, 224, 224)  # of the images it takes, (C, H, W)


@dataclass(frozen=True)
class Figure:
    """How a network is drawn."""

    kind: str  # one of `draw.KINDS`
    form: str | Form  # the name of one of the lesson's, or a part of the network to draw alone


@dataclass(frozen=True)
class Command(Generic[R]):
    """Something else that a lesson does, `python code/NAME.py COMMAND`, with its own settings."""

    help: str  # what it does, in a line
    run: Callable[[R, Any], str]  # does it, and says with which settings to train what it found
    recipe: R  # its settings
    options: Options = field(default_factory=Options)  # where and how it runs
    hidden: tuple[str, ...] = ()  # settings that it does not read, and that nobody may set
    smoke: Mapping[str, Any] = field(default_factory=dict)  # with these `--smoke` ends in seconds


@dataclass(frozen=True)
class Lesson:
    """A lesson: `code/NAME.py`."""

    name: str  # of its script
    title: str  # what people call what it is about
    idea: str  # in a sentence
    arguments: str = ""  # of the command line, where it runs to be read as a page


@dataclass(frozen=True)
class NetworkLesson(Lesson, Generic[R]):
    """A lesson that trains a network.

    `build` makes it for images (3, 32, 32), from the recipe and the number of classes.
    """

    recipe: R = field(kw_only=True)  # for CIFAR10; its network has the name of the lesson
    build: Callable[[R, int], nn.Module] = field(kw_only=True)
    options: Options = field(default_factory=Options)  # where and how it is trained
    forms: Mapping[str, Form] = field(default_factory=dict)  # others by name, such as "paper"
    same_as: SameAs | None = None  # the network of torchvision that has the same function
    figure: Figure | None = None  # how it is drawn
    live: bool = False  # whether the trained network runs in the page
    full_size: str = ""  # settings that train it about as large as in the paper
    smoke: str = ""  # settings with which `--smoke` ends in seconds
    commands: Mapping[str, Command[Any]] = field(default_factory=dict)  # what else the script does
