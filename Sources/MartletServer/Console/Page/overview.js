// What the service does, now and over time. The service keeps the history: a page that is loaded in an incident shows it.

import { clock } from "./axis.js";
import { Chart } from "./chart.js";
import { $, ask, bytes, duration, number, percent, say, time } from "./common.js";
import { details } from "./details.js";
import { FigureHistory } from "./history.js";

const second = 1000;
const transports = ["websocket", "sse", "poll"];
const rate = value => number(value);

const charts = {
  sessions: { title: "Sessions", format: number, least: 1, whole: true,
    series: { webSocketSessions: "WebSocket", streamSessions: "SSE", pollSessions: "poll" } },
  pushes: { title: "Pushes /s", format: rate, series: { pushes: "accepted", failedPushes: "failed" } },
  deliveries: { title: "Deliveries /s", format: rate,
    series: { webSocketDeliveries: "WebSocket", streamDeliveries: "SSE", pollDeliveries: "poll" } },
  latency: { title: "Delivery time", format: time, isLogarithmic: true, series: { p50: "p50", p90: "p90", p99: "p99" } },
  slow: { title: "Slow consumers /s", format: rate,
    series: { slowWebSockets: "WebSocket", slowStreams: "SSE", droppedMessages: "dropped messages" } },
  refused: { title: "Refusals /s", format: rate,
    series: { refusedPushes: "pushes", refusedRegistrations: "subscriptions", rateLimited: "too often" } },
  bytes: { title: "WebSocket bytes /s", format: bytes, series: { bytesSent: "sent", bytesReceived: "received" } },
  memory: { title: "Memory", format: bytes, whole: true, series: { memory: "resident" } },
  processor: { title: "CPU", format: percent, least: 0.05, whole: true, series: { cpu: "100 % is one processor" } },
};
for (const [name, options] of Object.entries(charts)) {
  charts[name] = new Chart($("chart-" + name), options);
  charts[name].onpoint = index => look(index);
}

// MARK: The moment that is looked at, in all charts

let history;
let moment;  // the number of a sample, so that it stays the same one when others come

function draw() {
  const view = history.view;
  // A service that was started again has no such sample any more.
  if (moment - view.first >= view.count) moment = undefined;
  const index = moment === undefined ? undefined : Math.max(0, moment - view.first);
  for (const chart of Object.values(charts)) chart.show(view, index);
  const slider = $("moment");
  slider.max = view.count - 1;
  slider.value = index ?? view.count - 1;
  const text = index === undefined ? "now" : clock(view.start + index * view.step, { withSeconds: view.step < 60, withDay: true });
  $("moment-time").textContent = text;
  slider.setAttribute("aria-valuetext", text);
}

function look(index) {
  const { count, first } = history.view;
  moment = index === undefined || index >= count - 1 ? undefined : first + index;
  draw();
}

$("moment").oninput = () => look(Number($("moment").value));
$("moment").onkeydown = event => { if (event.key === "Escape") look(undefined); };

// MARK: The history

let isAsking = false;
let askAgainAt = 0;

async function json(path) {
  const response = await ask(path);
  if (!response.ok) throw Object.assign(new Error(`${response.status} ${await response.text()}`), { response });
  return response.json();
}

async function updateHistory(isForced) {
  if (isAsking || (!isForced && performance.now() < askAgainAt)) return;
  isAsking = true;
  const asked = history;
  try {
    await asked.update();
    askAgainAt = performance.now() + (asked.step === 1 ? 0 : 5 * second);
  } catch {
    // The figures of now say what is wrong.
    askAgainAt = performance.now() + second;
  } finally {
    isAsking = false;
  }
  if (asked === history) draw(); else updateHistory(true);
}

function choose(range) {
  history = new FigureHistory(range, json);
  moment = undefined;
  draw();
  updateHistory(true);
}

for (const input of document.querySelectorAll("input[name=range]")) {
  input.onchange = () => choose(input.value);
  if (input.checked) history = new FigureHistory(input.value, json);
}

// MARK: The figures of now

