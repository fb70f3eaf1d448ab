# SPDX-License-Identifier: GPL-2.0-or-later
"""The saved objects without a server: the file is what the program prints, it is in order, and each
mistake that a front end would pass over is found when it is made on purpose."""
import json
import os
import subprocess
import unittest

import checks

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "..", "..", "kibana")
FILE = os.path.join(FOLDER, "natledger.ndjson")
NATLEDGER = os.environ.get("NATLEDGER", "")


def run(*argv):
    return subprocess.run([NATLEDGER, *argv], capture_output=True, text=True, check=True).stdout


def in_text(*path):
    """Of a change to what an object has as JSON in a text: `path` leads there."""
    def wrap(change):
        def changed(one):
            holder = one["attributes"]
            for key in path[:-1]:
                holder = holder[key]
            inner = json.loads(holder[path[-1]])
            change(inner)
            holder[path[-1]] = json.dumps(inner)
        return changed
    return wrap


STATE, PANELS, LIST, FORMATS = (in_text(key) for key in ("visState", "panelsJSON", "fields",
                                                         "fieldFormatMap"))
SOURCE = in_text("kibanaSavedObjectMeta", "searchSourceJSON")
PATTERN, ROWS, TABLE = "natledger", "natledger-ended-flows", "natledger-top-ports"
INDEX = "kibanaSavedObjectMeta.searchSourceJSON.index"
LINES, TEXT, BOARD = "natledger-bytes", "natledger-how-to-ask", "natledger-attribution"


def put(key, value):
    return lambda holder: holder.__setitem__(key, value)


def attribute(key, value):
    return lambda one: one["attributes"].__setitem__(key, value)


def entry(name, **changes):
    """Of the entry of a field in the list of fields; without changes it goes."""
    def change(entries):
        for one in [one for one in entries if one["name"] == name]:
            one.update(changes)
            if not changes:
                entries.remove(one)
    return LIST(change)


