// Keeps reveal-md's server safe on a network of strangers.
//
// reveal-md listens on every interface, serves the whole working directory (.git included), opens a
// second port for live reload, and ends at the first malformed address or mistyped front matter.
// It offers no setting for any of this, so the few calls that it makes into express and livereload
// are replaced here, before it is loaded. Each replacement says what would happen without it.

import { EventEmitter } from 'node:events';
import { lstatSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

import './safe-yaml.mjs';
import { isOfCheck, sendCheck } from '../check/serve.mjs';
import { fillIn } from '../html.mjs';
import { livePage, RUNTIME_FILES, RUNTIME_FOLDER } from '../expand/live.mjs';
import { named, SERVED } from '../expand/links.mjs';
import { policy } from './policy.mjs';
import { frontMatterMistake, isPlainFile, listDecks } from '../project.mjs';
import { renderDeck, renderList } from './render.mjs';

const LONGEST_ADDRESS = 2048; // characters; the deck's own addresses have fewer than 100
const LOCAL_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);
const WATCHED = ['slides', 'static', 'code'];
const NOT_WATCHED = new Set(['node_modules', 'runs', '__pycache__']);
// ms: the watcher passes over a second change within 50 of the first, as when an editor empties a file
// and then fills it; a page that reloads later than that sees both.
const RELOAD_DELAY = 100;
const RELOADED_TYPES = 'md html css js mjs json py svg png jpg webp onnx'.split(' ');
const PLAIN_TEXT = 'text/plain; charset=utf-8';
const RELOAD_SCRIPT = '/livereload.js';
const LESSON = /^\/_assets\/code\/[^/]+\.py$/;
const DECK = /^\/(.+)\.md$/;
const LIVE_PAGE = '/live.html';
const isOwn = (address) =>
  ['/', '/favicon.ico', RELOAD_SCRIPT, LIVE_PAGE].includes(address) || isOfCheck(address);
// Where pages find onnxruntime, of which no other file is sent.
const RUNTIME = new Map(
  Object.entries(RUNTIME_FILES).map(([name, file]) => [`/_assets/ort/${name}`, file]),
);

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
const report = (error, root) => process.stderr.write(`${oneLine(error, root)}\n`);

/** The first line of an error's message, without the folder that it happened in. */
function oneLine(error, root) {
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
 * Only one spelling of each path is let through, so that no two readers of an address (this file,
 * express, reveal-md, the file system) can understand it differently.
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

/** The address at which reveal-md has what was asked for, or a Refusal where that is not the deck's. */
async function lead(address, folders) {
  if (isOwn(address)) return address;
  if (RUNTIME.has(address)) {
    return `/_assets/${RUNTIME_FOLDER.split(path.sep).join('/')}/${RUNTIME.get(address)}`;
  }

  const deck = DECK.exec(address)?.[1];
  if (deck !== undefined) {
    if (!listDecks().includes(deck)) throw notFound();
    return address;
  }
  const [prefix, folder] = LESSON.test(address)
    ? ['/_assets/code/', folders.lessons]
    : (folders.assets.find(([start]) => address.startsWith(start)) ?? []);
  if (!folder || !isPlainFile(folder, address.slice(prefix.length))) {
    throw notFound();
  }
  if (folder === folders.slides && !(await isNamed(address.slice(`${SERVED}/`.length)))) {
    throw notFound();
  }
  return address;
}

/** A page with one sentence. It asks for live reload, so that it goes away with its cause. */
function sendPage(request, response, status, sentence) {
  if (response.headersSent) return response.destroy();
  const page = fillIn(new URL('sentence.html', import.meta.url), { status, sentence });
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(page),
    ...(status === 405 && { Allow: 'GET, HEAD' }),
  });
  response.end(request.method === 'HEAD' ? undefined : page);
}

/** Tell whether a path below the root holds nothing that a slide shows. */
const isIgnored = (file) =>
  file.split(path.sep).some((part) => NOT_WATCHED.has(part) || /^\.[^.]/.test(part));

/** A link is not followed when watching: it may lead to a data set of 60,000 images. */
const isLink = (file) => lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink();

/** The browser's half of live reload, which livereload would serve on its own port. */
async function sendReloadScript(response, ofRevealMd) {
  const file = createRequire(ofRevealMd.resolve('livereload')).resolve('livereload-js');
  response.setHeader('Content-Type', 'text/javascript; charset=utf-8');
  response.end(await readFile(file));
}

/** The page for phones, made anew each time as the decks are. */
function sendLivePage(root, response) {
  const page = livePage(root, '/_assets');
  if (page === undefined) throw notFound();
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.end(page);
}

/** The page of a deck, or the list of them, made anew each time. */
async function sendDeck(address, response) {
  const deck = DECK.exec(decodeURI(address))?.[1];
  const page = await (deck === undefined ? renderList() : renderDeck(deck));
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.end(page);
}

/** One sentence on what went wrong with a page, for its author. */
function explain(error, address, root) {
  const what = address === '/' ? 'The list of decks' : address.slice(1);
  return `${what} cannot be shown: ${oneLine(error, root)}`;
}

/** Open the server on one address; resolves to it, or rejects with the system's error. */
function open(server, port, host) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

