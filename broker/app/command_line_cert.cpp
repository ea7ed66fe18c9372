#include "broker/app/command_line_cert.h"

#include <CLI/CLI.hpp>
#include <map>

#include "broker/app/command_line.h"

namespace lineshaft::app {
namespace {

constexpr int days_max = 3650;

constexpr const char* cert_footer = R"(
A small certificate authority for a pilot: mutual TLS with a CA per zone in two minutes, see
docs/zones.md. Exit status: 0 done; 64 a name or a file is not right; 73 a file cannot be written;
78 the folder is damaged.)";

CLI::App* add_act(CLI::App& cert, Command& command, const char* name, const char* help,
                  CertOptions::Act act) {
  CLI::App* verb = cert.add_subcommand(name, help);
  verb->add_option("DIR", command.cert.folder, "The authority's folder")->required();
  verb->callback([&command, act] {
    command.verb = Command::Verb::cert;
    command.cert.act = act;
  });
  return verb;
}

void add_hosts(CLI::App& verb, CertOptions& options) {
  verb.add_option("--host", options.hosts,
                  "Names and addresses clients reach the broker by (default: this machine's name, "
                  "localhost, 127.0.0.1, ::1)")
      ->type_name("NAME")
      ->delimiter(',');
}

void add_list_days(CLI::App& verb, CertOptions& options) {
  verb.add_option("--list-days", options.list_days, "How long the revocation lists are good")
      ->check(CLI::Range(1, days_max))
      ->capture_default_str();
}

void add_issue(CLI::App& verb, CertOptions& options) {
  verb.add_option("NAME", options.name, "The client's name")->required();
  verb.add_option("--zone", options.zone, "Its zone")->required();
  verb.add_option("--role", options.role, "Its role")->required();
  verb.add_option("--days", options.days, "How long the certificate is good")
      ->check(CLI::Range(1, days_max))
      ->capture_default_str();
  auto* key = verb.add_option("--key-type", options.key_type, "p256 (default), p384 or rsa3072")
                  ->transform(CLI::CheckedTransformer(
                      std::map<std::string, auth::KeyType>{{"p256", auth::KeyType::p256},
                                                           {"p384", auth::KeyType::p384},
                                                           {"rsa3072", auth::KeyType::rsa3072}}))
                  ->type_name("TYPE");
  verb.add_option("--request", options.request_file,
                  "Certificate request (PKCS #10, PEM) of a client that keeps its key")
      ->type_name("FILE")
      ->excludes(key);
  verb.add_option("--out", options.out, "Where certificate and key go (default: DIR/ZONE)")
      ->type_name("FOLDER");
}

}  // namespace

void add_cert(CLI::App& app, Command& command) {
  using Act = CertOptions::Act;
  CertOptions& options = command.cert;
  CLI::App* cert = app.add_subcommand("cert", "Keep a small certificate authority with zones");
  cert->require_subcommand(1);
  cert->footer(cert_footer);

  CLI::App* init =
      add_act(*cert, command, "init", "Make one, and the lines for the configuration", Act::init);
  init->add_option("--zones", options.zones, "The zones, each gets a CA of its own")
      ->required()
      ->delimiter(',');
  init->add_option("--trust-domain", options.trust_domain, "The plant's name in certificates")
      ->capture_default_str();
  add_hosts(*init, options);

  add_issue(*add_act(*cert, command, "issue", "Make key and certificate of a client", Act::issue),
            options);

  CLI::App* revoke =
      add_act(*cert, command, "revoke", "Revoke a client's certificates", Act::revoke);
  revoke->add_option("NAME", options.name, "A name, or one serial number")->required();
  revoke->add_option("--zone", options.zone, "Which one, of a name in several zones");
  add_list_days(*revoke, options);

  CLI::App* list = add_act(*cert, command, "list", "List the clients' certificates", Act::list);
  list->add_flag("--json", options.json, "As JSON");

  add_list_days(*add_act(*cert, command, "crl", "Renew the revocation lists", Act::lists), options);
  add_hosts(*add_act(*cert, command, "server", "Renew the broker's certificate", Act::server),
            options);

  CLI::App* zone = add_act(*cert, command, "zone", "Add a zone", Act::zone);
  zone->add_option("ZONE", options.zone, "Its name")->required();
  zone->add_option("--import", options.import_file,
                   "A CA that is not ours (PEM): the one that signs this zone's certificates, "
                   "below it those that lead to its root")
      ->type_name("FILE");
}

}  // namespace lineshaft::app
