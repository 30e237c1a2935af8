// The tables of the overview: closes, refusals, and for operators the top channels, the log and the settings.

import { askAsOperator, whenKeyComes } from "./access.js";
import { clock } from "./axis.js";
import { $, element, number, say } from "./common.js";

const interval = 5000;

/* What close codes mean (RFC 6455, section 7.4, and the IANA registry), and what they mean here. */
const meanings = {
  1000: "normal, or disconnected on request", 1001: "the page was left, or the service stops", 1002: "protocol error",
  1003: "unsupported data", 1005: "no code was sent", 1006: "the connection broke off", 1007: "invalid text",
  1008: "refused: token, rate or message", 1009: "message too big", 1010: "extension missing", 1011: "internal error",
  1012: "the service restarts", 1013: "slow consumer, or try again later", 1014: "bad gateway", 1015: "TLS failed",
  2000: "other codes from 2000 on", 3000: "codes of applications from 3000 on", 4000: "codes of applications from 4000 on",
};

const statuses = {
  400: "bad request", 401: "unauthorized", 403: "origin not allowed", 404: "not found", 405: "method not allowed",
  426: "no WebSocket, or another version", 429: "too often, or too many of one address", 503: "full, or shutting down",
};

/* Fills a table with rows of texts; a class for each column. */
function fill(body, rows, classes, none) {
  const table = $(body).closest("table");
  const text = JSON.stringify(rows);
  table.hidden = !rows.length;
  say($(body + "-none"), rows.length ? "" : none);
  // What is the same stays, with the selection that a user has made in it.
  if (table.dataset.text === text) return;
  table.dataset.text = text;
  $(body).replaceChildren(...rows.map(row => element("tr", {},
    ...row.map((cell, index) => element("td", { className: classes[index] ?? "" }, cell)))));
}

const byCount = counts => Object.entries(counts).filter(([, count]) => count).sort(([, a], [, b]) => b - a);

function show(figures) {
  fill("closes", byCount(figures.closes).map(([code, count]) => [code, meanings[code] ?? "", number(count)]),
    ["code", "", "number"], "No WebSocket was closed since the start.");
  const handshakes = byCount(figures.refusedHandshakes)
    .map(([status, count]) => [`opening handshake or stream: ${status} ${statuses[status] ?? ""}`.trim(), number(count)]);
  fill("refusals", [...byCount(figures.refusals).map(([reason, count]) => [reason, number(count)]), ...handshakes],
    ["", "number"], "Nothing was refused since the start.");
}

function channel({ name, subscribers, rate }) {
  return [name, number(subscribers), rate === undefined ? "–" : number(rate)];
}

function showDetails({ channels, records, settings }) {
  const columns = ["name", "number", "number"];
  fill("by-subscribers", channels.bySubscribers.map(channel), columns, "Nobody is subscribed to anything.");
  fill("by-publications", channels.byPublications.map(channel), columns, "No push was seen since this page is open.");
  say($("channels-note"), channels.isComplete ? "" : "There are very many channels: these are the first of a part of them.");
  fill("records", records.map(({ time, level, message, metadata, count }) =>
    [clock(time, { withSeconds: true, withDay: true }), level, message + (count > 1 ? ` (${count} times)` : ""), metadata]),
    ["code", "level word", "", "name fields"], "No warning and no error since the start.");
  // What was said comes first: that is what differs from one service to another.
  const sorted = [...settings].sort((a, b) => Number(a.place === undefined) - Number(b.place === undefined));
  fill("in-force", sorted.map(({ key, value, place, isLive }) => [key, value, place ?? "default", isLive ? "at once" : "with a restart"]),
    ["name", "name", "word", "word"], "");
  $("settings-count").textContent = `${settings.filter(one => one.place !== undefined).length} of ${settings.length} are not the default`;
}

let timer;
let waitUntil = 0;
let isAsking = false;

async function ask() {
  if (isAsking || document.hidden || performance.now() < waitUntil) return;
  isAsking = true;
  try {
    const { response, wantsKey, refusal, isLockedOut } = await askAsOperator("console/details");
    if (isLockedOut) clearInterval(timer);
    if (response.status === 429) waitUntil = performance.now() + 1000 * (Number(response.headers.get("Retry-After")) || 5);
    else $("details-key-form").hidden = !wantsKey;
    if (wantsKey) waitUntil = Infinity;
    say($("details-note"), refusal ?? (response.ok ? "" : "The service does not answer this."));
    $("details").hidden = !response.ok;
    if (response.ok) showDetails(await response.json());
  } catch {
    // The page says that there is no answer.
  } finally {
    isAsking = false;
  }
}

whenKeyComes("details-key-form", "details-key", () => { waitUntil = 0; ask(); });

function run(isSeen) {
  clearInterval(timer);
  if (!isSeen) return;
  if (waitUntil === Infinity) waitUntil = 0;
  ask();
  timer = setInterval(ask, interval);
}

export const details = { show, run };
