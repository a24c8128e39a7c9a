"""Images in memory: batches, splits, and the sources with their every failure."""

import hashlib
import http.server
import io
import os
import pickle
import re
import shutil
import socket
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import ignite.distributed as idist
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torchvision.datasets import CIFAR10, ImageFolder
from torchvision.transforms import functional

import lab
from conftest import ROOT
from lab import data as sources
from lab import images as reading
from lab.data import Split
from lab.errors import UserError

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1 / 255, 1 / 255, 1 / 255)}  # normalized: the bytes


def numbered(count: int) -> Split:
    """Random images whose labels are their numbers."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(count))


def same(one: lab.Data, other: lab.Data) -> bool:
    """Whether all parts hold the same images with the same labels, in the same order."""
    parts = [[data.train, data.validation, data.test] for data in (one, other)]
    return all(
        torch.equal(ours.images, theirs.images) and torch.equal(ours.labels, theirs.labels)
        for ours, theirs in zip(*parts, strict=True)
    )


# Batches


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 40),
    batch_size=st.integers(1, 50),
    world_size=st.integers(1, 4),
    epoch=st.integers(0, 3),
    seed=st.sampled_from([0, 1, 2**32 - 1]),
    memory_format=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_any_number_of_processes_trains_on_the_same_batches(
    count: int,
    batch_size: int,
    world_size: int,
    epoch: int,
    seed: int,
    memory_format: torch.memory_format,
) -> None:
    def batches(**process: int) -> list[tuple[Tensor, Tensor, int]]:
        made = lab.Batches(
            numbered(count),
            **PLAIN,
            batch_size=batch_size,
            seed=seed,
            crop_padding=2,
            flip=True,
            cutout=6,
            memory_format=memory_format,
            **process,
        )
        made.epoch = epoch
        listed = list(made)
        assert len(listed) == len(made) == -(-count // batch_size)
        for images, _, _ in listed:
            assert len(images) == 0 or images.is_contiguous(memory_format=memory_format)
        return listed

    alone = batches()
    together = [batches(rank=rank, world_size=world_size) for rank in range(world_size)]
    for number, (images, labels, size) in enumerate(alone):
        assert size == len(images)
        for rank in range(world_size):
            assert torch.equal(together[rank][number][0], images[rank::world_size])
            assert torch.equal(together[rank][number][1], labels[rank::world_size])
            assert together[rank][number][2] == size
    sizes = [size for _, _, size in alone]
    assert max(sizes) - min(sizes) <= 1
    assert sorted(torch.cat([labels for _, labels, _ in alone]).tolist()) == list(range(count))


def test_an_epoch_taken_up_in_its_middle_goes_on_as_if_unbroken() -> None:
    def batches() -> lab.Batches:
        return lab.Batches(
            numbered(50), **PLAIN, batch_size=8, seed=5, crop_padding=3, flip=True, cutout=4
        )

    resumed, unbroken = batches(), batches()
    resumed.epoch = unbroken.epoch = 4
    resumed.start = 3
    tail = list(unbroken)[3:]
    for mine, theirs in zip(resumed, tail, strict=True):
        assert torch.equal(mine[0], theirs[0])
        assert torch.equal(mine[1], theirs[1])
    assert len(list(resumed)) == 7  # the next epoch starts at its first batch


def test_epoch_and_start_are_read_when_the_first_batch_is_drawn() -> None:
    batches = lab.Batches(numbered(20), **PLAIN, batch_size=20, seed=0)
    waiting = iter(batches)
    batches.epoch = 1
    _, late, _ = next(waiting)
    _, now, _ = next(iter(batches))
    assert torch.equal(late, now)


def test_order_changes_with_the_epoch_and_with_the_seed() -> None:
    orders = set()
    for seed in range(3):
        batches = lab.Batches(numbered(20), **PLAIN, batch_size=20, seed=seed)
        for batches.epoch in range(3):
            orders.update(tuple(labels.tolist()) for _, labels, _ in batches)
    assert len(orders) == 9


def test_every_shift_and_mirror_image_comes_up_and_nothing_else() -> None:
    image = numbered(1).images
    padded = np.pad(image[0].numpy(), ((0, 0), (2, 2), (2, 2)))
    shifted = [padded[:, y : y + 32, x : x + 32] for y in range(5) for x in range(5)]
    variants = {each.tobytes() for one in shifted for each in (one, one[:, :, ::-1])}
    assert len(variants) == 50

    many = Split(image.expand(1000, -1, -1, -1), torch.zeros(1000, dtype=torch.int64))
    batches = lab.Batches(many, **PLAIN, batch_size=100, seed=0, crop_padding=2, flip=True)
    seen = [one.numpy().astype(np.uint8).tobytes() for images, _, _ in batches for one in images]
    assert set(seen) == variants


def test_cutout_blanks_one_square_to_the_mean_and_leaves_the_rest() -> None:
    split = numbered(300)
    settings = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.2), "batch_size": 300, "seed": 0}
    [(whole, _, _)] = lab.Batches(split, **settings, crop_padding=2)
    [(cut, _, _)] = lab.Batches(split, **settings, crop_padding=2, cutout=6)
    centers = set()
    for before, after in zip(whole, cut, strict=True):
        blank = (after == 0).all(0)
        assert torch.equal(after, before * ~blank)
        rows, columns = (blank.any(side).nonzero()[:, 0].tolist() for side in (1, 0))
        assert blank.sum() == len(rows) * len(columns)  # a rectangle
        for side in (rows, columns):  # six pixels long, unless the image's edge cuts it off
            assert len(side) == 6 or (3 <= len(side) < 6 and (side[0] == 0 or side[-1] == 31))
        centers.add((rows[0], columns[0]))
    assert len(centers) > 200


def test_without_augmentation_batches_are_the_normalized_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split = numbered(30)
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
    expected = functional.normalize(split.images / 255, mean, std)
    for images, labels, _ in lab.Batches(split, mean=mean, std=std, batch_size=7, seed=0):
        torch.testing.assert_close(images, expected[labels])
    for memory_format in (torch.contiguous_format, torch.channels_last):
        shares = []
        for rank in range(4):
            with monkeypatch.context() as patch:
                patch.setattr(idist, "get_rank", lambda rank=rank: rank)
                patch.setattr(idist, "get_world_size", lambda: 4)
                shares.append(lab.normalized(split, mean, std, 7, memory_format))
        seen = [batch for share in shares for batch in share]
        assert len(seen) == sum(map(len, shares))
        assert [len(list(share)) for share in shares] == [2, 2, 1, 1]  # again, of 8 8 7 7 images
        for images, labels in seen:
            assert images.is_contiguous(memory_format=memory_format)
            torch.testing.assert_close(images, expected[labels])
        assert sorted(torch.cat([labels for _, labels in seen]).tolist()) == list(range(30))


# The split


def test_a_tenth_of_each_class_is_held_out_whatever_the_random_state() -> None:
    torch.manual_seed(1)
    one = lab.load("shapes")
    torch.manual_seed(2)
    other = lab.load("shapes")
    assert same(one, other)
    parts = (one.train, one.validation, one.test)
    for part, size in zip(parts, (9000, 1000, 2000), strict=True):
        assert part.labels.bincount().tolist() == [size // 10] * 10
        # The first images of every part hold each class in its share, but in no order.
        assert part.first(10).labels.sort()[0].tolist() == list(range(10))
        assert part.first(70).labels.bincount().tolist() == [7] * 10
        assert part.first(10).labels.tolist() != list(range(10))
    assert len(set.union(*map(bytes_of, parts))) == 12_000


@pytest.fixture
def few_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the shapes: to draw them all takes longer than most tests."""
    monkeypatch.setattr(sources, "SHAPES_DRAWN", 1200)


