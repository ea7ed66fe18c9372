#include "broker/app/cert_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "broker/app/config_error.h"
#include "broker/app/written_files.h"

namespace lineshaft::app {
namespace {

namespace fs = std::filesystem;

constexpr Milliseconds cert_day{std::int64_t{24} * 3600 * 1000};
/// Clocks of devices are not exact.
constexpr Milliseconds clock_slack{std::int64_t{3600} * 1000};
constexpr Milliseconds authority_validity = 3650 * cert_day;
constexpr Milliseconds server_validity = 730 * cert_day;
constexpr Milliseconds list_validity_at_first = 90 * cert_day;
constexpr unsigned public_mode = 0644, secret_mode = 0600;
constexpr ::mode_t folder_mode = 0755, private_folder_mode = 0700;
constexpr const char* trust_file = "trust.pem";
constexpr const char* lists_file = "crl.pem";
constexpr const char* root_name = "root";

VerbFailure wrong_usage(std::string what) { return {ExitCode::usage, std::move(what)}; }

template <class T>
T taken(auth::PkiResult<T> result, const std::string& of) {
  if (result) return *std::move(result);
  throw VerbFailure{ExitCode::config, of + ": " + result.error().what};
}

void make_folder(const std::string& path, ::mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 || ::chmod(path.c_str(), mode) != 0) {
    throw system_failure("cannot make the folder", path);
  }
}

bool is_there(const std::string& path) {
  std::error_code ec;
  return fs::exists(fs::symlink_status(path, ec));
}

/// Zones are files and folders beside others: no dot, and none of the names that are there.
void check_zone_name(const std::string& zone) {
  const bool reserved =
      zone == root_name || zone == "server" || zone == "private" || zone == "issued";
  if (auth::is_pki_name(zone) && zone.find('.') == std::string::npos && !reserved) return;
  throw wrong_usage(
      fmt::format("{} cannot be the name of a zone: 1 to 64 letters, digits and _:@-, and not "
                  "root, server, private or issued",
                  in_quotes(zone)));
}

void check_cert_name(const char* what, const std::string& name) {
  if (auth::is_pki_name(name)) return;
  throw wrong_usage(fmt::format(
      "{} cannot be the name of a {}: 1 to 64 letters, digits and ._:@-, no dot in front",
      in_quotes(name), what));
}

void check_hosts(const std::vector<std::string>& hosts) {
  for (const std::string& host : hosts) {
    if (auth::is_host(host)) continue;
    throw wrong_usage(fmt::format("{} is no host name and no address", in_quotes(host)));
  }
}

/// A folder beside the one that is to be; gone at the end unless it took that one's place.
class FolderInTheMaking {
 public:
  explicit FolderInTheMaking(const std::string& beside) : path_(beside + ".XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) throw system_failure("cannot make", path_);
  }
  ~FolderInTheMaking() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  FolderInTheMaking(const FolderInTheMaking&) = delete;
  FolderInTheMaking& operator=(const FolderInTheMaking&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

CertFolder::CertFolder(std::string path, WallTime now) : now_(now) {
  path_ = fs::absolute(std::move(path)).lexically_normal().string();
  while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
}

std::string CertFolder::path(const std::string& name) const { return path_ + "/" + name; }

auth::Validity CertFolder::validity(Milliseconds length,
                                    const auth::KeyedCertificate& below) const {
  auth::Validity validity{now_ - clock_slack, now_ + length};
  if (!below.certificate.empty()) {
    // What outlives its authority only looks valid.
    const auto end = taken(auth::read_certificate(below.certificate), path_).validity.end;
    validity.end = std::min(validity.end, end);
  }
  return validity;
}

void CertFolder::init(const std::string& trust_domain, const std::vector<std::string>& zones,
                      const std::vector<std::string>& hosts) {
  if (!auth::is_trust_domain(trust_domain)) {
    throw wrong_usage(fmt::format("{} cannot be a trust domain: 1 to 64 of a-z, 0-9 and .-_",
                                  in_quotes(trust_domain)));
  }
  for (const std::string& zone : zones) check_zone_name(zone);
  check_hosts(hosts);
  if (std::error_code ec; is_there(path_) && !fs::is_empty(path_, ec)) {
    throw wrong_usage(
        fmt::format("{} is there already and not empty; nothing was changed", in_quotes(path_)));
  }
  const FolderInTheMaking making(path_);
  CertFolder fresh(making.path(), now_);
  make_folder(fresh.path("private"), private_folder_mode);
  make_folder(fresh.path("issued"), folder_mode);
  const auto root = taken(
      auth::make_root_authority(trust_domain, fresh.validity(authority_validity, {})), "root");
  create_file(fresh.path("private/root.key"), root.key, secret_mode);
  create_file(fresh.path("root.crt"), root.certificate, public_mode);
  fresh.trust({root.certificate});
  const auto list = taken(
      auth::make_revocation_list(root, {{}, 1, fresh.validity(list_validity_at_first, root), {}}),
      lists_file);
  create_file(fresh.path(lists_file), list, public_mode);
  for (const std::string& zone : zones) fresh.add_zone(zone, {});
  const auto server = taken(auth::make_server_certificate(root, trust_domain, hosts,
                                                          fresh.validity(server_validity, root)),
                            "server");
  create_file(fresh.path("server.key"), server.key, secret_mode);
  create_file(fresh.path("server.crt"), server.certificate, public_mode);
  if (::chmod(making.path().c_str(), folder_mode) != 0 ||
      ::rename(making.path().c_str(), path_.c_str()) != 0) {
    throw system_failure("cannot make the folder", path_);
  }
}

void CertFolder::add_zone(const std::string& zone, const std::string& import) {
  check_zone_name(zone);
  const FolderLock lock(path_);
  if (is_there(path(zone + ".crt"))) {
    throw wrong_usage(fmt::format("there is a zone {} already", in_quotes(zone)));
  }
  if (import.empty()) {
    const auto root = authority(root_name, true);
    make_zone(zone, taken(auth::make_zone_authority(root, trust_domain(), zone,
                                                    validity(authority_validity, root)),
                          zone));
    return;
  }
  const auto certificates = taken(auth::split_certificates(import), "the file to import");
  for (const std::string& one : certificates) {
    if (const std::string problem = auth::authority_problem(one); !problem.empty()) {
      throw VerbFailure{ExitCode::config, "the file to import: " + problem};
    }
  }
  make_zone(zone, {certificates.front(), {}});
  trust(certificates);
}

void CertFolder::make_zone(const std::string& zone, const auth::KeyedCertificate& made) {
  make_folder(path(zone), folder_mode);
  create_file(path(zone + ".crt"), made.certificate, public_mode);
  if (made.key.empty()) return;
  create_file(path("private/" + zone + ".key"), made.key, secret_mode);
  // The list comes first: without one nobody below the authority is let in.
  const auto list = taken(
      auth::make_revocation_list(made, {{}, 1, validity(list_validity_at_first, made), {}}), zone);
  replace_file(path(lists_file), read_whole_file(path(lists_file)) + list, public_mode);
  trust({made.certificate});
}

void CertFolder::trust(const std::vector<std::string>& certificates) {
  std::string all = is_there(path(trust_file)) ? read_whole_file(path(trust_file)) : std::string();
  for (const std::string& one : certificates) {
    if (all.find(one) == std::string::npos) all += one;
  }
  replace_file(path(trust_file), all, public_mode);
}

auth::KeyedCertificate CertFolder::authority(const std::string& name, bool needs_key) const {
  const std::string certificate = path(name + ".crt"), key = path("private/" + name + ".key");
  if (!is_there(certificate)) {
    throw wrong_usage(
        name == root_name
            ? fmt::format("{} is no folder of `lineshaft cert init`", in_quotes(path_))
            : fmt::format("there is no zone {} in {}; there are: {}", in_quotes(name),
                          in_quotes(path_), fmt::join(zones(), ", ")));
  }
  if (needs_key && !is_there(key)) {
    throw VerbFailure{ExitCode::config,
                      fmt::format("{} is not there: whoever keeps the key of {} signs for it",
                                  in_quotes(key), in_quotes(certificate))};
  }
  return {read_whole_file(certificate), is_there(key) ? read_whole_file(key) : std::string()};
}

CertFolder::Delivery CertFolder::issue(const Order& order) {
  check_zone_name(order.zone);
  check_cert_name("role", order.role);
  check_cert_name("client", order.name);
  const FolderLock lock(path_);
  const auto zone = authority(order.zone, true);
  const std::string stem =
      (order.folder.empty() ? path(order.zone) : order.folder) + "/" + order.name;
  Delivery delivery{{}, stem + ".crt", order.request.empty() ? stem + ".key" : std::string()};
  for (const std::string& file : {delivery.cert_file, delivery.key_file}) {
    if (file.empty() || !is_there(file)) continue;
    throw wrong_usage(fmt::format(
        "{} is there already: move it away, or name another folder with --out", in_quotes(file)));
  }
  const auto made = taken(
      auth::make_client_certificate(zone, {trust_domain(), order.zone, order.role, order.name},
                                    validity(order.validity, zone), order.key_type, order.request),
      order.name);
  delivery.facts = taken(auth::read_certificate(made.certificate), order.name);
  // First what lets it be revoked, whatever happens to the rest.
  create_file(path("issued/" + delivery.facts.serial + ".crt"), made.certificate, public_mode);
  if (!delivery.key_file.empty()) create_file(delivery.key_file, made.key, secret_mode);
  create_file(delivery.cert_file, made.certificate + zone.certificate, public_mode);
  return delivery;
}

auth::CertificateFacts CertFolder::renew_server(const std::vector<std::string>& hosts) {
  check_hosts(hosts);
  const FolderLock lock(path_);
  const auto root = authority(root_name, true);
  const auto made = taken(
      auth::make_server_certificate(root, trust_domain(), hosts, validity(server_validity, root),
                                    read_whole_file(path("server.key"))),
      "server");
  replace_file(path("server.crt"), made.certificate, public_mode);
  return taken(auth::read_certificate(made.certificate), "server");
}

std::string CertFolder::trust_domain() const {
  return taken(auth::read_certificate(authority(root_name, false).certificate), "root.crt")
      .organization;
}

std::vector<std::string> CertFolder::zones() const {
  std::vector<std::string> names;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(path_, ec)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".crt" && name != root_name && name != "server") {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> CertFolder::authorities() const {
  std::vector<std::string> names = zones();
  names.insert(names.begin(), root_name);
  return names;
}

/// None for an authority of somebody else, whose lists are not ours to keep.
std::optional<auth::RevocationList> CertFolder::list_of(const std::string& name) const {
  const auto signer = authority(name, false);
  auto list = auth::read_revocation_list(read_whole_file(path(lists_file)), signer.certificate);
  if (list) return *std::move(list);
  if (signer.key.empty()) return std::nullopt;
  throw VerbFailure{
      ExitCode::config,
      fmt::format("{}: {} ({}). It is the only record of what was revoked: take it from a backup",
                  path(lists_file), list.error().what, name)};
}

std::vector<std::string> CertFolder::write_lists(Milliseconds length, const std::string& changed,
                                                 const std::vector<auth::Revocation>& more) {
  std::vector<std::string> unchanged;
  std::string all;
  for (const std::string& name : authorities()) {
    auto list = list_of(name);
    const auto signer = authority(name, name == changed);
    if (signer.key.empty()) {
      unchanged.push_back(name);
      if (list) all += list->pem;
      continue;
    }
    ++list->number;
    list->validity = validity(length, signer);
    if (name == changed) list->revoked.insert(list->revoked.end(), more.begin(), more.end());
    all += taken(auth::make_revocation_list(signer, *list), name);
  }
  replace_file(path(lists_file), all, public_mode);
  return unchanged;
}

std::vector<std::string> CertFolder::renew_lists(Milliseconds length) {
  const FolderLock lock(path_);
  return write_lists(length, {}, {});
}

std::vector<IssuedCertificate> CertFolder::issued() const {
  std::vector<IssuedCertificate> all;
  std::vector<auth::Revocation> revoked;
  for (const std::string& name : authorities()) {
    if (const auto list = list_of(name)) {
      revoked.insert(revoked.end(), list->revoked.begin(), list->revoked.end());
    }
  }
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(path("issued"), ec)) {
    if (entry.path().extension() != ".crt") continue;
    const std::string file = entry.path().string();
    IssuedCertificate one{taken(auth::read_certificate(read_whole_file(file)), file), {}};
    for (const auth::Revocation& each : revoked) {
      if (each.serial == one.facts.serial) one.revoked = each.at;
    }
    all.push_back(std::move(one));
  }
  if (ec) throw VerbFailure{ExitCode::config, path("issued") + ": " + ec.message()};
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    const auto key = [](const IssuedCertificate& one) {
      const auto& facts = one.facts;
      return std::tie(facts.identity.zone, facts.identity.name, facts.validity.begin, facts.serial);
    };
    return key(a) < key(b);
  });
  return all;
}

std::vector<IssuedCertificate> CertFolder::revoke(const std::string& which, const std::string& zone,
                                                  Milliseconds list_validity) {
  const FolderLock lock(path_);
  std::vector<IssuedCertificate> found;
  for (IssuedCertificate& one : issued()) {
    const auth::ClientIdentity& identity = one.facts.identity;
    const bool in_zone = zone.empty() || identity.zone == zone;
    if (in_zone && (identity.name == which || one.facts.serial == which)) {
      found.push_back(std::move(one));
    }
  }
  if (found.empty()) {
    throw wrong_usage(fmt::format("there is no certificate {}{} in {}", in_quotes(which),
                                  zone.empty() ? "" : " of zone " + zone, in_quotes(path_)));
  }
  const std::string& of = found.front().facts.identity.zone;
  for (const IssuedCertificate& one : found) {
    if (one.facts.identity.zone == of) continue;
    throw wrong_usage(fmt::format("{} is a name in several zones, {} and {}: say which with --zone",
                                  in_quotes(which), of, one.facts.identity.zone));
  }
  const std::string changed = of;
  std::erase_if(found, [](const IssuedCertificate& one) { return one.revoked.has_value(); });
  if (found.empty()) return found;
  std::vector<auth::Revocation> more;
  for (IssuedCertificate& one : found) {
    one.revoked = now_;
    more.push_back({one.facts.serial, now_});
  }
  write_lists(list_validity, changed, more);
  return found;
}

WallTime CertFolder::lists_end() const {
  WallTime end = WallTime::max();
  for (const std::string& name : authorities()) {
    if (const auto list = list_of(name)) end = std::min(end, list->validity.end);
  }
  return end;
}

}  // namespace lineshaft::app
