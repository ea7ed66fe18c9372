#pragma once

#include <string_view>

#include "auth/policy_body.h"
#include "auth/policy_snapshot.h"

namespace lineshaft::auth {

/// One question about one principal: who it is in terms of the policy, looked up once.
class PolicyEvaluation {
 public:
  PolicyEvaluation(const PolicySnapshot& snapshot, const core::Principal& principal,
                   std::string_view client_id);

  Decision decide(Op op, std::string_view topic, const MessageAttributes& attributes) const;
  /// May anybody of the zone publish there, whatever the role? `allowed`, or why not.
  PolicyReason decide_zone(std::string_view topic) const;

  /// Why the principal may do nothing at all; `allowed`: it may do what its roles say.
  PolicyReason refusal() const { return refusal_; }
  std::uint8_t zone() const { return zone_; }
  const RoleBits& roles() const { return roles_; }
  const Variables& variables() const { return variables_; }
  /// Parts of $SYS it may read.
  std::uint8_t sys() const;
  bool is_island(std::uint8_t zone) const { return has_bit(snapshot_.islands_, zone); }
  bool is_active(std::size_t conduit) const { return has_bit(snapshot_.active_, conduit); }
  /// A `deny` has a variable that stands for nothing: then it denies everything.
  bool is_denied_everywhere() const;
  /// The same for what a conduit excepts.
  bool is_excepted_everywhere(const CompiledConduit& conduit) const;

  /// A topic in the terms of the policy.
  struct Judged {
    std::string_view topic;
    SlotList slots;
    SparkplugType type = SparkplugType::none;
    std::uint8_t owner = no_zone;
    bool is_command = false;
  };
  void judge(std::string_view topic, Judged& judged) const;

  /// Conditions of a conduit behind its topics, without its time; `allowed`, or the first that
  /// fails.
  PolicyReason conduit_condition(const CompiledConduit& conduit, Op op, const Judged& judged,
                                 const MessageAttributes& attributes) const;
  /// Those that do not depend on the message.
  PolicyReason conduit_condition(const CompiledConduit& conduit, SparkplugType type,
                                 bool is_command) const;

 private:
  /// The first of `wanted` that the slot's bits have; -1: none.
  int first_common(const SparseBits& bits, const RoleBits& wanted) const;
  /// The lowest rule of `kind` that gives one of the slots to one of `wanted`; no_rule: none.
  std::uint16_t find_role_rule(const SlotList& slots, RuleKind kind, const RoleBits& wanted) const;
  Decision decide_role(Op op, const Judged& judged) const;
  Decision decide_unowned(Op op, const Judged& judged, const RoleBits& roles) const;
  Decision decide_conduit(Op op, const Judged& judged, const MessageAttributes& attributes) const;
  Decision try_conduit(std::uint32_t index, Op op, const Judged& judged,
                       const MessageAttributes& attributes, Decision& best) const;
  /// The word of bits by conduit: those whose topics match and who do not except it.
  std::uint64_t candidates(const Judged& judged, std::uint32_t word) const;
  Decision pass(const CompiledConduit& conduit, Op op, PolicyReason reason) const;

  const PolicySnapshot& snapshot_;
  const PolicyBody& body_;
  const core::Principal& principal_;
  Variables variables_;
  RoleBits roles_{};
  std::uint8_t zone_ = no_zone;
  /// Variables that stand for nothing; bits.
  std::uint8_t unsafe_ = 0;
  PolicyReason refusal_ = PolicyReason::allowed;
};

inline bool is_publish(Op op) { return op == Op::publish || op == Op::will; }

}  // namespace lineshaft::auth
