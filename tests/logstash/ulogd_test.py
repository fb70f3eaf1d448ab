# SPDX-License-Identifier: GPL-2.0-or-later
"""logstash/ulogd.rb on each recorded line of ulogd2, our enrichers on the message behind it.

Each message is decoded with no earlier one of its flow, which would tell of its start. What
differs is what a line of ulogd2's does not say: that list is here, each entry with where it shows,
and in logstash/README.md; it must be neither longer nor shorter than what is seen.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import typing
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.append(os.path.join(ROOT, "tests", "golden"))
import ulogd_golden_test as golden  # pylint: disable=wrong-import-position

SCRIPT = os.path.join(ROOT, "logstash", "ulogd.rb")
OBSERVER = "gw1"
NFLOG = {"timestamp": "2026-11-22T07:09:00", "dvc": "Netfilter", "raw.pktlen": 60,
         "raw.pktcount": 1, "oob.prefix": "in ", "oob.time.sec": 1795331340, "oob.family": 2,
         "oob.protocol": 2048, "ip.protocol": 6, "src_ip": "192.0.2.1", "dest_ip": "192.0.2.2",
         "src_port": 40000, "dest_port": 22, "action": "blocked"}


class Compared(typing.NamedTuple):
    row: dict     # of the recording
    line: dict    # ulogd2's
    ours: dict    # our record of the message
    theirs: dict  # what the script makes of the line

    def is_of(self, *words):
        return any(word in self.row["mode"] for word in words)

    def start_and_end_differ(self):
        return any(moment(self.line, one) != moment(self.ours, one) for one in ("start", "end"))


def moment(record, which):
    """As ulogd2's keys say it, in microseconds."""
    seconds = record.get(f"flow.{which}.sec")
    return None if seconds is None else seconds * 10**6 + record[f"flow.{which}.usec"]


def whole_seconds(record):
    if "flow.start.sec" in record and "flow.end.sec" in record:
        return record["flow.end.sec"] - record["flow.start.sec"]
    return None


def duration_ns(record):
    start, end = moment(record, "start"), moment(record, "end")
    return None if start is None or end is None or end < start else (end - start) * 1000


class Untold(typing.NamedTuple):
    """What a line of ulogd2's cannot tell; by that name it is in the README."""
    name: str
    keys: tuple
    differs: typing.Callable  # where, of a Compared and a key


TUPLE = ("orig.ip.protocol", "src_ip", "orig.l4.sport", "dest_ip", "orig.l4.dport")
ICMP_ID_ALONE = "icmp_id_alone"
KERNEL_TIMES = "nf_conntrack_timestamp"
NEVER = ("conntrack.zone", "conntrack.zone_direction", "conntrack.status", "conntrack.tcp_state",
         "conntrack.sctp_state", "conntrack.labels", "conntrack.helper", "conntrack.icmp.id",
         "conntrack.gre.key", "conntrack.offloaded", "flow.parent", "event.reason")
UNTOLD = (
    Untold("ids and numbers", ("event.id", "event.sequence", "flow.id"), lambda one, key: True),
    Untold("zone, status, states, labels, helper, ICMP id, GRE keys", NEVER,
           lambda one, key: key in one.ours),
    Untold("the ICMP id and the GRE key in place of a port",
           ("conntrack.public", "conntrack.inside"),
           lambda one, key: "conntrack.icmp.id" in one.ours or "conntrack.gre.key" in one.ours),
    Untold("NAT of the ICMP id alone", ("conntrack.nat.kind", "source.nat.ip"),
           lambda one, key: one.row["case"] == ICMP_ID_ALONE),
    Untold("ICMPv6 type and code, before ulogd2 2.0.9",
           ("conntrack.icmp.type", "conntrack.icmp.code"),
           lambda one, key: key in one.ours and one.row["ulogd"] == "2.0.8"),
    Untold("whose clock a start is", ("flow.start.clock",), lambda one, key: key in one.ours),
    Untold("the event's own time of a NEW", ("event.start", "@timestamp"),
           lambda one, key: one.row["event"] == "NEW" and one.row["sysctl"][KERNEL_TIMES]),
    Untold("the kernel's start, with hash_enable=1", ("event.start",),
           lambda one, key: one.is_of("hash_enable=1", "polling")
           and moment(one.line, "start") != moment(one.ours, "start")),
    Untold("a duration without the kernel's start or an end", ("flow.duration.sec",),
           lambda one, key: whole_seconds(one.line) != whole_seconds(one.ours)),
    Untold("a duration without the kernel's start or an end", ("event.duration",),
           lambda one, key: one.start_and_end_differ()
           and duration_ns(one.line) != duration_ns(one.ours)),
    Untold("the end of a polled flow", ("event.end", "@timestamp"),
           lambda one, key: one.is_of("polling")),
    Untold("when a flow was dumped (SIGUSR2), within the second", ("@timestamp",),
           lambda one, key: one.is_of("SIGUSR2")),
)
# Less than that is no difference: ulogd2's times end at the microsecond.
NANOSECONDS = "nanoseconds"


