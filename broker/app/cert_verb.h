#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auth/certificate_authority.h"
#include "broker/app/exit_code.h"
#include "broker/base/time.h"

namespace lineshaft::app {

/// What `lineshaft cert` was asked to do.
struct CertOptions {
  enum class Act : std::uint8_t { init, zone, issue, revoke, list, lists, server };

  Act act = Act::init;
  std::string folder;
  std::string trust_domain = "plant1";
  std::vector<std::string> zones;
  /// Names and addresses of the broker; empty: this machine's.
  std::vector<std::string> hosts;
  std::string zone;
  std::string role;
  /// A client; for `revoke` a serial number as well.
  std::string name;
  auth::KeyType key_type = auth::KeyType::p256;
  /// A request of a client that keeps its key.
  std::string request_file;
  /// A CA of somebody else.
  std::string import_file;
  /// Where key and certificate go; empty: the zone's folder.
  std::string out;
  int days = 365;
  int list_days = 90;
  bool json = false;
};

/// Keeps a small certificate authority in a folder: see `CertFolder`. Without other names the
/// broker's certificate is for `host_name` and this machine itself.
ExitCode cert(CertOptions options, const std::string& host_name, WallTime now);

/// The lines of the configuration for a folder that `init` has made.
std::string cert_config(const std::string& folder, const std::string& trust_domain,
                        const std::vector<std::string>& zones);

}  // namespace lineshaft::app
