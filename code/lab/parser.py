"""How every command reads its words: one line for whatever is wrong with them."""

import argparse
import sys
from typing import Any, NoReturn

from .errors import UserError


class Parser(argparse.ArgumentParser):
    """argparse prints its usage before an error; here an error is one line.

    A word that is empty, as a variable of the shell that is not set makes it, is an error, too: no
    setting means anything by it, and a path would be the current folder.
    """

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride] (of its overloads)
        self, args: Any = None, namespace: Any = None
    ) -> Any:
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
