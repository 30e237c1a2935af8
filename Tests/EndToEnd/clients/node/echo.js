// Echo on node's ws, both ends: serve CERT KEY COMPRESS | dial URL CA COMPRESS (- for none).
const [mode, first, second, compress] = process.argv.slice(2);
const fs = require("fs");
const WebSocket = require("ws");
const perMessageDeflate = compress === "compress";

if (mode === "serve") {
  const server = first === "-" ? require("http").createServer()
    : require("https").createServer({cert: fs.readFileSync(first), key: fs.readFileSync(second)});
  const sockets = new WebSocket.Server({server, perMessageDeflate});
  sockets.on("connection", socket => socket.on("message", (data, isBinary) => socket.send(data, {binary: isBinary})));
  server.listen(0, "127.0.0.1", () => console.log("127.0.0.1:" + server.address().port));
} else {
  const socket = new WebSocket(first, {perMessageDeflate, ca: second === "-" ? undefined : fs.readFileSync(second)});
  const lengths = [0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20];
  const wanted = lengths.flatMap(length => [false, true].map(isBinary => ({length, isBinary})));
  let count = 0;
  const message = length => Buffer.alloc(length, "0123456789abcde\n");
  const next = () => {
    if (count === wanted.length) return socket.close(1000);
    socket.send(message(wanted[count].length), {binary: wanted[count].isBinary});
  };
  socket.on("open", next);
  socket.on("message", (data, isBinary) => {
    if (isBinary !== wanted[count].isBinary || !message(wanted[count].length).equals(data)) throw new Error("an echo differs");
    count++;
    next();
  });
  socket.on("close", code => console.log("echoed", count, socket.extensions, code));
}
