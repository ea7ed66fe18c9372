#include "broker/app/policy_input.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "auth/certificate_leaf.h"
#include "broker/net/tls_files.h"

namespace lineshaft::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::string_view key_prefix = "sha256:";

std::string resolved(const PolicyPlaces& places, const std::string& pointer,
                     const std::string& path) {
  const auto place = places.find(pointer);
  if (path.empty() || place == places.end()) return path;
  return (fs::path(place->second.file).parent_path() / path).lexically_normal().string();
}

const Json* pki_of(const PolicyDocument& policy) {
  if (policy.json == nullptr) return nullptr;
  const auto pki = policy.json->find("pki");
  return pki != policy.json->end() && pki->is_object() ? &*pki : nullptr;
}

std::string path_of(const PolicyDocument& policy, const std::string& pointer) {
  if (policy.json == nullptr) return {};
  const Json::json_pointer key(pointer);
  if (!policy.json->contains(key) || !policy.json->at(key).is_string()) return {};
  return resolved(policy.places, pointer, policy.json->at(key).get<std::string>());
}

/// Reads what [pki] names, and collects what cannot be used.
class PkiReader {
 public:
  PkiReader(const PolicyDocument& policy, auth::TrustView::Files& files)
      : policy_(policy), files_(files) {}

  /// The issuers by their keys instead of their files.
  Json issuers(const Json& named, PolicyPlaces& places) {
    Json by_key = Json::object();
    for (const auto& [name, zones] : named.items()) {
      const std::string pointer = "/pki/issuers/" + pointer_part(name);
      std::string key = name;
      if (!name.starts_with(key_prefix)) {
        const auto read = issuer_key(resolved(policy_.places, pointer, name), pointer);
        if (!read) continue;
        key = *read;
      }
      if (by_key.contains(key)) {
        problem(pointer, fmt::format("issuer {} has the key of another one", in_quotes(name)),
                "Name each issuer once, with all its zones.");
        continue;
      }
      by_key[key] = zones;
      move_places(places, pointer, "/pki/issuers/" + pointer_part(key));
    }
    return by_key;
  }

  std::string file(const std::string& path, const std::string& pointer) {
    net::TlsFile read = net::read_tls_file(path);
    if (read.content && !read.content->empty()) return std::move(*read.content);
    problem(pointer, read.content ? path + " is empty" : read.problem,
            "Check the name, and that this user may read it.");
    return {};
  }

  void trust(const std::string& path) {
    if (!path.empty()) files_.trust.push_back({path, file(path, "/pki/trust")});
  }

  void lists(const std::string& path) {
    if (path.empty()) return;
    std::error_code ec;
    if (!fs::is_directory(path, ec)) {
      files_.lists.push_back({path, file(path, "/pki/crl")});
      return;
    }
    const auto names = net::list_crl_dir(path);
    if (!names || names->empty()) {
      problem("/pki/crl", path + (names ? " has no file in it" : " cannot be listed"),
              "Put a list of each CA there, or take crl away.");
      return;
    }
    for (const std::string& each : *names) files_.lists.push_back({each, file(each, "/pki/crl")});
  }

  std::vector<ConfigProblem>& problems() { return problems_; }

 private:
  std::optional<std::string> issuer_key(const std::string& path, const std::string& pointer) {
    std::string pem = file(path, pointer);
    if (pem.empty()) return std::nullopt;
    const auto keys = auth::spki_hashes(pem);
    if (!keys || keys->size() != 1) {
      problem(pointer,
              fmt::format("{} {}", path,
                          keys ? "holds more than one certificate, and which one is meant is not "
                                 "said"
                               : "holds no certificate in PEM, or a damaged one"),
              "Name the certificate of the CA that signs the clients' directly.");
      return std::nullopt;
    }
    files_.issuers.push_back({path, std::move(pem)});
    return auth::to_spki_text(keys->front());
  }

  static void move_places(PolicyPlaces& places, const std::string& from, const std::string& to) {
    if (from == to) return;
    PolicyPlaces moved;
    for (auto each = places.lower_bound(from); each != places.end();) {
      const bool below = each->first == from || each->first.starts_with(from + "/");
      if (!each->first.starts_with(from)) break;
      if (below) moved[to + each->first.substr(from.size())] = each->second;
      each = below ? places.erase(each) : std::next(each);
    }
    places.merge(moved);
  }

  void problem(const std::string& pointer, std::string what, std::string remedy) {
    problems_.push_back({place_of(policy_.places, pointer), std::move(what), std::move(remedy)});
  }

