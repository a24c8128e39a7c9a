// `npm run pdf [-- FILE]`: prints every deck, one page a slide, to NAME.pdf or to FILE.

import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

import { buildSite, command, load, readDecks, Refusal, root } from './build.mjs';
import { chromiumSwitches, findChromium } from './chromium.mjs';

const { chromium } = await load('playwright-core');

const PAGE = { width: 1280, height: 720 };
const PATIENCE = 60_000; // ms
const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Serve a folder on the loopback interface only, for as long as we print from it. */
function serve(folder) {
  const server = http.createServer((request, response) => {
    const file = path.join(
      folder,
      decodeURIComponent(new URL(request.url, 'http://localhost').pathname),
    );
    fs.readFile(file, (error, content) => {
      response.writeHead(error ? 404 : 200, {
        'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream',
      });
      response.end(content);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** Print the deck `name` to a file. Throws a Refusal when the deck asks for what is not on the site. */
async function print(browser, site, { name, slides }, file) {
  const page = await browser.newPage({ viewport: PAGE });
  page.setDefaultTimeout(PATIENCE);
  const missing = [];
  await page.route(
    (url) => url.origin !== site,
    (route) => route.abort(),
  );
  page.on('requestfailed', (request) => missing.push(request.url()));
  page.on('response', (response) => response.ok() || missing.push(response.url()));
  await page.goto(`${site}/${encodeURIComponent(name)}.html?view=print`, {
    waitUntil: 'networkidle',
  });
  await page.waitForSelector('.pdf-page');
  if (missing.length > 0) {
    throw new Refusal(
      `slides/${name}.md asks for ${missing[0]}, which is not in static/: a deck loads nothing from elsewhere`,
    );
  }
  const pages = await page.locator('.pdf-page').count();
  if (pages !== slides.length)
    throw new Error(`${pages} pages for the ${slides.length} slides of ${name}`);
  const bytes = await page.pdf({ preferCSSPageSize: true, printBackground: true, tagged: true });
  await page.close();
  // Written only when whole, so that a failure leaves the last one as it was.
  fs.writeFileSync(file, bytes);
  console.log(`${path.relative(process.cwd(), file)}: ${pages} pages`);
}

await command(async () => {
  const [wanted] = process.argv.slice(2);
  let executablePath;
  try {
    executablePath = findChromium();
  } catch (error) {
    throw new Refusal(error.message);
  }
  if (wanted !== undefined && readDecks().length !== 1) {
    throw new Refusal(
      'there are several decks in slides/, so their PDFs take their names: leave FILE out',
    );
  }
  if (wanted !== undefined && !fs.existsSync(path.dirname(path.resolve(wanted)))) {
    throw new Refusal(
      `there is no folder ${path.dirname(wanted)} to write ${path.basename(wanted)} into`,
    );
  }
  const site = fs.mkdtempSync(path.join(os.tmpdir(), 'slides-'));
  let server;
  let browser;
  try {
    const decks = buildSite(site);
    server = await serve(site);
    browser = await chromium.launch({ executablePath, args: chromiumSwitches() });
    for (const deck of decks) {
      const file = path.resolve(wanted ?? path.join(root, `${deck.name}.pdf`));
      await print(browser, `http://127.0.0.1:${server.address().port}`, deck, file);
    }
  } finally {
    await browser?.close();
    server?.close();
    fs.rmSync(site, { recursive: true, force: true });
  }
});
