"""A run is a folder: its recipe, its history, its checkpoints and its pictures.

    runs/lenet/20261123-141500-0/
        run.json       recipe, environment, data set, size of the network
        history.json   a row an epoch
        last.pt        everything needed to continue
        best.pt        the weights with the best validation accuracy
        result.json    written at the end: accuracies and the confusion matrix
        *.png          learning curve, confusion matrix and what else the lesson draws
        .lock          held by the process that trains the run

Every file is written beside its place and then moved there, so that a process killed at any moment
leaves the old file or the new one, and never half of one.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, overload

import ignite.distributed as idist
import torch
from filelock import FileLock, Timeout

from . import files, machine, tensors
from .data import DataDescription
from .errors import UserError
from .machine import Environment
from .recipe import LATER, Recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

R = TypeVar("R", bound=Recipe)

LOCK = ".lock"  # held by the process that trains the run; the file says nothing, and stays


class Description(TypedDict):
    """What `run.json` holds at least."""

    recipe: dict[str, Any]
    options: dict[str, Any]
    environment: Environment
    data: DataDescription
    parameters: int
    macs: int


class Epoch(TypedDict):
    """A row of `history.json`: accuracies are fractions of one."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


class Result(TypedDict):
    """What `result.json` holds: accuracies, and test images as `confusion[true][predicted]`."""

    epochs: int
    best_epoch: int
    seconds: float
    validation_accuracy: float
    test_accuracy: float
    test_loss: float
    confusion: list[list[int]]


SHAPES: dict[str, Any] = {
    "run.json": Description,
    "history.json": list[Epoch],
    "result.json": Result,
    "genotype.json": str,
}


