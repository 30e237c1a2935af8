// Many clients of martlet.js in one process, each a user of its own: node many.js SCRIPT URL COUNT
// Says "open" when all are connected; a line on standard input asks for what they have seen, as JSON.
const fs = require("fs");
globalThis.WebSocket = require("ws");
(0, eval)(fs.readFileSync(process.argv[2], "utf8"));

const [url, count] = [process.argv[3], +process.argv[4]];
// Most are WebSockets; some are what else there is.
const transports = [...Array(36).fill("websocket"), "sse", "sse", "poll", "poll"];
const got = [], gaps = [], opened = [], told = [];
let open = 0, isReady = false;
for (let number = 0; number < count; number++) {
  got.push([]);
  const martlet = new Martlet({ url, token: `user${number}`, transports: [transports[number % transports.length]], share: false });
  martlet.subscribe("alerts", data => got[number].push(data));
  martlet.on("gap", () => gaps.push(number));
  let before;
  martlet.on("state", (state, transport, wait) => {
    if (state == "open") {
      open += 1;
      if (isReady) opened.push(Date.now());
    } else if (before == "open") open -= 1;
    if (state == "waiting") told.push(wait);
    before = state;
    if (open == count && !isReady) {
      isReady = true;
      console.log("open");
    }
  });
}
process.stdin.on("data", () => console.log(JSON.stringify({ open, got, gaps, opened, told, transports })));
process.stdin.on("end", () => process.exit(0));
