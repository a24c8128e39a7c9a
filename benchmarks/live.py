"""Measure how soon a live slide answers, what it loads, and how long each network takes.

    python benchmarks/live.py [--runs 50]

Serves the deck as `npm start` does and opens the page of each network, live.html, in a browser
that has nothing of it in its cache. Printed are the time from navigation until the first answer
is shown, the bytes loaded by then as a web server with gzip would send them, and the median time
of a run on the sample pictures.
"""

import statistics

from arguments import positive
from playwright.sync_api import Browser
from visits import ROOT, course, sent, visit

from lab import machine
from lab.errors import UserError
from lab.parser import Parser
from records.folders import plain_files

FIRST_ANSWER = "document.querySelector('.live:not([hidden]) .live-verdict .live-time')"

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


def measure(browser: Browser, base: str, name: str, runs: int) -> tuple[float, int, list[float]]:
    """Open a network's page: seconds and bytes to the first answer, milliseconds of each run."""
    url = f"{base}/live.html?network={name}"
    with visit(browser, url, FIRST_ANSWER) as (page, seconds, answers):
        size = sum(sent(answer) for answer in answers)
        samples = [path.name for path in plain_files(ROOT / "static" / "samples", "*.png")]
        return seconds, size, page.evaluate(RUN, [name, samples, runs])


def main() -> None:
    """Print a line for each network."""
    machine.show_errors_in_one_line()
    parser = Parser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=positive, default=50, help="of each network")
    runs = parser.parse_args().runs
    names = [path.stem for path in plain_files(ROOT / "static" / "models", "*.onnx")]
    if not names:
        raise UserError("static/models has no networks: make models writes them")
    with course() as (base, browser):
        measure(browser, base, names[0], 1)  # warms the server up
        print(f"{'network':12} first answer     loaded  median of {runs} runs")
        for name in names:
            seconds, size, times = measure(browser, base, name, runs)
            median = statistics.median(times)
            print(f"{name:12} {seconds:10.2f} s {size / 1e6:7.2f} MB {median:10.1f} ms")


if __name__ == "__main__":
    main()
