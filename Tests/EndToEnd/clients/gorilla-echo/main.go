// Echo on gorilla/websocket, both ends: serve CERT KEY COMPRESS [ADDRESS] | dial URL CA COMPRESS (- for none).
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/gorilla/websocket"
)

func serve(cert, key string, compress bool, address string) {
	upgrader := websocket.Upgrader{EnableCompression: compress}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		connection, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer connection.Close()
		for {
			kind, message, err := connection.ReadMessage()
			if err != nil {
				return
			}
			if connection.WriteMessage(kind, message) != nil {
				return
			}
		}
	})
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	if cert == "-" {
		log.Fatal(http.Serve(listener, nil))
	}
	log.Fatal(http.ServeTLS(listener, nil, cert, key))
}

func dial(url, ca string, compress bool) {
	dialer := websocket.Dialer{EnableCompression: compress}
	if ca != "-" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			log.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		dialer.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	connection, response, err := dialer.Dial(url, nil)
	if err != nil {
		log.Fatal(err)
	}
	count := 0
	for _, length := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20} {
		for _, kind := range []int{websocket.TextMessage, websocket.BinaryMessage} {
			message := bytes.Repeat([]byte("0123456789abcde\n"), length/16+1)[:length]
			if err := connection.WriteMessage(kind, message); err != nil {
				log.Fatal(err)
			}
			gotKind, got, err := connection.ReadMessage()
			if err != nil || gotKind != kind || !bytes.Equal(got, message) {
				log.Fatal("an echo differs: ", length, err)
			}
			count++
		}
	}
	connection.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
	_, _, err = connection.ReadMessage()
	fmt.Println("echoed", count, response.Header.Get("Sec-WebSocket-Extensions"), err)
}

func main() {
	compress := os.Args[4] == "compress"
	if os.Args[1] == "serve" {
		address := "127.0.0.1:0"
		if len(os.Args) > 5 {
			address = os.Args[5]
		}
		serve(os.Args[2], os.Args[3], compress, address)
	} else {
		dial(os.Args[2], os.Args[3], compress)
	}
}
