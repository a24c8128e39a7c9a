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
    """One form of a network, such as the paper's.

    Attributes:
        title: what people call it.
        build: makes it.
        shape: of the images it takes, (C, H, W).
    """

    title: str
    build: Callable[[], nn.Module]
    shape: tuple[int, int, int] = (3, 224, 224)


@dataclass(frozen=True)
class Figure:
    """How a network is drawn: `kind` is one of `draw.KINDS`.

    `form` is the name of one of the lesson's forms, or a part of the network to draw alone.
    """

    kind: str
    form: str | Form


@dataclass(frozen=True)
class Learns:
    """What the network learns of drawn shapes in a run of seconds.

    Attributes:
        accuracy: more than that on the test images; a fraction of one, guessing gives 0.1.
        settings: of the command line, besides those of `--smoke` and the lesson's `smoke`.
    """

    accuracy: float
    settings: str = ""


@dataclass(frozen=True)
class Command(Generic[R]):
    """Something else that a lesson does, `python code/NAME.py COMMAND`, with settings of its own.

    Attributes:
        help: what it does, in a line.
        run: does it, and says with which settings to train what it found.
        recipe: its settings.
        options: where and how it runs.
        hidden: names of settings in the recipe that it does not read, and that nobody may set.
        smoke: values of settings with which `--smoke` ends in seconds.
    """

    help: str
    run: Callable[[R, Any], str]
    recipe: R
    options: Options = field(default_factory=Options)
    hidden: tuple[str, ...] = ()
    smoke: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lesson:
    """A lesson: `code/NAME.py`.

    Attributes:
        name: of its script.
        title: what people call what it is about.
        idea: in a sentence.
        arguments: of the command line, where it runs to be read as a page.
    """

    name: str
    title: str
    idea: str
    arguments: str = ""


@dataclass(frozen=True)
class NetworkLesson(Lesson, Generic[R]):
    """A lesson that trains a network.

    Attributes:
        recipe: how it is trained on CIFAR10; its network has the name of the lesson.
        build: the network for images (3, 32, 32), from the recipe and the number of classes.
        options: where and how it is trained.
        forms: other forms of it by name, such as "paper" and "torchvision".
        same_as: the network of torchvision that has the same function, if there is one.
        figure: how it is drawn.
        live: whether the trained network runs in the page.
        full_size: settings that train it in the size of the paper.
        smoke: settings with which `--smoke` ends in seconds.
        learns: what it learns of drawn shapes in that time.
        commands: what else the script does, by name.
    """

    recipe: R = field(kw_only=True)
    build: Callable[[R, int], nn.Module] = field(kw_only=True)
    options: Options = field(default_factory=Options)
    forms: Mapping[str, Form] = field(default_factory=dict)
    same_as: SameAs | None = None
    figure: Figure | None = None
    live: bool = False
    full_size: str = ""
    smoke: str = ""
    learns: Learns | None = None
    commands: Mapping[str, Command[Any]] = field(default_factory=dict)
