"""Where images come from: CIFAR10, a folder of your own, or shapes drawn on the spot.

Whatever the source, all images end up in memory as one uint8 tensor, split into training,
validation and test images.
"""

import hashlib
import os
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError

import ignite.distributed as idist
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from . import images as reading
from . import machine, shapes
from .augment import Batches, normalized
from .errors import UserError

__all__ = ["Batches", "Data", "Split", "load", "normalized"]

SOURCES = ("cifar10", "shapes")  # every other source is a folder
SIZE = 32  # pixels a side, of every image
VALIDATION_SHARE = 0.1  # of the training images
SHAPES_DRAWN = 12_000  # a sixth of them for the test
STALL = 30  # seconds that a download may stand still
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
CACHE_FORMAT = "2"  # change it with anything that changes the pixels made of a file


@dataclass(frozen=True, eq=False)
class Split:
    """Images, uint8 (N, C, H, W), and their labels, int64 (N,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> "Split":
        """The same images on another device."""
        return Split(self.images.to(device), self.labels.to(device))

    def first(self, count: int) -> "Split":
        """The first images. In what `load` gives, they hold all classes in fair shares."""
        return Split(self.images[:count], self.labels[:count])

    def take(self, index: Tensor) -> "Split":
        """The images at these positions, int64 (n,)."""
        return Split(self.images[index], self.labels[index])


@dataclass(frozen=True, eq=False)
class Data:
    """A data set in memory.

    `mean` and `std` hold one value a channel, of the training images divided by 255.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def to(self, device: torch.device | str) -> "Data":
        """The same data set with its images on another device."""
        return replace(
            self,
            train=self.train.to(device),
            validation=self.validation.to(device),
            test=self.test.to(device),
        )


class _Source(NamedTuple):
    """What a source gives: its images, and which of them are for the test."""

    name: str
    classes: tuple[str, ...]
    images: Split
    for_test: Tensor | None = None  # bool (N,); None where the source leaves it to us
    test_share: float = 0.2


def load(source: str, *, limit: int | None = None, root: Path | None = None, seed: int = 0) -> Data:
    """Bring a data set into memory.

    A tenth of the training images is held out for validation, the same share of each class. Which
    ones is fixed and has nothing to do with any seed. Under several processes on a machine, one
    of them downloads or decodes, and the others wait for it.

    Args:
        source: `cifar10`, downloaded once; `shapes`, drawn on the spot; or the path of a folder of
            images: class folders in `train/` and in `test/`, or class folders alone, of which a
            fifth is kept for the test. Write `./shapes` for a folder of that name.
        limit: the largest number of training images, for a quick try; fewer validation and test
            images follow in proportion.
        root: the folder where CIFAR10 lies or is downloaded to, by default `data` beside `code`.
        seed: of the drawn shapes. Leave it alone to compare runs on the same images.

    Raises:
        UserError: the data set is not there, cannot be read, or is not one.
    """
    found = _read(source, root or machine.home() / "data", seed)
    labels = found.images.labels
    if found.for_test is None:
        rest, test = _hold_out(labels, torch.arange(len(labels)), found.test_share)
    else:
        rest, test = (~found.for_test).nonzero()[:, 0], found.for_test.nonzero()[:, 0]
    train, validation = _hold_out(labels, rest, VALIDATION_SHARE)
    test, _ = _hold_out(labels, test, 0)  # only for its order
    if limit is not None and limit < len(train):
        share = limit / len(train)
        train = train[:limit]
        validation = validation[: max(1, round(share * len(validation)))]
        test = test[: max(1, round(share * len(test)))]
    training = found.images.take(train)
    return Data(
        found.name,
        found.classes,
        training,
        found.images.take(validation),
        found.images.take(test),
        *_statistics(training.images),
    )


def described(data: Data) -> dict[str, Any]:
    """What a run keeps of its data set: name, classes, sizes, mean and std."""
    return {
        "name": data.name,
        "classes": list(data.classes),
        "training": len(data.train),
        "validation": len(data.validation),
        "test": len(data.test),
        "mean": list(data.mean),
        "std": list(data.std),
    }


def is_here(source: str) -> bool:
    """Whether a data set can be loaded without a download."""
    if source != "cifar10":
        return source in SOURCES or Path(source).is_dir()
    from torchvision.datasets import CIFAR10

    root = machine.home() / "data"
    return (root / CIFAR10.base_folder).is_dir() or (root / CIFAR10.filename).is_file()


def _read(source: str, root: Path, seed: int) -> _Source:
    if source == "shapes":
        images = Split(*shapes.draw(SHAPES_DRAWN, seed))
        return _Source("shapes", tuple(shapes.SHAPES), images, test_share=1 / 6)
    failure = None
    with idist.one_rank_first(local=True):
        try:
            return _cifar10(root) if source == "cifar10" else _folder(source)
        except UserError as error:
            failure = error  # raised only once no other process waits for this one
    raise failure


