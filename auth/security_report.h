#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What a configuration achieves of the seven foundational requirements of IEC 62443-3-3, against
/// what each zone wants (`sl_t`). The mapping of options to levels is ours, docs/iec62443.md: it
/// supports an assessment and is none.
namespace lineshaft::auth {

inline constexpr std::size_t foundational_requirements = 7;
inline constexpr std::uint8_t security_level_max = 4;

/// "identification and authentication control" for 0 (FR 1), and so on.
std::string_view foundational_requirement(std::size_t index);

struct ReportListener {
  enum class Certificate : std::uint8_t { none, optional, require };

  std::string name;
  /// Zones whose clients may come in here.
  std::vector<std::string> zones;
  /// A loopback address or a Unix socket: nothing on the way could listen in.
  bool is_local = false;
  bool has_tls = false;
  /// TLS 1.3 and nothing older.
  bool is_tls_1_3_only = false;
  Certificate certificate = Certificate::none;
  bool checks_revocation = false;
  /// Connections of one address have a limit, or their rate has.
  bool limits_addresses = false;
};

struct ReportZone {
  std::string name;
  std::uint8_t sl_t = security_level_max;
  /// There are users with passwords, CAs that vouch for it.
  bool has_users = false;
  bool has_issuers = false;
  /// Some of its clients' keys are pinned or attested.
  bool knows_keys = false;
  bool checks_origin = true;
  bool keeps_expired = false;
};

struct ReportConduit {
  /// How the operator finds it: "plant.toml:30:1", or "ot -> it".
  std::string where;
  std::string from;
  std::string to;
  std::uint8_t min_strength = security_level_max;
  bool is_enforced = true;
  bool needs_tls = true;
  /// Clients of `from` publish into `to`.
  bool publishes = false;
  /// Commands go through (Sparkplug's or `command_topics`).
  bool carries_commands = false;
  bool names_roles = false;
  /// Has a largest payload and a rate.
  bool is_bounded = false;
};

struct ReportFacts {
  std::vector<ReportZone> zones;
  std::vector<ReportListener> listeners;
  std::vector<ReportConduit> conduits;
  /// Roles that may publish to everything.
  std::vector<std::string> wide_roles;
  bool has_audit = false;
  bool has_anomaly_rules = false;
};

/// Something that keeps a foundational requirement at a level.
struct ReportLimit {
  /// Index of the foundational requirement.
  std::size_t requirement = 0;
  /// The system requirement, "SR 1.9"; static storage.
  std::string_view clause;
  std::uint8_t level = 0;
  std::string what;
  /// What to change: a sentence.
  std::string remedy;
};

struct ZoneReport {
  std::string zone;
  std::uint8_t sl_t = 0;
  std::array<std::uint8_t, foundational_requirements> achieved{};
  /// All limits below `security_level_max`, the lowest level first; those below `sl_t` are gaps.
  std::vector<ReportLimit> limits;

  bool is_gap(const ReportLimit& limit) const { return limit.level < sl_t; }
  bool has_gaps() const { return !limits.empty() && is_gap(limits.front()); }
};

/// One report per zone, in their order.
std::vector<ZoneReport> make_security_report(const ReportFacts& facts);

}  // namespace lineshaft::auth
