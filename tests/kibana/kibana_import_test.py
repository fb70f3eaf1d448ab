# SPDX-License-Identifier: GPL-2.0-or-later
"""`setup kibana` into a small server that answers as Kibana does (there is no Kibana among the
servers of the tests), and the link that `who --kibana` prints."""
import json
import os
import re
import subprocess
import tempfile
import unittest
import urllib.parse

import kibana
import kql

NATLEDGER = os.environ.get("NATLEDGER", "")
MADE_LEDGER = os.environ.get("NATLEDGER_MADE_LEDGER", "")
PRINT = "--print prints the file, which its page Saved Objects can import"


def run(*argv):
    done = subprocess.run([NATLEDGER, *argv], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Import(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.config = os.path.join(folder.name, "natledger.yaml")
        self.configure()

    def configure(self, more=""):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"ledger: {{state: {self.config}.none}}\n{more}")

    def serve(self, **options):
        server = kibana.Kibana(**options)
        self.addCleanup(server.stop)
        return server

    def set_up(self, url):
        return run("setup", "kibana", "--config", self.config, "--url", url)

    def test_all_objects_arrive_and_a_second_time_changes_nothing(self):
        _, printed, _ = run("setup", "kibana", "--print", "--config", self.config)
        wanted = [json.loads(line) for line in printed.splitlines()]
        for header in ("kbn-xsrf", "osd-xsrf"):
            server = self.serve(header=header)
            for _ in range(2):
                self.assertEqual(self.set_up(server.url),
                                 (0, f"{len(wanted)} saved objects imported\n", ""))
                self.assertEqual(list(server.objects.values()), wanted)

    def test_a_space_and_a_user(self):
        server = self.serve(base="/s/noc", user="ann:of-the-tests")
        url = f"{server.url}/s/noc/".replace("://", "://ann:of-the-tests@")
        self.assertEqual(self.set_up(url)[0], 0)
        self.configure("output.elasticsearch: {username: ann, password: of-the-tests}\n")
        self.assertEqual(self.set_up(f"{server.url}/s/noc")[0], 0)
        # Those in the address, and not those of another server.
        self.configure("output.elasticsearch: {username: bob, password: other}\n")
        self.assertEqual(self.set_up(url)[0], 0)
        self.configure("output.elasticsearch: {api_key: 'a:b'}\n")
        self.assertEqual(self.set_up(url)[0], 0)

    def test_ids_that_another_space_has(self):
        server = self.serve()
        server.renamed = {"natledger-attribution", "natledger-protocols"}
        status, said, error = self.set_up(server.url)
        self.assertEqual((status, error), (0, ""))
        self.assertIn(" saved objects imported\n2 of them under other ids, since another space has "
                      "theirs: for the links of `who --kibana` give it the address of that space\n",
                      said)

    def test_another_data_stream(self):
        """The templates are of its indices, and so is the pattern."""
        for stream, indices in (("logs-nat.test-all", "logs-nat.test-*"), ("nat", "nat")):
            self.configure(f"output.elasticsearch: {{data_stream: {stream}}}\n")
            _, printed, _ = run("setup", "kibana", "--print", "--config", self.config)
            pattern = json.loads(printed.splitlines()[0])
            self.assertEqual(pattern["attributes"]["title"], indices)
            _, printed, _ = run("setup", "elasticsearch", "--print", "--config", self.config)
            self.assertIn(f'{{"index_patterns":["{indices}"],', printed)

    def check_refused(self, url, error, status=1):
        self.assertEqual(self.set_up(url), (status, "", f"natledger-ship: {error}\n"))

    def test_what_does_not_arrive_is_said(self):
        server = self.serve()
        attempt = f"import saved objects into {server.url}: "
        server.refused = {"natledger-protocols"}
        count = len(run("setup", "kibana", "--print")[1].splitlines())
        self.check_refused(server.url, f'{attempt}status 200 "errors": [{{"id": '
                           '"natledger-protocols", "type": "visualization", "error": {"type": '
                           f'"unsupported_type"}}}}]}} ({PRINT})')
        for body in ({"success": True, "successCount": 0}, {"success": True}, {}, [], "", None,
                     {"success": False, "successCount": count}, {"successCount": count},
                     {"success": True, "successCount": str(count)}):
            server.instead = (200, body)
            self.check_refused(server.url, f"{attempt}status 200 {json.dumps(body)} ({PRINT})")
        server.instead = (200, b"<html>")
        self.check_refused(server.url, f"{attempt}status 200 <html> ({PRINT})")
        server.instead = (422, {"message": "more recent version"})
        self.check_refused(server.url,
                           f'{attempt}status 422 {{"message": "more recent version"}} ({PRINT})')

    def test_where_it_cannot_import(self):
        server = self.serve(user="ann:of-the-tests", base="/kibana")
        said = 'status 401 {"statusCode": 401, "error": "Unauthorized"}'
        self.check_refused(server.url, f"import saved objects into {server.url}: {said} (the user "
                           "needs the right to change saved objects; --url https://USER:"
                           "PASSWORD@... names another)")
        url = server.url.replace("://", "://ann:of-the-tests@")
        said = 'status 404 {"statusCode": 404, "error": "Not Found"}'
        self.check_refused(url, f"import saved objects into {server.url}: {said} (is that a "
                           "Kibana, and does --url have the path that it is served at?)")
        server.stop()
        status, out, error = self.set_up(server.url)
        self.assertEqual((status, out), (1, ""))
        self.assertTrue(error.startswith(f"natledger-ship: import saved objects into {server.url}: "
                                         ), error)
        self.check_refused("no url", '"no url" is no URL (https://host:9200)', status=2)
        done = run("setup", "kibana", "--config", self.config)
        self.assertEqual((done[0], done[1]), (2, ""))
        self.assertIn("--url is missing: the address of a Kibana", done[2])


class Link(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.ledger = os.path.join(folder.name, "ledger")
        subprocess.run([MADE_LEDGER, "make", cls.ledger, "100", "1", "1"], check=True)

    def ask(self, *question, url="https://kibana:5601"):
        return run("who", *question, "--ledger", self.ledger, "--kibana", url)

    def link(self, *question, **options):
        said = self.ask(*question, **options)[1]
        return re.search(r"\n\nIn Kibana: (\S+)\n$", said).group(1)

    def test_it_opens_the_dashboard_with_time_and_query(self):
        for url in ("https://kibana:5601", "https://kibana:5601/", "http://d/s/noc//"):
            link = self.link("1.2.3.4:53500", "--at", "2026-11-02T12:27:04.0005Z", url=url)
            self.assertTrue(re.fullmatch(r"[-\w.~!*,:/?#&=%]+\w", link), link)
            page, _, query = link.partition("?")
            self.assertEqual(page, url.rstrip("/") + "/app/dashboards#/view/natledger-attribution")
            parts = dict(part.split("=", 1) for part in query.split("&"))
            self.assertEqual(list(parts), ["_g", "_a"])
            self.assertEqual(urllib.parse.unquote(parts["_g"]),
                             "(time:(from:'2025-11-01T12:27:02.000Z',to:now))")
            self.assertEqual(
                urllib.parse.unquote(parts["_a"]),
                "(query:(language:kuery,query:'(conntrack.public:\"1.2.3.4:53500\" and not "
                'event.start > "2026-11-02T12:27:08.001Z" and not event.end < '
                '"2026-11-02T12:27:02.000Z" and not flow.end.not_after < '
                '"2026-11-02T12:27:02.000Z") or (event.kind:state and not coverage.from > '
                '"2026-11-02T12:27:08.001Z" and not coverage.to < "2026-11-02T12:27:02.000Z")\'))')

    def test_it_names_no_password(self):
        question = ["1.2.3.4:5", "--at", "2026-11-02T00:00:00Z"]
        plain = self.link(*question, url="https://kibana:5601/s/noc")
        for user in ("ann:of-the-tests", "ann:of@the:tests"):
            self.assertEqual(self.link(*question, url=f"https://{user}@kibana:5601/s/noc"), plain)

    def query(self, *question):
        link = urllib.parse.unquote(self.link(*question, "--at", "2026-11-02T00:00:00Z"))
        return re.search(r"query:'(.*)'\)\)$", link).group(1)

    def test_the_parts_of_a_question(self):
        rows = [
            (["[2001:db8::1]:443"], '(conntrack.public:"[2001:db8::1]:443" and not '),
            (["1.2.3.4"], '((reply.ip.daddr.str:"1.2.3.4" or dest_ip:"1.2.3.4") and not '),
            (["1.2.3.4:5", "--protocol", "udp"],
             '(conntrack.public:"1.2.3.4:5" and orig.ip.protocol:17 and not '),
            (["1.2.3.4:5", "--remote", "19.1.16.7:443"],
             '(conntrack.public:"1.2.3.4:5" and ((dest_ip:"19.1.16.7" and (orig.l4.dport:443 or '
             'not orig.l4.dport:*)) or (src_ip:"19.1.16.7" and (orig.l4.sport:443 or not '
             'orig.l4.sport:*)) or (reply.ip.saddr.str:"19.1.16.7" and (reply.l4.sport:443 or not '
             "reply.l4.sport:*))) and not "),
            (["1.2.3.4:5", "--remote", "::1"],
             '(conntrack.public:"1.2.3.4:5" and ((dest_ip:"::1") or (src_ip:"::1") or '
             '(reply.ip.saddr.str:"::1")) and not '),
        ]
        for question, begin in rows:
            query = self.query(*question)
            self.assertEqual(query[:len(begin)], begin)
            self.assertIn("event.start", kql.fields(kql.parse(query)))

    def test_the_answer_and_its_status_stay(self):
        question = ["1.2.3.4:53500", "--at", "2026-11-02T00:00:00Z"]
        without = run("who", *question, "--ledger", self.ledger)
        status, said, _ = self.ask(*question)
        self.assertEqual(status, without[0])
        self.assertTrue(said.startswith(without[1]))
        self.assertEqual(json.loads(self.ask(*question, "--json")[1])["kibana"],
                         self.link(*question))

    def test_what_is_no_address(self):
        for url in ("kibana:5601", "ftp://kibana", "/app", "https://kibana:5601/app/home#/",
                    "https://kibana:5601/?auth_provider_hint=basic"):
            self.assertEqual(
                self.ask("1.2.3.4:5", "--at", "2026-11-02T00:00:00Z", url=url),
                (2, "", f'natledger: --kibana: "{url}" is no address of a Kibana, such as '
                        "https://kibana:5601\n"))


if __name__ == "__main__":
    unittest.main()
