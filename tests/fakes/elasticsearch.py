# SPDX-License-Identifier: GPL-2.0-or-later
"""As Elasticsearch answers where natledger-ship asks, and as it, or what stands before it, does
when something is wrong: see faults.py."""
import collections
import json

import http_server

STREAM = "logs-conntrack.nat-default"


def item(status, index=STREAM, **more):
    return {"create": {"_index": index, "status": status, **more}}


def item_error(status, kind, reason="whatever"):
    return item(status, error={"type": kind, "reason": reason})


class Elasticsearch(http_server.HttpServer):
    """Documents by id, in the backing indices of one data stream, or behind an alias."""

    def __init__(self, **options):
        self.indices = {}
        self.poison = set()   # event.sequence of records that no index takes
        self.fault = None     # answers instead, or says by None that nothing is wrong
        self.bulks = 0
        self.is_alias = False
        self.rollover()
        super().__init__(**options)

    def rollover(self):
        self.indices[f".ds-{STREAM}-2026.11.27-{len(self.indices) + 1:06d}"] = {}

    @property
    def write_index(self):
        return list(self.indices)[-1]

    def sequences(self):
        """How often there is each, in all backing indices."""
        with self.lock:
            return collections.Counter(
                document["event.sequence"] for index in self.indices.values()
                for document in index.values() if "event.sequence" in document)

    def answer(self, connection, request):
        is_bulk = request.path.split("?")[0].endswith(f"/{STREAM}/_bulk")
        if is_bulk:
            self.bulks += 1
        if self.fault and (is_bulk or getattr(self.fault, "of_all", False)):
            answered = self.fault(self, connection, request)
            if answered is not None:
                return answered
        if is_bulk:
            return connection.send(self.take(request))
        with self.lock:
            return connection.send(*self._ask(request))

    def take(self, request, refuse=lambda position: None):
        """The answer to a bulk whose documents are kept, but for those that `refuse` has an item
        for."""
        lines = request.body.splitlines()
        items = []
        with self.lock:
            for position, (action, document) in enumerate(zip(lines[::2], lines[1::2])):
                items.append(refuse(position) or self._create(json.loads(action)["create"]["_id"],
                                                              json.loads(document)))
        failed = any("error" in one["create"] for one in items)
        return {"errors": failed, "took": 1, "items": items}

    def _create(self, name, document):
        if document.get("event.sequence") in self.poison:
            return item_error(400, "document_parsing_exception", "failed to parse")
        index = self.write_index
        if name in self.indices[index]:
            return item(409, index, error={"type": "version_conflict_engine_exception",
                                           "reason": f"[{name}]: version conflict"})
        self.indices[index][name] = document
        return item(201, index)

    def _ask(self, request):
        """Body and status of what is not a bulk of records."""
        path = request.path.split("?")[0]
        if path == f"/_resolve/index/{STREAM}":
            kind, key = (("aliases", "indices") if self.is_alias else
                         ("data_streams", "backing_indices"))
            return {"indices": [], "aliases": [], "data_streams": [],
                    kind: [{"name": STREAM, key: list(self.indices)}]}, 200
        if path == "/_mget":
            return {"docs": [self._look_up(one) for one in json.loads(request.body)["docs"]]}, 200
        if path == "/_bulk":
            deletes = [json.loads(line)["delete"] for line in request.body.splitlines()]
            return {"errors": False, "items": [
                {"delete": {"status": 200 if self._delete(one) else 404}} for one in deletes]}, 200
        if path.endswith("/_refresh"):
            return {}, 200
        if path.endswith("/_count"):
            ledger = json.loads(request.body)["query"]["prefix"]["event.id"]
            return {"_shards": {"failed": 0}, "count": sum(
                name.startswith(ledger) for index in path.split("/")[1].split(",")
                for name in self.indices[index])}, 200
        if path.endswith("/_search"):
            return self._count(path.split("/")[1].split(","), json.loads(request.body)), 200
        return {"error": "no handler found", "status": 404}, 404

    def _count(self, indices, search):
        """How many documents there are of each number, as `audit` asks."""
        parts = search["query"]["bool"]["filter"]
        low, high = (part["range"]["event.sequence"] for part in parts if "range" in part)
        ledger = next(part["prefix"]["event.id"] for part in parts if "prefix" in part)
        found = collections.Counter(
            document["event.sequence"] for index in indices
            for document in self.indices[index].values()
            if document.get("event.id", "").startswith(ledger)
            and low["gte"] <= document["event.sequence"] < high["lt"])
        return {"_shards": {"failed": 0}, "aggregations": {"numbers": {"buckets": [
            {"key": {"number": number}, "doc_count": count} for number, count in found.items()]}}}

    def _look_up(self, wanted):
        index, name = wanted["_index"], wanted["_id"]
        found = self.indices.get(index, {}).get(name)
        said = {"_index": index, "_id": name, "found": found is not None}
        if found is not None and wanted.get("_source", True):
            said["_source"] = found
        return said

    def _delete(self, one):
        return self.indices[one["_index"]].pop(one["_id"], None) is not None
