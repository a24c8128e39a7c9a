// Evaluated in a page with a deck: lists everything on any slide, at any step, that does not fit
// there or cannot be read. `smallest` is the least size of text in pixels, `code` that of code;
// `here`: only on the slide that is shown, at its step.
async ({ smallest, code = smallest, here = false }) => {
  const wrong = [];

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
  const luminance = (color) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
      const v = color[i] / 255;
      return sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    }, 0);
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgba(getComputedStyle(e).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255];
  };

  // What a text of a drawing stands on: the last shape drawn before it that reaches below it.
  const shapes = 'rect, path, polygon, circle, ellipse';
  const groundOfDrawing = (text, svg) => {
    const box = text.getBoundingClientRect();
    const middle = new DOMPoint(box.x + box.width / 2, box.y + box.height / 2);
    const below = [...svg.querySelectorAll(shapes)].filter(
      (shape) =>
        shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING &&
        shape.isPointInFill(middle.matrixTransform(shape.getScreenCTM().inverse())) &&
        rgba(getComputedStyle(shape).fill)[3] === 255,
    );
    return below.length > 0 ? rgba(getComputedStyle(below.at(-1)).fill) : ground(svg);
  };

  function checkText(element, name) {
    const { color, fill, fontSize } = getComputedStyle(element);
    const svg = element.closest('svg');
    const size = parseFloat(fontSize) * (svg ? element.getScreenCTM().a : 1);
    const least = element.closest('pre') ? code : smallest;
    if (size < least) wrong.push(`${name} is ${size.toFixed(1)}px`);
    // The lines that a step does not speak of are dimmed on purpose.
    if (element.closest('.hljs tr:not(.highlight-line), .hljs-ln-numbers')) return;
    const behind = svg ? groundOfDrawing(element, svg) : ground(element);
    const ratio = contrast(rgba(svg ? fill : color), behind);
    if (ratio < 4.5) wrong.push(`${name} has a contrast of ${ratio.toFixed(1)}`);
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

  /** Complain of things that lie over one another. The steps of a listing do; it counts as one. */
  function checkOverlaps(things, place) {
    const boxes = things
      .filter((thing) => !thing.parentElement.closest('pre'))
      .flatMap((thing) => lines(thing).map((box) => ({ thing, box })));
    const word = (thing) => `${thing.tagName} ${thing.textContent.trim().slice(0, 30)}`;
    boxes.forEach((one, n) => {
      for (const other of boxes.slice(n + 1)) {
        const [a, b] = [one.box, other.box];
        const apart =
          a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
        if (apart || one.thing.contains(other.thing) || other.thing.contains(one.thing)) continue;
        wrong.push(`${place}: ${word(one.thing)} lies over ${word(other.thing)}`);
      }
    });
  }

  /** Complain of words below an arrow that leads to another slide. */
  function checkControls(things, place) {
    const arrows = [...document.querySelectorAll('.reveal > .controls button.enabled')]
      .filter((arrow) => arrow.checkVisibility({ visibilityProperty: true }))
      .map((arrow) => arrow.getBoundingClientRect());
    for (const thing of things.filter((each) => each.tagName !== 'svg')) {
      const under = lines(thing).some((box) =>
        arrows.some(
          (arrow) =>
            box.right > arrow.left &&
            box.left < arrow.right &&
            box.bottom > arrow.top &&
            box.top < arrow.bottom,
        ),
      );
      const words = thing.textContent.trim().slice(0, 30);
      if (under) wrong.push(`${place}: an arrow lies over ${thing.tagName} ${words}`);
    }
  }

  /** What a step to come shows is hidden. */
  const isSeen = (element) =>
    !element.closest('aside, defs') &&
    element.getClientRects().length > 0 &&
    getComputedStyle(element).visibility !== 'hidden';

  /** Complain of what leaves its slide, or has not all the room that it needs. */
  function checkRoom(element, name, { left, right, top, bottom }) {
    // On a phone a drawing is wider than the page and moves sideways.
    const drawing = element.closest('.drawing');
    const moves = drawing && getComputedStyle(drawing).overflowX === 'auto';
    const r = element.getBoundingClientRect();
    const leaves = r.left < left || r.right > right || r.top < top || r.bottom > bottom;
    if (leaves && !(moves && element !== drawing)) wrong.push(`${name} leaves the slide`);
    const { clientWidth, clientHeight, scrollWidth, scrollHeight } = element;
    const isCut = scrollWidth > clientWidth + 1 || scrollHeight > clientHeight + 1;
    if (isCut && !moves && getComputedStyle(element).overflow !== 'visible') {
      wrong.push(`${name} is cut`);
    }
  }

  function check(slide, place) {
    const style = getComputedStyle(slide);
    const box = slide.getBoundingClientRect();
    if (box.width > innerWidth + 1 || box.height > innerHeight + 1) {
      wrong.push(`${place} is larger than the window`);
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
      const name = `${place}: ${element.tagName} ${element.textContent.trim().slice(0, 30)}`;
      checkRoom(element, name, { left, right, top, bottom });
      const isText = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
      if (isText) checkText(element, name);
      const isInside = element.parentElement.closest('math') !== null;
      if (!isInside && (isText || BOXES.includes(element.tagName))) things.push(element);
    }
    checkOverlaps(things, place);
    checkControls(things, place);
  }

  const pages = document.querySelectorAll(':is(.scroll-page, .pdf-page) section');
  pages.forEach((slide, n) => check(slide, `page ${n + 1}`));
  if (pages.length > 0) return wrong;
  const checkNow = async () => {
    await new Promise(requestAnimationFrame);
    const { h, v, f } = Reveal.getIndices();
    check(Reveal.getCurrentSlide(), `slide ${h}.${v} step ${f}`);
  };
  if (here) await checkNow();
  for (const slide of here ? [] : Reveal.getSlides()) {
    const { h, v } = Reveal.getIndices(slide);
    Reveal.slide(h, v, -1);
    do await checkNow();
    while (Reveal.nextFragment());
  }
  return wrong;
};
