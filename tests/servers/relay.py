# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands between natledger-ship and a server with security on, and loses answers."""
import http.client
import http.server
import os
import ssl
import threading


class Relay:
    """`lost(number)` is asked once the server has answered the request of that number, from 1 on,
    of those with `part` in their path: whether the client is to see the connection end instead."""

    def __init__(self, server, port, part, lost):
        self.server, self.part, self.lost = server, part, lost
        self.requests = 0
        self.lock = threading.Lock()
        handler = type("Handler", (Handler,), {"relay": self})
        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.listener.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(server.config, "http.crt"),
                                os.path.join(server.config, "http.key"))
        # The handshake is left to the thread of the connection.
        self.listener.socket = context.wrap_socket(self.listener.socket, server_side=True,
                                                   do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{port}"
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def close(self):
        self.listener.shutdown()
        self.listener.server_close()

    def is_lost(self, path):
        if self.part not in path:
            return False
        with self.lock:
            self.requests += 1
            return self.lost(self.requests)


class Handler(http.server.BaseHTTPRequestHandler):

    protocol_version = "HTTP/1.1"
    relay = None

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        context = ssl.create_default_context(cafile=self.relay.server.authority)
        onward = http.client.HTTPSConnection("127.0.0.1", self.relay.server.port, context=context)
        onward.request(self.command, self.path, body, dict(self.headers))
        answer = onward.getresponse()
        said = answer.read()
        onward.close()
        if self.relay.is_lost(self.path):
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = pass_on

    def log_message(self, format, *args):  # of BaseHTTPRequestHandler: to standard error
        pass