  const PolicyDocument& policy_;
  auth::TrustView::Files& files_;
  std::vector<ConfigProblem> problems_;
};

Json listeners_json(const Options& options) {
  Json listeners = Json::object();
  for (const ListenerOptions& each : options.listeners) {
    Json& listener = listeners[each.name];
    listener = {{"zones", each.zones}};
    if (!each.client_id.empty()) listener["client_id"] = each.client_id;
  }
  return listeners;
}

/// Of the listeners' part, where the options stand.
void add_listener_places(const Options& options, PolicyPlaces& places) {
  for (const ListenerOptions& each : options.listeners) {
    const std::string pointer = "/listeners/" + pointer_part(each.name);
    for (const char* key : {"bind", "zones", "client_id"}) {
      const auto setting = options.settings.find(fmt::format("listeners.{}.{}", each.name, key));
      if (setting == options.settings.end()) continue;
      if (const auto place = parse_place(setting->second.where)) {
        places[std::string(key) == "bind" ? pointer : fmt::format("{}/{}", pointer, key)] = *place;
      }
    }
  }
}

}  // namespace

PkiPaths pki_paths(const PolicyDocument& policy) {
  PkiPaths paths{path_of(policy, "/pki/trust"), path_of(policy, "/pki/crl"), {}};
  const Json* pki = pki_of(policy);
  if (pki == nullptr || !pki->contains("issuers")) return paths;
  for (const auto& [name, zones] : (*pki)["issuers"].items()) {
    if (name.starts_with(key_prefix)) continue;
    paths.issuers.push_back(resolved(policy.places, "/pki/issuers/" + pointer_part(name), name));
  }
  return paths;
}

std::string shadow_path(const PolicyDocument& policy) { return path_of(policy, "/policy/shadow"); }

PolicyInput read_policy_input(const Options& options) {
  const PolicyDocument& policy = options.policy;
  PolicyInput input;
  input.places = policy.places;
  Json document = policy.json != nullptr ? *policy.json : Json::object();
  PkiReader reader(policy, input.files);
  const PkiPaths paths = pki_paths(policy);
  reader.trust(paths.trust);
  reader.lists(paths.crl);
  if (const Json* pki = pki_of(policy); pki != nullptr && pki->contains("issuers")) {
    const Json& named = (*pki)["issuers"];
    if (named.is_object()) document["pki"]["issuers"] = reader.issuers(named, input.places);
  }
  if (!reader.problems().empty()) throw ConfigError(std::move(reader.problems()));
  document["listeners"] = listeners_json(options);
  add_listener_places(options, input.places);
  input.document = std::make_shared<const Json>(std::move(document));
  return input;
}

FilesState policy_files_state(const Options& options) {
  const PkiPaths paths = pki_paths(options.policy);
  FilesState state;
  std::error_code ec;
  net::TlsOptions trust, lists;
  trust.ca_file = paths.trust;
  (fs::is_directory(paths.crl, ec) ? lists.crl_dir : lists.crl_file) = paths.crl;
  state["pki.trust"] = net::tls_files_state(trust);
  state["pki.crl"] = net::tls_files_state(lists);
  for (const std::string& each : paths.issuers) {
    net::TlsOptions one;
    one.ca_file = each;
    state["pki.issuers"] += net::tls_files_state(one);
  }
  return state;
}

FilesState listener_files_state(const Options& options) {
  FilesState state;
  for (const ListenerOptions& each : options.listeners) {
    if (!each.tls.on()) continue;
    state[fmt::format("listeners.{}.tls", each.name)] = net::tls_files_state(each.tls);
  }
  return state;
}

void apply_pki(Options& options) {
  const PkiPaths paths = pki_paths(options.policy);
  std::error_code ec;
  const bool is_folder = fs::is_directory(paths.crl, ec);
  for (ListenerOptions& each : options.listeners) {
    net::TlsOptions& tls = each.tls;
    if (!tls.on() || tls.client_certificate == net::ClientCertificate::none) continue;
    if (tls.ca_file.empty()) tls.ca_file = paths.trust;
    if (tls.crl_file.empty() && tls.crl_dir.empty()) {
      (is_folder ? tls.crl_dir : tls.crl_file) = paths.crl;
      // These lists the policy knows too, and says what a certificate is worth without them. Those
      // of its own only TLS knows.
      tls.passes_ended_crl = !paths.crl.empty();
    }
  }
}

}  // namespace lineshaft::app
