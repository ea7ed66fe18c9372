#include "broker/core/quotas.h"

namespace lineshaft::core {
namespace {

/// The same for two principals that `is_same`, and only then.
std::string identity_key(const Principal& identity) {
  const ProofFamily family = family_of(identity.proof);
  std::string key(1, static_cast<char>(family));
  if (family == ProofFamily::certificate) key += identity.issuer_spki + identity.zone + '\0';
  return key + identity.name;
}

}  // namespace

Quotas::Use Quotas::of(const Principal& identity) const {
  const auto found = uses_.find(identity_key(identity));
  return found == uses_.end() ? Use{} : found->second;
}

void Quotas::pass_session(const Principal* from, const Principal* to) {
  change(to, &Use::sessions, 1);
  change(from, &Use::sessions, -1);
}

void Quotas::pass_retained(const Principal* from, const Principal* to) {
  change(to, &Use::retained, 1);
  change(from, &Use::retained, -1);
}

void Quotas::change(const Principal* identity, std::size_t Use::*what, int by) {
  if (identity == nullptr || identity->is_anonymous()) return;
  const auto entry = uses_.try_emplace(identity_key(*identity)).first;
  Use& use = entry->second;
  use.*what += static_cast<std::size_t>(by);
  if (use.sessions + use.connections + use.retained == 0) uses_.erase(entry);
}

}  // namespace lineshaft::core
