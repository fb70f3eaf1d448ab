// SPDX-License-Identifier: GPL-2.0-or-later
// The status is 200 also where objects were refused, and of a file in which nothing was found: only
// the counts in the answer tell.
#include "ship/kibana_import.h"

#include <algorithm>
#include <optional>

#include <rapidjson/document.h>

#include "base/error.h"

namespace natledger {

namespace {

constexpr std::string_view kPath = "/api/saved_objects/_import?overwrite=true";
constexpr const char* kType = "multipart/form-data; boundary=natledger-saved-objects";
constexpr std::string_view kBoundary = "--natledger-saved-objects";
constexpr size_t kMostShown = 300;

// The name of the file is looked at: another ending is refused.
std::string form_of(const std::string& objects) {
  return std::string{kBoundary} +
         "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"natledger.ndjson\"\r\n"
         "Content-Type: application/ndjson\r\n\r\n" +
         objects + "\r\n" + std::string{kBoundary} + "--\r\n";
}

// From Kibana 8 on, an id is one space's alone.
int renamed_in(const rapidjson::Document& answer) {
  const auto results = answer.FindMember("successResults");
  if (results == answer.MemberEnd() || !results->value.IsArray()) return 0;
  const auto list = results->value.GetArray();
  return static_cast<int>(std::count_if(list.begin(), list.end(), [](const auto& one) {
    return one.IsObject() && one.HasMember("destinationId");
  }));
}

// What the answer says was taken; nothing: it does not say that all is well.
std::optional<Imported> taken(const std::string& body) {
  rapidjson::Document answer;
  answer.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  if (answer.HasParseError() || !answer.IsObject()) return {};
  const auto success = answer.FindMember("success");
  const auto count = answer.FindMember("successCount");
  const bool is_well = success != answer.MemberEnd() && success->value.IsTrue() &&
                       count != answer.MemberEnd() && count->value.IsInt();
  if (!is_well) return {};
  return Imported{count->value.GetInt(), renamed_in(answer)};
}

// The beginning of an answer; of one that lists what was refused, behind all that was not, of that.
std::string shown(const std::string& body) {
  const size_t errors = body.find("\"errors\":");
  return body.substr(errors == body.npos ? 0 : errors, kMostShown);
}

const char* remedy_of_refusal(int status) {
  if (status == 401 || status == 403) {
    return " (the user needs the right to change saved objects; --url https://USER:PASSWORD@... "
           "names another)";
  }
  if (status == 404)
    return " (is that a Kibana, and does --url have the path that it is served at?)";
  return " (--print prints the file, which its page Saved Objects can import)";
}

}  // namespace

Imported import_saved_objects(const std::string& url, HttpOptions options,
                              const std::string& objects) {
  // Each wants a header of its own, and passes over the other's.
  options.headers.emplace_back("kbn-xsrf: true");
  options.headers.emplace_back("osd-xsrf: true");
  // Those in the URL are meant for it alone.
  if (url.find('@') != std::string::npos) options.credentials = {};
  HttpClient client{url, options};
  const std::string form = form_of(objects);
  const HttpAnswer answer =
      client.send({.method = "POST", .path = kPath, .body = form, .content_type = kType});
  const std::string attempt = "import saved objects into " + client.shown_url() + ": ";
  if (!answer.failure.empty()) {
    throw SystemError(attempt + answer.failure + " (" + std::string{answer.remedy} + ")");
  }
  const int wanted = static_cast<int>(std::ranges::count(objects, '\n'));
  const auto imported = answer.status == 200 ? taken(answer.body) : std::nullopt;
  if (imported && imported->objects == wanted) return *imported;
  throw SystemError(attempt + "status " + std::to_string(answer.status) + " " + shown(answer.body) +
                    remedy_of_refusal(answer.status));
}

}  // namespace natledger
