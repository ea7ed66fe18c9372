#include "auth/audit_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iterator>
#include <nlohmann/json.hpp>

#include "auth/crypto.h"
#include "auth/hex.h"
#include "broker/base/json_text.h"
#include "broker/base/limits.h"
#include "broker/base/log_format.h"

namespace lineshaft::auth {
namespace {

constexpr std::array<std::string_view, audit_fields_size> field_names = {
    "type", "zone", "identity", "client", "ip", "op", "topic", "reason", "rule"};
constexpr std::string_view cut_mark = "...";
constexpr std::string_view hash_member = ",\"hash\":\"";
constexpr std::string_view signature_member = "\",\"sig\":\"";
constexpr std::string_view line_end = "\"}";
constexpr std::size_t hash_digits = 64;
constexpr std::size_t signature_digits = 128;

/// A head is signed over another text than a checkpoint: otherwise each checkpoint would be the
/// head of a log that was cut off behind it.
constexpr std::string_view checkpoint_domain = "lineshaft-audit";
constexpr std::string_view head_domain = "lineshaft-audit-head";

/// What a signature covers; the hash covers everything before.
std::string signed_text(std::string_view domain, const AuditChain& chain) {
  return fmt::format("{}:{}:{}", domain, chain.seq, to_hex(chain.hash));
}

/// The member's digits at the front of `text`, which loses them.
std::optional<std::string> take_hex(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  auto bytes = from_hex(text.substr(0, digits));
  text.remove_prefix(digits);
  return bytes;
}

/// Whatever stands behind the record: hash, and for a checkpoint the signature.
bool parse_end(std::string_view end, AuditLine& line) {
  auto hash = take_hex(end, hash_digits);
  if (!hash) return false;
  line.hash = std::move(*hash);
  if (end.starts_with(signature_member)) {
    end.remove_prefix(signature_member.size());
    auto signature = take_hex(end, signature_digits);
    if (!signature) return false;
    line.signature = std::move(*signature);
  }
  return end == line_end;
}

}  // namespace

AuditEntry::AuditEntry(const AuditRecord& record, WallTime at) : epoch_(record.epoch), at_(at) {
  const std::array<std::string_view, audit_fields_size> fields = {
      record.type, record.zone,  record.identity, record.client, record.address,
      record.op,   record.topic, record.reason,   record.rule};
  std::size_t size = 0;
  for (const std::string_view each : fields) {
    size += std::min(each.size(), limits::audit_text_size_bytes_max + cut_mark.size());
  }
  texts_.reserve(size);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    texts_ += fields[i].substr(0, limits::audit_text_size_bytes_max);
    if (fields[i].size() > limits::audit_text_size_bytes_max) texts_ += cut_mark;
    ends_[i] = static_cast<std::uint16_t>(texts_.size());
  }
}

std::string_view AuditEntry::field(AuditField which) const {
  const auto index = static_cast<std::size_t>(which);
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(texts_).substr(begin, ends_[index] - begin);
}

bool AuditEntry::is_like(const AuditEntry& other) const {
  using enum AuditField;
  for (const AuditField each : {type, identity, client, op, reason, rule, zone}) {
    if (field(each) != other.field(each)) return false;
  }
  return epoch_ == other.epoch_;
}

AuditEntry AuditEntry::repeated(std::uint64_t times, WallTime at) const {
  AuditEntry entry = *this;
  entry.count_ = times;
  entry.at_ = at;
  return entry;
}

void append_line(std::string& out, AuditChain& chain, const AuditEntry& entry,
                 std::string_view boot, const AuditKey* key) {
  const std::size_t begin = out.size();
  fmt::format_to(std::back_inserter(out), R"({{"seq":{},"ts":"{}","boot":"{}")", chain.seq + 1,
                 log::format_time(entry.at()), boot);
  for (std::size_t i = 0; i < audit_fields_size; ++i) {
    fmt::format_to(std::back_inserter(out), R"(,"{}":)", field_names[i]);
    append_json_string(out, entry.field(static_cast<AuditField>(i)));
  }
  fmt::format_to(std::back_inserter(out), R"(,"epoch":{},"n":{},"prev":"{}"}})", entry.epoch(),
                 entry.count(), to_hex(chain.hash));
  chain.hash = sha256(chain.hash + out.substr(begin));
  ++chain.seq;
  out.pop_back();
  out += hash_member;
  out += to_hex(chain.hash);
  if (key != nullptr) {
    out += signature_member;
    out += to_hex(key->sign(signed_text(checkpoint_domain, chain)));
  }
  out += line_end;
  out += '\n';
}

std::optional<AuditLine> parse_audit_line(std::string_view line) {
  using Json = nlohmann::json;
  const std::size_t at = line.rfind(hash_member);
  if (at == std::string_view::npos) return std::nullopt;
  AuditLine parsed;
  if (!parse_end(line.substr(at + hash_member.size()), parsed)) return std::nullopt;
  const std::string canonical = std::string(line.substr(0, at)) + "}";
  const Json json = Json::parse(canonical, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    parsed.seq = json.at("seq").get<std::uint64_t>();
    parsed.type = json.at("type").get<std::string>();
    parsed.time = json.at("ts").get<std::string>();
    parsed.rule = json.at("rule").get<std::string>();
    parsed.count = json.at("n").get<std::uint64_t>();
    auto previous = from_hex(json.at("prev").get<std::string>());
    if (!previous) return std::nullopt;
    parsed.previous = std::move(*previous);
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  parsed.computed = sha256(parsed.previous + canonical);
  return parsed;
}

std::optional<WallTime> parse_audit_time(const std::string& text) {
  std::tm parts{};
  unsigned milliseconds = 0;
  const int read =
      std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3uZ", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &milliseconds);
  if (read != 7) return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  const std::int64_t seconds = ::timegm(&parts);
  return WallTime{Milliseconds{seconds * 1000 + milliseconds}};
}

std::string audit_head(const AuditChain& chain, std::string_view boot, const AuditKey& key) {
  return fmt::format(R"({{"seq":{},"hash":"{}","boot":"{}","sig":"{}"}})", chain.seq,
                     to_hex(chain.hash), boot, to_hex(key.sign(signed_text(head_domain, chain))));
}

std::optional<AuditChain> parse_audit_head(std::string_view text, const AuditKey& key) {
  using Json = nlohmann::json;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    const auto hash = from_hex(json.at("hash").get<std::string>());
    const auto signature = from_hex(json.at("sig").get<std::string>());
    if (!hash || !signature) return std::nullopt;
    AuditChain chain{json.at("seq").get<std::uint64_t>(), *hash};
    if (!key.verify(signed_text(head_domain, chain), *signature)) return std::nullopt;
    return chain;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

bool is_signed(const AuditChain& chain, std::string_view signature, const AuditKey& key) {
  return key.verify(signed_text(checkpoint_domain, chain), signature);
}

}  // namespace lineshaft::auth
