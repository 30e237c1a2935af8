// Two tabs, in each of which a subscription is replaced by another of the same event within one turn, while a message is on its
// way: node replaced.mjs SCRIPT. Prints how many connections there were, and what each tab got.
import { World, pause, steps } from "./world.mjs";

const world = new World(process.argv[2]), tabs = [world.open("leader"), world.open("follower")];
const got = { leader: [], follower: [] };
let number = 0;
const subscribe = ({ martlet, name }) => martlet.subscribe("a", data => got[name].push(data));
const arrives = async () => { while (tabs.some(({ name }) => got[name].at(-1) != number)) await pause(1); };
const push = () => { world.push("a"); number++; };

const stops = [];
for (const tab of tabs) {
  stops.push(subscribe(tab));
  while (tab.martlet.state != "open") await pause(1);
}
tabs[1].martlet.subscribe("b", () => {});  // the second connection
await pause(20);
push();
await arrives();
for (const [index, tab] of tabs.entries()) {
  push();
  stops[index]();
  subscribe(tab);
  await steps(20);
  push();
  await arrives();
}
console.log(`${world.totalCount} connections; ${tabs.map(({ name }) => `${name} ${got[name].join(" ")}`).join("; ")}`);
process.exit(0);
