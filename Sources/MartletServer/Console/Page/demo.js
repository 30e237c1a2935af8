// One feed in four ways. Here the bytes of each are counted: heads and bodies of requests and answers, and frames.

import { Candles } from "./candles.js";
import { $, ask, at, bytes, element, number, time } from "./common.js";

const event = "candles";
const second = 1000;
const path = (name, values = {}) => at(`demo/${name}?${new URLSearchParams({ token, event, ...values })}`).href;

let token = "";         // the token of the process that answers
let clock = 0;          // added to this page's time, it gives the service's
let headSize = 500;     // the bytes of a request's head, without its path
let isRunning = false;
let isPaused = false;
let isLockedOut = false;
let stop;
let synchronize;

class Panel {
  constructor(title, run) {
    Object.assign(this, { title, run, requests: 0, moved: 0, updates: 0, delays: [], last: undefined, position: undefined });
    this.cells = {};
    const list = element("dl");
    for (const name of ["Requests", "Bytes moved", "Changes seen", "Bytes a change", "Delay, middle", "Delay, longest"]) {
      list.append(element("div", {}, element("dt", {}, name), this.cells[name] = element("dd", {}, "–")));
    }
    this.canvas = element("canvas", { role: "img" });
    this.state = element("span", { className: "status" }, "waiting");
    $("panels").append(element("figure", { className: "card" },
      element("figcaption", { className: "heading" }, element("h2", {}, title), this.state), this.canvas, list));
    this.chart = new Candles(this.canvas);
  }

  set(state, text) {
    this.state.dataset.state = state;
    if (this.state.textContent !== text) this.state.textContent = text;
  }

  /* Counts a request and its answer's head. */
  asked(address, response) {
    this.requests += 1;
    this.moved += headSize + address.length - location.origin.length;
    if (!response) return;
    this.moved += "HTTP/1.1 200 OK\r\n\r\n".length;
    for (const [field, value] of response.headers) this.moved += field.length + value.length + 4;
  }

  /* Takes a change of the price, as the service published it. */
  take(text) {
    const { at, tick, candle } = JSON.parse(text);
    if (tick === this.last) return;
    this.last = tick;
    this.updates += 1;
    this.delays.push(Math.max(0, Date.now() + clock - at));
    if (this.delays.length > 100) this.delays.shift();
    this.chart.take(candle);
  }

  show() {
    const sorted = [...this.delays].sort((a, b) => a - b);
    const delay = index => sorted.length ? time(Math.max(1, sorted[index]) / second) : "–";
    this.cells["Requests"].textContent = number(this.requests);
    this.cells["Bytes moved"].textContent = bytes(this.moved);
    this.cells["Changes seen"].textContent = number(this.updates);
    this.cells["Bytes a change"].textContent = this.updates ? bytes(Math.round(this.moved / this.updates)) : "–";
    this.cells["Delay, middle"].textContent = delay(Math.floor(sorted.length / 2));
    this.cells["Delay, longest"].textContent = delay(sorted.length - 1);
    const price = this.chart.candles.at(-1)?.close.toFixed(2) ?? "none";
    this.canvas.setAttribute("aria-label", `Candles of the price by ${this.title}, now at ${price}`);
    this.chart.draw();
  }
}

const sleep = (length, signal) => new Promise(done => {
  if (signal.aborted) return done();
  const end = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    done();
  };
  const timer = setTimeout(end, length);
  signal.addEventListener("abort", end);
});

/* Sends one poll, for the publications since the last one. */
async function poll(panel, signal, wait) {
  const name = path("poll", { wait, ...(panel.position ? { after: panel.position } : {}) });
  const response = await fetch(name, { signal, cache: "no-store" });
  panel.asked(name, response);
  if (!response.ok) throw new Error(`${response.status}`);
  if (response.status === 204) return;
  const text = await response.text();
  panel.moved += text.length;
  const { id, publications } = JSON.parse(text);
  for (const one of publications) {
    panel.position = one.id ?? panel.position;
    panel.take(one.data);
  }
  if (id) panel.position = id;
}

async function polling(panel, signal) {
  while (!signal.aborted) {
    await poll(panel, signal, 0);
    panel.set("OPEN", "polling");
    await sleep(Number($("demo-interval").value), signal);
  }
}

