// Shows in the speaker view what the audience sees: its two pages of the deck run no network.

/** Tell whether this page is one of the two in the speaker view, as deck.js does. */
export const isMirror = () => Boolean(window.frameElement && window.parent.opener);

// One deck speaks with itself alone, and only with pages from the same server.
const channel = new BroadcastChannel(`live ${location.pathname}`);
const states = new Map();

/** Tell the speaker view what a widget shows: pixels, answers, words. */
export function share(widget, state) {
  states.set(widget, state);
  channel.postMessage({ widget, state });
}

/** Let the speaker view ask for what is shown, since it may be opened later. */
export function answerQuestions() {
  channel.addEventListener('message', ({ data }) => {
    if (data.question === true && states.has(data.widget))
      share(data.widget, states.get(data.widget));
  });
}

/** Call `show` with what the audience's widget shows, now and from now on. */
export function follow(widget, show) {
  channel.addEventListener('message', ({ data }) => {
    if (data.state && data.widget === widget) show(data.state);
  });
  channel.postMessage({ widget, question: true });
}
