// One feed in four ways. Here the bytes of each are counted: heads and bodies of requests and answers, and frames.

import { Candles } from "./candles.js";
import { $, ask, at, bytes, element, number, say, time } from "./common.js";

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

/* The figures that are compared, with what a bar of each stands for: the less the better. */
const compared = {
  requests: { name: "Requests", value: way => way.requests, format: number },
  size: { name: "Bytes a change", value: way => way.updates ? way.moved / way.updates : NaN, format: bytes },
  delay: { name: "Delay, median", value: way => way.delay(0.5), format: milliseconds => time(Math.max(1, milliseconds) / second) },
};

class Way {
  constructor(title, run) {
    Object.assign(this, { title, run, requests: 0, moved: 0, updates: 0, delays: [], last: undefined, position: undefined });
    this.state = element("span", { className: "status" }, "waiting");
    this.cells = { changes: element("td", { className: "number" }), longest: element("td", { className: "number" }) };
    this.bars = {};
    for (const name in compared) {
      const bar = element("i"), value = element("span", {}, "–");
      this.bars[name] = { bar, value };
      this.cells[name] = element("td", { className: "compared" }, element("span", { className: "bar" }, bar), value);
    }
    const { changes, requests, size, delay, longest } = this.cells;
    const labelled = (cell, label) => { cell.dataset.label = label; cell.setAttribute("role", "cell"); return cell; };
    $("panels").append(element("tr", { role: "row" },
      element("th", { scope: "row", role: "rowheader" }, title), labelled(element("td", {}, this.state), "State"),
      labelled(changes, "Changes seen"), labelled(requests, compared.requests.name), labelled(size, compared.size.name),
      labelled(delay, compared.delay.name), labelled(longest, "Delay, longest")));
    $("demo-way").append(element("option", {}, title));
  }

  set(state, text) {
    this.state.dataset.state = state;
    say(this.state, text);
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
    if (this === drawn()) chart.take(candle);
  }

  /* The delay that a share of the last changes did not exceed, in milliseconds. */
  delay(share) {
    const sorted = [...this.delays].sort((a, b) => a - b);
    return sorted.length ? sorted[Math.ceil(share * sorted.length) - 1] : NaN;
  }

  /* most: the greatest of all ways for each bar. */
  show(most) {
    this.cells.changes.textContent = number(this.updates);
    this.cells.longest.textContent = this.delays.length ? compared.delay.format(this.delay(1)) : "–";
    for (const [name, { value, format }] of Object.entries(compared)) {
      const figure = value(this);
      this.bars[name].value.textContent = Number.isFinite(figure) ? format(figure) : "–";
      this.bars[name].bar.style.width = Number.isFinite(figure) && most[name] ? Math.max(1, 100 * figure / most[name]) + "%" : "0";
    }
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
async function poll(way, signal, wait) {
  const name = path("poll", { wait, ...(way.position ? { after: way.position } : {}) });
  const response = await fetch(name, { signal, cache: "no-store" });
  way.asked(name, response);
  if (!response.ok) throw new Error(`${response.status}`);
  if (response.status === 204) return;
  const text = await response.text();
  way.moved += text.length;
  const { id, publications } = JSON.parse(text);
  for (const one of publications) {
    way.position = one.id ?? way.position;
    way.take(one.data);
  }
  if (id) way.position = id;
}

async function polling(way, signal) {
  while (!signal.aborted) {
    await poll(way, signal, 0);
    way.set("OPEN", "polling");
    await sleep(Number($("demo-interval").value), signal);
  }
}

async function longPolling(way, signal) {
  while (!signal.aborted) {
    await poll(way, signal, 30);
    way.set("OPEN", "waiting");
  }
}

async function serverSentEvents(way, signal) {
  const name = path("sse", way.position ? { after: way.position } : {});
  const response = await fetch(name, { signal, cache: "no-store" });
  way.asked(name, response);
  if (!response.ok) throw new Error(`${response.status}`);
  way.set("OPEN", "open");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the stream ended");
    way.moved += value.length;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map(line => {
        const colon = line.indexOf(": ");
        return [line.slice(0, colon), line.slice(colon + 2)];
      }));
      if (fields.id) way.position = fields.id;
      if (fields.event === event) way.take(fields.data);
    }
  }
}

function webSocket(way, signal) {
  return new Promise((_, reject) => {
    const name = path("ws", way.position ? { after: way.position } : {});
    const socket = new WebSocket(name.replace(/^http/, "ws"), "martlet");
    socket.onopen = () => {
      way.asked(name);
      way.moved += 300;  // the headers of the opening handshake, and its answer
      way.set("OPEN", "open");
    };
    socket.onmessage = ({ data }) => {
      way.moved += data.length + (data.length < 126 ? 2 : 4);
      const item = JSON.parse(data);
      if (item.id) way.position = item.id;
      if (item.data) way.take(item.data);
    };
    socket.onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
    signal.addEventListener("abort", () => socket.close(), { once: true });
  });
}

const ways = [
  new Way("Polling", polling), new Way("Long polling", longPolling),
  new Way("Server-sent events", serverSentEvents), new Way("WebSocket", webSocket),
];
const chart = new Candles($("demo-candles"));
const drawn = () => ways[$("demo-way").selectedIndex];
$("demo-way").selectedIndex = ways.length - 1;

/* Reconnects after a failure until it is aborted. */
async function keep(way, signal) {
  while (!signal.aborted) {
    try {
      way.set("CONNECTING", "connecting");
      await way.run(way, signal);
    } catch {
      if (signal.aborted) break;
      way.set("FAILED", "cut off");
      await sleep(second * (1 + Math.random()), signal);
      // The service may be another process by now, with another token.
      await begin().catch(() => {});
    }
  }
  if (!isLockedOut && stop.signal === signal) way.set("CLOSED", "paused");
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
    for (const way of ways) way.set("FAILED", "load this page again");
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
  for (const way of ways) way.set("CONNECTING", "connecting");
  let candles;
  while (!candles && !abort.signal.aborted) {
    try { candles = await begin(); } catch {
      if (isLockedOut) return;
      for (const way of ways) way.set("FAILED", "cut off");
      await sleep(2 * second, abort.signal);
    }
  }
  if (abort.signal.aborted) return;
  chart.candles = candles.slice(-chart.kept);
  synchronize = setInterval(() => begin().catch(() => {}), 8 * second);
  for (const way of ways) {
    // Changes while nobody looked have no delay.
    way.position = undefined;
    way.delays = [];
    keep(way, abort.signal);
  }
  draw(abort.signal);
}

function draw(signal) {
  const most = {};
  for (const [name, { value }] of Object.entries(compared)) most[name] = Math.max(...ways.map(value).filter(Number.isFinite), 0);
  for (const way of ways) way.show(most);
  const price = chart.candles.at(-1)?.close.toFixed(2) ?? "none";
  chart.canvas.setAttribute("aria-label", `Candles of the price by ${drawn().title}, now at ${price}`);
  chart.draw();
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
