// A chart over time on a canvas, with its title, its key, and a line at the moment that is looked at.

import { clock, decades, ticks, times } from "./axis.js";
import { plate, prepare, rule, watch } from "./canvas.js";
import { element } from "./common.js";

const dashes = [[], [6, 4], [2, 3]];
const dashNames = ["", "dashed", "dotted"];
const colours = ["--one", "--two", "--three"];
const margin = { left: 56, right: 12, top: 8, bottom: 24 };
/* The smallest time that delivery takes, for the scale. Seconds. */
const floor = 1e-5;

export class Chart {
  /* series: a name for each key of the view. format: writes a value. least: the smallest step of the axis.
     whole: the chart is empty only without any values, not when all are 0. */
  constructor(figure, { title, series, format, isLogarithmic = false, least = 0, whole = false }) {
    Object.assign(this, { title, series: Object.entries(series), format, isLogarithmic, least, whole });
    this.values = this.series.map(() => element("b", {}, "–"));
    const key = this.series.map(([, name], index) => {
      const line = element("i", { className: dashNames[index] });
      line.style.borderColor = `var(${colours[index]})`;
      return element("span", { className: "key" }, line, name, this.values[index]);
    });
    this.canvas = element("canvas", { role: "img" });
    figure.append(
      element("figcaption", {}, element("h2", {}, title)), element("div", { className: "keys" }, ...key), this.canvas);
    watch(this.canvas, () => this.draw());
    this.canvas.addEventListener("pointermove", event => this._point(event));
    this.canvas.addEventListener("pointerdown", event => this._point(event));
    this.canvas.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") this.onpoint?.(undefined); });
  }

  /* view: start and step in seconds, count, and a list of values for each key, undefined where one is missing.
     moment: the index that is looked at; undefined for the last. */
  show(view, moment) {
    Object.assign(this, { view, moment });
    this.draw();
  }

  _point(event) {
    if (!this.view) return;
    const width = this.canvas.clientWidth - margin.left - margin.right;
    const index = Math.round((event.offsetX - margin.left) / width * (this.view.count - 1));
    this.onpoint?.(Math.max(0, Math.min(index, this.view.count - 1)));
  }

  draw() {
    const { view } = this;
    if (!view) return;
    const lists = this.series.map(([key]) => view.values[key] ?? []);
    this._tell(lists);
    const prepared = prepare(this.canvas);
    if (!prepared) return;
    const { context, width, height, colour } = prepared;
    const plot = { left: margin.left, right: width - margin.right, top: margin.top, bottom: height - margin.bottom };
    const x = index => plot.left + (plot.right - plot.left) * index / (view.count - 1);
    const { present, isEmpty } = this._present(lists);

    this._drawMissing(context, colour, x, plot);
    const y = this._drawScale(context, colour, isEmpty ? [] : present, plot);
    this._drawTimes(context, colour, x, plot);
    if (isEmpty) {
      context.fillStyle = colour("--soft");
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(`none in ${view.name}`, (plot.left + plot.right) / 2, (plot.top + plot.bottom) / 2);
    } else {
      lists.forEach((values, index) => this._drawLine(context, colour, values, index, x, y));
    }
    if (this.moment === undefined) return;
    context.strokeStyle = colour("--soft");
    rule(context, [x(this.moment), plot.top], [x(this.moment), plot.bottom]);
    plate(
      context, colour, clock(view.start + this.moment * view.step, { withSeconds: view.step < 60, withDay: true }),
      x(this.moment), height - 11, [0, width]);
  }

  /* The values that are there, and whether there is nothing to draw. */
  _present(lists) {
    const present = lists.flat().filter(value => value !== undefined);
    return { present, isEmpty: this.isLogarithmic || this.whole ? !present.length : !present.some(value => value > 0) };
  }

  /* Shades the times of which nothing is known, so that they are not taken for 0. */
  _drawMissing(context, colour, x, plot) {
    const { known, count } = this.view;
    context.fillStyle = colour("--missing");
    let from;
    for (let index = 0; index <= count; index++) {
      if (index < count && !known[index]) { from ??= index; continue; }
      if (from === undefined) continue;
      const [left, right] = [from ? x(from - 1) : plot.left, index < count ? x(index) : plot.right];
      // A line joins its neighbours: one missing point is a gap from the one before it to the one behind it.
      context.fillRect(left, plot.top, right - left, plot.bottom - plot.top);
      from = undefined;
    }
  }

