// Starts reveal.js, and sees to it that every slide fits its page.

(() => {
  // Numbers the slides as reveal.js does on the screen, before it takes them apart to print them.
  const Numbers = () => ({
    id: 'numbers',
    init() {
      // reveal.js takes out what is hidden, and does not count what is to be uncounted.
      const isShown = (slide) => slide.dataset.visibility !== 'hidden';
      const counted = (slide, h) => (slide.dataset.visibility === 'uncounted' ? h : h + 1);
      const slidesOf = (column) => {
        const below = [...column.querySelectorAll('section')];
        return (below.length > 0 ? below : [column]).filter(isShown);
      };
      [...document.querySelectorAll('.reveal .slides > section')]
        .filter((column) => isShown(column) && slidesOf(column).length > 0)
        .forEach((column, h) => {
          slidesOf(column).forEach((slide, v) => {
            const below = slide === column ? '' : `.${v + 1}`;
            slide.dataset.number = `${counted(slide, h)}${below}`;
            slide.dataset.place = `${h}/${v}`;
          });
        });
    },
  });

  const PLUGINS = [RevealMarkdown, Numbers, RevealHighlight, RevealNotes, RevealSearch, RevealZoom];
  // reveal.js does what a message says, whoever sends it: even load a script. Only the speaker view
  // has to ask for something. Pages opened as files have no origin that could be compared, and no
  // page of the Web can open one.
  const ORIGINS = location.protocol === 'file:' ? ['null', location.origin] : [location.origin];
  const guard = (event) => {
    if (!ORIGINS.includes(event.origin)) event.stopImmediatePropagation();
  };
  window.addEventListener('message', guard, { capture: true });

  const SMALLEST = 0.4;
  const LARGEST = 1.6;
  // What takes the height that is left on its slide.
  const RISING =
    ':scope > :is(.drawing, .curves, .comparison, .live, img, p:has(> img), .columns:has(img, svg))';
  const STEP = 0.03;

  const isWide = (element) => element.scrollWidth > element.clientWidth + 1;
  const overflows = (element) => element.scrollHeight > element.clientHeight + 1 || isWide(element);

  /** Tell whether something on a slide reaches into its margin. */
  const reachesInto = (padding, side) => (slide) => {
    const box = slide.getBoundingClientRect();
    const scale = box.height / slide.offsetHeight; // the overview shows the slides smaller
    const edge = box[side] - parseFloat(getComputedStyle(slide)[padding]) * scale;
    // What is not shown, such as the notes, would be at the window's corner: beyond a slide above it.
    const shown = [...slide.children].filter((child) => child.getClientRects().length > 0);
    return shown.some((child) => child.getBoundingClientRect()[side] > edge + 1);
  };
  const isFull = reachesInto('paddingBottom', 'bottom');
  const isBroad = reachesInto('paddingRight', 'right');

  /** Tell whether something reaches below the arrows in the corner. */
  function isBelowArrows(element) {
    const { right, bottom } = element.getBoundingClientRect();
    return [...document.querySelectorAll('.reveal > .controls button')]
      .map((arrow) => arrow.getBoundingClientRect())
      .some(({ width, left, top }) => width > 0 && right > left && bottom > top);
  }

  /** Shrink code until its lines are not cut; the slide's words keep their size and place. */
  function fitCode(pre) {
    const boxes = [...pre.querySelectorAll('code')];
    for (let size = 1; size >= SMALLEST; size -= STEP) {
      pre.style.setProperty('--fit', size);
      if (!boxes.some(overflows)) return;
    }
  }

  /** Let code and tables grow until they fill the slide, unless a drawing takes the room. */
  function grow(slide) {
    if (Reveal.isScrollView() || slide.querySelector(RISING)) return;
    const growing = [...slide.querySelectorAll(':scope > :is(pre, table)')];
    if (growing.length === 0) return;
    const starts = growing.map((each) => Number(each.style.getPropertyValue('--fit') || 1));
    const heights = growing.map((each) => each.offsetHeight);
    const fits = (factor) => {
      growing.forEach((each, n) => each.style.setProperty('--fit', factor * starts[n]));
      const wraps = (each, n) => each.rows && each.offsetHeight > factor * heights[n] + 6;
      if (isFull(slide) || isBroad(slide) || growing.some(wraps)) return false;
      if (growing.some(isBelowArrows)) return false;
      // Not by a pixel: Tab stops at what can be scrolled.
      const excess = (e) =>
        Math.max(e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight);
      return [...slide.querySelectorAll('pre code')].every((box) => excess(box) <= 0);
    };
    let factor = 1;
    for (let step = LARGEST / Math.min(...starts) - 1; step > 0.01; step /= 2) {
      if (fits(factor + step)) factor += step;
    }
    fits(factor);
  }

  /** Shrink a slide's text until the slide, and the code on it, holds its content. */
  function fit(slide) {
    slide.style.fontSize = '';
    slide.querySelectorAll('pre').forEach(fitCode);
    slide
      .querySelectorAll(':scope > table')
      .forEach((table) => table.style.removeProperty('--fit'));
    const boxes = [slide, ...slide.querySelectorAll('pre code, .columns > *')];
    const equations = [...slide.querySelectorAll('math[display]')];
    const isTooFull = () => isFull(slide) || boxes.some(overflows) || equations.some(isWide);
    for (let size = 1 - STEP; size >= SMALLEST && isTooFull(); size -= STEP) {
      slide.style.fontSize = `${size}em`;
    }
    if (slide.style.fontSize === '') grow(slide);
  }

  const isOnePage = () => Reveal.isScrollView() || Reveal.isPrintView();

  /** All slides; reveal.js leaves out those that are not to be counted. */
  const slides = () =>
    /** @type {HTMLElement[]} */ ([
      ...document.querySelectorAll('.reveal .slides section:not(.stack)'),
    ]);

  /** The slides that are shown: one, or on a phone and on paper each. Hidden, one has no box. */
  const shown = () =>
    (isOnePage() ? slides() : [Reveal.getCurrentSlide()]).filter(
      (slide) => slide && slide.clientHeight > 0,
    );

  /** Fit what an event may have changed: of an image that has loaded, its own slide. */
  function onEvent({ type, target }) {
    if (type === 'slidechanged' && Reveal.isScrollView()) return; // to fit all takes a second or more
    const isMeant = (slide) => type !== 'load' || slide.contains(target);
    shown().filter(isMeant).forEach(fit);
  }

  /** Keep the Tab key on the slide that is shown, where it alone is. */
  function confine() {
    const isOpen = isOnePage() || Reveal.isOverview();
    for (const slide of slides()) {
      slide.inert = !isOpen && slide !== Reveal.getCurrentSlide();
      // reveal.js leaves it on the slides below the first, which nobody could hear on a phone.
      if (isOnePage()) slide.removeAttribute('aria-hidden');
    }
  }

  /** On a phone, where all slides are one page, go to the one that an address names: #/3/1, #name. */
  function scrollTo(hash) {
    const [first, below = '0'] = hash.replace(/^#\/?/, '').split('/');
    const slide = /^\d+$/.test(first)
      ? document.querySelector(`[data-index-h="${first}"][data-index-v="${CSS.escape(below)}"]`)
      : document.getElementById(first);
    slide?.closest('.scroll-page')?.scrollIntoView({ behavior: 'instant' });
  }

  /** Number printed slides as on the screen, not by their page. */
  function renumber() {
    if (![true, 'h.v'].includes(Reveal.getConfig().slideNumber)) return;
    for (const number of document.querySelectorAll('.pdf-page > .slide-number-pdf')) {
      const slide = number.parentElement?.querySelector('section');
      number.textContent = slide?.dataset.number ?? '';
    }
  }

  /** Load the pages in frames, which reveal.js loads when their slide is shown, and paper shows all. */
  function loadFrames() {
    for (const frame of document.querySelectorAll('iframe')) {
      if (frame.dataset.src) frame.src = frame.dataset.src;
    }
  }

  /** Take out the space that reveal.js' line numbers put where a colored span ends with its line. */
  function mendListings() {
    for (const span of document.querySelectorAll('.hljs-ln-code > span:first-child')) {
      if (span.textContent === ' ' && span.nextSibling) span.textContent = '';
    }
  }

  async function start() {
    const { hash } = location; // reveal.js forgets it on a phone
    const options = JSON.parse(document.getElementById('deck-options')?.textContent ?? '{}');
    // Measured before the fonts are there, a slide that fits would overflow a moment later.
    await Promise.allSettled([...document.fonts].map((font) => font.load()));
    const deck = document.querySelector('.reveal');
    const on = (events, listener) =>
      events.split(' ').forEach((event) => deck?.addEventListener(event, listener));
    on('ready', mendListings);
    on('ready slidechanged overviewhidden resize pdf-ready', onEvent);
    on('ready slidechanged overviewshown overviewhidden pdf-ready', confine);
    on('pdf-ready', renumber);
    on('pdf-ready', loadFrames);
    // On a phone a picture takes its height when it arrives.
    deck?.addEventListener('load', onEvent, { capture: true });
    // reveal.js reports a resize only when its scale changes, and ours is always 1.
    window.addEventListener('resize', () =>
      requestAnimationFrame(() => {
        shown().forEach(fit);
        confine(); // a narrow window shows all slides
      }),
    );
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    await Reveal.initialize({
      center: false,
      display: 'flex',
      hash: true,
      height: '100%',
      margin: 0,
      pdfMaxPagesPerSlide: 1,
      pdfSeparateFragments: false,
      width: '100%',
      ...options,
      ...(isCalm && { transition: 'none', backgroundTransition: 'none' }),
      plugins: PLUGINS,
    });
    Reveal.registerKeyboardShortcut('PAGE UP  ,  PAGE DOWN', 'Previous, next slide (clicker)');
    scrollTo(hash);
    window.addEventListener('hashchange', () => scrollTo(location.hash));
  }

  start();
})();
