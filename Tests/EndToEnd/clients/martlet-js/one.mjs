// One client of martlet.js in Node or Deno: one.mjs MODULE OPTIONS EVENT, the options as JSON.
// Says what it is told, a line of JSON each; the end of standard input ends the client, and with it the program.
import process from "node:process";

const [module, options, event] = process.argv.slice(2);
const { Martlet } = await import(module);
const say = (...values) => console.log(JSON.stringify(values));

const martlet = new Martlet(JSON.parse(options));
martlet.on("state", (state, transport, wait) => say("state", state, transport ?? "", wait ?? 0));
martlet.on("gap", events => say("gap", events));
martlet.on("error", ({ message, final, data }) => say("error", message, final, data));
martlet.subscribe(event, data => say("message", data));
process.stdin.once("end", () => martlet.close()).resume();
