"""`python -m draw FILE.py:NETWORK`: draw a network of one's own."""

import argparse
import ast
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from lab import machine
from lab.errors import UserError
from lab.parser import Parser

from . import KINDS, UNKNOWN, draw

EXAMPLES = """examples:
  python -m draw code/lenet.py:LeNet5 --channels 1 --size 32
  python -m draw code/resnet.py:resnet_cifar10 20 --size 32 --out resnet20.svg
  python -m draw torchvision.models:googlenet aux_logits=False init_weights=False"""


def main(words: list[str]) -> None:
    """Draw what the command line asks for, and say where it is.

    Raises:
        UserError: something on the command line cannot be used.
    """
    parser = Parser(
        prog="python -m draw",
        description="Draw a network, as SVG and as PNG, from the network itself.",
        epilog=EXAMPLES,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("network", help="FILE.py:NAME or MODULE:NAME, a class or a function")
    parser.add_argument("argument", nargs="*", help="for it: VALUE or NAME=VALUE")
    parser.add_argument("--size", type=int, default=224, help="side of the images (224)")
    parser.add_argument("--channels", type=int, default=3, help="of the images (3)")
    parser.add_argument("--kind", choices=("auto", *KINDS), default="auto", help="of figure (auto)")
    parser.add_argument(
        "--unknown", choices=UNKNOWN, default="refuse", help="operation: refuse it, or a gray box"
    )
    parser.add_argument("--title", default="", help="by default the name of the network's class")
    parser.add_argument("--out", help="where to (NAME.svg, in this folder)")
    given = parser.parse_args(words)
    if given.size < 1 or given.channels < 1:
        raise UserError("--size and --channels must be 1 or more")
    model = build(given.network, given.argument)
    path = Path(given.out or f"{type(model).__name__.lower()}.svg")
    shape = (given.channels, given.size, given.size)
    for written in draw(model, shape, path, given.kind, given.title, given.unknown):
        print(written)


def build(network: str, arguments: list[str], device: str = "meta") -> nn.Module:
    """The network of a file or module; on "meta" it has no weights, and a figure needs none."""
    where, _, name = network.rpartition(":")
    if not where:
        raise UserError(f"name the file and the network, like code/lenet.py:LeNet5, not {network}")
    builder = getattr(_load(where), name, None)
    if not callable(builder):
        raise UserError(f"{where} has no network called {name}")
    values = [_value(each) for each in arguments if "=" not in each]
    named = dict(each.split("=", 1) for each in arguments if "=" in each)
    try:
        with torch.device(device):
            model = builder(*values, **{key: _value(text) for key, text in named.items()})
    except (Exception, SystemExit) as error:  # whatever the network's own code raises
        raise UserError(f"{name} cannot be built: {error}") from error
    if not isinstance(model, nn.Module):
        raise UserError(f"{name} gives no network but {type(model).__name__}")
    return model


def _load(where: str) -> ModuleType:
    try:
        if not where.endswith(".py"):
            return importlib.import_module(where)
        path = Path(where)
        if not path.is_file():
            raise UserError(f"there is no file {where}")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.path.append(str(path.resolve().parent))  # it may import its neighbors
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the file does when it is imported
        if isinstance(error, UserError):
            raise
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{where} cannot be imported: {said}") from error
    return module


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


if __name__ == "__main__":
    sys.argv[0] = "draw"
    machine.show_errors_in_one_line()
    main(sys.argv[1:])
