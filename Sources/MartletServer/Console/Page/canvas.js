// Functions that every picture on a canvas needs.

/* Calls a function whenever the picture must be drawn again. */
export function watch(canvas, draw) {
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("themechange", draw);
}

/* Returns an empty canvas in the resolution of the screen, and the page's colours; undefined when it is not visible. */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width) return undefined;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  const context = canvas.getContext("2d");
  context.scale(devicePixelRatio, devicePixelRatio);
  context.font = "12px system-ui, sans-serif";
  const style = getComputedStyle(canvas);
  return { context, width, height, colour: name => style.getPropertyValue(name).trim() };
}

/* Draws a horizontal or vertical line that is one pixel wide and sharp. */
export function rule(context, from, to) {
  const sharp = value => Math.round(value) + 0.5;
  context.beginPath();
  context.moveTo(sharp(from[0]), sharp(from[1]));
  context.lineTo(sharp(to[0]), sharp(to[1]));
  context.stroke();
}

/* Draws a text on a plate of the accent colour, centred at a point but inside of some limits. */
export function plate(context, colour, text, x, y, [left, right]) {
  const width = context.measureText(text).width + 10;
  const start = Math.max(left, Math.min(x - width / 2, right - width));
  context.fillStyle = colour("--accent");
  context.fillRect(start, y - 9, width, 18);
  context.fillStyle = colour("--on-accent");
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(text, start + 5, y + 0.5);
}
