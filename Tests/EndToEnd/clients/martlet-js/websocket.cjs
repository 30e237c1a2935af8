// Gives Node the WebSocket of Debian's package node-ws: node --require ./websocket.cjs PROGRAM
globalThis.WebSocket = require("/usr/share/nodejs/ws");
