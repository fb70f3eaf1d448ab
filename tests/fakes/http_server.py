# SPDX-License-Identifier: GPL-2.0-or-later
"""HTTP/1.1 by hand, so that an answer can be cut, dripped, never end, or not come."""
import gzip
import json
import socket
import socketserver
import ssl
import struct
import threading
import time
import typing


class Request(typing.NamedTuple):
    method: str
    path: str
    headers: dict  # names in lower case
    body: bytes    # unpacked
    packed: bool   # it came as gzip


class Served:
    """One request's life, for a test that asks what was under way when."""

    def __init__(self, what):
        self.what = what
        self.begun = time.monotonic()
        self.ended = None

    def under_way(self, at):
        return self.begun <= at and (self.ended is None or at <= self.ended)


class Connection(socketserver.BaseRequestHandler):
    """Answers what the server's `answer(connection, request)` wants."""

    def handle(self):
        if self.server.refusing:
            return self.reset()
        self.rest = b""
        try:
            while (request := self._receive()) is not None:
                served = self.server.begin(request)
                try:
                    if not self.server.answer(self, request):
                        return None
                finally:
                    served.ended = time.monotonic()
        except OSError:
            pass
        return None

    def _receive(self):
        while b"\r\n\r\n" not in self.rest:
            more = self.request.recv(1 << 16)
            if not more:
                return None
            self.rest += more
            if not self.rest[:1].isalpha():
                return None  # TLS, to a plain port
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, path, _ = first.split(" ")
        # Of a connection through a proxy: "http://host/path".
        path = path if path.startswith("/") else "/" + path.split("/", 3)[3]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(self.rest) < length:
            more = self.request.recv(1 << 20)
            if not more:
                return None
            self.rest += more
        body, self.rest = self.rest[:length], self.rest[length:]
        packed = headers.get("content-encoding") == "gzip"
        return Request(method, path, headers, gzip.decompress(body) if packed else body, packed)

    def send(self, body, status=200, kind="application/json", headers=(), length=None):
        """The connection goes on behind it. `length`: what the head says of the body."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        head = [f"HTTP/1.1 {status} whatever", f"Content-Type: {kind}",
                f"Content-Length: {len(body) if length is None else length}", *headers]
        self.request.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        return True

    def reset(self):
        """Ends the connection without a word, and as one that was torn."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()
        return False


class HttpServer(socketserver.ThreadingTCPServer):
    """`certificate`: paths of certificate and key; with none, plain HTTP. `authority`: of clients,
    who have to show a certificate then."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port=0, certificate=None, address="127.0.0.1", authority=None):
        super().__init__((address, port), Connection)
        self.tls = None
        self.refusing = False
        self.served = []
        self.lock = threading.RLock()
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        if authority:
            self.tls.verify_mode = ssl.CERT_REQUIRED
            self.tls.load_verify_locations(authority)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def get_request(self):
        connection, peer = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True,
                                              do_handshake_on_connect=False)
        return connection, peer

    def begin(self, request):
        with self.lock:
            self.served.append(Served(f"{request.method} {request.path}"))
            return self.served[-1]

    def handle_error(self, request, client_address):
        """A client that hangs up is what these tests are about."""

    def answer(self, connection, request):
        """Whether the connection goes on."""
        raise NotImplementedError

    def stop(self):
        self.shutdown()
        self.server_close()
