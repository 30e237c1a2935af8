// Functions that every picture on a canvas needs.

/* Calls a function whenever the picture must be drawn again. */
export function watch(canvas, draw) {
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

/* Returns an empty canvas in the resolution of the screen, and the page's colours; undefined when it is not visible. */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width) return undefined;
  canvas.width = width * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  const context = canvas.getContext("2d");
  context.scale(devicePixelRatio, devicePixelRatio);
  context.font = "12px system-ui, sans-serif";
  const style = getComputedStyle(canvas);
  return { context, width, height, colour: name => style.getPropertyValue(name).trim() };
}