def test_a_limit_shrinks_all_parts_alike_and_counts_training_images(few_shapes: None) -> None:
    data = lab.load("shapes", limit=450)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [450, 50, 100]
    assert data.train.labels.bincount().tolist() == [45] * 10
    assert len(lab.load("shapes", limit=1).test) == 1
    assert len(lab.load("shapes", limit=10**6).train) == 900


def test_mean_and_deviation_are_those_of_the_training_images(few_shapes: None) -> None:
    data = lab.load("shapes")
    pixels = data.train.images.numpy() / 255
    np.testing.assert_allclose(data.mean, pixels.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(data.std, pixels.std((0, 2, 3)), rtol=1e-10)


def test_any_other_image_or_label_gives_another_description(few_shapes: None) -> None:
    data = lab.load("shapes", limit=90)
    about = sources.described(data)
    assert sources.is_described(lab.load("shapes", limit=90), about)
    for part in ("train", "validation", "test"):
        for what in ("images", "labels"):
            changed = getattr(getattr(data, part), what).clone()
            changed[-1] += 1
            split = replace(getattr(data, part), **{what: changed})
            other = replace(data, **{part: split})
            assert not sources.is_described(other, about), (part, what)
            assert sources.described(other)["digest"] != about["digest"]
    del about["digest"]  # a run of an earlier version
    assert sources.is_described(data, about)
    assert not sources.is_described(lab.load("shapes", limit=80), about)


# A folder of images


def picture(seed: int, size: tuple[int, int] = (32, 32), mode: str = "RGB") -> Image.Image:
    noise = np.random.default_rng(seed).integers(256, size=(size[1], size[0], 4), dtype=np.uint8)
    return Image.fromarray(noise, "RGBA").convert(mode)


def make_folder(folder: Path, **classes: int) -> Path:
    """Class folders with so many pictures each, no two alike."""
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            seed = int.from_bytes(f"{name}{number}".encode())
            picture(seed).save(folder / name / f"{number:03}.png")
    return folder


@pytest.fixture
def parted(tmp_path: Path) -> Path:
    """A folder with train/ and test/."""
    make_folder(tmp_path / "pets" / "train", cat=4, dog=6)
    make_folder(tmp_path / "pets" / "test", cat=2, dog=1)
    return tmp_path / "pets"


def bytes_of(split: Split) -> set[bytes]:
    return {image.permute(1, 2, 0).numpy().tobytes() for image in split.images}


def bytes_in(folder: Path) -> set[bytes]:
    """The pictures in the class folders of a folder."""
    return {Image.open(path).tobytes() for path in folder.glob("*/*")}


def test_train_and_test_folders_are_kept_apart(parted: Path) -> None:
    data = lab.load(str(parted))
    assert (data.name, data.classes) == ("pets", ("cat", "dog"))
    assert data.train.labels.bincount().tolist() == [3, 5]
    assert data.validation.labels.bincount().tolist() == [1, 1]
    assert bytes_of(data.test) == bytes_in(parted / "test")
    assert bytes_of(data.train) | bytes_of(data.validation) == bytes_in(parted / "train")


def test_class_folders_alone_are_split_class_by_class(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "birds", wren=3, owl=25, kite=10)
    data = lab.load(str(folder))
    assert data.classes == ("kite", "owl", "wren")
    assert data.test.labels.bincount().tolist() == [2, 5, 1]
    assert data.validation.labels.bincount().tolist() == [1, 2, 1]
    assert data.train.labels.bincount().tolist() == [7, 18, 1]
    parts = [bytes_of(part) for part in (data.train, data.validation, data.test)]
    assert len(set.union(*parts)) == 38


def test_pictures_of_any_kind_and_size_become_32_by_32_rgb(tmp_path: Path) -> None:
    upright = picture(1, (40, 80))
    rotated = Image.Exif()
    rotated[0x0112] = 6  # the camera was turned: show it turned by a quarter
    kinds = {
        "a-gray.png": (picture(2, mode="L"), None),
        "b-alpha.png": (picture(3, mode="RGBA"), None),
        "c-palette.PNG": (picture(4).quantize(17), None),
        "d-wide.bmp": (picture(5, (100, 61)), None),
        "e-tall.webp": (picture(6, (33, 90)), {"lossless": True}),
        "f-small.tif": (picture(7, (9, 20)), None),
        "g-moving.gif": (
            picture(8).quantize(256),
            {"save_all": True, "append_images": [picture(9).quantize(256)]},
        ),
        "h-rotated.png": (upright.transpose(Image.Transpose.ROTATE_90), {"exif": rotated}),
        "i-print.jpg": (picture(10).convert("CMYK"), None),
    }
    make_folder(tmp_path / "kinds" / "train", **dict.fromkeys(kinds, 2))
    expected = []
    for name, (image, extra) in kinds.items():
        file = tmp_path / "kinds" / "test" / name / name
        file.parent.mkdir(parents=True)
        image.save(file, **(extra or {}))
        shown = upright if "rotated" in name else Image.open(file)
        if shown.mode == "RGBA":  # what is transparent lies on white
            shown = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
        side = min(shown.size)
        corner = [(length - side) // 2 for length in reversed(shown.size)]
        square = functional.crop(shown.convert("RGB"), *corner, side, side)
        expected.append(functional.pil_to_tensor(functional.resize(square, [32, 32])))
    test = lab.load(str(tmp_path / "kinds")).test
    for image, label in zip(test.images, test.labels, strict=True):
        assert torch.equal(image, expected[label]), list(kinds)[label]


def test_hidden_files_and_files_that_are_no_images_are_ignored(parted: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "README.md", "._000.png"):
        (parted / "train" / "cat" / name).write_text("no image")
    (parted / "train" / ".cache").mkdir()
    (parted / "README.txt").write_text("all about pets")
    assert len(lab.load(str(parted)).train) == 8


def test_folders_in_class_folders_belong_to_the_class_as_in_torchvision(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "breeds", cat=3, dog=3)
    make_folder(folder / "cat", siamese=2)
    make_folder(folder / "dog" / "large", husky=4)
    picture(1).save(folder / "dog" / "large" / "web.JFIF", "PNG")
    data = lab.load(str(folder))
    theirs = {
        (image.tobytes(), label)
        for image, label in ImageFolder(
            folder, is_valid_file=lambda path: path.lower().endswith(("png", "jfif"))
        )
    }
    ours = [
        (image.permute(1, 2, 0).numpy().tobytes(), label.item())
        for part in (data.train, data.validation, data.test)
        for image, label in zip(part.images, part.labels, strict=True)
    ]
    assert len(ours) == len(theirs) == 13
    assert set(ours) == theirs


@pytest.mark.skipif(os.name == "nt", reason="Windows lets only some users make links")
def test_a_link_that_leads_back_is_followed_once_and_one_to_nowhere_is_named(parted: Path) -> None:
    (parted / "train" / "cat" / "again").symlink_to(parted / "train" / "cat")
    assert len(lab.load(str(parted)).train) == 8
    (parted / "train" / "cat" / "lost.png").symlink_to(parted / "gone.png")
    with pytest.raises(UserError, match=r"cat/lost\.png cannot be read as an image"):
        lab.load(str(parted))


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        ("train val", [8, 2, 3]),  # as of ImageNet: what there is besides is the test
        ("Train VALID", [8, 2, 3]),
        ("training Testing", [8, 2, 3]),
        ("train validation test", [10, 3, 2]),
        ("TRAIN Dev Test", [10, 3, 2]),
    ],
)
def test_the_usual_names_of_the_parts_are_understood(
    names: str, sizes: list[int], tmp_path: Path
) -> None:
    pets = tmp_path / "pets"
    counts = ({"cat": 4, "dog": 6}, {"cat": 2, "dog": 1}, {"cat": 1, "dog": 1})
    for name, classes in zip(names.split(), counts, strict=False):
        make_folder(pets / name, **classes)
    data = lab.load(str(pets))
    assert [len(part) for part in (data.train, data.validation, data.test)] == sizes
    assert bytes_of(data.test) == bytes_in(pets / names.split()[-1])


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    assert lab.load(str(make_folder(tmp_path / "on rails", train=3, tram=3))).classes == (
        "train",
        "tram",
    )