  _drawScale(context, colour, present, plot) {
    const high = Math.max(...present, 0), low = Math.min(...present, high);
    const marks = !present.length ? [0]
      : this.isLogarithmic ? decades(low, high, floor) : ticks(high, { least: this.least });
    const [first, last] = [marks[0], marks.at(-1)];
    const share = value => !present.length ? 0
      : this.isLogarithmic ? Math.log(Math.max(value, first) / first) / Math.log(last / first)
      : (value - first) / (last - first);
    const y = value => plot.bottom - (plot.bottom - plot.top) * share(value);
    context.lineWidth = 1;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const mark of marks) {
      context.strokeStyle = colour("--line");
      rule(context, [plot.left, y(mark)], [plot.right, y(mark)]);
      context.fillStyle = colour("--soft");
      if (present.length || !this.isLogarithmic) context.fillText(this.format(mark), plot.left - 6, y(mark));
    }
    return y;
  }

  _drawTimes(context, colour, x, plot) {
    const { start, step, count } = this.view;
    const { found, withSeconds } = times(start, start + (count - 1) * step, Math.max(2, (plot.right - plot.left) / 62));
    context.textBaseline = "alphabetic";
    context.textAlign = "center";
    for (const time of found) {
      const at = x((time - start) / step);
      context.strokeStyle = colour("--line");
      rule(context, [at, plot.bottom], [at, plot.bottom + 4]);
      context.fillStyle = colour("--soft");
      const text = clock(time, { withSeconds });
      const half = context.measureText(text).width / 2;
      // A label at the edge would be cut off, or stand below the numbers of the other axis.
      if (at - half < plot.left - 24 || at + half > plot.right + margin.right) continue;
      // The plate of the moment stands there.
      if (Math.abs(at - x(this.moment ?? -count)) < half + (step < 60 ? 36 : 44)) continue;
      context.fillText(text, at, plot.bottom + 18);
    }
  }

  _drawLine(context, colour, values, series, x, y) {
    context.strokeStyle = context.fillStyle = colour(colours[series]);
    context.lineWidth = 2;
    context.setLineDash(dashes[series]);
    context.lineJoin = "round";
    context.beginPath();
    const dots = [];
    // What is 0 stands on the axis: the lines of several series would lie on each other there.
    const isSeen = index => values[index] !== undefined
      && (this.isLogarithmic || values[index] > 0 || values[index - 1] > 0 || values[index + 1] > 0);
    let isDrawing = false;
    for (let index = 0; index < this.view.count; index++) {
      if (!isSeen(index)) { isDrawing = false; continue; }
      if (isDrawing) context.lineTo(x(index), y(values[index])); else context.moveTo(x(index), y(values[index]));
      // A line needs two points; a single one is a dot.
      if (!isDrawing && !isSeen(index + 1)) dots.push(index);
      isDrawing = true;
    }
    context.stroke();
    context.setLineDash([]);
    for (const index of dots) context.fillRect(x(index) - 1.5, y(values[index]) - 1.5, 3, 3);
  }

  /* Writes the values of the moment into the key, and into the text for those who do not see the picture. */
  _tell(lists) {
    const { view } = this;
    const at = this.moment ?? view.count - 1;
    const text = value => value === undefined ? "–" : this.format(value);
    lists.forEach((values, index) => { this.values[index].textContent = text(values[at]); });
    const when = this.moment === undefined ? "now" : "at " + clock(view.start + at * view.step, { withSeconds: view.step < 60 });
    const parts = this.series.map(([, name], index) =>
      `${name} ${lists[index][at] === undefined ? "none" : this.format(lists[index][at])}`);
    const { present, isEmpty } = this._present(lists);
    const highest = isEmpty ? `none in ${view.name}` : `highest in ${view.name}: ${this.format(Math.max(...present))}`;
    this.canvas.setAttribute("aria-label", `${this.title}, ${when}: ${parts.join(", ")}; ${highest}`);
  }
}
