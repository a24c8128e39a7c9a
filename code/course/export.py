"""A network of one's own as an ONNX file that a live slide shows, with all that a slide asks for.

    python -m course.export mine.py:Network --weights best.pt --classes cat,dog
    python -m course.export mine.py:Network 10 width=2 --weights w.pt --classes a,b --size 64

A lesson's own run needs none of this: `python code/NAME.py export` knows it all.
"""

import argparse
from pathlib import Path

import torch

from draw.__main__ import build
from lab import files, machine
from lab.errors import UserError
from lab.onnx import export
from lab.parser import Parser

LARGEST = 224  # pixels a side, of what a slide makes
CIFAR10 = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


def numbers(text: str) -> list[float]:
    """Numbers with commas between them."""
    return [float(each) for each in text.split(",")]


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
    if len(given.mean) not in (1, 3) or len(given.std) != len(given.mean) or 0 in given.std:
        raise UserError(
            "--mean and --std take a number for each channel, one or three: 0.5,0.5,0.5"
        )
    if not 1 <= given.size <= LARGEST:
        raise UserError(f"--size is from 1 to {LARGEST}, not {given.size}")
    model = build(given.network, given.argument, "cpu").eval()
    weights = Path(given.weights)
    if not weights.is_file():
        raise UserError(f"there is no file {weights}")
    try:
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:  # whatever torch says of a file that is none, or of other weights
        line = str(error).splitlines()[0]
        raise UserError(f"the weights in {weights} are not of this network: {line}") from None
    shape = (len(given.mean), given.size, given.size)
    with torch.no_grad():
        count = model(torch.zeros(1, *shape)).shape[-1]
    if count != len(classes):
        raise UserError(f"the network has {count} outputs, and --classes names {len(classes)}")
    title = given.title or type(model).__name__
    about = {"title": title, "classes": classes, "dataset": given.data}
    about |= {"mean": list(given.mean), "std": list(given.std)}
    content = export.complete(model, shape, about)
    path = Path(given.out or f"{type(model).__name__.lower()}.onnx")
    files.write_bytes(path, content)
    print(f"{path}: drop it on a live slide")


if __name__ == "__main__":
    main()
