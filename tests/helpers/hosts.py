"""Two machines on one: network namespaces, each with a name, an address and an `/etc/hosts`.

What runs on one begins with `ENTER`, and goes on as any other command; so do the processes that it
starts, in the same namespace.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from forking import forked
from running import environment

ADDRESSES = ("192.0.2.1", "192.0.2.2")  # those of docs/scale.md, which are nobody's

# It does what `python WORDS` does; but a training may be stopped, or stand still, after an epoch.
START = """
import os, runpy, signal, sys, time
words = words[words[0] == "-u":]
if words[0] == "-m":
    sys.argv = words[1:]
    runpy.run_module(words[1], run_name="__main__", alter_sys=True)
else:
    sys.path[0] = os.path.dirname(words[0])
    from lab import handlers, machine
    machine.PATIENCE = float(os.environ.get("PATIENCE", 200))
    append = handlers.History.append
    def note(self, row):
        append(self, row)
        if os.environ.get("DIES") == str(len(self.rows)):
            os.kill(os.getpid(), signal.SIGKILL)
        if os.environ.get("WAITS") == str(len(self.rows)):
            open("waits", "w").close()
            time.sleep(100)
    handlers.History.append = note
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")
"""

ENTER = """
import ctypes, os, socket, sys
name, hosts, *words = sys.argv[1:]
system = ctypes.CDLL(None, use_errno=True)
with open(f"/run/netns/{name}") as network:
    assert system.setns(network.fileno(), 0x40000000) == 0, os.strerror(ctypes.get_errno())
assert system.unshare(0x04000000 | 0x00020000) == 0  # a name and mounts of its own
socket.sethostname(name)
system.mount(b"none", b"/", None, 0x40000 | 0x4000, None)
assert system.mount(hosts.encode(), b"/etc/hosts", None, 0x1000, None) == 0
"""


def write(path: Path, command: str) -> Path:
    """Write a program that is this command of the shell."""
    path.write_text(f"#!/bin/sh\nexec {command}\n")
    path.chmod(0o755)
    return path


@dataclass(frozen=True)
class Host:
    name: str
    hosts: Path  # its /etc/hosts

    def start(self, words: list[str], cwd: Path, **variables: str) -> subprocess.Popen[str]:
        """Start `python WORDS` on it; each Python that this starts is on it, too."""
        command = forked([sys.executable, "-c", ENTER + START, self.name, str(self.hosts)])
        program = write(self.hosts.with_name(f"python-{self.name}"), f'{shlex.join(command)} "$@"')
        return subprocess.Popen(
            [*command, *words],
            cwd=cwd,
            env=environment(CUDA_VISIBLE_DEVICES="", PYTHON_EXEC=str(program), **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def called(self, *own: str) -> None:
        """Let its own name stand for these addresses in its /etc/hosts."""
        lines = ["127.0.0.1 localhost", *(f"{address} {self.name}" for address in own)]
        lines += [f"{address} machine{at}" for at, address in enumerate(ADDRESSES)]
        self.hosts.write_text("\n".join(lines) + "\n")


def two_hosts(folder: Path) -> Iterator[list[Host]]:
    """Two machines with a cable between them, by name `first-...` and `second-...`."""
    if sys.platform != "linux" or os.geteuid() or not shutil.which("ip"):
        pytest.skip("two machines on one take Linux, root and iproute2")
    hosts = [Host(f"{word}-{os.getpid()}", folder / word) for word in ("first", "second")]
    one, two = (host.name for host in hosts)

    def ip(words: str) -> None:
        subprocess.run(["ip", *words.split()], check=True)

    try:
        for host in hosts:
            ip(f"netns add {host.name}")
        ip(f"link add eth0 netns {one} type veth peer name eth0 netns {two}")
        for host, address in zip(hosts, ADDRESSES, strict=True):
            ip(f"-n {host.name} addr add {address}/24 dev eth0")
            ip(f"-n {host.name} link set eth0 up")
            ip(f"-n {host.name} link set lo up")
            host.called(address)
        yield hosts
    finally:
        for host in hosts:
            subprocess.run(["ip", "netns", "del", host.name], check=False)
