// Puts a built site into _site/, and takes it away again: `node slides/reveal/site/site.mjs` for `make clean`.
//
// The folder may be a checkout of the published pages and hold more than the build wrote: CNAME, say,
// or a folder of somebody's own. So a list of the build's files lies in it, and of all that is there
// these alone are replaced and removed.

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { command, Refusal, root, takeOptions } from '../project.mjs';

export const SITE = path.join(root, '_site');
const LIST = '.built-from-slides';
// A site that is kept in git, say on a branch for GitHub's pages, has its history in here.
const HISTORY = '.git';

const look = (...parts) => fs.lstatSync(path.join(...parts), { throwIfNoEntry: false });

/** The folders that lead to a file, the outermost first. */
const foldersOf = (file) =>
  file
    .split('/')
    .slice(0, -1)
    .map((_, n, parts) => parts.slice(0, n + 1).join('/'));

/** Every file of a folder, by its path in it. */
const filesIn = (folder) =>
  fs
    .readdirSync(folder, { encoding: 'utf8', recursive: true })
    .filter((file) => !look(folder, file)?.isDirectory())
    .map((file) => file.split(path.sep).join('/'))
    .sort();

/** The files that the build has written into a folder, of which some may be gone. */
function listed(out) {
  try {
    const files = JSON.parse(fs.readFileSync(path.join(out, LIST), 'utf8'));
    // It comes with a checkout, so it is no reason to touch anything outside of the folder.
    const isInside = (file) =>
      typeof file === 'string' &&
      !file.split(/[/\\]/).some((part) => /^(\.\.|\.git|.*:)?$/i.test(part));
    return new Set(files.filter(isInside));
  } catch {
    return new Set(); // an older build's, or broken: whatever is there is not known as ours
  }
}

function writeList(out, files) {
  const whole = path.join(out, `${LIST}.new`);
  fs.writeFileSync(whole, `${JSON.stringify(files, null, 1)}\n`);
  fs.renameSync(whole, path.join(out, LIST));
}

/** Remove files of the build, and the folders that are empty then. */
function removeFiles(out, files) {
  const leadsInside = (file) => foldersOf(file).every((folder) => look(out, folder)?.isDirectory());
  for (const file of files.filter(leadsInside)) {
    if (look(out, file)?.isDirectory()) continue;
    fs.rmSync(path.join(out, file), { force: true });
    for (const folder of foldersOf(file).reverse()) {
      if (fs.readdirSync(path.join(out, folder)).length > 0) break;
      fs.rmdirSync(path.join(out, folder));
    }
  }
}

/**
 * Put a site into a folder, in place of the one that an earlier build has put there.
 *
 * @param {string} built the folder that it was built in
 * @param {string} out where to put it
 * @throws {Refusal} when no build has filled the folder, or when this one would write over what none
 *   has written
 */
export function putInPlace(built, out) {
  const name = path.relative(root, out) || out;
  const stats = look(out);
  if (stats && !stats.isDirectory()) {
    throw new Refusal(`${name} is not a folder of this build: move it away`);
  }
  const entries = stats ? fs.readdirSync(out).filter((entry) => entry !== HISTORY) : [];
  if (entries.length > 0 && !entries.includes(LIST)) {
    throw new Refusal(`${name} holds files that this build did not write: move it away`);
  }
  const before = listed(out);
  const files = filesIn(built);
  const inTheWay = [
    ...new Set(
      files.flatMap(foldersOf).filter((folder) => look(out, folder)?.isDirectory() === false),
    ),
    ...files.filter((file) =>
      before.has(file) ? look(out, file)?.isFile() === false : look(out, file),
    ),
  ];
  if (inTheWay.length > 0) {
    const others = inTheWay.length > 1 ? ` and ${inTheWay.length - 1} more` : '';
    throw new Refusal(
      `${name}/${inTheWay[0]}${others}: this build did not write that and would write over it: move it away`,
    );
  }
  fs.mkdirSync(out, { recursive: true });
  // Before anything else, so that what this leaves when it is cut short is known as its own.
  writeList(out, [...new Set([...before, ...files])]);
  removeFiles(
    out,
    [...before].filter((file) => !files.includes(file)),
  );
  for (const file of files) {
    const target = path.join(out, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.rmSync(target, { force: true });
    fs.copyFileSync(path.join(built, file), target);
  }
  writeList(out, files);
}

/** Take the site out of its folder, and say what stays in there. */
function takeAway() {
  const site = look(SITE);
  if (!site) return;
  const isFolder = site.isDirectory();
  if (!isFolder || look(SITE, HISTORY)) {
    console.error(`make clean: _site is ${isFolder ? 'a git checkout' : 'no folder'} and stays`);
    return;
  }
  removeFiles(SITE, [...listed(SITE)]);
  const entries = fs.readdirSync(SITE).filter((entry) => entry !== LIST);
  if (entries.length === 0) {
    fs.rmSync(SITE, { recursive: true });
    return;
  }
  if (look(SITE, LIST)) writeList(SITE, []); // the next build knows the folder by it
  console.error(`make clean: _site keeps what no build wrote: ${entries.join(', ')}`);
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await command(() => {
    takeOptions('make clean');
    takeAway();
  });
}
