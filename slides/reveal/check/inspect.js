// The windows in which slides are read, with the least size of text there, and of code: small ones are
// read from near by.
export const WINDOWS = [
  { width: 1024, height: 768, smallest: 13, code: 20 },
  { width: 1024, height: 400, smallest: 0 },
  // Every window of this shape shows the same, in another size.
  { width: 1920, height: 1080, smallest: 26, code: 27 },
];
export const PHONE = { width: 390, height: 844, smallest: 10, at: 'on a phone' };
export const PAPER = { width: 1280, height: 720, smallest: 13, at: 'on paper' };

/**
 * List all that does not fit on a slide, at any step, or cannot be read there. Runs in a page with a
 * deck, and uses nothing but what is in it and its own argument.
 *
 * @param {object} options
 * @param {number} options.smallest the least size of text in pixels
 * @param {number} [options.code] the same for code
 * @param {boolean} [options.isHere] the slide that is shown, at this step, and no other
 * @returns {Promise<{place: string, kind: string, subject: string, said: string,
 *   share?: number}[]>} the slide's place, `3/2`; what is wrong with what; of a text that is too small,
 *   its share of the least size
 */
export default async function inspect({ smallest, code = smallest, isHere = false }) {
  const found = new Map();
  const blamed = new Map();

  /** Tell of an element, unless one around it, or this one at another step, was told of. */
  function tell(slide, kind, element, said, more = {}) {
    const elements = blamed.get(kind) ?? new Set();
    blamed.set(kind, elements);
    for (let e = element; e && e !== slide; e = e.parentElement) if (elements.has(e)) return;
    elements.add(element);
    const { place } = slide.dataset;
    const each = { place, kind, subject: nameOf(element), said, ...more };
    const key = [place, kind, each.subject].join();
    if (!found.has(key)) found.set(key, each);
  }

  function nameOf(element) {
    const tag = `<${element.tagName.toLowerCase()}>`;
    const src = element.getAttribute('src')?.slice(0, 200).split(/[?#]/)[0].split('/').at(-1);
    if (src) return `${tag} ${src}`;
    const words = (element.ariaLabel ?? element.textContent).trim().replace(/\s+/g, ' ');
    return `${tag} "${words.length > 40 ? `${words.slice(0, 40)} …` : words}"`;
  }

  const canvas = /** @type {OffscreenCanvasRenderingContext2D} */ (
    new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  );
  const known = new Map();
  const rgba = (color) => {
    if (!known.has(color)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      known.set(color, canvas.getImageData(0, 0, 1, 1).data);
    }
    return known.get(color);
  };
  /** A color as it is seen over another. */
  const over = (color, alpha, behind) =>
    [0, 1, 2].map((i) => alpha * color[i] + (1 - alpha) * behind[i]);
  /** How much of an element is seen; a step may dim what it does not speak of. */
  const opacity = (element, slide) => {
    let share = 1;
    for (let e = element; e && e !== slide; e = e.parentElement) {
      if (!e.matches('.fragment')) share *= Number(getComputedStyle(e).opacity);
    }
    return share;
  };
  const luminance = (color) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
      const v = color[i] / 255;
      return sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    }, 0);
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const MOVING = ['video', 'iframe', 'gradient'].map((kind) => `[data-background-${kind}]`).join();
  /** The colors that a slide's background may have, whatever its picture shows; none if unknown. */
  const behind = (slide) => {
    if (slide.matches(MOVING)) return [];
    const named = rgba(getComputedStyle(slide.slideBackgroundElement).backgroundColor);
    const color = named[3] === 255 ? named : [255, 255, 255];
    if (!slide.matches('[data-background-image]')) return [color];
    const share = Number(getComputedStyle(slide.slideBackgroundContentElement).opacity);
    return [0, 255].map((one) => over([one, one, one], share, color));
  };
  /** The colors that an element may stand on. */
  const grounds = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return [color];
      // reveal.js keeps the background of a slide elsewhere.
      const below = e.slideBackgroundElement;
      const isNamed = below && rgba(getComputedStyle(below).backgroundColor)[3] === 255;
      if (isNamed || (below && e.matches(`${MOVING}, [data-background-image]`))) return behind(e);
    }
    return [[255, 255, 255]];
  };

  // What a text of a drawing stands on: the last shape drawn before it that reaches below it.
  const shapes = 'rect, path, polygon, circle, ellipse';
  const groundsInDrawing = (text, svg) => {
    const box = text.getBoundingClientRect();
    const middle = new DOMPoint(box.x + box.width / 2, box.y + box.height / 2);
    const below = [...svg.querySelectorAll(shapes)].filter(
      (shape) =>
        shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING &&
        shape.isPointInFill(middle.matrixTransform(shape.getScreenCTM().inverse())) &&
        rgba(getComputedStyle(shape).fill)[3] === 255,
    );
    return below.length > 0 ? [rgba(getComputedStyle(below.at(-1)).fill)] : grounds(svg);
  };

  function checkText(element, slide) {
    const { color, fill, fontSize } = getComputedStyle(element);
    const svg = element.closest('svg');
    const size = parseFloat(fontSize) * (svg ? element.getScreenCTM().a : 1);
    const least = element.closest('pre') ? code : smallest;
    if (size < least) {
      const said = `is ${size.toFixed(1)} px high, less than ${least}: say less, or set it larger`;
      tell(slide, 'size', element, said, { share: size / least });
    }
    // The lines that a step does not speak of are dimmed on purpose.
    if (element.closest('.hljs tr:not(.highlight-line), .hljs-ln-numbers')) return;
    const letters = rgba(svg ? fill : color);
    const alpha = (opacity(element, slide) * letters[3]) / 255;
    const ratios = (svg ? groundsInDrawing(element, svg) : grounds(element)).map((below) =>
      contrast(over(letters, alpha, below), below),
    );
    const ratio = Math.min(...ratios);
    if (ratio < 4.5) {
      const said = `has a contrast of ${ratio.toFixed(1)}, less than 4.5: choose another color`;
      tell(slide, 'contrast', element, said);
    }
  }

  // An equation counts as one: its accents lie over its letters.
  const BOXES = ['PRE', 'IMG', 'svg', 'math'];

  /** The boxes that a text's lines fill, without the room around the letters. */
  function lines(element) {
    if (BOXES.includes(element.tagName)) return [element.getBoundingClientRect()];
    const range = document.createRange();
    return [...element.childNodes]
      .filter((node) => node.nodeType === 3 && node.data.trim())
      .flatMap((node) => {
        range.selectNodeContents(node);
        return [...range.getClientRects()].map((r) => ({
          left: r.left + 1,
          right: r.right - 1,
          top: r.top + 0.2 * r.height,
          bottom: r.bottom - 0.2 * r.height,
        }));
      });
  }

  const areApart = (a, b) =>
    a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;

  /** Complain of things that lie over one another. The steps of a listing do; it counts as one. */
  function checkOverlaps(things, slide) {
    const boxes = things
      .filter((thing) => !thing.parentElement.closest('pre'))
      .flatMap((thing) => lines(thing).map((box) => ({ thing, box })));
    boxes.forEach((one, n) => {
      for (const other of boxes.slice(n + 1)) {
        const apart = areApart(one.box, other.box);
        if (apart || one.thing.contains(other.thing) || other.thing.contains(one.thing)) continue;
        tell(slide, 'overlap', one.thing, `lies over ${nameOf(other.thing)}: move one of them`);
      }
    });
  }

  /** Complain of words below an arrow that leads to another slide. */
  function checkControls(things, slide) {
    const arrows = [...document.querySelectorAll('.reveal > .controls button.enabled')]
      .filter((arrow) => arrow.checkVisibility({ visibilityProperty: true }))
      .map((arrow) => arrow.getBoundingClientRect());
    for (const thing of things.filter((each) => each.tagName !== 'svg')) {
      const under = lines(thing).some((box) => arrows.some((arrow) => !areApart(box, arrow)));
      const said = 'lies under an arrow that leads to another slide: leave that corner free';
      if (under) tell(slide, 'arrow', thing, said);
    }
  }

  /** What a step to come shows is hidden. A picture in an SVG is cut to the SVG's box, on purpose. */
  const isSeen = (element) =>
    !element.closest('aside, defs, image') &&
    element.getClientRects().length > 0 &&
    getComputedStyle(element).visibility !== 'hidden';

  /** Complain of what leaves its slide, or has not all the room that it needs. */
  function checkRoom(element, slide, { left, right, top, bottom }) {
    // On a phone a drawing is wider than the page and moves sideways.
    const drawing = element.closest('.drawing');
    const moves = drawing && getComputedStyle(drawing).overflowX === 'auto';
    const r = element.getBoundingClientRect();
    const leaves = r.left < left || r.right > right || r.top < top || r.bottom > bottom;
    if (leaves && !(moves && element !== drawing)) {
      tell(slide, 'leaves', element, 'leaves the slide: say less, or spread it over two slides');
    }
    const { clientWidth, clientHeight, scrollWidth, scrollHeight } = element;
    const isCut = scrollWidth > clientWidth + 1 || scrollHeight > clientHeight + 1;
    if (isCut && !moves && getComputedStyle(element).overflow !== 'visible') {
      tell(slide, 'cut', element, 'is cut: show less of it, or break its lines');
    }
  }

  /** Complain of a picture that is none, or that says nothing to who cannot see it. */
  function checkPicture(image, slide) {
    const isOurs = new URL(image.currentSrc || image.src, location.href).origin === location.origin;
    if (isOurs && image.complete && image.naturalWidth === 0) {
      tell(slide, 'picture', image, 'cannot be shown: save it as a picture anew');
    }
    const isForEyes = image.matches('[role="presentation"], [role="none"], [aria-hidden="true"]');
    const isName = image.closest('button') !== null; // which says what the button does, in short
    const words = image.alt.trim();
    const isNone = isName ? !words : words.length < 3 || /^\S+\.[a-z]\w{1,3}$/i.test(words); // a file's name
    if (isNone && !isForEyes) {
      const said = 'has no words for who cannot see it: let its alternative text say what it shows';
      tell(slide, 'alt', image, said);
    }
  }

  function check(slide) {
    if (slide.matches('.mistake')) return; // it is not the author's, and says what is wrong
    const style = getComputedStyle(slide);
    const box = slide.getBoundingClientRect();
    if (box.width > innerWidth + 1 || box.height > innerHeight + 1) {
      tell(slide, 'window', slide, 'is larger than the window: say less', {
        subject: 'the slide',
      });
    }
    // Nothing may come closer to an edge than the slide's own margin, nor that be next to nothing.
    const margin = (side) => Math.max(parseFloat(style[`padding${side}`]), 0.02 * box.width) - 2;
    const left = box.left + margin('Left');
    const right = box.right - margin('Right');
    const top = box.top + margin('Top');
    const bottom = box.bottom - margin('Bottom');
    const things = [];
    for (const element of slide.querySelectorAll('*')) {
      if (!isSeen(element)) continue;
      checkRoom(element, slide, { left, right, top, bottom });
      const isText = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
      if (isText) checkText(element, slide);
      if (element.tagName === 'IMG') checkPicture(element, slide);
      const isInside = element.parentElement.closest('math') !== null;
      if (!isInside && (isText || BOXES.includes(element.tagName))) things.push(element);
    }
    checkOverlaps(things, slide);
    checkControls(things, slide);
  }

  const frame = () => new Promise(requestAnimationFrame);

  /** Wait for the pictures of a slide, and until it is fitted to them. */
  async function arrived(slide) {
    const coming = [...slide.querySelectorAll('img')].filter((image) => !image.complete);
    if (coming.length === 0) return;
    await Promise.allSettled(coming.map((image) => image.decode()));
    await frame();
  }

  const pages = document.querySelectorAll(':is(.scroll-page, .pdf-page) section');
  if (isHere) {
    check(Reveal.getCurrentSlide());
  } else if (pages.length > 0) {
    await Promise.all([...pages].map(arrived));
    pages.forEach((slide) => check(slide));
  } else {
    // A changed window has them fitted in the frame in which it is told of.
    await frame();
    await frame();
    // A browser reckons with all slides at each step, so there is no other one meanwhile.
    const slides = /** @type {HTMLElement[]} */ ([
      ...document.querySelectorAll('.reveal .slides section:not(.stack)'),
    ]);
    const contents = new Map(slides.map((slide) => [slide, [...slide.childNodes]]));
    for (const slide of contents.keys()) slide.replaceChildren();
    for (const [slide, content] of contents) {
      slide.replaceChildren(...content);
      const { h, v } = Reveal.getIndices(slide);
      Reveal.slide(h, v, -1);
      await arrived(slide);
      do check(slide);
      while (Reveal.nextFragment());
      slide.replaceChildren();
    }
    for (const [slide, content] of contents) slide.replaceChildren(...content);
  }
  return [...found.values()];
}
