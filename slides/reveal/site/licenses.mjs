// licenses.txt of the site: the terms of the course, and those of all that it ships of others.

import fs from 'node:fs';
import path from 'node:path';

import { isKept, isThere, listFiles, readJson, readText, Refusal, root } from '../project.mjs';

export const LICENSES = 'licenses.txt';

// The packages that the site has files of, and in which of its folders. reveal.js has two of them
// inside of its plugins, in the versions that its package.json names. A test finds what is missing.
/** @type {{name: string, within?: string, license?: string, folders: string[]}[]} */
const PACKAGES = [
  { name: 'reveal.js', folders: ['dist', 'plugin'] },
  {
    name: 'marked',
    within: 'reveal.js',
    license: 'MIT',
    folders: ['plugin/markdown', 'plugin/notes'],
  },
  { name: 'highlight.js', within: 'reveal.js', folders: ['plugin/highlight'] },
  { name: 'highlight.js', folders: ['css/highlight'] },
  { name: 'onnxruntime-web', folders: ['ort'] },
];
// Licenses of packages that come without, or that are within another.
const TEXTS = 'slides/reveal/site/licenses';
const isSample = (file) => file.startsWith('static/samples/') && !isKept(file);
const RULE = '-'.repeat(80);

/**
 * The license of a package.
 *
 * @param {(typeof PACKAGES)[number]} one
 * @throws {Refusal} where there is none
 */
function readPackage({ name, within, license, folders }) {
  const packageOf = (other) => readJson(`node_modules/${other}/package.json`);
  const version = within
    ? packageOf(within).devDependencies[name].replace(/^\D+/, '')
    : packageOf(name).version;
  const folder = `node_modules/${name}`;
  const own = isThere(folder)
    ? fs.readdirSync(path.join(root, folder)).find((file) => /^licen[cs]e(\.\w+)?$/i.test(file))
    : undefined;
  const file = own ? `${folder}/${own}` : `${TEXTS}/${name}.txt`;
  if (!isThere(file)) {
    throw new Refusal(`${name}: the package has no license file: put its license into ${file}`);
  }
  const terms = license ?? packageOf(name).license;
  return { title: `${name} ${version}, ${terms}`, folders, text: readText(file) };
}

/** The licenses that lie in static/. Throws a Refusal where a font or the samples have none. */
function readStatic() {
  const all = listFiles(path.join(root, 'static'), { recursive: true });
  const files = all.map((name) => `static/${name}`);
  const licenses = files.filter((file) => /\/LICENSE[^/]*$/.test(file));
  const plain = (text) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  for (const font of files.filter((file) => /\.(woff2?|ttf|otf)$/i.test(file))) {
    const { dir, name } = path.posix.parse(font);
    const isOfIt = (license) => {
      const family = path.posix.parse(license).name.replace('LICENSE-', '');
      return path.posix.dirname(license) === dir && plain(name).startsWith(plain(family));
    };
    if (!licenses.some(isOfIt)) {
      throw new Refusal(`${font}: its license is missing: put it into ${dir}/LICENSE-FAMILY.txt`);
    }
  }
  const folders = files.filter(isSample).map((file) => path.posix.dirname(file));
  for (const folder of new Set(folders)) {
    if (licenses.some((license) => path.posix.dirname(license) === folder)) continue;
    throw new Refusal(`${folder}: their license is missing: put it into ${folder}/LICENSE.txt`);
  }
  return licenses.map((file) => {
    const { dir, name } = path.posix.parse(file);
    const [, family] = name.split('-');
    const text = readText(file);
    const terms = /SIL Open Font License, Version [\d.]*\d|MIT License/.exec(text)?.[0];
    const title = [family ?? path.posix.basename(dir), terms].filter(Boolean).join(', ');
    return { title, folders: [dir], text };
  });
}

/** The licenses of the course itself, those that there are. */
function readOwn() {
  return ['LICENSE', 'slides/LICENSE']
    .filter((file) => isThere(file))
    .map((file) => ({ title: file, folders: [], text: readText(file) }));
}

/** Read all licenses. Throws a Refusal when one is missing of what the site will ship. */
export function readLicenses() {
  return { own: readOwn(), others: [...PACKAGES.map(readPackage), ...readStatic()] };
}

/**
 * Write licenses.txt into the site `out`, when all else is there.
 *
 * @param {string} out the site's folder
 * @param {{title: string, license: string}} course what readCourse returned
 * @param {object} licenses what readLicenses returned
 */
export function writeLicenses(out, course, { own, others }) {
  const shipped = others
    .map((one) => {
      const there = one.folders.filter((folder) => fs.existsSync(path.join(out, folder)));
      return { ...one, there, title: `${one.title}: ${there.join(', ')}` };
    })
    .filter(({ there }) => there.length > 0);
  const parts = [
    `${course.title}\n\n${course.license}`,
    `This site has files of others:\n\n${shipped.map(({ title }) => title).join('\n')}`,
    ...[...own, ...shipped].map(
      ({ title, text }) => `${RULE}\n${title}\n${RULE}\n\n${text.trim()}`,
    ),
  ];
  // Many a server does not name the encoding of a text: the mark at its start does.
  fs.writeFileSync(path.join(out, LICENSES), `\uFEFF${parts.join('\n\n')}\n`);
}
