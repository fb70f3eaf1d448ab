# SPDX-License-Identifier: GPL-2.0-or-later
"""An agent's state, for ledgers that no agent has written: see "State" in docs/ledger-format.md."""
import hashlib
import json
import os


def make_first(ledger, state):
    """As it is where an agent has written all of `ledger`, and shipped nothing."""
    with open(os.path.join(ledger, "conntrack.json"), encoding="utf-8") as file:
        ledger_id = json.loads(file.readline())["event.id"].split("-")[0]
    text = (f"natledger-state 1 generation=1 ledger={ledger_id} reserved_to=1048576 boot=x "
            "clean=0 last=0 lines=0 kept_from=0 device=0 inode=0")
    check = hashlib.sha256(text.encode()).hexdigest()[:16]
    os.makedirs(state, exist_ok=True)
    with open(os.path.join(state, "sequence"), "wb") as file:
        file.write(f"{text} check={check}".encode().ljust(8192, b"\0"))
