// Charts of what the service does. The service counts; a rate is the difference between two answers.

import { Chart } from "./chart.js";
import { $, ask, duration, number, time } from "./common.js";

const second = 1000;
const transports = ["websocket", "sse", "poll"];
const names = ["WebSocket", "SSE", "poll"];

const charts = {
  sessions: new Chart($("chart-sessions"), { title: "Connections", series: names, format: number, whole: true }),
  deliveries: new Chart($("chart-deliveries"), { title: "Deliveries a second", series: names, format: number, whole: true }),
  pushes: new Chart($("chart-pushes"), { title: "Pushes a second", series: ["pushes"], format: number, whole: true }),
  latency: new Chart($("chart-latency"),
    { title: "Delivery time", series: ["half within", "90 of 100", "99 of 100"], format: time, isLogarithmic: true }),
  slow: new Chart($("chart-slow"),
    { title: "Slow consumers a second", series: ["WebSocket", "SSE", "messages dropped"], format: number, whole: true }),
  refused: new Chart($("chart-refused"),
    { title: "Refusals a second", series: ["pushes", "registrations", "too often"], format: number, whole: true }),
};

/* Returns the time within which a share of the publications was delivered; null when there were none. */
function percentile({ bounds, counts }, share) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (!total) return null;
  let seen = 0;
  for (const [index, count] of counts.entries()) {
    seen += count;
    if (seen >= share * total) return bounds[Math.min(index, bounds.length - 1)];
  }
  return bounds.at(-1);
}

let before;
let isLooking = false;
let waitUntil = 0;
let timer;

function take(figures, at) {
  const elapsed = before && (at - before.at) / second;
  // A service that was started again counts from zero; a page that slept has no rates.
  const isContinued = before && figures.uptime >= before.figures.uptime && elapsed < 5;
  const rate = read => isContinued ? Math.max(0, read(figures) - read(before.figures)) / elapsed : null;
  const rates = kind => transports.map(name => rate(figures => figures[kind][name]));
  const deliveries = rates("deliveries");
  const pushes = rate(figures => figures.pushes);
  const times = isContinued && {
    bounds: figures.deliveryTimes.bounds,
    counts: figures.deliveryTimes.counts.map((count, index) => count - before.figures.deliveryTimes.counts[index]),
  };
  // Seconds without an answer, or while this page slept, are a hole; a late answer stands for all seconds since the last one.
  const count = isContinued ? Math.max(1, Math.round(elapsed)) : 1;
  if (before && !isContinued) for (const chart of Object.values(charts)) chart.skip(Math.round(elapsed) - 1);
  const percentiles = [0.5, 0.9, 0.99].map(share => times ? percentile(times, share) : null);

  charts.sessions.add(transports.map(name => figures.sessions[name]), count);
  charts.deliveries.add(deliveries, count);
  charts.pushes.add([pushes], count);
  charts.latency.add(percentiles, count);
  charts.slow.add([...rates("slowConsumers").slice(0, 2), rate(figures => figures.droppedMessages)], count);
  charts.refused.add(
    ["refusedPushes", "refusedRegistrations", "rateLimited"].map(name => rate(figures => figures[name])), count);

  $("tile-sessions").textContent = number(transports.reduce((sum, name) => sum + figures.sessions[name], 0));
  $("tile-pushes").textContent = pushes === null ? "–" : number(pushes);
  $("tile-deliveries").textContent = pushes === null ? "–" : number(deliveries.reduce((sum, one) => sum + one, 0));
  $("tile-latency").textContent = percentiles[2] === null ? "–" : time(percentiles[2]);
  $("tile-channels").textContent = number(figures.channels);
  $("tile-uptime").textContent = duration(figures.uptime);
  before = { figures, at };
}

function tell(state, text) {
  const status = $("service");
  status.hidden = false;
  // The status is set only when it changes: a screen reader announces every change.
  if (status.textContent !== text) status.textContent = text;
  status.dataset.state = state;
}

async function look() {
  if (isLooking || performance.now() < waitUntil) return;
  isLooking = true;
  try {
    const response = await ask("console/figures", { signal: AbortSignal.timeout(5 * second) });
    if (response.status === 401) {
      // Every request with a wrong password would count as a guess.
      clearInterval(timer);
      return tell("FAILED", "the password has changed: load this page again");
    }
    if (response.status === 429) waitUntil = performance.now() + second * (Number(response.headers.get("Retry-After")) || 5);
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    const figures = await response.json();
    take(figures, performance.now());
    tell("OPEN", "running, " + figures.version);
  } catch (error) {
    tell("FAILED", error.name === "TypeError" || error.name === "TimeoutError" ? "no answer" : error.message);
  } finally {
    isLooking = false;
  }
}

/* Asks on while another part is shown, so that the charts have no holes. */
export function overview(isSeen) {
  if (isSeen) for (const chart of Object.values(charts)) chart.draw();
  if (timer === undefined) {
    look();
    timer = setInterval(look, second);
  }
}
