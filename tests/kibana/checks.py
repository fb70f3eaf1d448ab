# SPDX-License-Identifier: GPL-2.0-or-later
"""What a file of saved objects must keep to, so that no front end shows an empty panel.

Most of these mistakes are imported without a word. What is said here was seen with Kibana 7.10.2
and 8.12.2 and with OpenSearch Dashboards 2.8.0.
"""
import fnmatch
import json

import kql

# The newest version of each type that all of these take; another, and the whole file is refused.
NEWEST = {"index-pattern": (7, 6, 0), "search": (7, 9, 3), "visualization": (7, 10, 0),
          "dashboard": (7, 9, 3)}
KEYS = {"type", "id", "attributes", "references", "migrationVersion"}
ATTRIBUTES = {
    "search": {"columns", "description", "hits", "kibanaSavedObjectMeta", "sort", "title",
               "version"},
    "visualization": {"description", "kibanaSavedObjectMeta", "savedSearchRefName", "title",
                      "uiStateJSON", "version", "visState"},
    "dashboard": {"description", "hits", "kibanaSavedObjectMeta", "optionsJSON", "panelsJSON",
                  "refreshInterval", "timeFrom", "timeRestore", "timeTo", "title", "version"},
    "index-pattern": {"title", "timeFieldName", "fields", "fieldFormatMap"},
}
JSON_TEXTS = ("visState", "uiStateJSON", "panelsJSON", "optionsJSON", "fields", "fieldFormatMap")
REF_NAMES = ("indexRefName", "panelRefName", "savedSearchRefName", "indexPatternRefName")
# Of each type of visualization: what its aggregations may be. One of another kind is not drawn.
SCHEMAS = {"table": {"metric", "bucket"}, "pie": {"metric", "segment"}, "markdown": set(),
           "histogram": {"metric", "segment", "group"}, "line": {"metric", "segment", "group"}}
METRICS = {"count", "sum", "max", "cardinality"}
BUCKETS = {"terms", "date_histogram", "range"}
KIBANA_TYPES = {"keyword": "string", "long": "number", "integer": "number", "short": "number",
                "date": "date", "ip": "ip", "boolean": "boolean"}
# What every index has: type, whether it can be searched.
OF_SERVER = {"_id": ("string", True), "_index": ("string", True), "_type": ("string", True),
             "_score": ("number", False), "_source": ("_source", False)}
# How the names of numbers end that are names, not amounts.
NAMES = (".port", ".sport", ".dport", ".id", ".key", "sequence")
DATA_STREAM = "logs-conntrack.nat-default"


def aliases(template):
    return {name: row["path"] for name, row in template.items() if row["type"] == "alias"}


def type_of(template, name):
    row = template[name]
    return template[row["path"]]["type"] if row["type"] == "alias" else row["type"]


