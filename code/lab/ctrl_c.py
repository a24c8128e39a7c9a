"""Ctrl-C while a script of ours loads PyTorch, which takes seconds: it ends in one line.

Not by an exception: one that hits NumPy's import is lost there, and the script goes on to fail.
Ctrl-C raises again from `give_back` on; other programs, notebooks among them, are left alone. So a
lesson imports `lab` before torch.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from .errors import Stopped


def _stop(number: int, frame: FrameType | None) -> None:
    if os.environ.get("RANK", "0") == "0":  # torchrun starts several, and stops them all
        os.write(2, f"{Path(sys.argv[0]).name}: stopped\n".encode())
    os._exit(Stopped.exit_code)


def give_back() -> None:
    """Let Ctrl-C raise a KeyboardInterrupt: from here on there is something to save."""
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if (
    Path(sys.argv[0]).resolve().parent.parent == Path(__file__).resolve().parents[2]
    and "torch" not in sys.modules
    and threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, _stop)
