"""A page of another origin that opens one of ours and tries to run something in it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Frame, Page

from conftest import plain_server, remark
from watching import Visit, visit

# What a message may ask reveal.js for, among others; after the last one it hears no more.
METHODS = ["initialize", "slide", "next", "configure", "togglePause"]
LAST = "destroy"

OPEN = """([url, how]) => {
  if (how === 'window') {
    window.target = window.open(url);
  } else {
    const frame = document.createElement('iframe');
    Object.assign(frame, { src: url, width: 1280, height: 720 }); // smaller, it is a phone's page
    document.body.append(frame);
    window.target = frame.contentWindow;
  }
}"""

SEND = """async ([methods, src]) => {
  const say = (message) => target.postMessage(JSON.stringify(message), '*');
  const options = { controls: false, dependencies: [{ src }, { src, async: true }] };
  for (const args of [[], [3], [options], ['a']]) {
    for (const method of methods) {
      say({ method, args });
      const call = { type: 'call', methodName: method, arguments: args, callId: 1 };
      say({ namespace: 'reveal-notes', ...call });
    }
  }
  say({ namespace: 'reveal-notes', type: 'heartbeat' });
  target.postMessage('all said', '*');
}"""
# Before anything of the page, which lets no later one hear a stranger.
HEAR = "addEventListener('message', ({ data }) => { window.heard ||= data === 'all said'; })"
HEARD = "(() => { const is = window.heard; window.heard = false; return is; })()"

STATE = """() => JSON.stringify([
  location.href,
  document.scripts.length,
  window.ran,
  document.querySelector('.reveal')?.className,
  window.Reveal && [Reveal.getState(), Reveal.getConfig(), Reveal.isReady()],
])"""

# What somebody else's text may hold: a handler, a script inside and one from elsewhere, an address.
INJECT = """async (src) => {
  const script = (set) => document.body.append(set(document.createElement('script')));
  const write = (text) => document.body.insertAdjacentHTML('beforeend', text);
  const refused = new Promise((resolve) => {
    let count = 0;
    addEventListener('securitypolicyviolation', () => (count += 1) === 4 && resolve());
    setTimeout(resolve, 1000);
  });
  write('<img src="data:," onerror="window.ran = 1">');
  write('<iframe src="javascript:parent.ran = 2"></iframe>');
  script((element) => Object.assign(element, { textContent: 'window.ran = 3' }));
  script((element) => Object.assign(element, { src }));
  await refused;
  return window.ran;
}"""


def ready(page: Page | Frame) -> None:
    """Wait until a page of ours is as it will stay."""
    page.wait_for_function(
        "document.readyState === 'complete' && (!window.Reveal || Reveal.isReady())"
    )


def check_nothing_runs(
    browser: Browser, urls: list[str], folder: Path, how: Literal["window", "frame"] = "window"
) -> None:
    """Assert that no message of a stranger's page changes or runs anything in the pages at `urls`.

    Each is in a window of its own, or, if that is one page, in a frame.
    """
    (folder / "stranger.html").write_text("<!doctype html><title>Stranger</title>")
    (folder / "script.js").write_text("window.ran = 'script.js'")
    with plain_server(folder) as server, visit(browser) as seen:
        seen.page.context.add_init_script(HEAR)
        seen.page.goto(f"{server}/stranger.html")
        script = f"{server}/script.js"
        for url in urls:
            if how == "window":
                with seen.page.context.expect_page() as opened:
                    seen.page.evaluate(OPEN, [url, how])
                ours: Page | Frame = opened.value
            else:
                seen.page.evaluate(OPEN, [url, how])
                seen.page.frame_locator("iframe").locator("main, .reveal").first.wait_for()
                ours = seen.page.frames[1]
            ready(ours)
            assert ours.url == url
            before = ours.evaluate(STATE)
            known = ours.evaluate("window.Reveal ? Object.keys(Reveal) : []")
            for methods in ([*METHODS, *sorted({*known} - {*METHODS, LAST})], [LAST]):
                seen.page.evaluate(SEND, [methods, script])
                ours.wait_for_function(HEARD)
                assert ours.evaluate(STATE) == before, url
            assert ours.evaluate(INJECT, script) is None, url
            assert script not in [answer.url for answer in seen.answered], url
            if how == "window":
                ours.close()


def check_speaker_view(seen: Visit) -> None:
    """Assert that an open deck has a speaker view that says and shows what the deck does."""
    with seen.page.context.expect_page() as opened:
        seen.page.keyboard.press("s")
    speaker = opened.value
    notes = speaker.locator(".speaker-controls-notes .value")
    notes.filter(has_text=remark(0)).wait_for()
    # And from there, the deck is led: to the second slide, below the first.
    speaker.bring_to_front()
    speaker.keyboard.press("ArrowRight")
    seen.page.wait_for_function("Reveal.getIndices().h === 1")
