"""The networks of the live slides, from their recorded runs: static/models. `make models` runs it.

    python -m course.models                     every recorded network
    python -m course.models lenet resnet        two of them
    python -m course.models --runs FOLDER       the runs are in FOLDER instead of runs

With some come the files of their slides "Watch it learn", static/learn, for which they are trained
on drawn shapes. Nothing else is trained: a network whose recorded run is not there, or whose file
would be too large or answer otherwise than the network, is named, and what is in static/models
stays.
"""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

import lab
import records
from lab import files, images, machine
from lab.batches import normalized
from lab.data import Split
from lab.onnx import export
from lab.onnx.export import LARGEST_BATCH
from lab.parser import Parser
from lab.recipe import recorded_recipe
from lab.runs import Run
from records.folders import plain_files

from . import learning, lessons
from .rounding import rounded
from .samples import SAMPLES

if TYPE_CHECKING:
    from onnx import ModelProto

MODELS = lessons.ROOT / "static" / "models"
LARGEST = 2_000_000  # bytes: a slide loads a network when it is shown
LEAST_AGREEMENT = 0.99  # share of the test images for which file and network say the same
LARGEST_ERROR = 0.02  # of a probability, on the sample pictures
READ = 384  # training images for which weights of one byte are rounded


def recorded_run(lesson: str, runs: str) -> Run:
    """The finished run that the first row of a network's record is of.

    Raises `UserError`, which says what makes it, if there is none.
    """
    there = records.read(lesson)
    if there is None:
        raise lab.UserError(f"{lesson} is not recorded: make results ARCH={lesson}")
    row = there["runs"][0]
    for run in Run.all(runs, lesson):
        about = run.read("run.json")
        if (
            recorded_recipe(about["recipe"]) == there["recipe"]
            and about["recipe"]["seed"] == row["seed"]
            and about["environment"]["commit"] == row["commit"]
            and run.has("result.json")
            and run.read("result.json")["validation_accuracy"] == row["validation_accuracy"]
        ):
            return run
    raise lab.UserError(
        f"the recorded run of {lesson} (validation accuracy {row['validation_accuracy']:.2%}, "
        f"commit {row['commit']}) is not in {runs or 'runs'}: train and record it anew with "
        f'make results ARCH={lesson} REPLACE=1 ARGS="--data FOLDER"'
    )


def samples() -> tuple[Split, list[str]]:
    """The sample pictures as a network sees them, photographs first, and their files."""
    paths = [*plain_files(SAMPLES / "photos", "*.png"), *plain_files(SAMPLES, "*.png")]
    pixels = torch.stack([torch.from_numpy(images.pixels(path, lab.data.SIZE)) for path in paths])
    return Split(pixels, torch.zeros(len(paths))), [
        path.relative_to(SAMPLES).as_posix() for path in paths
    ]


def answers(model: nn.Module, pictures: Split, about: Mapping[str, Any]) -> list[list[float]]:
    """The probability of each class that a network gives to each picture.

    Args:
        model: in eval mode.
        pictures: uint8 images; their labels are not read.
        about: the description of the data set: its mean and std.
    """
    found = []
    for batch, _ in normalized(pictures, about["mean"], about["std"], 1):
        with torch.no_grad():
            found.append([round(each, 4) for each in model(batch).softmax(1)[0].tolist()])
    return found


def difference(
    content: bytes, pictures: Split, about: Mapping[str, Any], told: list[list[float]]
) -> tuple[float, int]:
    """How far a file is from the network that it is made of.

    Args:
        content: of the file.
        pictures: uint8 images (N, C, H, W); their labels are not read.
        about: mean and std of the data set.
        told: the probabilities that the network gives them, (N, classes).

    Returns:
        the largest difference between two probabilities, and how many pictures the two take for
        different classes.
    """
    from onnxruntime import InferenceSession

    session = InferenceSession(content, providers=["CPUExecutionProvider"])
    (images, _), *_ = normalized(pictures, about["mean"], about["std"], LARGEST_BATCH)
    (logits,) = session.run(["logits"], {"images": images.numpy()})
    ours, theirs = torch.from_numpy(logits).softmax(1), torch.tensor(told)
    others = int((ours.argmax(1) != theirs.argmax(1)).sum())
    return float((ours - theirs).abs().max()), others


def content(lesson: str, runs: str) -> bytes:
    """The file of a recorded network. Raises `UserError` if the page should not have it."""
    run = recorded_run(lesson, runs)
    own = lessons.networks()[lesson]
    recipe = run.recipe(type(own.recipe))
    model = export.load_model(run, recipe, own.build)
    data = export.available(run, recipe)
    if data is None:
        raise lab.UserError(f"the images of {run} are needed to compare {lesson} with PyTorch")
    about, read = run.read("run.json")["data"], data.train.first(READ)
    pictures, names = samples()
    told = answers(model, pictures, about)

    def shrink(whole: "ModelProto") -> "ModelProto":
        batches = normalized(read, about["mean"], about["std"], LARGEST_BATCH)
        return rounded(whole, torch.cat([batch for batch, _ in batches]).numpy())

    more = {
        "samples": [
            {"file": name, "probabilities": each} for name, each in zip(names, told, strict=True)
        ]
    }
    made = export.pack(run, recipe, model, data.test, shrink, "int8", more)
    known = export.parse(made)
    agreement = known["agreement"]
    error, others = difference(made, pictures, known, told)
    if others or error > LARGEST_ERROR:
        raise lab.UserError(
            f"{lesson}.onnx would take {others} sample pictures for another class than PyTorch, "
            f"and be {error:.3f} from its probabilities: {LARGEST_ERROR} is the most that "
            "is allowed"
        )
    if agreement["same"] < LEAST_AGREEMENT * agreement["images"]:
        raise lab.UserError(
            f"{lesson}.onnx would answer as PyTorch does on {agreement['same']} of "
            f"{agreement['images']} images only: it needs {LEAST_AGREEMENT:.0%}"
        )
    if len(made) > LARGEST:
        raise lab.UserError(
            f"{lesson}.onnx would have {len(made):,} bytes, and a page may load {LARGEST:,}: "
            "make the network smaller"
        )
    return made


def main() -> None:
    """Make all files, and only then put them into static/models."""
    machine.show_errors_in_one_line()
    parser = Parser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawTextHelpFormatter
    )
    live = [name for name, lesson in lessons.networks().items() if lesson.live]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(live)}")
    parser.add_argument("--runs", default="", metavar="FOLDER", help="where the runs are")
    given = parser.parse_args()
    for name in given.names:
        if name not in live:
            raise lab.UserError(f"there is no {name} to be shown: choose from {', '.join(live)}")
    recorded = [name for name in live if records.read(name)]
    made = {name: content(name, given.runs) for name in given.names or recorded}
    MODELS.mkdir(parents=True, exist_ok=True)
    for name, whole in made.items():
        path = MODELS / f"{name}.onnx"
        files.write_bytes(path, whole)
        print(f"{machine.shown(path)}: {len(whole):,} bytes")
    learned = [name for name in learning.LEARNED if not given.names or name in given.names]
    if learned:
        learning.write(*learned)


if __name__ == "__main__":
    main()
