"""What keeps somebody from a slide who cannot see it well, or does not use a mouse."""

from __future__ import annotations

from conftest import ROOT, read_check
from watching import Visit

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
FIND = read_check("barriers.js")

# A live slide changes what can be worked on it until its network has answered.
ANSWERED = """() => {
  const live = Reveal.getCurrentSlide().querySelector('.live');
  if (!live) return true;
  if (live.matches('.learn')) return !live.querySelector('.live-still');
  const isBusy = live.querySelector('.live-say')?.getAttribute('aria-busy') !== 'false';
  return !isBusy && !live.querySelector('.live-verdict').textContent.includes('Loading');
}"""

# What each Tab has led to: something of the slide that shows that it has the focus, or the outside.
LISTEN = """() => {
  if (window.reached) return;
  window.reached = [];
  const onSlide = () => {
    const { activeElement: element } = document;
    return Reveal.getCurrentSlide().contains(element) && element.matches(':focus-visible');
  };
  addEventListener('keyup', ({ key }) => { if (key === 'Tab') reached.push(onSlide()); }, true);
}"""
REACHED = "reached.splice(0)"

TAB_STOPS = ':is(a[href], button, input, select, textarea, [tabindex="0"]):not(:disabled)'


def find_barriers(seen: Visit) -> list[str]:
    """Return what axe-core calls serious or critical on what an open deck shows."""
    seen.add_script(AXE)
    return seen.page.evaluate(FIND)


def slides_with_tab_stops(seen: Visit) -> list[tuple[int, int]]:
    """Return where something can be worked, and one of the other slides, which are alike."""
    places = seen.page.evaluate(
        """(stops) => {
          const all = Reveal.getSlides();
          const some = all.filter((slide) => slide.querySelector(stops));
          return [...some, ...all.filter((slide) => !some.includes(slide)).slice(0, 1)]
            .map((slide) => Reveal.getIndices(slide)).map(({ h, v = 0 }) => [h, v]);
        }""",
        TAB_STOPS,
    )
    return [(h, v) for h, v in places]


def check_tab_stops(seen: Visit) -> None:
    """Assert that Tab goes through all that can be worked on the slide, once, and then leaves."""
    seen.page.evaluate(LISTEN)
    seen.page.wait_for_function(ANSWERED)
    stops = seen.page.evaluate(
        """(stops) => {
          const slide = Reveal.getCurrentSlide();
          slide.tabIndex = -1; // Tab goes on from where the focus was
          slide.focus({ preventScroll: true });
          slide.removeAttribute('tabindex');
          return [...slide.querySelectorAll(stops)].filter((e) => e.checkVisibility()).length;
        }""",
        TAB_STOPS,
    )
    for _ in range(stops + 1):
        seen.page.keyboard.press("Tab")
    reached = seen.page.evaluate(REACHED)
    assert reached == [True] * stops + [False], seen.page.url
