// SPDX-License-Identifier: GPL-2.0-or-later
// Queries of Elasticsearch as JSON text, from their parts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace natledger {

std::string all_of(const std::vector<std::string>& queries);
std::string any_of(const std::vector<std::string>& queries);
std::string none_of(const std::vector<std::string>& queries);
std::string has_key(std::string_view key);
std::string equals(std::string_view key, std::string_view text);
std::string equals(std::string_view key, uint64_t number);
std::string is_one_of(std::string_view key, std::span<const std::string> texts);
std::string is_one_of(std::string_view key, std::span<const uint64_t> numbers);
std::string begins_with(std::string_view key, std::string_view text);
// `how`: "gte", "lte" ...
std::string compares(std::string_view key, std::string_view how, std::string_view text);
std::string compares(std::string_view key, std::string_view how, uint64_t number);

}  // namespace natledger
