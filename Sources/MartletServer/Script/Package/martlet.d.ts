/** What carries the connection. */
export type Transport = "websocket" | "sse" | "poll";

/** What the connection is doing. `waiting`: until the next attempt. `closed`: nothing is subscribed to, or it has ended for good. */
export type State = "connecting" | "open" | "waiting" | "closed";

export interface Options {
  /** The folder of the service; a query and a fragment are dropped. Default: the root of the page's origin. */
  url?: string | URL;
  /** A token, or a function that returns one or a promise of one, which is called for every connection. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /** Whether every message is JSON, and is parsed. A message that is no JSON is told as an error. Default: false, data is text. */
  json?: boolean;
  /** The transports, in the order in which they are tried. Default: websocket, sse, poll. */
  transports?: readonly Transport[];
  /** A name, the same for all tabs of one user, which then share one connection. Default: the token, if it is a string. */
  share?: string | false;
  /** The longest wait before the first attempt to reconnect, in milliseconds. Default: 1000. */
  delay?: number;
  /** The time after which a better transport is tried again, in milliseconds. Default: 60000. */
  patience?: number;
  /** The id of a message that an earlier page received: messages after it are received. */
  after?: string;
  /** The paths of the service, below its folder, or of its origin when they begin with a slash. Default: ws, sse, poll. */
  paths?: Partial<Record<Transport, string>>;
}

/** A message, as listeners get it besides its data. */
export interface Message<Data = string> {
  /** The position in all events of the connection; absent when the service keeps no history. */
  id?: string;
  event: string;
  data: Data;
  transport: Transport;
}

/** What is told as `error`. */
export interface MartletError extends Error {
  /** Whether the service refused for good: then the state is closed and stays so. */
  final?: boolean;
  /** The status of the answer over HTTP. */
  status?: number;
  /** The close code of the WebSocket. */
  code?: number;
  /** The event of a message that is no JSON. */
  event?: string;
  /** The text of a message that is no JSON. */
  data?: string;
}

export interface Listeners {
  /** Called when the state changes. `wait`: the time until the next attempt, in milliseconds. */
  state: (state: State, transport?: Transport, wait?: number) => void;
  /** Called when messages were missed that the service no longer has. */
  gap: (events: string[]) => void;
  error: (error: MartletError) => void;
}

/** Subscribes to the events of a Martlet push service. */
export class Martlet {
  constructor(options?: Options);
  readonly url: string;
  readonly state: State;
  /** What carries the connection, or is tried now. */
  readonly transport?: Transport;
  /** Calls the listener with each message of an event; returns a function that ends the subscription. */
  subscribe<Data = string>(event: string, listener: (data: Data, message: Message<Data>) => void): () => void;
  on<Type extends keyof Listeners>(type: Type, listener: Listeners[Type]): this;
  off<Type extends keyof Listeners>(type: Type, listener: Listeners[Type]): this;
  /** Ends the connection for good. */
  close(): void;
}
