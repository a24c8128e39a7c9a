"""The deck's server, started the way `npm start` starts it, for the tests that need one."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 30.0  # seconds: a cold start on a busy two-core machine takes about three


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free right now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def start(
    root: Path,
    port: int | str,
    env: dict[str, str] | None = None,
    output: int = subprocess.PIPE,
    command: list[str] | None = None,
) -> subprocess.Popen[str]:
    """Start in `root` what `npm start` runs, without a browser, leading a group of its own.

    `output`, a file descriptor, takes stdout and stderr; by default each is a pipe.
    """
    return subprocess.Popen(
        command or ["node", "slides/reveal/serve/present.mjs"],
        cwd=root,
        env={**os.environ, "OPEN": "0", "PORT": str(port), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        text=True,
        start_new_session=True,
    )


def stop(process: subprocess.Popen[str]) -> None:
    """End the server and whatever it may have started, and wait for it."""
    if os.name == "nt":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answers(port: int) -> bool:
    """Tell whether an HTTP server answers anything on this port."""
    connection = http.client.HTTPConnection("localhost", port, timeout=5)
    try:
        connection.request("GET", "/none")  # for "/", ours reads every deck
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True


@contextmanager
def serve(
    root: Path,
    port: int | None = None,
    env: dict[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[str]:
    """Serve the deck in `root` and yield its base URL, `http://localhost:PORT`.

    What the server prints goes to `log`. Raises RuntimeError with it when the server ends early or
    does not answer.
    """
    port = port or free_port()
    with log.open("w+b") if log else tempfile.TemporaryFile() as output:
        process = start(root, port, env, output.fileno())
        try:
            deadline = time.monotonic() + PATIENCE
            while not answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    output.seek(0)
                    said = output.read().decode(errors="replace")
                    raise RuntimeError(f"the server did not start on port {port}:\n{said}")
                time.sleep(0.05)
            yield f"http://localhost:{port}"
        finally:
            stop(process)