def _hold_out(labels: Tensor, index: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Hold out a share of each class, and shuffle both parts.

    The shuffled classes are dealt out like cards, so that the first n images of either part hold
    each class in proportion, for every n.

    Args:
        labels: of all images.
        index: which of them to part.
        share: to be held out; if above 0, at least one image of each class is.

    Returns:
        two parts of `index`: what remains, and what is held out.
    """
    # Not the run's seed: runs with different seeds must hold out the same images.
    generator = torch.Generator().manual_seed(0)
    index = index[torch.randperm(len(index), generator=generator)]
    index = index[labels[index].argsort(stable=True)]  # class by class
    sizes = labels[index].bincount()
    rank = torch.arange(len(index)) - (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
    size = sizes.repeat_interleave(sizes)
    held = rank < (share * size).round().clamp(min=1 if share else 0)
    # Where in the deck a card belongs, from 0 to 1; a second shuffle decides among equals.
    place = (rank + 0.5) / size
    deal = torch.randperm(len(index), generator=generator)
    deal = deal[place[deal].argsort(stable=True)]
    return index[deal[~held[deal]]], index[deal[held[deal]]]


def _statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of uint8 images (N, C, H, W) over 255."""
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, deviations = [], []
    for channel in images.unbind(1):
        # How often each of the 256 levels occurs says it all, exactly.
        count = sum(part.flatten().bincount(minlength=256) for part in channel.split(1000))
        mean = (count * levels).sum() / count.sum()
        variance = (count * (levels - mean) ** 2).sum() / count.sum()
        means.append(mean.item())
        # A channel that never varies is left as it is rather than divided by zero.
        deviations.append(variance.sqrt().item() or 1.0)
    return tuple(means), tuple(deviations)


# CIFAR10


def _cifar10(root: Path) -> _Source:
    """Read CIFAR10 from `root`, after downloading and unpacking it there if need be."""
    from torchvision.datasets import CIFAR10  # only here: other images do not wait for its import

    try:
        train = CIFAR10(root, train=True)  # checks the MD5 sum of every file
    except RuntimeError:
        if idist.get_local_rank() > 0:
            raise UserError(f"CIFAR10 is not in {root}") from None  # the first process says why
        _fetch_cifar10(root)
        train = CIFAR10(root, train=True)
    test = CIFAR10(root, train=False)
    images = torch.from_numpy(np.concatenate([train.data, test.data]))
    images = images.permute(0, 3, 1, 2).contiguous()
    labels = torch.tensor(train.targets + test.targets)
    for_test = torch.arange(len(labels)) >= len(train)
    return _Source("cifar10", tuple(train.classes), Split(images, labels), for_test)


def _fetch_cifar10(root: Path) -> None:
    """Download CIFAR10 into `root`, unless its archive lies there, and unpack it.

    Everything is made in a scratch folder and moved when whole, so that nothing half made is left
    and nothing of the user's is overwritten.
    """
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import check_integrity, download_url, extract_archive

    archive = root / CIFAR10.filename
    if archive.exists() and not check_integrity(archive, CIFAR10.tgz_md5):
        raise UserError(
            f"{archive} is damaged or not CIFAR10 (its MD5 sum is not {CIFAR10.tgz_md5}): "
            "remove it to download it anew, or put a good one in its place"
        )
    made = not root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cifar10-", dir=root) as scratch:
            if not archive.exists():
                with _no_stalling():
                    download_url(CIFAR10.url, scratch, CIFAR10.filename, CIFAR10.tgz_md5)
                os.replace(Path(scratch, CIFAR10.filename), archive)
            extract_archive(archive, scratch)
            (root / CIFAR10.base_folder).mkdir(exist_ok=True)
            for file in Path(scratch, CIFAR10.base_folder).iterdir():
                os.replace(file, root / CIFAR10.base_folder / file.name)
    except (OSError, RuntimeError, HTTPException) as error:
        if made:
            with suppress(OSError):
                root.rmdir()  # only if it is empty
        raise UserError(
            f"CIFAR10 could not be downloaded to {root} ({_cause(error)}): try again, put "
            f"{CIFAR10.filename} there yourself, or use --data shapes or --data FOLDER"
        ) from error


def _cause(error: Exception) -> str:
    """In a few words, why a download failed."""
    if isinstance(error, HTTPError):
        return str(error)
    reason = getattr(error, "reason", error)  # URLError wraps what happened
    if isinstance(reason, TimeoutError):
        return f"the server was silent for {STALL} seconds"
    if isinstance(reason, RuntimeError):
        return "what arrived was incomplete or damaged"  # torchvision: the wrong MD5 sum
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__


@contextmanager
def _no_stalling() -> Iterator[None]:
    """Let no socket wait for longer than STALL; torchvision would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


# A folder of images


class _File(NamedTuple):
    path: str
    label: int
    test: bool
    stamp: str  # changes whenever the file does


def _folder(source: str) -> _Source:
    """Read a folder of images, or the cached tensor beside it."""
    folder = Path(os.path.abspath(os.path.expanduser(source)))
    try:
        classes, files = _scan(folder)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}") from error

    stamps = "\n".join([CACHE_FORMAT, *(file.stamp for file in files)])
    fingerprint = hashlib.sha256(stamps.encode("utf-8", "surrogateescape")).hexdigest()
    cache = folder.parent / f".{folder.name}-{SIZE}x{SIZE}.pt"
    pixels = _read_cache(cache, fingerprint, len(files))
    if pixels is None:
        pixels = _decode([file.path for file in files], folder.name)
        _write_cache(cache, fingerprint, pixels)

    images = Split(pixels, torch.tensor([file.label for file in files]))
    for_test = torch.tensor([file.test for file in files])
    given = for_test if for_test.any() else None
    return _Source(folder.name, tuple(classes), images, given)


def check(source: str) -> None:
    """Raise `UserError` if `source` can be no data set, without reading any image."""
    if source in SOURCES:
        return
    folder = Path(source).expanduser()
    if not folder.exists():
        raise UserError(
            f"there is no folder {folder}: data is cifar10, shapes, or a folder of class folders"
        )
    if not folder.is_dir():
        raise UserError(
            f"{folder} is a file: data is cifar10, shapes, or a folder of class folders"
        )


def _scan(folder: Path) -> tuple[list[str], list[_File]]:
    """Find the classes and the image files of a folder, both in a fixed order."""
    check(str(folder))
    inside = _class_folders(folder)
    if not {"train", "test"} <= set(inside):
        # Three of a class, so that each can be trained on, validated on and tested on.
        return inside, _scan_classes(folder, inside, least=3, test=False)
    classes, tested = _class_folders(folder / "train"), _class_folders(folder / "test")
    if classes != tested:
        both = (("train", set(classes) - set(tested)), ("test", set(tested) - set(classes)))
        where = ", ".join(
            f"{name} only in {part}/" for part, names in both for name in sorted(names)
        )
        raise UserError(f"train/ and test/ of {folder} must hold the same classes: {where}")
    files = _scan_classes(folder / "train", classes, least=2, test=False)
    files += _scan_classes(folder / "test", classes, least=1, test=True)
    return classes, files


def _class_folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        names = sorted(each.name for each in entries if each.is_dir() and each.name[0] != ".")
    if len(names) < 2:
        found = f"only one class folder, {names[0]}" if names else "no class folders"
        raise UserError(
            f"{folder} holds {found}: it needs a folder of images for each of two or more classes, "
            "or train/ and test/ with such folders"
        )
    return names


def _scan_classes(folder: Path, classes: list[str], *, least: int, test: bool) -> list[_File]:
    files = []
    for label, name in enumerate(classes):
        found = []
        with os.scandir(folder / name) as entries:
            for each in entries:
                if each.name[0] == "." or not each.name.lower().endswith(SUFFIXES):
                    continue
                status = each.stat()
                stamp = f"{test}/{name}/{each.name} {status.st_size} {status.st_mtime_ns}"
                found.append(_File(each.path, label, test, stamp))
        if len(found) < least:
            raise UserError(
                f"class folder {folder / name} holds {len(found) or 'no'} "
                f"image{'s' if len(found) != 1 else ''}: it needs at least {least}, "
                f"files ending in {' '.join(SUFFIXES)}"
            )
        files += sorted(found)
    return files


def _decode(paths: list[str], name: str) -> Tensor:
    """Read image files into one tensor, uint8 (N, 3, SIZE, SIZE)."""
    pixels = np.empty((len(paths), 3, SIZE, SIZE), dtype=np.uint8)
    quiet = True if idist.get_rank() > 0 else None  # None: a bar where there is a terminal
    bar = tqdm(total=len(paths), desc=f"reading {name}", unit="img", disable=quiet, leave=False)

    def read(first: int) -> None:
        for position in range(first, min(first + 200, len(paths))):
            pixels[position] = reading.pixels(paths[position], SIZE)

    # Pillow lets other threads run while it decodes.
    with bar, ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for _ in pool.map(read, range(0, len(paths), 200)):
            bar.update(min(200, len(paths) - bar.n))
    return torch.from_numpy(pixels)


def _read_cache(path: Path, fingerprint: str, count: int) -> Tensor | None:
    try:
        cache = torch.load(path, weights_only=True)
        pixels = cache["images"]
        good = cache["fingerprint"] == fingerprint and pixels.shape == (count, 3, SIZE, SIZE)
        return pixels if good and pixels.dtype == torch.uint8 else None
    except Exception:  # absent, damaged or of another program: whatever it is, it is no cache
        return None


def _write_cache(path: Path, fingerprint: str, pixels: Tensor) -> None:
    """Write the cache as a whole or not at all; where it cannot be written, do without."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        torch.save({"fingerprint": fingerprint, "images": pixels}, scratch)
        os.replace(scratch, path)
    except (OSError, RuntimeError):  # torch reports a full disk or a missing right as either
        scratch.unlink(missing_ok=True)
