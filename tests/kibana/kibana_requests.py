# SPDX-License-Identifier: GPL-2.0-or-later
"""The requests that Kibana sends for our saved objects, and how it reads what comes back."""
import json

import checks
import kql

MOST_BUCKETS = 100  # of a chart over time


class Objects:
    """Of a file of saved objects."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            objects = [json.loads(line) for line in file]
        self.by_id = {one["id"]: dict(one, attributes=checks.opened(one["attributes"]))
                      for one in objects}
        pattern = next(one for one in self.by_id.values() if one["type"] == "index-pattern")
        self.title = pattern["attributes"]["title"]
        self.types = {field["name"]: field["type"] for field in pattern["attributes"]["fields"]}

    def of_type(self, kind):
        return {name: one["attributes"] for name, one in self.by_id.items() if one["type"] == kind}

    def aggs(self, name):
        return self.by_id[name]["attributes"]["visState"]["aggs"]

    def query(self, name, time_range, more=""):
        """`more`: what stands in the query bar of the dashboard."""
        source = self.by_id[name]["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"]
        return self.filtered(time_range, source["query"]["query"], more)

    def filtered(self, time_range, *queries):
        first, last = time_range
        within = {"gte": first, "lte": last, "format": "strict_date_optional_time"}
        trees = [kql.to_query(kql.parse(query), self.types) for query in queries]
        return {"bool": {"must": [], "filter": [*trees, {"range": {"@timestamp": within}}],
                         "should": [], "must_not": []}}

    def dates(self):
        return [{"field": name, "format": "date_time"} for name, kind in self.types.items()
                if kind == "date"]

    def rows_request(self, name, time_range, more="", size=500):
        """Of a saved search, in a board or alone."""
        sort = self.by_id[name]["attributes"]["sort"]
        return {"size": size, "version": True, "track_total_hits": True,
                "sort": [{field: {"order": order, "unmapped_type": "boolean"}}
                         for field, order in sort],
                "stored_fields": ["*"], "_source": {"excludes": []},
                "docvalue_fields": self.dates(), "query": self.query(name, time_range, more)}

    def chart_request(self, name, time_range, interval_s, more=""):
        """Of a visualization. `interval_s`: what Kibana makes of "auto" for that range."""
        metrics = [agg for agg in self.aggs(name) if agg["schema"] == "metric"]
        buckets = [agg for agg in self.aggs(name) if agg["schema"] != "metric"]
        inner = {agg["id"]: metric for agg in metrics if (metric := self._metric(agg))}
        for agg in reversed(buckets):
            inner = {agg["id"]: self._bucket(agg, metrics, inner, interval_s)}
        return {"size": 0, "track_total_hits": True, "aggs": inner, "stored_fields": ["*"],
                "script_fields": {}, "docvalue_fields": self.dates(), "_source": {"excludes": []},
                "query": self.query(name, time_range, more)}

    @staticmethod
    def _metric(agg):
        # A count is that of each bucket.
        return agg["type"] != "count" and {agg["type"]: {"field": agg["params"]["field"]}}

    def _bucket(self, agg, metrics, inner, interval_s):
        params, aggs = agg["params"], dict(inner)
        if agg["type"] == "date_histogram":
            body = {"field": params["field"], "fixed_interval": f"{interval_s}s",
                    "time_zone": "UTC", "min_doc_count": params["min_doc_count"]}
        elif agg["type"] == "range":
            body = {"field": params["field"], "ranges": params["ranges"], "keyed": True}
        else:
            by = next(metric for metric in metrics if metric["id"] == params["orderBy"])
            counts = by["type"] == "count"
            if not counts:
                aggs[by["id"]] = self._metric(by)
            body = {"field": params["field"], "size": params["size"],
                    "order": {"_count" if counts else by["id"]: params["order"]}}
        return {agg["type"]: body, **({"aggs": aggs} if aggs else {})}


def buckets_of(answer):
    """(key, bucket) of each."""
    buckets = answer["buckets"]
    if isinstance(buckets, dict):
        return [((bucket.get("from"), bucket.get("to")), bucket) for bucket in buckets.values()]
    return [(bucket["key_as_string"] if bucket.get("key_as_string") in ("true", "false")
             else bucket["key"], bucket) for bucket in buckets]