def test_what_is_not_read_is_counted_in_one_line(
    parted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.load(str(parted))
    assert capsys.readouterr().out == ""
    for name in ("IMG_1.HEIC", "IMG_2.heic", "notes"):
        (parted / "test" / "dog" / name).write_text("no image")
    picture(1).save(parted / "train" / "stray.png")
    (parted / "unsorted").mkdir()
    for _ in range(2):  # decoded, and from the cache
        lab.load(str(parted))
        assert capsys.readouterr().out == (
            "4 files and 1 folder were not read: 2 .heic, 1 .png outside of the class folders, "
            "1 without an ending, unsorted/\n"
        )


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text here")
def test_a_class_whose_name_is_no_text_is_refused_before_anything_is_trained(
    tmp_path: Path,
) -> None:
    folder = make_folder(tmp_path / "pets", cat=3, dog=3)
    os.rename(folder / "dog", os.fsencode(folder) + b"/\xff")
    with pytest.raises(UserError, match=r"cannot be shown, '\\udcff': rename it"):
        lab.load(str(folder))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes among the files here")
def test_a_pipe_among_the_pictures_is_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_folder(tmp_path / "pets", cat=3, dog=3)
    os.mkfifo(folder / "cat" / "pipe.png")
    lab.load(str(folder))
    assert capsys.readouterr().out == "1 file was not read: 1 .png that is no file\n"


def test_all_pictures_that_cannot_be_used_are_named_at_once(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pets", cat=13, dog=3)
    for file in folder.glob("cat/*"):
        file.write_bytes(b"no image")
    picture(1, mode="F").save(folder / "dog" / "000.tif")
    with pytest.raises(UserError) as error:
        lab.load(str(folder))
    first = ", ".join(str(Path("cat", f"{number:03}.png")) for number in range(10))
    assert str(error.value) == (
        f"repair or remove 14 files in {folder}: {first} and 3 more (cannot be read as an image); "
        f"{Path('dog', '000.tif')} (has pixels of mode F, whose range is unknown)"
    )


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were decoded so far."""
    paths: list[str] = []
    read = reading.read
    monkeypatch.setattr(reading, "read", lambda path: paths.append(path) or read(path))
    return paths


def test_a_folder_is_decoded_once_and_then_read_from_the_file_beside_it(
    parted: Path, decoded: list[str]
) -> None:
    first = lab.load(str(parted))
    assert len(decoded) == 13
    assert [path.name for path in parted.parent.iterdir() if path != parted] == [".pets-32x32.pt"]
    decoded.clear()
    assert same(lab.load(f"{parted}/"), first)
    assert not decoded


def test_any_change_in_a_folder_is_seen(parted: Path, decoded: list[str]) -> None:
    changed = parted / "test" / "dog" / "000.png"

    def repaint() -> None:
        picture(99).save(changed)
        os.utime(changed, ns=(0, 10**18))

    for change in (
        repaint,
        lambda: picture(98).save(parted / "test" / "dog" / "new.png"),
        changed.unlink,
        lambda: (parted / "test" / "dog" / "new.png").rename(changed),
        lambda: (parted / "train/cat/000.png").rename(parted / "train/dog/new.png"),
    ):
        lab.load(str(parted))
        decoded.clear()
        change()
        data = lab.load(str(parted))
        assert decoded
        assert bytes_of(data.test) == bytes_in(parted / "test")
    assert data.train.labels.bincount().tolist() == [2, 6]


class Evil:
    """Would run code when unpickled."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("evil"),))


def flip(file: Path, place: int) -> None:
    """Flip one bit of a file."""
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "damaged"),
    [
        (lambda cache: flip(cache, 20_000), True),  # in the pixels, which begin before
        (lambda cache: cache.write_bytes(cache.read_bytes()[:5000]), True),
        (lambda cache: cache.write_bytes(b""), True),
        (lambda cache: cache.write_bytes(pickle.dumps(Evil(), protocol=2)), True),
        (lambda cache: torch.save(Evil(), cache), True),
        (lambda cache: torch.save([1, 2], cache), False),
        (lambda cache: torch.save({**torch.load(cache), "fingerprint": "other"}, cache), False),
        (
            lambda cache: torch.save(
                {**torch.load(cache), "images": torch.zeros(13, 3, 8, 8)}, cache
            ),
            False,
        ),
    ],
    ids=["flipped bit", "cut", "empty", "pickle", "code", "foreign", "stale", "other images"],
)
def test_a_spoiled_cache_is_made_again(
    parted: Path,
    decoded: list[str],
    spoil: Callable[[Path], None],
    damaged: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(parted.parent)
    first = lab.load("pets")
    cache = parted.parent / ".pets-32x32.pt"
    spoil(cache)
    decoded.clear()
    assert same(lab.load("pets"), first)
    assert len(decoded) == 13
    line = f"{cache} is damaged: the images are read again\n"
    assert capsys.readouterr().out == (line if damaged else "")
    assert same(lab.load("pets"), first)
    assert len(decoded) == 13
    assert not Path("evil").exists()


def test_where_no_cache_can_be_written_a_folder_is_read_without(
    parted: Path, decoded: list[str]
) -> None:
    blocked = parted.parent / ".pets-32x32.pt"
    (blocked / "full").mkdir(parents=True)
    assert same(lab.load(str(parted)), lab.load(str(parted)))
    assert len(decoded) == 26
    assert set(parted.parent.iterdir()) == {parted, blocked}


def cut_an_image(folder: Path) -> None:
    file = folder / "train" / "dog" / "003.png"
    file.write_bytes(file.read_bytes()[:1000])


def empty_a_class(folder: Path) -> None:
    for file in folder.glob("train/cat/*"):
        file.rename(file.with_suffix(".txt"))


SUFFIXES = ".bmp .gif .jfif .jpeg .jpg .pgm .png .ppm .tif .tiff .webp"
FOLDERS = (
    "it needs a folder of images for each of two or more classes, or train/ and test/ with such"
)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (
            lambda folder: folder.rename(folder.with_name("gone")),
            "there is no folder {}: data is cifar10, shapes, or a folder of class folders",
        ),
        (
            lambda folder: (folder.rename(folder.with_name("gone")), folder.write_text("")),
            "{} is a file: data is cifar10, shapes, or a folder of class folders",
        ),
        (
            lambda folder: [shutil.rmtree(folder / "test" / name) for name in ("cat", "dog")],
            f"{{}}/test holds no class folders: {FOLDERS} folders",
        ),
        (
            lambda folder: [shutil.rmtree(folder / name / "cat") for name in ("test", "train")],
            f"{{}}/train holds only one class folder, dog: {FOLDERS} folders",
        ),
        (
            lambda folder: shutil.rmtree(folder / "test"),
            f"{{}} holds only one class folder, train: {FOLDERS} folders",
        ),
        (
            lambda folder: (folder / "test" / "cat").rename(folder / "test" / "lion"),
            "train/ and test/ of {} must hold the same classes: "
            "cat only in train/, lion only in test/",
        ),
        (
            empty_a_class,
            "class folder {}/train/cat holds no images: it needs at least 2, "
            f"files ending in {SUFFIXES}",
        ),
        (
            lambda folder: [(folder / f"train/cat/00{n}.png").unlink() for n in (0, 1, 3)],
            "class folder {}/train/cat holds 1 image: it needs at least 2, "
            f"files ending in {SUFFIXES}",
        ),
        (
            lambda folder: make_folder(folder / "VAL", cat=1),
            f"{{}}/VAL holds only one class folder, cat: {FOLDERS} folders",
        ),
        (
            lambda folder: make_folder(folder / "Test", cat=1, dog=1),
            "{} holds both Test/ and test/: leave one of them",
        ),
        (
            lambda folder: (folder / "train").rename(folder / "dev"),
            "{} holds dev/ and test/, but no train/",
        ),
        (
            lambda folder: (folder / "train/dog/003.png").write_bytes(
                b"\x89PNG\r\n\x1a\n and no more"
            ),
            "{}/train/dog/003.png cannot be read as an image: repair or remove it",
        ),
        (cut_an_image, "{}/train/dog/003.png cannot be read as an image: repair or remove it"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_in_one_line(
    parted: Path, spoil: Callable[[Path], None], line: str
) -> None:
    spoil(parted)
    with pytest.raises(UserError) as error:
        lab.load(str(parted))
    assert str(error.value) == line.format(parted)
    assert not (parted.parent / ".pets-32x32.pt").exists()


# CIFAR10, from a server on this machine


class Archive(http.server.BaseHTTPRequestHandler):
    """Serves an archive as its server's `mode` says: whole, cut, silent or missing."""

    def do_GET(self) -> None:
        server = self.server
        if server.mode == "silent":
            server.over.wait()
            return
        self.send_response(404 if server.mode == "missing" else 200)
        self.send_header("Content-Length", str(len(server.body)))
        self.end_headers()
        half = len(server.body) // 2
        self.wfile.write(server.body[:half] if server.mode == "cut" else server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[http.server.HTTPServer]:
    """A CIFAR10 of 120 images, where torchvision looks for the real one."""
    folder = tmp_path / "made" / CIFAR10.base_folder
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    sums = {}
    for name in [name for name, _ in CIFAR10.train_list + CIFAR10.test_list]:
        pixels = random.integers(256, size=(20, 3072), dtype=np.uint8)
        (folder / name).write_bytes(pickle.dumps({"data": pixels, "labels": [*range(10)] * 2}))
    names = [f"class {label}" for label in range(10)]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}))
    with tarfile.open(tmp_path / "made.tar.gz", "w:gz") as tar:
        tar.add(folder, CIFAR10.base_folder)
    body = (tmp_path / "made.tar.gz").read_bytes()

    sums = {file.name: hashlib.md5(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    for part in ("train_list", "test_list"):
        names = [name for name, _ in getattr(CIFAR10, part)]
        monkeypatch.setattr(CIFAR10, part, [[name, sums[name]] for name in names])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(body).hexdigest())
    monkeypatch.setenv("no_proxy", "*")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive) as server:
        server.mode, server.body, server.over = "whole", body, threading.Event()
        url = f"http://127.0.0.1:{server.server_port}/cifar-10-python.tar.gz"
        monkeypatch.setattr(CIFAR10, "url", url)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def test_cifar10_is_downloaded_once_and_split(
    server: http.server.HTTPServer, tmp_path: Path
) -> None:
    root = tmp_path / "new" / "data"
    data = lab.load("cifar10", root=root)
    server.mode = "missing"
    again = lab.load("cifar10", root=root)
    assert same(data, again)
    assert (data.name, data.classes[3]) == ("cifar10", "class 3")
    assert [len(part) for part in (data.train, data.validation, data.test)] == [90, 10, 20]
    with open(root / CIFAR10.base_folder / "test_batch", "rb") as file:
        batch = pickle.load(file)
    expected = {(row.tobytes(), label) for row, label in zip(*batch.values(), strict=True)}
    pairs = zip(data.test.images, data.test.labels, strict=True)
    assert {(image.numpy().tobytes(), label.item()) for image, label in pairs} == expected
    assert {path.name for path in root.iterdir()} == {CIFAR10.base_folder, CIFAR10.filename}


