// Shows in the speaker view what the audience sees: its two pages of the deck run no network.

// One deck speaks with itself alone, and only with pages from the same server.
const channel = new BroadcastChannel(`live ${location.pathname}`);
const states = new Map();

/** Tell the speaker view what a widget shows. */
export function tell(widget, state) {
  states.set(widget, state);
  send(widget);
}

const send = (widget) => channel.postMessage({ widget, state: states.get(widget) });

/** The same of networks that answer: pixels, answers, words, the map that is large. */
export function share(widget, state, map) {
  const { pixels, what, sample, panel, settings, looks, within, asks, group } = state;
  const networks = state.networks.map((network) => ({
    ...network,
    source: undefined,
    file: undefined,
  }));
  const asking = state.networks.indexOf(asks);
  const shown = { pixels, what, sample, group, panel, settings, looks, within };
  tell(widget, { networks, asking, ...shown, map });
}

/** Let the speaker view ask for what is shown, since it may be opened later. */
export function answerQuestions() {
  channel.addEventListener('message', ({ data }) => {
    if (data.question === true && states.has(data.widget)) send(data.widget);
  });
}

/** Call `show` with what the audience's widget shows and its large map, now and from now on. */
export function follow(widget, show) {
  channel.addEventListener('message', ({ data: { widget: told, state } }) => {
    if (!state || told !== widget) return;
    const { map, asking, ...changes } = state;
    // The stages, whose names come with the network, must be offered before one is shown.
    const { networks, within } = changes;
    show({ ...changes, asks: networks?.[asking], offered: within && networks[0] }, map);
  });
  channel.postMessage({ widget, question: true });
}
