// Functions that all parts of the console use.

export const $ = id => document.getElementById(id);
export const settings = JSON.parse($("settings").textContent);

/* The address of the service: the page may be behind a prefix that a proxy removes. */
const base = new URL(".", location.href);
export const at = path => new URL(path.replace(/^\//, ""), base);

/* Sends a request to the service. The header says that a script asks, so that the browser does not prompt for a password. */
export const ask = (path, options = {}) => fetch(at(path), {
  cache: "no-store", ...options, headers: { "X-Requested-With": "XMLHttpRequest", ...options.headers },
});

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made) made[key] = value; else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/* Writes a duration, given in seconds, with its two largest units. */
export function duration(seconds) {
  const parts = [];
  let rest = Math.floor(seconds);
  for (const [length, name] of units) {
    if (rest >= length || (length === 1 && !parts.length)) parts.push(Math.floor(rest / length) + " " + name);
    rest %= length;
  }
  return parts.slice(0, 2).join(" ");
}

/* Writes a short time, given in seconds. */
export function time(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 0.000995) return Number((seconds * 1e6).toPrecision(2)) + " µs";
  if (seconds < 0.995) return Number((seconds * 1e3).toPrecision(2)) + " ms";
  return Number(seconds.toPrecision(2)) + " s";
}

export function bytes(count) {
  if (count < 1000) return count + " B";
  if (count < 1e6) return (count / 1e3).toFixed(1) + " kB";
  return (count / 1e6).toFixed(2) + " MB";
}

export function number(value) {
  if (!Number.isFinite(value)) return "–";
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
}
