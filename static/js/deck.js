// Starts reveal.js, and sees to it that every slide fits its page.

(() => {
  const PLUGINS = [RevealMarkdown, RevealHighlight, RevealNotes, RevealSearch, RevealZoom];
  const SMALLEST = 0.4;
  const STEP = 0.03;

  const overflows = (element) =>
    element.scrollHeight > element.clientHeight + 1 ||
    element.scrollWidth > element.clientWidth + 1;

  /** Tell whether the last thing on a slide reaches into the margin below it. */
  function isFull(slide) {
    const box = slide.getBoundingClientRect();
    const scale = box.height / slide.offsetHeight; // the overview shows the slides smaller
    const foot = box.bottom - parseFloat(getComputedStyle(slide).paddingBottom) * scale;
    return [...slide.children].some((child) => child.getBoundingClientRect().bottom > foot + 1);
  }

  /** Shrink a slide's text until the slide, and the code on it, holds its content. */
  function fit(slide) {
    slide.style.fontSize = '';
    const boxes = [slide, ...slide.querySelectorAll('pre code')];
    for (
      let size = 1 - STEP;
      size >= SMALLEST && (isFull(slide) || boxes.some(overflows));
      size -= STEP
    ) {
      slide.style.fontSize = `${size}em`;
    }
  }

  /** Fit the slides that are laid out now; reveal.js gives the far ones no box. */
  function fitAll() {
    const slides = document.querySelectorAll('.reveal .slides section:not(.stack)');
    [...slides].filter((slide) => slide.clientHeight > 0).forEach(fit);
  }

  /** Keep the Tab key on the slide that is shown, where it alone is. */
  function confine() {
    const everywhere = Reveal.isOverview() || Reveal.isScrollView() || Reveal.isPrintView();
    for (const slide of Reveal.getSlides()) {
      slide.inert = !everywhere && slide !== Reveal.getCurrentSlide();
    }
  }

  /** Take out the space that reveal.js' line numbers put where a colored span ends with its line. */
  function mendListings() {
    for (const span of document.querySelectorAll('.hljs-ln-code > span:first-child')) {
      if (span.textContent === ' ' && span.nextSibling) span.textContent = '';
    }
  }

  async function start() {
    const options = JSON.parse(document.getElementById('deck-options').textContent);
    // Measured before the fonts are there, a slide that fits would overflow a moment later.
    const fonts = [
      '1em Lato',
      'bold 1em Lato',
      'italic 1em Lato',
      '600 1em Lora',
      '1em "JetBrains Mono"',
    ];
    await Promise.allSettled(fonts.map((font) => document.fonts.load(font)));
    document.querySelector('.reveal').addEventListener('ready', mendListings);
    for (const event of ['ready', 'slidechanged', 'resize', 'pdf-ready']) {
      document.querySelector('.reveal').addEventListener(event, fitAll);
    }
    for (const event of ['ready', 'slidechanged', 'overviewshown', 'overviewhidden']) {
      document.querySelector('.reveal').addEventListener(event, confine);
    }
    // On a phone a picture takes its height when it arrives.
    document.querySelector('.reveal').addEventListener('load', fitAll, { capture: true });
    // reveal.js reports a resize only when its scale changes, and ours is always 1.
    window.addEventListener('resize', () =>
      requestAnimationFrame(() => {
        fitAll();
        confine(); // a narrow window shows all slides
      }),
    );
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
      ...(matchMedia('(prefers-reduced-motion: reduce)').matches && {
        transition: 'none',
        backgroundTransition: 'none',
      }),
      plugins: PLUGINS,
    });
  }

  start();
})();
