// A line that says for a moment what a key has done.

const LONG_ENOUGH = 3000; // ms

const line = document.createElement('p');
line.className = 'talk-said';
line.setAttribute('role', 'status');
document.body.append(line);
let hiding;

export function say(text) {
  line.textContent = text;
  clearTimeout(hiding);
  hiding = setTimeout(() => (line.textContent = ''), LONG_ENOUGH);
}
