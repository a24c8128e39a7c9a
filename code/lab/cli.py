"""The command line of a lesson, made from what it declares.

python code/NAME.py [SETTING ...]      train
python code/NAME.py resume RUN         continue a run that was stopped
python code/NAME.py export [RUN]       write the network of a finished run as an ONNX file
python code/NAME.py prove              compare it with torchvision's
python code/NAME.py show               run the demonstrations of the lesson
"""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import ignite.distributed as idist

from . import machine, proof
from .data import SOURCES, check
from .demo import show_demos
from .errors import UserError
from .lesson import Command, Lesson, NetworkLesson
from .onnx import export
from .parser import Parser
from .precision import NAMES
from .recipe import Options, Recipe, flag
from .runs import Run
from .training import Trained, train

R = TypeVar("R", bound=Recipe)
Own = TypeVar("Own", bound=Options)

# In larger batches there are too few steps for batch norms to learn what images look like.
SMOKE: dict[str, Any] = {"data": "shapes", "limit": 1000, "epochs": 2, "batch_size": 16}
SMOKE_LR = 0.05  # at most: so small batches bear no more


def main(lesson: NetworkLesson[R], argv: Sequence[str] | None = None) -> Trained:
    """Do what the command line of a lesson says: train, unless it names another command.

    After another command than `resume` a script ends here.

    Args:
        lesson: what the lesson declares.
        argv: the words to read. By default those of the command line; in a notebook, which has
            none, those of the environment variable LAB_ARGS.

    Raises `UserError`: an unknown command or setting, or a value out of its range. In a script the
    user sees it as one line, and the process exits with code 2.
    """
    machine.show_errors_in_one_line()
    words = list(arguments(argv))
    if not words or words[0].startswith("-"):
        return _train(lesson, words)
    command, *words = words
    if command == "resume":
        return _resume(lesson, words)
    others: dict[str, Callable[[Sequence[str]], int | None]] = {
        "export": partial(_export, lesson),
        "prove": partial(_prove, lesson),
        "show": partial(_show, lesson),
        **{name: partial(_other, each) for name, each in lesson.commands.items()},
    }
    if command not in others:
        raise UserError(
            f"there is no command {command}: {', '.join(['resume', *others])}, "
            "or settings alone, which train"
        )
    if machine.in_notebook():
        raise UserError(f"{command} is a command of the script: python code/{lesson.name}.py")
    raise SystemExit(others[command](words))


def _train(lesson: NetworkLesson[R], words: Sequence[str]) -> Trained:
    others = ["resume RUN", "export [RUN] (ONNX)", "show (demonstrations)", *lesson.commands]
    if lesson.same_as:
        others.insert(2, "prove (against torchvision)")
    recipe, options = command_line(
        lesson.recipe,
        f"{lesson.title}: train it on CIFAR10 or on images of yours.",
        words,
        options=lesson.options,
        epilog=f"other commands: {', '.join(others)}",
    )
    if lesson.same_as and idist.get_rank() == 0:
        change = proof.changed(lesson.same_as)
        if change:
            print(change)
    return train(lesson.build, recipe, options)


def _resume(lesson: NetworkLesson[R], words: Sequence[str]) -> Trained:
    parser = _parser(None, lesson.options, "Continue a run that was stopped.", hidden=("smoke",))
    parser.add_argument("run", metavar="RUN", help="its folder, runs/NETWORK/TIME-SEED")
    given = vars(parser.parse_args(words))
    run = Run.open(given.pop("run"))
    run.check_network(lesson.name)
    recipe = run.recipe(type(lesson.recipe))
    about = run.read("run.json")
    # As it was settled: an "auto" may stand for another one here.
    saved = about["options"] | {"precision": NAMES.get(about["environment"]["precision"], "auto")}
    others = saved.keys() - {each.name for each in fields(Options)}
    if others:
        raise UserError(f"{run}: its options are of another version of this code ({min(others)})")
    options = replace(lesson.options, resume=str(run), **(saved | given))
    machine.prepare(options)
    check(recipe.data)
    return train(lesson.build, recipe, options)


def _export(lesson: NetworkLesson[R], words: Sequence[str]) -> None:
    parser = Parser(description="Write the network of a finished run as an ONNX file.")
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="its folder (default: the newest that is finished)"
    )
    parser.add_argument("--out", default="", metavar="NAME", help="where runs are (default: runs)")
    given = parser.parse_args(words)
    if given.run:
        run = Run.open(given.run)
        run.check_network(lesson.name)
    else:
        finished = [run for run in Run.all(given.out, lesson.name) if run.has("result.json")]
        if not finished:
            raise UserError(f"there is no finished run of {lesson.name}: train one first")
        run = finished[-1]
    _tell(export.export(run, run.recipe(type(lesson.recipe)), lesson.build))


def _prove(lesson: NetworkLesson[R], words: Sequence[str]) -> int:
    Parser(description="Compare the network with torchvision's.").parse_args(words)
    if lesson.same_as is None:
        raise UserError(f"torchvision has no {lesson.title} to compare with")
    proven = proof.prove(lesson.same_as)
    print(proven)
    return 0 if proven.holds else 1


