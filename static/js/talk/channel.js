// What the windows of one deck tell each other: the audience's, and the two pages in the speaker view.

const channel = new BroadcastChannel(`talk ${location.pathname}`);

/** Whether this page is one of the two in the speaker view. */
export const isReceiver = new URLSearchParams(location.search).has('receiver');

/** Tell the other windows something: `{kind: what}`. */
export const tell = (message) => channel.postMessage(message);

/** Call `act` with what another window tells of a kind. */
export function hear(kind, act) {
  channel.addEventListener('message', ({ data }) => {
    if (kind in data) act(data[kind]);
  });
}
