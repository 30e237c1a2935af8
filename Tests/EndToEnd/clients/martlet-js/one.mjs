// One client of martlet.js in Node or Deno: one.mjs MODULE OPTIONS EVENT, the options as JSON.
// A line of standard input is the name of a further event. The option "tokens" makes the token a function that returns one after the other, and the last from then on.
// Says what it is told, a line of JSON each; the end of standard input ends the client, and with it the program.
import process from "node:process";

const [module, options, event] = process.argv.slice(2);
const { Martlet } = await import(module);
const say = (...values) => console.log(JSON.stringify(values));

const { tokens, ...others } = JSON.parse(options);
if (tokens) others.token = () => tokens.length > 1 ? tokens.shift() : tokens[0];
const martlet = new Martlet(others);
martlet.on("state", (state, transport, wait) => say("state", state, transport ?? "", wait ?? 0));
martlet.on("gap", events => say("gap", events));
martlet.on("error", ({ message, final, data }) => say("error", message, final, data));
martlet.subscribe(event, data => say("message", data));
process.stdin.setEncoding("utf8").on("data", lines => {
  for (const name of lines.trim().split("\n")) martlet.subscribe(name, data => say("message", data));
}).once("end", () => martlet.close());
