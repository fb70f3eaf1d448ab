# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of the Kibana query language that our objects and links use: read, and turned into the
query that Kibana sends for it."""
import re

TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(<=|>=|<|>|:|\(|\))|((?:[^\s"(){}:<>\\]|\\.)+))')
RANGES = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
WORDS = ("and", "or", "not")


class KqlError(ValueError):
    pass


def tokens(text):
    at, found = 0, []
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise KqlError(f"{text!r}: not understood from {text[at:at + 20]!r} on")
        found.append(match.group().strip())
        at = match.end()
    return found


class Parser:
    """`tree` is None (an empty query), or ("and" | "or", [trees]), ("not", tree),
    ("is", field, value, quoted) or ("range", field, operator, value)."""

    def __init__(self, text):
        self._text = text
        self._left = tokens(text)
        self.tree = self._any_of(self._condition) if self._left else None
        if self._left:
            self._fail()

    def _fail(self):
        raise KqlError(f"{self._text!r}: {' '.join(self._left) or 'its end'} is not expected")

    def _next_is(self, word):
        return bool(self._left) and self._left[0].lower() == word

    def _take(self, word=None):
        if not self._left or (word and not self._next_is(word)):
            self._fail()
        return self._left.pop(0)

    def _joined(self, word, part):
        parts = [part()]
        while self._next_is(word):
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else (word, parts)

    def _any_of(self, leaf):
        return self._joined("or", lambda: self._joined("and", lambda: self._not(leaf)))

    def _not(self, leaf):
        if self._next_is("not"):
            self._take()
            return ("not", self._not(leaf))
        if self._next_is("("):
            self._take()
            inner = self._any_of(leaf)
            self._take(")")
            return inner
        return leaf()

    def _value(self):
        token = self._take()
        if token in RANGES or token in "():" or token.lower() in WORDS:
            self._left.insert(0, token)
            self._fail()
        if token.startswith('"'):
            return re.sub(r"\\(.)", r"\1", token[1:-1]), True
        if "*" in token and token != "*":
            raise KqlError(f"{self._text!r}: {token} would be another kind of query")
        return re.sub(r"\\(.)", r"\1", token), False

    def _condition(self):
        field = self._value()[0]
        operator = self._take()
        if operator in RANGES:
            return ("range", field, operator, self._value()[0])
        if operator != ":":
            self._left.insert(0, operator)
            self._fail()
        return self._not_word(field)

    def _not_word(self, field):
        def leaf():
            return ("is", field, *self._value())
        if not self._next_is("("):
            return leaf()
        self._take()
        inner = self._any_of(leaf)
        self._take(")")
        return inner


def parse(text):
    return Parser(text).tree


def fields(tree):
    if tree is None:
        return set()
    if tree[0] in ("and", "or"):
        return set().union(*(fields(part) for part in tree[1]))
    return fields(tree[1]) if tree[0] == "not" else {tree[1]}


def _should(*queries):
    return {"bool": {"should": list(queries), "minimum_should_match": 1}}


def to_query(tree, types):
    """`types`: of each field, as an index pattern has them."""
    if tree is None:
        return {"match_all": {}}
    if tree[0] == "and":
        return {"bool": {"filter": [to_query(part, types) for part in tree[1]]}}
    if tree[0] == "or":
        return _should(*(to_query(part, types) for part in tree[1]))
    if tree[0] == "not":
        return {"bool": {"must_not": to_query(tree[1], types)}}
    if tree[0] == "range":
        _, field, operator, value = tree
        zone = {"time_zone": "UTC"} if types[field] == "date" else {}
        return _should({"range": {field: {RANGES[operator]: value, **zone}}})
    _, field, value, quoted = tree
    if value == "*" and not quoted:
        return _should({"exists": {"field": field}})
    return _should({"match_phrase" if quoted else "match": {field: value}})
