"""The functions of the page that need no browser, by tests of their own in JavaScript."""

from __future__ import annotations

import shutil
import subprocess

from conftest import ROOT


def test_the_functions_of_the_page_do_what_their_tests_say() -> None:
    files = sorted(map(str, (ROOT / "tests" / "js").glob("*.test.mjs")))
    assert files
    command = [shutil.which("node") or "node", "--test", "--test-reporter=spec", *files]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
