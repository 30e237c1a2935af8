/*
martlet.js: hears the events of a Martlet push service. No dependency, no build step.

    const martlet = new Martlet({ url: "https://push.example.com", token: "…" });
    const stop = martlet.subscribe("alerts", (data, { id, transport }) => show(data));
    martlet.on("gap", events => reload(events));
    martlet.on("state", (state, transport, wait) => …);  // connecting, open, waiting (so many milliseconds), closed

Options:
- url: of the service. Default: that of the page.
- token: a string, or a function that answers one or a promise of one; it is called for every connection.
- transports: in the order in which they are tried. Default: ["websocket", "sse", "poll"].
- share: a name, the same for all tabs of one user, that share one connection. Default: the token, if it is a string;
  false for a connection of its own. Needs Web Locks and BroadcastChannel, and goes without them.
- delay: the longest wait before the first attempt to come back, in milliseconds. It doubles from attempt to attempt, to 30 s
  at most; each wait is a random part of it, unless the service said how long. Default: 1000.
- patience: how long another transport than the first is kept before the first is tried again, in milliseconds; twice as long
  each time that it fails, an hour at most. Default: 60000.
- after: the id of a message, as its listener was told it with an earlier page: what came behind it is heard.
- paths: { websocket: "/ws", sse: "/sse", poll: "/poll" }, where the service has others.

Each message arrives once and in order, across reconnections, as far as the service keeps it; where it does not, "gap" is
told, with the names of the events. "error" is told when the service refuses for good (400, 401, 403, 1008): then the state
is closed.
*/
{
  const second = 1000;
  const sleep = (time, signal) => new Promise(done => {
    setTimeout(done, time);
    signal.addEventListener("abort", done);
  });
  const failure = (message, more) => Object.assign(new Error(message), more);

  class Martlet {
    #order; #patience; #listeners = {}; #isLeader = true; #isClosed; #isPending; #abort; #retry; #later; #tab; #channel; #release;
    #events = Object.create(null);     // name: listeners
    #others = Object.create(null);     // tab: its events
    #positions = Object.create(null);  // event: the part of the id that is about it

    constructor({
      url = location.href, token, transports = ["websocket", "sse", "poll"], share, delay = 1000, patience = 60000, after, paths,
    } = {}) {
      Object.assign(this, { url, token, delay, transports: [...transports], state: "closed", transport: undefined });
      this.paths = { websocket: "/ws", sse: "/sse", poll: "/poll", ...paths };
      this.#order = transports;
      this.#patience = patience;
      if (after) this.#take({ id: after });
      share ??= typeof token == "string" && token;
      if (share && globalThis.navigator?.locks && globalThis.BroadcastChannel) this.#share(`martlet ${url} ${share}`);
    }

    /* Hears an event; answers a function that ends it. */
    subscribe(event, listener) {
      const listeners = this.#events[event] ??= new Set();
      listeners.add(listener);
      if (listeners.size == 1) this.#changed();
      return () => {
        if (listeners.delete(listener) && !listeners.size) {
          delete this.#events[event];
          this.#changed([event]);
        }
      };
    }

    /* Hears "state", "gap" or "error". */
    on(type, listener) {
      (this.#listeners[type] ??= []).push(listener);
      return this;
    }

    close() {
      this.#isClosed = true;
      this.#abort?.abort();
      this.#isLeader = false;
      this.#tell({ tab: this.#tab, events: [] });
      this.#set("closed");
      this.#channel?.close();
      this.#channel = undefined;
      this.#release?.();
    }

    #emit(type, ...values) { this.#call(this.#listeners[type], values); }

    /* A listener that throws is the page's business, and no other listener's. */
    #call(listeners, values) {
      for (const listener of listeners ?? []) {
        try { listener(...values); } catch (error) { setTimeout(() => { throw error; }); }
      }
    }

    #set(state, transport, wait) {
      if (this.state == state && this.transport == transport) return;
      Object.assign(this, { state, transport });
      this.#emit("state", state, transport, wait);
      if (this.#isLeader) this.#tell({ state, transport });
    }

    // Tabs

    #share(name) {
      this.#tab = Math.random().toString(36).slice(2);
      this.#isLeader = false;
      this.#channel = new BroadcastChannel(name);
      this.#channel.onmessage = ({ data }) => this.#heard(data);
      addEventListener("pagehide", () => this.#tell({ tab: this.#tab, events: [] }));
      addEventListener("pageshow", ({ persisted }) => persisted && this.#changed());
      navigator.locks.request(name, () => new Promise(release => {
        this.#release = release;
        if (this.#isClosed) return release();
        this.#isLeader = true;
        this.#tell({ who: true });
        this.#changed();
      }));
    }

    #tell(message) { this.#channel?.postMessage(message); }

    #heard({ who, tab, events, item, positions, state, transport }) {
      if (who) this.#tell({ tab: this.#tab, events: Object.keys(this.#events) });
      if (tab && this.#isLeader) {
        const before = this.#wanted().join("\n"), old = this.#others[tab] ?? [];
        if (events.length) this.#others[tab] = events; else delete this.#others[tab];
        if (this.#wanted().join("\n") != before) this.#changed(old);
        // Whoever takes over goes on from there.
        this.#tell({ state: this.state, transport: this.transport, positions: { ...this.#positions } });
      }
      if (this.#isLeader) return;
      Object.assign(this.#positions, positions);
      if (item) this.#take(item);
      if (state) this.#set(state, transport);
    }

    #wanted() { return [...new Set([...Object.keys(this.#events), ...Object.values(this.#others).flat()])].sort(); }

    // One connection after the other

    /* Other events are wanted than before; of those given, some may be wanted no more. */
    #changed(old = []) {
      if (this.#isClosed) return;
      if (!this.#isLeader) return this.#tell({ tab: this.#tab, events: Object.keys(this.#events) });
      const wanted = this.#wanted();
      this.#forget(old.filter(event => !wanted.includes(event)));
      if (this.#isPending) return;
      this.#isPending = true;
      queueMicrotask(() => {
        this.#isPending = false;
        this.#abort?.abort();
        if (!this.#isClosed) this.#run(this.#abort = new AbortController());
      });
    }

    #forget(events) {
      for (const name in this.#positions) if (events.includes(decodeURIComponent(name))) delete this.#positions[name];
    }

    async #run({ signal }) {
      const failures = {}, transports = { websocket: this.#websocket, sse: this.#sse, poll: this.#poll };
      let attempt = 0, refusals = 0, rotations = 0;
      clearTimeout(this.#later);
      if (!this.#wanted().length) this.#set("closed");
      while (!signal.aborted && this.#wanted().length) {
        const transport = this.transports[0];
        let isOpen = false;
        this.#retry = undefined;
        this.#set("connecting", transport);
        const attemptEnds = new AbortController(), end = () => attemptEnds.abort();
        signal.addEventListener("abort", end);
        try {
          const token = typeof this.token == "function" ? await this.token() : this.token;
          if (!signal.aborted) await transports[transport].call(this, token, attemptEnds.signal, () => {
            if (signal.aborted || isOpen) return;
            isOpen = true;
            attempt = refusals = rotations = failures[transport] = 0;
            clearTimeout(this.#later);
            if (transport != this.#order[0]) {
              // The better ones may have failed because the service did: they get another chance now and then.
              this.#later = setTimeout(() => {
                this.transports = [...this.#order];
                this.#changed();
              }, this.#patience);
            }
            this.#set("open", transport);
          });
        } catch (error) {
          if (signal.aborted) return;
          if (error.isRefusal && (typeof this.token != "function" || ++refusals > 1)) {
            this.close();
            return this.#emit("error", error);
          }
          failures[transport] = (failures[transport] ?? 0) + !isOpen;
          if (failures[transport] > 1 && navigator.onLine !== false) {
            failures[transport] = 0;
            this.transports.push(this.transports.shift());
            if (transport == this.#order[0]) this.#patience = Math.min(3600 * second, 2 * this.#patience);
            if (++rotations < this.transports.length && !this.#retry) continue;
          }
        } finally {
          end();
          signal.removeEventListener("abort", end);
        }
        if (signal.aborted) return;
        const wait = +(this.#retry ?? Math.random() * Math.min(30 * second, this.delay * 2 ** attempt++));
        this.#set("waiting", undefined, wait);
        await sleep(wait, signal);
      }
    }

    #address(transport, values = {}) {
      const address = new URL(this.paths[transport], this.url);
      for (const event of this.#wanted()) address.searchParams.append("event", event);
      const after = Object.values(this.#positions).join();
      for (const [name, value] of Object.entries({ after, ...values })) if (value) address.searchParams.set(name, value);
      return address;
    }

    /* What came: the same over every transport. */
    #take(item) {
      const { id, event, data, gap } = item;
      for (const part of id ? id.split(",") : []) {
        const [, name, epoch, offset] = /(.*)~(.*)\.(.*)/.exec(part), old = /~(.*)\.(.*)/.exec(this.#positions[name]);
        if (old?.[1] != epoch || +offset > +old[2]) this.#positions[name] = part;
        else if (data != null && decodeURIComponent(name) == event) return;  // had it already, from another tab
      }
      if (gap && !id) this.#forget(gap);
      if (this.#isLeader) this.#tell({ item });
      if (gap) this.#emit("gap", gap);
      if (data != null) this.#call(this.#events[event], [data, { ...item, transport: this.transport }]);
    }

    // Transports: each ends with an error, or when it is aborted

    #websocket(token, signal, opened) {
      return new Promise((_, reject) => {
        const address = this.#address("websocket", { token });
        address.protocol = address.protocol.replace("http", "ws");
        const socket = new WebSocket(address, "martlet");
        const watch = this.#watch(signal, () => { socket.close(); reject(failure("nothing came")); });
        watch(10);
        socket.onmessage = ({ data }) => {
          if (signal.aborted) return;
          watch(45);
          opened();  // not before: a refusal comes behind the handshake
          this.#take(JSON.parse(data));
        };
        socket.onerror = () => {};  // told by the close; where there is no browser, it would end the program
        socket.onclose = ({ code, reason }) => {
          this.#retry = /retry: (\d+)/.exec(reason)?.[1];
          reject(failure(`${code} ${reason}`, { isRefusal: code == 1008 }));
        };
      });
    }

    /* Calls back when the time that it was given last is over, or the signal aborts. Seconds. */
    #watch(signal, end) {
      let timer;
      signal.addEventListener("abort", () => { clearTimeout(timer); end(); });
      return time => {
        clearTimeout(timer);
        if (!signal.aborted) timer = setTimeout(end, time * second);
      };
    }

    async #fetch(address, token, signal) {
      const headers = token ? { Authorization: `Bearer ${token}` } : {};
      const response = await fetch(address, { headers, signal, cache: "no-store" });
      if (response.ok) return response;
      const text = await response.text();
      this.#retry = /retry: (\d+)/.exec(text)?.[1] ?? (response.headers.get("Retry-After") * second || undefined);
      throw failure(`${response.status} ${text}`, { isRefusal: [400, 401, 403, 414, 431].includes(response.status) });
    }

    async #sse(token, signal, opened) {
      const abort = new AbortController(), watch = this.#watch(signal, () => abort.abort());
      watch(5);  // a proxy that gathers the answer passes nothing on
      const { body } = await this.#fetch(this.#address("sse", { encoding: "json" }), token, abort.signal);
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = "", first = true; ; first = false) {
        const { value, done } = await reader.read();
        if (done) throw failure("the stream ended");
        if (signal.aborted) return;
        watch(45);
        if (first) opened();
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        blocks.forEach(block => this.#block(block));
      }
    }

    #block(block) {
      const fields = {};
      for (const line of block.split("\n")) {
        const colon = line.indexOf(": ");
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
      }
      const { id, event, data, retry } = fields;
      if (retry) this.#retry = +retry;
      const value = data && JSON.parse(data);
      if (typeof value == "string") this.#take({ id, event, data: value });
      else if (value || id) this.#take({ id, gap: value?.events });
    }

    async #poll(token, signal, opened) {
      const abort = new AbortController(), watch = this.#watch(signal, () => abort.abort());
      while (!signal.aborted) {
        watch(40);
        const response = await this.#fetch(this.#address("poll"), token, abort.signal);
        if (signal.aborted) return;
        opened();
        if (response.status == 204) continue;
        const { id, gap, publications } = await response.json();
        if (signal.aborted) return;
        if (gap) this.#take({ gap });
        publications.forEach(item => this.#take(item));
        if (id) this.#take({ id });
      }
    }
  }

  globalThis.Martlet = Martlet;
}