def test_the_program_of_the_page_makes_cifar10_of_jpegs(
    server: http.server.HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    _, program = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(program, "docs/training.md", "exec"), {})
    data = lab.load("data/cifar10-jpeg75")
    assert data.name == "cifar10-jpeg75"
    assert [len(part) for part in (data.train, data.validation, data.test)] == [90, 10, 20]
    for part in ("train", "test"):
        original = CIFAR10("data", train=part == "train")
        assert list(data.classes) == original.classes
        for label, name in enumerate(original.classes):
            places = [at for at, other in enumerate(original.targets) if other == label]
            files = sorted(Path("data", "cifar10-jpeg75", part, name).iterdir())
            for at, file in zip(places, files, strict=True):
                expected = io.BytesIO()
                original[at][0].save(expected, "JPEG", quality=75)
                assert file.read_bytes() == expected.getvalue()


@pytest.mark.parametrize(
    ("mode", "cause"),
    [
        ("missing", "HTTP Error 404: Not Found"),
        ("cut", "what arrived was incomplete or damaged"),
        ("silent", "the server was silent for 0.2 seconds"),
        ("offline", "Connection refused"),
    ],
)
def test_a_failed_download_is_told_in_one_line_and_leaves_nothing(
    server: http.server.HTTPServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    cause: str,
) -> None:
    monkeypatch.setattr(sources, "STALL", 0.2)
    server.mode = mode
    if mode == "offline":
        monkeypatch.setattr(CIFAR10, "url", "http://127.0.0.1:1/cifar-10-python.tar.gz")
    root = tmp_path / "data"
    if mode == "cut":
        root.mkdir()  # a folder that was there stays
    with pytest.raises(UserError) as error:
        lab.load("cifar10", root=root)
    assert str(error.value) == (
        f"CIFAR10 could not be downloaded to {root} ({cause}): try again, put "
        "cifar-10-python.tar.gz there yourself, or use --data shapes or --data FOLDER"
    )
    assert not list(root.rglob("*"))
    assert root.exists() == (mode == "cut")
    assert socket.getdefaulttimeout() is None


