// Makes elements.

/**
 * Return an element. Attributes that are undefined or false are left out, true ones are empty;
 * a function under `onclick` and its like listens.
 *
 * @template {string} Name
 * @param {Name} name of the tag, with classes: `p.live-what`
 * @param {...any} given its attributes, where there are some, and its children
 * @returns {Made<Name>}
 */
export function make(name, ...given) {
  const attributes = given[0]?.constructor === Object ? given.shift() : {};
  const [tag, ...classes] = name.split('.');
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, '');
    else if (value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...given);
  return /** @type {Made<Name>} */ (element);
}

/** Return a button, which calls `onclick` without its event. */
export const button = (text, onclick, attributes = {}) =>
  make('button', { type: 'button', onclick: () => onclick(), ...attributes }, text);

/** Return a hidden chooser of files, which gives those that were chosen to `take`. */
export function fileChooser(attributes, take) {
  const onchange = () => {
    take([...(chooser.files ?? [])]);
    chooser.value = ''; // the same files may be chosen again
  };
  const chooser = make('input', { type: 'file', hidden: true, ...attributes, onchange });
  return chooser;
}

/** Show pixels (RGB, or RGBA) on a canvas of their own size. */
export function paint(canvas, { pixels, width, height }) {
  Object.assign(canvas, { width, height });
  const image = new ImageData(width, height);
  const channels = pixels.length / (width * height);
  for (let n = 0; n < width * height; n += 1) {
    for (let c = 0; c < 3; c += 1) image.data[4 * n + c] = pixels[channels * n + c];
    image.data[4 * n + 3] = channels === 4 ? pixels[4 * n + 3] : 255;
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
}
