// The figures over time, as the service has kept them.

const names = { "10m": "these 10 minutes", "1h": "this hour", "24h": "these 24 hours" };
const counts = { "10m": 600, "1h": 60, "24h": 1440 };
/* The smallest number of samples that a chart has room for, while the service is young. */
const fewest = { "10m": 60, "1h": 20, "24h": 60 };

export class FigureHistory {
  /* range: 10m, 1h or 24h. ask: sends a request to a path, and gives its answer. */
  constructor(range, ask) {
    Object.assign(this, { range, ask });
    this._forget();
  }

  get step() { return this.range === "10m" ? 1 : 60; }
  get isEmpty() { return this.last === undefined; }

  _forget() {
    this.last = undefined;   // the number of the newest sample
    this.samples = new Map();  // a list of values for each key
  }

  /* Fetches what has come since the last time. */
  async update() {
    // A minute that is not over has changed.
    const after = this.isEmpty ? -1 : Math.max(-1, this.last - (this.step > 1 ? 1 : 0));
    const answer = await this.ask(`console/history?range=${this.range}&after=${after}`);
    const count = Object.values(answer.figures)[0]?.length ?? 0;
    // A service that was started again counts from 0.
    const start = answer.start - answer.first * answer.step;
    const isContinued = !this.isEmpty && answer.first === after + 1 && Math.abs(start - this.origin) < 5;
    if (!isContinued) this._forget();
    // The clock was set: all samples have other times now.
    if (!isContinued && after >= 0 && answer.first === after + 1) return this.update();
    this.origin = start;
    this.overall = answer.overall;
    if (!count) return;
    this.last = answer.first + count - 1;
    const keys = { ...answer.figures, ...answer.deliveryTimes };
    for (const [key, values] of Object.entries(keys)) {
      const known = this.samples.get(key) ?? [];
      if (isContinued && after < this.previous) known.splice(known.length - (this.previous - after));
      known.push(...values.map(value => value ?? undefined));
      known.splice(0, known.length - counts[this.range]);
      this.samples.set(key, known);
    }
    this.previous = this.last;
  }

  /* The samples for charts: the newest stands at the end. Of a young service it is the time since its start. */
  get view() {
    const length = this.samples.get("memory")?.length ?? 0;
    const count = Math.max(fewest[this.range], length);
    const values = {};
    for (const [key, known] of this.samples) values[key] = [...Array(count - known.length), ...known];
    // Of every second the memory is known, so that it shows which are missing.
    const known = values.memory?.map(value => value !== undefined) ?? Array(count).fill(false);
    const start = this.isEmpty ? Date.now() / 1000 - count * this.step : this.origin + (this.last - count + 1) * this.step;
    return { name: names[this.range], count, step: this.step, start, first: (this.last ?? 0) - count + 1, values, known };
  }
}
