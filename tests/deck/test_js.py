"""The functions of the page that need no browser, by tests of their own in JavaScript."""

from __future__ import annotations

import shutil
import subprocess

from conftest import ROOT

# In one process: `node --test` starts one for each file, and each loads the same anew.
RUN = "for (const file of process.argv.slice(1)) await import(file);"


def test_the_functions_of_the_page_do_what_their_tests_say() -> None:
    files = [file.as_uri() for file in sorted((ROOT / "tests" / "js").glob("*.test.mjs"))]
    assert files
    node = [shutil.which("node") or "node", "--test-reporter=spec", "--input-type=module"]
    done = subprocess.run(
        [*node, "--eval", RUN, *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
