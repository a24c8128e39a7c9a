"""Files: written whole or not at all, and one sentence for what is wrong with one that is read."""

import errno
import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, get_args, get_origin, get_type_hints, is_typeddict

from . import machine
from .errors import UserError

UNFINISHED = ".part"  # the ending of a file that is still being written
REMEDIES = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EROFS: "make the disk writable again",
}


class Unwritable(UserError):  # noqa: N818 (a word, as those in errors)
    """A file that could not be written; `remedy` is what helps, where that is known."""

    def __init__(self, path: Path, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error).strip().partition("\n")[0]
        super().__init__(f"cannot write {machine.shown(path)} ({reason})")
        self.remedy = REMEDIES.get(getattr(error, "errno", None) or 0, "")


def write(path: Path, put: Callable[[IO[bytes]], Any]) -> None:
    """Have `put` write a file beside its place, and move it there once it is whole.

    A process killed at any moment leaves the old file or the new one, and never half of one.

    Raises `Unwritable` if that cannot be; the old file then stays.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")  # two may write at once
    try:
        with unfinished.open("wb") as file:
            put(file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except (OSError, RuntimeError) as error:  # torch.save turns a full disk into the second
        with suppress(OSError):  # a disk that cannot be written lets nothing be removed, either
            unfinished.unlink()
        raise Unwritable(path, error) from None


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    write(path, lambda file: file.write(content))


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 with plain line ends, whole or not at all."""
    write_bytes(path, text.encode())


def make_folder(path: Path, *, new: bool = False) -> bool:
    """Make a folder and those around it; whether it is there now, or, with `new`, was not before.

    Raises `UserError` if it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=not new)
    except OSError as error:
        if new and isinstance(error, FileExistsError):
            return False
        raise UserError(
            f"cannot make the folder {path}: {error.strerror}; choose another --out"
        ) from None
    return True


def read_text(path: Path) -> str:
    """The content of a text file in UTF-8. Raises `UserError` if it cannot be read as that."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read {machine.shown(path)}: {reason}") from None


def read_json(path: Path, shape: Any = object) -> Any:
    """The content of a JSON file.

    Args:
        path: of the file.
        shape: what it must hold at least: a type, such as a `TypedDict` or a list, which must not
            be empty, or an example made of types: `{"recipe": {"seed": int}}`. `{...: str}` stands
            for any keys, `float` for every finite number.

    Raises:
        UserError: it cannot be read, is no JSON, or does not hold that.
    """
    name, text = machine.shown(path), read_text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"cannot read {name}: {error}; put it back as it was written") from None
    if wrong := _misfit(content, shape, "the whole"):
        raise UserError(f"cannot use {name}: {wrong}; put it back as it was written")
    return content


def _misfit(value: Any, shape: Any, place: str) -> str:
    """In a few words, how a value differs from a shape; nothing if it fits."""
    if is_typeddict(shape):
        hints = get_type_hints(shape)
        shape = {key: hints[key] for key in hints if key in shape.__required_keys__}
    elif get_origin(shape) is list:
        shape = list(get_args(shape))
    elif get_origin(shape) is dict:
        shape = {...: get_args(shape)[1]}
    elif shape is Any:
        return ""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{place} is no object"
        wanted = [(key, shape[...]) for key in value] if ... in shape else list(shape.items())
        lost = [key for key, _ in wanted if key not in value]
        if lost:
            return f'{place} lacks "{lost[0]}"'
        return next(
            filter(None, (_misfit(value[key], inner, f'"{key}"') for key, inner in wanted)), ""
        )
    if isinstance(shape, list):
        if not isinstance(value, list) or not value:
            return f"{place} is no list, or an empty one"
        inside = f"a member of {place}"
        return next(filter(None, (_misfit(each, shape[0], inside) for each in value)), "")
    if shape is float:
        fits = type(value) in (int, float) and math.isfinite(value)
    else:
        fits = isinstance(value, shape) and not (shape is int and isinstance(value, bool))
    return "" if fits else f"{place} is {value!r:.40}"
