# SPDX-License-Identifier: GPL-2.0-or-later
"""A stop amid a request: soon, and nothing is lost or there twice."""
import socket
import time
import unittest

import faulty
from waiting import wait_for

SOON_S = 2.5


class Stop(faulty.Shipped):

    def never_answer(self, takes):
        """The server keeps what it is sent, or nothing, and says neither."""
        def fault(server, connection, request):
            if takes:
                server.take(request)
            connection.request.recv(1)
            return False
        self.server.fault = fault

    def stop_amid(self):
        wait_for("a request", lambda: self.server.bulks)
        begun = time.monotonic()
        self.ship.stop()
        self.assertLess(time.monotonic() - begun, SOON_S)

    def check_goes_on(self):
        self.server.fault = None
        self.ship.start()
        self.ship.wait_delivered()
        self.ship.stop()
        self.assertEqual(self.check_once(), {})

    def test_an_answer_that_does_not_come(self):
        for takes in (True, False):
            for workers in (1, 4):
                with self.subTest(takes=takes, workers=workers):
                    self.begin()
                    self.configure(timeout="90s", worker=workers)
                    self.never_answer(takes)
                    self.ship.start()
                    self.stop_amid()
                    self.assertEqual(self.ship.books()["next"], 1)
                    self.assertIn("left without an answer at the end of the program (what arrived "
                                  "is found out at the next start)", self.ship.log())
                    self.check_goes_on()

    def test_and_the_stream_rolls_over_meanwhile(self):
        self.configure(timeout="2s")
        self.never_answer(True)
        self.ship.start()
        self.stop_amid()
        self.server.rollover()
        self.check_goes_on()

    def test_a_connection_that_does_not_come_about(self):
        """A queue of one that is full: the kernel answers nothing."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, \
                socket.create_connection(full.getsockname()):
            self.configure(timeout="90s", hosts=f'["http://127.0.0.1:{full.getsockname()[1]}"]')
            self.ship.start()
            self.ship.wait_until("a connection to be asked for", self.is_connecting)
            begun = time.monotonic()
            self.ship.stop()
            self.assertLess(time.monotonic() - begun, SOON_S)

    def is_connecting(self):
        with open(f"/proc/{self.ship.process.pid}/net/tcp", encoding="ascii") as file:
            return any(line.split()[3] == "02" for line in file.readlines()[1:])

    def test_an_answer_that_is_about_to_come_is_waited_for(self):
        def late(server, connection, request):
            time.sleep(0.2)
            return connection.send(server.take(request))
        self.server.fault = late
        self.configure(timeout="90s")
        self.ship.start()
        self.stop_amid()
        self.assertGreater(self.ship.books()["next"], 1)
        self.check_goes_on()

    def test_a_reload_amid_one(self):
        self.configure(timeout="90s")
        self.never_answer(True)
        self.ship.start()
        wait_for("a request", lambda: self.server.bulks)
        self.server.fault = None
        begun = time.monotonic()
        self.ship.hang_up()
        self.ship.wait_delivered()
        self.assertLess(time.monotonic() - begun, 10)
        self.ship.stop()
        self.assertEqual(self.check_once(), {})


if __name__ == "__main__":
    unittest.main()
