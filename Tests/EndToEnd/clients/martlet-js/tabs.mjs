// Tabs that share a connection, in random histories: node tabs.mjs SCRIPT SEED COUNT. Prints what went wrong, with the seed.
//
// Whatever tabs do (open, close, crash, hang, take over, go into the back/forward cache, hear other events), each listener gets
// every message from its first on once and in order, or is told of a gap.
import { World, pause, steps } from "./world.mjs";

const [script, first, count] = [process.argv[2], +process.argv[3], +process.argv[4]];

function random(seed) {
  let state = seed * 7919 + 13;
  return limit => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
}

class Listener {
  constructor(tab, event, problem) {
    Object.assign(this, { tab, event, problem, last: undefined, isGapTold: false });
    this.stop = tab.martlet.subscribe(event, data => this.take(+data));
  }

  take(number) {
    const { last } = this, where = `${this.tab.name} ${this.event}`;
    if (number <= last) this.problem(`${where}: ${number} came after ${last}`);
    if (number > last + 1 && !this.isGapTold) this.problem(`${where}: nothing between ${last} and ${number}`);
    this.last = number;
    this.isGapTold = false;
  }
}

async function history(seed) {
  const next = random(seed), world = new World(script), problems = [], log = [];
  let opened = 0;

  function open() {
    const tab = world.open(`tab${opened++}`);
    tab.listeners = new Map();
    tab.martlet.on("gap", events => {
      for (const event of events) if (tab.listeners.has(event)) tab.listeners.get(event).isGapTold = true;
    });
    log.push(`open ${tab.name}`);
  }

  function end(tab) {
    const way = ["crash", "close", "hide and crash"][next(3)];
    log.push(`${way} ${tab.name}`);
    if (way == "close") tab.martlet.close();
    if (way == "hide and crash") tab.hide();
    tab.crash();
  }

  open();
  open();
  for (let step = 0; step < 40; step++) {
    const { tabs } = world, tab = tabs[next(tabs.length)], event = "abc"[next(3)], choice = next(14);
    if (choice == 0) {
      if (tabs.length < 4) open();
    } else if (choice == 1) {
      if (tabs.length > 1) end(tab);
    } else if (choice == 2) {
      log.push(`freeze ${tab.name}`);
      tab.freeze();
    } else if (choice == 3) {
      log.push("thaw all");
      for (const one of tabs) one.thaw();
    } else if (choice > 11) {
      log.push(`${tab.isHidden ? "show" : "hide"} ${tab.name}`);
      if (tab.isHidden) tab.show();
      else tab.hide();
    } else if (choice < 7) {
      if (tab.isHidden) continue;
      const listener = tab.listeners.get(event);
      if (!listener) {
        log.push(`${tab.name} hears ${event}`);
        tab.listeners.set(event, new Listener(tab, event, text => problems.push(text)));
      } else if (next(2)) {
        log.push(`${tab.name} hears ${event} no more`);
        listener.stop();
        tab.listeners.delete(event);
      }
    } else {
      world.push(event);
      log.push(`push ${event} ${world.stream(event).length}`);
    }
    if (next(2)) await steps(next(6));
    if (next(4) == 0) await pause(6);
  }
  // In the end all of them are reached.
  for (const tab of world.tabs) {
    tab.thaw();
    if (tab.isHidden) tab.show();
  }
  const missing = () => world.tabs.flatMap(tab => [...tab.listeners.values()])
    .filter(listener => listener.last != world.stream(listener.event).length);
  for (let attempt = 0; missing().length && attempt < 200; attempt++) {
    if (attempt % 20 == 0) for (const event of "abc") world.push(event);
    await pause(5);
  }
  for (const listener of missing()) problems.push(`${listener.tab.name} ${listener.event}: the end did not come`);
  if (world.connectionCount > 1) problems.push(`${world.connectionCount} connections`);
  for (const tab of world.tabs) tab.martlet.close();
  return problems.length ? `seed ${seed}: ${problems.join("; ")}\n  ${log.join(", ")}` : "";
}

// They wait most of the time: many run side by side.
let seed = first, failures = 0;
await Promise.all([...Array(25)].map(async () => {
  while (seed < first + count) {
    const failure = await history(seed++);
    if (failure) {
      console.log(failure);
      failures++;
    }
  }
}));
process.exit(failures ? 1 : 0);
