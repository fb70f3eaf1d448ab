# SPDX-License-Identifier: GPL-2.0-or-later
"""A server that nobody vouches for gets nothing, and one that does not know us is asked seldom.
Either is said in one message, and all goes on once it is mended."""
import base64
import os
import tempfile
import time
import unittest

import elasticsearch
import faults
import faulty
import proxy
import servers


class Tls(faulty.Shipped):

    lines = 100

    def certificates(self, **options):
        """Their folder: ca.crt, http.crt, http.key."""
        folder = tempfile.mkdtemp(dir=self.folder)
        servers.make_certificates(folder, **options)
        return folder

    def serve_tls(self, folder, authority=None):
        self.serve(elasticsearch.Elasticsearch(
            certificate=(os.path.join(folder, "http.crt"), os.path.join(folder, "http.key"))))
        self.trust(authority or folder)

    def trust(self, folder, **options):
        self.configure(ssl=f"{{certificate_authorities: {folder}/ca.crt}}", **options)

    def check_refused(self, says, messages=1):
        """A message, nothing sent; and it goes on with a server that is as it should be."""
        self.ship.start()
        self.ship.wait_said(says)
        time.sleep(1)
        warnings = [line for line in self.ship.log().splitlines() if " warning: ship to " in line]
        self.assertEqual(len(warnings), messages, self.ship.log())
        self.assertEqual(self.server.bulks, 0)
        self.serve_tls(self.certificates())
        self.ship.hang_up()
        self.ship.wait_delivered()
        self.ship.stop()
        self.assertEqual(self.check_once(), {})

    def test_expired(self):
        folder = self.certificates(days=0)
        time.sleep(1.1)
        self.serve_tls(folder)
        self.check_refused("certificate has expired (look at the server's certificate")

    def test_of_another_host(self):
        self.serve_tls(self.certificates(names="DNS:elsewhere.test"))
        self.check_refused("no alternative certificate subject name matches target")

    def test_of_another_authority(self):
        self.serve_tls(self.certificates(), authority=self.certificates())
        self.check_refused("(look at the server's certificate, and at ssl.certificate_authorities)")

    def test_tls_to_a_plain_port(self):
        self.trust(self.certificates(), hosts=f'["{self.server.url.replace("http", "https")}"]')
        self.check_refused("(is that a TLS port, and does it want a client's certificate?)")

    def test_plain_to_a_tls_port(self):
        self.serve_tls(self.certificates())
        self.configure(hosts=f'["{self.server.url.replace("https", "http")}"]')
        # The second says that bodies go plain: so behaves a proxy that cannot unpack them, too.
        self.check_refused("(look at the server, and at what stands before it)", messages=2)

    def test_by_fingerprint(self):
        """Of the CA, as Elasticsearch prints it."""
        folder = self.certificates()
        self.serve_tls(folder)
        said = servers.run("openssl", "x509", "-in", f"{folder}/ca.crt", "-noout", "-fingerprint",
                           "-sha256")
        # The chain that is sent has to hold it.
        with open(f"{folder}/http.crt", "ab") as file, open(f"{folder}/ca.crt", "rb") as authority:
            file.write(authority.read())
        self.serve(elasticsearch.Elasticsearch(
            certificate=(f"{folder}/http.crt", f"{folder}/http.key")))
        fingerprint = said.strip().partition("=")[2]
        self.configure(ssl=f'{{ca_trusted_fingerprint: "{fingerprint}"}}')
        self.ship.start()
        self.ship.wait_delivered()
        self.ship.stop()
        self.check_once()


    def serve_those_who_prove_it(self, authority):
        """To others than clients of that authority it is as if nobody were there."""
        folder = self.certificates()
        self.serve(elasticsearch.Elasticsearch(
            certificate=(f"{folder}/http.crt", f"{folder}/http.key"),
            authority=f"{authority}/ca.crt"))
        return folder

    def show(self, server, client):
        """Trust that one, and show it this certificate."""
        self.configure(ssl=f"{{certificate_authorities: {server}/ca.crt, certificate: "
                           f"{client}/http.crt, key: {client}/http.key}}")

    def check_accepted(self, server, client):
        self.show(server, client)
        self.ship.hang_up() if self.ship.process else self.ship.start()
        self.ship.wait_delivered()
        self.ship.stop()
        self.assertEqual(self.check_once(), {})

    def test_a_client_certificate(self):
        client = self.certificates()
        self.check_accepted(self.serve_those_who_prove_it(client), client)

    def test_a_client_without_one(self):
        client = self.certificates()
        server = self.serve_those_who_prove_it(client)
        self.trust(server)
        self.ship.start()
        self.ship.wait_said("certificate required")
        self.assertEqual(self.server.bulks, 0)
        self.check_accepted(server, client)

    def test_a_client_of_another_authority(self):
        client = self.certificates()
        server = self.serve_those_who_prove_it(client)
        self.show(server, self.certificates())
        self.ship.start()
        self.ship.wait_said("unknown ca")
        self.assertEqual(self.server.bulks, 0)
        self.check_accepted(server, client)

    def test_a_client_certificate_that_is_not_there(self):
        server = self.serve_those_who_prove_it(self.certificates())
        self.show(server, os.path.join(self.folder, "nowhere"))
        self.ship.start()
        self.ship.wait_said(f"{self.folder}/nowhere/http.crt")


