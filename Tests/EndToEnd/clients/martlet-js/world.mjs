// A browser with several tabs, and a push service, in one Node process: as much of both as martlet.js sees. Whatever one
// side tells the other arrives later, so that tabs, the service and the test interleave.
import fs from "node:fs";
import vm from "node:vm";

export const pause = time => new Promise(done => setTimeout(done, time));

export const steps = async count => {
  while (count-- > 0) await new Promise(done => setImmediate(done));
};

export class World {
  #source;
  #tabs = [];
  #sockets = [];
  #locks = [];
  #streams = {};

  /* limit: how many events a connection may have. */
  constructor(script, limit = Infinity) {
    this.limit = limit;
    this.#source = fs.readFileSync(script, "utf8");
  }

  get tabs() { return this.#tabs.filter(tab => tab.isThere); }
  get totalCount() { return this.#sockets.length; }
  get connectionCount() { return this.#sockets.filter(socket => socket.isOpen).length; }

  // The service: all messages of an event are kept, and their offsets count from 1.

  stream(event) { return this.#streams[event] ??= []; }

  /* The message is its own offset. */
  push(event) {
    const stream = this.stream(event);
    stream.push(stream.length + 1);
    for (const socket of this.#sockets) socket.publish(event, stream.length);
  }

  connect(tab, address, receive, refused) {
    const world = this, query = new URL(address).searchParams, positions = {};
    const socket = {
      tab,
      isOpen: false,
      id: () => Object.entries(positions).map(([event, offset]) => `${event}~epoch.${offset}`).join(),
      send(item) { tab.soon(() => this.isOpen && tab.isThere && receive({ data: JSON.stringify(item) })); },
      publish(event, offset) {
        if (!this.isOpen || !(event in positions)) return;
        positions[event] = offset;
        this.send({ id: this.id(), event, data: `${offset}` });
      },
      accept() {
        if (query.getAll("event").length > world.limit) {
          setImmediate(() => tab.isThere && !this.isClosed && refused({ code: 1008, reason: "too many events" }));
          return;
        }
        this.isOpen = true;
        this.send({});
        const missed = [];
        for (const part of query.get("after")?.split(",") ?? []) {
          const [, event, offset] = /(.*)~epoch\.(.*)/.exec(part);
          positions[event] = +offset;
        }
        const events = query.getAll("event");
        for (const event in positions) if (!events.includes(event)) delete positions[event];
        for (const event of events) {
          const stream = world.stream(event);
          if (event in positions) missed.push(...stream.slice(positions[event]).map(offset => [event, offset]));
          else positions[event] = stream.length;
        }
        for (const [event, offset] of missed) this.publish(event, offset);
        if (!missed.length) this.send({ id: this.id() });
      },
    };
    this.#sockets.push(socket);
    setTimeout(() => { if (tab.isThere && !socket.isClosed) socket.accept(); });
    return socket;
  }

  // The browser.

  /* denied: what the browser does not let the page use. speed: how fast its timers run. The other options are the client's. */
  open(name, { denied, speed = 1, ...options } = {}) {
    const world = this, inbox = [], listeners = {};
    let channel, isFrozen = false;
    const tab = { name, isThere: true };
    // A tab that hangs runs no script: what it would run waits.
    tab.soon = work => setImmediate(() => { if (tab.isHung) setTimeout(() => tab.soon(work), 2); else work(); });

    function readLater() {
      setImmediate(() => {
        if (tab.isThere && !isFrozen && inbox.length) channel.onmessage({ data: inbox.shift() });
      });
    }

    class Channel {
      #name;
      constructor(name) {
        if (denied == "channel") throw new DOMException("storage is blocked", "SecurityError");
        channel = this;
        this.#name = name;
        tab.hear = (to, message) => {
          if (to != name) return;
          inbox.push(message);
          readLater();
        };
      }
      postMessage(message) {
        if (!tab.isThere) return;
        const copy = structuredClone(message);
        for (const other of world.tabs) if (other != tab) other.hear?.(this.#name, copy);
      }
      close() {
        tab.hear = undefined;
        inbox.length = 0;
      }
    }

    class Socket {
      constructor(address) { this.end = world.connect(tab, address, event => this.onmessage(event), event => this.onclose(event)); }
      close() {
        this.end.isOpen = false;
        this.end.isClosed = true;
        setImmediate(() => tab.isThere && this.onclose({ code: 1000, reason: "" }));
      }
    }

    const request = async (name, { signal, steal }, work) => {
      if (denied == "later") await steps(5);
      if (denied) throw new DOMException("storage is blocked", "SecurityError");
      const lock = { tab, name, work };
      if (steal) {
        const robbed = world.#locks.find(one => one.name == name && one.isHeld);
        world.#locks = [lock, ...world.#locks.filter(one => one != robbed)];
        robbed?.tab.soon(() => robbed.reject(new DOMException("stolen", "AbortError")));
      } else world.#locks.push(lock);
      world.#grant(name);
      return new Promise((_, reject) => {
        lock.reject = reject;
        signal?.addEventListener("abort", () => {
          if (lock.isHeld) return;
          world.#locks = world.#locks.filter(one => one != lock);
          reject(signal.reason);
        });
      });
    };
    /* A poll that does not wait, which is all that a tab asks for that is back. */
    const fetch = async address => {
      if (tab.isCutOff) await new Promise(() => {});
      await steps(3);
      const query = new URL(address).searchParams, publications = [], ids = {};
      for (const part of query.get("after").split(",")) {
        const [, event, offset] = /(.*)~epoch\.(.*)/.exec(part);
        ids[event] = part;
        for (const one of world.stream(event).slice(+offset)) {
          ids[event] = `${event}~epoch.${one}`;
          publications.push({ id: Object.values(ids).join(), event, data: `${one}` });
        }
      }
      await steps(3);
      return {
        ok: true, status: 200, headers: new Headers({ "Content-Type": "application/json" }),
        json: async () => ({ id: Object.values(ids).join(), publications }),
      };
    };
    const context = vm.createContext({
      URL, TextEncoder, AbortController, clearTimeout, setTimeout: (work, time) => setTimeout(() => tab.isHung ? tab.soon(work) : work(), time / speed), queueMicrotask, btoa, fetch,
      WebSocket: Socket, BroadcastChannel: Channel, navigator: { locks: { request }, onLine: true },
      location: { href: `https://example.com/${name}` },
      addEventListener: (type, listener) => { listeners[type] = listener; },
    });
    vm.runInContext(this.#source, context);
    tab.martlet = new context.Martlet({ token: "token", delay: 1, ...options });
    // A tab that is busy: what the others tell it comes later.
    tab.freeze = () => { isFrozen = true; };
    tab.hang = () => { isFrozen = tab.isHung = true; };
    tab.thaw = () => {
      tab.isHung = false;
      isFrozen = false;
      inbox.forEach(readLater);
    };
    // It goes into the back/forward cache, and is shown again; in between it runs no script.
    tab.hide = () => {
      tab.isHidden = true;
      listeners.pagehide?.({});
    };
    tab.show = () => {
      tab.isHidden = false;
      listeners.pageshow?.({ persisted: true });
    };
    tab.crash = () => {
      tab.isThere = false;
      for (const socket of this.#sockets) if (socket.tab == tab) socket.isOpen = false;
      const names = this.#locks.filter(lock => lock.tab == tab).map(lock => lock.name);
      this.#locks = this.#locks.filter(lock => lock.tab != tab);
      names.forEach(name => this.#grant(name));
    };
    this.#tabs.push(tab);
    return tab;
  }

  #grant(name) {
    const lock = this.#locks.find(lock => lock.name == name);
    if (!lock || lock.isHeld) return;
    lock.isHeld = true;
    setImmediate(async () => {
      if (!lock.tab.isThere) return;
      await lock.work();
      this.#locks = this.#locks.filter(one => one != lock);
      this.#grant(name);
    });
  }
}
