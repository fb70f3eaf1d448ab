# SPDX-License-Identifier: GPL-2.0-or-later
"""Each option that the files of logstash/ use is one that the plugin has.

Logstash refuses a pipeline for one unknown word. The lists are of these plugins, as Logstash 9.3
bundles them; where an option came later than 7.17 the version is beside it.
"""
import os
import re
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FILES = ("logstash.conf", "logstash-ulogd.conf")

# Of every input, filter and output.
COMMON = {"input": "add_field codec enable_metric id tags type",
          "filter": "add_field add_tag enable_metric id periodic_flush remove_field remove_tag",
          "codec": "enable_metric id",
          "output": "codec enable_metric id workers"}
PLUGINS = {
    # logstash-input-file 4.4.7
    ("input", "file"): """
        check_archive_validity close_older delimiter discover_interval ecs_compatibility exclude
        exit_after_read file_chunk_count file_chunk_size file_completed_action
        file_completed_log_path file_sort_by file_sort_direction ignore_older max_open_files mode
        path sincedb_clean_after sincedb_path sincedb_write_interval start_position
        stat_interval""",
    # logstash-codec-json 3.1.1
    ("codec", "json"): "charset ecs_compatibility target",
    # logstash-codec-json_lines 3.2.2
    ("codec", "json_lines"): "charset decode_size_limit_bytes delimiter ecs_compatibility target",
    # logstash-filter-ruby 3.1.8
    ("filter", "ruby"): "code init path script_params tag_on_exception tag_with_exception_message",
    # logstash-filter-mutate 3.5.8
    ("filter", "mutate"): """
        capitalize coerce convert copy gsub join lowercase merge rename replace split strip
        tag_on_failure update uppercase""",
    # logstash-output-stdout 3.1.4
    ("output", "stdout"): "",
    # logstash-output-elasticsearch 12.1.6. What it calls obsolete (ssl, cacert, keystore,
    # truststore, ssl_certificate_verification and the passwords of these) is no option: it ends
    # Logstash.
    ("output", "elasticsearch"): """
        action api_key bulk_path ca_trusted_fingerprint cloud_auth cloud_id compression_level
        custom_headers data_stream data_stream_auto_routing data_stream_dataset
        data_stream_namespace data_stream_sync_fields data_stream_type dlq_custom_codes
        dlq_on_failed_indexname_interpolation doc_as_upsert document_id ecs_compatibility
        failure_type_logging_whitelist healthcheck_path hosts http_compression ilm_enabled
        ilm_pattern ilm_policy ilm_rollover_alias index join_field manage_template parameters
        parent password path pipeline pool_max pool_max_per_route proxy resurrect_delay
        retry_initial_interval retry_max_interval retry_on_conflict routing script script_lang
        script_type script_var_name scripted_upsert silence_errors_in_log sniffing sniffing_delay
        sniffing_path ssl_certificate ssl_certificate_authorities ssl_cipher_suites ssl_enabled
        ssl_key ssl_keystore_password ssl_keystore_path ssl_keystore_type
        ssl_supported_protocols ssl_truststore_password ssl_truststore_path ssl_truststore_type
        ssl_verification_mode template template_api template_name template_overwrite timeout
        upsert user validate_after_inactivity version version_type""",
}
# Values that are words of a list.
WORDS = {("file", "mode"): {"tail", "read"}, ("file", "start_position"): {"beginning", "end"},
         ("file", "ecs_compatibility"): {"disabled", "v1", "v8"},
         ("json", "ecs_compatibility"): {"disabled", "v1", "v8"},
         ("elasticsearch", "data_stream"): {"true", "false", "auto"},
         ("elasticsearch", "data_stream_type"): {"logs", "metrics", "synthetics", "traces"}}
# With `data_stream => true` the output refuses what would choose an index another way.
NOT_OF_STREAMS = {"index", "ilm_enabled", "ilm_policy", "ilm_pattern", "ilm_rollover_alias",
                  "template", "template_name", "manage_template", "version", "version_type",
                  "parent", "join_field", "upsert", "doc_as_upsert", "script"}
# What nothing is lost or doubled by, each where Logstash's default, or another word, would; and
# behind which conditions the plugin stands.
OF_INPUT = {"mode": "tail", "start_position": "beginning", "sincedb_write_interval": "1",
            "ecs_compatibility": "disabled"}
OF_OUTPUT = {"data_stream": "true", "data_stream_type": "logs",
             "data_stream_dataset": "conntrack.nat",
             "silence_errors_in_log": ["version_conflict_engine_exception"]}
