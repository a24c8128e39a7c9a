// Answers many calls of functions of slides/reveal in one process. A line of stdin holds the file, the
// function and its arguments, one of stdout what it returned and the arguments as it left them.

import { createInterface } from 'node:readline';

const home = new URL('../../slides/reveal/', import.meta.url);

for await (const line of createInterface({ input: process.stdin })) {
  const [file, name, ...given] = JSON.parse(line);
  const { [name]: called } = await import(new URL(file, home).href);
  console.log(JSON.stringify({ value: await called(...given), given }));
}