# Of objects: which one, what is done to it, and what is to be said of it.
MISTAKES = [
    *((name, put("migrationVersion", {kind: version}), f"{version} of {kind} is too new")
      for name, kind, version in ((PATTERN, "index-pattern", "7.11.0"), (ROWS, "search", "7.10.0"),
                                  (TABLE, "visualization", "7.11.0"),
                                  (BOARD, "dashboard", "8.0.0"))),
    *((TABLE, put(key, value), f"{key} does not belong") for key, value in (
        ("coreMigrationVersion", "8.8.0"), ("typeMigrationVersion", "8.5.0"), ("managed", False),
        ("version", "WzEsMV0="), ("updated_at", "2026-11-27T00:00:00Z"), ("namespaces", ["a"]))),
    *((name, attribute("colour", "red"), "attribute colour is not known")
      for name in (PATTERN, ROWS, TABLE, BOARD)),
    *((TABLE, put("type", kind), f"objects of type {kind}")
      for kind in ("lens", "map", "config", "links", "canvas-workpad", "tag")),
    (TABLE, put("references", []), "no reference is named kibanaSavedObjectMeta"),
    (TABLE, lambda one: one.pop("references"), "no reference is named kibanaSavedObjectMeta"),
    (TABLE, lambda one: one["references"][0].__setitem__("id", "other"), "refers to other"),
    (ROWS, lambda one: one["references"][0].__setitem__("name", "index"), "no reference is named"),
    (BOARD, lambda one: one["references"][1].__setitem__("id", "gone"), "refers to gone"),
    (BOARD, lambda one: one["references"][1].__setitem__("type", "visualization"), "refers to"),
    (BOARD, PANELS(lambda panels: panels[1].update(panelRefName="panel_77")), "named panel_77"),
    (BOARD, PANELS(lambda panels: panels[1].pop("panelRefName")), "a panel refers to nothing"),
    (BOARD, PANELS(lambda panels: panels.clear()), "no panels"),
    (BOARD, PANELS(lambda panels: panels[0]["gridData"].update(w=49)), "not in its place"),
    (BOARD, PANELS(lambda panels: panels[1]["gridData"].update(y=0)), "not in its place"),
    (BOARD, PANELS(lambda panels: panels[1]["gridData"].update(i="7")), "not in its place"),
    (BOARD, PANELS(lambda panels: panels[1].update(panelIndex="1")), "have one panelIndex"),
    (TABLE, attribute("savedSearchRefName", "search_0"), "no reference is named search_0"),
    (TABLE, STATE(lambda state: state["params"].update(indexPatternRefName="control_0")),
     "no reference is named control_0"),
    (TABLE, SOURCE(lambda source: source["filter"].append(
        {"meta": {"indexRefName": INDEX}, "query": {"match": {"nat.port": 1}}})), "filters, whose"),
    (TABLE, SOURCE(lambda source: source.pop("indexRefName")), "no index pattern"),
    (TABLE, attribute("visState", "{not JSON"), "visState is not JSON"),
    (TABLE, attribute("visState", {"type": "table", "aggs": []}), "visState is not JSON in a text"),
    (BOARD, attribute("panelsJSON", []), "panelsJSON is not JSON in a text"),
    (TABLE, attribute("kibanaSavedObjectMeta", {"searchSourceJSON": {}}), "not JSON in a text"),
    (ROWS, attribute("kibanaSavedObjectMeta", {}), "no searchSourceJSON"),
    (ROWS, attribute("sort", ["@timestamp", "desc"]), "sort is not a list of pairs"),
    (ROWS, attribute("sort", [["@time", "desc"]]), "sort names @time"),
    (PATTERN, lambda one: one["attributes"].pop("title"), "no title"),
    (PATTERN, attribute("title", "logs-conntrack-*"), "not of logs-conntrack.nat-default"),
    (PATTERN, lambda one: one["attributes"].pop("timeFieldName"), "time field is not @timestamp"),
    *((ROWS, attribute("columns", [alias]), f"the column {alias} is an alias")
      for alias in ("source.ip", "source.port", "destination.ip", "destination.port")),
    (ROWS, attribute("columns", ["src_ipp"]), "columns names src_ipp"),
    (ROWS, attribute("columns", []), "no columns"),
    (PATTERN, lambda one: one["attributes"].pop("fields"), "no list of fields"),
    *((PATTERN, entry(name), f"{name} is missing from the list") for name in (
        "src_ip", "source.port", "coverage.clock.error_ns", "_id", "_source")),
    (PATTERN, LIST(lambda entries: entries.append({"name": "made.up"})), "made.up is too much"),
    (PATTERN, entry("src_ip", type="string"), "is wrong about src_ip"),
    (PATTERN, entry("src_ip", esTypes=["keyword"]), "is wrong about src_ip"),
    (PATTERN, entry("src_ip", aggregatable=False), "is wrong about src_ip"),
    (PATTERN, entry("conntrack.public", searchable=False), "is wrong about conntrack.public"),
    (PATTERN, entry("event.start", scripted=True), "is wrong about event.start"),
    (PATTERN, entry("source.port", readFromDocValues=False), "is wrong about source.port"),
    (PATTERN, entry("_source", type="string"), "is wrong about _source"),
    (PATTERN, LIST(lambda entries: entries.append(entries[-1])), "has one twice"),
    *((PATTERN, FORMATS(lambda formats, name=name: formats.pop(name)), f"{name} would be shown")
      for name in ("conntrack.nat.port", "orig.l4.sport", "source.port", "ct.id",
                   "conntrack.gre.key", "event.sequence", "coverage.to_sequence")),
    (PATTERN, FORMATS(put("conntrack.nat.prt", {})), "fieldFormatMap names conntrack.nat.prt"),
    (TABLE, STATE(lambda state: state["aggs"][1]["params"].update(field="nat.port")),
     "visState names nat.port"),
    (LINES, STATE(lambda state: state["aggs"][0]["params"].pop("field")), "1 has no field"),
    (TABLE, STATE(lambda state: state["aggs"][1]["params"].update(orderBy="7")), "ordered by 7"),
    (TABLE, STATE(lambda state: state["aggs"][1].update(type="significant_terms")),
     "an aggregation of type significant_terms"),
    (TABLE, STATE(lambda state: state["aggs"][1].update(id="1")), "two aggregations have one id"),
    (TABLE, STATE(lambda state: state["aggs"].clear()), "no aggregations"),
    (LINES, STATE(lambda state: state["params"]["seriesParams"][1]["data"].update(id="9")),
     "a series is of the metric 9"),
    (LINES, STATE(lambda state: state["params"]["seriesParams"][1].update(valueAxis="other")),
     "on the axis other"),
    (TABLE, STATE(lambda state: state["aggs"][1].update(schema="segment")), "not shown by a table"),
    (TABLE, STATE(lambda state: state["aggs"][1].update(enabled=False)), "not shown by a table"),
    (LINES, STATE(lambda state: state["aggs"][2].update(schema="bucket")), "not shown by a line"),
    (TABLE, STATE(put("type", "tabel")), "visualization type tabel"),
    *((name, SOURCE(lambda source: source["query"].update(query="conntrack.nat_port:8443")),
       "its query names conntrack.nat_port") for name in (ROWS, TABLE, BOARD, TEXT)),
    *((ROWS, SOURCE(lambda source, query=query: source["query"].update(query=query)), "query '")
      for query in ("src_ip:", "a:b and", "(src_ip:*", "src_ip:* )", "event.start <= ", "and",
                    'event.kind:"event', "src_ip", "event.kind:(a or)", "a:b c:d",
                    "event.kind:{a:b}", "conntrack.public:1.2.3.*")),
    (ROWS, SOURCE(lambda source: source["query"].update(language="lucene")), "language kuery"),
]


