"""Where images come from: CIFAR10, a folder of your own, or shapes drawn on the spot.

Whatever the source, all images end up in memory as one uint8 tensor, split into training,
validation and test images.
"""

import hashlib
import os
import socket
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple, TypedDict
from urllib.error import HTTPError

import ignite.distributed as idist
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm
from tqdm.contrib.concurrent import thread_map

from . import files, machine, shapes, tensors
from . import images as reading
from .errors import UserError

SOURCES = ("cifar10", "shapes")  # every other source is a folder
SIZE = shapes.SIZE  # pixels a side, of every image
VALIDATION_SHARE = 0.1  # of the training images
SHAPES_DRAWN = 12_000  # a sixth of them for the test
STALL = 30  # seconds that a download may stand still
ENDINGS = "bmp gif jfif jpeg jpg pgm png ppm tif tiff webp"  # torchvision's and two more
SUFFIXES = tuple(f".{kind}" for kind in ENDINGS.split())
TRAIN, VALIDATION, TEST = range(3)  # the parts of a data set
PARTS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
NAMED = 10  # files or kinds of files that a line names at most
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
        """The same images on another device."""
        train, validation = self.train.to(device), self.validation.to(device)
        return replace(self, train=train, validation=validation, test=self.test.to(device))


class DataDigest(TypedDict, total=False):
    digest: str  # runs of earlier versions have none


class DataDescription(DataDigest):
    """What a run keeps of its data set: sizes of its parts, and a value a channel."""

    training: int
    validation: int
    test: int
    name: str
    classes: list[str]
    mean: list[float]
    std: list[float]


class _Source(NamedTuple):
    """What a source gives: its images, and which of them are for what."""

    name: str
    classes: tuple[str, ...]
    labels: Tensor  # int64 (N,)
    images: Callable[[Tensor], Tensor]  # at places (n,): uint8 (n, C, H, W)
    parts: Tensor | None = None  # of TRAIN, VALIDATION, TEST (N,); None: it leaves that to us
    test_share: float = 0.2


def load(source: str, *, limit: int | None = None, root: Path | None = None) -> Data:
    """Bring a data set into memory.

    Where the source has no validation images, a tenth of its training images is held out, the same
    share of each class. Which ones is fixed and has nothing to do with any seed. Under several
    processes on a machine, one of them downloads or decodes, and the others wait for it.

    Args:
        source: `cifar10`, downloaded once; `shapes`, drawn on the spot; or the path of a folder
            that holds CIFAR10, or images: class folders in `train/`, `test/` and `val/` (the test
            images, where there is no `test/`), or class folders alone, of which a fifth is kept
            for the test. Write `./shapes` for a folder of that name.
        limit: the largest number of training images, for a quick try; fewer validation and test
            images follow in proportion.
        root: the folder where CIFAR10 lies or is downloaded to, by default `data` beside `code`.

    Raises `UserError`: the data set is not there, cannot be read, or is not one.
    """
    found = _read(source, root or machine.home() / "data")
    labels = found.labels
    if found.parts is None:
        rest, test = _hold_out(labels, torch.arange(len(labels)), found.test_share)
        given = rest[:0]
    else:
        rest, given, test = (
            (found.parts == part).nonzero()[:, 0] for part in (TRAIN, VALIDATION, TEST)
        )
    train, validation = _hold_out(labels, rest, 0 if len(given) else VALIDATION_SHARE)
    if len(given):
        validation, _ = _hold_out(labels, given, 0)  # only for its order
    test, _ = _hold_out(labels, test, 0)
    if limit is not None and limit < len(train):
        share = limit / len(train)
        train = train[:limit]
        validation = validation[: max(1, round(share * len(validation)))]
        test = test[: max(1, round(share * len(test)))]
    places = (train, validation, test)
    images = found.images(torch.cat(places)).split([*map(len, places)])
    parts = [Split(part, labels[place]) for part, place in zip(images, places, strict=True)]
    return Data(found.name, found.classes, parts[0], parts[1], parts[2], *_statistics(images[0]))


def described(data: Data) -> DataDescription:
    """What a run keeps of its data set: name, classes, sizes, mean, std, and a digest of it all."""
    return {
        "name": data.name,
        "classes": list(data.classes),
        "training": len(data.train),
        "validation": len(data.validation),
        "test": len(data.test),
        "mean": list(data.mean),
        "std": list(data.std),
        "digest": digest(data),
    }


def is_described(data: Data, about: DataDescription) -> bool:
    """Whether this is the data set that a run keeps the description of."""
    now = described(data)
    return now == {"digest": now.get("digest"), **about}  # runs of earlier versions have no digest