def texts(value, path=""):
    """Every member that is JSON within a text, with what it holds."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in JSON_TEXTS or key.endswith("JSON"):
                yield f"{path}{key}", inner
            else:
                yield from texts(inner, f"{path}{key}.")


def opened(value):
    """The same with texts replaced by what they hold."""
    if isinstance(value, dict):
        return {key: opened(json.loads(inner) if isinstance(inner, str) and
                            (key in JSON_TEXTS or key.endswith("JSON")) else inner)
                for key, inner in value.items()}
    if isinstance(value, list):
        return [opened(inner) for inner in value]
    return value


def values_of(value, names):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in names:
                yield inner
            yield from values_of(inner, names)
    elif isinstance(value, list):
        for inner in value:
            yield from values_of(inner, names)


class Checker:
    """`template`: the properties of the index template, by name."""

    def __init__(self, template):
        self.template = template
        self.found = []

    def say(self, what):
        self.found.append(what)

    def file(self, name, content):
        """What is wrong; the objects too, if they can be looked at."""
        if not name.endswith(".ndjson"):
            self.say("its name does not end in .ndjson")
        if content.startswith(b"\xef\xbb\xbf"):
            self.say("it begins with a byte order mark")
            return self.found
        try:
            objects = [json.loads(line) for line in content.splitlines() if line.strip()]
        except ValueError as error:
            self.say(f"a line is no JSON object: {error}")
            return self.found
        if not objects:
            self.say("it holds no object")
        for one in objects:
            if not isinstance(one, dict) or not {"type", "id", "attributes"} <= set(one):
                self.say(f"an object lacks type, id or attributes: {str(one)[:60]}")
                return self.found
        self.objects(objects)
        return self.found

    def objects(self, objects):
        names = [(one["type"], one["id"]) for one in objects]
        for name in {name for name in names if names.count(name) > 1}:
            self.say(f"{name} is there twice")
        for one in objects:
            self.object(one, set(names))

    def object(self, one, names):
        kind, name = one["type"], one["id"]
        if kind not in NEWEST:
            return self.say(f"{name}: not every front end has objects of type {kind}")
        for key in set(one) - KEYS:
            self.say(f"{name}: {key} does not belong into a file for all")
        for each, version in one.get("migrationVersion", {}).items():
            if tuple(map(int, version.split("."))) > NEWEST.get(each, ()):
                self.say(f"{name}: migrationVersion {version} of {each} is too new")
        for key in set(one["attributes"]) - ATTRIBUTES[kind]:
            self.say(f"{name}: attribute {key} is not known everywhere")
        for path, text in texts(one["attributes"]):
            try:
                json.loads(text)
            except (TypeError, ValueError):
                return self.say(f"{name}: {path} is not JSON in a text")
        attributes = opened(one["attributes"])
        if not attributes.get("title"):
            self.say(f"{name}: no title")
        self.references(one, attributes, names)
        return {"index-pattern": self.pattern, "search": self.search,
                "visualization": self.visualization,
                "dashboard": self.dashboard}[kind](name, attributes)

    def references(self, one, attributes, names):
        references = one.get("references", [])
        named = {reference["name"] for reference in references}
        used = list(values_of(attributes, REF_NAMES))
        for name in used:
            if name not in named:
                self.say(f"{one['id']}: no reference is named {name}")
        for reference in references:
            if (reference["type"], reference["id"]) not in names:
                self.say(f"{one['id']}: refers to {reference['id']}, which is not there")
            if reference["name"] not in used:
                self.say(f"{one['id']}: nothing uses the reference {reference['name']}")

    def source(self, name, attributes, has_index=True):
        source = attributes.get("kibanaSavedObjectMeta", {}).get("searchSourceJSON")
        if not isinstance(source, dict):
            return self.say(f"{name}: no searchSourceJSON")
        if has_index and "indexRefName" not in source:
            self.say(f"{name}: no index pattern")
        if source.get("filter") != []:
            self.say(f"{name}: filters, whose fields nothing looks at")
        query = source.get("query", {})
        if query.get("language") != "kuery":
            self.say(f"{name}: its query is not of the language kuery")
        try:
            used = kql.fields(kql.parse(query.get("query", "")))
        except kql.KqlError as error:
            return self.say(f"{name}: query {error}")
        return self.fields(name, used, "its query")

    def fields(self, name, used, where):
        for field in sorted(used):
            if field not in self.template:
                self.say(f"{name}: {where} names {field}, which the template has not")

    def pattern(self, name, attributes):
        if not fnmatch.fnmatchcase(DATA_STREAM, attributes.get("title", "")):
            self.say(f"{name}: it is not of {DATA_STREAM}")
        if attributes.get("timeFieldName") != "@timestamp":
            self.say(f"{name}: its time field is not @timestamp")
        self.field_list(name, attributes.get("fields"))
        formats = attributes.get("fieldFormatMap", {})
        self.fields(name, formats, "fieldFormatMap")
        for field in self.template:
            number = KIBANA_TYPES[type_of(self.template, field)] == "number"
            plain = {"id": "number", "params": {"pattern": "0"}}
            if field.endswith(NAMES) and number and formats.get(field) != plain:
                self.say(f"{name}: {field} would be shown with separators of thousands")

    def field_list(self, name, entries):
        if not entries:
            return self.say(f"{name}: no list of fields")
        listed = {entry["name"]: entry for entry in entries}
        if len(listed) != len(entries):
            self.say(f"{name}: the list of fields has one twice")
        for field in sorted((set(self.template) | set(OF_SERVER)) ^ set(listed)):
            self.say(f"{name}: {field} is {'too much in' if field in listed else 'missing from'} "
                     "the list of fields")
        for field, entry in listed.items():
            wanted = self.entry_of(field)
            if wanted and {key: entry.get(key) for key in wanted} != wanted:
                self.say(f"{name}: the list of fields is wrong about {field}")
        return None

    def entry_of(self, field):
        """As a front end that looks for the fields itself has it."""
        if field in self.template:
            server_type = type_of(self.template, field)
            return {"type": KIBANA_TYPES[server_type], "esTypes": [server_type], "scripted": False,
                    "searchable": True, "aggregatable": True, "readFromDocValues": True}
        kind, searchable = OF_SERVER.get(field, (None, None))
        return kind and {"type": kind, "scripted": False, "searchable": searchable,
                         "aggregatable": searchable, "readFromDocValues": False}

    def search(self, name, attributes):
        self.source(name, attributes)
        columns = attributes.get("columns", [])
        if not columns:
            self.say(f"{name}: no columns")
        self.fields(name, columns, "columns")
        for column in columns:
            # Read from a record's text, which has no aliases.
            if column in aliases(self.template):
                self.say(f"{name}: the column {column} is an alias, and would be empty")
        sort = attributes.get("sort")
        if not (isinstance(sort, list) and sort and all(isinstance(each, list) for each in sort)):
            return self.say(f"{name}: sort is not a list of pairs")
        return self.fields(name, [each[0] for each in sort], "sort")

    def visualization(self, name, attributes):
        state = attributes.get("visState", {})
        kind = state.get("type")
        if kind not in SCHEMAS:
            self.say(f"{name}: visualization type {kind} is not one that all have")
        self.source(name, attributes, has_index=kind != "markdown")
        self.fields(name, values_of(state, ("field", "timefield", "fieldName")), "visState")
        aggs = state.get("aggs", [])
        if kind != "markdown" and not aggs:
            self.say(f"{name}: no aggregations")
        ids = [agg.get("id") for agg in aggs]
        if len(set(ids)) != len(ids):
            self.say(f"{name}: two aggregations have one id")
        for agg in aggs:
            if agg.get("schema") not in SCHEMAS.get(kind, ()) or not agg.get("enabled"):
                self.say(f"{name}: the aggregation {agg.get('id')} is not shown by a {kind}")
        metrics = {agg["id"] for agg in aggs if agg.get("schema") == "metric"}
        for agg in aggs:
            self.aggregation(name, agg, metrics)
        for data in values_of(state.get("params", {}), ("data",)):
            if data.get("id") not in metrics:
                self.say(f"{name}: a series is of the metric {data.get('id')}, which is none")
        axes = {axis.get("id") for axis in state.get("params", {}).get("valueAxes", [])}
        for axis in values_of(state.get("params", {}), ("valueAxis",)):
            if axis not in axes:
                self.say(f"{name}: a series is on the axis {axis}, which is none")

    def aggregation(self, name, agg, metrics):
        is_metric = agg.get("schema") == "metric"
        if agg.get("type") not in (METRICS if is_metric else BUCKETS):
            self.say(f"{name}: an aggregation of type {agg.get('type')}")
        if agg.get("type") != "count" and not agg.get("params", {}).get("field"):
            self.say(f"{name}: the aggregation {agg.get('id')} has no field")
        order = agg.get("params", {}).get("orderBy")
        if agg.get("type") == "terms" and order != "_key" and order not in metrics:
            self.say(f"{name}: it is ordered by {order}, which is no metric")

    def dashboard(self, name, attributes):
        self.source(name, attributes, has_index=False)
        panels = attributes.get("panelsJSON", [])
        if not panels:
            self.say(f"{name}: no panels")
        numbers = [panel.get("panelIndex") for panel in panels]
        if len(set(numbers)) != len(numbers):
            self.say(f"{name}: two panels have one panelIndex")
        taken = set()
        for panel in panels:
            if "panelRefName" not in panel:
                self.say(f"{name}: a panel refers to nothing")
            grid = panel.get("gridData", {})
            cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"])
                     for y in range(grid["y"], grid["y"] + grid["h"])}
            if (taken & cells or grid["x"] + grid["w"] > 48
                    or grid.get("i") != panel.get("panelIndex")):
                self.say(f"{name}: panel {panel.get('panelIndex')} is not in its place")
            taken |= cells


def complaints(name, content, template):
    return Checker(template).file(name, content)
