// SPDX-License-Identifier: GPL-2.0-or-later
// Whether a stream has records of a ledger that, as far as its state knows, sent it none: so it is
// where the state was put back from before the destination was configured.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ship/copies.h"

namespace natledger {

struct EarlierRecords {
  std::optional<bool> there;  // nothing: the server does not say
  std::string why;            // of that, for the log
  bool forbidden = false;     // the role may not ask
};

// `id_prefix`: how the ids of that ledger's records begin, and nobody else's. What came within the
// server's last refresh is not seen.
EarlierRecords find_earlier_records(const Ask& ask, const std::string& data_stream,
                                    std::string_view id_prefix);

}  // namespace natledger
