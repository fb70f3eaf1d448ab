# SPDX-License-Identifier: GPL-2.0-or-later
"""A server in the lab that takes every record of natledger-ship, and remembers in which order."""
import gzip
import http.server
import json
import re
import threading

ADDRESS, PORT = "19.1.16.7", 9200
ID = re.compile(rb'"event\.id": ?"([^"]+)"')
SEQUENCE = re.compile(rb'"event\.sequence": ?(\d+)')


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        sequences = [int(number) for number in SEQUENCE.findall(body)]
        self.server.take(self.client_address, sequences, body)
        items = [{"create": {"_index": "one", "status": 201}}] * len(sequences)
        answer = json.dumps({"errors": False, "items": items}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        if self.server.closes:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class BulkServer(http.server.ThreadingHTTPServer):
    """In the server's namespace, from now on until stop(). `closes`: each connection, behind its
    answer."""

    daemon_threads = True
    url = f"http://{ADDRESS}:{PORT}"

    def __init__(self, the_lab, closes=False):
        with the_lab.inside("server"):
            super().__init__((ADDRESS, PORT), Answers)
        self.closes = closes
        self.peers = []      # of each request
        self.sequences = []  # as they came
        self.records = {}    # by id
        self.collisions = []  # ids that came with different content
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take(self, peer, sequences, body):
        with self._lock:
            self.peers.append(peer)
            self.sequences += sequences
            for line in body.splitlines()[1::2]:
                name = ID.search(line).group(1).decode()
                if self.records.setdefault(name, line) != line:
                    self.collisions.append(name)

    def stop(self):
        self.shutdown()
        self.server_close()


def options(*more):
    """What an agent's configuration says of it."""
    return ("output.elasticsearch: {" + ", ".join(
        (f'hosts: ["{BulkServer.url}"]', "dedup: false", *more)) + "}\n")
