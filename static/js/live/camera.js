// The webcam: frame after frame for as long as it is wanted, and then off.

import { frame } from './engine.js';

const PAUSE = 80; // ms between frames, so that the lecturer's machine has time for the rest

const WHY = {
  NotAllowedError: 'the browser was not allowed to use the webcam',
  NotFoundError: 'there is no webcam',
  NotReadableError: 'another program uses the webcam',
};

/** Ask for the webcam; an Error says in one line why there is no picture. */
async function open() {
  if (!navigator.mediaDevices) {
    throw new Error('the webcam works on https:// pages and on localhost only');
  }
  const video = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: 'environment' };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: false, video });
  } catch ({ name, message }) {
    throw new Error(WHY[name] ?? `the webcam does not start: ${message}`);
  }
}

/** @param {MediaStream} [stream] */
const close = (stream) => stream?.getTracks().forEach((track) => track.stop());

/** Return what turns the webcam on and off. @param {import('./widget.js').Live} live */
export function webcam({ state, update, show }) {
  /** @type {MediaStream|undefined} */
  let stream;
  let turn = 0;

  async function film(isCurrent) {
    const video = document.createElement('video');
    Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
    await video.play();
    while (isCurrent()) {
      const pixels =
        video.videoWidth > 0 && (await frame(await createImageBitmap(video), state.side));
      if (pixels && isCurrent()) show(pixels, 'The webcam');
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  function end() {
    turn += 1;
    close(stream);
    stream = undefined;
    update({ isFilming: false });
  }

  async function begin() {
    update({ trouble: undefined });
    turn += 1;
    const mine = turn;
    const isCurrent = () => mine === turn && state.isEntered;
    try {
      const opened = await open();
      // Left while the browser still asked whether it may.
      if (!isCurrent()) return close(opened);
      stream = opened;
      update({ isFilming: true });
      film(isCurrent).catch(() => close(opened)); // stopped between two lines above
    } catch ({ message }) {
      if (isCurrent()) update({ trouble: `Webcam: ${message}` });
    }
  }

  return { end, toggle: () => (stream ? end() : begin()) };
}
