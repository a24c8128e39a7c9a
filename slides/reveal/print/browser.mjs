// A browser that opens pages of a built site without a server, to print them or to take pictures.

import fs from 'node:fs';
import path from 'node:path';

import { chromiumSwitches, findChromium } from './chromium.mjs';
import { load, Refusal, temporaryFolder } from '../project.mjs';

const { chromium } = await load('playwright-core');

const PATIENCE = 60_000; // ms
// Where the browser believes the site to be. No such host exists, and none is asked: every answer
// is given out of the site's folder, so that nobody else can ask meanwhile.
export const ORIGIN = 'http://deck.invalid';

/** Return the file of the site that a URL names; undefined when there is none. */
function fileFor(url, site) {
  try {
    const { origin, pathname } = new URL(url);
    const file = path.join(site, decodeURIComponent(pathname));
    const isOurs = origin === ORIGIN && file.startsWith(site + path.sep);
    return isOurs && fs.statSync(file).isFile() ? file : undefined;
  } catch {
    return undefined; // not there, or a broken percent sequence
  }
}

/** Start the browser. Throws a Refusal when it ends at once, as one of another system does. */
async function launch(executablePath) {
  try {
    return await chromium.launch({ executablePath, args: chromiumSwitches() });
  } catch (error) {
    // The lines that follow are its switches and whatever it printed itself.
    const [reason] = error.message.split('\n');
    throw new Refusal(
      `${executablePath} does not start (${reason}): let CHROMIUM name another Chromium or Chrome`,
    );
  }
}

/**
 * Do a job with a site and a browser, of which nothing is left behind.
 *
 * @template Written, Result
 * @param {(site: string) => Promise<Written>} write fills the empty folder `site`
 * @param {(browser: import('playwright-core').Browser, site: string, written: Written) =>
 *   Promise<Result>} job
 * @throws {Refusal} when there is no browser, before anything is written
 */
export async function withSite(write, job) {
  const program = findChromium();
  const site = temporaryFolder();
  const written = await write(site);
  const browser = await launch(program);
  try {
    return await job(browser, site, written);
  } finally {
    await browser.close();
  }
}

/**
 * Open an empty page whose requests are answered out of a folder.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} site the folder
 * @param {{width: number, height: number}} viewport CSS pixels
 * @returns {Promise<{page: import('playwright-core').Page, missing: Set<string>}>} the page, and the
 *   addresses that it asked for in vain
 */
export async function openPage(browser, site, viewport) {
  const page = await browser.newPage({ viewport, reducedMotion: 'reduce' });
  page.setDefaultTimeout(PATIENCE);
  const missing = new Set();
  await page.route('**', async (route) => {
    // Not by the event of a failed request: a browser also breaks off what it no longer needs.
    const url = route.request().url();
    const asset = fileFor(url, site);
    if (asset === undefined) missing.add(url.replace(`${ORIGIN}/`, ''));
    await (asset === undefined ? route.abort() : route.fulfill({ path: asset }));
  });
  return { page, missing };
}

/** Do a job with each of some things, three at a time: one page loads while another waits. */
export async function threeAtATime(things, job) {
  const waiting = [...things];
  const work = async () => {
    while (waiting.length > 0) await job(waiting.shift());
  };
  await Promise.all([work(), work(), work()]);
}
