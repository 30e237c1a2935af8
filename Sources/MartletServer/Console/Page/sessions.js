// The list of sessions: all, those that a search finds, or those of one user; each can be disconnected.

import { askAsOperator, whenKeyComes } from "./access.js";
import { $, bytes, duration, element, number, say } from "./common.js";

const limit = 200;
const interval = 3000;
const transports = { websocket: "WebSocket", sse: "SSE", poll: "poll" };

/* The columns: how to compare two sessions by them, and whether the greatest come first. */
const columns = {
  user: { name: "User", compare: (a, b) => a.user.localeCompare(b.user) },
  events: { name: "Events", compare: (a, b) => a.events.length - b.events.length, isDescending: true },
  transport: { name: "Transport", compare: (a, b) => a.transport.localeCompare(b.transport) },
  address: { name: "Address", compare: (a, b) => a.address.localeCompare(b.address, "en", { numeric: true }) },
  queue: { name: "Queue", compare: (a, b) => a.queued - b.queued, isDescending: true },
  age: { name: "Age", compare: (a, b) => a.age - b.age, isDescending: true },
};

let timer;
let waiting;
let asked = 0;
let answered = 0;
let user = "";       // the user whose page this is; empty for all
let order = "user";
let isDescending = false;
let listed = [];
let more = false;

const address = name => "#sessions/" + encodeURIComponent(name);

function row(session) {
  const drop = element("button", { type: "button", className: "quiet" }, "Disconnect");
  drop.setAttribute("aria-label", `Disconnect session ${session.id} of ${session.user}`);
  drop.onclick = () => end({ id: session.id, user: session.user });
  const cells = [
    ["User", user ? session.user : element("a", { href: address(session.user) }, session.user), ""],
    ["Events", session.events.join(", "), ""], ["Transport", transports[session.transport], "word"],
    ["Address", session.address, "word"], ["Queue", bytes(session.queued), "number queue"],
    ["Age", duration(session.age), "number"], ["", drop, "word"],
  ];
  // The roles are explicit, since a narrow page shows the table as cards, and would lose them.
  return element("tr", { className: session.queued > 0 ? "waiting" : "", role: "row" },
    ...cells.map(([label, value, className]) => element("td", { className, "data-label": label, role: "cell" }, value)));
}

function tell(text) { say($("sessions-note"), text); }

/* Shows what was listed, in the order that was chosen. */
function show() {
  const { compare } = columns[order];
  const sign = isDescending ? -1 : 1;
  listed.sort((a, b) => sign * compare(a, b) || columns.user.compare(a, b) || b.age - a.age);
  // The focus stays where it is, for users who are about to press what has it.
  const rows = $("sessions-rows");
  const key = node => rows.contains(node) && (node.getAttribute("aria-label") ?? node.getAttribute("href"));
  const focused = key(document.activeElement);
  rows.replaceChildren(...listed.map(row));
  if (focused) [...rows.querySelectorAll("button, a")].find(one => key(one) === focused)?.focus();
  for (const head of document.querySelectorAll("#sessions-table [data-order]")) {
    const isOrder = head.dataset.order === order;
    if (isOrder) head.setAttribute("aria-sort", isDescending ? "descending" : "ascending"); else head.removeAttribute("aria-sort");
  }
  $("order").value = order;
  $("sessions-table").hidden = $("order-label").hidden = !listed.length;
  $("drop-all").disabled = !listed.length;
  showUser();
  const sorted = more && order !== "user" ? " The order is that of these." : "";
  tell(more ? `${listed.length} sessions of more: search for the others.${sorted}`
    : listed.length ? `${number(listed.length)} ${listed.length === 1 ? "session" : "sessions"}`
    : user ? "This user has no session."
    : $("search").value.trim() ? "None that matches." : "Nobody is connected and subscribed to anything.");
}

function showUser() {
  if (!user) return;
  const events = new Set(listed.flatMap(session => session.events));
  $("user-sessions").textContent = number(listed.length) + (more ? " and more" : "");
  $("user-events").textContent = [...events].sort().join(", ") || "–";
  $("user-queue").textContent = bytes(listed.reduce((sum, session) => sum + session.queued, 0));
  $("user-age").textContent = listed.length ? duration(Math.max(...listed.map(session => session.age))) : "–";
}

async function list() {
  const round = ++asked;
  const query = user ? `user=${encodeURIComponent(user)}` : `search=${encodeURIComponent($("search").value.trim())}`;
  let result, answer;
  try {
    result = await askAsOperator(`console/sessions?${query}&limit=${limit}`);
    answer = result.response.ok ? await result.response.json() : await result.response.text();
  } catch {
    if (round === asked) tell("no answer");
    return;
  } finally {
    answered = Math.max(answered, round);
  }
  if (round !== asked) return;  // a newer request has been sent
  const { response, wantsKey, refusal, isLockedOut } = result;
  if (response.status !== 429) $("key-form").hidden = !wantsKey;
  if (isLockedOut) clearInterval(timer);
  if (!response.ok) {
    $("sessions-table").hidden = $("order-label").hidden = true;
    return tell(refusal ?? `The service does not answer this: ${answer}`);
  }
  ({ sessions: listed, more } = answer);
  show();
}

/* Disconnects one session, or all of a user. */
async function end(what) {
  const question = what.id === undefined ? `Disconnect all sessions of ${what.user}? Its clients may come back.`
    : `Disconnect session ${what.id} of ${what.user}? Its client may come back.`;
  if (!confirm(question)) return;
  try {
    const { response, refusal } = await askAsOperator("console/drop", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(what),
    });
    if (!response.ok) return tell(refusal ?? `It was not disconnected: ${await response.text()}`);
  } catch {
    return tell("no answer");
  }
  await list();
}

function sort(by) {
  isDescending = by === order ? !isDescending : columns[by].isDescending ?? false;
  order = by;
  show();
}

for (const head of document.querySelectorAll("#sessions-table [data-order]")) {
  head.querySelector("button").onclick = () => sort(head.dataset.order);
}
for (const [name, column] of Object.entries(columns)) $("order").append(element("option", { value: name }, column.name));
$("order").onchange = () => { order = ""; sort($("order").value); };
$("search").oninput = () => { clearTimeout(waiting); waiting = setTimeout(list, 200); };
$("refreshing").onchange = () => { if ($("refreshing").checked) list(); };
$("drop-all").onclick = () => end({ user });
whenKeyComes("key-form", "console-key", list);

/* part: the user's name, as it stands in the page's address; empty for all. */
export function sessions(isSeen, part) {
  clearInterval(timer);
  if (!isSeen) return;
  let name = "";
  try { name = decodeURIComponent(part); } catch {}
  if (name !== user) {
    user = name;
    listed = [];
    $("sessions-rows").replaceChildren();
  }
  $("sessions-title").textContent = user ? "Sessions of " + user : "Sessions";
  $("user").hidden = !user;
  $("search-label").hidden = !!user;
  list();
  timer = setInterval(() => {
    // A slow service is not asked again before it has answered.
    if (answered === asked && $("key-form").hidden && $("refreshing").checked) list();
  }, interval);
}
