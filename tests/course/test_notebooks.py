"""`make notebooks`: a notebook beside every script, and no work of anybody's lost."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from course import notebooks
from course.notebooks import pair
from lab import machine
from lab.errors import UserError

LESSONS = sorted(path.stem for path in (ROOT / "code").glob("*.py"))
SCRIPT = "# %% [markdown]\n# # Title\n\n# %%\nprint(1)\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script of two cells."""
    file = tmp_path / "lesson.py"
    file.write_text(SCRIPT)
    return file


def sources(notebook: Path) -> list[str]:
    """The text of each cell."""
    import jupytext  # here and elsewhere: every process that runs tests reads this file

    return [cell.source for cell in jupytext.read(notebook).cells]


def age(file: Path, seconds: float) -> None:
    """Make a file look as if it had been written earlier."""
    then = file.stat().st_mtime - seconds
    os.utime(file, (then, then))


def test_a_process_that_runs_notebooks_is_none_itself() -> None:
    importlib.import_module("ipykernel.kernelspec")  # as running one does
    assert not machine.in_notebook()


@pytest.mark.parametrize("name", LESSONS)
def test_saving_the_pair_in_jupyter_keeps_the_text_of_the_script(name: str, tmp_path: Path) -> None:
    from jupyter_server.services.contents.largefilemanager import LargeFileManager
    from jupytext.sync_contentsmanager import build_sync_jupytext_contents_manager_class

    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    script = tmp_path / "code" / f"{name}.py"
    script.parent.mkdir()
    shutil.copy(ROOT / "code" / f"{name}.py", script)
    before = script.read_bytes()
    assert pair(script) == "written"
    jupyter = build_sync_jupytext_contents_manager_class(LargeFileManager)(root_dir=str(tmp_path))
    for _ in range(2):  # opened and saved, and once more
        opened = jupyter.get(f"code/{name}.ipynb")
        jupyter.save(opened, f"code/{name}.ipynb")
        assert script.read_bytes() == before
    assert pair(script) == "there already"


@pytest.mark.parametrize("name", LESSONS)
def test_the_text_of_a_lesson_can_be_read_on_its_page(name: str) -> None:
    """The site's pages do not break code that stands within a line."""
    import jupytext

    notebook = jupytext.read(ROOT / "code" / f"{name}.py")
    for cell in (cell for cell in notebook.cells if cell.cell_type == "markdown"):
        text = re.sub(r"^```.*?^```", "", cell.source, flags=re.MULTILINE | re.DOTALL)
        inline = re.findall(r"`[^`]*`", text)
        assert [code for code in inline if len(code) > 80 or "\n" in code] == []


def work_on(notebook: Path, text: str) -> None:
    """Write a cell into a notebook where jupytext does not run, as on Colab."""
    import nbformat

    there = nbformat.read(notebook, 4)
    there.cells.append(nbformat.v4.new_code_cell(text))
    nbformat.write(there, notebook)


def test_a_notebook_that_nobody_changed_follows_its_script(script: Path) -> None:
    notebook = script.with_suffix(".ipynb")
    assert pair(script) == "written"
    assert sources(notebook) == ["# Title", "print(1)"]
    assert notebook.stat().st_mtime == script.stat().st_mtime
    script.write_text(SCRIPT.replace("1", "2"))
    assert pair(script) == "written anew from its script"
    assert sources(notebook) == ["# Title", "print(2)"]
    assert {path.name for path in script.parent.iterdir()} == {"lesson.py", "lesson.ipynb"}


@pytest.mark.parametrize("newer", [False, True], ids=["script newer", "notebook newer"])
def test_work_in_a_notebook_outlives_every_change_of_its_script(script: Path, newer: bool) -> None:
    notebook, before = script.with_suffix(".ipynb"), script.with_name("lesson-before.ipynb")
    pair(script)
    work_on(notebook, "# three hours of work")
    for fix in ("2", "3", "4"):
        script.write_text(SCRIPT.replace("1", fix))
        age(script if newer else notebook, 60)
        pair(script)
        assert sources(notebook) == ["# Title", f"print({fix})"]
        assert sources(before) == ["# Title", "print(1)", "# three hours of work"]
    work_on(notebook, "# another hour")
    script.write_text(SCRIPT)
    assert pair(script).endswith("; the one before is lesson-before-2.ipynb")
    assert sources(before)[-1] == "# three hours of work"
    assert sources(script.with_name("lesson-before-2.ipynb"))[-1] == "# another hour"


def test_what_a_person_ran_is_kept(script: Path) -> None:
    import nbformat

    notebook = script.with_suffix(".ipynb")
    pair(script)
    there = nbformat.read(notebook, 4)
    there.cells[1].outputs = [nbformat.v4.new_output("stream", text="1")]
    nbformat.write(there, notebook)
    script.write_text(SCRIPT.replace("1", "2"))
    assert pair(script).endswith("; the one before is lesson-before.ipynb")


def test_a_notebook_that_was_made_elsewhere_is_kept(script: Path) -> None:
    import jupytext

    notebook = script.with_suffix(".ipynb")
    jupytext.write(jupytext.reads(SCRIPT.replace("1", "0"), fmt="py:percent"), notebook)
    age(notebook, 60)
    assert pair(script).endswith("; the one before is lesson-before.ipynb")
    assert sources(script.with_name("lesson-before.ipynb")) == ["# Title", "print(0)"]


def test_a_notebook_that_is_newer_than_its_script_is_left_alone(script: Path) -> None:
    pair(script)
    notebook = script.with_suffix(".ipynb")
    work = notebook.read_text().replace("print(1)", "print(3)")
    notebook.write_text(work)
    age(script, 60)
    assert pair(script).startswith("left alone: it has changed and lesson.py has not;")
    assert notebook.read_text() == work
    assert script.read_text() == SCRIPT


@pytest.mark.parametrize("content", ["half a noteb", "", "[]", "{}", '{"cells": 3}'])
def test_a_notebook_that_cannot_be_read_is_refused_and_stays(content: str, script: Path) -> None:
    notebook = script.with_suffix(".ipynb")
    notebook.write_text(content)
    age(notebook, 60)
    with pytest.raises(UserError, match=r"lesson\.ipynb: .*; move it away") as error:
        pair(script)
    assert "\n" not in str(error.value)
    assert notebook.read_text() == content


def test_the_command_pairs_every_lesson(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in LESSONS:
        shutil.copy(ROOT / "code" / f"{name}.py", tmp_path)
    monkeypatch.setattr(notebooks, "CODE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["course.notebooks"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back afterwards
    monkeypatch.chdir(tmp_path)
    notebooks.main()
    assert capsys.readouterr().out.splitlines() == [f"{name}.ipynb: written" for name in LESSONS]
