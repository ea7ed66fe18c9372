#include "broker/app/cert_verb.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cctype>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "broker/app/cert_folder.h"
#include "broker/app/config_error.h"
#include "broker/app/written_files.h"

namespace lineshaft::app {
namespace {

Milliseconds in_days(int days) { return days * std::chrono::hours{24}; }

std::tm calendar(WallTime time) {
  return fmt::gmtime(static_cast<std::time_t>(time.time_since_epoch().count() / 1000));
}
std::string date(WallTime time) { return fmt::format("{:%Y-%m-%d}", calendar(time)); }
std::string date_and_time(WallTime time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", calendar(time));
}

/// As others print them: capitals, and colons between the bytes.
std::string plain_serial(const std::string& text) {
  std::string digits;
  for (const char c : text) {
    if (c != ':') digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  const bool is_serial =
      digits.size() == 32 && digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_serial ? digits : text;
}

const char* state_of(const IssuedCertificate& one, WallTime now) {
  if (one.revoked) return "revoked";
  return one.facts.validity.end <= now ? "expired" : "valid";
}

void init_folder(const CertOptions& options, CertFolder& folder) {
  folder.init(options.trust_domain, options.zones, options.hosts);
  fmt::print("{}", cert_config(folder.path({}), options.trust_domain, options.zones));
  fmt::print(stderr,
             "{0} has a root, the CAs of {1} zones and the broker's certificate, for {2}.\n"
             "Next: `lineshaft cert issue {0} NAME --zone ZONE --role ROLE` for each client.\n"
             "The lines on standard output belong into the broker's configuration.\n"
             "The revocation lists end on {3}; before, `lineshaft cert crl {0}` renews them.\n",
             options.folder, options.zones.size(), fmt::join(options.hosts, ", "),
             date(folder.lists_end()));
}

void add_zone(const CertOptions& options, CertFolder& folder) {
  const std::string import =
      options.import_file.empty() ? std::string() : read_whole_file(options.import_file);
  folder.add_zone(options.zone, import);
  fmt::print("[pki.issuers]\n{} = [{}]\n", in_quotes(folder.path(options.zone + ".crt")),
             in_quotes(options.zone));
  fmt::print(stderr,
             "The CA of zone {} is in {}; the line on standard output belongs below "
             "[pki.issuers].\n",
             options.zone, folder.path("trust.pem"));
  if (!import.empty()) {
    fmt::print(stderr,
               "Its revocation lists are somebody else's: keep them in a folder, with a link to "
               "crl.pem, and name the folder as `crl` in [pki]. Without them nobody of this zone "
               "is let in.\n");
  }
}

void issue(const CertOptions& options, CertFolder& folder) {
  CertFolder::Order order{options.zone, options.role,          options.name, options.key_type,
                          {},           in_days(options.days), options.out};
  if (!options.request_file.empty()) order.request = read_whole_file(options.request_file);
  const auto made = folder.issue(order);
  const auto& identity = made.facts.identity;
  fmt::print("{}, zone {}, role {}: valid until {}, serial {}\n", identity.name, identity.zone,
             identity.role, date(made.facts.validity.end), made.facts.serial);
  fmt::print("  certificate {}\n", made.cert_file);
  if (!made.key_file.empty()) fmt::print("  key         {}\n", made.key_file);
}

void revoke(const CertOptions& options, CertFolder& folder) {
  const auto done =
      folder.revoke(plain_serial(options.name), options.zone, in_days(options.list_days));
  for (const IssuedCertificate& one : done) {
    fmt::print("{}, zone {}, serial {} is revoked.\n", one.facts.identity.name,
               one.facts.identity.zone, one.facts.serial);
  }
  if (done.empty()) {
    fmt::print("{} was revoked already.\n", options.name);
    return;
  }
  fmt::print("{} is new; a running broker reads it by itself, or at once with SIGHUP.\n",
             folder.path("crl.pem"));
}

nlohmann::ordered_json as_json(const IssuedCertificate& one, WallTime now) {
  nlohmann::ordered_json json{{"name", one.facts.identity.name},
                              {"zone", one.facts.identity.zone},
                              {"role", one.facts.identity.role},
                              {"serial", one.facts.serial},
                              {"not_before", date_and_time(one.facts.validity.begin)},
                              {"not_after", date_and_time(one.facts.validity.end)},
                              {"state", state_of(one, now)}};
  if (one.revoked) json["revoked_at"] = date_and_time(*one.revoked);
  return json;
}

void list_certificates(const CertOptions& options, const CertFolder& folder, WallTime now) {
  const auto all = folder.issued();
  const WallTime end = folder.lists_end();
  if (options.json) {
    nlohmann::ordered_json page{{"trust_domain", folder.trust_domain()},
                                {"zones", folder.zones()},
                                {"revocation_lists_end", date_and_time(end)},
                                {"certificates", nlohmann::ordered_json::array()}};
    for (const auto& one : all) page["certificates"].push_back(as_json(one, now));
    fmt::print("{}\n", page.dump(2));
    return;
  }
  constexpr const char* row = "{:<20} {:<10} {:<12} {:<10} {:<8} {}\n";
  fmt::print(fmt::runtime(row), "NAME", "ZONE", "ROLE", "ENDS", "STATE", "SERIAL");
  for (const auto& one : all) {
    const auto& identity = one.facts.identity;
    fmt::print(fmt::runtime(row), identity.name, identity.zone, identity.role,
               date(one.facts.validity.end), state_of(one, now), one.facts.serial);
  }
  fmt::print("The revocation lists end on {}.\n", date(end));
}

void renew_lists(const CertOptions& options, CertFolder& folder) {
  const auto unchanged = folder.renew_lists(in_days(options.list_days));
  fmt::print("{} is new; its lists end on {}.\n", folder.path("crl.pem"), date(folder.lists_end()));
  for (const std::string& name : unchanged) {
    fmt::print(stderr, "lineshaft: not renewed: {}, for its key is not in {}.\n", name,
               folder.path("private"));
  }
}

void renew_server(const CertOptions& options, CertFolder& folder) {
  const auto facts = folder.renew_server(options.hosts);
  fmt::print("{}, for {}: valid until {}\n", folder.path("server.crt"),
             fmt::join(options.hosts, ", "), date(facts.validity.end));
}

void act(const CertOptions& options, CertFolder& folder, WallTime now) {
  switch (options.act) {
    case CertOptions::Act::init:
      return init_folder(options, folder);
    case CertOptions::Act::zone:
      return add_zone(options, folder);
    case CertOptions::Act::issue:
      return issue(options, folder);
    case CertOptions::Act::revoke:
      return revoke(options, folder);
    case CertOptions::Act::list:
      return list_certificates(options, folder, now);
    case CertOptions::Act::lists:
      return renew_lists(options, folder);
    case CertOptions::Act::server:
      return renew_server(options, folder);
  }
}

}  // namespace

std::string cert_config(const std::string& folder, const std::string& trust_domain,
                        const std::vector<std::string>& zones) {
  const auto file = [&](const std::string& name) {
    return in_quotes((folder.ends_with('/') ? folder : folder + "/") + name);
  };
  std::string issuers, names;
  for (const std::string& zone : zones) {
    issuers += fmt::format("{} = [{}]\n", file(zone + ".crt"), in_quotes(zone));
    names += (names.empty() ? "" : ", ") + in_quotes(zone);
  }
  return fmt::format(R"(authorization = "zones"

[listeners.plant]
bind = "0.0.0.0:8883"
zones = [{names}]

[listeners.plant.tls]
cert_file = {server}
key_file = {key}
client_certificate = "require"

[pki]
trust = {trust}
crl = {lists}
trust_domain = "{domain}"

[pki.issuers]
{issuers}
[[identity]]
from = "san_uri"
match = "spiffe://{domain}/zone/{{zone}}/role/{{role}}/{{name}}"
require = true

[[identity]]
from = "ou"
match = "{{zone}}"
require = true
)",
                     fmt::arg("names", names), fmt::arg("server", file("server.crt")),
                     fmt::arg("key", file("server.key")), fmt::arg("trust", file("trust.pem")),
                     fmt::arg("lists", file("crl.pem")), fmt::arg("domain", trust_domain),
                     fmt::arg("issuers", issuers));
}

ExitCode cert(CertOptions options, const std::string& host_name, WallTime now) {
  if (options.hosts.empty()) {
    options.hosts = {"localhost", "127.0.0.1", "::1"};
    // Names with an underscore exist and are none for certificates.
    if (auth::is_host(host_name)) options.hosts.insert(options.hosts.begin(), host_name);
  }
  try {
    CertFolder folder(options.folder, now);
    act(options, folder, now);
    return ExitCode::ok;
  } catch (const VerbFailure& failure) {
    fmt::print(stderr, "lineshaft: {}.\n", failure.what);
    return failure.exit_code;
  }
}

}  // namespace lineshaft::app