def run_script(lines, script=SCRIPT, observer=OBSERVER):
    """What it makes of each."""
    done = subprocess.run(["ruby", os.path.join(HERE, "run_filter.rb"), script,
                           json.dumps({"observer": observer})], input="\n".join(lines) + "\n",
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(events) == len(lines) and all(len(event) == 1 for event in events), done.stdout
    return [event for event, in events]


def rows(column="ulogd_json"):
    path = os.path.join(golden.HERE, "ulogd-golden.jsonl")
    with open(path, encoding="utf-8") as file:
        return [row for row in map(json.loads, file) if row[column] is not None]


def with_icmp_id_alone(row):
    """That row, where nothing but the id of the ICMP flow was translated; its line is the same."""
    message = row["netlink_hex"]
    orig, reply = [found.start() for found in re.finditer("06000400", message)]  # CTA_PROTO_ICMP_ID
    assert message[orig:orig + 12] == message[reply:reply + 12]
    return {**row, "case": ICMP_ID_ALONE,
            "netlink_hex": message[:reply + 8] + "1234" + message[reply + 12:]}


def as_event(row):
    """When it came, and the message. What ulogd2 had from a dump is made the event it printed:
    replay, like the agent, takes a dump's entries for no events."""
    message = bytearray.fromhex(row["netlink_hex"])
    if "SIGUSR2" not in row["mode"] and "polling" not in row["mode"]:
        return golden.packet_time_ns(row), bytes(message)
    message[4] = 2 if row["event"] == "DESTROY" else 0  # IPCTNL_MSG_CT_DELETE, CT_NEW
    message[6:8] = b"\0\0"                              # no NLM_F_MULTI
    return row["recv_ns"], bytes(message)


def records_of(all_rows):
    """Ours, of each message as if it were alone: a replay has no two messages of one flow."""
    rounds = []  # (time zone, numbers of rows, flows among them)
    for number, row in enumerate(all_rows):
        line = json.loads(row["ulogd_json"])
        flow = {line["ct.id"], tuple(line.get(key) for key in TUPLE)}
        for tz, numbers, flows in rounds:
            if tz == row["tz"] and not flows & flow:
                break
        else:
            numbers, flows = [], set()
            rounds.append((row["tz"], numbers, flows))
        numbers.append(number)
        flows |= flow
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for tz, numbers, _ in rounds:
            records = replay(tz, [as_event(all_rows[number]) for number in numbers], folder)
            assert len(records) == len(numbers)
            found.update(zip(numbers, records))
    return [found[number] for number in range(len(all_rows))]


def replay(tz, messages, folder):
    capture, config = os.path.join(folder, "capture"), os.path.join(folder, "natledger.yaml")
    with open(config, "w", encoding="ascii") as file:
        file.write(f"observer: {{name: {OBSERVER}}}\n")
    golden.write_capture(capture, messages)
    done = subprocess.run([golden.PROGRAM, "replay", "--config", config, "--events",
                           "new,update,destroy", capture], capture_output=True, text=True,
                          check=True, env={**os.environ, "TZ": tz})
    return [json.loads(record) for record in done.stdout.splitlines()]


class UlogdScript(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.rows = rows()
        assert len(cls.rows) == 296, len(cls.rows)
        cls.rows.append(with_icmp_id_alone(next(row for row in cls.rows
                                                if row["case"] == "icmp_echo_no_nat")))
        cls.ours = records_of(cls.rows)
        of_ulogd = ulogd_keys()
        cls.added = [set(record) - of_ulogd for record in cls.ours]

    def compare(self, script=SCRIPT):
        made = run_script([row["ulogd_json"] for row in self.rows], script)
        return [Compared(row, json.loads(row["ulogd_json"]), ours, theirs)
                for row, ours, theirs in zip(self.rows, self.ours, made)]

    def differences(self, compared):
        """(number of the row, key) of each, and of those that are to be."""
        seen, expected, shown = set(), set(), set()
        for number, one in enumerate(compared):
            keys = self.added[number] | set(one.theirs) - set(one.line)
            for key in keys - {"@version", "@metadata"}:
                if self.differs(one, key):
                    seen.add((number, key))
            if one.theirs.get("event.duration") != duration_ns(one.line):
                seen.add((number, "event.duration that the line says"))
            for untold in UNTOLD:
                places = {(number, key) for key in untold.keys if untold.differs(one, key)}
                expected |= places
                if places:
                    shown.add(untold)
        return seen, expected, shown

    @staticmethod
    def differs(one, key):
        ours, theirs = one.ours.get(key), one.theirs.get(key)
        if key == "event.duration" and not one.start_and_end_differ() and None not in (ours,
                                                                                       theirs):
            return abs(ours - theirs) >= 1000
        return json.dumps(ours) != json.dumps(theirs)  # 12 is not 12.0

    def test_what_it_adds_is_what_our_enrichers_give(self):
        compared = self.compare()
        seen, expected, shown = self.differences(compared)
        named = {place: self.describe(compared, place) for place in seen ^ expected}
        self.assertEqual(named, {})
        self.assertEqual([untold.name for untold in UNTOLD if untold not in shown], [])
        cut = [one for one in compared if "event.duration" in one.ours
               and one.ours["event.duration"] != one.theirs.get("event.duration")]
        self.assertGreater(len(cut), 0, NANOSECONDS)
        durations = [one.theirs["flow.duration.sec"] for one in compared
                     if "flow.duration.sec" in one.theirs]
        self.assertGreater(len(durations), 100)
        self.assertEqual({type(duration) for duration in durations}, {int})
        values = sum(len(keys) for keys in self.added)
        print(f"{len(compared)} lines, {values} values added: "
              f"{values - len(seen)} the same, {len(seen)} untold")

    @staticmethod
    def describe(compared, place):
        number, key = place
        one = compared[number]
        return (one.row["mode"], one.row["event"], one.row["case"], one.ours.get(key),
                one.theirs.get(key))

    def test_a_mistake_in_the_script_is_seen(self):
        """The comparison fails for each."""
        with open(SCRIPT, encoding="utf-8") as file:
            text = file.read()
        mistakes = (('number(event, "flow.end.sec") - ', 'number(event, "flow.end.sec").to_f - '),
                    ("if ended >= began", ""), ('"[#{ip}]:#{port}"', '"#{ip}:#{port}"'),
                    ("dnat && !snat ? real_target", "dnat ? real_target"),
                    ('132 => "sctp"', '132 => "sctp2"'),
                    ("dnat && target]", "dnat && real_target]"), ("132, 136]", "132]"),
                    ("{ 1 => began, 4 => ended }", "{ 1 => began, 4 => began }"))
        for right, wrong in mistakes:
            with self.subTest(wrong=wrong), tempfile.NamedTemporaryFile("w", suffix=".rb") as file:
                self.assertEqual(text.count(right), 1)
                file.write(text.replace(right, wrong))
                file.flush()
                seen, expected, _ = self.differences(self.compare(file.name))
                self.assertTrue(seen != expected)

    def test_a_port_alone_is_translated(self):
        """As by `redirect to :8080`, and by a masquerade of the gateway's own address."""
        line = {**json.loads(self.rows[0]["ulogd_json"]), "orig.ip.protocol": 17,
                "src_ip": "192.0.2.1", "orig.l4.sport": 1000, "dest_ip": "192.0.2.2",
                "orig.l4.dport": 80, "reply.ip.saddr.str": "192.0.2.2", "reply.l4.sport": 80,
                "reply.ip.daddr.str": "192.0.2.1", "reply.l4.dport": 1000}
        source, target = "192.0.2.1:1000", "192.0.2.2:80"
        cases = (({}, "none", None, [source], source),
                 ({"reply.l4.dport": 1001}, "snat", [1001], ["192.0.2.1:1001"], source),
                 ({"reply.l4.sport": 8080}, "dnat", [8080], [target], "192.0.2.2:8080"),
                 ({"reply.l4.dport": 1001, "reply.l4.sport": 8080}, "both", [1001, 8080],
                  ["192.0.2.1:1001", target], source))
        made = run_script([json.dumps({**line, **change}) for change, *_ in cases])
        self.assertEqual([[one.get(f"conntrack.{key}") for key in ("nat.kind", "nat.port",
                                                                   "public", "inside")]
                          for one in made], [list(values) for _, *values in cases])

    def test_the_readme_names_what_is_untold(self):
        with open(os.path.join(ROOT, "logstash", "README.md"), encoding="utf-8") as file:
            rows_of_it = re.findall(r"^\| \*\*(.+?)\*\* \|", file.read(), re.MULTILINE)
        self.assertEqual(sorted(rows_of_it), sorted({one.name for one in UNTOLD} | {NANOSECONDS}))

    def test_each_key_is_in_our_template(self):
        template = fields()
        for row, made in zip(self.rows, run_script([row["ulogd_json"] for row in self.rows])):
            added = set(made) - set(json.loads(row["ulogd_json"])) - {"@version", "@metadata"}
            self.assertEqual(added - set(template), set(), row["case"])
            self.assertEqual(set(made["@metadata"]), {"ulogd_id"})
            for key in added:
                self.check_type(template[key]["type"], made[key], key)

    def check_type(self, kind, value, key):
        """Lucene takes a number as a text too; a chart does not mend a wrong type."""
        types = {"long": int, "integer": int, "short": int, "keyword": str, "ip": str, "date": str}
        for one in value if isinstance(value, list) else [value]:
            self.assertIs(type(one), types[kind], key)

    def test_the_rest_of_a_line_stays(self):
        for row, made in zip(self.rows, run_script([row["ulogd_json"] for row in self.rows])):
            line = json.loads(row["ulogd_json"])
            self.assertEqual({key: made[key] for key in line}, line)

    def test_eventv1(self):
        """The same, but for what ulogd2 then says for `timestamp`."""
        both = [row for row in rows("ulogd_json_eventv1") if row["ulogd_json"] is not None]
        self.assertGreater(len(both), 200)
        plain = run_script([row["ulogd_json"] for row in both])
        made = run_script([row["ulogd_json_eventv1"] for row in both])
        for row, one, other in zip(both, plain, made):
            known = moment(one, "end" if row["event"] == "DESTROY" else "start") is not None
            for key in ("timestamp", "@version", "@metadata", *(() if known else ("@timestamp",))):
                one.pop(key, None)
                other.pop(key, None)
            self.assertEqual(other, one)

    def test_lines_of_packets_stay_as_they_are(self):
        made, = run_script([json.dumps(NFLOG)])
        self.assertEqual(made, {**NFLOG, "@version": "1", "@metadata": {}})

    def test_a_line_is_known_again(self):
        """By an id of its own, which each of its values decides."""
        lines = [row["ulogd_json"] for row in self.rows]
        ids = [made["@metadata"]["ulogd_id"] for made in run_script(lines + lines)]
        self.assertEqual(ids[:len(lines)], ids[len(lines):])
        self.assertEqual(len(set(ids)), len(set(lines)))
        line = json.loads(lines[0])
        changed = [{**line, key: 1 if isinstance(value, int) and value != 1 else "2"}
                   for key, value in line.items() if key not in ("oob.family", "oob.protocol",
                                                                 "reply.ip.protocol", "ct.event")]
        ids = {made["@metadata"]["ulogd_id"]
               for made in run_script([json.dumps(one) for one in changed])}
        self.assertEqual(len(ids | {run_script(lines[:1])[0]["@metadata"]["ulogd_id"]}),
                         len(changed) + 1)
        elsewhere, = run_script(lines[:1], observer="gw2")
        self.assertNotIn(elsewhere["@metadata"]["ulogd_id"], ids)

    def test_odd_lines(self):
        """Whatever is missing, or of another kind, is left out; nothing else goes with it."""
        line = json.loads(self.rows[0]["ulogd_json"])
        odd = [(key, {**line, key: value}) for key in line
               for value in ("x", None, -1, 1.5, [1], {"a": 1}, 2**70)]
        odd += [(key, {other: line[other] for other in line if other != key}) for key in line]
        for (key, _), made in zip(odd, run_script([json.dumps(one) for _, one in odd])):
            if key == "ct.event":
                self.assertNotIn("event.kind", made)
            else:
                self.assertEqual(made["event.kind"], "event", key)

    def test_names_of_protocols(self):
        """Those of src/base/protocol.cc."""
        texts = []
        for name in ("protocol.h", "protocol.cc"):
            with open(os.path.join(ROOT, "src", "base", name), encoding="utf-8") as file:
                texts.append(file.read())
        numbers = dict(re.findall(r"constexpr uint8_t (k\w+) = (\d+);", texts[0]))
        names = {int(numbers.get(number, number)): name
                 for number, name in re.findall(r'\{(\w+), "([\w-]+)"\}', texts[1])}
        self.assertGreater(len(names), 15)
        line = json.loads(self.rows[0]["ulogd_json"])
        made = run_script([json.dumps({**line, "orig.ip.protocol": number})
                           for number in range(256)])
        self.assertEqual({number: one["network.transport"] for number, one in enumerate(made)
                          if "network.transport" in one}, names)


def fields():
    done = subprocess.run([golden.PROGRAM, "fields", "--format", "template"], capture_output=True,
                          text=True, check=True)
    return json.loads(done.stdout)["properties"]


def ulogd_keys():
    """Those before `@timestamp`."""
    keys = list(fields())
    return set(keys[:keys.index("@timestamp")])


if __name__ == "__main__":
    unittest.main()
