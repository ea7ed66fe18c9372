// Users file, rules file, mosquitto's files and SCRAM messages: whatever stands in them, they are
// read or refused, and what is written back means the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "auth/filter_relation.h"
#include "auth/mosquitto_import.h"
#include "auth/scram.h"
#include "auth/user_file.h"
#include "auth/user_rules.h"
#include "broker/core/topic_name.h"

namespace lineshaft::auth {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_users(std::string_view text) {
  const UserFile file = parse_user_file(text);
  for (const auto& [name, record] : file.users) {
    const UserFile again = parse_user_file(to_line(name, record));
    require(again.faults.empty() && again.users.contains(name));
    require(to_line(name, again.users.find(name)->second) == to_line(name, record));
    require(without_user(text, name).has_value());
  }
}

void check_rules(const UserRules& rules, std::string_view name) {
  const auto each = [&](const UserRule& rule) {
    const std::string filter = expand(rule.pattern, name, name);
    if (filter.empty()) return;
    require(core::is_valid_topic_filter(filter));
    require(contains(filter, filter) && intersects(filter, filter));
    // A name brings no wildcard and no level of its own.
    const std::string harmless = expand(rule.pattern, "u", "u");
    const auto shape = [](std::string_view text) {
      std::size_t sum = 0;
      for (const char c : text) sum += c == '/' || c == '+' || c == '#' ? 1 : 0;
      return sum;
    };
    require(shape(filter) == shape(harmless));
  };
  for (const UserRule& rule : rules.everybody) each(rule);
  for (const UserRule& rule : rules.anonymous) each(rule);
  for (const auto& [user, own] : rules.users) {
    for (const UserRule& rule : own) each(rule);
  }
}

void check_scram(std::string_view text) {
  auto first = parse_client_first(text.substr(0, text.find('\n')));
  if (!first) return;
  const ScramKeys keys{4096, "salt", std::string(32, 's'), std::string(32, 'k')};
  const ScramExchange exchange(std::move(*first), keys, true, "nonce");
  const std::size_t end = text.find('\n');
  if (end != std::string_view::npos) require(!exchange.finish(text.substr(end + 1)));
}

}  // namespace
}  // namespace lineshaft::auth

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lineshaft::auth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_users(text);
  check_rules(parse_user_rules(text).rules, text.substr(0, 8));
  require(parse_user_file(import_mosquitto_passwords(text).text).faults.empty());
  require(parse_user_rules(import_mosquitto_acl(text).text).faults.empty());
  check_scram(text);
  return 0;
}
