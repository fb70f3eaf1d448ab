# SPDX-License-Identifier: GPL-2.0-or-later
"""An HTTP proxy that knows some hosts: it passes on what is plain, and tunnels what is not."""
import socket
import socketserver
import threading
import urllib.parse


def pass_on(source, target):
    try:
        while some := source.recv(1 << 16):
            target.sendall(some)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Connection(socketserver.BaseRequestHandler):
    """One request a connection: whoever sends another comes anew."""

    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            more = self.request.recv(1 << 16)
            if not more:
                return
            head += more
        head, _, rest = head.partition(b"\r\n\r\n")
        first, *headers = head.decode().split("\r\n")
        method, target, version = first.split(" ")
        tunnel = method == "CONNECT"
        place = urllib.parse.urlsplit(f"//{target}" if tunnel else target)
        shown = target if tunnel else f"{place.scheme}://{place.netloc}"
        self.server.asked.append(f"{method} {shown}")
        self.server.heads += head
        if self.server.refusal:
            self.request.sendall(f"HTTP/1.1 {self.server.refusal} no\r\nContent-Length: 0\r\n"
                                 "Connection: close\r\n\r\n".encode())
            return
        with socket.create_connection(("127.0.0.1", self.server.known[place.hostname])) as server:
            if tunnel:
                self.request.sendall(b"HTTP/1.1 200 there\r\n\r\n")
            else:
                path = place.path + (f"?{place.query}" if place.query else "")
                kept = [line for line in headers if not line.lower().startswith("proxy-")]
                rest = "\r\n".join([f"{method} {path} {version}", *kept, "", ""]).encode() + rest
            server.sendall(rest)
            back = threading.Thread(target=pass_on, args=(server, self.request), daemon=True)
            back.start()
            pass_on(self.request, server)
            back.join()


class Proxy(socketserver.ThreadingTCPServer):
    """`known`: ports on this machine by the names of the hosts."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, known):
        super().__init__(("127.0.0.1", 0), Connection)
        self.known = known
        self.asked = []    # method and target of each request
        self.heads = b""   # all that it could read
        self.refusal = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def stop(self):
        self.shutdown()
        self.server_close()
