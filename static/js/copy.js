// Puts a button on each listing of a lesson's page that copies it.

// Browsers have no clipboard for a page that came without encryption.
const listings = navigator.clipboard ? document.querySelectorAll('.highlight') : [];

for (const listing of listings) {
  const button = document.createElement('button');
  const say = (words) => {
    button.textContent = words;
  };
  say('Copy');
  button.addEventListener('click', async () => {
    const code = listing.querySelector('pre')?.textContent ?? '';
    await navigator.clipboard.writeText(code).then(
      () => say('Copied'),
      () => say('Not copied'),
    );
    setTimeout(say, 2000, 'Copy');
  });
  listing.append(button);
}
