# SPDX-License-Identifier: GPL-2.0-or-later
"""Real Elasticsearch and OpenSearch servers on 127.0.0.1, for tests; from archives.py."""
import base64
import contextlib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from archives import (ELASTICSEARCH_7, ELASTICSEARCH_8, OPENSEARCH_2, OPENSEARCH_3, ServerError,
                      fetch_elasticsearch, fetch_elasticsearch_with_keys, fetch_opensearch,
                      fetch_opensearch_security, java_of_elasticsearch, need_java,
                      newest_elasticsearch, of_all, run)

__all__ = ["ADMIN", "ELASTICSEARCH_7", "ELASTICSEARCH_8", "OPENSEARCH_2", "OPENSEARCH_3",
           "PASSWORD", "Elasticsearch", "OpenSearch", "ServerError", "make_certificates",
           "newest_elasticsearch", "of_all", "run"]

PATIENCE_S = 240
# Elasticsearch refuses to run as root.
USER = "natledger-tests"
ADMIN, PASSWORD = "admin", "of-the-tests-1"
PASSWORD_BCRYPT = "$2b$04$jkKc0BgDjX2NXc4HUo9Nd.epyq0m/fL7BDvVBA47qEa5CyNH3nZqu"
# The compiler that is fast to start: the servers of a test do not live long.
JAVA_OPTIONS = ("-Xms512m", "-Xmx512m", "-XX:TieredStopAtLevel=1")

ES_SETTINGS = """\
cluster.name: natledger-tests
node.name: n1
path.data: {folder}/data
path.logs: {folder}/logs
network.host: 127.0.0.1
http.port: {port}
transport.port: {transport_port}
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
{more}
"""
ES_SECURITY = """\
xpack.security.enabled: true
xpack.security.http.ssl.enabled: true
xpack.security.http.ssl.key: http.key
xpack.security.http.ssl.certificate: http.crt
xpack.security.authc.realms.file.file1.order: 0
"""

# Its transport must have TLS too. What is given as files is read at the first start.
OS_SECURITY = {
    "plugins.security.ssl.transport.pemcert_filepath": "http.crt",
    "plugins.security.ssl.transport.pemkey_filepath": "http.key",
    "plugins.security.ssl.transport.pemtrustedcas_filepath": "ca.crt",
    "plugins.security.ssl.transport.enforce_hostname_verification": "false",
    "plugins.security.ssl.http.enabled": "true",
    "plugins.security.ssl.http.pemcert_filepath": "http.crt",
    "plugins.security.ssl.http.pemkey_filepath": "http.key",
    "plugins.security.allow_default_init_securityindex": "true",
    "plugins.security.nodes_dn": "CN=localhost",
    "plugins.security.authcz.admin_dn": "CN=nobody",
}
OS_PLUGIN = "org.opensearch.security.OpenSearchSecurityPlugin"
# Java runs a source file as it is. Behind folder and port: name=value, and the class of a plugin.
RUNNER_MAIN = """\
import org.codelibs.opensearch.runner.OpenSearchRunner;

class Node {
    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[1]);
        OpenSearchRunner node = new OpenSearchRunner();
        node.onBuild((number, settings) -> {
            settings.put("network.host", "127.0.0.1")
                .put("http.port", port)
                .put("transport.port", port + 100)
                .put("discovery.type", "single-node")
                .put("cluster.routing.allocation.disk.threshold_enabled", false)
                .putList("node.roles", "cluster_manager", "data", "ingest");
            for (int i = 2; i < arguments.length; i++) {
                String[] parts = arguments[i].split("=", 2);
                if (parts.length == 2) settings.put(parts[0], parts[1]);
            }
        });
        OpenSearchRunner.Configs configs = OpenSearchRunner.newConfigs().basePath(arguments[0])
            .clusterName("natledger-tests").numOfNode(1);
        String last = arguments[arguments.length - 1];
        if (arguments.length > 2 && !last.contains("=")) configs.pluginTypes(last);
        node.build(configs);
        Thread.currentThread().join();
    }
}
"""


