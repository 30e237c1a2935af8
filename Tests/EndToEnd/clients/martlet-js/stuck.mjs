// A tab comes back from the back/forward cache and asks for what it missed, in vain: node stuck.mjs SCRIPT fetch|token.
// Prints what it got. Ten seconds of its timers are 0.1 s.
import { World, pause } from "./world.mjs";

const [script, stuck] = process.argv.slice(2), world = new World(script), got = [];
const until = async condition => { while (!condition()) await pause(1); };
let isStuck = false;
const token = () => isStuck ? new Promise(() => {}) : "token";
const leader = world.open("leader", { share: "us" }), tab = world.open("back", { share: "us", token, speed: 100 });
leader.martlet.subscribe("a", () => {});
tab.martlet.subscribe("a", data => got.push(data));
tab.martlet.on("gap", () => got.push("gap"));
await until(() => leader.martlet.state == "open" && tab.martlet.state == "open");
world.push("a");
await until(() => got.length == 1);
tab.hide();
await pause(10);
world.push("a");
await pause(10);
if (stuck == "token") isStuck = true; else tab.isCutOff = true;
tab.show();
await pause(10);
world.push("a");
await until(() => got.at(-1) == "3");
console.log(got.join(" "));
process.exit(0);
