// The rival: an echo server on gorilla/websocket, as its documentation writes one. Listens on the address in its
// argument and sends every message back, on every path.
package main

import (
	"flag"
	"log"
	"net/http"

	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

func echo(w http.ResponseWriter, r *http.Request) {
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		kind, message, err := c.ReadMessage()
		if err != nil {
			return
		}
		if err := c.WriteMessage(kind, message); err != nil {
			return
		}
	}
}

func main() {
	flag.Parse()
	http.HandleFunc("/", echo)
	log.Fatal(http.ListenAndServe(flag.Arg(0), nil))
}
