# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks of the tree are checked: each mistake made on purpose is found."""
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


class TreeCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def check(self, script="check-layers", root=None):
        done = subprocess.run([os.path.join(ROOT, "scripts", script), root or self.root],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as out:
            out.write(text)


class Layers(TreeCheck):
    def test_our_tree_is_in_order(self):
        self.assertEqual(self.check(root=ROOT), (0, ""))

    def test_each_mistake_is_found(self):
        rows = [
            ("src/flow/a.cc", '#include "encode/encoder.h"', "flow/ does not know of encode/"),
            ("src/ledger/a.cc", '#include "flow/flow.h"', "ledger/ does not know of flow/"),
            ("src/lookup/a.cc", '#include "flow/flow.h"', "lookup/ does not know of flow/"),
            ("src/kernel/a.cc", '#include "decode/decoder.h"', "kernel/ does not know of decode/"),
            ("src/decode/a.cc", "#include <libmnl/libmnl.h>", "only kernel may include libmnl"),
            ("src/kernel/a.h", "#include <libmnl/libmnl.h>",
             "a header of ours includes a foreign one"),
            ("src/base/a.cc", "#include <spdlog/spdlog.h>",
             "only base/log.cc may include spdlog"),
            ("src/encode/a.cc", "#include <rapidjson/writer.h>",
             "only encode/coverage.cc and lookup/record.cc and ship/audit.cc and ship/bulk.cc and "
             "ship/copies.cc and ship/earlier_records.cc and ship/kibana_import.cc and "
             "ship/record_search.cc and ship/setup.cc may include rapidjson"),
            ("src/ship/a.cc", '#include "flow/flow.h"', "ship/ does not know of flow/"),
            ("src/ship/a.cc", "#include <curl/curl.h>", "only ship/http.cc may include curl"),
            ("src/ledger/a.cc", '#include "ship/shipper.h"', "ledger/ does not know of ship/"),
            ("src/kernel/a.cc", "#include <libnetfilter_conntrack/libnetfilter_conntrack.h>",
             "only tests may include libnetfilter_conntrack"),
            ("enrich/a.cc", '#include "enrich/b.h"', "a leaf of enrich/ includes another"),
            ("src/base/a.cc", '#include "time.h"', "includes of ours name their folder"),
        ]
        for path, line, why in rows:
            with self.subTest(line=line, path=path):
                shutil.rmtree(self.root)
                self.write(path, f"\n{line}\n")
                header = line.split()[1].strip('"<>')
                self.assertEqual(self.check(), (1, f"{path}:2: {header}: {why}\n"))

    def test_what_is_allowed_is_not_found(self):
        self.write("src/base/log.cc", "#include <spdlog/spdlog.h>\n#include \"base/log.h\"\n")
        self.write("enrich/a.cc", '#include "enrich/enricher.h"\n#include "flow/flow.h"\n')
        self.write("src/encode/json.cc", "#include <vector>\n#include \"flow/fields.h\"\n")
        self.assertEqual(self.check(), (0, ""))


class Files(TreeCheck):
    SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"

    def setUp(self):
        super().setUp()
        subprocess.run(["git", "init", "-q", self.root], check=True)

    def test_our_tree_is_in_order(self):
        self.assertEqual(self.check("check-files", ROOT), (0, ""))

    def test_each_mistake_is_found(self):
        head = f"// {self.SPDX}\n"
        rows = [
            ("a.cc", "int a;\n", f"a.cc:1: no {self.SPDX}\n"),
            ("script", "#!/bin/sh\n", f"script:1: no {self.SPDX}\n"),
            ("a.cc", head + "x" * 101 + "\n", "a.cc:2: 101 columns, more than 100\n"),
            ("a.cc", head + "\n" * 400, "a.cc:401: more than 400 lines\n"),
        ]
        for path, text, expected in rows:
            with self.subTest(expected=expected):
                self.write(path, text)
                self.assertEqual(self.check("check-files"), (1, expected))
                os.remove(os.path.join(self.root, path))

    def test_what_is_allowed_is_not_found(self):
        self.write("a.cc", f"// {self.SPDX}\n" + "\n" * 399)
        self.write("a.md", "x" * 300 + "\n")
        self.assertEqual(self.check("check-files"), (0, ""))


if __name__ == "__main__":
    unittest.main()
