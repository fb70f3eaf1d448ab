# SPDX-License-Identifier: GPL-2.0-or-later
"""What a server may have without our knowing: looked up where it matters, and nowhere else. A fake
has a backing index more whenever a test wants."""
import json
import os
import shutil
import subprocess
import threading
import time
import unittest

import agent_state
import faults
import faulty
import ship_program

# Whoever waits for this fails by it.
LONG = "40s"
SOON_S = 15


class Doubts(faulty.Shipped):

    def know_ledger(self):
        """As an agent's state does that has been there since the first line."""
        agent_state.make_first(self.ledger, f"{self.folder}/state")

    def ship_all(self):
        """How long that took."""
        self.ship.start()
        begun = time.monotonic()
        books = self.ship.wait_delivered()
        self.ship.stop()
        self.check_once()
        return time.monotonic() - begun, books

    def ship_first_hundred(self):
        """And no more, as if the server had gone then."""
        def after_one(server, connection, request):
            return None if server.bulks == 1 else faults.status(503)(server, connection, request)
        self.server.fault = after_one
        self.ship.start()
        self.ship.wait_until("the first request", lambda: (self.ship.books() or {}).get("next", 1)
                             > 1)
        self.ship.stop()
        self.server.fault = None

    def roll_over(self, times=1):
        for _ in range(times):
            self.server.rollover()

    def asked(self):
        return [one.what for one in self.server.served if "_bulk" not in one.what]

    def test_a_first_run_asks_only_whether_it_is_one(self):
        self.know_ledger()
        self.roll_over(30)
        self.configure(timeout=LONG)
        took, _ = self.ship_all()
        self.assertLess(took, SOON_S)
        asked = self.asked()
        self.assertTrue(asked[0].startswith("GET /_resolve/index/"), asked)
        self.assertEqual([what.split("?")[0].rsplit("/", 1)[1] for what in asked[1:]],
                         ["_count"] * 2, asked)

    def test_an_answer_lost_behind_a_rollover(self):
        """The stream has rolled over, and is as certain as before."""
        self.know_ledger()
        self.configure(timeout=LONG)

        def second_is_lost(server, connection, request):
            if server.bulks == 1:
                answered = connection.send(server.take(request))
                self.roll_over()
                return answered
            return faults.reset_behind(server, connection, request) if server.bulks == 3 else None
        self.server.fault = second_is_lost
        took, _ = self.ship_all()
        self.assertLess(took, SOON_S)

    def ship_after(self, first_answer):
        """The first request is answered like that."""
        self.know_ledger()
        self.server.fault = lambda server, connection, request: (
            first_answer(server, connection, request) if server.bulks == 1 else None)
        self.ship_all()

    def test_an_alias_rolls_over_behind_a_lost_answer(self):
        self.server.is_alias = True
        self.ship_after(faults.rolled_over_behind)

    def test_records_that_failed_may_be_there(self):
        self.ship_after(faults.failed_behind)

    def test_a_late_request_behind_a_copy_that_is_there(self):
        """A copy stays until it cannot come any more: where it is removed, it brings another."""
        came = threading.Event()

        def fault(server, connection, request):
            if server.bulks == 1:
                return faults.rolled_over_behind(server, connection, request)
            if server.bulks != 2:
                return None
            time.sleep(1.5)
            server.take(request)
            came.set()
            return connection.reset()
        self.know_ledger()
        self.configure(timeout="1s")
        self.server.fault = fault
        self.ship_all()
        self.assertTrue(came.wait(SOON_S))
        self.check_once()

    def test_credentials_that_end_amid_a_look_up(self):
        """As soon as there are others, it is looked up all the same."""
        refused = []

        def fault(server, connection, request):
            if "_bulk" in request.path:
                lost = server.bulks == 1
                return faults.rolled_over_behind(server, connection, request) if lost else None
            if len(refused) == 2:
                return None
            refused.append(request.path)
            return faults.status(401)(server, connection, request)
        fault.of_all = True
        self.know_ledger()
        self.server.fault = fault
        self.ship_all()
        self.assertEqual(len(refused), 2)

    def test_an_index_that_cannot_be(self):
        """It is not remembered."""
        def fault(server, connection, request):
            said = server.take(request)
            for one in said["items"]:
                one["create"]["_index"] = "two words" + 2000 * "."
            return connection.send(said)
        self.know_ledger()
        self.server.fault = fault
        self.ship_all()

    def test_ids_that_are_there_and_are_not_found(self):
        """It does not ask and ask."""
        def fault(_, connection, request):
            if "_mget" not in request.path:
                return None
            wanted = json.loads(request.body)["docs"]
            return connection.send({"docs": [{**one, "found": False} for one in wanted]})
        fault.of_all = True
        self.ship_all()
        os.unlink(f"{self.folder}/state/cursors/elasticsearch")
        self.server.fault = fault
        self.configure(backoff="{init: 1s, max: 1s}")
        self.ship.start()
        self.ship.wait_said("look up ids that are there already: one is not found")
        before = self.server.bulks
        time.sleep(2)
        self.assertLess(self.server.bulks - before, 20)
        self.ship.stop()

    def test_backfill_does_not_wait_for_a_clock_that_was_set_back(self):
        """One before it sent its last request in a year that is yet to come."""
        self.ship_all()
        letters = f"{self.folder}/state/dead-letters"
        with open(f"{letters}/elasticsearch.resending", "wb") as file:
            file.write(b"1")
        os.utime(file.name, (time.time() + 1e7,) * 2)
        self.server.indices[self.server.write_index].popitem()
        self.roll_over()
        subprocess.run([ship_program.PROGRAM, "backfill", "--from", "1", "--config", self.config],
                       capture_output=True, timeout=SOON_S, check=True)
        self.check_once()

    def test_a_state_that_was_put_back(self):
        """It knows nothing of what was sent since."""
        self.know_ledger()
        self.ship_first_hundred()
        copy = shutil.copytree(f"{self.folder}/state", f"{self.folder}/copy")
        self.ship_all()
        self.roll_over(2)
        shutil.rmtree(f"{self.folder}/state")
        os.rename(copy, f"{self.folder}/state")
        _, books = self.ship_all()
        self.assertEqual(books["duplicate"], len(self.wanted) - 100)

    def check_forgotten(self, what):
        self.know_ledger()
        self.ship_all()
        self.roll_over(20)
        what()
        _, books = self.ship_all()
        self.assertEqual(books["duplicate"], len(self.wanted))

    def test_a_cursor_that_was_removed(self):
        self.check_forgotten(lambda: os.unlink(f"{self.folder}/state/cursors/elasticsearch"))

    def test_a_state_that_was_lost(self):
        self.check_forgotten(lambda: shutil.rmtree(f"{self.folder}/state"))

    def put_back_state(self):
        shutil.rmtree(f"{self.folder}/state")
        self.know_ledger()

    def test_a_state_from_before_the_destination(self):
        self.check_forgotten(self.put_back_state)

    def test_a_state_from_before_the_destination_of_a_server_that_does_not_say(self):
        def fault(server, connection, request):
            is_count = "_count" in request.path
            return faults.status(500)(server, connection, request) if is_count else None
        fault.of_all = True
        self.server.fault = fault
        self.check_forgotten(self.put_back_state)


if __name__ == "__main__":
    unittest.main()
