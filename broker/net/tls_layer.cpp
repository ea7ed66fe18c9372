#include "broker/net/tls_layer.h"

#include <array>
#include <utility>

#include "broker/base/limits.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "broker/net/tls_files.h"
#include "broker/net/tls_stream.h"

namespace lineshaft::net {
namespace {

constexpr std::int64_t day_ms = 24 * 3600 * 1000;
/// Days before the end at which it is said.
constexpr std::array<std::int64_t, 4> warnings_days = {30, 7, 1, 0};

/// How many of the warnings are due.
std::size_t warnings_due(Milliseconds left) {
  std::size_t due = 0;
  while (due < warnings_days.size() && left.count() <= warnings_days[due] * day_ms) ++due;
  return due;
}

}  // namespace

std::shared_ptr<TlsLayer> TlsLayer::make(std::string listener, TlsOptions options, WallTime now,
                                         std::optional<TlsProblem>& problem) {
  std::shared_ptr<TlsLayer> layer(new TlsLayer(std::move(listener), std::move(options)));
  layer->read_state_ = layer->seen_state_ = tls_files_state(layer->options_);
  auto loaded = TlsContext::load(layer->options_);
  if (auto* const wrong = std::get_if<TlsProblem>(&loaded)) {
    problem = std::move(*wrong);
    return nullptr;
  }
  layer->context_ = std::get<std::shared_ptr<const TlsContext>>(std::move(loaded));
  layer->facts_.listener = layer->listener_;
  layer->facts_.loaded = now;
  layer->ticket_keys_drawn_ = now;
  layer->facts_.expiries = layer->context_->expiries();
  layer->warned_.assign(layer->facts_.expiries.size(), 0);
  layer->warn_of_ends(now);
  return layer;
}

std::unique_ptr<ByteStream> TlsLayer::wrap(std::unique_ptr<ByteStream> below, const core::Peer&,
                                           AddressCheck) const {
  return std::make_unique<TlsStream>(std::move(below), context());
}

std::shared_ptr<const TlsContext> TlsLayer::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

void TlsLayer::poll(WallTime now) {
  std::string state = tls_files_state(options_);
  const bool settled = state == seen_state_;
  seen_state_ = std::move(state);
  const bool keys_are_old = now - ticket_keys_drawn_ >= limits::tls_ticket_keys_lifetime;
  if ((settled && seen_state_ != read_state_) || keys_are_old) reload(now);
  warn_of_ends(now);
}

bool TlsLayer::reload(WallTime now) {
  // Before reading: what changes meanwhile is seen by the next poll.
  read_state_ = seen_state_ = tls_files_state(options_);
  const auto before = context();
  const bool keys_are_old = now - ticket_keys_drawn_ >= limits::tls_ticket_keys_lifetime;
  // Tried once a day, whatever comes of it.
  if (keys_are_old) ticket_keys_drawn_ = now;
  auto loaded = TlsContext::load(options_, keys_are_old ? nullptr : before.get());
  if (const auto* const wrong = std::get_if<TlsProblem>(&loaded)) {
    count(Counter::tls_reload_failures);
    LINESHAFT_LOG(net, error, "tls_reload_failed", {"listener", listener_},
                  {"option", wrong->option}, {"why", wrong->what}, {"remedy", wrong->remedy},
                  {"effect", "the certificates and lists read before stay in force"});
    const std::lock_guard lock(mutex_);
    facts_.files_in_force = false;
    ++facts_.reload_failures;
    return false;
  }
  auto next = std::get<std::shared_ptr<const TlsContext>>(std::move(loaded));
  warned_.assign(next->expiries().size(), 0);
  {
    const std::lock_guard lock(mutex_);
    context_ = std::move(next);
    facts_.expiries = context_->expiries();
    facts_.files_in_force = true;
    facts_.loaded = now;
    ++facts_.reloads;
  }
  count(Counter::tls_reloads);
  LINESHAFT_LOG(net, info, "tls_reloaded", {"listener", listener_},
                {"effect", "new connections use the files as they are now"});
  return true;
}

void TlsLayer::warn_of_ends(WallTime now) {
  const std::vector<TlsExpiry> expiries = context()->expiries();
  for (std::size_t i = 0; i < expiries.size(); ++i) {
    const TlsExpiry& one = expiries[i];
    const std::size_t due = warnings_due(one.at - now);
    if (due <= warned_[i]) continue;
    warned_[i] = due;
    if (due == warnings_days.size()) {
      LINESHAFT_LOG(net, error, "certificate_expired", {"listener", listener_}, {"what", one.what},
                    {"file", one.file}, {"entry", one.entry}, {"name", one.name},
                    {"remedy", "put a new one in its place: it is read without a restart"});
    } else {
      LINESHAFT_LOG(net, warn, "certificate_expires", {"listener", listener_}, {"what", one.what},
                    {"file", one.file}, {"entry", one.entry}, {"name", one.name},
                    {"days", (one.at - now).count() / day_ms},
                    {"remedy", "put a new one in its place: it is read without a restart"});
    }
  }
}

TlsFacts TlsLayer::facts() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

std::optional<TlsProblem> check_tls(const TlsOptions& options) {
  auto loaded = TlsContext::load(options);
  if (auto* const wrong = std::get_if<TlsProblem>(&loaded)) return std::move(*wrong);
  return std::nullopt;
}

}  // namespace lineshaft::net
