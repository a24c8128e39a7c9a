// Finds a Chromium on this machine. Run as a script, it prints the path and then, one a line, the
// switches to start it with. get-chromium.mjs installs one where there is none.

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { command, Refusal } from '../project.mjs';

/** Where get-chromium.mjs puts the one of npm's registry. */
export const FROM_NPM = fileURLToPath(
  new URL('../../../.browser/chromium-of-npm', import.meta.url),
);
const PATIENCE = 20_000; // ms

const COMMANDS = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'microsoft-edge',
  'msedge',
];

const HOW_TO =
  {
    darwin:
      'install Google Chrome from https://www.google.com/chrome or run: brew install --cask chromium',
    win32:
      'install Google Chrome from https://www.google.com/chrome or run: winget install Google.Chrome',
  }[process.platform] ?? 'on Debian or Ubuntu run: sudo apt install chromium';

/** Where installers put the browser on systems that do not put it on the PATH. */
function usualPlaces() {
  const home = os.homedir();
  if (process.platform === 'darwin') {
    const applications = ['/Applications', path.join(home, 'Applications')];
    const names = ['Google Chrome', 'Chromium', 'Microsoft Edge'];
    return applications.flatMap((folder) =>
      names.map((name) => `${folder}/${name}.app/Contents/MacOS/${name}`),
    );
  }
  if (process.platform === 'win32') {
    const { PROGRAMFILES, 'PROGRAMFILES(X86)': programs86, LOCALAPPDATA } = process.env;
    const ends = [
      'Google\\Chrome\\Application\\chrome.exe',
      'Chromium\\Application\\chrome.exe',
      'Microsoft\\Edge\\Application\\msedge.exe',
    ];
    return [PROGRAMFILES, programs86, LOCALAPPDATA].flatMap((folder) =>
      folder ? ends.map((end) => path.join(folder, end)) : [],
    );
  }
  return []; // elsewhere they put it on the PATH
}

/** Where Playwright downloads its browser to, the newest first. */
function fromPlaywright() {
  const cache =
    {
      darwin: path.join(os.homedir(), 'Library', 'Caches', 'ms-playwright'),
      win32: path.join(process.env.LOCALAPPDATA ?? os.homedir(), 'ms-playwright'),
    }[process.platform] ?? path.join(os.homedir(), '.cache', 'ms-playwright');
  const folder = process.env.PLAYWRIGHT_BROWSERS_PATH ?? cache;
  if (!fs.existsSync(folder)) return [];
  const testing = 'Google Chrome for Testing';
  const ends = [
    'chrome-linux/chrome',
    'chrome-linux64/chrome',
    'chrome-linux-arm64/chrome',
    'chrome-mac/Chromium.app/Contents/MacOS/Chromium',
    `chrome-mac-x64/${testing}.app/Contents/MacOS/${testing}`,
    `chrome-mac-arm64/${testing}.app/Contents/MacOS/${testing}`,
    'chrome-win/chrome.exe',
    'chrome-win64/chrome.exe',
  ];
  return fs
    .readdirSync(folder)
    .filter((name) => /^chromium-\d+$/.test(name))
    .sort()
    .reverse()
    .flatMap((name) => ends.map((end) => path.join(folder, name, end)));
}

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * Whether a file is a browser that works: Ubuntu's may be a script that says to install a snap, and
 * a download may lack libraries. On Windows it would open a window, so there it is believed.
 */
export function starts(file) {
  if (!isProgram(file)) return false;
  if (process.platform === 'win32') return true;
  return spawnSync(file, ['--version'], { stdio: 'ignore', timeout: PATIENCE }).status === 0;
}

/**
 * Return the path of a Chromium, Chrome or Edge: the one that CHROMIUM names, or the first found
 * that starts.
 *
 * @throws {Refusal} when there is none, with how to get one
 */
export function findChromium() {
  const { CHROMIUM, PATH = '' } = process.env;
  if (CHROMIUM) {
    if (isProgram(CHROMIUM)) return path.resolve(CHROMIUM);
    throw new Refusal(`CHROMIUM=${CHROMIUM} is not a program; ${HOW_TO}, or let CHROMIUM name one`);
  }
  const onPath = PATH.split(path.delimiter).flatMap((folder) =>
    COMMANDS.map((name) => path.join(folder, name)),
  );
  const found = [...onPath, ...usualPlaces(), ...fromPlaywright(), FROM_NPM].find(starts);
  if (found !== undefined) return found;
  throw new Refusal(`no Chromium found; ${HOW_TO}, or let CHROMIUM name one`);
}

// What a new window would load for an address bar that nobody sees: most of the work of opening one.
const UNSEEN = ['WebUIOmniboxAimPopup', 'WebUIOmniboxPopup'];
// What Playwright turns off: its switch counts for nothing before one that is of the same name.
const OFF = [
  'AimEnabled',
  'AvoidCorsURLLoaderRestartOnRedirect',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'PreconnectToSearch',
  'TcpPortRandomizationWin',
  'ThirdPartyStoragePartitioning',
  'msEdgeUpdateLaunchServicesPreferredVersion',
  'msForceBrowserSignIn',
];

/** The switches for a browser that works for a program and talks to nobody. */
export function chromiumSwitches() {
  const quiet = [
    '--disable-background-networking',
    '--disable-component-update',
    `--disable-features=${[...OFF, ...UNSEEN].join(',')}`,
    '--disable-quic',
    '--disable-sync',
    '--no-first-run',
  ];
  // Chromium's sandbox refuses to work for root, and in most containers that test pages.
  return process.getuid?.() === 0 || process.env.CI ? [...quiet, '--no-sandbox'] : quiet;
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await command(() => console.log([findChromium(), ...chromiumSwitches()].join('\n')));
}
