// The tab that has the connection hangs, and later goes on: node hangs.mjs SCRIPT. Prints what each tab got, who was told of a gap,
// and how many connections there are in the end. A minute of its timers is a third of a second.
import { World, pause } from "./world.mjs";

const world = new World(process.argv[2]), tabs = ["leader", "second", "third"].map(name => world.open(name, { speed: 180 }));
const got = tabs.map(() => []), gaps = [];
const until = async condition => { while (!condition()) await pause(1); };
for (const [index, { name, martlet }] of tabs.entries()) {
  martlet.subscribe("a", data => got[index].push(data));
  martlet.on("gap", () => gaps.push(name));
  await until(() => martlet.state == "open");
}
let number = 0;
const push = () => { world.push("a"); number++; };
push();
await until(() => got.every(one => one.at(-1) == number));
tabs[0].hang();
push();
await until(() => got.slice(1).every(one => one.at(-1) == number));
tabs[0].thaw();
await until(() => got[0].at(-1) == number);
push();
await until(() => got.every(one => one.at(-1) == number));
await until(() => world.connectionCount == 1);
console.log(`${got.map(one => one.join(" ")).join("; ")}; gaps: ${gaps}; connections: ${world.connectionCount}`);
process.exit(0);