class Objects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.template = json.loads(run("fields", "--format", "template"))["properties"]
        with open(FILE, "rb") as file:
            cls.content = file.read()

    def check(self, content, name="natledger.ndjson"):
        return checks.complaints(name, content, self.template)

    def objects(self):
        return [json.loads(line) for line in self.content.splitlines()]

    def test_the_file_is_what_the_program_prints(self):
        self.assertEqual(self.content.decode(), run("setup", "kibana", "--print"),
                         "make it anew: natledger setup kibana --print > kibana/natledger.ndjson")

    def test_the_file_is_in_order(self):
        self.assertEqual(self.check(self.content), [])
        self.assertEqual([one["id"] for one in self.objects() if one["type"] == "dashboard"],
                         ["natledger-attribution", "natledger-coverage", "natledger-traffic"])

    def test_every_panel_is_on_a_dashboard_or_to_be_searched_with(self):
        objects = self.objects()
        shown = {reference["id"] for one in objects if one["type"] == "dashboard"
                 for reference in one["references"]}
        others = {one["id"] for one in objects if one["type"] in ("search", "visualization")}
        self.assertEqual(others - shown, {"natledger-translated-ports"})

    def test_the_readme_has_each_panel_with_its_query(self):
        with open(os.path.join(FOLDER, "README.md"), encoding="utf-8") as file:
            rows = [line for line in file if line.startswith("| ")]
        for one in self.objects():
            if one["type"] not in ("search", "visualization"):
                continue
            source = json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
            row = [line for line in rows if line.startswith(f"| {one['attributes']['title']} ")]
            self.assertTrue(any(source["query"]["query"] in line for line in row), one["id"])

    def test_each_mistake_in_an_object_is_found(self):
        for number, (name, change, complaint) in enumerate(MISTAKES):
            with self.subTest(number=number, name=name, complaint=complaint):
                objects = self.objects()
                change(next(one for one in objects if one["id"] == name))
                found = self.check("".join(json.dumps(one) + "\n" for one in objects).encode())
                self.assertTrue(any(name in text and complaint in text for text in found), found)

    def test_each_mistake_in_the_file_is_found(self):
        lines = self.content.splitlines(keepends=True)
        pretty = json.dumps(json.loads(lines[1]), indent=1).encode()
        for content, complaint in (
                (b"\xef\xbb\xbf" + self.content, "byte order mark"), (b"", "holds no object"),
                (b"\n\n", "holds no object"), (self.content + lines[3], "is there twice"),
                (self.content + pretty, "a line is no JSON object"),
                (self.content + b'{"type":"search","attributes":{}}\n', "an object lacks"),
                (self.content + b'{"type":"search","id":"a"}\n', "an object lacks"),
                (b"".join(lines[1:]), "refers to natledger, which is not there")):
            with self.subTest(complaint=complaint):
                found = self.check(content)
                self.assertTrue(any(complaint in text for text in found), found)
        self.assertEqual(self.check(self.content, "natledger.json"),
                         ["its name does not end in .ndjson"])

    def test_what_every_server_takes_is_not_complained_of(self):
        lines = self.content.splitlines()
        for content in (b"\r\n".join(lines), b"\n\n".join(lines) + b"\n"):
            self.assertEqual(self.check(content), [])
        objects = self.objects()
        for one in objects:
            del one["migrationVersion"]
        self.assertEqual(self.check("\n".join(map(json.dumps, objects)).encode()), [])


if __name__ == "__main__":
    unittest.main()
