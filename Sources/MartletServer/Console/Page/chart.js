// A chart over time on a canvas, with its title, its key and a line that follows the pointer.

import { prepare, watch } from "./canvas.js";
import { element } from "./common.js";

const dashes = [[], [6, 4], [2, 3]];
const dashNames = ["", "dashed", "dotted"];
const colours = ["--one", "--two", "--three"];
const margin = { left: 58, right: 10, top: 8, bottom: 22 };

/* The smallest number of points, one a second, that a chart has room for. */
const fewest = 60;
const ago = seconds => seconds < 120 ? seconds + " s ago" : Math.round(seconds / 60) + " min ago";

/* Returns a round number that is not smaller. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= value * 0.999999);
}

export class Chart {
  /* series: the names. format: writes a value. isLogarithmic: the scale, which begins at floor. kept: the number of points. */
  constructor(figure, { title, series, format, kept = 300, isLogarithmic = false, floor = 1e-5, whole = false }) {
    Object.assign(this, { title, series, format, kept, isLogarithmic, floor, whole });
    this.points = [];
    this.values = series.map(() => element("b", {}, "–"));
    const key = series.map((name, index) => {
      const line = element("i", { className: dashNames[index] });
      line.style.borderColor = `var(${colours[index]})`;
      return element("span", { className: "key" }, line, name, this.values[index]);
    });
    this.canvas = element("canvas", { role: "img" });
    figure.append(element("figcaption", {}, element("h2", {}, title), ...key), this.canvas);
    watch(this.canvas, () => this.draw());
    this.canvas.addEventListener("pointermove", event => { this.pointer = event.offsetX; this.draw(); });
    this.canvas.addEventListener("pointerleave", () => { this.pointer = undefined; this.draw(); });
  }

  /* Adds points without values. */
  skip(count) {
    for (let index = 0; index < Math.min(count, this.kept); index++) this.points.push(this.series.map(() => null));
    this.points.splice(0, this.points.length - this.kept);
  }

  /* Adds a number of points with one value for each series, null where there is none. */
  add(values, count = 1) {
    for (let index = 0; index < count; index++) this.points.push(values);
    this.points.splice(0, this.points.length - this.kept);
    this.draw();
  }

  draw() {
    const prepared = prepare(this.canvas);
    if (!prepared) return;
    const { context, width, height, colour } = prepared;
    const plot = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
    const ticks = this._ticks();
    const [low, high] = [ticks[0], ticks.at(-1)];
    const place = value => this.isLogarithmic
      ? Math.log(Math.max(value, low) / low) / Math.log(high / low)
      : (value - low) / (high - low);
    const y = value => margin.top + plot.height * (1 - place(value));
    const seen = Math.max(Math.min(this.points.length, this.kept), fewest);
    const x = index => margin.left + plot.width * (1 - (this.points.length - 1 - index) / (seen - 1));

    context.lineWidth = 1;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const tick of ticks) {
      context.strokeStyle = colour("--line");
      context.beginPath();
      context.moveTo(margin.left, Math.round(y(tick)) + 0.5);
      context.lineTo(width - margin.right, Math.round(y(tick)) + 0.5);
      context.stroke();
      context.fillStyle = colour("--soft");
      context.fillText(this.format(tick), margin.left - 6, y(tick));
    }
    context.textBaseline = "alphabetic";
    for (const [share, label, align] of [[0, ago(seen), "left"], [1, "now", "right"]]) {
      context.textAlign = align;
      context.fillText(label, margin.left + plot.width * share, height - 6);
    }

    const shown = this.pointer === undefined ? this.points.length - 1
      : Math.round(this.points.length - 1 - (1 - (this.pointer - margin.left) / plot.width) * (seen - 1));
    const at = this.points[Math.max(0, Math.min(shown, this.points.length - 1))];
    if (this.pointer !== undefined && this.points[shown]) {
      context.strokeStyle = colour("--soft");
      context.beginPath();
      context.moveTo(x(shown), margin.top);
      context.lineTo(x(shown), margin.top + plot.height);
      context.stroke();
    }
    this.series.forEach((_, series) => {
      context.strokeStyle = colour(colours[series]);
      context.lineWidth = 2;
      context.setLineDash(dashes[series]);
      context.beginPath();
      let isDrawing = false;
      this.points.forEach((values, index) => {
        const value = values[series];
        if (value === null) { isDrawing = false; return; }
        if (isDrawing) context.lineTo(x(index), y(value)); else context.moveTo(x(index), y(value));
        // A line needs two points; a single one is a dot.
        const next = this.points[index + 1]?.[series] ?? null;
        if (!isDrawing && next === null) context.rect(x(index) - 1, y(value) - 1, 2, 2);
        isDrawing = true;
      });
      context.stroke();
      context.setLineDash([]);
      const value = at?.[series];
      this.values[series].textContent = value == null ? "–" : this.format(value);
    });
    const last = this.points.at(-1) ?? [];
    this.canvas.setAttribute("aria-label", this.title + ", now: "
      + this.series.map((name, index) => `${name} ${last[index] == null ? "none" : this.format(last[index])}`).join(", "));
  }

  _ticks() {
    const values = this.points.flat().filter(value => value !== null);
    const top = Math.max(...values, 0);
    if (!this.isLogarithmic) {
      const step = roundUp(Math.max(top, this.whole ? 4 : 1) / 4);
      return [0, 1, 2, 3, 4].map(index => index * step);
    }
    const bottom = values.length ? Math.min(...values) : this.floor * 10;
    const first = Math.floor(Math.log10(Math.max(bottom, this.floor)) + 1e-9);
    const last = Math.max(Math.ceil(Math.log10(Math.max(top, this.floor)) - 1e-9), first + 2);
    return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
  }
}
