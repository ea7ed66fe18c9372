#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/app/config_error.h"
#include "broker/app/options.h"
#include "broker/base/time.h"
#include "broker/net/tls_layer.h"

namespace lineshaft::app {

/// Reads the TLS files of every listener and reports all that cannot be used. Throws `ConfigError`.
/// Apart from `load_options`, which looks at what is written and not at other files.
void check_tls_files(const Options& options);

/// The TLS of all listeners that have it. Used by the main thread, `facts` by any.
class TlsSetup {
 public:
  /// Throws `ConfigError` like `check_tls_files`.
  TlsSetup(const Options& options, WallTime now);

  /// Null for a listener without TLS.
  std::shared_ptr<const net::LayerFactory> layer(const std::string& listener) const;

  /// See `net::TlsLayer`.
  void poll(WallTime now);
  void reload(WallTime now);

  /// One entry per listener with TLS: what `/metrics` shows.
  std::vector<net::TlsFacts> facts() const;

 private:
  struct One {
    std::string listener;
    std::shared_ptr<net::TlsLayer> layer;
  };
  std::vector<One> all_;
};

}  // namespace lineshaft::app