def digest(data: Data) -> str:
    """A number for all images and labels, in their order: others have another."""
    whole = hashlib.sha256()
    for split in (data.train, data.validation, data.test):
        for tensor in (split.images, split.labels):
            whole.update(tensor.cpu().contiguous().numpy().data)
    return whole.hexdigest()[:32]


def is_here(source: str) -> bool:
    """Whether a data set can be loaded without a download."""
    if source != "cifar10":
        return source in SOURCES or Path(source).is_dir()
    from torchvision.datasets import CIFAR10

    names = CIFAR10.base_folder, CIFAR10.filename
    return any((machine.home() / "data" / name).exists() for name in names)


def _read(source: str, root: Path) -> _Source:
    if source == "shapes":
        labels = torch.arange(SHAPES_DRAWN) % len(shapes.SHAPES)
        return _Source(
            "shapes",
            tuple(shapes.SHAPES),
            labels,
            lambda places: shapes.draw(SHAPES_DRAWN, index=places)[0],
            test_share=1 / 6,
        )
    failure = None
    with idist.one_rank_first(local=True):
        try:
            return _cifar10(root) if source == "cifar10" else _folder(source)
        except UserError as error:
            failure = error  # raised only once no other process waits for this one
        except OSError as error:
            failure = UserError(
                f"{error.filename or source} cannot be read: {error.strerror or error}"
            )
    raise failure


def _hold_out(labels: Tensor, index: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Hold out a share of each class of the images at `index`, and shuffle both parts.

    The shuffled classes are dealt out like cards, so that the first n images of either part hold
    each class in proportion, for every n. Of a share above 0, one of each class is held out at
    least. Returns what remains, and what is held out.
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
        parts = (part.flatten().bincount(minlength=256) for part in channel.split(1000))
        count = torch.stack([*parts]).sum(0)
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

    folder = root / CIFAR10.base_folder
    with suppress(RuntimeError):
        return _unpacked_cifar10(folder)
    if idist.get_local_rank() > 0:
        raise UserError(f"CIFAR10 is not in {root}")  # the first process says why
    _fetch_cifar10(root)
    return _unpacked_cifar10(folder)


def _unpacked_cifar10(folder: Path) -> _Source:
    """Read CIFAR10. Raises `RuntimeError` unless the MD5 sum of every file is right."""
    from torchvision.datasets import CIFAR10

    here = type("CIFAR10", (CIFAR10,), {"base_folder": folder.name})
    train, test = here(folder.parent, train=True), here(folder.parent, train=False)
    images = torch.from_numpy(np.concatenate([train.data, test.data]))
    images = images.permute(0, 3, 1, 2).contiguous()
    labels = torch.tensor(train.targets + test.targets)
    parts = torch.tensor([TRAIN] * len(train) + [TEST] * len(test))
    return _Source("cifar10", tuple(train.classes), labels, images.__getitem__, parts)


def _cifar10_elsewhere(folder: Path) -> _Source | None:
    """Read CIFAR10 from a folder that holds it, unpacked or as its archive, or that is it."""
    from torchvision.datasets import CIFAR10

    if (folder / CIFAR10.filename).is_file():
        return _cifar10(folder)
    for place in (folder, folder / CIFAR10.base_folder):
        if any((place / name).is_file() for name, _ in CIFAR10.train_list):
            try:
                return _unpacked_cifar10(place)
            except RuntimeError:
                raise UserError(
                    f"{place} is not all of CIFAR10, or damaged: unpack {CIFAR10.filename} again"
                ) from None
    return None


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
    made, packed = not root.exists(), archive.exists()
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL)  # torchvision would wait for ever
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cifar10-", dir=root) as scratch:
            if not packed:
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
        if packed:
            raise UserError(
                f"{archive} could not be unpacked beside it ({_cause(error)}): "
                "unpack it elsewhere, and name that folder with --data"
            ) from error
        raise UserError(
            f"CIFAR10 could not be downloaded to {root} ({_cause(error)}): try again, put "
            f"{CIFAR10.filename} there yourself, or use --data shapes or --data FOLDER"
        ) from error
    finally:
        socket.setdefaulttimeout(patience)


def _cause(error: Exception) -> str:
    """In a few words, why a download failed."""
    if isinstance(error, HTTPError):
        return str(error)
    reason = getattr(error, "reason", error)  # URLError wraps what happened
    if isinstance(reason, TimeoutError):
        return f"the server was silent for {STALL} seconds"
    if isinstance(reason, RuntimeError):
        return "what arrived was incomplete or damaged"  # torchvision: the wrong MD5 sum
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__


# A folder of images


class _File(NamedTuple):
    path: str
    label: int
    part: int
    stamp: str  # changes whenever the file does


