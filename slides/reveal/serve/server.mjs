// Serves the decks to this machine alone, also on a network of strangers: what a deck shows, and no
// other file.
//
// The pages are reveal-md's. Its server is not: that listens on every interface, serves the whole
// working directory (.git included), opens a second port for live reload, and ends at the first
// malformed address or mistyped front matter, with no setting for any of this.

import { EventEmitter, once } from 'node:events';
import { lstatSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

import { readCheck } from '../check/serve.mjs';
import { fillIn } from '../html.mjs';
import { livePage, RUNTIME_FILES, RUNTIME_FOLDER } from '../expand/live.mjs';
import { named, SERVED } from '../expand/links.mjs';
import { policy } from './policy.mjs';
import { frontMatterMistake, isPlainFile, listDecks, root } from '../project.mjs';
import { renderDeck, renderList } from './render.mjs';

const LONGEST_ADDRESS = 2048; // characters; the deck's own addresses have fewer than 100
const LOCAL_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);
const WATCHED = ['slides', 'static', 'code'];
const NOT_WATCHED = new Set(['node_modules', 'runs', '__pycache__']);
// ms: the watcher passes over a second change within 50 of the first, as when an editor empties a file
// and then fills it; a page that reloads later than that sees both.
const RELOAD_DELAY = 100;
const RELOADED_TYPES = 'md html css js mjs json py svg png jpg webp onnx'.split(' ');
const RELOAD_SCRIPT = '/livereload.js';
const LESSON = /^\/_assets\/code\/[^/]+\.py$/;
const DECK = /^\/(.+)\.md$/;
const LIVE_PAGE = '/live.html';
const PAGE = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const PLAIN_TEXT = 'text/plain; charset=utf-8';

const require = createRequire(import.meta.url);
const revealMd = require.resolve('reveal-md/package.json');
const ofRevealMd = createRequire(revealMd);
const livereload = ofRevealMd('livereload');
const send = createRequire(ofRevealMd.resolve('express'))('send');

// The browser's half of live reload, which livereload would serve on its own port.
const reloadScript = createRequire(ofRevealMd.resolve('livereload')).resolve('livereload-js');

// The files that have an address of their own. Of onnxruntime, no other is sent.
const FILES = Object.fromEntries([
  ['/favicon.ico', path.join(revealMd, '..', 'lib', 'favicon.ico')],
  ...Object.entries(RUNTIME_FILES).map(([name, file]) => [
    `/_assets/ort/${name}`,
    path.join(root, RUNTIME_FOLDER, file),
  ]),
]);
const OF_REVEAL = path.join(ofRevealMd.resolve('reveal.js'), '..', '..');
const SLIDES = path.join(root, 'slides');
const FOLDERS = [
  ['/_assets/code/', path.join(root, 'code')],
  ['/_assets/static/', path.join(root, 'static')],
  ['/_assets/slides/', SLIDES],
  ['/dist/', path.join(OF_REVEAL, 'dist')],
  ['/plugin/', path.join(OF_REVEAL, 'plugin')],
  ['/css/highlight/', path.join(ofRevealMd.resolve('highlight.js'), '..', '..', 'styles')],
];

/** A request that is not answered from the deck: an HTTP status and a sentence for its page. */
class Refusal extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

const REFUSED = 'There is nothing to send for this request.';
const notFound = () => new Refusal(404, REFUSED);

/** Print one line for the author, whatever was thrown. */
const report = (error) => process.stderr.write(`${oneLine(error)}\n`);

/** The first line of an error's message, without the folder that it happened in. */
function oneLine(error) {
  if (error?.name === 'YAMLException') {
    const { line, message } = frontMatterMistake(error);
    return `the front matter is not valid YAML${line ? ` (line ${line})` : ''}: ${message}`;
  }
  const [first] = String(error?.message ?? error).split(/[\r\n]/, 1);
  return first.replaceAll(root + path.sep, '');
}

/**
 * The path of a request's address, decoded, or a Refusal.
 *
 * Only one spelling of each path is let through, so that no two readers of an address (this file, the
 * one that sends files, the file system) can understand it differently.
 */
