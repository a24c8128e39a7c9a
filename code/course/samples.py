"""The sample pictures of the live slides that are photographs. `make samples` runs it.

    python -m course.samples --data FOLDER      ten test images, for this machine alone
    python -m course.samples --photos FOLDER    the photographs, cut again from their sources

CIFAR10's images have no clear license, so those of its test images lie in a folder that git
ignores, and that neither the site nor a PDF shows.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

from PIL import Image

import lab
from lab import images, machine
from lab.parser import Parser

from . import lessons

SAMPLES = lessons.ROOT / "static" / "samples"
SIDE, COLORS = 156, 256
MOST = 10  # test images, one of each class


class Photo(NamedTuple):
    """A square of a source; without a side, the whole of it on a white square."""

    source: str
    left: int = 0
    top: int = 0
    side: int = 0


# Where the sources come from, and their licenses, is in static/samples/photos/LICENSE.txt.
PHOTOS = {
    "airplane": Photo("f22_raptor.png"),
    "bird": Photo("duck.webp", 120, 0, 780),
    "cat": Photo("chelsea.png", 75, 0, 300),
    "deer": Photo("moose.webp", 200, 60, 560),
    "dog": Photo("dog.webp", 300, 60, 660),
    "horse": Photo("horse.webp", 540, 170, 440),
    "truck": Photo("firetruck.png"),
}


def cut(photo: Photo, folder: Path) -> Image.Image:
    """The sample of a photograph."""
    picture = images.read(folder / photo.source)
    if photo.side:
        right, bottom = photo.left + photo.side, photo.top + photo.side
        square = picture.crop((photo.left, photo.top, right, bottom))
    else:
        side = max(picture.size)
        square = Image.new("RGB", (side, side), "white")
        square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square.resize((SIDE, SIDE), Image.Resampling.LANCZOS).quantize(COLORS)


def write_photos(folder: Path) -> None:
    """Cut all photographs from their sources in a folder."""
    for name, photo in PHOTOS.items():
        cut(photo, folder).save(SAMPLES / "photos" / f"{name}.png", optimize=True)


def write_test_images(source: str) -> Path:
    """Put the first test image of each class into a folder of its own; return the folder."""
    if not lab.data.is_here(source):
        raise lab.UserError(f'{source} is not here: make samples ARGS="--data FOLDER"')
    data = lab.load(source)
    folder = SAMPLES / "test"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):  # of another data set
        old.unlink()
    labels = data.test.labels.tolist()
    for label, name in list(enumerate(data.classes))[:MOST]:
        pixels = data.test.images[labels.index(label)].permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def main() -> None:
    machine.show_errors_in_one_line()
    parser = Parser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="cifar10", metavar="NAME", help="cifar10 or a folder")
    parser.add_argument("--photos", metavar="FOLDER", help="where the sources are")
    given = parser.parse_args()
    if given.photos:
        write_photos(Path(given.photos))
        return
    folder = write_test_images(given.data)
    print(f"{machine.shown(folder)}: for the deck on this machine, not for the site")


if __name__ == "__main__":
    main()
