#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "auth/certificate_ends.h"
#include "auth/identity_check.h"
#include "auth/policy_classes.h"
#include "auth/policy_snapshot.h"
#include "auth/zones_flows.h"
#include "auth/zones_gauges.h"
#include "auth/zones_overrides.h"
#include "auth/zones_rates.h"
#include "auth/zones_shadow.h"
#include "broker/core/interceptor.h"

namespace lineshaft::auth {

/// Zones and conduits at the core's points of decision (`authorization = "zones"`). Owned by the
/// core, called inside its turn only. What changes with the time, and what an operator switches for
/// a time (quarantine, island, break-glass), makes another snapshot of the same document.
class ZonesInterceptor final : public core::Interceptor {
 public:
  /// `identity`: what who is here is verified against once more; null: nobody is. `shadow`: a
  /// policy that is asked too and decides nothing; null: there is none. `gauges`: kept up to date.
  explicit ZonesInterceptor(PolicySnapshotPtr policy, IdentityRulesPtr identity = nullptr,
                            PolicySnapshotPtr shadow = nullptr,
                            std::shared_ptr<ZonesGauges> gauges = std::make_shared<ZonesGauges>());

  void on_install(core::Context& context) override;
  core::PolicyClass classify(const core::Subject& subject) override;
  core::ConnectVerdict on_connect(const core::Subject& subject) override;
  core::ConnectVerdict on_recheck(const core::Subject& subject) override;
  bool is_gone(const core::Principal& owner) const override;
  core::PublishVerdict on_publish(const core::Subject& subject, const Message& message) override;
  core::PublishVerdict on_will(const core::Subject& subject, const Message& message,
                               WillMoment moment) override;
  core::SubscribeVerdict on_subscribe(const core::Subject& subject,
                                      std::string_view filter) override;
  core::DeliverVerdict on_deliver(const core::Subject& subject, const Message& message) override;
  Milliseconds on_send(const core::Subject& subject, const Message& message) override;
  bool on_replay(const core::Principal* author, const Message& message) override;
  void on_restore(std::string_view family, std::string_view key, std::string_view value) override;
  void on_edge() override;
  void on_disconnect(const core::Subject& subject) override;
  void on_clock_set_back() override;
  core::RequestAnswer on_request(std::string_view verb, std::string_view body,
                                 const core::Subject* subject) override;

  const PolicySnapshot& policy() const { return *policy_; }

 private:
  class Memory;

  /// `allowed`, or why a principal has no place here as things are now.
  PolicyReason place_of(const core::Principal& principal) const;
  Decision decide(const core::Subject& subject, Op op, const Message& message);
  core::PublishVerdict publish_verdict(const core::Subject& subject, const Decision& decision);
  core::Cause cause_of(const Decision& decision) const;
  /// Asks the policy, not what is remembered of it.
  Decision ask(const core::Subject& subject, Op op, const Message& message);
  core::RequestAnswer explain(std::string_view body, const core::Subject* subject) const;
  core::RequestAnswer learn(std::string_view body) const;
  core::RequestAnswer answer_to(std::string_view verb, std::string_view body,
                                const core::Subject* subject);
  /// The same document with what holds now.
  void renew();
  /// Before the policy is asked: with what the store has kept.
  void take_restored();
  /// Somebody with a place is here.
  void saw(const core::Principal& principal);
  /// When the policy is another one by itself.
  void note_edge();
  /// Asks to be woken when something changes with the time.
  void arm();

  PolicySnapshotPtr policy_;
  const IdentityRulesPtr identity_;
  CertificateEnds ends_;
  ZonesOverrides overrides_;
  /// Some of them have come that the policy does not know yet.
  bool has_restored_ = false;
  /// When the policy changes with the time next.
  std::optional<WallTime> edge_;
  core::Context* context_ = nullptr;
  /// By what distinguishes their rights.
  PolicyClasses classes_;
  ZonesRates rates_;
  ZonesShadow shadow_;
  ZonesFlows flows_;
  const std::shared_ptr<ZonesGauges> gauges_;
};

/// A message that says no more than that its owner is gone: an NDEATH, or a STATE that is offline.
bool is_death_certificate(const Message& message);

}  // namespace lineshaft::auth
