# SPDX-License-Identifier: GPL-2.0-or-later
"""The results of a bench as Markdown, as JSON, and as lines that show that it goes on."""
BEGIN, END = "<!-- results -->", "<!-- end of results -->"


def cpu_text(cpu_us):
    return "-" if cpu_us is None else f"{cpu_us:.2f}"


def run_line(load, result):
    return (f"{load}: {result.name} received {result.received:,}, wrote {result.written:,}, lost "
            f"{result.lost:,} of {result.events:,}; {cpu_text(result.cpu_us)} us of CPU an event, "
            f"{cpu_text(result.behind_us)} behind it")


def verdict_line(verdict):
    return f"{'met   ' if verdict.met else 'MISSED'}  {verdict.what}: {verdict.measured}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def markdown(about, runs, verdicts, figures):
    parts = [about + "."]
    if verdicts:
        parts.append(table(("what", "must", "aim", "measured", ""),
                           [(*row[:4], "met" if row.met else "**missed**") for row in verdicts]))
    if figures:
        parts.append(table(("what", "measured"), figures))
    if runs:
        parts.append(table(
            ("load", "", "events", "received", "written", "lost", "CPU, us an event", "behind it",
             "MiB after"),
            [run_row(load, result) for load, results in runs for result in results]))
    return "\n\n".join(parts)


def run_row(load, result):
    counts = (result.events, result.received, result.written, result.lost)
    return (load, result.name, *(f"{count:,}" for count in counts), cpu_text(result.cpu_us),
            cpu_text(result.behind_us), f"{result.resident_bytes / 2**20:.0f}")


def as_json(about, runs, verdicts, figures):
    members = ("name", "events", "received", "written", "lost", "cpu_us", "behind_us",
               "resident_bytes")
    return {
        "about": about,
        "verdicts": [row._asdict() for row in verdicts],
        "figures": dict(figures),
        "runs": [{"load": load, **{name: getattr(result, name) for name in members}}
                 for load, results in runs for result in results],
    }


def replace_results(path, text):
    """What stands between the two marks of a file of Markdown."""
    with open(path, encoding="utf-8") as file:
        before, _, rest = file.read().partition(BEGIN)
    after = rest.partition(END)[2]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