async function longPolling(panel, signal) {
  while (!signal.aborted) {
    await poll(panel, signal, 30);
    panel.set("OPEN", "waiting");
  }
}

async function serverSentEvents(panel, signal) {
  const name = path("sse", panel.position ? { after: panel.position } : {});
  const response = await fetch(name, { signal, cache: "no-store" });
  panel.asked(name, response);
  if (!response.ok) throw new Error(`${response.status}`);
  panel.set("OPEN", "open");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the stream ended");
    panel.moved += value.length;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map(line => {
        const colon = line.indexOf(": ");
        return [line.slice(0, colon), line.slice(colon + 2)];
      }));
      if (fields.id) panel.position = fields.id;
      if (fields.event === event) panel.take(fields.data);
    }
  }
}

function webSocket(panel, signal) {
  return new Promise((_, reject) => {
    const name = path("ws", panel.position ? { after: panel.position } : {});
    const socket = new WebSocket(name.replace(/^http/, "ws"), "martlet");
    socket.onopen = () => {
      panel.asked(name);
      panel.moved += 300;  // the headers of the opening handshake, and its answer
      panel.set("OPEN", "open");
    };
    socket.onmessage = ({ data }) => {
      panel.moved += data.length + (data.length < 126 ? 2 : 4);
      const item = JSON.parse(data);
      if (item.id) panel.position = item.id;
      if (item.data) panel.take(item.data);
    };
    socket.onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
    signal.addEventListener("abort", () => socket.close(), { once: true });
  });
}

const panels = [
  new Panel("Polling", polling), new Panel("Long polling", longPolling),
  new Panel("Server-sent events", serverSentEvents), new Panel("WebSocket", webSocket),
];

/* Reconnects after a failure until it is aborted. */
async function keep(panel, signal) {
  while (!signal.aborted) {
    try {
      panel.set("CONNECTING", "connecting");
      await panel.run(panel, signal);
    } catch {
      if (signal.aborted) break;
      panel.set("FAILED", "cut off");
      await sleep(second * (1 + Math.random()), signal);
      // The service may be another process by now, with another token.
      await begin().catch(() => {});
    }
  }
  if (!isLockedOut && stop.signal === signal) panel.set("CLOSED", "paused");
}

/* Asks for the service's time; this request also keeps the feed running. */
async function begin() {
  const from = Date.now();
  const response = await ask("demo/state");
  if (response.status === 401) {
    // The password has changed: each further request would count as a guess.
    isLockedOut = true;
    end();
    $("demo-pause").disabled = true;
    for (const panel of panels) panel.set("FAILED", "load this page again");
  }
  if (!response.ok) throw new Error(`${response.status}`);
  const { now, head, candles, ...rest } = await response.json();
  token = rest.token;
  clock = now - (from + Date.now()) / 2;
  headSize = head - "/demo/state".length - "X-Requested-With: XMLHttpRequest\r\n".length;
  return candles;
}

async function start() {
  isRunning = true;
  const abort = stop = new AbortController();
  for (const panel of panels) panel.set("CONNECTING", "connecting");
  let candles;
  while (!candles && !abort.signal.aborted) {
    try { candles = await begin(); } catch {
      if (isLockedOut) return;
      for (const panel of panels) panel.set("FAILED", "cut off");
      await sleep(2 * second, abort.signal);
    }
  }
  if (abort.signal.aborted) return;
  synchronize = setInterval(() => begin().catch(() => {}), 8 * second);
  for (const panel of panels) {
    panel.chart.candles = candles.slice(-panel.chart.kept);
    // Changes while the panel was not shown have no delay.
    panel.position = undefined;
    panel.delays = [];
    keep(panel, abort.signal);
  }
  draw(abort.signal);
}

function draw(signal) {
  for (const panel of panels) panel.show();
  if (!signal.aborted) setTimeout(() => requestAnimationFrame(() => draw(signal)), 200);
}

function end() {
  isRunning = false;
  clearInterval(synchronize);
  stop?.abort();
}

$("demo-pause").onclick = () => {
  isPaused = !isPaused;
  $("demo-pause").setAttribute("aria-pressed", isPaused);
  if (isPaused) end(); else start();
};

export function demo(isSeen) {
  if (isSeen && !isPaused && !isRunning && !isLockedOut) start();
  if (!isSeen && isRunning) end();
}
