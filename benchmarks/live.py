"""Measure how soon a live slide answers, what it loads, and how long each network takes.

    python benchmarks/live.py [--runs 50]

Serves the deck as `npm start` does and opens the page of each network, live.html, in a browser
that has nothing of it in its cache. Printed are the time from navigation until the first answer
is shown, the bytes loaded by then as a web server with gzip would send them, and the median time
of a run on the sample pictures.
"""

import gzip
import statistics
import subprocess
from pathlib import Path

from playwright.sync_api import Browser, Response, sync_playwright

from course.serving import serve
from lab import machine
from lab.errors import UserError
from lab.folders import plain_files
from lab.parser import Parser, positive

ROOT = Path(__file__).parents[1]

# Runs in the page before its own scripts: notes when the first answer has been painted.
WATCH = """
requestAnimationFrame(function look() {
  if (!document.querySelector('.live:not([hidden]) .live-verdict .live-time')) {
    requestAnimationFrame(look);
  } else requestAnimationFrame(() => { window.firstAnswer = performance.now(); });
});
"""

RUN = """async ([name, samples, runs]) => {
  const engine = await import('./_assets/static/js/live/engine.js');
  const url = new URL(`_assets/static/models/${name}.onnx`, location.href).href;
  const pixels = [];
  for (const file of samples) {
    const answer = await fetch(`_assets/static/samples/${file}`);
    pixels.push(await engine.picture(await answer.blob()));
  }
  const times = [];
  for (let n = 0; n < runs; n += 1) {
    const picture = pixels[n % pixels.length];
    times.push((await engine.classify({ key: url, url }, picture)).milliseconds);
  }
  return times;
}"""


def sent(response: Response) -> int:
    """Bytes that a server with gzip would send as the body of an answer."""
    body = response.body()
    return min(len(body), len(gzip.compress(body, 6)))


def visit(browser: Browser, base: str, name: str, runs: int) -> tuple[float, int, list[float]]:
    """Open a network's page: seconds and bytes to the first answer, milliseconds of each run."""
    # What waits in the page evaluates text, which its policy forbids.
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, bypass_csp=True)
    page = context.new_page()
    page.add_init_script(WATCH)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(f"{base}/live.html?network={name}")
    page.wait_for_function("window.firstAnswer")
    seconds = page.evaluate("window.firstAnswer") / 1000
    size = sum(sent(answer) for answer in answers)
    samples = [path.name for path in plain_files(ROOT / "static" / "samples", "*.png")]
    times = page.evaluate(RUN, [name, samples, runs])
    context.close()
    return seconds, size, times


def main() -> None:
    """Print a line for each network."""
    machine.show_errors_in_one_line()
    parser = Parser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=positive, default=50, help="of each network")
    runs = parser.parse_args().runs
    found = subprocess.run(
        ["node", "slides/reveal/print/chromium.mjs"], cwd=ROOT, capture_output=True, text=True
    )
    if found.returncode != 0:
        raise UserError(found.stderr.strip())
    program, *switches = found.stdout.splitlines()
    names = [path.stem for path in plain_files(ROOT / "static" / "models", "*.onnx")]
    if not names:
        raise UserError("static/models has no networks: make models writes them")
    with serve(ROOT) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=switches)
        visit(browser, base, names[0], 1)  # warms the server up
        print(f"{'network':12} first answer     loaded  median of {runs} runs")
        for name in names:
            seconds, size, times = visit(browser, base, name, runs)
            median = statistics.median(times)
            print(f"{name:12} {seconds:10.2f} s {size / 1e6:7.2f} MB {median:10.1f} ms")
        browser.close()


if __name__ == "__main__":
    main()
