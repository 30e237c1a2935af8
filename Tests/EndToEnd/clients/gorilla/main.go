// Registers for events with gorilla/websocket and prints what comes: URL TOKEN EVENT…
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/gorilla/websocket"
)

func main() {
	connection, _, err := websocket.DefaultDialer.Dial(os.Args[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	for index, event := range os.Args[3:] {
		kind := websocket.TextMessage
		if index%2 == 1 {
			kind = websocket.BinaryMessage
		}
		message := fmt.Sprintf(`{"token":%q,"event":%q}`, os.Args[2], event)
		if err := connection.WriteMessage(kind, []byte(message)); err != nil {
			log.Fatal(err)
		}
	}
	for {
		kind, message, err := connection.ReadMessage()
		if closed, ok := err.(*websocket.CloseError); ok {
			fmt.Println("closed", closed.Code, closed.Text)
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		name := "binary"
		if kind == websocket.TextMessage {
			name = "text"
		}
		fmt.Println(name, string(message))
	}
}
