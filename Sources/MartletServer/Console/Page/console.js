// The frame of the console: it shows one part at a time.

import { $, element, settings } from "./common.js";

// Each module exports a function that is told whether its part is shown, and what stands behind its name in the address.

const parts = {};

async function load() {
  const { attempt } = await import("./try.js");
  parts.try = attempt;
  if (settings.mode === "echo") return;
  const [{ overview }, { sessions }, { demo }] =
    await Promise.all([import("./overview.js"), import("./sessions.js"), import("./demo.js")]);
  Object.assign(parts, { overview, sessions, demo });
}

const intros = {
  overview: "What the service does.",
  sessions: "Who is connected.",
  try: settings.mode === "echo"
    ? "This server sends every message back."
    : "Connect, register for an event, push a message: every page of that user shows it.",
  demo: "One price by polling, long polling, server-sent events and WebSocket.",
};

function show() {
  const [wanted, ...rest] = location.hash.slice(1).split("/");
  const current = Object.hasOwn(parts, wanted) ? wanted : parts.overview ? "overview" : "try";
  for (const name in parts) {
    const isShown = name === current;
    $(name).hidden = !isShown;
    const link = document.querySelector(`nav a[href="#${name}"]`);
    if (isShown) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    parts[name](isShown && !document.hidden, isShown ? rest.join("/") : "");
  }
  document.documentElement.dataset.part = current;
  $("intro").textContent = intros[current];
}

try {
  await load();
} catch (error) {
  $("intro").textContent = "A part of this page did not load. Load it again.";
  document.querySelector("main").prepend(element("p", { className: "card", role: "alert" }, error.message));
  throw error;
}
$("nav").hidden = settings.mode === "echo";
addEventListener("hashchange", () => { show(); scrollTo(0, 0); });
document.addEventListener("visibilitychange", show);
show();
