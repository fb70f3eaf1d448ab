// SPDX-License-Identifier: GPL-2.0-or-later
// Asks a server for documents by id and backing index, and takes some away.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ship/http.h"

namespace natledger {

// Sends a request to whichever host is to have it.
using Ask = std::function<HttpAnswer(const HttpRequest& request)>;

// Why an answer is none to go by; empty when it is.
std::string refusal_of(const HttpAnswer& answer);
// The role may not, and will not be allowed to by itself. A 401 is of who asks, and passes.
bool is_forbidden(const HttpAnswer& answer);

struct Copy {
  std::string index;
  std::string_view id;
};

// Which of `copies` are there, by a realtime look-up: one a copy, in their order. Nothing when the
// server does not say so of each, which means that nobody knows; `why` is then for the log, and
// `forbidden` whether the role may not ask.
struct LookUp {
  std::vector<bool> found;
  std::vector<std::string> sources;  // where asked for
  std::string why;
  bool forbidden = false;
};
LookUp look_up(const Ask& ask, std::span<const Copy> copies, bool with_source = false);

// Indices as a path names them, "/a,b", so many at once.
inline constexpr size_t kIndicesInAPath = 20;
std::string path_of(std::span<const std::string> indices);

// The backing indices of a data stream, or those of an alias, oldest first; none when there is
// neither.
struct BackingIndices {
  std::vector<std::string> names;
  std::string why;  // as above
  bool forbidden = false;
};
BackingIndices list_backing_indices(const Ask& ask, const std::string& data_stream);

// Takes them away. Empty when none is there any more, else why.
std::string remove_copies(const Ask& ask, std::span<const Copy> copies);

// Whether a server's document is that record: by what it is known by, since a server may have added
// members, or been sent fewer of them. Dots in names may have become objects.
bool is_same_record(std::string_view document, std::string_view record);

}  // namespace natledger
