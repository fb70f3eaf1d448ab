# SPDX-License-Identifier: GPL-2.0-or-later
"""As Kibana's import of saved objects answers, as far as natledger-ship asks: what it refuses, and
that it refuses single objects with the status 200. Written after what real ones were seen to do."""
import base64
import json
import re

import http_server

PATH = "/api/saved_objects/_import?overwrite=true"


class Kibana(http_server.HttpServer):
    """`header`: kbn-xsrf or osd-xsrf. `base`: the path that it is served at. `user`:
    "name:password" that it wants."""

    def __init__(self, header="kbn-xsrf", base="", user=None, **options):
        self.header, self.base, self.user = header, base, user
        self.objects = {}    # by type and id
        self.refused = set()  # ids that it does not take
        self.renamed = set()  # ids that another space has
        self.instead = None   # an answer to everything
        super().__init__(**options)

    def answer(self, connection, request):
        status, body = self.instead or self._import(request)
        return connection.send(body, status=status)

    def _import(self, request):
        wanted = self.user and "Basic " + base64.b64encode(self.user.encode()).decode()
        if request.headers.get("authorization") != wanted:
            return 401, {"statusCode": 401, "error": "Unauthorized"}
        if (request.method, request.path) != ("POST", self.base + PATH):
            return 404, {"statusCode": 404, "error": "Not Found"}
        if self.header not in request.headers:
            return 400, {"message": f"Request must contain a {self.header} header."}
        file = self._file(request)
        if file is None:
            return 400, {"message": "Invalid file extension"}
        return self._take([json.loads(line) for line in file.splitlines() if line.strip()])

    @staticmethod
    def _file(request):
        """What the form has as its file, if its name is right."""
        kind, _, boundary = request.headers["content-type"].partition("; boundary=")
        if kind != "multipart/form-data" or not boundary:
            return None
        _, part, end = request.body.split(b"--" + boundary.encode())
        head, _, file = part.partition(b"\r\n\r\n")
        if end != b"--\r\n" or not file.endswith(b"\r\n") or not re.search(
                rb'form-data; name="file"; filename="[^"]+\.ndjson"', head):
            return None
        return file[:-2]

    def _take(self, objects):
        good = [one for one in objects if one["id"] not in self.refused]
        with self.lock:
            self.objects.update({(one["type"], one["id"]): one for one in good})
        errors = [{"id": one["id"], "type": one["type"], "error": {"type": "unsupported_type"}}
                  for one in objects if one not in good]
        results = [{"type": one["type"], "id": one["id"], "overwrite": True,
                    **({"destinationId": "made-up"} if one["id"] in self.renamed else {})}
                   for one in good]
        return 200, {"success": not errors, "successCount": len(good),
                     "successResults": results, **({"errors": errors} if errors else {})}