function readAddress(address) {
  if (address.length > LONGEST_ADDRESS) throw new Refusal(414, 'This address is too long.');
  const encoded = address.split('?', 1)[0];
  let decoded;
  try {
    decoded = decodeURIComponent(encoded);
  } catch {
    throw new Refusal(400, 'This address has a broken percent sequence.');
  }
  const ambiguous =
    !encoded.startsWith('/') ||
    /%2[ef]/i.test(encoded) || // a dot or slash in disguise
    /[%\\?#:\p{Cc}]/u.test(decoded) || // a second decoding; Windows' separator, drives and streams
    /\/\/|\.\./.test(decoded);
  if (ambiguous) throw new Refusal(400, 'This address is not one of a deck.');
  if (/\/\./.test(decoded)) throw notFound();
  return decoded;
}

/**
 * Tell whether a request came by one of this machine's own names, at any port (a tunnel's too).
 *
 * A page of a stranger can point its own name at 127.0.0.1 and then read what is served there (DNS
 * rebinding), but it cannot change the Host header that the browser sends with it.
 */
function isLocal({ headers: { host = '' } }) {
  return LOCAL_NAMES.has(host.toLowerCase().replace(/:\d+$/, ''));
}

/** Tell whether a deck names this file, `slides/…`: no other is sent, and none is on the site. */
async function isNamed(file) {
  // After a restart, a page may ask for its pictures before anybody has asked for it.
  if (!named.has(file)) await Promise.allSettled(listDecks().map((name) => renderDeck(name)));
  return named.has(file);
}

/** Throw a Refusal unless the request comes by a local name and only reads. */
function admit(request) {
  if (!isLocal(request)) throw new Refusal(421, 'The deck answers as localhost only.');
  if (!['GET', 'HEAD'].includes(request.method))
    throw new Refusal(405, 'The deck can only be read.');
}

/** Tell whether a page of ours has this address, which hears of changes. */
function isPage(address) {
  const deck = DECK.exec(address)?.[1];
  return ['/', LIVE_PAGE].includes(address) || (deck !== undefined && listDecks().includes(deck));
}

/**
 * What is made anew each time it is asked for: its type and its text.
 *
 * @returns {Promise<[string, string | Buffer] | undefined>} undefined where the address may be a file's
 */
async function render(address) {
  if (address === '/') return [PAGE, await renderList()];
  if (address === RELOAD_SCRIPT) return [SCRIPT, readFileSync(reloadScript)];
  const page = address === LIVE_PAGE ? livePage(root, '/_assets') : undefined;
  if (page !== undefined) return [PAGE, page]; // for phones
  const deck = DECK.exec(address)?.[1];
  if (deck === undefined) return readCheck(address);
  if (!listDecks().includes(deck)) throw notFound();
  return [PAGE, await renderDeck(deck)];
}

/** The folder and the name of the file that has an address, or a Refusal where that is not the deck's. */
async function locate(address) {
  const file = FILES[address];
  if (file !== undefined) return [path.dirname(file), path.basename(file)];
  const [prefix, folder] = FOLDERS.find(([start]) => address.startsWith(start)) ?? [];
  const name = address.slice(prefix?.length);
  const isOurs =
    folder !== undefined &&
    (prefix !== '/_assets/code/' || LESSON.test(address)) &&
    isPlainFile(folder, name) &&
    (folder !== SLIDES || (await isNamed(address.slice(`${SERVED}/`.length))));
  if (!isOurs) throw notFound();
  return [folder, name];
}

/** A page with one sentence. It asks for live reload, so that it goes away with its cause. */
function sendPage(response, status, sentence) {
  if (response.headersSent) return response.destroy();
  response.statusCode = status;
  if (status !== 416) response.removeHeader('Content-Range'); // of a file that could not be opened
  let [type, page] = [PAGE, sentence];
  try {
    page = fillIn(new URL('sentence.html', import.meta.url), { status, sentence });
  } catch {
    type = PLAIN_TEXT; // nothing below slides/ can be read any more
  }
  response.setHeader('Content-Length', Buffer.byteLength(page));
  response.setHeader('Content-Type', type);
  if (status === 405) response.setHeader('Allow', 'GET, HEAD');
  response.end(page);
}

/** Say what went wrong with a page, in one sentence, on the page and to its author. */
function fail(error, request, response) {
  const [address] = request.url.split('?', 1);
  const what = address === '/' ? 'The list of decks' : address.slice(1);
  const sentence = `${what} cannot be shown: ${oneLine(error)}`;
  report(sentence);
  sendPage(response, 500, sentence);
}

/** Send the file that has an address, or the part of it that is asked for. */
async function sendFile(request, response, address) {
  const [folder, name] = await locate(address);
  // A browser shows plain text, but downloads what a system may call a Python script.
  if (LESSON.test(address)) response.setHeader('Content-Type', PLAIN_TEXT);
  send(request, encodeURI(name), { root: folder })
    .on('error', (error) => {
      // It is the request's: a file that is gone by now, a range that it does not have.
      if (error.status < 500) sendPage(response, error.status, REFUSED);
      else fail(error, request, response);
    })
    .pipe(response);
}

/** Tell whether a path below the root holds nothing that a slide shows. */
const isIgnored = (file) =>
  file.split(path.sep).some((part) => NOT_WATCHED.has(part) || /^\.[^.]/.test(part));

/** A link is not followed when watching: it may lead to a data set of 60,000 images. */
const isLink = (file) => lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink();

/**
 * Tell the pages of what has changed.
 *
 * @param {EventEmitter} upgrades the connections that pages open for this
 * @returns {(address: string) => void} to be told of each page that is asked for
 */
function watch(upgrades) {
  const server = livereload.createServer({
    server: upgrades, // in place of port 35729, where a second presentation would find it taken
    exts: RELOADED_TYPES,
    delay: RELOAD_DELAY,
    exclusions: [(file) => isIgnored(path.relative(root, file)) || isLink(file)],
  });
  // It forgets a change that it could tell to nobody. A page that was made before such a change and
  // has connected since (an editor empties a file and then fills it) would stay as it is, so the
  // changes are counted, and a page that says hello after it missed one is told to reload.
  let changes = 0;
  const seen = new Map(); // the changes before a page was last asked for, by its address
  const refresh = server.refresh.bind(server);
  server.refresh = (file) => {
    changes += 1;
    refresh(file);
  };
  server.server.on('connection', (socket) =>
    socket.on('message', (message) => {
      const { command, url } = JSON.parse(message);
      if (command !== 'info' || !URL.canParse(url)) return;
      const { pathname } = new URL(url);
      if (seen.get(pathname) < changes) {
        socket.send(JSON.stringify({ command: 'reload', path: pathname, liveCSS: false }));
      }
    }),
  );
  server.watch(WATCHED.map((folder) => path.join(root, folder)));
  return (address) => seen.set(encodeURI(address), changes);
}

/**
 * Serve the decks on a port of this machine alone.
 *
 * Resolves when the server listens; rejects with the system's error (EADDRINUSE, EACCES) when it
 * cannot.
 */
export async function serve(port) {
  const ourPolicy = `${policy()}; frame-ancestors 'self'`;

  // An error outside of any request (a live reload message that is no JSON, a watched folder that
  // the system cannot watch, a promise that nobody waits for) would end the lecture.
  process.on('uncaughtException', report);

  // Of what a server has, livereload uses the connections.
  const upgrades = Object.assign(new EventEmitter(), { listen() {}, close() {} });
  const noteVisit = watch(upgrades);

  const answer = async (request, response) => {
    // No page of another site may read a file of the deck, or show the deck in a frame; the
    // speaker view does, from here.
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    response.setHeader('X-Frame-Options', 'SAMEORIGIN');
    // A page that a lecturer lays into static/, a plot perhaps, may have scripts inside.
    const [asked] = request.url.split('?', 1);
    if (asked === LIVE_PAGE || !/\.html?$/i.test(asked)) {
      response.setHeader('Content-Security-Policy', ourPolicy);
    }
    try {
      admit(request);
      // The query is for the page's scripts.
      const address = readAddress(request.url);
      if (isPage(address)) noteVisit(address);
      const [type, text] = (await render(address)) ?? [];
      if (type === undefined) return await sendFile(request, response, address);
      response.setHeader('Content-Type', type);
      response.end(text);
    } catch (error) {
      if (error instanceof Refusal) sendPage(response, error.status, error.message);
      else fail(error, request, response);
    }
  };

  const upgrade = (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    // A browser lets every page open a socket to every server, and names the page in Origin.
    const { host, origin = `http://${host}` } = request.headers;
    const sameOrigin = origin === `http://${host}` && request.url === '/livereload';
    if (isLocal(request) && sameOrigin) upgrades.emit('upgrade', request, socket, head);
    else socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
  };

  const doors = ['127.0.0.1', '::1'].map((host) => {
    const server = http.createServer(answer).on('upgrade', upgrade);
    return once(server.listen({ port, host }), 'listening');
  });
  const [v4, v6] = (await Promise.allSettled(doors)).map((door) =>
    door.status === 'rejected' ? door.reason : undefined,
  );
  // `localhost` is ::1 in some browsers, so a port that is free on one address only is not free. A
  // machine without IPv6 is served on 127.0.0.1 alone.
  const without6 = ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(v6?.code);
  const error = v4 ?? (without6 ? undefined : v6);
  if (error) throw error;
}
