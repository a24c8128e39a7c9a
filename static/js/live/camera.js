// The webcam: frame after frame for as long as it is wanted, and then off.

const PAUSE = 80; // ms between frames, so that the lecturer's machine has time for the rest

const WHY = {
  NotAllowedError: 'the browser was not allowed to use the webcam',
  NotFoundError: 'there is no webcam',
  NotReadableError: 'another program uses the webcam',
};

/**
 * Start the webcam.
 *
 * @param {(bitmap: ImageBitmap) => Promise} onFrame deals with a frame before the next is taken
 * @returns {Promise<() => void>} what stops it
 * @throws {Error} one line that says why there is no picture
 */
export async function startCamera(onFrame) {
  if (!navigator.mediaDevices) {
    throw new Error('the webcam works on https:// pages and on localhost only');
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: 'environment' },
    });
  } catch ({ name, message }) {
    throw new Error(WHY[name] ?? `the webcam does not start: ${message}`);
  }
  const video = document.createElement('video');
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
  let isOn = true;
  const stop = () => {
    isOn = false;
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  const run = async () => {
    await video.play();
    while (isOn) {
      if (video.videoWidth > 0) await onFrame(await createImageBitmap(video));
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  };
  run().catch(stop); // stopped between two lines above
  return stop;
}
