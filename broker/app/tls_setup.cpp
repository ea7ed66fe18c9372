#include "broker/app/tls_setup.h"

#include <fmt/format.h>

#include <utility>

namespace lineshaft::app {
namespace {

ConfigProblem config_problem(const Options& options, const ListenerOptions& listener,
                             const net::TlsProblem& problem) {
  const std::string name = fmt::format("listeners.{}.tls.{}", listener.name, problem.option);
  const auto setting = options.settings.find(name);
  std::string where = setting != options.settings.end() ? setting->second.where : std::string{};
  if (where.empty()) {
    // The option is missing: its table begins with the one that switched TLS on.
    const std::string first = listener.tls.cert_file.empty() ? "psk_file" : "cert_file";
    const auto found =
        options.settings.find(fmt::format("listeners.{}.tls.{}", listener.name, first));
    if (found != options.settings.end()) where = found->second.where;
  }
  return {std::move(where), fmt::format("{}: {}", name, problem.what), problem.remedy};
}

/// Something about TLS is said and nothing switches it on.
std::optional<net::TlsProblem> check_switched_off(const net::TlsOptions& tls) {
  const char* said = nullptr;
  if (!tls.key_file.empty()) said = "key_file";
  if (!tls.ca_file.empty()) said = "ca_file";
  if (!tls.crl_file.empty()) said = "crl_file";
  if (!tls.crl_dir.empty()) said = "crl_dir";
  if (tls.client_certificate != net::ClientCertificate::none) said = "client_certificate";
  if (said == nullptr) return std::nullopt;
  return net::TlsProblem{said, "says nothing without cert_file: the listener would speak no TLS",
                         "Name the broker's certificate with cert_file."};
}

}  // namespace

void check_tls_files(const Options& options) {
  std::vector<ConfigProblem> problems;
  for (const ListenerOptions& each : options.listeners) {
    const auto problem = each.tls.on() ? net::check_tls(each.tls) : check_switched_off(each.tls);
    if (problem) problems.push_back(config_problem(options, each, *problem));
  }
  if (!problems.empty()) throw ConfigError(std::move(problems));
}

TlsSetup::TlsSetup(const Options& options, WallTime now) {
  for (const ListenerOptions& each : options.listeners) {
    if (!each.tls.on()) continue;
    std::optional<net::TlsProblem> problem;
    auto layer = net::TlsLayer::make(each.name, each.tls, now, problem);
    if (problem) throw ConfigError({config_problem(options, each, *problem)});
    all_.push_back({each.name, std::move(layer)});
  }
}

std::shared_ptr<const net::LayerFactory> TlsSetup::layer(const std::string& listener) const {
  for (const One& each : all_) {
    if (each.listener == listener) return each.layer;
  }
  return nullptr;
}

void TlsSetup::poll(WallTime now) {
  for (const One& each : all_) each.layer->poll(now);
}

void TlsSetup::reload(WallTime now) {
  for (const One& each : all_) each.layer->reload(now);
}

std::vector<net::TlsFacts> TlsSetup::facts() const {
  std::vector<net::TlsFacts> facts;
  for (const One& each : all_) facts.push_back(each.layer->facts());
  return facts;
}

}  // namespace lineshaft::app
