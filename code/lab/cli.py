"""The command line of a lesson, made from its recipe."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar, overload

from torch import nn

from . import export, machine
from .data import SOURCES, check
from .errors import UserError
from .recipe import Options, Recipe, flag
from .runs import Run

R = TypeVar("R", bound=Recipe)
Own = TypeVar("Own", bound=Options)

# In larger batches there are too few steps for batch norms to learn what images look like.
SMOKE = {"data": "shapes", "limit": 1000, "epochs": 2, "batch_size": 16}


@overload
def command_line(
    recipe: R,
    description: str,
    arguments: Sequence[str] | None = None,
    *,
    build: Callable[[R, int], nn.Module] | None = None,
) -> tuple[R, Options]: ...


@overload
def command_line(
    recipe: R,
    description: str,
    arguments: Sequence[str] | None = None,
    *,
    build: Callable[[R, int], nn.Module] | None = None,
    options: Own,
) -> tuple[R, Own]: ...


def command_line(
    recipe: Recipe,
    description: str,
    arguments: Sequence[str] | None = None,
    *,
    build: Callable[[Any, int], nn.Module] | None = None,
    options: Options | None = None,
) -> tuple[Recipe, Options]:
    """Change a recipe as the command line says, and prepare the process for training.

    With `build`, which makes the network from the recipe and the number of classes, there is also
    `--export [RUN]`: it writes the network of a finished run as an ONNX file. A script ends there;
    a notebook goes on with that run, as after `--resume`.

    Args:
        recipe: the lesson's own recipe; its values are the defaults.
        description: what the lesson does, the first lines of `--help`.
        arguments: the words to read. By default those of the command line; in a notebook, which
            has none, those of the environment variable LAB_ARGS.
        options: the defaults of a lesson that has options of its own, besides those of all.

    Returns:
        the recipe to train with (that of the run where `--resume` names one) and the options.

    Raises:
        UserError: an unknown setting, a value out of its range, or a recipe beside `--resume`.
            In a script the user sees it as one line, and the process exits with code 2.
    """
    machine.show_errors_in_one_line()
    own = options or Options()
    parser = _parser(recipe, own, description, build is not None)
    given = vars(parser.parse_args(words(arguments)))
    wanted = given.pop("export", None)
    names = {each.name for each in fields(own)}
    chosen = {name: value for name, value in given.items() if name in names}
    changes = {name: value for name, value in given.items() if name not in names}
    if wanted is not None and build is not None:
        run = _to_export(recipe, wanted, chosen, changes)
        path = export.export(run, run.recipe(type(recipe)), build)
        _tell(path)
        if not machine.in_notebook():
            raise SystemExit
        chosen, changes = {"resume": str(run)}, {}
    if chosen.get("resume"):
        recipe, options = _resumed(recipe, own, chosen, changes)
    else:
        options = replace(own, **chosen)
        smoke: dict[str, Any] = SMOKE if options.smoke else {}
        recipe = replace(recipe, **(smoke | changes))
        recipe = replace(recipe, data=_source(recipe.data))
    machine.prepare(options)
    check(recipe.data)
    return recipe, options


def picture_folder(lesson: str, description: str, arguments: Sequence[str] | None = None) -> Path:
    """The command line of a lesson that trains nothing: where its pictures go.

    Args:
        lesson: its name, which is that of the folder.
        description: what the lesson does, the first lines of `--help`.
        arguments: the words to read, as in `command_line`.

    Returns:
        the folder, `runs/LESSON` beside code or `OUT/LESSON`, which is there.

    Raises:
        UserError: an unknown setting, or a folder that cannot be made.
    """
    machine.show_errors_in_one_line()
    parser = Parser(description=description, allow_abbrev=False)
    parser.add_argument(
        "--out", default="", metavar="NAME", help="folder for the pictures (default: runs)"
    )
    given = parser.parse_args(words(arguments))
    folder = Path(given.out or machine.home() / "runs", lesson)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot make the folder {folder}: {error.strerror}; choose another --out"
        ) from None
    return folder


def words(arguments: Sequence[str] | None) -> Sequence[str]:
    """The words of the command line, where no others are given."""
    if arguments is not None:
        return arguments
    if not machine.in_notebook():
        return sys.argv[1:]
    try:
        return shlex.split(os.environ.get("LAB_ARGS", ""))
    except ValueError as error:
        raise UserError(f"LAB_ARGS cannot be read: {error}") from None


def _source(data: str) -> str:
    """A data set's name, or its folder's whole path: a run may be resumed from another folder."""
    return data if data in SOURCES else os.path.abspath(os.path.expanduser(data))


def _resumed(
    recipe: Recipe, options: Options, chosen: dict[str, Any], changes: dict[str, Any]
) -> tuple[Recipe, Options]:
    """The recipe of a run, and its options where no others are chosen."""
    if "smoke" in chosen or changes:
        extra = "smoke" if "smoke" in chosen else next(iter(changes))
        raise UserError(f"--resume takes its recipe from the run: leave out {flag(extra)}")
    run = Run.open(chosen["resume"])
    run.check_network(recipe.network)
    saved = run.read("run.json")["options"]
    others = saved.keys() - {each.name for each in fields(options)}
    if others:
        raise UserError(f"{run}: its options are of another version of this code ({min(others)})")
    return run.recipe(type(recipe)), replace(options, **(saved | chosen))


def _to_export(recipe: Recipe, wanted: str, chosen: dict[str, Any], changes: dict[str, Any]) -> Run:
    """The finished run that is meant: the one named, or the newest with the settings given."""
    extra = [name for name in chosen if name != "out"] + ([*changes] if wanted else [])
    if extra:
        raise UserError(f"--export takes its recipe from the run: leave out {flag(extra[0])}")
    if wanted:
        run = Run.open(wanted)
        run.check_network(recipe.network)
        return run
    if "data" in changes:
        changes = changes | {"data": _source(changes["data"])}
    for run in reversed(Run.all(chosen.get("out", ""), recipe.network)):
        saved = run.saved_recipe()
        if run.has("result.json") and changes.items() <= saved.items():
            return run
    with_these = f" with {shlex.join(spelled(changes))}" if changes else ""
    raise UserError(
        f"there is no finished run of {recipe.network}{with_these} to export: train one first"
    )


def spelled(changes: dict[str, Any]) -> list[str]:
    """Settings as the words of a command line."""
    words = []
    for name, value in changes.items():
        if isinstance(value, bool):
            words.append(flag(name) if value else flag(f"no_{name}"))
        else:
            words += [flag(name), str(value)]
    return words


def refuse_unused(recipe: Recipe, default: Recipe, unused: Sequence[str]) -> None:
    """Refuse settings that a search would pass over in silence.

    Args:
        recipe: what the command line asks for.
        default: the recipe of the lesson.
        unused: names of the settings that the search does not read.

    Raises:
        UserError: one of them is not the default.
    """
    for name in unused:
        if getattr(recipe, name) != getattr(default, name):
            raise UserError(
                f"{flag(name)} is for a training, and a search does not use it: leave it out "
                "(the settings of the search are in --help)"
            )


def _tell(path: Path) -> None:
    """Say what was written, and what to do with it."""
    known = export.parse(path.read_bytes())
    print(
        f"{machine.shown(path)}: {known['title']}, {path.stat().st_size:,} bytes, "
        f"weights in {known['weights']}"
    )
    if "agreement" in known:
        same, images = known["agreement"]["same"], known["agreement"]["images"]
        print(f"first choice as in PyTorch on {same:,} of {images:,} test images")
    else:
        print("not compared with PyTorch: the run's test images are not here")
    print('to show it, drop the file on a slide "try it" of the lecture (make present)')


class Parser(argparse.ArgumentParser):
    """argparse prints its usage before an error; here an error is one line.

    A word that is empty, as a variable of the shell that is not set makes it, is an error, too: no
    setting means anything by it, and a path would be the current folder.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = sys.argv[1:] if args is None else list(args)
        for word, before in zip(words, ["", *words], strict=False):
            name, equals, value = word.partition("=")
            if not word and before.startswith("--"):
                self.error(f"{before} is given nothing")
            if not word or (word.startswith("--") and equals and not value):
                self.error(f"{name} is given nothing" if word else "an argument is empty")
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help lists the settings)")


