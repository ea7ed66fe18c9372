#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/policy_diagnostic.h"
#include "auth/policy_snapshot.h"
#include "auth/policy_values.h"

/// A policy document as it was meant: every value read and checked by itself, names resolved.
/// Between `read_policy` and `PolicyBody`; nobody else needs it.
namespace lineshaft::auth {

/// Collects what there is to say about a document.
class PolicyReport {
 public:
  explicit PolicyReport(const Positions& positions) : positions_(positions) {}

  void error(std::string_view pointer, std::string message, std::string advice);
  void lint(std::string_view pointer, std::string message, std::string advice);

  bool has_errors() const { return errors_ > 0; }
  std::string text(std::string_view pointer) const { return positions_.text(pointer); }
  /// Errors first, each kind in the order it was found.
  std::vector<Diagnostic> take();

 private:
  void add(Diagnostic::Severity severity, std::string_view pointer, std::string message,
           std::string advice);

  const Positions& positions_;
  std::vector<Diagnostic> diagnostics_;
  std::size_t errors_ = 0;
  std::size_t left_out_ = 0;
};

struct FilterSpec {
  std::string text;
  std::string pointer;
};

struct ZoneSpec {
  ZoneFacts facts;
  std::string pointer;
  std::vector<FilterSpec> owns;
  std::vector<FilterSpec> command_topics;
};

/// Parts of $SYS; bits.
inline constexpr std::uint8_t sys_metrics = 1;
inline constexpr std::uint8_t sys_clients = 2;
inline constexpr std::uint8_t sys_audit = 4;

struct RoleSpec {
  std::string name;
  std::string pointer;
  std::vector<FilterSpec> publish;
  std::vector<FilterSpec> subscribe;
  std::vector<FilterSpec> deny;
  SparkplugTypes publishes = sparkplug_data;
  std::uint8_t sys = 0;
};

struct ConduitSpec {
  std::string pointer;
  std::size_t from = 0;
  std::size_t to = 0;
  std::vector<FilterSpec> topics;
  std::vector<FilterSpec> except;
  bool via_publish = true;
  bool via_subscribe = true;
  /// Empty: any role.
  std::vector<std::size_t> roles;
  std::uint8_t min_strength = 4;
  /// 0, 12 or 13.
  std::uint8_t min_tls = 12;
  SparkplugTypes types = sparkplug_data;
  bool allows_commands = false;
  QoS qos_max = QoS::exactly_once;
  bool retain = true;
  /// 0: no limit.
  double messages_per_s = 0;
  double bytes_per_s = 0;
  std::optional<std::uint32_t> max_payload;
  /// Empty: always.
  std::vector<WeekWindow> hours;
  std::optional<WallTime> until;
  bool is_monitor = false;

  bool has_bucket() const { return messages_per_s > 0 || bytes_per_s > 0; }
  /// Something of it depends on the message, not only on its topic.
  bool has_limits() const {
    return has_bucket() || max_payload || qos_max != QoS::exactly_once || !retain;
  }
  bool is_active(WallTime now) const;
};

struct PolicySpec {
  std::vector<ZoneSpec> zones;
  std::vector<RoleSpec> roles;
  std::vector<ConduitSpec> conduits;
};

/// Reads the document; what is wrong with it goes to `report`, and then the result is incomplete.
PolicySpec read_policy(const nlohmann::json& document, PolicyReport& report);

/// Errors that only show when everything is read, and what is allowed but hardly meant.
void check_meaning(const PolicySpec& spec, WallTime now, PolicyReport& report);

/// How particular an owner's filter is: compare, the greater one owns the topic.
struct Specificity {
  std::uint8_t prefix = 0;
  std::uint8_t literals = 0;
  friend auto operator<=>(const Specificity&, const Specificity&) = default;
};
Specificity specificity_of(std::string_view filter);

/// The topic that `topic` stands for; `topic` itself if it stands for none.
std::string_view judged_topic(std::string_view topic);
/// One step on the way there: "$frame/10s/$lkv/a" stands for "$lkv/a" first.
std::string_view next_judged(std::string_view topic);

}  // namespace lineshaft::auth
