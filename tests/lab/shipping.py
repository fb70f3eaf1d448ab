# SPDX-License-Identifier: GPL-2.0-or-later
"""natledger-ship beside an agent of the lab."""
import functools
import os

import ship_program


class Ship(ship_program.Ship):
    """The shipper of one agent's ledger."""

    def __init__(self, the_agent):
        super().__init__(the_agent.config, os.path.join(the_agent.folder, "ship.log"),
                         functools.partial(the_agent.lab.start, "router"))
