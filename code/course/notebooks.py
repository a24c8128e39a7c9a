"""Make the lessons' notebooks: code/NAME.ipynb, paired with code/NAME.py.

    python -m course.notebooks

The script is the source. In Jupyter, where jupytext is installed, saving either of a pair writes
both. Here a notebook is made where there is none, and made anew where its script has changed since.
A notebook says in its metadata which cells were written into it: whatever differs from them is
work of yours, and is never overwritten. While the script stays the same, such a notebook is left
alone; when the script changes, it is kept as NAME-before.ipynb, NAME-before-2.ipynb and so on.
"""

import hashlib
import json
import os
from itertools import count
from pathlib import Path
from typing import Any

from lab import files, machine
from lab.errors import UserError
from lab.parser import Parser
from records.folders import plain_files

CODE = Path(__file__).parents[1]
SCRIPT = "py:percent"
WRITTEN = "written_by_lab"  # the key in a notebook's metadata: a digest of the cells written


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
    wanted = jupytext.reads(files.read_text(script), fmt=SCRIPT)
    wanted.metadata[WRITTEN] = _digest(wanted)
    done = "written"
    if notebook.exists():
        try:
            there = jupytext.read(notebook)
            written, now = there.metadata.get(WRITTEN), _digest(there)
        except Exception as error:  # of jupytext, nbformat or json, for there is no end of damage
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise UserError(f"{machine.shown(notebook)}: {reason}; move it away") from None
        if _sources(there) == _sources(wanted):
            return "there already"
        # Which of the two has changed? One without a digest was made elsewhere: its date tells.
        newer = notebook.stat().st_mtime > script.stat().st_mtime
        if written == wanted.metadata[WRITTEN] or (written is None and newer):
            return (
                f"left alone: it has changed and {script.name} has not; "
                "save it in Jupyter with jupytext, or move it away"
            )
        done = "written anew from its script"
        if written != now:
            before = _free(script)
            notebook.rename(before)
            done += f"; the one before is {before.name}"
    files.write_text(notebook, jupytext.writes(wanted, fmt="ipynb"))
    # A notebook that looks newer than its script makes jupytext refuse to open the pair.
    changed = script.stat()
    os.utime(notebook, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    return done


def _free(script: Path) -> Path:
    """A name for the notebook before, which no file has."""
    names = (f"{script.stem}-before{f'-{n}' if n > 1 else ''}.ipynb" for n in count(1))
    return next(path for path in map(script.with_name, names) if not os.path.lexists(path))


def _sources(notebook: Any) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def _digest(notebook: Any) -> str:
    """A fingerprint of all that a person may have put into the cells: outputs, too."""
    cells = [
        [cell.cell_type, cell.source, cell.get("outputs", []), cell.get("attachments", {})]
        for cell in notebook.cells
    ]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


def main() -> None:
    """The command line: `python -m course.notebooks`."""
    machine.show_errors_in_one_line()
    Parser(prog="course.notebooks", description=str(__doc__).partition("\n")[0]).parse_args()
    for script in plain_files(CODE, "*.py"):
        print(f"{machine.shown(script.with_suffix('.ipynb'))}: {pair(script)}")


if __name__ == "__main__":
    main()