def _folder(source: str) -> _Source:
    """Read a folder of images, or the cached tensor beside it; or CIFAR10, if that is in there."""
    folder = Path(os.path.abspath(os.path.expanduser(source)))
    check(str(folder))
    if cifar10 := _cifar10_elsewhere(folder):
        return cifar10
    classes, found, unread = _scan(folder)
    for name in classes:
        if not name.isprintable():  # an old archive has left it in another encoding
            raise UserError(f"a class folder of {folder} cannot be shown, {name!a}: rename it")
    if unread:
        print(_not_read(unread), flush=True)

    stamps = "\n".join([CACHE_FORMAT, *(file.stamp for file in found)])
    fingerprint = hashlib.sha256(stamps.encode("utf-8", "surrogateescape")).hexdigest()
    cache = folder.parent / f".{folder.name}-{SIZE}x{SIZE}.pt"
    pixels = _read_cache(cache, fingerprint, len(found))
    if pixels is None:
        pixels = _decode([file.path for file in found], folder)
        _write_cache(cache, fingerprint, pixels)

    labels = torch.tensor([file.label for file in found])
    parts = torch.tensor([file.part for file in found])
    given = parts if parts.any() else None
    return _Source(folder.name, tuple(classes), labels, pixels.__getitem__, given)


def check(source: str) -> None:
    """Raise `UserError` if `source` can be no data set, without reading any image."""
    if source in SOURCES:
        return
    folder = Path(source).expanduser()
    if not folder.is_dir():
        wrong = f"{folder} is a file" if folder.exists() else f"there is no folder {folder}"
        raise UserError(f"{wrong}: data is cifar10, shapes, or a folder of class folders")


def _scan(folder: Path) -> tuple[list[str], list[_File], Counter[str]]:
    """Find the classes and the image files of a folder, both in a fixed order.

    Returns:
        the classes, the files, and how many files of which kind are none of them.
    """
    unread: Counter[str] = Counter()
    inside = _subfolders(folder, unread)
    parts = _parts(folder, inside)
    if not parts:
        classes = _classes(folder, inside)
        # Three of a class, so that each can be trained on, validated on and tested on.
        return classes, _scan_classes(folder, folder, classes, TRAIN, 3, unread), unread
    unread.update(f"{name}/" for name in inside if name not in parts.values())
    found = {
        name: _classes(folder / name, _subfolders(folder / name, unread)) for name in parts.values()
    }
    train = parts[TRAIN]
    classes = found[train]
    for name, others in found.items():
        alone = sorted({*classes} ^ {*others})
        if alone:
            where = (f"{each} only in {train if each in classes else name}/" for each in alone)
            raise UserError(
                f"{train}/ and {name}/ of {folder} must hold the same classes: {', '.join(where)}"
            )
    images: list[_File] = []
    for part, name in parts.items():
        # Without images for validation, one of each class is held out.
        least = 2 if part == TRAIN and VALIDATION not in parts else 1
        images += _scan_classes(folder, folder / name, classes, part, least, unread)
    return classes, images, unread


def _parts(folder: Path, inside: list[str]) -> dict[int, str]:
    """The folders of the parts, with their names; none where the folders are classes.

    Where there are images to validate but none to test, as of ImageNet, those are the test.
    """
    parts: dict[int, str] = {}
    for name in inside:
        part = PARTS.get(name.lower())
        if part in parts:
            raise UserError(f"{folder} holds both {parts[part]}/ and {name}/: leave one of them")
        if part is not None:
            parts[part] = name
    if len(parts) < 2:  # one alone is a class: a train, among other vehicles
        return {}
    if TRAIN not in parts:
        names = " and ".join(f"{name}/" for name in parts.values())
        raise UserError(f"{folder} holds {names}, but no train/")
    if TEST not in parts:
        parts[TEST] = parts.pop(VALIDATION)
    return {part: parts[part] for part in sorted(parts)}


def _subfolders(folder: Path, unread: Counter[str]) -> list[str]:
    """The folders in a folder; its files are counted as not read."""
    with os.scandir(folder) as entries:
        inside = [each for each in entries if each.name[0] != "."]
    for each in inside:
        if not each.is_dir():
            unread[_kind(each.name, " outside of the class folders")] += 1
    return sorted(each.name for each in inside if each.is_dir())


def _classes(folder: Path, names: list[str]) -> list[str]:
    if len(names) < 2:
        found = f"only one class folder, {names[0]}" if names else "no class folders"
        raise UserError(
            f"{folder} holds {found}: it needs a folder of images for each of two or more classes, "
            "or train/ and test/ with such folders"
        )
    return names


