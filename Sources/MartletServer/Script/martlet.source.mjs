/*
martlet.js subscribes to the events of a Martlet push service, in browsers, workers, Node and Deno. It has no dependency.

    const martlet = new Martlet({ url: "https://push.example.com", token: "…" });
    const stop = martlet.subscribe("alerts", (data, { id, transport }) => show(data));
    martlet.on("gap", events => fetchAll(events));
    martlet.on("state", (state, transport, wait) => …);  // connecting, open, waiting (wait: milliseconds), closed

Options:
- url: the folder of the service; a query and a fragment are dropped. Default: the root of the page's origin.
- token: a string, or a function that returns one or a promise of one; it is called for every connection. When it fails,
  "error" is emitted, and it is called again later.
- json: whether every message is JSON, and is parsed. Default: false, the data is text. A message that is no JSON is told as
  "error" and not passed on; the error has its event and its data.
- transports: the transports, in the order in which they are tried. Default: ["websocket", "sse", "poll"]. Where there is no
  WebSocket (Node 20), that one is left out.
- share: a name, the same for all tabs of one user, which then share one connection, and its limit of events. Default: the
  token, if it is a string; false for a connection of its own. Without Web Locks and BroadcastChannel, where the browser
  denies them, or with "after", nothing is shared.
- delay: the longest wait before the first attempt to reconnect, in milliseconds. It doubles from attempt to attempt, to 30 s
  at most; each wait is a random part of it, unless the service said how long. So do the waits between polls that come back
  empty at once, from a second at most. Default: 1000.
- patience: the time after which the first transport is tried again while another is open, in milliseconds; twice as long
  each time that it fails while another works, an hour at most. Default: 60000.
- after: the id of a message that an earlier page received: messages after it are received. What is no id is ignored.
- paths: the paths of the service, below its folder, or of its origin when they begin with "/". Default:
  { websocket: "ws", sse: "sse", poll: "poll" }.

Each message arrives once and in order, across reconnections, while the service's history has it; otherwise "gap" is emitted,
with the names of the events. "error" is emitted with final: true when the service refuses permanently (400, 401, 403, 1008): then
the state is closed, as after close(), and stays so; the same when a newer session of the user has replaced this one. It is
emitted with final: false when something else than the service
answers, for example 404, or a page of HTML with whatever status; attempts go on every 15 to 30 s. Only "sse" and "poll" tell both: browsers do not say
why a WebSocket was refused.

A page that is hidden for good or goes into the back/forward cache has no connection; it resumes when it is shown again.
*/
const second = 1000;
const shortestSilence = 45 * second;  // of a stream that is taken for dead: three of the service's usual heartbeats
const longestTime = 2 ** 31 - 1;  // of a timer
// The name of an event in an id; undefined for what is none.
const decoded = name => { try { return decodeURIComponent(name); } catch {} };
const failure = (message, more) => Object.assign(new Error(message), more);
const isReplaced = ({ message }) => /replaced/.test(message);  // by a newer session: the two would replace each other for ever
const whenAborted = (signal, then, until) => signal.addEventListener("abort", then, { signal: until });

/* Resolves after a time, in milliseconds, or when the signal aborts. */
const pause = (time, signal) => new Promise(done => {
  const over = new AbortController(), end = () => { clearTimeout(timer); over.abort(); done(); };
  const timer = setTimeout(end, time);
  whenAborted(signal, end, over.signal);
});

export class Martlet {
  #order; #json; #abort; #later; #woken; #quietUntil;
  #retry; #until = 0; #isTold;  // the wait before the next attempt: as the service said; until when; whether it was said
  #patience; #longerPatience; #due = 0;  // the first transport is tried again when it is due
  #attempt = 0; #refusals = 0; #rotations = 0; #failures = {}; #isElsewhere;  // since a connection was open
  #silence = shortestSilence;  // the longest of a stream that lives
  #asked; #gone = new Set(); #isForced;  // what the connection was made for; what is not wanted any more, in this turn
  #isClosed; #isPending; #isLeader = true;
  #name; #tab; #channel; #presence; #isBack; #queue; #silent;  // of tabs that share
  #life = new AbortController();
  #listeners = {};
  #events = { __proto__: null };     // name: listeners
  #others = { __proto__: null };     // tab: its events
  #positions = { __proto__: null };  // event: the part of the id that is about it
  #transports = { websocket: this.#websocket, sse: this.#sse, poll: this.#poll };

