# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong between natledger-ship and its server, each as a function that answers a bulk.

A fault is called with (server, connection, request) and gives whether the connection goes on, or
None where it lets the request be answered as if nothing were wrong.
"""
import json
import time

import elasticsearch

HTML = b"<html><body>an error of the proxy</body></html>"


def status(number, body=None, **options):
    def answer(_, connection, __):
        said = body if body is not None else {
            "error": {"type": f"status_{number}", "reason": "for the test"}, "status": number}
        return connection.send(said, number, **options)
    return answer


def error(number, kind, reason, **options):
    return status(number, {"error": {"type": kind, "reason": reason}, "status": number}, **options)


def items(refusal):
    """Every other record has this item, the others are taken."""
    def answer(server, connection, request):
        return connection.send(server.take(request, lambda i: refusal if i % 2 else None))
    return answer


def reset_unread(_, connection, __):
    return connection.reset()


def reset_behind(server, connection, request):
    """All of it is taken, and nobody says so."""
    server.take(request)
    return connection.reset()


def rolled_over_behind(server, connection, request):
    """The same, and the stream rolls over before the next attempt."""
    server.take(request)
    with server.lock:
        server.rollover()
    return connection.reset()


def failed_behind(server, connection, request):
    """All of it is taken, then no primary is left to say so, and the stream rolls over."""
    said = server.take(request)
    with server.lock:
        server.rollover()
    return connection.send({**said, "errors": True, "items": [
        elasticsearch.item_error(503, "unavailable_shards_exception") for _ in said["items"]]})


def cut(server, connection, request):
    said = json.dumps(server.take(request)).encode()
    connection.send(said[:len(said) // 2], length=len(said))
    return connection.reset()


def broken_json(server, connection, request):
    said = json.dumps(server.take(request)).encode()
    return connection.send(said[:-3] + b"   ")


def wrong_count(server, connection, request):
    said = server.take(request)
    return connection.send({**said, "items": said["items"][:-1]})


def dripping(server, connection, request):
    """A byte now and then, longer than anybody waits."""
    said = json.dumps(server.take(request)).encode()
    connection.send(b"", length=len(said))
    for place in range(100):
        connection.request.sendall(said[place:place + 1])
        time.sleep(0.1)
    return connection.reset()


def endless(_, connection, __):
    connection.request.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        connection.request.sendall(b"[" * (1 << 20))


def silent_on_gzip(_, connection, request):
    """A proxy that cannot unpack."""
    if not request.packed:
        return None
    connection.request.close()
    return False


def redirect(_, connection, __):
    return connection.send(b"", 302, headers=("Location: http://127.0.0.1:1/elsewhere",))


def unknown_parameter(_, connection, request):
    if "filter_path" not in request.path:
        return None
    return connection.send({"error": {"type": "illegal_argument_exception", "reason":
                                      "request [/_bulk] contains unrecognized parameter: "
                                      "[filter_path]"}, "status": 400}, 400)


def too_large(server, connection, request):
    """Of what is unpacked, as they all count."""
    return None if len(request.body) < 20_000 else connection.send(b"", 413)


def poisoned_request(server, connection, request):
    """One record spoils the whole request."""
    documents = map(json.loads, request.body.splitlines()[1::2])
    if all(one.get("event.sequence") != 77 for one in documents):
        return None
    return connection.send({"error": {"type": "illegal_argument_exception",
                                      "reason": "the record is poison"}, "status": 400}, 400)


def kept_in_failure_store(server, connection, request):
    return connection.send(server.take(request, lambda i: elasticsearch.item(
        201, failure_store="used") if i % 50 == 7 else None))


def failed_failure_store(server, connection, request):
    refusal = elasticsearch.item_error(400, "document_parsing_exception")
    refusal["create"]["failure_store"] = "failed"
    return connection.send(server.take(request, lambda i: refusal if i % 50 == 7 else None))


def foreign_document(server, connection, request):
    """Somebody else's documents have ids of ours."""
    lines = request.body.splitlines()
    with server.lock:
        for action, document in list(zip(lines[::2], lines[1::2]))[7::50]:
            name = json.loads(action)["create"]["_id"]
            server.indices[server.write_index].setdefault(name, {"somebody": "else"})
    return None


ITEM_ERRORS = {
    "item 429": (429, "es_rejected_execution_exception"),
    "item 503": (503, "unavailable_shards_exception"),
    "item 403 block": (403, "cluster_block_exception"),
    "item 403": (403, "security_exception"),
    "item 404": (404, "index_not_found_exception"),
    "item closed": (400, "index_closed_exception"),
}
item_faults = {name: items(elasticsearch.item_error(*error_of)) for name, error_of in
               ITEM_ERRORS.items()}

# Those that pass by themselves: what a random mix is made of.
PASSING = (reset_unread, reset_behind, rolled_over_behind, cut, broken_json, wrong_count,
           status(429), status(408), status(500), status(503), status(502, HTML, kind="text/html"),
           status(200, HTML, kind="text/html"), too_large, item_faults["item 429"],
           item_faults["item 503"], item_faults["item 403 block"])


def at_random(dice, share=0.4):
    """Of so many requests; an answer takes its time, and now and then the stream rolls over."""
    def fault(server, connection, request):
        with server.lock:
            chosen = dice.choice(PASSING) if dice.random() < share else None
            pause = dice.uniform(0, 0.04)
            if dice.random() < 0.002:
                server.rollover()
        time.sleep(pause)
        return chosen(server, connection, request) if chosen else None
    return fault