def _show(lesson: NetworkLesson[R], words: Sequence[str]) -> None:
    Parser(description="Run the demonstrations of the lesson.").parse_args(words)
    show_demos()


def smoke(command: Command[R]) -> None:
    """Run a command of a lesson for seconds, and keep nothing of it: a demonstration."""
    _other(command, ["--smoke", "--no-progress"])


def _other(command: Command[R], words: Sequence[str]) -> None:
    recipe, options = command_line(
        command.recipe,
        command.help,
        words,
        options=command.options,
        hidden=command.hidden,
        small=command.smoke,
    )
    if options.smoke:
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            command.run(recipe, replace(options, out=folder))
    else:
        print(f"train it: {machine.this_command()} {command.run(recipe, options)}")


def command_line(
    recipe: R,
    description: str,
    argv: Sequence[str],
    *,
    options: Own,
    hidden: Sequence[str] = (),
    epilog: str = "",
    small: Mapping[str, Any] | None = None,
) -> tuple[R, Own]:
    """Change a recipe and options as words say, and prepare the process for training.

    `hidden` names fields that are no settings here; `small` has the values of settings that
    `--smoke` stands for, besides those of all lessons. Raises `UserError`: an unknown setting, or a
    value out of its range.
    """
    parser = _parser(recipe, options, description, hidden=hidden, epilog=epilog)
    given = vars(parser.parse_args(argv))
    if given.get("smoke", options.smoke):
        given = SMOKE | {"lr": min(recipe.lr, SMOKE_LR)} | dict(small or {}) | given
    names = {each.name for each in fields(options)}
    options = replace(options, **{name: given[name] for name in given if name in names})
    recipe = replace(recipe, **{name: given[name] for name in given if name not in names})
    if recipe.data not in SOURCES:  # a run may be resumed from another folder
        recipe = replace(recipe, data=os.path.abspath(os.path.expanduser(recipe.data)))
    machine.prepare(options)
    check(recipe.data)
    return recipe, options


def demonstrate(lesson: Lesson, argv: Sequence[str] | None = None) -> None:
    """The command line of a lesson that trains nothing: run its demonstrations.

    A notebook has run them all by then. Arguments and errors as of `main`.
    """
    machine.show_errors_in_one_line()
    Parser(description=lesson.idea, allow_abbrev=False).parse_args(arguments(argv))
    if not machine.in_notebook():
        print(f"{lesson.name}.py trains nothing; it shows:")
        show_demos()


def arguments(argv: Sequence[str] | None) -> Sequence[str]:
    """The words of the command line, where no others are given."""
    if argv is not None:
        return argv
    if not machine.in_notebook():
        return sys.argv[1:]
    try:
        return shlex.split(os.environ.get("LAB_ARGS", ""))
    except ValueError as error:
        raise UserError(f"LAB_ARGS cannot be read: {error}") from None


def _tell(path: Path) -> None:
    """Say what was written, and what to do with it."""
    content = path.read_bytes()
    known = export.parse(content)
    what = f"{known['title']}, {len(content):,} bytes, weights in {known['weights']}"
    print(f"{machine.shown(path)}: {what}")
    if "agreement" in known:
        same, images = known["agreement"]["same"], known["agreement"]["images"]
        print(f"first choice as in PyTorch on {same:,} of {images:,} test images")
    else:
        print("not compared with PyTorch: the run's test images are not here")
    if known["recipe"].get("tta"):
        print("it states no accuracy: the run's is of two answers an image (--tta)")
    print('to show it, drop the file on a slide "try it" of the lecture (make present)')


def _parser(
    recipe: Recipe | None,
    options: Options,
    description: str,
    *,
    hidden: Sequence[str] = (),
    epilog: str = "",
) -> Parser:
    """A parser of the settings in a recipe and in options."""
    parser = Parser(
        usage="%(prog)s [--help] [SETTING ...]",
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=32, width=98),
    )
    for title, settings in (("recipe", recipe), ("where and how it runs", options)):
        group = parser.add_argument_group(title)  # argparse leaves out those without members
        for each in fields(settings) if settings else ():
            if "help" in each.metadata and each.name not in hidden:
                _add(group, each, getattr(settings, each.name))
    return parser


def _add(group: argparse._ArgumentGroup, each: Field[Any], default: Any) -> None:
    # What the user did not say must stay unsaid, so that `resume` can tell: no defaults here.
    settings: dict[str, Any] = {"dest": each.name, "default": argparse.SUPPRESS}
    settings["help"] = each.metadata["help"].replace("%", "%%")
    if isinstance(default, bool):
        settings["action"] = argparse.BooleanOptionalAction
        settings["help"] += f" (default: {'yes' if default else 'no'})"
    else:
        kind = type(default)
        choices = each.metadata["choices"]
        settings["type"] = kind
        settings["metavar"] = {int: "N", float: "X"}.get(kind, "NAME")
        settings["help"] += f": {', '.join(choices)}" if choices else ""
        settings["help"] += f" (default: {default})" if default != "" else ""
    group.add_argument(flag(each.name), **settings)
