#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/time.h"
#include "broker/net/byte_stream.h"
#include "broker/net/tls_context.h"
#include "broker/net/tls_options.h"

namespace lineshaft::net {

/// What an operator wants to know about a listener's TLS, see `TlsLayer::facts`.
struct TlsFacts {
  std::string listener;
  /// The files in force are those on the disk; false: the last reload failed, the old are used.
  bool files_in_force = true;
  /// When the files in force were read.
  WallTime loaded{};
  std::uint64_t reloads = 0;
  std::uint64_t reload_failures = 0;
  /// The time until `at` may be negative.
  std::vector<TlsExpiry> expiries;
};

/// The TLS of one listener: gives each new connection a `TlsStream` with what the files say now.
///
/// `wrap` and `facts` may be called on any thread, the rest on one.
class TlsLayer final : public LayerFactory {
 public:
  /// Reads the files; `problem` says why there is none.
  static std::shared_ptr<TlsLayer> make(std::string listener, TlsOptions options, WallTime now,
                                        std::optional<TlsProblem>& problem);

  std::unique_ptr<ByteStream> wrap(std::unique_ptr<ByteStream> below, const core::Peer& peer,
                                   AddressCheck check) const override;

  /// Every `limits::tls_files_poll` or so: reads the files again when one has changed and none
  /// has changed since the last call, so that a certificate is not taken without its new key; and
  /// when the ticket keys are old, to draw new ones. Says once when something ends in 30, 7 or 1
  /// days or has ended. Connections go on as they are.
  void poll(WallTime now);
  /// Reads the files again, changed or not. On a problem the old ones stay in force, and log,
  /// counter and `facts` say so. True: what was read is in force.
  bool reload(WallTime now);

  TlsFacts facts() const;

 private:
  TlsLayer(std::string listener, TlsOptions options)
      : listener_(std::move(listener)), options_(std::move(options)) {}

  std::shared_ptr<const TlsContext> context() const;
  void warn_of_ends(WallTime now);

  const std::string listener_;
  const TlsOptions options_;
  /// Of the files when they were last read, and at the last poll.
  std::string read_state_;
  std::string seen_state_;
  WallTime ticket_keys_drawn_{};
  /// Of each of the context's expiries: how many of the warnings were given.
  std::vector<std::size_t> warned_;

  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> context_;
  TlsFacts facts_;
};

/// Checks the files of a listener that is not opened: nothing, or what is wrong.
std::optional<TlsProblem> check_tls(const TlsOptions& options);

}  // namespace lineshaft::net
