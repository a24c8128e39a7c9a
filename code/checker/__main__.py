"""python -m checker FILE SECONDS AGAIN [--json]: the process in which `--check` grades a file."""

import sys
from pathlib import Path

from lab import machine
from lab.errors import UserError

from .checklist import GRADED, grade_file

if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        machine.show_errors_in_one_line()
        raise UserError("python code/exercise.py --check starts this")
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a student's words
    try:
        code = GRADED + grade_file(
            Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3], as_json=len(sys.argv) == 5
        )
    except KeyboardInterrupt:
        code = 130  # the process that waits for this one says that it was stopped
    raise SystemExit(code)
