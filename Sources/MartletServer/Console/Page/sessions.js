// The list of sessions, with search and a button that disconnects one.

import { $, ask, bytes, duration, element } from "./common.js";

const limit = 200;
const interval = 3000;
let key = "";
let timer;
let waiting;
let asked = 0;

const headers = () => key ? { "X-API-Key": key } : {};

function row(session) {
  const drop = element("button", { type: "button", className: "quiet" }, "Disconnect");
  drop.setAttribute("aria-label", `Disconnect session ${session.id} of ${session.user}`);
  drop.onclick = () => end(session);
  const cells = [
    ["User", session.user, ""], ["Events", session.events.join(", "), ""],
    ["Transport", { websocket: "WebSocket", sse: "SSE", poll: "poll" }[session.transport], "word"],
    ["Address", session.address, "word"], ["Queue", bytes(session.queued), "number queue"],
    ["Age", duration(session.age), "number"], ["", drop, "word"],
  ];
  // The roles are explicit, since a narrow page shows the table as cards, and would lose them.
  return element("tr", { className: session.queued > 0 ? "waiting" : "", role: "row" },
    ...cells.map(([label, value, className]) => element("td", { className, "data-label": label, role: "cell" }, value)));
}

function say(text) { if ($("sessions-note").textContent !== text) $("sessions-note").textContent = text; }

async function list() {
  const number = ++asked;
  const query = `search=${encodeURIComponent($("search").value.trim())}&limit=${limit}`;
  let response, answer;
  try {
    response = await ask("console/sessions?" + query, { headers: headers() });
    answer = response.ok ? await response.json() : await response.text();
  } catch {
    return say("no answer");
  }
  if (number !== asked) return;  // a newer request has been sent
  const wantsKey = response.headers.get("WWW-Authenticate") === "Bearer";
  if (response.status !== 429) $("key-form").hidden = !wantsKey;
  $("sessions-table").hidden = !response.ok;
  if (wantsKey) return say(key ? "The API key is wrong." : "");
  if (response.status === 401) {
    clearInterval(timer);
    return say("The password has changed: load this page again.");
  }
  if (!response.ok) return say(`${response.status} ${answer}`);
  const { sessions, more } = answer;
  // The focus stays on the same button, for users who are about to press it.
  const focused = document.activeElement?.getAttribute("aria-label");
  sessions.sort((a, b) => a.user.localeCompare(b.user) || b.age - a.age);
  $("sessions-rows").replaceChildren(...sessions.map(row));
  if (focused) [...$("sessions-rows").querySelectorAll("button")].find(one => one.getAttribute("aria-label") === focused)?.focus();
  $("sessions-table").hidden = !sessions.length;
  say(more ? `The first ${sessions.length}. Search for the others.`
    : sessions.length ? `${sessions.length} ${sessions.length === 1 ? "session" : "sessions"}`
    : $("search").value.trim() ? "None that matches." : "Nobody is connected and subscribed to anything.");
}

async function end(session) {
  if (!confirm(`Disconnect session ${session.id} of ${session.user}? Its client may come back.`)) return;
  try {
    const response = await ask("console/drop", {
      method: "POST", headers: { ...headers(), "Content-Type": "application/json" },
      body: JSON.stringify({ id: session.id, user: session.user }),
    });
    if (!response.ok) return say(`${response.status} ${await response.text()}`);
  } catch {
    return say("no answer");
  }
  await list();
}

$("search").oninput = () => { clearTimeout(waiting); waiting = setTimeout(list, 200); };
$("refresh").onclick = list;
$("key-form").onsubmit = event => {
  event.preventDefault();
  key = $("console-key").value;
  list();
};

export function sessions(isSeen) {
  clearInterval(timer);
  if (!isSeen) return;
  list();
  timer = setInterval(() => { if ($("key-form").hidden) list(); }, interval);
}
