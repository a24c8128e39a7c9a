// A timer that the room can see, for an exercise or a break.

import { hear, tell } from './channel.js';

const T = 84;
const DIGIT_0 = 48;
const MINUTES = 5;
const MINUTE = 60_000; // ms
const PAUSE = 1500; // ms, after which a digit begins another number

/** A time as a clock shows it: 90,000 ms are 1:30. */
export function clock(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Offer the timer: T begins and ends it, digits say how many minutes. */
export function countDown(deck) {
  const face = document.createElement('div');
  face.className = 'talk-timer';
  face.setAttribute('role', 'timer');
  face.hidden = true;
  document.body.append(face);
  let end = 0; // 0 when there is none
  let minutes = 0;
  let typed = 0;
  let ticking;

  const tick = () => {
    face.textContent = clock(end - Date.now());
    face.classList.toggle('over', end <= Date.now());
  };
  const begin = (count) => set(Date.now() + count * MINUTE);
  const type = (digit) => {
    minutes = (Date.now() - typed < PAUSE ? 10 * minutes : 0) + digit;
    typed = Date.now();
    if (minutes > 0) begin(minutes);
  };
  const keys = {};
  for (let digit = 0; digit < 10; digit += 1) keys[DIGIT_0 + digit] = () => type(digit);
  const show = (until) => {
    end = until;
    face.hidden = end === 0;
    clearInterval(ticking);
    if (end > 0) {
      tick();
      ticking = setInterval(tick, 200);
    }
    // They are the timer's only while there is one.
    for (const [key, act] of Object.entries(keys)) {
      if (end > 0) deck.addKeyBinding(key, act);
      else deck.removeKeyBinding(key);
    }
  };
  function set(until) {
    show(until);
    tell({ timer: until });
  }
  const toggle = () => (end > 0 ? set(0) : begin(MINUTES));
  face.addEventListener('click', () => set(0));
  const description = `Timer of ${MINUTES} minutes, or of the number typed after it; T ends it`;
  deck.addKeyBinding({ keyCode: T, key: 'T', description }, toggle);
  hear('timer', show);
  // A page that comes later, or again, asks whether the time is running.
  hear('ask', () => end > 0 && tell({ timer: end }));
  tell({ ask: true });
}
