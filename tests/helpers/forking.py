"""Processes of Python that begin with PyTorch loaded: to load it takes longer than most tests.

`forked([python, ...])` is the same command by way of a server that has loaded it, and forks. What
the command starts is a process as any other: arguments, folder, environment, streams and end are
its own. What depends on how Python starts needs the plain command: `PYTHONHASHSEED`, or the
loading of libraries.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
from functools import cache

LIBRARIES = [
    "filelock",
    "ignite.distributed",
    "ignite.engine",
    "ignite.handlers",
    "ignite.metrics",
    "matplotlib.figure",
    "PIL.Image",
    "torch._dynamo",  # the first optimizer loads it
    "tqdm",
]


def forked(command: list[str]) -> list[str]:
    """Return another command for the same process, where there is such a server."""
    python, *words = command
    if not sys.platform.startswith("linux"):  # to fork is not safe elsewhere
        return command
    return [python, "-I", "-S", __file__, "--ask", _start(), *words]


def python(folder: str) -> str:
    """Write a program that does the same for what `python` is started with; return its path."""
    path = os.path.join(folder, "python")
    command = shlex.join(forked([sys.executable]))
    with open(path, "w", encoding="utf-8", opener=lambda *file: os.open(*file, 0o755)) as file:
        file.write(f'#!/bin/sh\nexec {command} "$@"\n')
    return path


def share() -> None:
    """Let all processes that this one starts have one server: to load PyTorch takes seconds."""
    if sys.platform.startswith("linux"):
        os.environ["FORKS"] = _start()


@cache
def _start() -> str:
    """Start the server of this process, which ends with it; return its address."""
    import atexit
    import subprocess
    import tempfile

    if shared := os.environ.get("FORKS"):
        return shared
    folder = tempfile.TemporaryDirectory(prefix="forks-")
    address = os.path.join(folder.name, "server")
    listener = _socket()
    listener.bind(address)
    listener.listen()
    plain = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(listener.fileno())],
        cwd="/",
        env={**plain, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "7"},
        pass_fds=[listener.fileno()],
    )
    listener.close()

    def end() -> None:
        server.kill()
        server.wait()
        folder.cleanup()

    atexit.register(end)
    return address


def _socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def _ask(address: str, words: list[str]) -> int:
    """Let the server run this; return how it ended. It gets our signals and ends with us.

    A signal goes to all that it has started, as from a terminal.
    """
    import json

    server = _socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    server.connect(address)
    wish = json.dumps([words, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [wish], [0, 1, 2])
    process = int(server.recv(100))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.killpg(process, number))
    return int(server.recv(100) or -signal.SIGKILL)


def _serve(listener: socket.socket) -> list[str]:
    """Fork for each that asks; return, in the new process, what it is to run."""
    import json
    import select

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    while True:
        asking, _ = listener.accept()
        if os.fork() == 0:
            break
        asking.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    listener.close()
    wish, streams, _, _ = socket.recv_fds(asking, 1 << 20, 3)
    process = os.fork()
    if process == 0:
        os.setsid()
        asking.close()
        words, folder, environment = json.loads(wish)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        return words
    for stream in streams:
        os.close(stream)
    asking.send(str(process).encode())
    handle = os.pidfd_open(process)
    ready, _, _ = select.select([handle, asking], [], [])
    if handle not in ready:  # who asked was killed
        os.kill(process, signal.SIGKILL)
    ended = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if handle in ready:
        asking.send(str(ended).encode())
    os._exit(0)


def _become(words: list[str]) -> None:
    """Do what `python WORDS` does, in a process that has just been forked."""
    import runpy

    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if words[0] == "-u":
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
        del words[0]
    kind, *rest = words
    first = {"-c": "", "-m": os.getcwd()}.get(kind, os.path.dirname(os.path.abspath(kind)))
    sys.path[:1] = [first, *paths]
    main = sys.modules["__main__"] = type(sys)("__main__")
    if kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)
    elif kind == "-m":
        sys.argv = rest
        runpy._run_module_as_main(rest[0])  # what Python itself calls
    else:
        sys.argv = words
        runpy.run_path(kind, run_name="__main__")


def _run(words: list[str]) -> None:
    """Do it and end as Python ends, but leave it to the system to take back PyTorch's memory."""
    import atexit
    import threading

    end: object = 0
    try:
        try:
            _become(words)
        except SystemExit:
            raise
        except BaseException as error:
            sys.excepthook(type(error), error, error.__traceback__)
            end = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    except SystemExit as ended:  # a hook may end it, too
        end = ended.code or 0
    if not isinstance(end, int):
        print(end, file=sys.stderr)
        end = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if end < 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(end & 0xFF)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        for library in LIBRARIES:
            __import__(library)
        _run(_serve(socket.socket(fileno=int(sys.argv[2]))))
    else:
        end = _ask(sys.argv[2], sys.argv[3:])
        if end < 0:
            if end != -signal.SIGKILL:
                signal.signal(-end, signal.SIG_DFL)
            os.kill(os.getpid(), -end)
        sys.exit(end)
