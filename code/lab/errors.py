"""The exceptions that a user is meant to read."""


class UserError(Exception):
    """Something the user can mend: one sentence that says what was wrong and what to do.

    The command line prints it without a stack trace and exits with code 2.
    """

    exit_code = 2


class Diverged(UserError):  # noqa: N818 (a word, as below)
    """The loss of a training is not a finite number any more."""


class Stopped(UserError):  # noqa: N818 (not an error: the user asked for it)
    """The user stopped a training; the sentence says how to continue it."""

    exit_code = 130  # what a shell reports for a program ended by Ctrl-C


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it has none."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
