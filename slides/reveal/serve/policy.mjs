// The Content-Security-Policy of our pages: a browser runs in them the scripts of this server, and
// nothing that stands in a deck, in an address or in a message of another page.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The digest of the one script that reveal.js writes into a window: that of the speaker view. */
function speakerView() {
  const require = createRequire(import.meta.url);
  const reveal = createRequire(require.resolve('reveal-md/package.json')).resolve('reveal.js');
  const view = path.join(reveal, '..', '..', 'plugin', 'notes', 'speaker-view.html');
  const [, script] = readFileSync(view, 'utf8').split(/<\/?script>/, 2);
  return createHash('sha256').update(script).digest('base64');
}

/** The policy, as a page's meta element can carry it. */
export function policy() {
  return [
    "default-src 'self'",
    // onnxruntime is WebAssembly.
    `script-src 'self' 'wasm-unsafe-eval' 'sha256-${speakerView()}'`,
    // reveal.js and the bars of a live slide set styles in attributes.
    "style-src 'self' 'unsafe-inline'",
    // What a lecturer shows from elsewhere can do nothing here.
    'img-src * data: blob:',
    'media-src * data: blob:',
    'frame-src *',
    "object-src 'none'",
    "base-uri 'none'",
  ].join('; ');
}
