/*
martlet.js: hears the events of a Martlet push service. No dependency, no build step.

    const martlet = new Martlet({ url: "https://push.example.com", token: "…" });
    const stop = martlet.subscribe("alerts", (data, { id, transport }) => show(data));
    martlet.on("gap", events => reload(events));
    martlet.on("state", (state, transport, wait) => …);  // connecting, open, waiting (so many milliseconds), closed

Options:
- url: of the service; the paths are seen from it. Default: that of the page.
- token: a string, or a function that answers one or a promise of one; it is called for every connection. When it fails,
  "error" is told, and it is called again later.
- transports: in the order in which they are tried. Default: ["websocket", "sse", "poll"].
- share: a name, the same for all tabs of one user, that share one connection, and its limit of events. Default: the token,
  if it is a string; false for a connection of its own. Needs Web Locks and BroadcastChannel, and goes without them, as it does
  with "after".
- delay: the longest wait before the first attempt to come back, in milliseconds. It doubles from attempt to attempt, to 30 s
  at most; each wait is a random part of it, unless the service said how long. Default: 1000.
- patience: how long another transport than the first is kept before the first is tried again, in milliseconds; twice as long
  each time that it fails, an hour at most. Default: 60000.
- after: the id of a message, as its listener was told it with an earlier page: what came behind it is heard.
- paths: { websocket: "/ws", sse: "/sse", poll: "/poll" }, where the service has others.

Each message arrives once and in order, across reconnections, as far as the service keeps it; where it does not, "gap" is
told, with the names of the events. "error" is told when the service refuses for good (400, 401, 403, 1008): then the state
is closed, as after close(), and stays so. A page that the service does not let in (403) is only told so by "sse" and "poll":
browsers keep to themselves why a WebSocket was refused.
*/
{
  const second = 1000;
  const failure = (message, more) => Object.assign(new Error(message), more);
  const whenAborted = (signal, then, until) => signal.addEventListener("abort", then, { signal: until });

  class Martlet {
    #order; #patience; #listeners = {}; #isLeader = true; #isClosed; #isPending; #abort; #retry; #later; #tab; #channel; #release;
    #events = { __proto__: null };     // name: listeners
    #others = { __proto__: null };     // tab: its events
    #positions = { __proto__: null };  // event: the part of the id that is about it
    #transports = { websocket: this.#websocket, sse: this.#sse, poll: this.#poll };

    constructor({
      url = location.href, token, transports = Object.keys(this.#transports), share, delay = 1000, patience = 60000, after, paths,
    } = {}) {
      url = new URL(url, globalThis.location?.href).href;
      if (!transports[0] || !transports.every(name => this.#transports[name])) throw failure("transports");
      Object.assign(this, { url, token, delay, transports: [...transports], state: "closed" });
      this.paths = { websocket: "/ws", sse: "/sse", poll: "/poll", ...paths };
      this.#order = transports;
      this.#patience = patience;
      if (after) this.#take({ id: after });
      share ??= !token?.call && token;
      if (share && !after && globalThis.addEventListener && navigator.locks) this.#share(`martlet ${this.#address("websocket")} ${share}`);
    }

    /* Hears an event; answers a function that ends it. */
    subscribe(event, listener) {
      // The service would refuse all of the connection.
      if (!/^[^\r\n]+$/.test(event) || new TextEncoder().encode(event).length > 255) throw failure(`event: ${event}`);
      const listeners = (this.#events[event] ??= new Set()).add(listener);
      if (listeners.size == 1) {
        // Where other tabs stand with it is not where this one begins.
        if (!this.#isLeader) this.#forget(name => name == event);
        this.#changed();
      }
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
      this.#announce([]);
      this.#set("closed");
      this.#channel?.close();
      this.#channel = null;
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
      this.state = state;
      this.transport = transport;
      this.#emit("state", state, transport, wait);
      if (this.#isLeader) this.#tell({ state, transport, wait });
    }

    // Tabs

    #share(name) {
      this.#tab = Math.random();
      this.#isLeader = false;
      this.#channel = new BroadcastChannel(name);
      this.#channel.onmessage = ({ data }) => this.#heard(data);
      addEventListener("pagehide", () => this.#announce([]));
      addEventListener("pageshow", ({ persisted }) => persisted && this.#changed());
      navigator.locks.request(name, () => new Promise(release => {
        this.#release = release;
        if (this.#isClosed) return release();
        this.#isLeader = true;
        this.#forget(event => !this.#events[event]);  // the other tabs say what they hear, and where they stand
        this.#tell({ who: true });
        this.#changed();
      }));
    }

    #tell(message) { this.#channel?.postMessage(message); }

    #announce(events = Object.keys(this.#events)) {
      this.#forget(event => !this.#events[event]);
      this.#tell({ tab: this.#tab, events, positions: this.#positions });
    }

    #heard({ who, tab, events, item, positions, state, transport, wait }) {
      if (who) this.#announce();
      if (tab && this.#isLeader) {
        // What would be asked for now, and from where on.
        const old = this.#others[tab] ?? [], asked = () => this.#wanted().join("\n") + this.#id(), before = asked();
        if (events[0]) {
          this.#others[tab] = events;
          // What nobody heard begins where that tab stands with it.
          for (const name in positions) this.#positions[name] ??= positions[name];
        } else delete this.#others[tab];
        if (asked() != before) this.#changed(old);
        // Whoever takes over goes on from there; an id never leads back.
        this.#tell({ state: this.state, transport: this.transport, item: { id: this.#id() } });
      }
      if (this.#isLeader || tab) return;
      if (item) this.#take(item);
      if (state) this.#set(state, transport, wait);
    }

    #wanted() { return [...new Set([...Object.keys(this.#events), ...Object.values(this.#others).flat()])].sort(); }

    // One connection after the other

    /* Other events are wanted than before; of those given, some may be wanted no more. */
    #changed(old = []) {
      const wanted = this.#wanted();
      this.#forget(event => old.includes(event) && !wanted.includes(event));
      if (this.#isPending) return;
      this.#isPending = true;
      queueMicrotask(() => {
        this.#isPending = false;
        if (this.#isClosed) return;
        if (!this.#isLeader) return this.#announce();
        this.#abort?.abort();
        this.#run(this.#abort = new AbortController());
      });
    }

    #forget(isGone) {
      for (const name in this.#positions) if (isGone(decodeURIComponent(name))) delete this.#positions[name];
    }

    async #run({ signal }) {
      const failures = {};
      let attempt = 0, refusals = 0, rotations = 0;
      clearTimeout(this.#later);
      if (!this.#wanted().length) this.#set("closed");
      while (!signal.aborted && this.#wanted().length) {
        const transport = this.transports[0];
        let hasToken, isOpen;
        this.#retry = null;
        this.#set("connecting", transport);
        const attemptEnds = new AbortController(), end = () => attemptEnds.abort();
        whenAborted(signal, end, attemptEnds.signal);
        try {
          const token = this.token?.call ? await this.token() : this.token;
          hasToken = true;
          if (!signal.aborted) await this.#transports[transport].call(this, token, attemptEnds.signal, () => {
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
          if (error.final && (!this.token?.call || ++refusals > 1)) {
            this.close();
            return this.#emit("error", error);
          }
          if (hasToken) failures[transport] = (failures[transport] ?? 0) + !isOpen;
          else this.#emit("error", error);
          if (failures[transport] > 1 && navigator.onLine !== false) {
            failures[transport] = 0;
            this.transports.push(this.transports.shift());
            if (transport == this.#order[0]) this.#patience = Math.min(36e5, 2 * this.#patience);
            if (++rotations < this.transports.length && !this.#retry) continue;
          }
        } finally {
          end();
        }
        if (signal.aborted) return;
        const wait = +(this.#retry ?? Math.random() * Math.min(3e4, this.delay * 2 ** attempt++));
        this.#set("waiting", undefined, wait);
        await new Promise(done => {
          setTimeout(done, wait);
          whenAborted(signal, done);
        });
      }
    }

    #id() { return Object.values(this.#positions).join(); }

    #address(transport, values = {}) {
      const address = new URL(this.paths[transport], this.url);
      for (const event of this.#wanted()) address.searchParams.append("event", event);
      for (const [name, value] of Object.entries({ after: this.#id(), ...values })) if (value) address.searchParams.set(name, value);
      return address;
    }

    /* What came: the same over every transport. */
    #take(item) {
      const { id, event, data, gap } = item, lost = gap ?? [];
      for (const part of id ? id.split(",") : []) {
        const [, name, epoch, offset] = /(.*)~(.*)\.(.*)/.exec(part), old = /~(.*)\.(.*)/.exec(this.#positions[name]);
        const one = decodeURIComponent(name), own = one == event;
        // Another tab's connection may have gone past what this one has not heard.
        if (old?.[1] == epoch && offset - old[2] > own) lost.push(one);
        if (old?.[1] != epoch || offset - old[2] > 0) this.#positions[name] = part;
        else if (own) return;  // had it already, from another tab
      }
      if (gap && !id) this.#forget(event => gap.includes(event));
      if (this.#isLeader) this.#tell({ item });
      const missed = lost.filter(event => this.#events[event]);
      if (missed[0]) this.#emit("gap", missed);
      if (event) this.#call(this.#events[event], [data, { ...item, transport: this.transport }]);
    }

    // Transports: each ends with an error, or when it is aborted

    #websocket(token, signal, opened) {
      return new Promise((_, reject) => {
        const address = this.#address("websocket", { token });
        address.protocol = address.protocol.replace("http", "ws");
        const socket = new WebSocket(address, "martlet");
        const [watch, ends] = this.#watch(signal);
        whenAborted(ends, () => { socket.close(); reject(0); });
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
          reject(failure(`${code} ${reason}`, { final: code == 1008 }));
        };
      });
    }

    /* A function that is given how long silence may last, in seconds, and a signal that aborts after it, or with another. */
    #watch(signal) {
      const abort = new AbortController();
      let timer;
      whenAborted(signal, () => { clearTimeout(timer); abort.abort(); });
      return [time => {
        clearTimeout(timer);
        if (!signal.aborted) timer = setTimeout(() => abort.abort(), time * second);
      }, abort.signal];
    }

    async #fetch(address, token, signal) {
      const headers = token ? { Authorization: `Bearer ${token}` } : {};
      const response = await fetch(address, { headers, signal, cache: "no-store" });
      if (response.ok) return response;
      const text = await response.text();
      this.#retry = /retry: (\d+)/.exec(text)?.[1] ?? (response.headers.get("Retry-After") * second || null);
      throw failure(`${response.status} ${text}`, { final: /40[013]|414|431/.test(response.status) });
    }

    async #sse(token, signal, opened) {
      const [watch, ends] = this.#watch(signal);
      watch(5);  // a proxy that gathers the answer passes nothing on
      const { body } = await this.#fetch(this.#address("sse", { encoding: "json" }), token, ends);
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ;) {
        const { value, done } = await reader.read();
        if (done) throw 0;
        if (signal.aborted) return;
        watch(45);
        opened();
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        blocks.forEach(block => this.#block(block));
      }
    }

    #block(block) {
      const fields = {};
      for (const [, name, value] of block.matchAll(/^(\w+): ([^\n]*)/gm)) fields[name] = value;
      const { id, event, data, retry } = fields;
      if (retry) this.#retry = retry;
      const value = data && JSON.parse(data);
      this.#take(typeof value == "string" ? { id, event, data: value } : { id, gap: value?.events });
    }

    async #poll(token, signal, opened) {
      const [watch, ends] = this.#watch(signal);
      while (!signal.aborted) {
        watch(40);
        const response = await this.#fetch(this.#address("poll"), token, ends);
        opened();
        if (response.status == 204) continue;
        const { id, gap, publications } = await response.json();
        if (signal.aborted) return;
        [{ gap }, ...publications, { id }].forEach(item => this.#take(item));
      }
    }
  }

  globalThis.Martlet = Martlet;
}
