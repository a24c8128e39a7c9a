// Prints the lecture as it is now, for `make accept`, which writes it into slides/lecture.json.

import { createHash } from 'node:crypto';

import { slidesOf } from '../check/read.mjs';
import { headingOf } from '../expand/heading.mjs';
import { NOTES } from '../expand/marks.mjs';
import { command, Refusal } from '../project.mjs';
import { readDecks } from './build.mjs';
import { readSettings } from './course.mjs';

await command(() => {
  const decks = readDecks();
  const { deck: name } = readSettings(decks);
  const { front, columns, minutes, ...deck } = decks.find((each) => each.name === name);
  const untimed = deck.slides.findIndex((slide) => !/data-timing="[1-9]/.test(slide));
  if (untimed >= 0) {
    const { line, title } = slidesOf({ ...deck, columns })[untimed];
    const said = `the notes of "${title}" must begin with the time it takes: write "3 minutes."`;
    throw new Refusal(`slides/${name}.md:${line}: ${said}`);
  }
  const slides = columns.map(([first]) => ({
    heading: headingOf(first) ?? '',
    // A digest of what a slide says is enough to see that it has changed; git says how.
    sha256: createHash('sha256').update(first.split(NOTES)[0].trim()).digest('hex'),
  }));
  console.log(JSON.stringify({ front_matter: front, minutes, slides }));
});