def make_certificates(folder, names="IP:127.0.0.1,DNS:localhost", days=365):
    """A CA, and a server's certificate of it for these names, and so long."""
    def openssl(*argv):
        run("openssl", *argv, cwd=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-subj",
            "/CN=natledger tests", "-keyout", "ca.key", "-out", "ca.crt")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout",
            "http.key", "-out", "http.csr")
    with open(os.path.join(folder, "names"), "w", encoding="ascii") as file:
        file.write(f"subjectAltName={names}\n")
    openssl("x509", "-req", "-in", "http.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", str(days), "-extfile", "names", "-out", "http.crt")


class Server:
    """One node, in a folder of its own that goes when the test is over."""

    scheme = "http"
    user = None  # (name, password) of who may do everything
    authority = None

    def __init__(self, port):
        self.port = port
        self.folder = tempfile.mkdtemp(prefix="natledger-server-", dir="/tmp")
        self.process = None

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self):
        """Returns when it answers."""
        with open(os.path.join(self.folder, "output"), "ab") as output:
            self.process = subprocess.Popen(self.command(), cwd=self.folder, stdout=output,
                                            stderr=output, stdin=subprocess.DEVNULL,
                                            start_new_session=True, env=self.environment())
        give_up = time.monotonic() + PATIENCE_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                raise ServerError(f"{self.name} did not start: {self.output()}")
            time.sleep(0.2)
        return self

    def output(self):
        with open(os.path.join(self.folder, "output"), encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    def is_ready(self):
        with contextlib.suppress(OSError, ServerError):
            health = self.call("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s"
                                      "&wait_for_no_initializing_shards=true")
            return not health["timed_out"]
        return False

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, how):
        if self.process is None:
            return
        # runuser stands before the server itself, in the same session.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method, path, body=None):
        """The answer as JSON. Raises ServerError with what the server said instead."""
        request = urllib.request.Request(self.url + path, method=method)
        data = None
        if body is not None:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            request.add_header("Content-Type", "application/x-ndjson" if isinstance(body, str)
                               else "application/json")
        if self.user:
            request.add_header("Authorization", "Basic " + base64.b64encode(
                ":".join(self.user).encode()).decode())
        context = ssl.create_default_context(cafile=self.authority) if self.authority else None
        try:
            with urllib.request.urlopen(request, data, timeout=60, context=context) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise ServerError(f"{method} {path}: {error.code} {error.read()[:500]}") from error


