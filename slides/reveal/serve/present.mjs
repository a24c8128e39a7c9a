// `npm start`: serves the decks, and opens the first in a browser.
//
//   PORT=1949   another port than 1948
//   OPEN=0      do not open a browser

import { spawn } from 'node:child_process';
import http from 'node:http';

import { isThere, listDecks, readJson, root } from '../project.mjs';

const OLDEST_NODE = 20;

/**
 * End with one line that says what is wrong and what to do.
 *
 * @returns {never}
 */
function refuse(line) {
  process.stderr.write(`${line}\n`);
  process.exit(2);
}

/** The port to serve on, from the environment. */
function choosePort() {
  const { PORT = '1948' } = process.env;
  const port = Number(PORT);
  if (/^\d+$/.test(PORT) && port >= 1 && port <= 65535) return port;
  return refuse(`PORT=${PORT} is not a port: choose a number from 1 to 65535, e.g. PORT=1949`);
}

/** The deck that slides/course.json names, if it is readable: a lecture goes on without it. */
function deckOfTheCourse() {
  try {
    return readJson('slides/course.json').deck;
  } catch {
    return undefined;
  }
}

/** The name of the deck to open: the course's own, or else the first in alphabetical order. */
function firstDeck() {
  const decks = listDecks();
  const own = deckOfTheCourse();
  const deck = decks.find((name) => name === own) ?? decks[0];
  return deck ?? refuse('There is no deck to present: slides/ has no .md file');
}

/** Resolve when the server has answered a request for `address`, with whatever status. */
function answered(port, address) {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path: address }, (response) => {
      response.resume().on('end', resolve);
    });
    request.on('error', reject);
  });
}

/** Show `url` in the user's browser; where none is found, the printed line has to do. */
function openBrowser(url) {
  const [command, ...options] = {
    darwin: ['open', url],
    win32: ['cmd', '/c', 'start', '""', url],
  }[process.platform] ?? ['xdg-open', url];
  spawn(command, options, { stdio: 'ignore', detached: true, windowsVerbatimArguments: true })
    .on('error', () => {})
    .unref();
}

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  const { node } = process.versions;
  refuse(`Node ${node} is too old: install Node ${OLDEST_NODE} or newer, https://nodejs.org`);
}
const [unknown] = process.argv.slice(2);
if (unknown !== undefined) {
  refuse(`npm start knows no ${unknown}: write npm start, with PORT and OPEN in the environment`);
}
const port = choosePort();
if (!isThere('node_modules', 'reveal-md', 'package.json')) {
  refuse('reveal-md is not installed: run npm ci');
}
const deck = encodeURI(`/${firstDeck()}.md`);
const url = `http://localhost:${port}${deck}`;

process.on('SIGINT', () => process.exit(0));
// npm passes a kill on to the shell that it started, and that shell passes nothing on: without
// whoever started it, the server would hold its port for ever. One that was started by hand may stay.
const starter = process.ppid;
if (process.env.npm_lifecycle_event ?? process.env.MAKELEVEL) {
  setInterval(() => process.ppid === starter || process.exit(0), 500).unref();
}
// reveal-md reads its settings from the working directory and from the command line.
process.chdir(root);
process.argv.push('--watch');

try {
  const { serve } = await import('./server.mjs');
  await serve(port);
  await answered(port, deck);
} catch (error) {
  if (error.code === 'EADDRINUSE') {
    const other = port < 65535 ? port + 1 : 1949;
    refuse(`Port ${port} is in use: choose another, e.g. PORT=${other} make present`);
  }
  if (error.code === 'EACCES') {
    refuse(`Port ${port} needs more rights: choose one above 1023, e.g. PORT=1949 make present`);
  }
  const reason = error.message.split('\n', 1)[0].replace(/^JSON5/, 'reveal-md.json');
  refuse(`The decks cannot be served: ${reason}`);
}
process.stdout.write(`Presenting ${url}  (Ctrl-C stops)\n`);
if (process.env.OPEN !== '0') openBrowser(url);
