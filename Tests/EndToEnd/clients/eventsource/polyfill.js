// An EventSource of the kind that pages bring along for old browsers, with the protocol of Yaffle's: it reads the text of an answer
// as it grows, writes the last id into the query as `lastEventId`, and gives up after any status but 200.
//
// node polyfill.js URL EVENT… says each event on a line, as JSON.
"use strict";
const http = require("http");

const [url, ...events] = process.argv.slice(2);
const say = (kind, more = {}) => console.log(JSON.stringify({ kind, ...more }));

let lastEventId = "", retry = 1000;

function connect() {
  const separator = url.includes("?") ? "&" : "?";
  const asked = lastEventId ? `${url}${separator}lastEventId=${encodeURIComponent(lastEventId)}` : url;
  const request = http.get(asked, { headers: { Accept: "text/event-stream", "Cache-Control": "no-cache" }, agent: false }, answer => {
    const type = answer.headers["content-type"] || "";
    if (answer.statusCode !== 200 || !/^text\/event-stream(;.*)?$/i.test(type)) {
      say("failed", { status: answer.statusCode, type });
      process.exit(1);
    }
    let text = "", length = 0, isOpen = false;
    let fields = { data: [], event: "message" };
    answer.setEncoding("utf8");
    answer.on("data", part => {
      text += part;
      length += part.length;
      // Old browsers show nothing before two kilobytes have come.
      if (!isOpen && length >= 2048) {
        isOpen = true;
        say("open");
      }
      for (let end; (end = text.search(/\r\n|\n|\r(?!$)/)) >= 0;) {
        const line = text.slice(0, end);
        text = text.slice(end + (text.startsWith("\r\n", end) ? 2 : 1));
        take(line);
      }
    });
    // One error for each connection, however it ends.
    answer.on("close", again);

    function take(line) {
      if (line === "") {
        if (fields.id !== undefined) lastEventId = fields.id;
        if (fields.data.length) {
          const kind = events.includes(fields.event) ? "message" : fields.event;
          say(kind, { data: fields.data.join("\n"), id: lastEventId });
        }
        fields = { data: [], event: "message" };
        return;
      }
      const colon = line.indexOf(":");
      if (colon === 0) return;
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "data") fields.data.push(value);
      else if (name === "retry" && /^\d+$/.test(value)) retry = Number(value);
      else if (name === "id" || name === "event") fields[name] = value;
    }
  });
  request.on("error", again);
  let isOver = false;

  function again() {
    if (isOver) return;
    isOver = true;
    say("error", { retry });
    setTimeout(connect, retry);
  }
}

connect();
