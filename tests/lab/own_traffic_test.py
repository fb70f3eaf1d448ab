# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger-ship's own connections are not recorded; others to the same place are."""
import http.server
import json
import socket
import threading
import unittest

import agent
import generator
import shipping

ADDRESS, PORT = "19.1.16.7", 9200


class Answers(http.server.BaseHTTPRequestHandler):
    """Takes every record, and closes the connection behind each request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        items = [{"create": {"_index": "one", "status": 201}} for _ in range(body.count(b"\n") // 2)]
        answer = json.dumps({"errors": False, "items": items}).encode()
        self.server.peers.append(self.client_address)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class OwnTraffic(unittest.TestCase):

    def setUp(self):
        self.lab = agent.new_lab()
        self.addCleanup(self.lab.down)
        with self.lab.inside("server"):
            self.server = http.server.ThreadingHTTPServer((ADDRESS, PORT), Answers)
        self.server.peers = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.agent = agent.Agent(self.lab)
        self.agent.configure(f'output.elasticsearch: {{hosts: ["http://{ADDRESS}:{PORT}"], '
                             "flush_interval: 50ms, bulk_max_size: 100, compression_level: 0, "
                             "dedup: false}\n")
        self.ship = shipping.Ship(self.agent)

    def to_the_server(self):
        return [record for record in self.agent.ledger.flows()
                if (record["dest_ip"], record["orig.l4.dport"]) == (ADDRESS, PORT)]

    def test_left_out(self):
        self.agent.start()
        made = generator.generate(self.lab, "churn", 2000, live=100, batch=20, per_second=1000)
        # One that is not ours, from the same machine to the same place.
        with self.lab.inside("router"):
            socket.create_connection((ADDRESS, PORT), timeout=5).close()
        self.agent.wait_written()
        self.ship.wait_delivered("elasticsearch")
        # A start finds those that are still in the table.
        self.agent.end()
        self.agent.start()
        self.ship.wait_delivered("elasticsearch")
        self.agent.stop(whole_run=False)
        self.assertGreater(len(self.server.peers), 10)
        foreign = {(record["src_ip"], record["orig.l4.sport"]) for record in self.to_the_server()}
        self.assertEqual(len(foreign), 1)
        filtered = sum(stop["coverage.count.filtered"]
                       for stop in self.agent.ledger.coverage("coverage-stop"))
        self.assertGreater(filtered, 10)
        flows = [record for record in self.agent.ledger.flows()
                 if record["src_ip"] not in {source for source, _ in foreign}]
        self.assertEqual(len(flows), len(made))
        print(f"{len(self.server.peers)} requests, {filtered} events of their connections left out")


if __name__ == "__main__":
    unittest.main()
