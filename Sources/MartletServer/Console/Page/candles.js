// Candlesticks on a canvas: open, high, low and close of each period, with round prices and clock times.

import { clock, ticks, times } from "./axis.js";
import { plate, prepare, rule, watch } from "./canvas.js";

const margin = { left: 10, right: 58, top: 10, bottom: 26 };

export class Candles {
  /* length: the time of a candle, in seconds. */
  constructor(canvas, { kept = 48, length = 5 } = {}) {
    Object.assign(this, { canvas, kept, length, candles: [] });
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
    const plot = { left: margin.left, right: width - margin.right, top: margin.top, bottom: height - margin.bottom };
    const highest = Math.max(...this.candles.map(candle => candle.high));
    const lowest = Math.min(...this.candles.map(candle => candle.low));
    const marks = ticks(highest, { low: lowest, least: 0.1, count: 5 });
    const [low, high] = [marks[0], marks.at(-1)];
    const y = price => plot.bottom - (plot.bottom - plot.top) * (price - low) / (high - low);
    const step = (plot.right - plot.left) / this.kept;
    const newest = this.candles.at(-1);
    const x = number => plot.right - (newest.number - number + 0.5) * step;
    const tag = Math.max(plot.top, Math.min(y(newest.close), plot.bottom));

    context.textBaseline = "middle";
    for (const mark of marks) {
      context.strokeStyle = colour("--line");
      rule(context, [plot.left, y(mark)], [plot.right, y(mark)]);
      // The price stands there.
      if (Math.abs(y(mark) - tag) < 17) continue;
      context.fillStyle = colour("--soft");
      context.textAlign = "left";
      context.fillText(mark.toFixed(1), plot.right + 7, y(mark));
    }
    this._drawTimes(context, colour, newest, x, plot);
    for (const { number, open, high, low, close } of this.candles) {
      if (x(number) < plot.left) continue;
      const isUp = close >= open;
      context.strokeStyle = context.fillStyle = colour(isUp ? "--up" : "--down");
      context.beginPath();
      context.moveTo(x(number), y(high));
      context.lineTo(x(number), y(low));
      context.stroke();
      const top = y(Math.max(open, close)), body = Math.max(1, Math.abs(y(open) - y(close)));
      // Colour is not the only sign: a rising candle is hollow.
      if (isUp && body > 3) {
        context.fillStyle = colour("--card");
        context.fillRect(x(number) - step * 0.32, top, step * 0.64, body);
        context.strokeRect(x(number) - step * 0.32, top, step * 0.64, body);
      } else {
        context.fillRect(x(number) - step * 0.32, top, step * 0.64, body);
      }
    }
    plate(context, colour, newest.close.toFixed(2), plot.right + margin.right / 2, tag, [plot.right + 2, width]);
  }

  _drawTimes(context, colour, newest, x, plot) {
    const to = (newest.number + 0.5) * this.length, from = to - this.kept * this.length;
    const { found, withSeconds } = times(from, to, Math.max(2, (plot.right - plot.left) / 68));
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    for (const time of found) {
      const at = x(time / this.length - 0.5);
      const text = clock(time, { withSeconds });
      const half = context.measureText(text).width / 2;
      if (at - half < 0 || at + half > plot.right + margin.right) continue;
      context.strokeStyle = colour("--line");
      rule(context, [at, plot.bottom], [at, plot.bottom + 4]);
      context.fillStyle = colour("--soft");
      context.fillText(text, at, plot.bottom + 19);
    }
  }
}