def positive(text: str) -> int:
    """A whole number of at least 1, for the `type` of an argument."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text}")
    return int(text)


def _parser(
    recipe: Recipe, options: Options, description: str, exports: bool
) -> argparse.ArgumentParser:
    parser = Parser(
        usage="%(prog)s [--help] [SETTING ...]",
        description=description,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=32, width=98),
    )
    shared = {each.name for each in fields(Options)}
    groups = (
        ("recipe", recipe, fields(recipe)),
        ("where and how it runs", options, fields(Options)),
        ("search", options, [each for each in fields(options) if each.name not in shared]),
    )
    for title, settings, members in groups:
        group = parser.add_argument_group(title)  # argparse leaves out those without members
        for each in members:
            if "help" in each.metadata:
                _add(group, each, getattr(settings, each.name))
    if exports:
        parser.add_argument_group("instead of training").add_argument(
            "--export",
            nargs="?",
            const="",
            default=argparse.SUPPRESS,
            metavar="RUN",
            help="write the network of a finished run (default: the newest with "
            "the recipe's settings given) as an ONNX file for the live slides",
        )
    return parser


def _add(group: argparse._ArgumentGroup, each: Field, default: Any) -> None:
    # What the user did not say must stay unsaid, so that --resume can tell: no defaults here.
    settings: dict[str, Any] = {"dest": each.name, "default": argparse.SUPPRESS}
    settings["help"] = each.metadata["help"].replace("%", "%%")
    if isinstance(default, bool):
        settings["action"] = argparse.BooleanOptionalAction
        settings["help"] += f" (default: {'yes' if default else 'no'})"
    else:
        kind = type(default)
        choices = each.metadata["choices"]
        settings["type"] = _number(kind, each.name) if kind in (int, float) else kind
        settings["metavar"] = {int: "N", float: "X"}.get(kind, "NAME")
        settings["help"] += f": {', '.join(choices)}" if choices else ""
        settings["help"] += f" (default: {default})" if default != "" else ""
    group.add_argument(flag(each.name), **settings)


def _number(kind: Callable[[str], Any], name: str) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise UserError(f"{flag(name)} takes {what}, not {text}") from None

    return convert
