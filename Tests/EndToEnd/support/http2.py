"""An HTTP/2 client over TLS, with WebSockets as in RFC 8441."""
import socket

import h2.config
import h2.connection
import h2.events
import h2.settings

from support.http_connection import insecure
from support.waiting import PATIENCE

GOAWAY = 7


class HTTP2Stream:
    """One stream of a connection: the answer, as far as it has come."""

    def __init__(self, connection, number):
        self.connection, self.number = connection, number
        self.status, self.headers, self.data, self.has_ended = None, {}, b"", False

    def wait(self, condition):
        while not condition():
            self.connection.receive()

    def read(self, count):
        self.wait(lambda: len(self.data) >= count or self.has_ended)
        read, self.data = self.data[:count], self.data[count:]
        return read

    def read_all(self):
        self.wait(lambda: self.has_ended)
        return self.data

    def reset(self):
        self.connection.state.reset_stream(self.number)
        self.has_ended = True

    def send(self, data, end=False):
        self.connection.state.send_data(self.number, data, end)
        self.connection.flush()


class HTTP2Connection:
    """A connection to a server that serves TLS.

    window: the bytes that the server may send on each stream before more are allowed; nothing allows more if it is given.
    """

    def __init__(self, server, window=None):
        context = insecure()
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), PATIENCE), server_hostname="localhost")
        assert self.socket.selected_alpn_protocol() == "h2", "the server speaks HTTP/2"
        # Whatever is wrong on purpose is not put right before it is sent.
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(
            header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False))
        self.authority, self.streams, self.was_told_to_go, self.has_settings = f"localhost:{server.port}", {}, False, False
        self.is_closed, self.window, self.received = False, window, b""
        if window is not None:
            self.state.local_settings = h2.settings.Settings(
                initial_values={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window, h2.settings.SettingCodes.ENABLE_PUSH: 0})
        self.state.initiate_connection()
        self.flush()
        while not self.has_settings:
            self.receive()

    @property
    def offers_websockets(self):
        return self.state.remote_settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1

    def flush(self):
        self.socket.sendall(self.state.data_to_send())

    def receive(self):
        assert not self.is_closed, "there is more to come"
        data = self.socket.recv(65536)
        if not data:
            for stream in self.streams.values():
                stream.has_ended = True
            self.is_closed = True
            return
        for event in self.events(data):
            stream = self.streams.get(getattr(event, "stream_id", None))
            match event:
                case h2.events.RemoteSettingsChanged():
                    self.has_settings = True
                case h2.events.ConnectionTerminated():
                    self.was_told_to_go = True
                case h2.events.ResponseReceived():
                    stream.headers = dict(event.headers)
                    stream.status = int(stream.headers[":status"])
                case h2.events.DataReceived():
                    stream.data += event.data
                    if self.window is None:
                        self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded() | h2.events.StreamReset():
                    stream.has_ended = True
        self.flush()

    def events(self, data):
        """What the library makes of the frames that are complete by now, one by one."""
        self.received += data
        events = []
        while len(self.received) >= 9 and len(self.received) >= (end := 9 + int.from_bytes(self.received[:3], "big")):
            frame, self.received = self.received[:end], self.received[end:]
            events += self.state.receive_data(frame)
            if frame[3] == GOAWAY:
                # The library would read nothing more, although streams may go on.
                self.state.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
        return events

    def read_to_the_end(self):
        while not self.is_closed:
            self.receive()

    def begin(self, path, method="GET", body=None, headers={}, authority=None, **pseudo):
        """A stream whose request has been sent."""
        number = self.state.get_next_available_stream_id()
        stream = self.streams[number] = HTTP2Stream(self, number)
        fields = [(":method", method), (":scheme", "https"), (":authority", authority or self.authority), (":path", path),
                  *((f":{name}", value) for name, value in pseudo.items()), *headers.items()]
        is_over = body is None and "protocol" not in pseudo
        self.state.send_headers(number, fields, end_stream=is_over)
        if body is not None:
            self.state.send_data(number, body.encode(), end_stream=True)
        self.flush()
        return stream

    def open(self, *request, **pseudo):
        """A stream whose answer has begun."""
        stream = self.begin(*request, **pseudo)
        stream.wait(lambda: stream.status is not None or stream.has_ended)
        return stream

    def count_heads(self):
        """The number of answers that have begun, of what has come by now."""
        self.socket.settimeout(0.01)
        try:
            while not self.is_closed:
                self.receive()
        except TimeoutError:
            pass
        finally:
            self.socket.settimeout(PATIENCE)
        return sum(stream.status is not None for stream in self.streams.values())

    def ask(self, path, method="GET", body=None, headers={}, authority=None):
        """Status, headers and body; status 400 also if the stream was reset or its connection ended, since the request is malformed."""
        stream = self.open(path, method, body, headers, authority)
        return (stream.status, stream.headers, stream.read_all()) if stream.status else (400, {}, b"")

    def websocket(self, path, headers={}, expected=200):
        """A stream for the frames of a WebSocket; None if it is to be refused."""
        stream = self.open(path, "CONNECT", None, {"sec-websocket-version": "13", **headers}, protocol="websocket")
        assert stream.status == expected, stream.headers
        return stream if expected == 200 else None
