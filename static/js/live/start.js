// Brings the live slides of a deck, or of the page live.html, to life when they are first shown.
//
// Until then a slide shows the still that was written at build time, and none of the rest is loaded.

import { isReceiver } from '../talk/channel.js';
import { answerQuestions } from './mirror.js';

const deck = document.querySelector('.reveal');
const lives = new Map(); // by their roots
let current;

/** @type {() => HTMLElement[]} */
const roots = () => Array.from(document.querySelectorAll('.live'));

/** The keys that buttons need, and what can be scrolled. */
const KEPT = { button: [' ', 'Enter'], '.live-answer': ['ArrowUp', 'ArrowDown'] };

/** Keep the deck's keys the deck's, but for those that a control inside of a live slide needs. */
function onKey(event) {
  const { key, target } = event;
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const turn = { PageDown: 'next', PageUp: 'prev' }[key];
  if (deck && turn) {
    // reveal.js hears no key of a slider, but these are a clicker's.
    event.preventDefault();
    event.stopPropagation();
    Reveal[turn]();
  } else if (
    Object.entries(KEPT).some(([own, keys]) => target.matches(own) && keys.includes(key))
  ) {
    event.stopPropagation(); // it would turn the slide as well
  } else if (target.matches('select') && key !== 'Escape') {
    event.stopPropagation();
  } else if (target.matches('input, select') && key === 'Escape') {
    event.stopPropagation();
    target.blur();
  }
}

/** Reveal.js hears no key while a slider has the focus, so the pointer does not leave it there. */
function onPointerUp({ target }) {
  if (deck && target.matches('input[type=range]')) target.blur();
}

function leave() {
  lives.get(current)?.leave();
  current = undefined;
}

async function enter(root) {
  if (current === root) return;
  leave();
  current = root;
  const learns = root.dataset.learn !== undefined;
  const { bringToLife } = await (learns ? import('../learn/widget.js') : import('./widget.js'));
  if (!lives.has(root)) {
    root.addEventListener('keydown', onKey);
    root.addEventListener('pointerup', onPointerUp);
    lives.set(
      root,
      bringToLife(root, { name: String(roots().indexOf(root)), mirrors: isReceiver }),
    );
  }
  if (current === root) lives.get(root).enter();
}

/**
 * Show the live slide that is current. On a phone all slides are one long page, which a picture's
 * gestures and seven widgets would make hard to scroll: there a link leads to live.html instead.
 */
function onSlide() {
  const root = !Reveal.isScrollView() && Reveal.getCurrentSlide()?.querySelector('.live');
  if (root) enter(root);
  else leave();
}

/** The network that an address of live.html names: '' for all of them, null for none. */
function named(address) {
  const { searchParams } = new URL(address);
  return searchParams.has('networks') ? '' : searchParams.get('network');
}

/** On the page live.html the address names the network, or all; else it is the first of them. */
function choose() {
  const all = roots();
  const chosen =
    all.find((root) => root.dataset.network === named(location.href)) ??
    all.find((root) => root.dataset.network !== '') ??
    all[0];
  for (const root of all) root.hidden = root !== chosen;
  for (const link of document.links) {
    if (!link.closest('nav')) continue;
    if (named(link.href) === chosen.dataset.network) link.setAttribute('aria-current', 'page');
  }
  return chosen;
}

answerQuestions();
if (deck) {
  const start = () => {
    if (Reveal.isPrintView()) return;
    for (const event of ['slidechanged', 'resize']) Reveal.on(event, onSlide);
    window.addEventListener('resize', () => requestAnimationFrame(onSlide));
    onSlide();
  };
  if (window.Reveal?.isReady()) start();
  else deck.addEventListener('ready', start);
} else {
  enter(choose());
}
