# SPDX-License-Identifier: GPL-2.0-or-later
"""Renders the README's picture: three answers of `who`, as the program gives them in the lab.

    scripts/picture docs/who.svg
"""
import html
import sys
import time

import agent
import demo
import lab
import traffic

COLUMN, LINE, MARGIN = 8.2, 19, 18
COLUMNS = 96
STYLE = {"$": "#8ae234", "(": "#888a85", "It was": "#ffffff", "Several": "#fce94f",
         "Cannot": "#fcaf3e"}


def answers(the_lab):
    """The lines of a terminal in which three questions are asked."""
    the_agent = agent.Agent(the_lab).start()
    with traffic.Calls(the_lab) as calls:
        demo.send_traffic(the_lab, calls)
        the_agent.wait_written()
        time.sleep(demo.SKEW_S + 1)
        at = agent.utc(time.time_ns())[:19] + "Z"
        yield from asked(the_agent, "1.2.3.4:53500", "--at", at)
        yield from asked(the_agent, "1.2.3.4:50000", "--at", at)
    the_agent.stop()
    time.sleep(1.5)
    in_gap = agent.utc(time.time_ns() - 10**9)[:19] + "Z"
    the_agent.start()
    yield from asked(the_agent, "1.2.3.4:60000", "--at", in_gap, "--skew", "1s")
    the_agent.stop()


def asked(the_agent, *question):
    status, text = the_agent.who(*question)
    yield "$ natledger who " + " ".join(question)
    # The first line repeats the question.
    for line in text.rstrip().split("\n")[2:]:
        yield from wrapped(line)
    yield f"(exit status {status})"
    yield ""


def wrapped(line):
    while len(line) > COLUMNS:
        cut = line.rindex(" ", 0, COLUMNS)
        yield line[:cut]
        line = "    " + line[cut + 1:]
    yield line


def svg(lines):
    width, height = COLUMNS * COLUMN + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
           'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13.6">')
    yield f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#1e1e1e"/>'
    for number, line in enumerate(lines):
        colour = next((c for start, c in STYLE.items() if line.startswith(start)), "#d3d7cf")
        yield (f'<text x="{MARGIN}" y="{MARGIN + (number + 0.8) * LINE:.0f}" fill="{colour}" '
               f'xml:space="preserve">{html.escape(line)}</text>')
    yield "</svg>"


def main():
    the_lab = lab.Lab()
    try:
        lines = list(answers(the_lab))[:-1]
    finally:
        the_lab.down()
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write("<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n")
        out.writelines(text + "\n" for text in svg(lines))


if __name__ == "__main__":
    main()
