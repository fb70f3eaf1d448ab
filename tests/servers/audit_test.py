# SPDX-License-Identifier: GPL-2.0-or-later
"""`audit` beside a shipper: it only reads, and asks whichever host answers."""
import json
import os
import pwd
import stat
import subprocess
import unittest

import faulty
import ship_program

NOBODY = pwd.getpwnam("nobody")
DEAD = {5, 7}


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY.pw_gid)
    os.setuid(NOBODY.pw_uid)


def files(folder):
    """What each is, but for when it was read."""
    found = {}
    for root, _, names in os.walk(folder):
        for path in (root, *(os.path.join(root, name) for name in names)):
            one = os.stat(path)
            found[path] = (one.st_ino, one.st_mode, one.st_size, one.st_mtime_ns, one.st_ctime_ns)
    return found


class Audit(faulty.Shipped):

    lines = 100

    def setUp(self):
        super().setUp()
        self.server.poison = set(DEAD)
        self.ship.start()
        self.ship.wait_delivered()
        self.ship.stop()

    def audit(self, status=0, **options):
        done = subprocess.run([ship_program.PROGRAM, "audit", "--json", "--config", self.config],
                              capture_output=True, text=True, check=False, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def check(self, said):
        self.assertEqual((said["once"], said["dead_lettered"], said["whole"]),
                         (len(self.wanted) - len(DEAD), len(DEAD), True))

    def open_to_all(self, folder):
        for root, folders, names in os.walk(folder):
            for path in (root, *(os.path.join(root, name) for name in (*folders, *names))):
                os.chmod(path, 0o755 if stat.S_ISDIR(os.stat(path).st_mode) else 0o644)

    def test_what_is_missing_and_what_is_twice(self):
        self.check(self.audit())
        first = self.server.indices[self.server.write_index]
        twice, gone = list(first)[10], list(first)[20]
        self.server.rollover()
        self.server.indices[self.server.write_index][twice] = first[twice]
        missing = first.pop(gone)["event.sequence"]
        said = self.audit(status=1)
        self.assertEqual(said["missing"], [[missing, missing]])
        self.assertEqual(said["doubled"], [[first[twice]["event.sequence"]] * 2])

    def test_a_number_of_another_run_is_not_ours(self):
        """As a machine that was put back has used it for another record."""
        there = self.server.indices[self.server.write_index]
        name = list(there)[10]
        ledger, _, number = name.split("-")
        other = f"{ledger}-0123456789-{number}"
        there[other] = {**there.pop(name), "event.id": other}
        self.assertEqual(self.audit(status=1)["missing"], [[int(number)] * 2])

    def test_by_who_may_only_read(self):
        for folder in (self.ledger, os.path.dirname(self.ledger), self.folder):
            self.open_to_all(folder)
        before = files(f"{self.folder}/state")
        self.check(self.audit(preexec_fn=become_nobody))
        self.assertEqual(files(f"{self.folder}/state"), before)

    def test_it_changes_nothing_of_the_shippers(self):
        letters = f"{self.folder}/state/dead-letters"
        # As a kill leaves it; whoever adds the next one mends that.
        with open(f"{letters}/elasticsearch.ndjson", "ab") as file:
            file.write(b'{"destination": "elasticsearch", "sequence": 9')
        before = files(letters), files(f"{self.folder}/state/cursors")
        self.check(self.audit())
        self.assertEqual((files(letters), files(f"{self.folder}/state/cursors")), before)

    def test_before_anything_was_refused(self):
        for name in os.listdir(f"{self.folder}/state/dead-letters"):
            os.unlink(f"{self.folder}/state/dead-letters/{name}")
        os.rmdir(f"{self.folder}/state/dead-letters")
        self.assertEqual(self.audit(status=1)["dead_lettered"], 0)
        self.assertFalse(os.path.exists(f"{self.folder}/state/dead-letters"))

    def test_dead_letters_that_may_not_be_read(self):
        for folder in (self.ledger, os.path.dirname(self.ledger), self.folder):
            self.open_to_all(folder)
        path = f"{self.folder}/state/dead-letters/elasticsearch.ndjson"
        os.chmod(path, 0o600)
        self.assertIn(f"read the dead letters {path}: Permission denied (root and ship.user may)",
                      self.audit(status=1, preexec_fn=become_nobody))

    def test_the_next_host_is_asked(self):
        self.configure(hosts=f'["http://127.0.0.1:1", "{self.server.url}"]')
        self.check(self.audit())

    def test_no_host_answers(self):
        self.configure(hosts='["http://127.0.0.1:1"]')
        self.assertIn("at http://127.0.0.1:1: ", self.audit(status=1))


if __name__ == "__main__":
    unittest.main()
