// A tab that may not share: node denied.mjs SCRIPT locks|channel|later. Prints its states, and the messages that it gets.
import { World, pause } from "./world.mjs";

const [script, denied] = process.argv.slice(2);
const world = new World(script), { martlet } = world.open("tab", { denied }), states = [martlet.state], got = [];
martlet.on("state", state => states.at(-1) != state && state != "waiting" && states.push(state));
martlet.subscribe("a", data => got.push(data));
while (martlet.state != "open") await pause(1);
world.push("a");
world.push("a");
while (got.length < 2) await pause(1);
console.log(`${states.join(", ")}: ${got.join(", ")}`);
process.exit(0);
