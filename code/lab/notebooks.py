"""Make the lessons' notebooks: code/NAME.ipynb, paired with code/NAME.py.

    python -m lab.notebooks

The script is the source. In Jupyter, where jupytext is installed, saving either of a pair writes
both. Here a notebook is made where there is none, and made anew where its script has changed since;
the one before is then kept as NAME-before.ipynb. A notebook that is newer than its script and says
something else holds work of yours and is left alone.
"""

import os
from pathlib import Path
from typing import Any

from . import machine
from .cli import Parser
from .errors import UserError
from .folders import plain_files

CODE = Path(__file__).parents[1]
SCRIPT = "py:percent"


def pair(script: Path) -> str:
    """Make the notebook beside a script, or bring it up to date.

    Returns:
        what was done, for the user: `written`, `there already`, or a sentence that names the file
        which was kept or left alone.

    Raises:
        UserError: a notebook that cannot be read or written, or jupytext that is not installed.
    """
    try:
        import jupytext
    except ModuleNotFoundError:
        raise UserError("jupytext is not installed: pip install -e '.[notebooks]'") from None

    notebook = script.with_suffix(".ipynb")
    wanted = jupytext.read(script, fmt=SCRIPT)
    done = "written"
    try:
        if notebook.exists():
            there = jupytext.read(notebook)
            if _cells(there) == _cells(wanted):
                return "there already"
            if notebook.stat().st_mtime > script.stat().st_mtime:
                return (
                    f"left alone: it has changed and {script.name} has not; "
                    "save it in Jupyter with jupytext, or move it away"
                )
            before = script.with_name(f"{script.stem}-before.ipynb")
            notebook.replace(before)
            done = f"written anew from its script; the one before is {before.name}"
        jupytext.write(wanted, notebook)
    except (OSError, ValueError) as error:
        raise UserError(f"{machine.shown(notebook)}: {error}; move it away") from None
    # A notebook that looks newer than its script makes jupytext refuse to open the pair.
    changed = script.stat()
    os.utime(notebook, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    return done


def _cells(notebook: Any) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def main() -> None:
    """The command line: `python -m lab.notebooks`."""
    machine.show_errors_in_one_line()
    Parser(prog="lab.notebooks", description=__doc__.partition("\n")[0]).parse_args()
    for script in plain_files(CODE, "*.py"):
        print(f"{machine.shown(script.with_suffix('.ipynb'))}: {pair(script)}")


if __name__ == "__main__":
    main()