/**
 * Prepare this process for loading reveal-md's command, which then serves `root` on `port`.
 *
 * Resolves when the server listens; rejects with the system's error (EADDRINUSE, EACCES) when it
 * cannot.
 */
export function guard({ root, port }) {
  const require = createRequire(path.join(root, 'package.json'));
  const ofRevealMd = createRequire(require.resolve('reveal-md/package.json'));
  const express = ofRevealMd('express');
  const livereload = ofRevealMd('livereload');
  const reveal = path.join(ofRevealMd.resolve('reveal.js'), '..', '..');
  const folders = {
    slides: path.join(root, 'slides'),
    lessons: path.join(root, 'code'),
    assets: [
      ['/_assets/static/', path.join(root, 'static')],
      ['/_assets/slides/', path.join(root, 'slides')],
      ['/dist/', path.join(reveal, 'dist')],
      ['/plugin/', path.join(reveal, 'plugin')],
      ['/css/highlight/', path.join(ofRevealMd.resolve('highlight.js'), '..', '..', 'styles')],
    ],
  };

  const ourPolicy = `${policy()}; frame-ancestors 'self'`;

  // reveal-md tells what it serves, with folders of this machine, and warns that there is no
  // puppeteer, which the deck does without; errors keep their first line.
  console.log = console.warn = () => {};
  console.error = (...parts) => parts.forEach((part) => report(part, root));

  // An error outside of any request (a live reload message that is no JSON, a watched folder that
  // the system cannot watch, a promise that nobody waits for) would end the lecture.
  process.on('uncaughtException', (error) => report(error, root));

  // reveal-md's handlers are async and express 4 does not wait for them: a deck that cannot be
  // rendered would leave the browser waiting, and end the server by an unhandled rejection.
  const { get } = express.application;
  express.application.get = function (route, ...handlers) {
    const awaited = handlers.map((handler) => async (request, response, next) => {
      try {
        await handler(request, response, next);
      } catch (error) {
        next(error);
      }
    });
    return get.call(this, route, ...awaited);
  };

  // livereload would open port 35729, where a second presentation finds it taken. Its `server`
  // option takes any emitter of 'upgrade' events, so it gets those of the deck's own port. It
  // would also watch the slides alone.
  const upgrades = Object.assign(new EventEmitter(), { listen() {}, close() {} });
  // It forgets a change that it could tell to nobody. A page that was made before such a change and
  // has connected since (an editor empties a file and then fills it) would stay as it is, so the
  // changes are counted, and a page that says hello after it missed one is told to reload.
  let changes = 0;
  const seen = new Map(); // the changes before a page was last asked for, by its address
  const { createServer } = livereload;
  livereload.createServer = (config) => {
    const server = createServer({
      ...config,
      server: upgrades,
      exts: RELOADED_TYPES,
      delay: RELOAD_DELAY,
      exclusions: [(file) => isIgnored(path.relative(root, file)) || isLink(file)],
    });
    const watch = server.watch.bind(server);
    server.watch = () => watch(WATCHED.map((folder) => path.join(root, folder)));
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
    return server;
  };

  const fail = (error, request, response) => {
    const sentence = explain(error, request.url, root);
    report(sentence, root);
    sendPage(request, response, 500, sentence);
  };

  return new Promise((resolve, reject) => {
    // express would listen on every interface, and let every request in.
    express.application.listen = function () {
      this.disable('x-powered-by');
      // Last of all handlers, in place of express's own, which shows the stack. An error with a
      // status is the request's: a file that is gone by now, a range that it does not have.
      // eslint-disable-next-line no-unused-vars -- express knows such a handler by its four parameters
      this.use((error, request, response, next) => {
        if (error.status < 500) return sendPage(request, response, error.status, REFUSED);
        fail(error, request, response);
      });

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
          // Only the path goes on: the query is for the page's scripts, and reveal-md would take a
          // file name out of it.
          request.url = encodeURI(await lead(readAddress(request.url), folders));
          seen.set(request.url, changes);
          // A browser shows plain text, but downloads what a system may call a Python script.
          if (LESSON.test(request.url)) response.setHeader('Content-Type', PLAIN_TEXT);
          if (request.url === RELOAD_SCRIPT) await sendReloadScript(response, ofRevealMd);
          else if (request.url === LIVE_PAGE) sendLivePage(root, response);
          else if (isOfCheck(request.url)) await sendCheck(request.url, response);
          else if (request.url === '/' || DECK.test(request.url)) {
            await sendDeck(request.url, response);
          } else this(request, response);
        } catch (error) {
          if (error instanceof Refusal) sendPage(request, response, error.status, error.message);
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
        return open(server, port, host);
      });
      Promise.allSettled(doors).then((opened) => {
        const [v4, v6] = opened.map((door) =>
          door.status === 'rejected' ? door.reason : undefined,
        );
        // `localhost` is ::1 in some browsers, so a port that is free on one address only is not
        // free. A machine without IPv6 is served on 127.0.0.1 alone.
        const without6 = ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(v6?.code);
        const error = v4 ?? (without6 ? undefined : v6);
        if (error) reject(error);
        else resolve(undefined);
      });
    };
  });
}
