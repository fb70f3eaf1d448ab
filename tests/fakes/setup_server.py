# SPDX-License-Identifier: GPL-2.0-or-later
"""What `setup elasticsearch` meets: templates and lifecycle policies, as each kind of server keeps
and shows them."""
import json

import http_server

ABOUT = {
    "elasticsearch": {"version": {"number": "9.5.3"}},
    "elasticsearch-7": {"version": {"number": "7.17.29"}},
    "opensearch": {"version": {"number": "2.19.1", "distribution": "opensearch"}},
}
ILM, ISM = "/_ilm/policy/", "/_plugins/_ism/policies/"


class SetupServer(http_server.HttpServer):

    def __init__(self, kind, **options):
        self.kind = kind
        self.puts = []       # path and body of each, in their order
        self.kept = {}       # by path
        self.has_policies = True
        self.refusal = None  # status of each PUT
        super().__init__(**options)

    def answer(self, connection, request):
        with self.lock:
            body, status = self._answer(request)
        # Without blanks, as all of them send it.
        return connection.send(json.dumps(body, separators=(",", ":")).encode(), status)

    def _answer(self, request):
        path, _, query = request.path.partition("?")
        if path == "/":
            return ABOUT[self.kind], 200
        if self._is_unknown(path):
            return {"error": f"no handler found for uri [{path}]"}, 400
        if request.method == "GET":
            return self._show(path)
        self.puts.append((request.path, json.loads(request.body)))
        if self.refusal:
            return {"error": {"type": "for_the_test"}, "status": self.refusal}, self.refusal
        if path.startswith(ISM):
            return self._put_versioned(path, query, json.loads(request.body))
        self.kept[path] = json.loads(request.body)
        return {"acknowledged": True}, 200

    def _is_unknown(self, path):
        other = ILM if self.kind == "opensearch" else ISM
        return path.startswith(other) or (not self.has_policies and path.startswith((ILM, ISM)))

    def _show(self, path):
        name = path.rpartition("/")[2]
        if path not in self.kept:
            return {"error": {"type": "resource_not_found_exception"}, "status": 404}, 404
        body = self.kept[path]
        if path.startswith(ISM):
            number, policy = body
            return {"_id": name, "_version": number + 1, "_seq_no": number, "_primary_term": 1,
                    "policy": {"policy_id": name, **policy["policy"]}}, 200
        if path.startswith(ILM):
            return {name: {"version": 1, **body}}, 200
        kind = path.split("/")[1].removeprefix("_")
        return {f"{kind}s": [{"name": name, kind: body}]}, 200

    def _put_versioned(self, path, query, body):
        """It replaces a policy only for whoever knows which one."""
        if path not in self.kept:
            self.kept[path] = (0, body)
            return {"_id": path.rpartition("/")[2], "_seq_no": 0, "_primary_term": 1}, 201
        number = self.kept[path][0]
        if query != f"if_seq_no={number}&if_primary_term=1":
            return {"error": {"type": "version_conflict_engine_exception"}, "status": 409}, 409
        self.kept[path] = (number + 1, body)
        return {"_id": path.rpartition("/")[2], "_seq_no": number + 1, "_primary_term": 1}, 200
