// Tabs that ask for more events together than a connection may have: node limit.mjs SCRIPT. Prints what each tab got, how many
// connections there are, and what was told as an error.
import { World, pause } from "./world.mjs";

const world = new World(process.argv[2], 5), got = {}, told = [];
const until = async condition => { while (!condition()) await pause(1); };
function open(name, events) {
  const { martlet } = world.open(name);
  got[name] = [];
  martlet.on("error", error => told.push(`${name}: ${error.message}`));
  for (const event of events) martlet.subscribe(event, data => got[name].push(event + data));
  return martlet;
}
const first = open("first", ["a", "b"]);
await until(() => first.state == "open");
const second = open("second", ["c", "d"]);
await until(() => second.state == "open");
const third = open("third", ["a", "e", "f"]);
await until(() => world.connectionCount == 2);
const fourth = open("fourth", ["a", "b", "c", "d", "e", "f"]);
await until(() => told.length);
await until(() => [first, second, third].every(({ state }) => state == "open") && fourth.state == "closed");
await pause(20);
for (const event of "abcdef") world.push(event);
await until(() => got.first.length == 2 && got.second.length == 2 && got.third.length == 3);
console.log(Object.entries(got).map(([name, events]) => `${name} ${events.join(" ")}`).join("; "));
console.log(`${world.connectionCount} connections; ${told}`);
process.exit(0);
