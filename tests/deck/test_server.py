"""`npm start` on a network of strangers: what it serves, to whom, and what it survives."""

from __future__ import annotations

import base64
import html
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

from building import changed
from conftest import ROOT, copy_shortened
from course.serving import answers, free_port, serve, start, stop
from decks import PROGRAM, write_cases, write_litter

SECRET = "the-word-that-must-not-get-out"

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@dataclass
class Presentation:
    """A running server, the copy of the repository that it serves, and all it has printed."""

    root: Path
    port: int
    log: Path

    def get(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, str]:
        """Return status, headers and text of the answer to one well-formed request."""
        with closing(http.client.HTTPConnection("localhost", self.port, timeout=10)) as connection:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode(errors="replace")

    def send(self, request: bytes) -> bytes:
        """Return what comes back for bytes that no HTTP library would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            received = b""
            while b"\r\n\r\n" not in received and (part := connection.recv(4096)):
                received += part
            return received

    def printed_since(self, size: int) -> list[str]:
        """Return the lines printed after the log had `size` bytes."""
        return self.log.read_bytes()[size:].decode().splitlines()


# As ours, but for one deck, after whose page something goes wrong; some files go as they are read.
LATE = """
import fs from 'node:fs';
import preprocess from './expand/preprocess.mjs';
const open = fs.createReadStream;
fs.createReadStream = (file, ...more) => open(file.replace(/going\\w+$/, 'gone'), ...more);
export default (text, options) => {
  if (text.includes('# Late')) {
    setTimeout(() => { throw new Error('late'); });
    Promise.reject(new Error('unheard'));
  }
  return preprocess(text, options);
};
"""


def surround(root: Path) -> None:
    """Put secrets around the deck in `root` that its server must keep, and a file to change."""
    for secret in [".git/config", "runs/secret.txt", "data/secret.txt", "slides/.hidden.md"]:
        (root / secret).parent.mkdir(exist_ok=True)
        (root / secret).write_text(SECRET)
    (root / "code" / "watched.py").write_text("shown = 1\n")
    for name in ["lab/helper.py", "notes.txt"]:
        (root / "code" / name).parent.mkdir(exist_ok=True)
        (root / "code" / name).write_text(SECRET)
    # Links are how a student "mounts" a data folder; they must not publish it.
    for link in ("slides/leak.md", "static/leak.txt", "code/leak.py"):
        (root / link).symlink_to(root / "runs" / "secret.txt")
    (root / "static" / "leak").symlink_to(root / "runs")
    (root / "slides" / "reveal" / "late.mjs").write_text(LATE)
    settings = json.loads((root / "reveal-md.json").read_text())
    settings["preprocessor"] = "slides/reveal/late.mjs"
    (root / "reveal-md.json").write_text(json.dumps(settings))


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Presentation]:
    root = copy_shortened(tmp_path_factory.mktemp("deck"))
    surround(root)
    port, log = free_port(), root / "runs" / "log.txt"
    with serve(root, port, log=log):
        yield Presentation(root, port, log)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/architectures.md", "text/html"),
        ("/architectures.md?view=print&x=%zz", "text/html"),
        ("/architectures.md?.html", "text/html"),
        ("/_assets/static/css/evo.css", "text/css"),
        ("/css/highlight/zenburn.css", "text/css"),
        ("/dist/reveal.js", "application/javascript"),
        ("/plugin/notes/notes.js", "application/javascript"),
        ("/livereload.js", "text/javascript"),
        ("/_assets/code/lenet.py", "text/plain"),
        ("/check/strip.js", "text/javascript"),
        ("/check/architectures.json", "application/json"),
        ("/favicon.ico", "image/x-icon"),
    ],
)
def test_the_deck_and_its_assets_are_served(deck: Presentation, path: str, kind: str) -> None:
    status, headers, _ = deck.get(path)
    assert (status, headers.get_content_type()) == (200, kind)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["frame-ancestors"] == "'self'"
    assert "unsafe-inline" not in policy["script-src"]
    assert not [name for name in headers if name.lower().startswith("access-control-")]
    assert "X-Powered-By" not in headers


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_file_that_goes_as_it_is_read_gets_a_whole_page(deck: Presentation, size: int) -> None:
    deck.get("/architectures.md")  # loads what makes it go
    (deck.root / "static" / f"going{size}").write_text("x" * size)
    for headers in ({}, {"Range": "bytes=0-"}):
        status, told, page = deck.get(f"/_assets/static/going{size}", headers=headers)
        assert (status, told["Content-Range"]) == (404, None)
        assert page.endswith("</html>\n")


def test_a_deck_is_listed_by_the_title_of_its_page(deck: Presentation) -> None:
    (deck.root / "slides" / "untitled.md").write_text("<!-- .slide: -->\n\n## My *own* max_pool\n")
    assert "<title>My own max_pool</title>" in deck.get("/untitled.md")[2]
    assert '<a href="untitled.md">My own max_pool</a>' in html.unescape(deck.get("/")[2])


def test_an_asset_whose_name_needs_escaping_is_served(deck: Presentation) -> None:
    (deck.root / "static" / "img" / "größe 1.svg").write_text("<svg/>")
    assert deck.get("/_assets/static/img/gr%C3%B6%C3%9Fe%201.svg")[0] == 200


def test_a_page_that_a_lecturer_made_may_have_scripts_inside(deck: Presentation) -> None:
    (deck.root / "static" / "plot.html").write_text("<script>draw()</script>")
    status, headers, _ = deck.get("/_assets/static/plot.html?large")
    assert (status, headers["Content-Security-Policy"]) == (200, None)


def test_a_part_that_a_file_does_not_have_is_refused(deck: Presentation) -> None:
    beyond = {"Range": "bytes=999999999-"}
    status, headers, _ = deck.get("/_assets/static/css/evo.css", headers=beyond)
    size = (deck.root / "static" / "css" / "evo.css").stat().st_size
    assert (status, headers["Content-Range"]) == (416, f"bytes */{size}")


def test_without_its_own_pages_the_server_still_answers(deck: Presentation) -> None:
    page = deck.root / "slides" / "reveal" / "serve" / "sentence.html"
    with changed(page, ""):
        page.unlink()
        status, headers, text = deck.get("/nothing.md")
        assert (status, headers.get_content_type()) == (404, "text/plain")
        assert text == "There is nothing to send for this request."


OUTSIDE = r"""
/.git/config /_assets/.git/config /_assets/runs/secret.txt /_assets/data/secret.txt
/_assets/static/../runs/secret.txt /_assets/static/..%2fruns/secret.txt
/_assets/static/%2e%2e/runs/secret.txt /_assets/static/%252e%252e/runs/secret.txt
/_assets/static/..\runs\secret.txt /_assets/static/..%5Cruns%5Csecret.txt
/_assets/static//../../runs/secret.txt /_assets//runs/secret.txt //runs/secret.txt
/../runs/secret.txt /..%2fruns%2fsecret.txt /runs%2Fsecret.txt%3Fa.md
/runs/secret.txt%3Fa.md /.hidden.md /leak.md /_assets/static/leak.txt
/_assets/static/leak/secret.txt /_assets/code/leak.py
"""


@pytest.mark.parametrize("path", OUTSIDE.split())
def test_no_address_leads_out_of_the_deck(deck: Presentation, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    received = deck.send(request.encode())
    assert re.match(rb"HTTP/1\.1 (400|403|404) ", received)
    assert SECRET.encode() not in received


BESIDE = r"""
/package.json /_assets/package.json /_assets/code/lab/helper.py /_assets/code/notes.txt
/_assets/code/ /_assets/node_modules/reveal-md/package.json
/_assets/slides/reveal/serve/server.mjs /code/watched.py /node_modules/reveal-md/package.json
/reveal/server.mjs /mermaid/package.json /_assets/static /_assets/static/ /dist/ /nothing
/nothing.md /check/nothing.json /check/check.mjs /reveal/nothing.md
"""


@pytest.mark.parametrize("path", BESIDE.split())
def test_nothing_beside_the_deck_is_served(deck: Presentation, path: str) -> None:
    assert deck.get(path)[0] == 404


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /%E0%A4%A/x.md HTTP/1.1",
        b"GET /architectures%2emd HTTP/1.1",
        b"GET /_assets%2Fstatic/css/evo.css HTTP/1.1",
        b"GET /% HTTP/1.1",
        b"GET /%zz HTTP/1.1",
        b"GET /architectures.md%00.png HTTP/1.1",
        b"GET /architectures.md\x00 HTTP/1.1",
        b"GET /" + b"a" * 10_000 + b".md HTTP/1.1",
        b"GET /architectures.md?" + b"a" * 10_000 + b" HTTP/1.1",
        b"GET /" + b"%41" * 200 + b".md HTTP/1.1",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1",
        b"GET architectures.md HTTP/1.1",
        b"GET http://stranger.example/architectures.md HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET /\xff\xfe HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"OPTIONS /architectures.md HTTP/1.1",
        b"POST /architectures.md HTTP/1.1",
        b"PUT /_assets/static/new.css HTTP/1.1",
        b"DELETE /architectures.md HTTP/1.1",
        b"TRACE / HTTP/1.1",
        b"CONNECT localhost:22 HTTP/1.1",
        b"\x16\x03\x01 this is no HTTP",
    ],
)
def test_a_strange_request_is_refused_and_harms_nothing(
    deck: Presentation, request_line: bytes
) -> None:
    received = deck.send(request_line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert not received or re.match(rb"HTTP/1\.1 4\d\d ", received)
    assert deck.get("/architectures.md")[0] == 200


@pytest.mark.skipif(os.name == "nt", reason="no such file names")
def test_an_address_has_one_reading(deck: Presentation) -> None:
    # Decoded once more, or cut at its question mark, each would name another file.
    for name, address in [("what?.md", "/what%3F.md"), ("100%41.md", "/100%2541.md")]:
        (deck.root / "slides" / name).write_text("# Slide\n")
        assert deck.get(address)[0] == 400
        (deck.root / "slides" / name).unlink()


def test_only_local_names_reach_the_deck(deck: Presentation) -> None:
    def status(host: str) -> int:
        return deck.get("/architectures.md", headers={"Host": host})[0]

    ours = ["localhost", f"LOCALHOST:{deck.port}", "127.0.0.1:8000", f"[::1]:{deck.port}"]
    theirs = ["stranger.example", f"stranger.example:{deck.port}", "localhost.stranger.example"]
    theirs += ["", "127.0.0.1.stranger.example", "localhost@stranger.example", "192.0.2.1"]
    assert [status(host) for host in ours] == [200] * len(ours)
    assert [status(host) for host in theirs] == [421] * len(theirs)


@on_linux
def test_only_this_machine_can_connect(deck: Presentation) -> None:
    listening = {}
    for table in ["tcp", "tcp6"]:
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A":
                listening[rest[5]] = local.rsplit(":", 1)
    loopback = {"0100007F", "00000000000000000000000001000000"}
    inode = next(inode for inode, (_, port) in listening.items() if int(port, 16) == deck.port)
    processes = Path("/proc").glob("[0-9]*")
    server = next(process for process in processes if inode in sockets(process))
    held = [listening[inode] for inode in sockets(server) if inode in listening]
    assert {int(port, 16) for _, port in held} == {deck.port}
    assert {address for address, _ in held} <= loopback

    others = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    for address in others:
        with pytest.raises(OSError, match=r"refused|unreachable"):
            socket.create_connection((address, deck.port), timeout=5).close()


def sockets(process: Path) -> set[str]:
    """Return the inodes of the sockets that a process holds; none if it is gone or not ours."""
    try:
        links = [os.readlink(handle) for handle in (process / "fd").iterdir()]
    except OSError:
        return set()
    return {link[8:-1] for link in links if link.startswith("socket:[")}


# Front matter of a deck, and what its author is told of it.
BROKEN = {
    "title: [open\nauthor: : me": "the front matter is not valid YAML (line 3)",
    f"title: {PROGRAM}": "the front matter is not valid YAML (line 2): unknown tag",
    "preprocessor: slides/broken.mjs": "front matter: preprocessor is no setting of a deck",
    "template: data/secret.txt": "front matter: template is no setting of a deck",
    "slides": "front matter: it is not a set of names and values",
    "separator: 5": "front matter: separator is not a text",
}


@pytest.mark.parametrize("front", BROKEN)
def test_a_broken_deck_tells_its_author_why_and_spares_the_others(
    deck: Presentation, front: str
) -> None:
    broken, program = (deck.root / "slides" / f"broken.{kind}" for kind in ("md", "mjs"))
    broken.write_text(f"---\n{front}\n---\n# Slide\n")
    program.write_text("export default () => process.exit(3);")
    try:
        before = deck.log.stat().st_size
        status, _, page = deck.get("/broken.md")
        lines = deck.printed_since(before)
        listing = deck.get("/")[0]
    finally:
        broken.unlink()
        program.unlink()
    assert (status, listing) == (500, 200)
    sentence = f"broken.md cannot be shown: {BROKEN[front]}"
    assert sentence in html.unescape(page)
    # The watcher may speak in between, of a file that another test took away.
    of_the_deck = [line for line in lines if line.startswith("broken.md")]
    assert [line[: len(sentence)] for line in of_the_deck] == [sentence]
    for told in [page, *lines]:
        assert str(deck.root) not in told
        assert "    at " not in told
    assert deck.get("/architectures.md")[0] == 200


# A deck, and what its only slide says of it.
UNREADABLE = [
    (
        b"---\ntheme: none\nhighlightTheme: dark2\ncss: own.css\n---\n# Slide\n",
        ["no static/css/none.css", "highlight.js has no dark2", "no such file: slides/own.css"],
    ),
    ("# Groß\n".encode("latin-1"), ["this deck is not UTF-8"]),
    (b"# Slide\n\n![a](img/none.png)\n", ["there is no such file: slides/img/none.png"]),
]


@pytest.mark.parametrize(("text", "sentences"), UNREADABLE)
def test_a_deck_that_cannot_be_shown_is_a_slide_that_says_why(
    deck: Presentation, text: bytes, sentences: list[str]
) -> None:
    unreadable = deck.root / "slides" / "unreadable.md"
    unreadable.write_bytes(text)
    status, _, page = deck.get("/unreadable.md")
    unreadable.unlink()
    assert status == 200
    assert "/_assets/static/css/evo.css" in page
    assert "/css/highlight/zenburn.css" in page
    assert "This slide cannot be shown" in page
    for sentence in sentences:
        assert sentence in html.unescape(html.unescape(page))


def test_hidden_files_are_passed_over(project: Path) -> None:
    write_cases(project)
    write_litter(project)
    port, log = free_port(), project / "log.txt"
    with serve(project, port, log=log):
        server = Presentation(project, port, log)
        _, _, listed = server.get("/")
        decks = re.findall(r'<a href="([^"]*)">', html.unescape(listed))
        assert sorted(decks) == ["architectures.md", "cases.md", "week2/intro.md"]
        for name in ["._x.md", "%2e%5fx.md", "nowhere-x.md", "folder-x.md", "week2/nowhere-x.md"]:
            assert server.get(f"/{name}")[0] in (400, 404)
        # What a deck names is sent, also to a page that was there before the server; no other file.
        assert server.get("/_assets/slides/week2/img/notes.txt")[0] == 200
        for name in ["img/unnamed.txt", "cases.md", "course.json", "results.py", "own.css/", "img"]:
            assert server.get(f"/_assets/slides/{name}")[0] == 404
        assert server.get("/architectures.md")[0] == server.get("/live.html")[0] == 200
    assert [line for line in log.read_text().splitlines() if "localhost" not in line] == []


def test_an_error_after_the_answer_is_one_line_and_the_lecture_goes_on(deck: Presentation) -> None:
    (deck.root / "slides" / "late.md").write_text("# Late\n")
    before = deck.log.stat().st_size
    assert deck.get("/late.md")[0] == 200
    (deck.root / "slides" / "late.md").unlink()
    assert deck.get("/architectures.md")[0] == 200
    assert sorted(deck.printed_since(before)) == ["late", "unheard"]


def test_a_deck_deleted_while_serving_is_gone_and_can_come_back(deck: Presentation) -> None:
    slides = deck.root / "slides" / "passing.md"
    statuses = []
    for present in [True, False, True]:
        if present:
            slides.write_text("# Slide\n")
        else:
            slides.unlink()
        statuses.append(deck.get("/passing.md")[0])
    slides.unlink()
    assert statuses == [200, 404, 200]
    assert deck.get("/")[0] == 200


class Reload:
    """The browser's end of live reload: just enough of a WebSocket to hear its messages."""

    def __init__(self, port: int, origin: str | None = None, host: str | None = None) -> None:
        lines = ["GET /livereload HTTP/1.1", f"Host: {host or f'localhost:{port}'}"]
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines += [f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}"]
        lines += [f"Origin: {origin}"] if origin else []
        self.connection = socket.create_connection(("localhost", port), timeout=10)
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self.read(1)
        self.status = int(answer.split()[1])

    def __enter__(self) -> Reload:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes."""
        data = b""
        while len(data) < size:
            part = self.connection.recv(size - len(data))
            assert part, "the server closed the connection"
            data += part
        return data

    def say(self, text: str) -> None:
        """Send one short text frame, masked by zeros, as a client must mask."""
        data = text.encode()
        self.connection.sendall(bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data)

    def hear(self) -> dict[str, object]:
        """Return the next message; raises TimeoutError when none comes in time."""
        size = self.read(2)[1]
        if size == 126:
            size = int.from_bytes(self.read(2), "big")
        return json.loads(self.read(size))

    def greet(self) -> list[dict[str, object]]:
        """Say hello as a page does, and return what was heard before the server's answer.

        It may still tell of a file that an earlier test has written.
        """
        self.say('{"command":"hello","protocols":[]}')
        return list(takewhile(lambda message: message["command"] != "hello", iter(self.hear, None)))

    def hear_of_change(self, file: Path) -> set[Path]:
        """Change `file` until a reload for it is heard; return the files of all reloads heard.

        The watcher needs a moment after the server has answered its first request.
        """
        heard: set[Path] = set()
        self.connection.settimeout(1)
        for _ in range(10):
            with file.open("a") as stream:
                stream.write("\n")
            with suppress(TimeoutError):
                while file not in heard:
                    message = self.hear()
                    assert message["command"] == "reload"
                    heard.add(Path(str(message["path"])))
                return heard
        raise AssertionError(f"no reload for {file} in 10 s, only for {heard}")


@pytest.mark.parametrize(
    "name", ["slides/architectures.md", "static/css/evo.css", "code/watched.py"]
)
def test_the_page_hears_of_a_changed_slide_theme_or_code(deck: Presentation, name: str) -> None:
    with Reload(deck.port, origin=f"http://localhost:{deck.port}") as page:
        page.greet()
        page.hear_of_change(deck.root / name)


def test_a_page_that_missed_a_change_hears_of_it_when_it_connects(deck: Presentation) -> None:
    watched = deck.root / "code" / "watched.py"
    info = json.dumps({"command": "info", "url": f"http://localhost:{deck.port}/architectures.md"})
    deck.get("/architectures.md")
    with Reload(deck.port) as other:
        other.hear_of_change(watched)
    with Reload(deck.port) as late:
        late.greet()
        late.say(info)
        assert late.hear()["command"] == "reload"
    time.sleep(0.5)
    deck.get("/architectures.md")
    with Reload(deck.port) as fresh:
        fresh.say(info)
        assert fresh.greet() == []


def test_trainings_do_not_reload_the_page(deck: Presentation) -> None:
    link = deck.root / "static" / "runs"
    link.symlink_to(deck.root / "runs")
    with Reload(deck.port) as page:
        page.hear_of_change(deck.root / "code" / "watched.py")
        silent = ["runs/history.json", "code/__pycache__/cached.py", "slides/.slides.md"]
        for name in silent:
            (deck.root / name).parent.mkdir(exist_ok=True)
            (deck.root / name).write_text("1\n")
        time.sleep(0.5)
        heard = page.hear_of_change(deck.root / "slides" / "architectures.md")
    link.unlink()
    assert not {path.name for path in heard} & {Path(name).name for name in silent}


def test_a_page_of_a_stranger_cannot_listen_in(deck: Presentation) -> None:
    with Reload(deck.port, origin="http://stranger.example") as page:
        assert page.status == 403
    stranger = f"stranger.example:{deck.port}"
    with Reload(deck.port, origin=f"http://{stranger}", host=stranger) as page:
        assert page.status == 403


def test_nonsense_on_the_live_connection_harms_nothing(deck: Presentation) -> None:
    with Reload(deck.port) as page:
        page.say("this is no JSON")
    with Reload(deck.port) as page:
        page.greet()
    assert deck.get("/architectures.md")[0] == 200


def refusal(root: Path, port: int | str, command: list[str] | None = None) -> str:
    """Return the one line of a server that refuses to start."""
    process = start(root, port, command=command)
    try:
        out, err = process.communicate(timeout=20)
    finally:
        stop(process)
    assert (process.returncode, out) == (2, "")
    (line,) = err.splitlines()
    return line


def test_a_busy_port_gets_one_line_with_the_way_out(deck: Presentation) -> None:
    line = refusal(deck.root, deck.port)
    assert str(deck.port) in line
    assert f"PORT={deck.port + 1} make present" in line
    assert deck.get("/architectures.md")[0] == 200


def test_a_port_that_is_busy_on_ipv6_alone_is_busy(deck: Presentation) -> None:
    try:
        other = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with other:
        port = other.getsockname()[1]
        assert refusal(deck.root, port).startswith(f"Port {port} is in use: ")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "1e3", "http", ""])
def test_a_port_that_is_none_gets_one_line(deck: Presentation, port: str) -> None:
    told = f"PORT={port} is not a port: choose a number from 1 to 65535, e.g. PORT=1949"
    assert refusal(deck.root, port) == told


def test_mistyped_settings_get_one_line(deck: Presentation) -> None:
    settings = deck.root / "reveal-md.json"
    with changed(settings, settings.read_text().replace(":", "", 1)):
        line = refusal(deck.root, free_port())
    assert line.startswith("The decks cannot be served: reveal-md.json: invalid character")


def test_without_its_packages_it_says_what_to_run(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "slides" / "reveal", tmp_path / "slides" / "reveal")
    assert refusal(tmp_path, free_port()) == "reveal-md is not installed: run npm ci"


def test_an_old_node_gets_one_line(deck: Presentation) -> None:
    older = "Object.defineProperty(process, 'versions', { value: { node: '18.20.0' } })"
    script = "slides/reveal/serve/present.mjs"
    command = ["node", "--import", f"data:text/javascript,{older}", script]
    told = "Node 18.20.0 is too old: install Node 20 or newer, https://nodejs.org"
    assert refusal(deck.root, free_port(), command) == told


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_npm_start_opens_the_browser_says_one_line_and_ctrl_c_ends_it_all(
    deck: Presentation, tmp_path: Path
) -> None:
    # A second presentation of the same folder, beside the one that is running.
    opened = tmp_path / "opened"
    for name in ["xdg-open", "open"]:
        (tmp_path / name).write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\nexit 3\n')
        (tmp_path / name).chmod(0o755)
    # The course's own deck is opened, not the first by name.
    before = deck.root / "slides" / "activations.md"
    before.write_text("# Activations\n")
    port = free_port()
    env = {"OPEN": "1", "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    process = start(deck.root, port, env, command=["npm", "start", "--silent"])
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        url = f"http://localhost:{port}/architectures.md"
        with Reload(port) as page:
            page.greet()
        deadline = time.monotonic() + 5
        while not opened.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=10)
        assert first == f"Presenting {url}  (Ctrl-C stops)\n"
        assert (out, err) == ("", "")
        assert process.returncode in (0, 130, -signal.SIGINT)
        assert opened.read_text() == url
        assert not answers(port)
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    finally:
        stop(process)
        before.unlink()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("starter", ["npm", "make"])
def test_the_server_ends_with_the_npm_or_make_that_started_it(
    deck: Presentation, starter: str
) -> None:
    shutil.copy(ROOT / "Makefile", deck.root)
    make = ["make", "--silent", "--old-file=node_modules/.ready", "present"]
    command = {"npm": ["npm", "start", "--silent"], "make": make}[starter]
    port = free_port()
    process = start(deck.root, port, command=command)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Presenting ")
        process.terminate()  # this one process, not its group
        process.wait(timeout=10)
        deadline = time.monotonic() + 10
        while answers(port) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not answers(port)
    finally:
        stop(process)


# The oldest release of each package in which every advisory known to us is mended.
MENDED = {
    "body-parser": (1, 20, 6),  # GHSA-qwcr-r2fm-qrc7, GHSA-v422-hmwv-36x6
    "brace-expansion": (2, 1, 4),  # GHSA-3jxr-9vmj-r5cp, GHSA-mh99-v99m-4gvg, GHSA-rgw5-rvv9-x895
    "cookie": (0, 7, 0),  # GHSA-pxg6-pf52-xh8x
    "cross-spawn": (7, 0, 5),  # GHSA-3xgq-45jj-v275
    "express": (4, 20, 0),  # GHSA-rv95-896h-c2vc, GHSA-qw6h-vgh9-j6wx
    "glob": (10, 5, 0),  # GHSA-5j98-mcp5-4vw2
    "highlight.js": (10, 4, 1),  # GHSA-7wwv-vh3v-89cq
    "ini": (1, 3, 6),  # GHSA-qqgx-2p2h-9c37
    "js-yaml": (3, 15, 1),  # GHSA-mh29-5h37-fv8m, GHSA-h67p-54hq-rp68, GHSA-5p4m-2wfm-xmqj
    "json5": (2, 2, 2),  # GHSA-9c47-m6qq-7p4h
    "livereload": (0, 10, 3),  # no advisory: the first release that listens on loopback alone
    "lodash": (4, 18, 0),  # GHSA-xxjr-mmjv-4gpg, GHSA-f23m-r3pf-42rh, GHSA-r5fr-rjxr-66jc
    "minimatch": (9, 0, 7),  # GHSA-3ppc-4f35-3m26, GHSA-7r86-cg39-jmmj, GHSA-23c5-xmqv-rm74
    "minimist": (1, 2, 6),  # GHSA-xvch-5gv4-984h
    "path-to-regexp": (0, 1, 13),  # GHSA-9wv6-86v2-598j, GHSA-rhx6-c78j-4q9w, GHSA-37ch-88jc-xwx2
    "qs": (6, 16, 0),  # GHSA-6rw7-vpxm-498p, GHSA-w7fw-mjwx-w883, GHSA-x5fp-wj9c-mxmx
    "reveal.js": (4, 3, 0),  # GHSA-hhqj-cfjx-vj25
    "semver": (7, 5, 2),  # GHSA-c2qf-rxjj-qqgw
    "send": (0, 19, 0),  # GHSA-m6fv-jmcg-4jfg
    "serve-static": (1, 16, 0),  # GHSA-cm22-4g7w-348p
    "ws": (8, 21, 0),  # GHSA-3h5v-q93c-6h6q, GHSA-58qx-3vcg-4xpx, GHSA-96hv-2xvq-fx4p
}


def packages(lock: Path) -> list[tuple[str, dict[str, object]]]:
    """Return name and entry of each package in an npm lock file, the same name perhaps twice."""
    entries = json.loads(lock.read_text())["packages"].items()
    return [(path.rpartition("node_modules/")[2], entry) for path, entry in entries if path]


def test_no_package_is_locked_below_the_release_that_mends_its_listed_advisories() -> None:
    found = set()
    for name, entry in packages(ROOT / "package-lock.json"):
        if name in MENDED and not entry.get("optional"):
            version = str(entry["version"])
            assert tuple(map(int, version.split("."))) >= MENDED[name], f"{name} {version}"
            found.add(name)
    assert found == set(MENDED)


def test_what_has_an_install_script_works_without_it() -> None:
    # npm would warn of each at every installation. protobufjs only looks at its own version.
    assert "ignore-scripts=true" in (ROOT / ".npmrc").read_text().splitlines()
    locked = packages(ROOT / "package-lock.json")
    with_script = {name for name, entry in locked if entry.get("hasInstallScript")}
    assert with_script - {name for name, entry in locked if entry.get("optional")} == {"protobufjs"}


def test_what_is_optional_is_not_installed() -> None:
    # puppeteer downloads a browser when it is installed, and brings 80 packages with it.
    locked = packages(ROOT / "package-lock.json")
    optional = {name for name, entry in locked if entry.get("optional")}
    required = {name for name, entry in locked if not entry.get("optional")}
    installed = {name for name, _ in packages(ROOT / "node_modules" / ".package-lock.json")}
    assert not [name for name in required if "puppeteer" in name]
    assert installed & (optional - required) == set()
    assert not (ROOT / "node_modules" / "puppeteer").exists()