PLAIN = {"ecs_compatibility": "disabled"}
OF_ULOGD = '[type]=="ulogd2"and[ct.event]'
WANTED = {
    "logstash.conf": {
        # No archive, which ends in .zst.
        ("input", "file"): ("", {**OF_INPUT, "path": [
            "${NATLEDGER_LOG:/var/log/natledger}/conntrack*.json"],
            "sincedb_path": "${NATLEDGER_SINCEDB:/var/lib/logstash/natledger.sincedb}"}),
        ("codec", "json"): ("", PLAIN),
        # The input's `host` is a text, where a record's own is an object.
        ("filter", "mutate"): ("[@metadata][natledger]", {"remove_field": ["path", "host"]}),
        ("output", "elasticsearch"): ("[@metadata][natledger]and[event.id]", {
            **OF_OUTPUT, "document_id": "%{[event.id]}"})},
    "logstash-ulogd.conf": {
        ("input", "file"): ("", {**OF_INPUT, "type": "ulogd2", "path": [
            "${ULOGD_LOG:/var/log/ulog}/ulogd.json*",
            "${ULOGD_LOG:/var/log/ulog}/ulogd_nfct.json*"],
            "exclude": ["*.gz", "*.xz", "*.bz2", "*.zst"],
            "sincedb_path": "${NATLEDGER_SINCEDB:/var/lib/logstash/natledger-ulogd.sincedb}"}),
        ("codec", "json"): ("", PLAIN),
        ("filter", "ruby"): (OF_ULOGD, {
            "path": "${NATLEDGER_RUBY:/etc/logstash/natledger}/ulogd.rb"}),
        ("filter", "mutate"): (OF_ULOGD, {"remove_field": ["type", "path", "host"]}),
        ("output", "elasticsearch"): ("[@metadata][ulogd_id]", {
            **OF_OUTPUT, "document_id": "%{[@metadata][ulogd_id]}"})}}
TOKEN = re.compile(r'\s+|#[^\n]*|"(?:[^"\\]|\\.)*"|=>|[{}\[\],]|==|[\w.@%-]+')


class Grammar(Exception):
    pass


def tokens(text):
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise Grammar(f"what is {text[at:at + 20]!r}?")
        at = found.end()
        if not found.group().isspace() and not found.group().startswith("#"):
            yield found.group()


class Config:
    """One file of Logstash's language, as far as ours use it: (kind, plugin, options) of each, and
    the conditions that it stands behind."""

    def __init__(self, text):
        self.plugins = []
        self.conditions = {}
        self.rest = list(tokens(text))
        while self.rest:
            kind = self.take()
            self.take("{")
            self.block(kind)

    def take(self, wanted=None):
        if not self.rest or wanted not in (None, self.rest[0]):
            found = " ".join(self.rest[:5]) or "the end"
            raise Grammar(f"{wanted or 'more'} expected, not {found}")
        return self.rest.pop(0)

    def block(self, kind, conditions=()):
        """What stands between braces: plugins, and conditions with blocks of their own."""
        while self.rest[:1] != ["}"]:
            name = self.take()
            if name in ("if", "else"):
                condition = ""
                while (token := self.take()) != "{":
                    condition += token if token != "if" else ""
                self.block(kind, (*conditions, condition))
            else:
                self.conditions[kind, name] = " ".join(filter(None, conditions))
                self.plugin(kind, name)
        self.take("}")

    def plugin(self, kind, name):
        self.take("{")
        options = {}
        self.plugins.append((kind, name, options))
        while self.rest[:1] != ["}"]:
            option = self.take()
            self.take("=>")
            if option in options:
                raise Grammar(f"{name}: {option} twice")
            options[option] = self.value(option)
        self.take("}")

    def value(self, option=None):
        word = self.take()
        if word == "[":
            return self.items()
        if word == "{":
            return self.pairs()
        if option == "codec" and self.rest[:1] == ["{"]:
            self.plugin("codec", word)
        elif option == "codec":
            self.plugins.append(("codec", word, {}))
        return word.strip('"')

    def items(self):
        found = []
        while self.rest[:1] != ["]"]:
            found.append(self.value())
            if self.rest[:1] == [","]:
                self.take()
        self.take("]")
        return found

    def pairs(self):
        found = {}
        while self.rest[:1] != ["}"]:
            key = self.take()
            self.take("=>")
            found[key.strip('"')] = self.value()
        self.take("}")
        return found


def read(name):
    with open(os.path.join(ROOT, "logstash", name), encoding="utf-8") as file:
        return file.read()


def with_security(text):
    """With the lines for it filled in."""
    return re.sub(r"^( *)#   (\w+ => )", r"\1\2", text, flags=re.MULTILINE)


