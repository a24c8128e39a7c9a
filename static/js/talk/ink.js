// The lecturer's hand: pen, highlighter and laser pointer, by mouse, finger or stylus.

import { hear, tell } from './channel.js';
import { Sheet } from './sheet.js';

const TOOLS = {
  pen: { label: 'Pen', key: 68 }, // D
  marker: { label: 'Highlighter', key: 77 }, // M
  laser: { label: 'Laser', key: 88 }, // X
};
const KEYS = 'D  ,  M  ,  X';
const HELP =
  'Pen, highlighter, laser pointer; by touch, hold a finger on the slide. ' +
  'Z takes a stroke back, C clears the slide, ESC ends it';
const [ESC, Z, C] = [27, 90, 67];
const HOLD = 600; // ms, for a finger that asks for the tools
const STILL = 10; // pixels that it may move meanwhile
// What has a use of its own for a finger or a stylus.
const BUSY =
  'a, button, input, select, textarea, video, audio, canvas, [tabindex], .overlay, .live';

const round = (fraction) => Math.round(fraction * 1e4) / 1e4;

/** A bar with the tools, for whoever has no keys at hand. */
function makeBar(offers) {
  const bar = document.createElement('div');
  bar.className = 'ink-bar';
  bar.setAttribute('role', 'toolbar');
  bar.setAttribute('aria-label', 'Drawing');
  bar.hidden = true;
  for (const [label, act, tool] of offers) {
    const button = Object.assign(document.createElement('button'), { textContent: label });
    button.type = 'button';
    if (tool) button.dataset.tool = tool;
    button.addEventListener('click', act);
    // Space is to lead on, and not to press the button again.
    button.addEventListener('pointerdown', (event) => event.preventDefault());
    bar.append(button);
  }
  return bar;
}

/** A tool in the hand, or none. */
class Hand {
  constructor(deck) {
    this.deck = deck;
    this.sheet = new Sheet(deck);
    this.tool = '';
    this.hasStylus = false; // then a finger, or the ball of the hand, draws nothing
    this.dot = Object.assign(document.createElement('div'), { className: 'ink-dot', hidden: true });
    const { sheet } = this;
    this.keys = { [Z]: () => sheet.undo(), [C]: () => sheet.clear(), [ESC]: () => this.take('') };
    const tools = Object.entries(TOOLS).map(([tool, { label }]) => [
      label,
      () => this.take(tool),
      tool,
    ]);
    this.bar = makeBar([
      ...tools,
      ['Undo', this.keys[Z]],
      ['Clear', this.keys[C]],
      ['Done', this.keys[ESC]],
    ]);
    deck.getRevealElement().append(sheet.layer, this.dot, this.bar);
    hear('laser', (place) => this.light(place));
  }

  take(tool) {
    this.sheet.end();
    if (this.tool === 'laser') this.point(null);
    this.tool = tool;
    this.sheet.layer.dataset.tool = tool;
    this.bar.hidden = tool === '';
    for (const button of this.bar.querySelectorAll('button')) {
      const { tool: name } = button.dataset;
      if (name) button.setAttribute('aria-pressed', String(name === tool));
    }
    // These keys are the drawing's only while there is a tool.
    for (const [key, act] of Object.entries(this.keys)) {
      if (tool) this.deck.addKeyBinding(key, act);
      else this.deck.removeKeyBinding(key);
    }
  }

  toggle(tool) {
    this.take(tool === this.tool ? '' : tool);
  }

  /** Show the light of the laser pointer at a place, or nowhere. */
  light(place) {
    this.dot.hidden = !place;
    if (place) [this.dot.style.left, this.dot.style.top] = place.map((part) => `${100 * part}%`);
  }

  point(place) {
    this.light(place);
    tell({ laser: place });
  }

  place({ clientX, clientY }) {
    const { left, top, width, height } = this.sheet.layer.getBoundingClientRect();
    return [round((clientX - left) / width), round((clientY - top) / height)];
  }

  isMeant({ isPrimary, pointerType }) {
    return isPrimary && !(this.hasStylus && pointerType === 'touch');
  }

  onDown(event) {
    this.hasStylus ||= event.pointerType === 'pen';
    if (event.button !== 0 || !this.isMeant(event)) return;
    event.stopPropagation(); // or reveal.js would take it for swiping
    event.preventDefault();
    this.sheet.layer.setPointerCapture(event.pointerId);
    if (this.tool === 'laser') this.point(this.place(event));
    else this.sheet.begin(this.tool, this.place(event));
  }

  onMove(event) {
    if (!this.isMeant(event)) return;
    event.stopPropagation();
    if (this.tool === 'laser') this.point(this.place(event));
    const between = event.getCoalescedEvents?.() ?? [];
    const events = between.length > 0 ? between : [event];
    this.sheet.extend(events.map((each) => this.place(each)));
  }

  onUp({ pointerType }) {
    this.sheet.end();
    if (this.tool === 'laser' && pointerType !== 'mouse') this.point(null);
  }
}

/** Let a finger that is held on a slide ask for the tools, and a stylus draw at once. */
function welcomeTouch(deck, hand) {
  let waiting;
  let from;
  const home = deck.getRevealElement();
  const forget = () => clearTimeout(waiting);
  const isOurs = ({ target }) =>
    hand.tool === '' && !deck.isScrollView() && !deck.isOverview() && !target.closest(BUSY);
  const onDown = (event) => {
    forget();
    if (!isOurs(event)) return;
    if (event.pointerType === 'pen') {
      hand.take('pen');
      hand.onDown(event);
    } else if (event.pointerType === 'touch' && event.isPrimary) {
      from = event;
      waiting = setTimeout(() => hand.take('pen'), HOLD);
    }
  };
  const onMove = ({ clientX, clientY }) => {
    if (from && Math.hypot(clientX - from.clientX, clientY - from.clientY) > STILL) forget();
  };
  home.addEventListener('pointerdown', onDown, { capture: true });
  home.addEventListener('pointermove', onMove, { capture: true });
  for (const type of ['pointerup', 'pointercancel']) home.addEventListener(type, forget);
}

/** Offer the tools. */
export function drawOn(deck) {
  const hand = new Hand(deck);
  const { layer } = hand.sheet;
  layer.addEventListener('pointerdown', (event) => hand.onDown(event));
  layer.addEventListener('pointermove', (event) => hand.onMove(event));
  for (const type of ['pointerup', 'pointercancel']) {
    layer.addEventListener(type, (event) => hand.onUp(/** @type {PointerEvent} */ (event)));
  }
  layer.addEventListener('pointerleave', () => hand.tool === 'laser' && hand.point(null));
  for (const [tool, { key }] of Object.entries(TOOLS)) {
    const isFirst = tool === 'pen';
    const binding = isFirst ? { keyCode: key, key: KEYS, description: HELP } : key;
    deck.addKeyBinding(binding, () => hand.toggle(tool));
  }
  welcomeTouch(deck, hand);
}
