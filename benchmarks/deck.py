"""Measure how soon a deck shows its first slide, and what its page asks for.

    python benchmarks/deck.py [--rounds 5]

Serves the deck as `npm start` does, opens it in a browser that has nothing of it in its cache, and
prints the time from navigation until the first slide can be seen: the median of the rounds, and
the slowest. Sizes are those that a web server with gzip would send.
"""

import statistics

from arguments import positive
from playwright.sync_api import Browser
from visits import course, sent, visit

from lab import machine
from lab.parser import Parser

TARGET_SECONDS = 1.0
TARGET_BYTES = 1.2e6

FIRST_SLIDE = "document.querySelector('.reveal.ready section.present')?.checkVisibility()"


def measure(browser: Browser, url: str) -> tuple[float, dict[str, int]]:
    """Open the deck with an empty cache: seconds to the first slide, and bytes by address."""
    with visit(browser, url, FIRST_SLIDE, "networkidle") as (_, seconds, answers):
        # Live reload is the lecturer's own, and no part of the deck.
        return seconds, {a.url: sent(a) for a in answers if "livereload" not in a.url}


def main() -> None:
    """Print the times and sizes, and the largest parts."""
    machine.show_errors_in_one_line()
    parser = Parser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=positive, default=5, help="visits to take the median of")
    rounds = parser.parse_args().rounds
    with course() as (base, browser):
        visits = [measure(browser, f"{base}/architectures.md") for _ in range(rounds + 1)]
    times = [seconds for seconds, _ in visits[1:]]  # the first one warms the server up
    sizes = visits[-1][1]
    total = sum(sizes.values())
    print(
        f"first slide after {statistics.median(times):.2f} s, at most {max(times):.2f} s"
        f" ({rounds} visits; target {TARGET_SECONDS:g} s)"
    )
    print(
        f"{len(sizes)} requests, {total / 1e6:.2f} MB (target {TARGET_BYTES / 1e6:g} MB), of which"
    )
    for url, size in sorted(sizes.items(), key=lambda item: -item[1])[:8]:
        print(f"  {size / 1e3:7.1f} kB  {url.removeprefix(base)}")


if __name__ == "__main__":
    main()
