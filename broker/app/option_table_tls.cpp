#include "broker/app/option_table.h"

namespace lineshaft::app {
namespace {

net::TlsOptions& tls(Options& options, std::string_view listener) {
  return listener_of(options, listener).tls;
}

template <auto member>
void set_file(Options& options, std::string_view listener, const Value& value) {
  tls(options, listener).*member = text(value);
}

constexpr std::string_view client_certificates[] = {"none", "optional", "require"};
constexpr std::string_view versions[] = {"1.2", "1.3"};

constexpr OptionSpec table[] = {
    {.name = "listeners.*.tls.cert_file",
     .kind = Kind::text,
     .example = "\"/etc/lineshaft/tls/server.crt\"",
     .takes = Takes::restart,
     .help = "PEM file with the broker's certificate and below it those that lead to the root. "
             "Switches TLS on. The file itself may change at any time.",
     .set = set_file<&net::TlsOptions::cert_file>},
    {.name = "listeners.*.tls.key_file",
     .kind = Kind::text,
     .example = "\"/etc/lineshaft/tls/server.key\"",
     .takes = Takes::restart,
     .help = "PEM file with its private key, without passphrase, readable by the broker only.",
     .set = set_file<&net::TlsOptions::key_file>},
    {.name = "listeners.*.tls.client_certificate",
     .kind = Kind::choice,
     .text = "none",
     .choices = client_certificates,
     .takes = Takes::restart,
     .help = "Whether clients show a certificate. One that is shown and not valid is refused with "
             "\"optional\" too.",
     .set =
         [](Options& o, std::string_view name, const Value& v) {
           tls(o, name).client_certificate = chosen<net::ClientCertificate>(client_certificates, v);
         }},
    {.name = "listeners.*.tls.ca_file",
     .kind = Kind::text,
     .example = "\"/etc/lineshaft/tls/clients-ca.crt\"",
     .takes = Takes::restart,
     .help = "PEM file with the CAs that sign client certificates; those of the system are not "
             "asked.",
     .set = set_file<&net::TlsOptions::ca_file>},
    {.name = "listeners.*.tls.crl_file",
     .kind = Kind::text,
     .example = "\"/etc/lineshaft/tls/clients.crl\"",
     .takes = Takes::restart,
     .help = "Revocation lists in PEM or DER. With this or crl_dir, every CA on the way to a "
             "client's certificate needs a list that has not ended, or the client is refused.",
     .set = set_file<&net::TlsOptions::crl_file>},
    {.name = "listeners.*.tls.crl_dir",
     .kind = Kind::text,
     .example = "\"/etc/lineshaft/tls/crl.d\"",
     .takes = Takes::restart,
     .help = "Folder of such files; no special names are needed.",
     .set = set_file<&net::TlsOptions::crl_dir>},
    {.name = "listeners.*.tls.psk_file",
     .kind = Kind::text,
     .example = "\"/etc/lineshaft/tls/gateways.psk\"",
     .takes = Takes::restart,
     .help = "Instead of certificates, for old gateways: lines identity:key, the key of 16 to 64 "
             "bytes in hexadecimal. Readable by the broker only.",
     .set = set_file<&net::TlsOptions::psk_file>},
    {.name = "listeners.*.tls.min_version",
     .kind = Kind::choice,
     .text = "1.2",
     .choices = versions,
     .takes = Takes::restart,
     .help = "Oldest version of TLS a client may speak; 1.3 is chosen whenever it can.",
     .set =
         [](Options& o, std::string_view name, const Value& v) {
           tls(o, name).min_version = chosen<net::TlsVersion>(versions, v);
         }},
};

}  // namespace

std::span<const OptionSpec> listener_tls_options() { return table; }

}  // namespace lineshaft::app
