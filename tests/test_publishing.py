"""What publishes the site does what the Makefile does, and no document leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from test_make import make

WORKFLOW = ROOT / ".github" / "workflows" / "pages.yml"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_workflow_publishes_what_make_site_builds() -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    steps = jobs["build"]["steps"]
    run = [step["run"] for step in steps if "run" in step]
    # The notebooks set up what the lessons' pages need; a PDF must lie there before the site does.
    assert run == ["make notebooks", "make pdf handout", "make site"]
    uploaded = [step["with"]["path"] for step in steps if "upload-" in step.get("uses", "")]
    assert uploaded == ["_site", "_site/code/*.ipynb"]
    assert {job["needs"] for name, job in jobs.items() if name != "build"} == {"build"}


@pytest.mark.parametrize(
    ("target", "tool"),
    [
        ("notebooks", "python -m lab.notebooks"),
        ("site", "npm run build"),
        ("pdf", "npm run pdf"),
        ("handout", "npm run pdf --silent -- --handout"),
        ("pictures", "npm run pictures"),
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