def _scan_classes(
    whole: Path, folder: Path, classes: list[str], part: int, least: int, unread: Counter[str]
) -> list[_File]:
    """The image files in the class folders of `folder`, and in the folders in those."""
    images: list[_File] = []
    for label, name in enumerate(classes):
        found = []
        for each in _files_below(folder / name):
            if not each.name.lower().endswith(SUFFIXES):
                unread[_kind(each.name)] += 1
                continue
            stamp = each.path.removeprefix(str(whole))
            with suppress(OSError):  # a link that leads nowhere is found out when it is read
                status = each.stat()
                if not stat.S_ISREG(status.st_mode):
                    unread[_kind(each.name, " that is no file")] += 1
                    continue
                stamp += f" {status.st_size} {status.st_mtime_ns}"
            found.append(_File(each.path, label, part, stamp))
        if len(found) < least:
            raise UserError(
                f"class folder {folder / name} holds {len(found) or 'no'} "
                f"image{'s' if len(found) != 1 else ''}: it needs at least {least}, "
                f"files ending in {' '.join(SUFFIXES)}"
            )
        images += sorted(found)
    return images


def _files_below(
    folder: str | Path, above: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[os.DirEntry[str]]:
    """All files in a folder and in the folders in it, but for hidden ones; links are followed."""
    status = os.stat(folder)
    here = (status.st_dev, status.st_ino)
    if here in above:  # a link has led back
        return
    with os.scandir(folder) as entries:
        inside = [each for each in entries if each.name[0] != "."]
    for each in inside:
        if each.is_dir():
            yield from _files_below(each.path, above | {here})
        else:
            yield each


def _kind(name: str, where: str = "") -> str:
    """What a file that is not read counts as: its ending, and where it is if that is why."""
    ending = Path(name).suffix.lower()
    return ending + where if ending in SUFFIXES else ending or "without an ending"


def _not_read(kinds: Counter[str]) -> str:
    """A line that says how many files of which kinds, and which folders, were not read."""
    folders = [kind for kind in kinds if kind.endswith("/")]
    files = Counter({kind: count for kind, count in kinds.items() if kind not in folders})
    counts = [(files.total(), "file"), (len(folders), "folder")]
    what = " and ".join(f"{n} {name}{'s' if n > 1 else ''}" for n, name in counts if n)
    named = [*(f"{count} {kind}" for kind, count in files.most_common()), *folders]
    verb = "was" if sum(n for n, _ in counts) == 1 else "were"
    line = f"{what} {verb} not read: {_first(named)}"
    return line.encode(errors="backslashreplace").decode()  # a name may be in no encoding


def _first(names: list[str]) -> str:
    """The first names of many, and how many others there are."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _decode(paths: list[str], folder: Path) -> Tensor:
    """Read the image files of a folder into one tensor, uint8 (N, 3, SIZE, SIZE).

    Raises `UserError`, which names all of them, if some cannot be used.
    """
    pixels = np.empty((len(paths), 3, SIZE, SIZE), dtype=np.uint8)

    def read(position: int) -> reading.Unusable | None:
        try:
            pixels[position] = reading.pixels(paths[position], SIZE)
        except reading.Unusable as error:
            return error
        return None

    failures = thread_map(  # Pillow lets other threads run while it decodes
        read,
        range(len(paths)),
        max_workers=min(8, os.cpu_count() or 1),
        tqdm_class=tqdm,
        desc=f"reading {folder.name}",
        unit="img",
        disable=True if idist.get_rank() > 0 else None,  # None: a bar where there is a terminal
        leave=False,
    )
    unusable = [(path, error) for path, error in zip(paths, failures, strict=True) if error]
    if len(unusable) == 1:
        raise unusable[0][1]
    if unusable:
        reasons: dict[str, list[str]] = {}
        for path, error in unusable:
            reasons.setdefault(error.reason, []).append(path.removeprefix(str(folder))[1:])
        which = "; ".join(f"{_first(names)} ({why})" for why, names in reasons.items())
        raise UserError(f"repair or remove {len(unusable):,} files in {folder}: {which}")
    return torch.from_numpy(pixels)


def _read_cache(path: Path, fingerprint: str, count: int) -> Tensor | None:
    try:
        cache = tensors.load(path)
        pixels = cache["images"]
        good = cache["fingerprint"] == fingerprint and pixels.shape == (count, 3, SIZE, SIZE)
        return pixels if good and pixels.dtype == torch.uint8 else None
    except tensors.Damaged:
        print(f"{path} is damaged: the images are read again", flush=True)
    except Exception:  # absent or of another program: whatever it is, it is no cache
        pass
    return None


def _write_cache(path: Path, fingerprint: str, pixels: Tensor) -> None:
    """Write the cache as a whole or not at all; where it cannot be written, do without."""
    content = {"fingerprint": fingerprint, "images": pixels}
    with suppress(files.Unwritable):
        files.write(path, lambda file: torch.save(content, file))
