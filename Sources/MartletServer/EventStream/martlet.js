/*
martlet.js: hears the events of a Martlet push service. No dependency, no build step.

    const martlet = new Martlet({ url: "https://push.example.com", token: "…" });
    const stop = martlet.subscribe("alerts", (data, { id, transport }) => show(data));
    martlet.on("gap", events => reload(events));
    martlet.on("state", state => …);  // connecting, open, waiting, closed

Options:
- url: of the service. Default: that of the page.
- token: a string, or a function that answers one or a promise of one; it is called for every connection.
- transports: in the order in which they are tried. Default: ["websocket", "sse", "poll"].
- share: a name, the same for all tabs of one user, that share one connection. Default: the token, if it is a string;
  false for a connection of its own. Needs Web Locks and BroadcastChannel, and goes without them.
- delay: the longest wait before the first attempt to come back, in milliseconds. It doubles from attempt to attempt, to 30 s
  at most; each wait is a random part of it, unless the service said how long. Default: 1000.
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
    constructor({ url = location.href, token, transports = ["websocket", "sse", "poll"], share, delay = 1000, paths } = {}) {
      Object.assign(this, { url, token, delay, transports: [...transports], state: "closed", transport: undefined });
      this.paths = { websocket: "/ws", sse: "/sse", poll: "/poll", ...paths };
      this._order = transports;
      this._patience = 60 * second;
      this._listeners = {};
      this._events = Object.create(null);     // name: listeners
      this._others = Object.create(null);     // tab: its events
      this._positions = Object.create(null);  // event: the part of the id that is about it
      this._isLeader = true;
      share ??= typeof token == "string" && token;
      if (share && globalThis.navigator?.locks && globalThis.BroadcastChannel) this._share(`martlet ${url} ${share}`);
    }

    /* Hears an event; answers a function that ends it. */
    subscribe(event, listener) {
      const listeners = this._events[event] ??= new Set();
      listeners.add(listener);
      if (listeners.size == 1) this._changed();
      return () => {
        if (listeners.delete(listener) && !listeners.size) {
          delete this._events[event];
          this._changed([event]);
        }
      };
    }

    /* Hears "state", "gap" or "error". */
    on(type, listener) {
      (this._listeners[type] ??= []).push(listener);
      return this;
    }

    close() {
      this._isClosed = true;
      this._abort?.abort();
      this._isLeader = false;
      this._tell({ tab: this._tab, events: [] });
      this._set("closed");
      this._channel?.close();
      this._channel = undefined;
      this._release?.();
    }

    _emit(type, ...values) { this._call(this._listeners[type], values); }

    /* A listener that throws is the page's business, and no other listener's. */
    _call(listeners, values) {
      for (const listener of listeners ?? []) {
        try { listener(...values); } catch (error) { setTimeout(() => { throw error; }); }
      }
    }

    _set(state, transport) {
      if (this.state == state && this.transport == transport) return;
      Object.assign(this, { state, transport });
      this._emit("state", state, transport);
      if (this._isLeader) this._tell({ state, transport });
    }

    // Tabs

    _share(name) {
      this._tab = Math.random().toString(36).slice(2);
      this._isLeader = false;
      this._channel = new BroadcastChannel(name);
      this._channel.onmessage = ({ data }) => this._heard(data);
      addEventListener("pagehide", () => this._tell({ tab: this._tab, events: [] }));
      addEventListener("pageshow", ({ persisted }) => persisted && this._changed());
      navigator.locks.request(name, () => new Promise(release => {
        this._release = release;
        if (this._isClosed) return release();
        this._isLeader = true;
        this._tell({ who: true });
        this._changed();
      }));
    }

    _tell(message) { this._channel?.postMessage(message); }

    _heard({ who, tab, events, item, positions, state, transport }) {
      if (who) this._tell({ tab: this._tab, events: Object.keys(this._events) });
      if (tab && this._isLeader) {
        const before = this._wanted().join("\n"), old = this._others[tab] ?? [];
        if (events.length) this._others[tab] = events; else delete this._others[tab];
        if (this._wanted().join("\n") != before) this._changed(old);
        // Whoever takes over goes on from there.
        this._tell({ state: this.state, transport: this.transport, positions: { ...this._positions } });
      }
      if (this._isLeader) return;
      Object.assign(this._positions, positions);
      if (item) this._take(item);
      if (state) this._set(state, transport);
    }

    _wanted() { return [...new Set([...Object.keys(this._events), ...Object.values(this._others).flat()])].sort(); }

    // One connection after the other

    /* Other events are wanted than before; of those given, some may be wanted no more. */
    _changed(old = []) {
      if (this._isClosed) return;
      if (!this._isLeader) return this._tell({ tab: this._tab, events: Object.keys(this._events) });
      const wanted = this._wanted();
      this._forget(old.filter(event => !wanted.includes(event)));
      if (this._isPending) return;
      this._isPending = true;
      queueMicrotask(() => {
        this._isPending = false;
        this._abort?.abort();
        if (!this._isClosed) this._run(this._abort = new AbortController());
      });
    }

    _forget(events) {
      for (const name in this._positions) if (events.includes(decodeURIComponent(name))) delete this._positions[name];
    }

    async _run({ signal }) {
      const failures = {}, transports = { websocket: this._websocket, sse: this._sse, poll: this._poll };
      let attempt = 0, refusals = 0, rotations = 0;
      clearTimeout(this._later);
      if (!this._wanted().length) this._set("closed");
      while (!signal.aborted && this._wanted().length) {
        const transport = this.transports[0];
        let isOpen = false;
        this._retry = undefined;
        this._set("connecting", transport);
        const attemptEnds = new AbortController(), end = () => attemptEnds.abort();
        signal.addEventListener("abort", end);
        try {
          const token = typeof this.token == "function" ? await this.token() : this.token;
          if (!signal.aborted) await transports[transport].call(this, token, attemptEnds.signal, () => {
            if (signal.aborted || isOpen) return;
            isOpen = true;
            attempt = refusals = rotations = failures[transport] = 0;
            clearTimeout(this._later);
            if (transport != this._order[0]) {
              // The better ones may have failed because the service did: they get another chance now and then.
              this._later = setTimeout(() => {
                this.transports = [...this._order];
                this._changed();
              }, this._patience);
            }
            this._set("open", transport);
          });
        } catch (error) {
          if (signal.aborted) return;
          if (error.isRefusal && (typeof this.token != "function" || ++refusals > 1)) {
            this.close();
            return this._emit("error", error);
          }
          failures[transport] = (failures[transport] ?? 0) + !isOpen;
          if (failures[transport] > 1 && navigator.onLine !== false) {
            failures[transport] = 0;
            this.transports.push(this.transports.shift());
            if (transport == this._order[0]) this._patience = Math.min(3600 * second, 2 * this._patience);
            if (++rotations < this.transports.length) continue;
          }
        } finally {
          end();
          signal.removeEventListener("abort", end);
        }
        if (signal.aborted) return;
        this._set("waiting");
        await sleep(this._retry ?? Math.random() * Math.min(30 * second, this.delay * 2 ** attempt++), signal);
      }
    }

    _address(transport, values = {}) {
      const address = new URL(this.paths[transport], this.url);
      for (const event of this._wanted()) address.searchParams.append("event", event);
      const after = Object.values(this._positions).join();
      for (const [name, value] of Object.entries({ after, ...values })) if (value) address.searchParams.set(name, value);
      return address;
    }

    /* What came: the same over every transport. */
    _take(item) {
      const { id, event, data, gap } = item;
      for (const part of id ? id.split(",") : []) {
        const [, name, epoch, offset] = /(.*)~(.*)\.(.*)/.exec(part), old = /~(.*)\.(.*)/.exec(this._positions[name]);
        if (old?.[1] != epoch || +offset > +old[2]) this._positions[name] = part;
        else if (data != null && decodeURIComponent(name) == event) return;  // had it already, from another tab
      }
      if (gap && !id) this._forget(gap);
      if (this._isLeader) this._tell({ item });
      if (gap) this._emit("gap", gap);
      if (data != null) this._call(this._events[event], [data, { ...item, transport: this.transport }]);
    }

    // Transports: each ends with an error, or when it is aborted

    _websocket(token, signal, opened) {
      return new Promise((_, reject) => {
        const address = this._address("websocket", { token });
        address.protocol = address.protocol.replace("http", "ws");
        const socket = new WebSocket(address, "martlet");
        const watch = this._watch(signal, () => { socket.close(); reject(failure("nothing came")); });
        watch(10);
        socket.onmessage = ({ data }) => {
          if (signal.aborted) return;
          watch(45);
          opened();  // not before: a refusal comes behind the handshake
          this._take(JSON.parse(data));
        };
        socket.onclose = ({ code, reason }) => {
          this._retry = /retry: (\d+)/.exec(reason)?.[1];
          reject(failure(`${code} ${reason}`, { isRefusal: code == 1008 }));
        };
      });
    }

    /* Calls back when the time that it was given last is over, or the signal aborts. Seconds. */
    _watch(signal, end) {
      let timer;
      signal.addEventListener("abort", () => { clearTimeout(timer); end(); });
      return time => {
        clearTimeout(timer);
        if (!signal.aborted) timer = setTimeout(end, time * second);
      };
    }

    async _fetch(address, token, signal) {
      const headers = token ? { Authorization: `Bearer ${token}` } : {};
      const response = await fetch(address, { headers, signal, cache: "no-store" });
      if (response.ok) return response;
      throw failure(`${response.status} ${await response.text()}`, { isRefusal: [400, 401, 403, 414, 431].includes(response.status) });
    }

    async _sse(token, signal, opened) {
      const abort = new AbortController(), watch = this._watch(signal, () => abort.abort());
      watch(5);  // a proxy that gathers the answer passes nothing on
      const { body } = await this._fetch(this._address("sse", { encoding: "json" }), token, abort.signal);
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = "", first = true; ; first = false) {
        const { value, done } = await reader.read();
        if (done) throw failure("the stream ended");
        if (signal.aborted) return;
        watch(45);
        if (first) opened();
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        blocks.forEach(block => this._block(block));
      }
    }

    _block(block) {
      const fields = {};
      for (const line of block.split("\n")) {
        const colon = line.indexOf(": ");
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
      }
      const { id, event, data, retry } = fields;
      if (retry) this._retry = +retry;
      const value = data && JSON.parse(data);
      if (typeof value == "string") this._take({ id, event, data: value });
      else if (value || id) this._take({ id, gap: value?.events });
    }

    async _poll(token, signal, opened) {
      const abort = new AbortController(), watch = this._watch(signal, () => abort.abort());
      while (!signal.aborted) {
        watch(40);
        const response = await this._fetch(this._address("poll"), token, abort.signal);
        if (signal.aborted) return;
        opened();
        if (response.status == 204) continue;
        const { id, gap, publications } = await response.json();
        if (signal.aborted) return;
        if (gap) this._take({ gap });
        publications.forEach(item => this._take(item));
        if (id) this._take({ id });
      }
    }
  }

  globalThis.Martlet = Martlet;
}