class Proxied(faulty.Shipped):
    """Through a proxy, which alone knows the way: the name of the host nobody can resolve."""

    lines = 100
    host = "natledger.invalid"

    def begin_behind(self, scheme, **options):
        self.proxy = proxy.Proxy({self.host: self.server.port})
        self.addCleanup(self.proxy.stop)
        self.configure(hosts=f'["{scheme}://{self.host}:{self.server.port}"]',
                       proxy_url=f'"{self.proxy.url}"', **options)

    def check_delivered(self):
        self.ship.start()
        self.ship.wait_delivered()
        self.ship.stop()
        self.assertEqual(self.check_once(), {})

    def test_plain(self):
        self.begin_behind("http")
        self.check_delivered()
        self.assertEqual(set(self.proxy.asked),
                         {f"POST http://{self.host}:{self.server.port}"})

    def test_tls(self):
        """A tunnel: the proxy sees neither records nor credentials, the certificate is the
        server's."""
        folder = tempfile.mkdtemp(dir=self.folder)
        servers.make_certificates(folder, names=f"DNS:{self.host}")
        self.serve(elasticsearch.Elasticsearch(
            certificate=(f"{folder}/http.crt", f"{folder}/http.key")))
        self.begin_behind("https", ssl=f"{{certificate_authorities: {folder}/ca.crt}}",
                          api_key=f'"id:{faulty.SECRET}"')
        self.check_delivered()
        self.assertEqual(set(self.proxy.asked), {f"CONNECT {self.host}:{self.server.port}"})
        self.assertNotIn(b"ApiKey", self.proxy.heads)

    def test_that_is_not_there(self):
        self.begin_behind("http")
        self.proxy.stop()
        self.ship.start()
        self.ship.wait_said("Couldn't connect to server")
        self.assertEqual(self.server.bulks, 0)

    def test_that_refuses(self):
        self.begin_behind("http")
        self.proxy.refusal = 407
        self.ship.start()
        self.ship.wait_said("answered status 407")
        self.assertEqual(self.server.bulks, 0)
        self.proxy.refusal = None
        self.ship.hang_up()
        self.ship.wait_delivered()
        self.ship.stop()
        self.assertEqual(self.check_once(), {})


class Credentials(faulty.Shipped):

    lines = 100

    def knows(self, wanted):
        """401 for whoever does not say that."""
        def judge(_, connection, request):
            if request.headers.get("authorization") == wanted:
                return None
            return faults.status(401)(_, connection, request)
        judge.of_all = True
        self.server.fault = judge

    def check(self, wanted, wrong, right):
        self.knows(wanted)
        self.configure(**wrong)
        self.ship.start()
        says = "(look at the credentials, and at the rights of their role)"
        self.ship.wait_said(says)
        before = len(self.server.served)
        time.sleep(1)
        self.assertEqual(len(self.server.served), before, "it asks and asks")
        self.configure(**right)
        self.ship.hang_up()
        self.ship.wait_delivered()
        self.ship.stop()
        self.assertEqual(self.check_once(), {})
        with open(f"/proc/{os.getpid()}/cmdline", "rb") as file:
            self.assertNotIn(faulty.SECRET.encode(), file.read())

    @staticmethod
    def encoded(text):
        return base64.b64encode(text.encode()).decode()

    def test_password(self):
        self.check("Basic " + self.encoded("ship:" + faulty.SECRET),
                   {"username": "ship", "password": faulty.SECRET + "x"},
                   {"username": "ship", "password": faulty.SECRET})

    def test_api_key(self):
        encoded = self.encoded("id:" + faulty.SECRET)
        self.check("ApiKey " + encoded, {"api_key": f'"id:{faulty.SECRET}x"'},
                   {"api_key": f'"id:{faulty.SECRET}"'})
        self.begin()
        self.check("ApiKey " + encoded, {"api_key": "d3Jvbmc="}, {"api_key": encoded})

    def test_bearer_from_a_file(self):
        path = os.path.join(self.folder, "token")
        with open(path, "w", encoding="ascii") as file:
            file.write(faulty.SECRET + "\n")
        self.check("Bearer " + faulty.SECRET, {"bearer_token": "wrong"},
                   {"bearer_token_file": path})


if __name__ == "__main__":
    unittest.main()
