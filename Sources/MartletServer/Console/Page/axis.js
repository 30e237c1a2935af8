// Round numbers and clock times for the axes of charts.

const factors = [1, 2, 5, 10];
const minute = 60, hour = 3600;
const timeSteps = [5, 10, 15, 30, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour];

/* Returns a round number that is not smaller. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return factors.map(factor => factor * power).find(step => step >= value * 0.999999);
}

/* Returns round numbers from 0, or from a round number below low, to one that is not below high: some three to six of them. */
export function ticks(high, { low = 0, least = 0, count = 4 } = {}) {
  const step = roundUp(Math.max((high - low) / count, least) || 1);
  const first = Math.floor(low / step + 1e-9), last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  // Multiplied and rounded, since sums of a step such as 0.1 gather what is too much.
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/* Returns powers of ten around some values. */
export function decades(low, high, floor) {
  const first = Math.floor(Math.log10(Math.max(low, floor)) + 1e-9);
  const last = Math.max(Math.ceil(Math.log10(Math.max(high, floor)) - 1e-9), first + 2);
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

const two = value => String(value).padStart(2, "0");

/* Writes a time of the user's own clock, given in seconds since 1970; the day stands before it when it is another one. */
export function clock(seconds, { withSeconds = false, withDay = false } = {}) {
  const time = new Date(seconds * 1000);
  const text = two(time.getHours()) + ":" + two(time.getMinutes()) + (withSeconds ? ":" + two(time.getSeconds()) : "");
  const isToday = time.toDateString() === new Date().toDateString();
  return withDay && !isToday ? time.toLocaleDateString("en", { weekday: "short" }) + " " + text : text;
}

/* Returns round times of the user's own clock between two, with as many as there is room for. */
export function times(from, to, room) {
  const step = timeSteps.find(one => (to - from) / one <= room) ?? 24 * hour;
  const offset = new Date(to * 1000).getTimezoneOffset() * minute;
  const found = [];
  for (let time = Math.ceil((from - offset) / step) * step + offset; time <= to; time += step) found.push(time);
  return { found, withSeconds: step < minute };
}
