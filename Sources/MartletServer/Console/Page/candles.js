// Candlesticks on a canvas: open, high, low and close of each period.

import { prepare, watch } from "./canvas.js";

const margin = { left: 8, right: 58, top: 8, bottom: 8 };

export class Candles {
  constructor(canvas, kept = 48) {
    Object.assign(this, { canvas, kept, candles: [] });
    watch(canvas, () => this.draw());
  }

  /* Adds a candle; it replaces one with the same number. */
  take(candle) {
    const last = this.candles.at(-1);
    if (last && candle.number < last.number) return;
    if (last?.number === candle.number) this.candles.pop();
    this.candles.push(candle);
    if (this.candles.length > this.kept) this.candles.shift();
  }

  draw() {
    const prepared = this.candles.length ? prepare(this.canvas) : undefined;
    if (!prepared) return;
    const { context, width, height, colour } = prepared;
    const high = Math.max(...this.candles.map(candle => candle.high));
    const low = Math.min(...this.candles.map(candle => candle.low));
    const span = Math.max(high - low, 0.5);
    const y = price => margin.top + (height - margin.top - margin.bottom) * (high - price + (span - high + low) / 2) / span;
    const step = (width - margin.left - margin.right) / this.kept;
    const newest = this.candles.at(-1);

    context.textBaseline = "middle";
    for (let index = 0; index < 4; index++) {
      const price = low + (high - low) * (index + 0.5) / 4;
      context.strokeStyle = colour("--line");
      context.beginPath();
      context.moveTo(margin.left, Math.round(y(price)) + 0.5);
      context.lineTo(width - margin.right, Math.round(y(price)) + 0.5);
      context.stroke();
      context.fillStyle = colour("--soft");
      context.fillText(price.toFixed(2), width - margin.right + 6, y(price));
    }
    for (const { number, open, high, low, close } of this.candles) {
      const x = width - margin.right - (newest.number - number + 0.5) * step;
      if (x < margin.left) continue;
      const isUp = close >= open;
      context.strokeStyle = context.fillStyle = colour(isUp ? "--up" : "--down");
      context.beginPath();
      context.moveTo(x, y(high));
      context.lineTo(x, y(low));
      context.stroke();
      const top = y(Math.max(open, close)), body = Math.max(1, Math.abs(y(open) - y(close)));
      // Colour is not the only sign: a rising candle is hollow.
      if (isUp && body > 3) {
        context.fillStyle = colour("--card");
        context.fillRect(x - step * 0.32, top, step * 0.64, body);
        context.strokeRect(x - step * 0.32, top, step * 0.64, body);
      } else {
        context.fillRect(x - step * 0.32, top, step * 0.64, body);
      }
    }
    context.fillStyle = colour("--accent");
    context.fillRect(width - margin.right + 2, y(newest.close) - 9, margin.right - 4, 18);
    context.fillStyle = colour("--on-accent");
    context.fillText(newest.close.toFixed(2), width - margin.right + 6, y(newest.close));
  }
}
