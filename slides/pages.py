"""The lessons as pages: runs each as a notebook and keeps what the site shows of it.

    python slides/pages.py [LESSON ...]

`make site` runs it where the notebooks' packages are installed. A lesson is run when it, its
settings or code/lab has changed since the last time; all that is kept lies in .lessons/ and can be
deleted. slides/reveal/course.mjs makes the pages.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import re
import runpy
import shlex
import sys
import tempfile
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".lessons"
# From its file: the package imports PyTorch, which takes seconds, and mostly nothing is to be run.
plain_files = runpy.run_path(str(ROOT / "code" / "lab" / "folders.py"))["plain_files"]
COURSE = ROOT / "slides" / "course.json"
# A lesson's settings where slides/course.json has no others. The folder is gone afterwards.
SMOKE = "--smoke --out runs"
LONGEST = 600  # seconds that a cell may take


class RefusalError(Exception):
    """Its message is for the user as it is."""


def lessons() -> list[str]:
    """The names of all lessons, code/NAME.py."""
    return [path.stem for path in plain_files(ROOT / "code", "*.py")]


def sources(name: str) -> dict[str, str]:
    """What a page is made from, the lesson and all of code/lab: the SHA-256 of each file."""
    files = [ROOT / "code" / f"{name}.py", *plain_files(ROOT / "code" / "lab", "**/*.py")]
    digests = {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    return dict(sorted(digests.items()))


def settings(name: str) -> str:
    """The words of the command line with which a lesson runs for its page.

    Raises `RefusalError` when slides/course.json is not there, no JSON, or says something else.
    """
    file = COURSE.relative_to(ROOT).as_posix()
    try:
        course = json.loads(COURSE.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise RefusalError(f"{file}:{error.lineno}: that is not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise RefusalError(f"{file}: that is not JSON: {error}") from None
    place, found = file, course
    for key in ("lessons", name, "arguments"):
        if not isinstance(found, dict):
            raise RefusalError(f"{place} must be an object with names and values")
        if key not in found:
            return SMOKE
        place, found = f"{place}: {key}", found[key]
    try:
        shlex.split(found)
    except (AttributeError, ValueError):
        raise RefusalError(f"{place} must be the words of a command line, as one text") from None
    return found


def run(name: str) -> NotebookNode:
    """Run a lesson from its first cell to its last, in a folder that is then gone.

    With one thread, unless the environment says otherwise: so short a run gains nothing from more,
    and on a busy machine threads wait for one another.

    Raises `RefusalError` naming the lesson and what went wrong in it.
    """
    import jupytext
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = jupytext.read(ROOT / "code" / f"{name}.py")
    path = os.pathsep.join(filter(None, (str(ROOT / "code"), os.environ.get("PYTHONPATH"))))
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    environment |= {"LAB_ARGS": settings(name), "PYTHONPATH": path}
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=LONGEST,
            kernel_name="python3",
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute(env=environment)
        except CellExecutionError as error:
            raise RefusalError(f"code/{name}.py: {error.ename}: {error.evalue}") from None
        except TimeoutError:
            raise RefusalError(f"code/{name}.py: a cell took more than {LONGEST} seconds") from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = printed_and_drawn(cell.outputs)
    return notebook


def printed_and_drawn(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs of a cell but stderr; what was printed in several goes is one output.

    Progress and warnings are for who waits. They also name folders of this machine.
    """
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.get("name") == "stderr":
            continue
        if kept and output.get("name") == kept[-1].get("name") == "stdout":
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def put_pictures_aside(name: str, notebook: NotebookNode) -> dict[str, bytes]:
    """The pictures of a notebook as files; each output learns its file, size and words."""
    from PIL import Image

    pictures: dict[str, bytes] = {}
    words = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            words = plain(cell.source)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                content = b64decode(output.data["image/png"])
                file = f"{name}-{len(pictures) + 1}.png"
                pictures[file] = content
                width, height = Image.open(io.BytesIO(content)).size
                output.metadata["picture"] = {
                    "file": file,
                    "width": width,
                    "height": height,
                    "alt": words,
                }
    return pictures


def plain(markdown: str) -> str:
    """The last paragraph of a cell of text, without its markup: what the next picture shows."""
    paragraph = " ".join(markdown.strip().split("\n\n")[-1].split())
    return re.sub(r"[*_`#]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", paragraph)).strip()


def body(notebook: NotebookNode) -> str:
    """The cells as HTML, without the title, which the page has above them."""
    from nbconvert import HTMLExporter

    shown = copy.deepcopy(notebook)
    shown.cells[0].source = re.sub(r"\A# .*\n+", "", shown.cells[0].source)
    exporter = HTMLExporter(
        template_name="lesson",
        extra_template_basedirs=[str(ROOT / "slides" / "reveal")],
        exclude_anchor_links=True,
    )
    html, _ = exporter.from_notebook_node(shown)
    return html


def is_current(name: str) -> bool:
    """Whether what is kept of a lesson was made from what is there now."""
    try:
        made = json.loads((KEPT / f"{name}.json").read_text(encoding="utf-8"))
        made_from, arguments = made["made_from"], made["arguments"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return made_from == sources(name) and arguments == settings(name)


def keep(name: str) -> None:
    """Run a lesson, and write its cells, its pictures and its notebook to .lessons/."""
    import jupytext

    made: dict[str, Any] = {"arguments": settings(name), "made_from": sources(name)}
    notebook = run(name)
    pictures = put_pictures_aside(name, notebook)
    KEPT.mkdir(exist_ok=True)
    for old in [KEPT / f"{name}.json", *KEPT.glob(f"{name}-*.png")]:
        old.unlink(missing_ok=True)
    for file, content in pictures.items():
        (KEPT / file).write_bytes(content)
    (KEPT / f"{name}.html").write_text(body(notebook), encoding="utf-8")
    jupytext.write(notebook, KEPT / f"{name}.ipynb")
    # Last, for it says that the others are whole.
    made["pictures"] = sorted(pictures)
    (KEPT / f"{name}.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def _named() -> list[str]:
    """The lessons that the command line names."""
    if not sys.argv[1:]:
        return []  # `make site` does not wait for PyTorch, which the import below brings
    sys.path.insert(0, str(ROOT / "code"))
    from lab.errors import UserError
    from lab.parser import Parser

    parser = Parser(description="Run the lessons for their pages on the site.")
    parser.add_argument("lesson", nargs="*", help="which (default: all)")
    try:
        return parser.parse_args().lesson
    except UserError as error:
        raise RefusalError(error) from None


def main() -> None:
    """The command line: runs the lessons that changed, or some of them."""
    wanted = _named() or lessons()
    for name in wanted:
        if name not in lessons():
            raise RefusalError(f"there is no code/{name}.py; there is {', '.join(lessons())}")
    for name in wanted:
        if not is_current(name):
            print(f"code/{name}.py runs for its page", flush=True)
            keep(name)


if __name__ == "__main__":
    try:
        main()
    except RefusalError as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped: what has run is kept, and the same command goes on", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"{place}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as missing:
        print(f"{missing.name} is not installed: pip install -e '.[notebooks]'", file=sys.stderr)
        sys.exit(2)
