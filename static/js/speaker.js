// In the speaker view, shows the slide as the audience sees it: laid out for their window, and scaled
// to the room that there is here.

(() => {
  const frame = /** @type {HTMLElement|null} */ (window.frameElement);
  const room = frame?.parentElement;
  const audience = window.parent.opener;
  if (!room || !audience) return;
  const BORDER = 2; // of the frame, px, left and right
  const scale = () => {
    const { innerWidth: width, innerHeight: height } = audience;
    const wide = (room.clientWidth - 2 * frame.offsetLeft) / (width + BORDER);
    const high = (room.clientHeight - 2 * frame.offsetTop) / (height + BORDER);
    Object.assign(frame.style, {
      width: `${width}px`,
      height: `${height}px`,
      transform: `scale(${Math.min(wide, high)})`,
      transformOrigin: 'top left',
    });
  };
  room.style.overflow = 'hidden'; // or the view could be scrolled to where the frame ended unscaled
  new ResizeObserver(scale).observe(room);
  audience.addEventListener('resize', scale);
})();
