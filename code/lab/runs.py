"""A run is a folder: its recipe, its history, its checkpoints and its pictures.

    runs/lenet/20261123-141500-0/
        run.json       recipe, environment, data set, size of the network
        history.json   a row an epoch
        last.pt        everything needed to continue
        best.pt        the weights with the best validation accuracy
        result.json    written at the end: accuracies and the confusion matrix
        *.png          learning curve, confusion matrix and what else the lesson draws

Every file is written beside its place and then moved there, so that a process killed at any moment
leaves the old file or the new one, and never half of one.
"""

import errno
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import IO, Any, TypeVar

import ignite.distributed as idist
import torch
from ignite.handlers.checkpoint import BaseSaveHandler
from matplotlib.figure import Figure

from . import machine, tensors
from .errors import UserError
from .recipe import Recipe

R = TypeVar("R", bound=Recipe)

UNFINISHED = ".part"  # the ending of a file that is still being written


class Run:
    """One run folder. Only the first of several processes writes to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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
        folder = Path(path)
        if folder.is_file():
            folder = folder.parent
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
        runs = cls.all(out, recipe.network)
        return [run for run in runs if run.read("run.json")["recipe"] == recipe.as_dict()]

    @classmethod
    def all(cls, out: str, network: str) -> list["Run"]:
        """The runs of a network in `out`, from old to new."""
        folders = sorted(path.parent for path in _parent(out, network).glob("*/run.json"))
        return [cls(folder) for folder in folders]

    def __str__(self) -> str:
        return machine.shown(self.folder)

    def recipe(self, kind: type[R]) -> R:
        """The recipe that the run was started with, as a `kind`."""
        known = {each.name for each in fields(kind)}
        saved = self.read("run.json")["recipe"]
        if set(saved) != known:
            names = ", ".join(sorted(set(saved) ^ known))
            raise UserError(f"{self}: its recipe is of another version of this code ({names})")
        return kind(**saved)

    def check_network(self, network: str) -> None:
        """Raise `UserError` unless this is a run of that network."""
        other = self.read("run.json")["recipe"]["network"]
        if other != network:
            raise UserError(f"{self} is a run of {other}, not of {network}: use code/{other}.py")

    def read(self, name: str) -> Any:
        """The content of a JSON file of the run."""
        try:
            return json.loads((self.folder / name).read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"cannot read {self.folder / name}: {error}") from None

    def write(self, name: str, content: Any) -> None:
        """Write a JSON file of the run, whole or not at all."""
        text = json.dumps(content, indent=1) + "\n"
        self._replace(name, lambda file: file.write(text.encode()))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file of the run, whole or not at all."""
        self._replace(name, lambda file: file.write(content))

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

    def save(self, name: str, content: Any) -> None:
        """Write a checkpoint of the run, whole or not at all."""
        self._replace(name, lambda file: torch.save(content, file))

    def save_figure(self, name: str, figure: Figure) -> None:
        """Write a picture of the run, whole or not at all."""
        self._replace(name, lambda file: figure.savefig(file, format="png"))

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def remove_unfinished(self) -> None:
        """Remove what a killed process was writing."""
        if idist.get_rank() == 0:
            for path in self.folder.glob("*" + UNFINISHED):
                path.unlink()

    def _replace(self, name: str, write: Callable[[IO[bytes]], Any]) -> None:
        if idist.get_rank() > 0:
            return
        path = self.folder / name
        unfinished = self.folder / (name + UNFINISHED)
        try:
            with unfinished.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except (OSError, RuntimeError) as error:  # torch.save turns a full disk into the second
            unfinished.unlink(missing_ok=True)
            reason = str(error).strip().partition("\n")[0]
            full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
            first = "make room, then " if full else ""
            raise UserError(
                f"cannot write {machine.shown(path)} ({reason}): "
                f"{first}continue with {machine.this_command()}resume {self}"
            ) from None


def _parent(out: str, network: str) -> Path:
    return Path(out or machine.home() / "runs", network)


def _make_folder(parent: Path, stem: str) -> str:
    """Make `parent/stem`, or `parent/stem-2` and so on if it is taken; return the name."""
    for number in range(1, 1000):
        name = stem if number == 1 else f"{stem}-{number}"
        try:
            (parent / name).mkdir(parents=True)
        except FileExistsError:
            if parent.is_dir():
                continue
            raise UserError(f"{parent} is not a folder: choose another --out") from None
        except OSError as error:
            raise UserError(f"cannot make the folder {parent / name}: {error.strerror}") from None
        return name
    raise UserError(f"{parent} is full of runs of the same second")


class CheckpointFiles(BaseSaveHandler):
    """Where ignite's `Checkpoint` saves: a file of a run, replaced in one step.

    ignite's own `DiskSaver` removes the old file of the same name before it writes the new one; a
    process killed in between would leave none.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def __call__(self, checkpoint: Mapping, filename: str, metadata: Mapping | None = None) -> None:
        self.run.save(filename, checkpoint)

    def remove(self, filename: str) -> None:
        """The next save replaces the file."""