  constructor({
    url = "/", token, json, transports = Object.keys(this.#transports), share, delay = 1000, patience = 60000, after, paths,
  } = {}) {
    // A worker that was made from a blob has no address that others could be relative to.
    const { href, origin } = globalThis.location ?? {};
    const folder = new URL(url, href?.startsWith("blob:") ? origin : href);
    folder.search = folder.hash = "";
    if (!folder.pathname.endsWith("/")) folder.pathname += "/";
    if (!transports[0] || !transports.every(name => this.#transports[name])) throw failure("transports");
    transports = transports.filter(name => name != "websocket" || globalThis.WebSocket);
    if (!transports[0]) throw failure("transports: there is no WebSocket here");
    Object.assign(this, { url: folder.href, token, delay, transports: [...transports], state: "closed" });
    this.paths = { websocket: "ws", sse: "sse", poll: "poll", ...paths };
    this.#order = transports;
    this.#patience = this.#longerPatience = patience;
    this.#json = json;
    if (after) this.#take({ id: after });
    share ??= !token?.call && token;
    if (share && !after && globalThis.addEventListener && globalThis.navigator?.locks && globalThis.BroadcastChannel) {
      this.#name = `martlet ${this.#address("websocket")} ${share}`;
      this.#tab = Math.random();
    }
    const listen = (target, type, then) => target?.addEventListener?.(type, then, { signal: this.#life.signal });
    listen(globalThis, "pagehide", () => this.#leave("waiting"));
    listen(globalThis, "pageshow", ({ persisted }) => {
      if (!persisted) return;
      // WebKit ends what loads before it tells the page that it is left: that was no failure, and no wait is due.
      this.#until = 0;
      this.#join(true);
    });
    listen(globalThis, "online", () => this.#wake());
    listen(globalThis.document, "visibilitychange", () => document.visibilityState == "visible" && this.#wake());
    this.#join();
  }

  /* Subscribes to an event; returns a function that ends the subscription. */
  subscribe(event, listener) {
    // The service would refuse the whole connection.
    if (!/^[^\r\n]+$/.test(event) || new TextEncoder().encode(event).length > 255) throw failure(`event: ${event}`);
    const listeners = (this.#events[event] ??= new Set()).add(listener);
    if (listeners.size == 1) {
      // Positions of other tabs do not apply: this tab begins now, unless it ended the last subscription just before.
      if (!this.#gone.has(event) && !this.#isLeader) this.#forget(name => name == event);
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

  /* Removes a listener. */
  off(type, listener) {
    this.#listeners[type] = this.#listeners[type]?.filter(one => one != listener);
    return this;
  }

  close() {
    this.#isClosed = true;
    this.#life.abort();
    this.#leave("closed");
  }

  /* The service refused for good. */
  #refuse(error) {
    this.close();
    this.#emit("error", error);
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

  // The life of a page

  /* Connects, or joins the tabs that share a connection. Whichever of them has the lock leads: it has the connection. */
  #join(isBack, steal) {
    const { signal } = this.#presence = new AbortController();
    if (isBack) this.#hurry();
    if (this.#name) {
      this.#isBack = isBack;
      this.#isLeader = false;
      // Either may be denied, for example where a page may store nothing.
      const denied = error => {
        if (signal.aborted) return;  // it went before it had the lock
        if (error.name != "AbortError") return this.#separate();
        // Another tab has taken the lead, since this one hung.
        this.#leave("waiting");
        this.#join(true);
      };
      try {
        this.#channel = new BroadcastChannel(this.#name);
        this.#channel.onmessage = ({ data }) => this.#heard(data);
        navigator.locks.request(this.#name, steal ? { steal } : { signal }, () => !signal.aborted && new Promise(release => {
          whenAborted(signal, release);
          this.#isLeader = true;
          this.#queue = undefined;
          this.#forget(event => !this.#events[event]);  // the other tabs announce their events and positions
          this.#tell({ who: true });
          this.#changed([], true);
        })).catch(denied);
        this.#listen();
      } catch (error) { denied(error); }
    } else this.#isLeader = true;
    if (isBack) this.#changed([], true);
  }

  /* Waits for what the leader says. When it says nothing for a minute, and does not answer either, it hangs: this tab leads. */
  #listen() {
    clearTimeout(this.#silent);
    this.#silent = setTimeout(() => {
      if (this.#isLeader) return;
      if (!Object.keys(this.#events)[0]) return this.#listen();
      this.#announce();
      // Not all tabs at the same time.
      this.#silent = setTimeout(() => {
        if (this.#isLeader) return;
        this.#presence.abort();
        this.#channel.close();
        this.#join(false, true);
      }, (15 + 10 * Math.random()) * second);
    }, 60 * second);
  }

  /* Goes on with a connection of its own, from its own positions. */
  #separate() {
    this.#name = undefined;
    this.#leave(Object.keys(this.#events)[0] ? "waiting" : "closed");
    this.#join(true);
  }

  /* Ends the connection, or hands it to another tab. The positions stay. */
  #leave(state) {
    clearTimeout(this.#later);
    clearTimeout(this.#silent);
    this.#abort?.abort();
    this.#isLeader = false;
    this.#woken = this.#queue = undefined;
    this.#others = { __proto__: null };
    this.#announce([]);
    this.#set(state);
    this.#channel?.close();
    this.#channel = undefined;
    this.#presence.abort();
  }

  /* The network is back, or somebody looks at the page again: what would be done later is done now. */
  #wake() {
    if (this.#isLeader) this.#woken?.();
    else this.#tell({ wake: true });
  }

  /* Ends a wait, unless the service said how long it is. */
  #hurry() {
    if (this.#isTold && Date.now() < this.#until) return false;
    this.#until = this.#attempt = 0;
    return true;
  }

  // Tabs

  #tell(message) { this.#channel?.postMessage(message); }

  #announce(events = Object.keys(this.#events)) {
    this.#forget(event => !this.#events[event]);
    this.#tell({ tab: this.#tab, events, positions: this.#positions });
  }

  #heard({ alone, refusal, who, wake, tab, events, item, positions, state, transport, wait }) {
    if (refusal) return this.#refuse(failure(refusal, { final: true }));
    if (alone && alone == this.#tab) return this.#separate();
    if (who) this.#announce();
    if (wake && this.#isLeader) this.#wake();
    if (tab && this.#isLeader) {
      const old = this.#others[tab] ?? [], id = this.#id(), wanted = this.#wanted().join();
      if (events.join() != old.join()) delete this.#others[tab];  // whoever changed last is the last
      if (events[0]) {
        this.#others[tab] = events;
        // An event that had no subscriber begins at that tab's position.
        for (const name in positions) this.#positions[name] ??= positions[name];
      }
      // A connection is for these events, from this position.
      if (this.#id() != id || this.#wanted().join() != wanted) this.#changed(old, this.#id() != id);
      // The next leader resumes from there; an id never goes back.
      this.#tell({ state: this.state, transport: this.transport, item: { id: this.#id() } });
    }
    if (this.#isLeader || tab || wake) return;
    this.#listen();
    if (item) this.#follow(item);
    if (state) this.#set(state, transport, wait);
  }

  /* Takes an item of the leader's. A tab that is back first asks for what it missed while it was away. */
  async #follow(item) {
    if (this.#queue) return this.#queue.push(item);
    const missed = [];
    if (this.#isBack && item.id) {
      this.#isBack = false;
      for (const part of item.id.split(",")) {
        const name = part.slice(0, part.lastIndexOf("~")), event = decoded(name);
        if (this.#events[event] && (this.#positions[name] ?? part) != part) missed.push(event);
      }
    }
    if (!missed[0]) return this.#take(item);
    const queue = this.#queue = [item];
    let items = [{ gap: missed }];
    try {
      const after = Object.entries(this.#positions).filter(([name]) => missed.includes(decoded(name)));
      const address = this.#address("poll", { after: after.map(([, part]) => part).join(), wait: "0" }, missed);
      const [watch, ends] = this.#watch(this.#presence.signal), tooLate = new Promise((_, reject) => whenAborted(ends, reject));
      watch(10);
      const ask = async () => this.#items(await this.#fetch("poll", address, await this.#currentToken(), ends));
      ({ items } = await Promise.race([ask(), tooLate]));
    } catch {}
    if (queue != this.#queue) return;  // it leads, or it went
    this.#queue = undefined;
    for (const one of [...items, ...queue]) this.#take(one);
  }

  #wanted() { return [...new Set([...Object.keys(this.#events), ...Object.values(this.#others).flat()])].sort(); }

  // One connection after the other

  /* The wanted events may have changed; some of the old ones may no longer be wanted. Forced: there is to be a new connection. */
  #changed(old = [], isForced) {
    for (const event of old) this.#gone.add(event);
    this.#isForced ||= isForced;
    if (this.#isPending) return;
    this.#isPending = true;
    queueMicrotask(() => {
      const wanted = this.#wanted(), asked = wanted.join("\n"), isSame = asked == this.#asked && !this.#isForced;
      this.#forget(event => this.#gone.has(event) && !wanted.includes(event));
      this.#gone.clear();
      this.#isPending = this.#isForced = false;
      if (this.#isClosed) return;
      if (!this.#isLeader) return this.#announce();
      // A component that is replaced by another ends its subscription, and the other subscribes at once.
      if (isSame) return;
      this.#asked = asked;
      this.#abort?.abort();
      this.#run(this.#abort = new AbortController());
    });
  }

  #forget(isGone) {
    for (const name in this.#positions) if (isGone(decoded(name))) delete this.#positions[name];
  }

  #currentToken() { return this.token?.call ? this.token() : this.token; }

  async #run({ signal }) {
    const failures = this.#failures;
    for (;;) {
      clearTimeout(this.#later);
      if (!this.#wanted().length) return this.#set("closed");
      // A change of what is wanted makes no wait shorter.
      const wait = this.#until - Date.now();
      if (wait > 0) {
        this.#set("waiting", undefined, wait);
        const waitEnds = new AbortController(), go = () => waitEnds.abort();
        whenAborted(signal, go, waitEnds.signal);
        this.#woken = () => this.#hurry() && go();
        await pause(wait, waitEnds.signal);
        go();
        if (signal.aborted) return;
      }
      this.#until = 0;
      const transport = this.transports[0];
      let hasToken, isOpen;
      this.#retry = null;
      this.#set("connecting", transport);
      const attemptEnds = new AbortController(), end = () => attemptEnds.abort();
      whenAborted(signal, end, attemptEnds.signal);
      this.#quietUntil = Infinity;
      this.#woken = () => {
        // Nothing was heard for longer than the service is silent: after sleep, the connection is likely to be dead.
        if (Date.now() < this.#quietUntil) return;
        this.#retry = 0;
        end();
      };
      try {
        const token = await this.#currentToken();
        hasToken = true;
        if (!signal.aborted) await this.#transports[transport].call(this, token, attemptEnds.signal, () => {
          if (signal.aborted || isOpen) return;
          isOpen = true;
          this.#attempt = this.#refusals = this.#rotations = failures[transport] = 0;
          this.#isElsewhere = false;
          if (transport == this.#order[0]) {
            this.#due = 0;
            this.#longerPatience = this.#patience;
          } else {
            // Better transports may have failed because the service did: they are tried again now and then.
            const now = Date.now();
            if (!this.#due) {
              this.#due = now + this.#longerPatience;
              this.#longerPatience = Math.min(36e5, 2 * this.#longerPatience);
            }
            this.#later = setTimeout(() => {
              this.#due = 0;
              this.transports = [...this.#order];
              this.#changed([], true);
            }, this.#due - now);
          }
          this.#set("open", transport);
        });
      } catch (error) {
        if (signal.aborted) return;
        if (error?.final) {
          const tabs = Object.keys(this.#others), count = ++this.#refusals - !!this.token?.call;  // there may be another token
          // The next tab would replace the newer session in its turn.
          if (isReplaced(error)) this.#tell({ refusal: error.message });
          if (isReplaced(error) || count > 0 && !tabs[0]) return this.#refuse(error);
          if (count > 0) {
            // The events of another tab may be the reason, or they are too many together: it gets a connection of its own, or this
            // error; first the one that came last, then all.
            for (const tab of count > 1 ? tabs : tabs.slice(-1)) {
              delete this.#others[tab];
              this.#tell({ alone: tab });
            }
            const wanted = this.#wanted();
            this.#forget(event => !wanted.includes(event));
            this.#asked = wanted.join("\n");
            continue;
          }
        }
        if (hasToken) failures[transport] = (failures[transport] ?? 0) + !isOpen;
        else this.#emit("error", error);
        if (error?.isElsewhere) {
          failures[transport] = 2;  // it would be the same the next time
          if (!this.#isElsewhere) this.#emit("error", error);
          this.#isElsewhere = true;
        }
        if (failures[transport] > 1 && globalThis.navigator?.onLine !== false) {
          failures[transport] = 0;
          this.transports.push(this.transports.shift());
          if (++this.#rotations < this.transports.length && !this.#retry) continue;
        }
      } finally {
        end();
      }
      if (signal.aborted) return;
      this.#isTold = this.#retry != null;
      const random = this.#isElsewhere ? 15 * second * (1 + Math.random()) : this.#longest(this.#attempt++) * Math.random();
      this.#until = Date.now() + Math.min(this.#isTold ? this.#retry : random, longestTime);
    }
  }

  /* The longest wait after a number of attempts. */
  #longest(attempts) { return Math.min(3e4, this.delay * 2 ** attempts); }

  #id() { return Object.values(this.#positions).join(); }

  #address(transport, values, events = this.#wanted()) {
    const address = new URL(this.paths[transport], this.url);
    for (const event of events) address.searchParams.append("event", event);
    for (const [name, value] of Object.entries({ after: this.#id(), ...values })) if (value) address.searchParams.set(name, value);
    return address;
  }

  /* Takes an item, which is the same over every transport. */
  #take(item) {
    if (this.#isClosed) return;
    const { id, event, data, gap } = item, lost = gap ?? [];
    for (const part of id ? id.split(",") : []) {
      const [, name, epoch, offset] = /(.*)~(.*)\.(.*)/.exec(part) ?? [], old = /~(.*)\.(.*)/.exec(this.#positions[name]);
      const one = decoded(name), own = one == event;
      if (!name || one == undefined) continue;  // it was no id
      // Another tab's connection may have received what this tab has missed.
      if (old?.[1] == epoch && offset - old[2] > own) lost.push(one);
      if (old?.[1] != epoch || offset - old[2] > 0) this.#positions[name] = part;
      else if (own) return;  // received already, from another tab
    }
    if (gap && !id) this.#forget(event => gap.includes(event));
    if (this.#isLeader) this.#tell({ item });
    const missed = lost.filter(event => this.#events[event]);
    if (missed[0]) this.#emit("gap", missed);
    if (!this.#events[event]) return;
    let value = data;
    try {
      if (this.#json) value = JSON.parse(data);
    } catch (error) {
      return this.#emit("error", failure(`${event}: ${error.message}`, { final: false, event, data }));
    }
    this.#call(this.#events[event], [value, { ...item, data: value, transport: this.transport }]);
  }

  // Transports: each ends with an error, or when it is aborted

  #websocket(token, signal, opened) {
    return new Promise((_, reject) => {
      const address = this.#address("websocket");
      address.protocol = address.protocol.replace("http", "ws");
      // The token goes in a header: addresses are in the logs of proxies. Subprotocols are the one header that a page can set.
      const protocols = ["martlet"];
      if (token) {
        const text = btoa(String.fromCharCode(...new TextEncoder().encode(token)));
        protocols.push("martlet.bearer." + text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""));
      }
      const socket = new WebSocket(address, protocols);
      const [watch, ends, heard] = this.#watch(signal);
      whenAborted(ends, () => { socket.close(); reject(0); });
      watch(10);
      socket.onmessage = ({ data }) => {
        if (signal.aborted) return;
        heard(data == "{}");
        opened();  // not before: a refusal comes after the opening handshake
        this.#take(JSON.parse(data));
      };
      socket.onerror = () => {};  // the close reports it; outside a browser, an error without a listener would end the program
      socket.onclose = ({ code, reason }) => {
        if (signal.aborted) return;
        this.#retry = /retry: (\d+)/.exec(reason)?.[1];
        reject(this.#closed(code, reason));
      };
    });
  }

  #closed(code, reason) { return failure(`${code} ${reason}`, { final: code == 1008, code }); }

  /* Returns a function that sets the longest silence, in seconds, and the one that is usual; a signal that aborts after the
  longest or with the given one; and a function to call when something is heard of a stream, or its heartbeat.

  The service does not say how often a heartbeat comes. A silence that ends a stream is twice as long the next time, until two
  heartbeats show what it has to be: three times the time between them. */
  #watch(signal) {
    const abort = new AbortController();
    let timer, last, longestGap = 0;
    whenAborted(signal, () => { clearTimeout(timer); abort.abort(); });
    const watch = (longest, usual = longest) => {
      clearTimeout(timer);
      if (signal.aborted) return;
      timer = setTimeout(() => {
        if (last) this.#silence *= 2;
        abort.abort();
      }, Math.min(longest * second, longestTime));
      this.#quietUntil = Date.now() + usual * second;
    };
    return [watch, abort.signal, isHeartbeat => {
      if (isHeartbeat) {
        const now = Date.now();
        if (last) {
          longestGap = Math.max(longestGap, now - last);
          this.#silence = Math.max(shortestSilence, 3 * longestGap);
        }
        last = now;
      }
      const silence = this.#silence / second;
      watch(silence, silence / 3 + 5);
    }];
  }

  async #fetch(transport, address, token, signal) {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const response = await fetch(address, { headers, signal, cache: "no-store" }), { ok, status } = response;
    const type = response.headers.get("Content-Type") ?? "";
    if (ok && (type.includes(transport == "sse" ? "event-stream" : "json") || status == 204 && transport == "poll")) return response;
    // The service says why in plain text; a page is of something in front of it, such as a firewall.
    const final = !type.includes("html") && /^(40[013]|414|431)$/.test(status);
    if (!final && !/^(408|425|429|5..)$/.test(status)) {
      response.body?.cancel();
      const { origin, pathname } = address;
      throw failure(`no push service at ${origin}${pathname}: ${status} ${type}`, { final, status, isElsewhere: true });
    }
    const text = await response.text();
    this.#retry = /retry: (\d+)/.exec(text)?.[1] ?? (response.headers.get("Retry-After") * second || null);
    throw failure(`${status} ${text}`, { final, status });
  }

  async #sse(token, signal, opened) {
    const [watch, ends, heard] = this.#watch(signal);
    watch(5);  // a proxy that buffers the answer passes nothing on
    const { body } = await this.#fetch("sse", this.#address("sse", { encoding: "json" }), token, ends);
    const reader = body.getReader(), decoder = new TextDecoder();
    for (let rest = ""; ;) {
      const { value, done } = await reader.read();
      if (done) throw 0;
      if (signal.aborted) return;
      opened();
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop();
      heard(blocks.some(block => block[0] == ":"));
      blocks.forEach(block => this.#block(block));
    }
  }

  #block(block) {
    const fields = {};
    for (const [, name, value] of block.matchAll(/^(\w+): ([^\n]*)/gm)) fields[name] = value;
    const { id, event, data, retry } = fields;
    if (retry) this.#retry = retry;
    const value = data && JSON.parse(data);
    // An event of this name that was published has text.
    if (event == "closed" && value?.code) throw this.#closed(value.code, value.reason);
    this.#take(typeof value == "string" ? { id, event, data: value } : { id, gap: value?.events });
  }

  async #poll(token, signal, opened) {
    const [watch, ends] = this.#watch(signal);
    // The first is answered at once: until then nobody knows whether there is a connection.
    let emptyCount = 0;
    for (let wait = "0"; !signal.aborted; wait = undefined) {
      watch(40, 30);  // the service answers after 25 s
      const began = Date.now();
      const response = await this.#fetch("poll", this.#address("poll", { wait }), token, ends);
      opened();
      const { items, retry } = await this.#items(response);
      if (signal.aborted) return;
      items.forEach(item => this.#take(item));
      if (retry) {  // the service is about to stop
        this.#retry = retry;
        throw 0;
      }
      // The service waits. Something in between that answers for it at once is not asked all the time.
      const isEmpty = !wait && Date.now() - began < second && !items.some(({ gap, event }) => gap || event);
      emptyCount = isEmpty ? emptyCount + 1 : 0;
      if (isEmpty) await pause(Math.min(3e4, Math.min(this.delay, second) * 2 ** (emptyCount - 1)) * Math.random(), ends);
    }
  }

  /* The items of an answer to a poll, and when to come back, if it says so. */
  async #items(response) {
    if (response.status == 204) return { items: [] };
    const { id, gap, publications, retry } = await response.json();
    return { items: [{ gap }, ...publications, { id }], retry };
  }
}
