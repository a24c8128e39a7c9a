"""The command line of a lesson, made from its recipe."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar, overload

from . import machine
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
    recipe: R, description: str, arguments: Sequence[str] | None = None
) -> tuple[R, Options]: ...


@overload
def command_line(
    recipe: R, description: str, arguments: Sequence[str] | None = None, *, options: Own
) -> tuple[R, Own]: ...


def command_line(
    recipe: Recipe,
    description: str,
    arguments: Sequence[str] | None = None,
    *,
    options: Options | None = None,
) -> tuple[Recipe, Options]:
    """Change a recipe as the command line says, and prepare the process for training.

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
    given = vars(_parser(recipe, own, description).parse_args(_words(arguments)))
    names = {each.name for each in fields(own)}
    chosen = {name: value for name, value in given.items() if name in names}
    changes = {name: value for name, value in given.items() if name not in names}
    if chosen.get("resume"):
        recipe, options = _resumed(recipe, own, chosen, changes)
    else:
        options = replace(own, **chosen)
        smoke: dict[str, Any] = SMOKE if options.smoke else {}
        recipe = replace(recipe, **(smoke | changes))
        if recipe.data not in SOURCES:
            # A run may be resumed from another folder.
            recipe = replace(recipe, data=os.path.abspath(os.path.expanduser(recipe.data)))
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
    given = parser.parse_args(_words(arguments))
    folder = Path(given.out or machine.home() / "runs", lesson)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot make the folder {folder}: {error.strerror}; choose another --out"
        ) from None
    return folder


def _words(arguments: Sequence[str] | None) -> Sequence[str]:
    """The words of the command line, where no others are given."""
    if arguments is not None:
        return arguments
    return shlex.split(os.environ.get("LAB_ARGS", "")) if machine.in_notebook() else sys.argv[1:]


def _resumed(
    recipe: Recipe, options: Options, chosen: dict[str, Any], changes: dict[str, Any]
) -> tuple[Recipe, Options]:
    """The recipe of a run, and its options where no others are chosen."""
    if "smoke" in chosen or changes:
        extra = "smoke" if "smoke" in chosen else next(iter(changes))
        raise UserError(f"--resume takes its recipe from the run: leave out {flag(extra)}")
    run = Run.open(chosen["resume"])
    run.check_network(recipe.network)
    return run.recipe(type(recipe)), replace(options, **(run.read("run.json")["options"] | chosen))


class Parser(argparse.ArgumentParser):
    """argparse prints its usage before an error; here an error is one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help lists the settings)")


def _parser(recipe: Recipe, options: Options, description: str) -> argparse.ArgumentParser:
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
