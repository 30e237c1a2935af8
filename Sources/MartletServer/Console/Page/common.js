// Functions that all parts of the console use.

export const $ = id => document.getElementById(id);
export const settings = JSON.parse($("settings").textContent);

/* The address of the service: the page may be behind a prefix that a proxy removes. */
const base = new URL(".", location.href);
export const at = path => new URL(path.replace(/^\//, ""), base);

const patience = 5000;  // milliseconds for an answer
let refused;  // the answer that says that the password has changed

/* Sends a request to the service. The header says that a script asks, so that the browser does not prompt for a password.
Once the password has changed every part gets that answer, and nothing is sent: each request would count as a guess. */
export async function ask(path, options = {}) {
  if (refused) return refused.clone();
  const response = await fetch(at(path), {
    cache: "no-store", signal: AbortSignal.timeout(patience), ...options,
    headers: { "X-Requested-With": "XMLHttpRequest", ...options.headers },
  });
  // An API key is asked for with "Bearer".
  if (response.status === 401 && response.headers.get("WWW-Authenticate") !== "Bearer") refused = response.clone();
  return response;
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made) made[key] = value; else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/* Sets a text only when it is another one: a screen reader announces every change. */
export function say(node, text) { if (node.textContent !== text) node.textContent = text; }

const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/* Writes a duration, given in seconds, with its largest units. */
export function duration(seconds, count = 2) {
  const parts = [];
  let rest = Math.floor(seconds);
  for (const [length, name] of units) {
    if (rest >= length || (length === 1 && !parts.length)) parts.push(Math.floor(rest / length) + " " + name);
    rest %= length;
  }
  return parts.slice(0, count).join(" ");
}

/* Writes a short time, given in seconds. */
export function time(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 0.000995) return Number((seconds * 1e6).toPrecision(2)) + " µs";
  if (seconds < 0.995) return Number((seconds * 1e3).toPrecision(2)) + " ms";
  return Number(seconds.toPrecision(2)) + " s";
}

const sizes = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]];

/* Writes a number of bytes with three digits. */
export function bytes(count) {
  if (!Number.isFinite(count)) return "–";
  const [size, name] = sizes.find(([size]) => count >= size * 0.9995) ?? [1, "B"];
  const value = count / size;
  return (size === 1 ? Math.round(value) : Number(value.toPrecision(3))) + " " + name;
}

/* Writes a number: all digits before the point, and two that count where it is small. */
export function number(value) {
  if (!Number.isFinite(value)) return "–";
  if (value !== 0 && Math.abs(value) < 10) return Number(value.toPrecision(2)).toLocaleString("en", { maximumFractionDigits: 4 });
  return Math.round(value).toLocaleString("en");
}

export const percent = share => Number.isFinite(share) ? number(share * 100) + " %" : "–";
