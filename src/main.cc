// SPDX-License-Identifier: GPL-2.0-or-later
// natledger: every NAT translation of a gateway, recorded; and the answer to who was behind one.
//
//   kernel -> decode -> track -> enrich -> encode -> ledger -> who
//
// src/README.md walks one event through it.
#include "cli/command.h"

int main(int argc, char** argv) { return natledger::run_command_line(argc, argv); }
