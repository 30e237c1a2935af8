/*
martlet.js subscribes to the events of a Martlet push service. It has no dependency and no build step.

    const martlet = new Martlet({ url: "https://push.example.com", token: "…" });
    const stop = martlet.subscribe("alerts", (data, { id, transport }) => show(data));
    martlet.on("gap", events => reload(events));
    martlet.on("state", (state, transport, wait) => …);  // connecting, open, waiting (wait: milliseconds), closed

Options:
- url: the URL of the service; the paths are relative to it. Default: that of the page.
- token: a string, or a function that returns one or a promise of one; it is called for every connection. When it fails,
  "error" is emitted, and it is called again later.
- transports: the transports, in the order in which they are tried. Default: ["websocket", "sse", "poll"].
- share: a name, the same for all tabs of one user, which then share one connection, and its limit of events. Default: the
  token, if it is a string; false for a connection of its own. Without Web Locks and BroadcastChannel, or with "after", nothing
  is shared.
- delay: the longest wait before the first attempt to reconnect, in milliseconds. It doubles from attempt to attempt, to 30 s
  at most; each wait is a random part of it, unless the service said how long. Default: 1000.
- patience: the time after which the first transport is tried again while another is open, in milliseconds; twice as long
  each time that it fails, an hour at most. Default: 60000.
- after: the id of a message that an earlier page received: messages after it are received.
- paths: the paths of the service. Default: { websocket: "/ws", sse: "/sse", poll: "/poll" }.

Each message arrives once and in order, across reconnections, while the service's history has it; otherwise "gap" is emitted,
with the names of the events. "error" is emitted when the service refuses permanently (400, 401, 403, 1008): then the state is
closed, as after close(), and stays so. Only "sse" and "poll" tell a page that it may not connect (403): browsers do not say
why a WebSocket was refused.
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

    /* Subscribes to an event; returns a function that ends the subscription. */
    subscribe(event, listener) {
      // The service would refuse the whole connection.
      if (!/^[^\r\n]+$/.test(event) || new TextEncoder().encode(event).length > 255) throw failure(`event: ${event}`);
      const listeners = (this.#events[event] ??= new Set()).add(listener);
      if (listeners.size == 1) {
        // Positions of other tabs do not apply: this tab begins now.
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

    /* Adds a listener for "state", "gap" or "error". */
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

    /* Calls listeners. An error of one is the page's, and does not affect the others. */
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
        this.#forget(event => !this.#events[event]);  // the other tabs announce their events and positions
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
        // The events that would be requested now, and the position.
        const old = this.#others[tab] ?? [], asked = () => this.#wanted().join("\n") + this.#id(), before = asked();
        if (events[0]) {
          this.#others[tab] = events;
          // An event that had no subscriber begins at that tab's position.
          for (const name in positions) this.#positions[name] ??= positions[name];
        } else delete this.#others[tab];
        if (asked() != before) this.#changed(old);
        // The next leader resumes from there; an id never goes back.
        this.#tell({ state: this.state, transport: this.transport, item: { id: this.#id() } });
      }
      if (this.#isLeader || tab) return;
      if (item) this.#take(item);
      if (state) this.#set(state, transport, wait);
    }

    #wanted() { return [...new Set([...Object.keys(this.#events), ...Object.values(this.#others).flat()])].sort(); }

    // One connection after the other

    /* The wanted events have changed; some of the old ones may no longer be wanted. */
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
              // Better transports may have failed because the service did: they are tried again now and then.
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

    /* Takes an item, which is the same over every transport. */
    #take(item) {
      const { id, event, data, gap } = item, lost = gap ?? [];
      for (const part of id ? id.split(",") : []) {
        const [, name, epoch, offset] = /(.*)~(.*)\.(.*)/.exec(part), old = /~(.*)\.(.*)/.exec(this.#positions[name]);
        const one = decodeURIComponent(name), own = one == event;
        // Another tab's connection may have received what this tab has missed.
        if (old?.[1] == epoch && offset - old[2] > own) lost.push(one);
        if (old?.[1] != epoch || offset - old[2] > 0) this.#positions[name] = part;
        else if (own) return;  // received already, from another tab
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
          opened();  // not before: a refusal comes after the opening handshake
          this.#take(JSON.parse(data));
        };
        socket.onerror = () => {};  // the close reports it; outside a browser, an error without a listener would end the program
        socket.onclose = ({ code, reason }) => {
          this.#retry = /retry: (\d+)/.exec(reason)?.[1];
          reject(failure(`${code} ${reason}`, { final: code == 1008 }));
        };
      });
    }

    /* Returns a function that sets the longest silence, in seconds, and a signal that aborts after it or with the given one. */
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
      watch(5);  // a proxy that buffers the answer passes nothing on
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