def test_an_archive_put_there_by_hand_is_unpacked_without_network(
    server: http.server.HTTPServer, tmp_path: Path
) -> None:
    server.mode = "missing"
    archive = tmp_path / CIFAR10.filename
    archive.write_bytes(server.body)
    assert len(lab.load("cifar10", root=tmp_path).train) == 90
    (tmp_path / CIFAR10.base_folder / "data_batch_2").write_bytes(b"damaged since")
    assert len(lab.load("cifar10", root=tmp_path).train) == 90
    assert archive.read_bytes() == server.body


def test_a_damaged_archive_put_there_by_hand_is_named_and_not_touched(
    server: http.server.HTTPServer, tmp_path: Path
) -> None:
    archive = tmp_path / CIFAR10.filename
    archive.write_bytes(server.body[:-1])
    with pytest.raises(UserError) as error:
        lab.load("cifar10", root=tmp_path)
    assert str(error.value) == (
        f"{archive} is damaged or not CIFAR10 (its MD5 sum is not {CIFAR10.tgz_md5}): "
        "remove it to download it anew, or put a good one in its place"
    )
    assert archive.read_bytes() == server.body[:-1]
    assert not (tmp_path / CIFAR10.base_folder).exists()


@pytest.mark.parametrize("form", ["archive", "unpacked", "renamed", "holds it unpacked"])
def test_cifar10_is_read_from_where_it_lies(
    form: str, server: http.server.HTTPServer, tmp_path: Path
) -> None:
    server.mode = "missing"
    place = tmp_path / "downloads"
    place.mkdir()
    (place / CIFAR10.filename).write_bytes(server.body)
    expected = lab.load("cifar10", root=place)
    if form == "archive":
        shutil.rmtree(place / CIFAR10.base_folder)
    else:
        (place / CIFAR10.filename).unlink()
    if form in ("unpacked", "renamed"):
        place = place / CIFAR10.base_folder
    if form == "renamed":
        place = place.rename(tmp_path / "cifar")
    data = lab.load(str(place))
    assert data.name == "cifar10"
    assert same(data, expected)


def test_a_cifar10_elsewhere_that_is_not_whole_is_told_in_one_line(
    server: http.server.HTTPServer, tmp_path: Path
) -> None:
    folder = tmp_path / "made" / CIFAR10.base_folder
    (folder / "test_batch").unlink()
    for source in (folder, folder.parent):
        with pytest.raises(UserError) as error:
            lab.load(str(source))
        assert str(error.value) == (
            f"{folder} is not all of CIFAR10, or damaged: unpack {CIFAR10.filename} again"
        )
    shutil.rmtree(folder)
    folder.write_text("in the way")
    archive = folder.parent / CIFAR10.filename
    archive.write_bytes(server.body)
    with pytest.raises(UserError) as error:
        lab.load(str(folder.parent))
    assert str(error.value) == (
        f"{archive} could not be unpacked beside it (File exists): "
        "unpack it elsewhere, and name that folder with --data"
    )
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, archive.name}
