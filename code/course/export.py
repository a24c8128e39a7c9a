"""A network of one's own as an ONNX file that a live slide shows, with all that a slide asks for.

    python -m course.export mine.py:Network --weights best.pt --classes cat,dog
    python -m course.export mine.py:Network 10 width=2 --weights w.pt --classes a,b --size 64

A lesson's own run needs none of this: `python code/NAME.py export` knows it all.
"""

import argparse
import math
from pathlib import Path

import torch
from torch import nn

from draw.__main__ import build
from lab import files, machine
from lab.errors import UserError
from lab.onnx import export
from lab.parser import Parser

LARGEST = 224  # pixels a side, of what a slide makes
CIFAR10 = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


def numbers(text: str) -> list[float]:
    """Finite numbers with commas between them."""
    found = [float(each) for each in text.split(",")]
    if not all(map(math.isfinite, found)):
        raise ValueError
    return found


def told(error: BaseException) -> str:
    """What somebody else's code or torch says of its fault, in one line: the first that has it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if not line.endswith(":")), type(error).__name__)
    return said.removesuffix(".")


def is_ours(path: Path) -> bool:
    """Whether a file says what only such a file says."""
    try:
        return bool(export.parse(path.read_bytes()))
    except Exception:  # whatever protobuf says of what is no ONNX file, or one without it
        return False


def load_weights(model: nn.Module, path: Path) -> None:
    """Give a network the weights in a file."""
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    how = "write them with torch.save(network.state_dict(), FILE)"
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # whatever torch says of a file that is none, or that holds a whole network
        raise UserError(f"{path} is no file of weights alone: {how}") from None
    try:
        model.load_state_dict(weights)
    except Exception as error:
        said = f"the weights in {path} are not of this network: {told(error)}; {how}"
        raise UserError(said) from None


def count_outputs(model: nn.Module, shape: tuple[int, ...]) -> int:
    """For how many classes a network gives an answer."""
    size = "x".join(map(str, shape))
    try:
        with torch.no_grad():
            answer = model(torch.zeros(1, *shape))
    except Exception as error:  # whatever the network's own code raises
        raise UserError(
            f"the network fails on an image of {size} ({told(error)}): --size is the side,"
            " and --mean has a number for each channel"
        ) from error
    if not (isinstance(answer, torch.Tensor) and answer.ndim == 2 and len(answer) == 1):
        raise UserError("the network must give one number for each class, (N, classes)")
    if not answer.isfinite().all():
        raise UserError("the network answers with numbers that are not finite: train it again")
    return answer.shape[1]


def main() -> None:
    """Write the file that the command line asks for."""
    machine.show_errors_in_one_line()
    parser = Parser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawTextHelpFormatter
    )
    mean, std = CIFAR10
    parser.add_argument("network", help="FILE.py:NAME or MODULE:NAME, a class or a function")
    parser.add_argument("argument", nargs="*", help="for it: VALUE or NAME=VALUE")
    parser.add_argument("--weights", required=True, help="what torch.save wrote: its state_dict")
    parser.add_argument("--classes", required=True, help="their names, with commas")
    parser.add_argument("--size", type=int, default=32, help="side of the images (32)")
    parser.add_argument("--mean", type=numbers, default=mean, help="of each channel (CIFAR10's)")
    parser.add_argument("--std", type=numbers, default=std, help="of each channel (CIFAR10's)")
    parser.add_argument("--data", default="images of their own", help="what it was trained on")
    parser.add_argument("--title", help="by default the name of the network's class")
    parser.add_argument("--out", help="where to (NAME.onnx, in this folder)")
    given = parser.parse_args()
    classes = [name.strip() for name in given.classes.split(",")]
    if len(given.mean) not in (1, 3) or len(given.std) != len(given.mean) or min(given.std) <= 0:
        raise UserError(
            "--mean and --std take a number for each channel, one or three, and --std none that is "
            "not above 0: 0.5,0.5,0.5"
        )
    if "" in classes or len(set(classes)) < len(classes):
        raise UserError("--classes takes a name of its own for each class: cat,dog")
    if given.out and not given.out.endswith(".onnx"):
        raise UserError(f"--out is an ONNX file, FOLDER/NAME.onnx, not {given.out}")
    if not 1 <= given.size <= LARGEST:
        raise UserError(f"--size is from 1 to {LARGEST}, not {given.size}")
    model = build(given.network, given.argument, "cpu").eval()
    if not list(model.children()):
        raise UserError("the network must be made of layers, each of them an nn.Module")
    load_weights(model, Path(given.weights))
    shape = (len(given.mean), given.size, given.size)
    count = count_outputs(model, shape)
    if count != len(classes):
        raise UserError(f"the network has {count} outputs, and --classes names {len(classes)}")
    title = given.title or type(model).__name__
    about = {"title": title, "classes": classes, "dataset": given.data}
    about |= {"mean": list(given.mean), "std": list(given.std)}
    content = export.complete(model, shape, about)
    path = Path(given.out or f"{type(model).__name__.lower()}.onnx")
    if path.is_file() and not is_ours(path):
        raise UserError(
            f"{path} is there and was not written by this command: choose another --out"
        )
    files.write_bytes(path, content)
    print(f"{path}: drop it on a live slide")


if __name__ == "__main__":
    main()
