#include "auth/audit_last.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "auth/hex.h"

namespace lineshaft::auth {

std::string audit_last(const AuditLast& last) {
  return fmt::format("{{\"seq\":{},\"hash\":\"{}\",\"key\":\"{}\"}}\n", last.chain.seq,
                     to_hex(last.chain.hash), last.key);
}

std::optional<AuditLast> parse_audit_last(std::string_view text) {
  using Json = nlohmann::json;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    const auto hash = from_hex(json.at("hash").get<std::string>());
    if (!hash || hash->size() != AuditChain{}.hash.size()) return std::nullopt;
    return AuditLast{{json.at("seq").get<std::uint64_t>(), *hash},
                     json.at("key").get<std::string>()};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace lineshaft::auth