def complaints(text):
    """Whatever Logstash would refuse of it, and what it would lose records by."""
    for kind, name, options in Config(text).plugins:
        known = PLUGINS.get((kind, name))
        if known is None:
            yield f"no {kind} {name}"
            continue
        for option, value in options.items():
            if option not in known.split() + COMMON[kind].split():
                yield f"{name}: no option {option}"
            if (name, option) in WORDS and value not in WORDS[name, option]:
                yield f"{name}: {option} is not {value}"
        if options.get("data_stream") == "true":
            yield from (f"{name}: {option} with a data stream"
                        for option in sorted(NOT_OF_STREAMS & set(options)))
            if options.get("action", "create") != "create":
                yield f"{name}: {options['action']} with a data stream"
            if options.get("ecs_compatibility") == "disabled":
                yield f"{name}: without ecs_compatibility no data stream"


def losses(name, text):
    """What of WANTED is not so."""
    config = Config(text)
    plugins = {(kind, plugin): options for kind, plugin, options in config.plugins}
    for (kind, plugin), (conditions, wanted) in WANTED[name].items():
        found = config.conditions.get((kind, plugin), "")
        if found != conditions:
            yield f"{plugin}: its conditions are {found}"
        options = plugins.get((kind, plugin), {})
        for option, value in wanted.items():
            if options.get(option) != value:
                yield f"{plugin}: {option} is {options.get(option)}, not {value}"


class Options(unittest.TestCase):

    def test_each_is_known(self):
        for name in FILES:
            for text in (read(name), with_security(read(name))):
                self.assertEqual(list(complaints(text)), [], name)

    def test_what_makes_them_lossless(self):
        for name in FILES:
            self.assertEqual(list(losses(name, read(name))), [])

    def test_each_loss_is_seen(self):
        rows = ((0, "conntrack*.json", "conntrack.json", "file: path"),
                (0, "conntrack*.json", "conntrack*.json*", "file: path"),
                (0, "sincedb_write_interval => 1", "", "file: sincedb_write_interval"),
                (0, 'start_position => "beginning"', "", "file: start_position"),
                (0, "codec => json { ecs_compatibility", "codec => json { target", "json: ecs"),
                (0, '"disabled"\n    # A var', '"v8"\n    # A var', "file: ecs_compatibility"),
                (0, '["path", "host"]', '["path"]', "mutate: remove_field"),
                (0, " and [event.id]", "", "elasticsearch: its conditions"),
                (0, "%{[event.id]}", "%{[event][id]}", "elasticsearch: document_id"),
                (0, "silence_errors_in_log =>", "http_compression =>", "elasticsearch: silence"),
                (1, "ulogd_nfct.json*", "ulogd_nfct.json", "file: path"),
                (1, "natledger-ulogd.sincedb", "natledger.sincedb", "file: sincedb_path"),
                (1, '"*.gz", ', "", "file: exclude"),
                (1, '[type] == "ulogd2" and ', "", "ruby: its conditions"),
                (1, "and [ct.event] ", "", "mutate: its conditions"),
                (1, 'type => "ulogd2"', 'type => "ulogd"', "file: type"),
                (1, "if [@metadata][ulogd_id] {", "if [ct.event] {", "elasticsearch: its cond"))
        for number, right, wrong, complaint in rows:
            with self.subTest(wrong=wrong):
                text = read(FILES[number])
                self.assertIn(right, text)
                found = list(losses(FILES[number], text.replace(right, wrong)))
                self.assertTrue(any(one.startswith(complaint) for one in found), found)

    def test_security_is_filled_in(self):
        for name in FILES:
            output = next(options for kind, plugin, options in
                          Config(with_security(read(name))).plugins if plugin == "elasticsearch")
            self.assertEqual(output["ssl_enabled"], "true")
            self.assertIn("api_key", output)

    def test_mistakes_are_seen(self):
        text = read(FILES[1])
        rows = (('mode =>', 'mod =>', "file: no option mod"),
                ('mode => "tail"', 'mode => "follow"', "file: mode is not follow"),
                ("ssl_enabled", "ssl", "elasticsearch: no option ssl"),
                ("ssl_certificate_authorities", "cacert", "elasticsearch: no option cacert"),
                ('data_stream => "true"', 'data_stream => "true" index => "x"',
                 "elasticsearch: index with a data stream"),
                ('data_stream => "true"', 'data_stream => "true" ecs_compatibility => "disabled"',
                 "elasticsearch: without ecs_compatibility no data stream"),
                ("codec => json {", "codec => json { nested => 1", "json: no option nested"),
                ("ruby {", "rubi {", "no filter rubi"))
        for right, wrong, complaint in rows:
            self.assertEqual(list(complaints(with_security(text.replace(right, wrong, 1)))),
                             [complaint])
        with self.assertRaises(Grammar):
            Config(text.rsplit("}", 1)[0])


if __name__ == "__main__":
    unittest.main()