class Elasticsearch(Server):

    def __init__(self, port, version=None, roles=None, settings="", with_keys=False):
        """`roles`: with security on, each of these roles (JSON) and a user of the same name.
        `with_keys`: it can make API keys."""
        super().__init__(port)
        self.version = version or newest_elasticsearch()[0]
        self.name = f"Elasticsearch {self.version}"
        fetch = fetch_elasticsearch_with_keys if with_keys else fetch_elasticsearch
        self.home = fetch(self.version)
        major = int(self.version.split(".")[0])
        self.java = java_of_elasticsearch(self.version)
        self.config = os.path.join(self.folder, "config")
        shutil.copytree(os.path.join(self.home, "config"), self.config)
        for name in ("data", "logs", "tmp"):
            os.mkdir(os.path.join(self.folder, name))
        more = settings
        if major >= 8:
            more += "xpack.security.autoconfiguration.enabled: false\n"
        if roles is None:
            more += "xpack.security.enabled: false\n"
        else:
            more += ES_SECURITY
            self._secure(roles)
        with open(os.path.join(self.config, "elasticsearch.yml"), "w", encoding="ascii") as file:
            file.write(ES_SETTINGS.format(folder=self.folder, port=port, transport_port=port + 100,
                                          more=more))
        self._write_logs_here()
        self._own()

    def _write_logs_here(self):
        """7.17 starts Java in its home, with logs below that."""
        path = os.path.join(self.config, "jvm.options")
        with open(path, encoding="utf-8") as file:
            options = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r"([=:])logs/", rf"\1{self.folder}/logs/", options))

    def _secure(self, roles):
        make_certificates(self.config)
        self.scheme, self.user = "https", (ADMIN, PASSWORD)
        self.authority = os.path.join(self.config, "ca.crt")
        # It sends its CA's too, as one does that made its certificates at its first start.
        with open(os.path.join(self.config, "http.crt"), "a", encoding="ascii") as file, \
                open(self.authority, encoding="ascii") as authority:
            file.write(authority.read())
        with open(os.path.join(self.config, "roles.yml"), "w", encoding="ascii") as file:
            for name, role in roles.items():
                file.write(f"{name}: {json.dumps(role)}\n")
        users = os.path.join(self.home, "bin", "elasticsearch-users")
        for name in (*roles, ADMIN):
            run(users, "useradd", name, "-p", PASSWORD, "-r",
                "superuser" if name == ADMIN else name, env=self.environment())

    def make_elastic(self):
        """Before it starts: the user that it has by itself, with our password."""
        tool = os.path.join(self.home, "bin", "elasticsearch-keystore")
        run(tool, "create", env=self.environment())
        run(tool, "add", "-x", "bootstrap.password", input=PASSWORD, env=self.environment())
        self._own()
        return self

    def _own(self):
        if subprocess.run(["id", USER], capture_output=True, check=False).returncode != 0:
            run("useradd", "-r", "-M", "-d", "/nonexistent", "-s", "/usr/sbin/nologin", USER)
        run("chown", "-R", USER, self.folder)

    def environment(self):
        return {"PATH": os.environ["PATH"], "ES_JAVA_HOME": self.java, "JAVA_HOME": self.java,
                "ES_PATH_CONF": self.config, "ES_TMPDIR": os.path.join(self.folder, "tmp"),
                "ES_JAVA_OPTS": " ".join(JAVA_OPTIONS)}

    def command(self):
        return ["runuser", "-u", USER, "--", os.path.join(self.home, "bin", "elasticsearch")]


class OpenSearch(Server):

    def __init__(self, port, version=OPENSEARCH_2, roles=None):
        """`roles`: as Elasticsearch's, in this server's form; only OPENSEARCH_2 has a security
        plugin to be had."""
        super().__init__(port)
        self.name = f"OpenSearch {version}"
        self.home = fetch_opensearch(version)
        self.java = need_java(21) if version >= "3" else need_java(11, 23)
        self.classes, self.more = f"{self.home}/jars/*", []
        if roles is not None:
            self._secure(version, roles)
        self.main = os.path.join(self.folder, "Node.java")
        with open(self.main, "w", encoding="ascii") as file:
            file.write(RUNNER_MAIN)

    def _secure(self, version, roles):
        plugin = fetch_opensearch_security(version)
        config = os.path.join(self.folder, "node_1", "config")
        shutil.copytree(os.path.join(plugin, "config"), os.path.join(config, "opensearch-security"))
        make_certificates(config)
        self.scheme, self.user = "https", (ADMIN, PASSWORD)
        self.authority = os.path.join(config, "ca.crt")
        self.classes += f":{plugin}/*"
        self.more = [f"{name}={value}" for name, value in OS_SECURITY.items()] + [OS_PLUGIN]
        users = (*roles, ADMIN)
        for kind, name, entries in (
                ("internalusers", "internal_users", {user: {"hash": PASSWORD_BCRYPT}
                                                     for user in users}),
                ("roles", "roles", roles),
                ("rolesmapping", "roles_mapping",
                 {"all_access" if user == ADMIN else user: {"users": [user]} for user in users})):
            path = os.path.join(config, "opensearch-security", f"{name}.yml")
            with open(path, "w", encoding="ascii") as file:
                json.dump({"_meta": {"type": kind, "config_version": 2}, **entries}, file)

    def environment(self):
        return {"PATH": os.environ["PATH"]}

    def command(self):
        return [os.path.join(self.java, "bin", "java"), *JAVA_OPTIONS, "-cp", self.classes,
                self.main, self.folder, str(self.port), *self.more]
