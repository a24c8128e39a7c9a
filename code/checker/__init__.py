"""The checker of `code/exercise.py`: it tries a student's functions out, and says what to mend.

    python code/exercise.py --check

`probes` has what the functions are tried on, `points` the points of the checklist, `mistakes` the
words for what is wrong, `checklist` prints it, `coach` is what the exercise itself calls. Nothing
of it reads the text of a student's code.
"""

from .coach import Coach, paper_rows, standing

__all__ = ["Coach", "paper_rows", "standing"]
