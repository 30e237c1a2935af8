// The part for trying it by hand: connect, register or subscribe, push.

import { $, at, element, settings } from "./common.js";

const states = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];
const keptEntries = 500;
let socket = null;
let martlet = null;

function log(kind, what, text) {
  const now = new Date();
  const clock = now.toTimeString().slice(0, 8) + "." + String(now.getMilliseconds()).padStart(3, "0");
  const entry = element("li", { className: kind },
    element("time", { dateTime: now.toISOString() }, clock),
    element("span", { className: "what" }, what), element("span", { className: "text" }, text));
  const box = $("log-box");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  $("log").append(entry);
  while ($("log").children.length > keptEntries) $("log").firstChild.remove();
  if (atEnd) box.scrollTop = box.scrollHeight;
}

/* Moves the focus from a button that is now disabled to the one that replaces it. */
function toggle(first, second, isFirst) {
  const focused = document.activeElement;
  first.disabled = !isFirst;
  second.disabled = isFirst;
  if (focused === first && first.disabled) second.focus();
  if (focused === second && second.disabled) first.focus();
}

function show() {
  const state = socket ? socket.readyState : 3;
  // The status is set only when it changes: a screen reader announces every change.
  if ($("state").dataset.state !== states[state] || !$("state").textContent) {
    $("state").textContent = states[state];
    $("state").dataset.state = states[state];
  }
  $("ready-state").textContent = state + " " + states[state];
  $("buffered").textContent = socket ? socket.bufferedAmount : 0;
  $("chosen").textContent = (socket && socket.protocol) || "–";
  const focused = document.activeElement;
  $("connect").disabled = state < 3;
  $("disconnect").disabled = state > 1;
  if (focused === $("connect") && $("connect").disabled) $("disconnect").focus();
  if (focused === $("disconnect") && $("disconnect").disabled) $("connect").focus();
  $("send").disabled = $("register").disabled = state !== 1;
}

function connect() {
  const subprotocols = $("subprotocol").value.split(",").map(s => s.trim()).filter(s => s);
  let opened;
  try {
    opened = new WebSocket($("url").value, subprotocols);
  } catch (error) {
    log("error", "error", error.message);
    return;
  }
  socket = opened;
  opened.binaryType = "arraybuffer";
  opened.onopen = () => { log("info", "open", opened.url); show(); };
  opened.onmessage = event => {
    log("received", "← in", typeof event.data === "string" ? event.data : "(binary, " + event.data.byteLength + " bytes)");
    show();
  };
  opened.onerror = () => { log("error", "error", "the connection failed or broke"); show(); };
  opened.onclose = event => {
    log(event.wasClean ? "info" : "error", "closed",
        "code " + event.code + (event.reason ? ", " + event.reason : "") + (event.wasClean ? "" : ", not clean"));
    show();
  };
  show();
}

function send(text) {
  socket.send(text);
  log("sent", "→ out", text);
  show();
}

async function subscribe() {
  toggle($("subscribe"), $("unsubscribe"), false);
  const transport = $("subscribe-transport").value;
  const event = $("subscribe-event").value;
  try {
    const { Martlet } = await import("../martlet.mjs");
    martlet = new Martlet({
      url: at("").href, token: $("subscribe-token").value, transports: [transport], share: false,
      paths: { websocket: "." + settings.webSocketPath, sse: "." + settings.eventsPath, poll: "." + settings.pollPath },
    });
    martlet.subscribe(event, (data, { id }) => log("received", "← in", `${event}: ${data}${id ? "   (id " + id + ")" : ""}`));
  } catch (error) {
    martlet?.close();
    toggle($("subscribe"), $("unsubscribe"), true);
    return log("error", "error", error.message);
  }
  martlet.on("state", state => {
    $("subscribe-state").textContent = state;
    if (state === "closed") toggle($("subscribe"), $("unsubscribe"), true);
  });
  martlet.on("gap", events => log("error", "gap", "messages are missing: " + events.join(", ")));
  martlet.on("error", error => log("error", "refused", error.message));
  log("info", "subscribe", `${event} by ${$("subscribe-transport").selectedOptions[0].text}`);
}

const quote = text => "'" + text.replaceAll("'", "'\\''") + "'";
const pushURL = () => at(settings.pushPath).href;
const pushBody = () => JSON.stringify({ userId: $("push-user").value, event: $("push-event").value, message: $("push-message").value });

function showCurl() {
  const key = $("push-key").value ? '-H "X-API-Key: $MARTLET_API_KEY" ' : "";
  $("curl").textContent = "curl " + key + pushURL() + " -d " + quote(pushBody());
}

/* What an answer to a push means. */
function meaning(response, text) {
  const seconds = response.headers.get("Retry-After");
  const later = seconds ? ` Try again in ${seconds} s.` : "";
  const sent = /^message sent to (\d+) clients$/.exec(text);
  if (sent) return `Sent to ${sent[1]} ${sent[1] === "1" ? "session" : "sessions"}.`;
  switch (response.status) {
    case 401: return $("push-key").value ? "The API key is wrong." : "The service asks for an API key.";
    case 403: return "Pages of this host may not push.";
    case 413: return "The message is too long.";
    case 429: return "Too many pushes." + later;
    case 503: return "The service cannot take it now." + later;
    default: return response.ok ? "Sent." : `Refused: ${text || "the service does not say why"} (${response.status}).`;
  }
}

async function push() {
  const headers = { "Content-Type": "application/json" };
  if ($("push-key").value) headers["X-API-Key"] = $("push-key").value;
  const { value: user } = $("push-user"), { value: name } = $("push-event");
  let answer, isSent = false;
  try {
    // Without the password of the console: a browser forgets one that was answered with 401, and the key is all that counts.
    const response = await fetch(pushURL(), { method: "POST", headers, body: pushBody(), credentials: "omit" });
    answer = meaning(response, await response.text());
    isSent = response.ok;
  } catch {
    answer = "No answer from the service.";
  }
  $("push-answer").textContent = answer;
  log(isSent ? "sent" : "error", "push", `${name} of ${user}: ${answer}`);
}

$("url").value = at(settings.webSocketPath).href.replace(/^http/, "ws");
if (settings.mode === "serve") {
  $("register-card").hidden = $("subscribe-card").hidden = $("push-card").hidden = false;
  showCurl();
}
$("connection").onsubmit = event => { event.preventDefault(); connect(); };
$("disconnect").onclick = () => { socket.close(1000, "the user disconnected"); show(); };
$("send-form").onsubmit = event => { event.preventDefault(); send($("message").value); };
$("message").onkeydown = event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !$("send").disabled) {
    event.preventDefault();
    send($("message").value);
  }
};
$("register-form").onsubmit = event => {
  event.preventDefault();
  send(JSON.stringify({ token: $("token").value, event: $("event").value }));
};
$("subscribe-form").onsubmit = event => { event.preventDefault(); subscribe(); };
$("unsubscribe").onclick = () => { martlet?.close(); };
$("push-form").onsubmit = event => { event.preventDefault(); push(); };
$("push-form").oninput = showCurl;
$("copy").onclick = async () => {
  try {
    await navigator.clipboard.writeText($("curl").textContent);
    $("push-answer").textContent = "copied";
  } catch {
    getSelection().selectAllChildren($("curl"));
    $("push-answer").textContent = "selected: press Ctrl+C";
  }
};
$("clear").onclick = () => $("log").replaceChildren();
setInterval(() => { if (socket && socket.readyState < 3) show(); }, 250);
show();

/* Does nothing: this part has nothing to stop. */
export function attempt() {}
