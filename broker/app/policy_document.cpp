#include "broker/app/policy_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

namespace lineshaft::app {
namespace {

using Json = nlohmann::json;

std::string below(const std::string& name, const std::string& key) {
  const bool plain = key.find_first_of(". \"\n") == std::string::npos && !key.empty();
  const std::string part = plain ? key : in_quotes(key);
  return name.empty() ? part : name + "." + part;
}

/// Tables whose members may come from several files; any deeper one is one thing that is said once.
bool is_joined(const std::string& name) {
  return name.empty() || name == "pki" || name == "pki.issuers" || name == "zones" ||
         name == "roles" || name == "users" || name == "policy";
}

/// Lists to which every file may add.
bool is_appended(const std::string& name) {
  return name == "anomaly" || name == "identity" || name == "conduits" || name == "pki.pins";
}

void join(TomlTable& into, TomlTable&& from, const std::string& name,
          std::vector<ConfigProblem>& problems);

void join_member(TomlMember& old, TomlMember&& member, const std::string& name,
                 std::vector<ConfigProblem>& problems) {
  auto* const tables = std::get_if<TomlTable>(&old.tree.value);
  auto* const more = std::get_if<TomlTable>(&member.tree.value);
  if (tables != nullptr && more != nullptr && is_joined(name)) {
    join(*tables, std::move(*more), name, problems);
    return;
  }
  auto* const list = std::get_if<TomlList>(&old.tree.value);
  auto* const further = std::get_if<TomlList>(&member.tree.value);
  if (list != nullptr && further != nullptr && is_appended(name)) {
    for (TomlTree& each : *further) list->push_back(std::move(each));
    return;
  }
  problems.push_back({member.at.text(),
                      fmt::format("{} is said twice, here and at {}", name, old.at.text()),
                      "Of the policy everything is said once, whichever file comes later."});
}

void join(TomlTable& into, TomlTable&& from, const std::string& name,
          std::vector<ConfigProblem>& problems) {
  for (TomlMember& each : from) {
    const auto found = std::ranges::find(into, each.name, &TomlMember::name);
    if (found == into.end()) {
      into.push_back(std::move(each));
    } else {
      const std::string full = below(name, each.name);
      join_member(*found, std::move(each), full, problems);
    }
  }
}

Json json_of(const TomlTree& tree, const std::string& pointer, PolicyPlaces& places);

Json json_of(const TomlTable& table, const std::string& pointer, PolicyPlaces& places) {
  Json json = Json::object();
  for (const TomlMember& each : table) {
    const std::string key = pointer + "/" + pointer_part(each.name);
    json[each.name] = json_of(each.tree, key, places);
    // Of a table and of a list of tables, where its name stands says more than where it begins.
    if (std::holds_alternative<TomlTable>(each.tree.value)) places[key] = each.at;
  }
  return json;
}

Json json_of(const TomlTree& tree, const std::string& pointer, PolicyPlaces& places) {
  places[pointer] = tree.at;
  if (const auto* boolean = std::get_if<bool>(&tree.value)) return *boolean;
  if (const auto* integer = std::get_if<std::int64_t>(&tree.value)) return *integer;
  if (const auto* number = std::get_if<double>(&tree.value)) return *number;
  if (const auto* text = std::get_if<std::string>(&tree.value)) return *text;
  if (const auto* table = std::get_if<TomlTable>(&tree.value)) {
    return json_of(*table, pointer, places);
  }
  const auto& list = std::get<TomlList>(tree.value);
  Json json = Json::array();
  for (std::size_t i = 0; i < list.size(); ++i) {
    json.push_back(json_of(list[i], fmt::format("{}/{}", pointer, i), places));
  }
  return json;
}

}  // namespace

bool PolicyDocument::has(std::string_view name) const {
  if (json == nullptr) return false;
  const auto found = json->find(std::string(name));
  return found != json->end() && !found->empty();
}

std::vector<std::string> PolicyDocument::difference(const PolicyDocument& other) const {
  std::vector<std::string> names;
  const Json none = Json::object();
  const Json& mine = json != nullptr ? *json : none;
  const Json& theirs = other.json != nullptr ? *other.json : none;
  for (const auto& [name, value] : mine.items()) {
    const auto found = theirs.find(name);
    if (found == theirs.end() || *found != value) names.push_back(name);
  }
  for (const auto& [name, value] : theirs.items()) {
    if (!mine.contains(name)) names.push_back(name);
  }
  return names;
}

void PolicyTables::add(TomlTable tables, std::vector<ConfigProblem>& problems) {
  join(tables_, std::move(tables), {}, problems);
}

PolicyDocument PolicyTables::document() const {
  PolicyDocument document;
  document.json = std::make_shared<const Json>(json_of(tables_, std::string{}, document.places));
  return document;
}

std::string pointer_part(std::string_view key) {
  std::string part;
  for (const char each : key) {
    if (each == '~') {
      part += "~0";
    } else if (each == '/') {
      part += "~1";
    } else {
      part += each;
    }
  }
  return part;
}

std::string place_of(const PolicyPlaces& places, std::string_view pointer) {
  for (;;) {
    if (const auto found = places.find(pointer); found != places.end()) return found->second.text();
    const std::size_t slash = pointer.rfind('/');
    if (slash == std::string_view::npos) return {};
    pointer = pointer.substr(0, slash);
  }
}

}  // namespace lineshaft::app