const sum = counts => transports.reduce((total, name) => total + counts[name], 0);
const of = (limited, format) => format(limited.count) + (limited.limit ? " of " + format(limited.limit) : "");

function meter(name, share, text) {
  const row = $("meter-" + name);
  const bar = row.querySelector("[role=meter]");
  row.querySelector("dd").textContent = text;
  bar.hidden = !Number.isFinite(share);
  bar.setAttribute("aria-valuenow", Math.round(Math.min(share, 1) * 100) || 0);
  bar.setAttribute("aria-valuetext", text);
  bar.firstElementChild.style.width = Math.min(100, share * 100) + "%";
  row.classList.toggle("full", share > 0.85);
}

function show(figures) {
  const { perSecond, deliveryTimes: { lastMinute } } = figures;
  const total = keys => keys.reduce((all, key) => all + (perSecond[key] ?? NaN), 0);
  const tile = (name, value, note) => {
    $("tile-" + name).textContent = value;
    $("tile-" + name + "-note").textContent = note;
  };
  tile("sessions", number(sum(figures.sessions)), figures.sessionLimit.limit ? `of ${number(figures.sessionLimit.limit)} at most` : "no limit");
  tile("users", number(figures.users), `${number(figures.channels)} ${figures.channels === 1 ? "channel" : "channels"}`);
  tile("pushes", number(perSecond.pushes ?? NaN), `${number(figures.pushes)} since the start`);
  tile("deliveries", number(total(["webSocketDeliveries", "streamDeliveries", "pollDeliveries"])), `${number(sum(figures.deliveries))} since the start`);
  tile("latency", time(lastMinute.p99 ?? NaN), lastMinute.p50 === undefined ? "no push in the last minute" : `p50 ${time(lastMinute.p50)}, last minute`);
  const refused = figures.refusedPushes + figures.refusedRegistrations + figures.refusedSessions;
  tile("refused", number(total(["refusedPushes", "refusedRegistrations", "refusedSessions"])), `${number(refused)} since the start`);

  const share = ({ count, limit }) => limit ? count / limit : NaN;
  meter("memory", share(figures.memory), of(figures.memory, bytes));
  const { busy, limit } = figures.processor;
  meter("processor", busy / limit, percent(busy ?? NaN) + (limit ? ` of ${limit * 100} %` : ""));
  meter("descriptors", share(figures.descriptors), of(figures.descriptors, number));
  meter("connections", share(figures.connections), of(figures.connections, number));

  say($("node"), figures.node);
  say($("version"), figures.version);
  $("uptime").textContent = duration(figures.uptime, figures.uptime < 60 ? 1 : 2).replace(/ \d+ s$/, "");
  $("uptime").title = "since " + new Date(figures.startedAt * 1000).toLocaleString();
  $("about").hidden = false;
}

function tell(state, text) {
  const status = $("service");
  status.hidden = false;
  say(status, text);
  status.dataset.state = state;
}

let isLooking = false;
let isShown = false;
let waitUntil = 0;
let timer;

async function tick() {
  if (document.hidden || isLooking || performance.now() < waitUntil) return;
  isLooking = true;
  try {
    const figures = await json("console/figures");
    show(figures);
    details.show(figures);
    tell("OPEN", "running");
    // Other parts show nothing of it but that the service is there.
    if (!isShown) waitUntil = performance.now() + 3 * second;
  } catch (error) {
    const { response } = error;
    if (response?.status === 401) {
      // Every request with a wrong password would count as a guess.
      clearInterval(timer);
      return tell("FAILED", "the password has changed: load this page again");
    }
    if (response?.status === 429) waitUntil = performance.now() + second * (Number(response.headers.get("Retry-After")) || 5);
    tell("FAILED", response ? error.message : "no answer");
  } finally {
    isLooking = false;
  }
  if (isShown) updateHistory();
}

export function overview(isSeen) {
  isShown = isSeen;
  details.run(isSeen);
  if (isSeen) {
    waitUntil = 0;
    draw();
    updateHistory(true);
    if (timer !== undefined) tick();
  }
  if (timer === undefined) {
    tick();
    timer = setInterval(tick, second);
  }
}
