// Says below a drawing what the operation under the pointer, or with the focus, is.
//
// A drawing is one stop of the Tab key, however many operations it has: inside of it the arrow keys
// go from one to the next, and Escape gives them back to the deck. All other keys stay the deck's.
// The pointer never takes the focus, so that a lecturer who clicks a drawing still goes on by →.
// Nothing is announced: a focused operation says the same by its own name.

(() => {
  const HINT = matchMedia('(hover: none)').matches
    ? 'Tap an operation to read its size.'
    : 'Point at an operation, or press Tab, to read its size.';
  const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

  const operations = (drawing) => [...drawing.querySelectorAll('.op')];
  const isShown = (operation) => getComputedStyle(operation).visibility === 'visible';
  const label = (operation) => operation?.getAttribute('aria-label') ?? HINT;

  /** Let the Tab key stop at one operation of a drawing, one that can be seen. */
  function stopAt(drawing, operation) {
    for (const other of operations(drawing)) other.tabIndex = other === operation ? 0 : -1;
  }

  /** Steps hide and show operations: keep the stop on one that is there, or else on the drawing. */
  function settle(drawing) {
    const shown = operations(drawing).filter(isShown);
    if (shown.length === 0) drawing.tabIndex = 0;
    else drawing.removeAttribute('tabindex');
    if (!shown.some((operation) => operation.tabIndex === 0)) stopAt(drawing, shown[0]);
  }

  function onKey(drawing, event) {
    const shown = operations(drawing).filter(isShown);
    const now = shown.indexOf(document.activeElement);
    if (now < 0 || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (event.key === 'Escape') {
      shown[now].blur();
    } else if (event.key in STEPS || event.key === 'Home' || event.key === 'End') {
      const next = { Home: 0, End: shown.length - 1 }[event.key] ?? now + STEPS[event.key];
      const operation = shown[Math.min(Math.max(next, 0), shown.length - 1)];
      stopAt(drawing, operation);
      operation.focus();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function prepare(drawing) {
    const caption = drawing.querySelector('figcaption');
    if (!caption) return;
    const focused = () => document.activeElement?.closest?.('.op');
    const say = (operation) => {
      caption.textContent = label(operation);
    };
    say();
    drawing.addEventListener('focusin', (event) => say(event.target.closest('.op')));
    drawing.addEventListener('focusout', () => say());
    drawing.addEventListener('pointerover', (event) =>
      say(event.target.closest('.op') ?? focused()),
    );
    // A finger leaves at once, and then its owner reads.
    drawing.addEventListener('pointerleave', ({ pointerType }) => {
      if (pointerType === 'mouse') say(focused());
    });
    drawing.addEventListener('mousedown', (event) => event.preventDefault());
    drawing.addEventListener('keydown', (event) => onKey(drawing, event));
  }

  const deck = /** @type {HTMLElement} */ (document.querySelector('.reveal'));
  const all = () => document.querySelectorAll('.drawing:has(.op)');
  deck.addEventListener('ready', () => all().forEach(prepare));
  for (const event of ['ready', 'slidechanged', 'fragmentshown', 'fragmenthidden']) {
    deck.addEventListener(event, () => {
      const held = /** @type {SVGElement|null} */ (document.querySelector('.op:focus'));
      if (held && !(isShown(held) && Reveal.getCurrentSlide()?.contains(held))) held.blur();
      all().forEach(settle);
    });
  }
})();
