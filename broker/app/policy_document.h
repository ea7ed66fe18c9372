#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "broker/app/config_error.h"
#include "broker/app/toml_reader.h"

namespace lineshaft::app {

/// Where the values of a document stand, by JSON pointer: "/conduits/2/topics/0".
using PolicyPlaces = std::map<std::string, FilePlace, std::less<>>;

/// The access policy as one JSON document with the keys of the TOML tables: pki, identity, zones,
/// roles, conduits, policy, users. Immutable.
struct PolicyDocument {
  std::shared_ptr<const nlohmann::json> json;
  PolicyPlaces places;

  /// Is there anything in the table or list of this name?
  bool has(std::string_view name) const;

  /// Names of the tables and lists that are not the same in both.
  std::vector<std::string> difference(const PolicyDocument& other) const;
};

/// Puts the policy's tables of several files together. Lists of one name are joined; tables are
/// joined key by key; and what is said in two places is an error that names both: a file added to
/// conf.d never replaces silently what another one says.
class PolicyTables {
 public:
  void add(TomlTable tables, std::vector<ConfigProblem>& problems);

  PolicyDocument document() const;

 private:
  TomlTable tables_;
};

/// A key as a part of a JSON pointer (RFC 6901).
std::string pointer_part(std::string_view key);

/// Place of the pointer, or of the nearest thing around it; "" when there is none.
std::string place_of(const PolicyPlaces& places, std::string_view pointer);

}  // namespace lineshaft::app
