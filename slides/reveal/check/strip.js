// Tells, below a slide, what `make check` would say of it in this window. It is there where `?check` is
// in the address, for who writes; the audience, who never sees that address, never sees it.

const STYLE = `position: fixed; z-index: 40; left: 0; bottom: 0; max-width: 70%; padding: 0.6em 1em;
  border: 0; background: #5c2b00; color: #fff; font: 16px/1.4 Lato, sans-serif; text-align: left;
  white-space: pre-line; cursor: pointer;`;

/** The window of `make check` that comes nearest to this one from below. */
function nearest(windows) {
  const fitting = windows.filter(
    ({ width, height }) => width <= innerWidth && height <= innerHeight,
  );
  return fitting.sort((a, b) => b.width * b.height - a.width * a.height)[0] ?? { smallest: 0 };
}

async function start() {
  const { default: inspect, WINDOWS } = await import('./inspect.js');
  let texts = []; // what is wrong in the text, which comes later
  const strip = document.createElement('button');
  strip.id = 'check';
  strip.style.cssText = STYLE;
  strip.title = 'Hides this until the page is loaded again';
  let isWanted = true;
  const show = async () => {
    const isShown = isWanted && !Reveal.isOverview() && !Reveal.isScrollView();
    const slide = Reveal.getCurrentSlide();
    const { smallest, code } = nearest(WINDOWS);
    const seen = isShown ? await inspect({ smallest, code, isHere: true }) : [];
    const told = texts.filter(({ place }) => isShown && place === slide?.dataset.place);
    const kinds = new Map(seen.map(({ kind, subject, said }) => [kind, `${subject} ${said}`]));
    strip.textContent = [...told.map(({ said }) => said), ...kinds.values()].join('\n');
    strip.hidden = strip.textContent === '';
    strip.style.display = strip.hidden ? 'none' : '';
  };
  strip.addEventListener('click', () => {
    isWanted = false;
    show();
  });
  document.body.append(strip);
  const events = 'ready slidechanged fragmentshown fragmenthidden overviewshown overviewhidden';
  for (const event of events.split(' ')) Reveal.on(event, () => requestAnimationFrame(show));
  // After the deck's own, which fits the slides to the window.
  addEventListener('resize', () => requestAnimationFrame(() => requestAnimationFrame(show)));
  if (Reveal.isReady()) show();
  const answer = await fetch(`/check${location.pathname.replace(/md$/, 'json')}`);
  if (answer.ok) texts = await answer.json();
  if (Reveal.isReady()) show();
}

// Nor in the frames of the speaker view.
if (new URLSearchParams(location.search).has('check') && window.top === window) start();
