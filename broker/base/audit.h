#pragma once

#include <cstdint>
#include <string_view>

namespace lineshaft {

/// One fact for the audit log: who tried or did what, and what became of it. Fields that mean
/// nothing for a type stay empty. Never a payload, never a secret.
///
/// The log adds the number of the record, the time, the start of the broker and the hash chain.
struct AuditRecord {
  /// What happened, past tense: "publish_denied", "login_refused". Occurs once in the code.
  std::string_view type;
  /// Of the identity.
  std::string_view zone = {};
  /// Name of the user or of the certificate; as claimed where it was not proven.
  std::string_view identity = {};
  /// Client Identifier.
  std::string_view client = {};
  /// Where it comes from, without a port.
  std::string_view address = {};
  /// "connect", "publish", "will", "subscribe", "deliver", "admin".
  std::string_view op = {};
  /// Topic Name or Topic Filter.
  std::string_view topic = {};
  /// A reason code of the policy, or the MQTT Reason Code by name.
  std::string_view reason = {};
  /// The rule that decided: "lineshaft.toml:14:3", or its number.
  std::string_view rule = {};
  /// Of the policy in force; 0 without one.
  std::uint32_t epoch = 0;
  /// A client can cause it as often as it likes: equal ones (type, identity, client, op, reason,
  /// rule) of one second become one record with their number.
  bool is_repeatable = false;
};

/// Takes records; implemented by `auth`.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  /// Any thread; must not wait for a disk. The texts are gone when it returns.
  virtual void write(const AuditRecord& record) noexcept = 0;
};

/// Where records go from now on; null: nowhere. The one before must live until no thread that
/// audits is inside it: set it before such threads start and change it after they have ended.
void set_audit_sink(AuditSink* sink);

/// Hands a record to the audit log. Any thread; never blocks; without a sink it does nothing.
void audit(const AuditRecord& record);

}  // namespace lineshaft
