"""The checklist: graded in a process of its own that is stopped where it hangs, and printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

import torch

from lab import machine
from lab.errors import Stopped, UserError

from .mistakes import FIVE, SHOWN, explain
from .outcome import own_network_and_recipe_learn
from .points import POINTS, TITLES, Result, grade, quietly
from .work import Work

HOME = Path(__file__).parents[1]  # the folder that holds `lab`
PATIENCE = 15.0  # seconds that a point may take, and loading the file as well
TRAINING = 6  # times as long for the point that trains the student's own network
WIDTH = 64  # characters of a line of the checklist, which a slide shows
# The process that grades ends with this code where all is done, and with the next where something
# is missing: others are of a student's code, which may end the process.
GRADED = 40
LIMIT = 240.0  # seconds in all, if even the watch below hangs


def check(file: str, patience: float = PATIENCE, *, as_json: bool = False) -> int:
    """Grade a file in a process of its own, and print the checklist.

    Args:
        file: the exercise, as filled so far.
        patience: seconds that a point may take.
        as_json: print an object with `done`, `of`, the `points` and, where the check was
            `stopped`, why.

    Returns:
        0: all is done; 1: something is missing or wrong.

    Raises:
        UserError: there is no such file.
    """
    path = Path(file).absolute()
    if not path.is_file():
        raise UserError(f"there is no file {file} to check")
    again = machine.this_command("--check")
    command = [sys.executable, "-m", "checker", str(path), str(patience), again]
    if as_json:
        command.append("--json")
    paths = [str(HOME), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    sys.stdout.flush()
    printed, stopped, code = "", "", 1
    try:
        # In a folder of its own, so that nothing it writes is left.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            output = Path(scratch) / "said"
            with output.open("w") as said:
                try:
                    code = subprocess.run(
                        command,
                        cwd=scratch,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=said if as_json else None,
                        timeout=LIMIT,
                    ).returncode
                except subprocess.TimeoutExpired:
                    stopped = f"The check was stopped after {LIMIT:.0f} seconds."
            printed = output.read_text(errors="replace")
    except KeyboardInterrupt:
        raise Stopped("stopped") from None
    if code not in (GRADED, GRADED + 1):
        stopped = "The check was ended from outside: did your code use up the memory, or exit?"
    if as_json:
        print(_report(printed, stopped))
    elif stopped:
        print(f"\n{stopped}")
    return 1 if stopped else code - GRADED


def _report(said: str, stopped: str) -> str:
    """The objects that a check printed, a line each, as one.

    Its other words say why it stopped, or are a student's own, where it has come to the end.
    """
    points, words = [], []
    for line in said.splitlines():
        try:
            point = json.loads(line)
        except ValueError:  # words, or a line that was cut short
            point = None
        if isinstance(point, dict) and "passed" in point:
            points.append(point)
        else:
            words.append(line.strip())
    passed = sum(point["passed"] for point in points)
    report = {"done": passed, "of": len(POINTS), "points": points}
    why = " ".join(filter(None, [*words, stopped]))
    if why and (stopped or len(points) < len(POINTS)):
        report["stopped"] = why
    return json.dumps(report, indent=2)


def grade_file(path: Path, patience: float, again: str, *, as_json: bool = False) -> int:
    """What the process of its own does: load the file, grade it, print a line for each point.

    Arguments and result as for `check`; `again` is the command that repeats it.
    """
    out = sys.stdout
    torch.set_num_threads(1)  # several would wait for each other where other programs run, too
    with _limit(PATIENCE, str(path), "", out):
        try:
            names = _load(path)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit, too: the file may call exit()
            mistake = explain(error, {str(path)})
            reasons = _reasons(mistake.found, mistake.advice(FIVE))
            print(f"{path.name} cannot be loaded\n{reasons}", file=out)
            return 1
    work = Work(names, str(path))
    results = _watched(work, patience, out)
    if as_json:
        passed = 0
        for result in results:
            passed += result.passed
            print(json.dumps(asdict(result)), file=out, flush=True)
        return int(passed < len(POINTS))
    return show(results, work, again, out)


def _load(path: Path) -> dict[str, Any]:
    """Run a script as a module, so that only what it defines is made; return its global names."""
    module = ModuleType("students_exercise")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    sys.path.append(str(path.parent))
    with quietly():
        # Not imported: what was compiled a moment ago might be taken for what is there now.
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    return vars(module)


def _watched(work: Work, patience: float, out: TextIO) -> Iterator[Result]:
    results = grade(work)
    for point in POINTS:
        times = TRAINING if point.check is own_network_and_recipe_learn else 1
        what = f"{point.gap}: {point.text}"
        with _limit(times * patience, work.file, what, out):
            result = next(results)
        yield result


@contextmanager
def _limit(seconds: float, file: str, what: str, out: TextIO) -> Iterator[None]:
    """Give the block so much time, then end the process, with a line that says where it was.

    A thread does it: it works on every system, and gets its turn even beside an endless loop.
    `what` is what the block looks at, "" while the file is loaded.
    """
    thread = threading.get_ident()

    def stop() -> None:
        stack = traceback.extract_stack(sys._current_frames().get(thread))
        lines = [frame.lineno for frame in stack if frame.filename == file]
        where = f", in line {lines[-1]}" if lines else ""
        head = f"  [ ] {what}" if what else f"{Path(file).name} cannot be loaded"
        found = f"not finished after {seconds:g} seconds{where}"
        hint = "Is there an endless loop, or far too much work? The rest was not checked."
        print(f"{head}\n{_reasons(found, hint)}", file=out, flush=True)
        os._exit(GRADED + 1)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def show(results: Iterator[Result], work: Work, again: str, out: TextIO) -> int:
    """Print results as they come; return 0 if all are good, else 1.

    Args:
        results: of `grade`.
        work: what they are of.
        again: the command that repeats the check, "" where there is none.
        out: where to print.
    """
    passed, step, first, unfilled = 0, 0, None, set()
    for result in results:
        if result.step != step:
            step = result.step
            print(f"Step {step}: {TITLES[step]}", file=out)
        passed += result.passed
        if first is None and not result.passed:
            first = result
        if not work.open(result.gap):
            print(lines(result), file=out, flush=True)
        elif result.gap not in unfilled:  # one line for all of its points
            unfilled.add(result.gap)
            print(f"  [ ] {result.gap}: still to do, see {SHOWN[result.gap]}", file=out, flush=True)
    print(f"\n{passed} of {len(POINTS)} points done.", end=" ", file=out)
    if first is None:
        print("All five steps are there: now train it, and read the test set once.", file=out)
        return 0
    line = f" in line {work.line(first.gap)}" if work.line(first.gap) else ""
    print(f"Next: {first.gap}{line}." + (f" Then: {again}" if again else ""), file=out)
    return 1


def lines(result: Result) -> str:
    """A point as it is printed: whether it is done, and if not, what was found and a hint."""
    head = f"  [{'x' if result.passed else ' '}] {result.gap}: {result.text}"
    if result.waits:
        return f"{head} (waits for an open point above)"
    return head + ("" if result.passed else "\n" + _reasons(result.found, result.hint))


def _reasons(found: str, hint: str) -> str:
    texts = [
        textwrap.fill(text, WIDTH, initial_indent=f"      {name:7}", subsequent_indent=13 * " ")
        for name, text in (("found:", found), ("hint:", hint))
    ]
    return "\n".join(texts)
