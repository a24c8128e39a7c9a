"""The lessons as pages: runs each as a notebook and keeps what the site shows of it.

    python -m course.pages [LESSON ...]

`make site` runs it where the notebooks' packages are installed. A lesson is run when its settings,
its script or a file that this loaded has changed since the last time; the site's lessons.mjs tells
which. All that is kept lies in .lessons/ and can be deleted. The site's course.mjs makes the pages.
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import io
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]

KEPT = ROOT / ".lessons"
# Runs in the lesson's process when the lesson has ended.
LOADED = """
import json as _json, sys as _sys
print(_json.dumps([getattr(m, "__file__", None) for m in list(_sys.modules.values())]))
"""
GUARD = re.compile(
    r'^if __name__ == "__main__"(?: and (.+))?:\n((?:(?:[ \t]+.*)?(?:\n|\Z))+)', re.MULTILINE
)
# From its file: the package imports PyTorch, which takes seconds, and mostly nothing is to be run.
plain_files = runpy.run_path(str(ROOT / "code" / "records" / "folders.py"))["plain_files"]
STALE = ROOT / "slides" / "reveal" / "site" / "lessons.mjs"
LONGEST = 600  # seconds that a cell may take


class RefusalError(Exception):
    """Its message is for the user as it is."""


def lessons() -> list[str]:
    """The names of all lessons, code/NAME.py."""
    return [path.stem for path in plain_files(ROOT / "code", "*.py")]


class Parser(argparse.ArgumentParser):
    """An error in the command line is one line; that of the package would bring PyTorch."""

    def error(self, message: str) -> NoReturn:
        raise RefusalError(f"{message} (--help lists the settings)")


def stale(names: list[str]) -> dict[str, str]:
    """The lessons among these that need a run, each with the words of its command line.

    Raises `RefusalError` where Node is not installed, or when the course is not as it should be.
    """
    node = shutil.which("node")
    if node is None:
        raise RefusalError("Node is not installed: get Node 20 or newer from https://nodejs.org")
    asked = subprocess.run(
        [node, str(STALE), "--stale", *names], capture_output=True, encoding="utf-8"
    )
    if asked.returncode:
        raise RefusalError(asked.stderr.strip())
    found: dict[str, str] = json.loads(asked.stdout)
    for name, words in found.items():
        try:
            shlex.split(words)
        except ValueError as error:
            raise RefusalError(f"the settings of {name} cannot be read: {error}") from None
    return found


def digests() -> dict[str, str]:
    """The SHA-256 of each Python file of code/."""
    return {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in plain_files(ROOT / "code", "**/*.py")
    }


def without_guards(source: str) -> str:
    """A cell as a page and Colab show it: a notebook is always the main program.

    A guard stays where taking it off would change what its lines say, as in a text of many lines.
    """

    def body(guard: re.Match[str]) -> str:
        lines = textwrap.dedent(guard[2])
        if guard[1]:
            return f"if {guard[1]}:\n{guard[2]}"
        whole = ast.parse(guard[0]).body[0]
        assert isinstance(whole, ast.If)
        same = ast.dump(ast.parse(lines)) == ast.dump(ast.Module(whole.body, []))
        return lines if same else guard[0]

    return GUARD.sub(body, source)


def run(name: str, words: str) -> tuple[NotebookNode, set[str]]:
    """Run a lesson from its first cell to its last, in a folder that is then gone.

    With one thread, unless the environment says otherwise: so short a run gains nothing from more,
    and on a busy machine threads wait for one another.

    Returns its notebook, and the files of the project that it loaded.

    Raises `RefusalError` naming the lesson and what went wrong in it.
    """
    import jupytext
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = jupytext.read(ROOT / "code" / f"{name}.py")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = without_guards(cell.source)
    notebook.cells.append(nbformat.v4.new_code_cell(LOADED))
    path = os.pathsep.join(filter(None, (str(ROOT / "code"), os.environ.get("PYTHONPATH"))))
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    environment |= {"LAB_ARGS": words, "PYTHONPATH": path}
    with tempfile.TemporaryDirectory() as folder:
        environment["TMPDIR"] = folder
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
            cell.outputs = printed_and_drawn(cell.outputs, folder)
    (told,) = notebook.cells.pop().outputs
    loaded = [Path(file).resolve() for file in json.loads(told.text) if file]
    inside = {file.relative_to(ROOT).as_posix() for file in loaded if file.is_relative_to(ROOT)}
    return notebook, {f"code/{name}.py", *inside}


def printed_and_drawn(outputs: list[NotebookNode], folder: str) -> list[NotebookNode]:
    """The outputs of a cell but stderr; what was printed in several goes is one output.

    Progress and warnings are for who waits. They also name folders of this machine, of which what
    stays names none: files are told as seen from `folder`, where the lesson ran.
    """
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.get("name") == "stderr":
            continue
        if kept and output.get("name") == kept[-1].get("name") == "stdout":
            kept[-1].text += output.text
        else:
            kept.append(output)
    for output in kept:
        if "text" in output:
            output.text = output.text.replace(folder + os.sep, "")
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
                    "alt": output.metadata.get("image/png", {}).get("alt") or words,
                }
    return pictures


def plain(markdown: str) -> str:
    """The last paragraph of a cell of text, without its markup: what the next picture shows."""
    paragraph = " ".join(markdown.strip().split("\n\n")[-1].split())
    return re.sub(r"[*_`#$]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", paragraph)).strip()


def body(notebook: NotebookNode) -> str:
    """The cells as HTML, without the title, which the page has above them."""
    from nbconvert import HTMLExporter

    shown = copy.deepcopy(notebook)
    shown.cells[0].source = re.sub(r"\A# .*\n+", "", shown.cells[0].source)
    exporter = HTMLExporter(
        template_name="lesson",
        extra_template_basedirs=[str(ROOT / "slides" / "reveal" / "site")],
        exclude_anchor_links=True,
    )
    html, _ = exporter.from_notebook_node(shown)
    return html


def keep(name: str, words: str) -> None:
    """Run a lesson, and write its cells, its pictures and its notebook to .lessons/."""
    import jupytext

    before = digests()
    notebook, loaded = run(name, words)
    made_from = {file: digest for file, digest in before.items() if file in loaded}
    pictures = put_pictures_aside(name, notebook)
    KEPT.mkdir(exist_ok=True)
    for old in [KEPT / f"{name}.json", *KEPT.glob(f"{name}-*.png")]:
        old.unlink(missing_ok=True)
    for file, content in pictures.items():
        (KEPT / file).write_bytes(content)
    (KEPT / f"{name}.html").write_text(body(notebook), encoding="utf-8")
    jupytext.write(notebook, KEPT / f"{name}.ipynb")
    # Last, for it says that the others are whole.
    made = {"arguments": words, "made_from": made_from, "pictures": sorted(pictures)}
    (KEPT / f"{name}.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """The command line: runs the lessons that changed, or some of them."""
    parser = Parser(description="Run the lessons for their pages on the site.")
    parser.add_argument("lesson", nargs="*", help="which (default: all)")
    wanted = parser.parse_args().lesson
    if "" in wanted:
        raise RefusalError("an argument is empty")
    for name in wanted:
        if name not in lessons():
            raise RefusalError(f"there is no code/{name}.py; there is {', '.join(lessons())}")
    for name, words in stale(wanted or lessons()).items():
        print(f"code/{name}.py runs for its page", flush=True)
        keep(name, words)


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