class Run:
    """One run folder. Only the first of several processes writes to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.way_on = ""  # how to go on, where that is not `resume`

    @classmethod
    def create(cls, out: str, recipe: Recipe) -> "Run":
        """Make a new folder `out/NETWORK/TIME-SEED`; the same one in every process."""
        parent = _parent(out, recipe.network)
        stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{recipe.seed}"
        if idist.get_rank() == 0:
            stem = _make_folder(parent, stem)
        return cls(parent / str(idist.broadcast(stem)))

    @classmethod
    def open(cls, path: str) -> "Run":
        """The run in an existing folder; the path of a file in it will do as well."""
        folder = Path(path).parent if Path(path).is_file() else Path(path)
        if not folder.is_dir():
            raise UserError(
                f"no run folder {path}: name one of those in runs, such as runs/NETWORK/TIME-SEED"
            )
        if not (folder / "run.json").is_file():
            raise UserError(f"{path} is not a run folder: it holds no run.json")
        return cls(folder)

    @classmethod
    def find(cls, out: str, recipe: Recipe) -> list["Run"]:
        """The runs in `out` that were started with exactly this recipe, from old to new."""
        kept, every = recipe.as_dict(), cls.all(out, recipe.network)
        return [run for run in every if run.saved_recipe() == kept]

    @classmethod
    def all(cls, out: str, network: str) -> list["Run"]:
        """The runs of a network in `out`, from old to new."""
        return [cls(path.parent) for path in sorted(_parent(out, network).glob("*/run.json"))]

    def __str__(self) -> str:
        return machine.shown(self.folder)

    def recipe(self, kind: type[R]) -> R:
        """The recipe that the run was started with, as a `kind`."""
        saved = self.saved_recipe()
        if others := (set(saved) ^ {each.name for each in fields(kind)}) - LATER:
            names = ", ".join(sorted(others))
            raise UserError(f"{self}: its recipe is of another version of this code ({names})")
        try:
            return kind(**saved)
        except UserError as error:
            raise UserError(f"{self}: its recipe was changed: {error}") from None

    def saved_recipe(self) -> dict[str, Any]:
        """The recipe that the run was started with, as it is kept."""
        shape = {"recipe": {"network": str, "data": str, "seed": int}}
        return dict(self.read("run.json", shape)["recipe"])

    def check_network(self, network: str) -> None:
        """Raise `UserError` unless this is a run of that network."""
        other = self.saved_recipe()["network"]
        if other != network:
            raise UserError(f"{self} is a run of {other}, not of {network}: use code/{other}.py")

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep all other processes from training this run; the lock ends with its process.

        Raises `UserError`, in every process of a training, where another one trains it.
        """
        lock, said = FileLock(self.folder / LOCK), "free"
        if idist.get_rank() == 0:
            try:
                lock.acquire(blocking=False)
            except Timeout:
                said = f"{self} is being trained by another process: wait until it has ended"
            except OSError as error:
                said = str(files.Unwritable(self.folder / LOCK, error))
        said = str(idist.broadcast(said))
        if said != "free":
            raise UserError(said)
        try:
            yield
        finally:
            lock.release()

    @overload
    def read(self, name: Literal["run.json"]) -> Description: ...
    @overload
    def read(self, name: Literal["history.json"]) -> list[Epoch]: ...
    @overload
    def read(self, name: Literal["result.json"]) -> Result: ...
    @overload
    def read(self, name: str, shape: Any = None) -> Any: ...
    def read(self, name: str, shape: Any = None) -> Any:
        """The content of a JSON file of the run, of that shape, or else as a training writes it."""
        return files.read_json(self.folder / name, shape or SHAPES.get(name, object))

    def write(self, name: str, content: Any) -> None:
        """Write a JSON file of the run, whole or not at all."""
        text = json.dumps(content, indent=1) + "\n"
        self._replace(name, lambda file: file.write(text.encode()))

    def load(self, name: str) -> Any:
        """The tensors of a checkpoint of the run, on the CPU.

        Raises `UserError` if there is none, or if it is damaged or not one of ours.
        """
        path = self.folder / name
        try:
            return tensors.load(path)
        except FileNotFoundError:
            raise UserError(f"{self} has no {name}: this run cannot be continued") from None
        except OSError as error:
            raise UserError(f"cannot read the checkpoint {path}: {error.strerror}") from None
        except tensors.Damaged as reason:
            raise UserError(
                f"cannot read the checkpoint {path}, which is damaged ({reason}): "
                "put a copy of it in its place, or train anew"
            ) from None

    def save(self, content: Any, name: str, about: Any = None) -> None:
        """Write a checkpoint of the run, whole or not at all.

        For ignite's `Checkpoint`, whose own handler removes the old file first.
        """
        self._replace(name, lambda file: torch.save(content, file))

    def save_figure(self, name: str, figure: "Figure") -> None:
        """Write a picture of the run, whole or not at all."""
        self._replace(name, lambda file: figure.savefig(file, format="png"))

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def remove_unfinished(self) -> None:
        """Remove what a killed process was writing."""
        if idist.get_rank() == 0:
            for path in self.folder.glob("*" + files.UNFINISHED):
                path.unlink()

    def _replace(self, name: str, write: Callable[[IO[bytes]], Any]) -> None:
        if idist.get_rank() > 0:
            return
        try:
            files.write(self.folder / name, write)
        except files.Unwritable as error:
            first = f"{error.remedy}, then " if error.remedy else ""
            raise UserError(f"{error}: {first}{self._what_to_do()}") from None

    def _what_to_do(self) -> str:
        """What to do after a file could not be written, and what is lost."""
        if not self.has("run.json"):
            with suppress(OSError):
                self.folder.rmdir()  # only if it is empty
            return "start again: nothing was trained yet"
        resume = self.way_on or f"continue with {machine.this_command('resume', str(self))}"
        if self.has("result.json"):
            return resume
        if not self.has("last.pt"):
            return f"{resume}; what was trained so far is lost"
        saved = time.localtime((self.folder / "last.pt").stat().st_mtime)
        return f"{resume}; what was trained after {time.strftime('%H:%M:%S', saved)} is lost"


def _parent(out: str, network: str) -> Path:
    return Path(out or machine.home() / "runs", network)


def _make_folder(parent: Path, stem: str) -> str:
    """Make `parent/stem`, or `parent/stem-2` and so on if it is taken; return the name."""
    files.make_folder(parent)
    name, number = stem, 1
    while not files.make_folder(parent / name, new=True):
        number += 1
        name = f"{stem}-{number}"
    return name
