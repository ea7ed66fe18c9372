#include "broker/net/tls_context.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <optional>
#include <utility>

#include "broker/base/limits.h"
#include "broker/base/secret_file.h"
#include "broker/net/tls_files.h"
#include "broker/net/tls_peer.h"

namespace lineshaft::net {
namespace {

/// 1.2 with forward secrecy and authenticated encryption only, the cheap one first; 1.3 has no
/// others.
constexpr const char* ciphers_1_2 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/// The only suite with a pre-shared key that has both.
constexpr const char* ciphers_1_2_psk = "ECDHE-PSK-CHACHA20-POLY1305";
constexpr const char* ciphers_1_3 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* groups = "X25519:P-256:P-384";
constexpr int security_level = 2;
constexpr unsigned char session_context[] = "lineshaft";

/// A passphrase is never asked for: nobody sits in front of a broker.
int no_passphrase(char*, int, int, void*) { return 0; }

TlsPtr<BIO> reader(const std::string& bytes) {
  return TlsPtr<BIO>(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

WallTime wall_time(const ASN1_TIME* time) {
  std::tm parts{};
  // An unreadable date is one that has passed.
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return WallTime{};
  return WallTime{Milliseconds{std::int64_t{::timegm(&parts)} * 1000}};
}

/// After a PEM block could not be read: there was none left. Empties the error queue.
bool was_last_block() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

std::string text_of_name(const X509_NAME* name) {
  const TlsPtr<BIO> text(BIO_new(BIO_s_mem()));
  if (text == nullptr || X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string{};
}

/// By the clock that OpenSSL checks certificates with.
WallTime wall_now() {
  ASN1_TIME* const time = X509_gmtime_adj(nullptr, 0);
  const WallTime now = wall_time(time);
  ASN1_STRING_free(time);
  return now;
}

/// Writes into a ticket when its client was checked in full. A ticket of TLS 1.3 that follows
/// another one keeps that one's time: resuming again and again is no way around the checks.
int note_checked(SSL* ssl, void*) {
  return read_ticket(SSL_get_session(ssl)) || write_ticket(ssl, wall_now()) ? 1 : 0;
}

/// Ignored tickets lead to a full handshake, with a ticket of its own.
SSL_TICKET_RETURN judge_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                               SSL_TICKET_STATUS status, void*) {
  const bool renews = status == SSL_TICKET_SUCCESS_RENEW;
  if (!renews && status != SSL_TICKET_SUCCESS) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const auto* const context = static_cast<const TlsContext*>(SSL_get_app_data(ssl));
  const auto ticket = read_ticket(session);
  if (!ticket || context == nullptr) return SSL_TICKET_RETURN_IGNORE_RENEW;
  std::optional<WallTime> end;
  if (const X509* const certificate = SSL_SESSION_get0_peer(session)) {
    end = wall_time(X509_get0_notAfter(certificate));
  }
  if (!context->resumes(ticket->checked, end, wall_now())) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  return renews ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
}

/// What an ended list names stays refused; whether the others get in without a newer one is decided
/// where it is known who they are.
int pass_ended_list(int passed, X509_STORE_CTX* check) {
  if (passed == 1) return 1;
  if (X509_STORE_CTX_get_error(check) != X509_V_ERR_CRL_HAS_EXPIRED) return 0;
  X509_STORE_CTX_set_error(check, X509_V_OK);
  return 1;
}

TlsProblem damaged(std::string_view option, const std::string& path, std::size_t readable) {
  return {option, fmt::format("entry {} of {} is damaged or cut off", readable + 1, path),
          "Copy it again, under another name, and rename it when it is whole."};
}

}  // namespace

void TlsDelete::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
void TlsDelete::operator()(SSL* ssl) const { SSL_free(ssl); }
void TlsDelete::operator()(X509_STORE* store) const { X509_STORE_free(store); }
void TlsDelete::operator()(X509* certificate) const { X509_free(certificate); }
void TlsDelete::operator()(BIO* bio) const { BIO_free(bio); }

std::string take_tls_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* const reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : fmt::format("error {:#x}", code);
}

/// The steps of `load`; each says what is wrong, or nothing.
struct TlsContext::Loader {
  using Wrong = std::optional<TlsProblem>;

  const TlsOptions& options;
  TlsContext& made;
  EVP_MD_CTX* digest;

  SSL_CTX* context() { return made.context_.get(); }

  static TlsProblem without_memory() {
    return {"cert_file", "OpenSSL cannot make a context: " + take_tls_error(),
            "Look at the memory of this machine and at openssl.cnf."};
  }

  Wrong set_rules() {
    made.context_.reset(SSL_CTX_new(TLS_server_method()));
    if (made.context_ == nullptr) return without_memory();
    const bool only_1_3 = options.min_version == TlsVersion::v1_3;
    const bool psk = !options.psk_file.empty();
    SSL_CTX_set_security_level(context(), security_level);
    SSL_CTX_set_options(context(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE);
    // An idle connection holds no buffers. Writes are never partial: a client that asks for small
    // fragments gets many records from one call.
    SSL_CTX_set_mode(context(), SSL_MODE_RELEASE_BUFFERS);
    // One system call per read instead of one for each header and one for each body.
    SSL_CTX_set_read_ahead(context(), 1);
    SSL_CTX_set_max_early_data(context(), 0);
    SSL_CTX_set_max_cert_list(context(), limits::tls_certificates_size_bytes_max);
    SSL_CTX_set_default_passwd_cb(context(), no_passphrase);
    // Tickets only, and none for pre-shared keys: a resumed session has forgotten the identity.
    SSL_CTX_set_session_cache_mode(context(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context(), limits::tls_ticket_lifetime.count() / 1000);
    SSL_CTX_set_num_tickets(context(), psk ? 0 : 1);
    SSL_CTX_set_session_ticket_cb(context(), note_checked, judge_ticket, nullptr);
    if (psk) SSL_CTX_set_options(context(), SSL_OP_NO_TICKET);
    const bool taken =
        SSL_CTX_set_min_proto_version(context(), only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_max_proto_version(context(), 0) == 1 &&
        SSL_CTX_set_cipher_list(context(), psk ? ciphers_1_2_psk : ciphers_1_2) == 1 &&
        SSL_CTX_set_ciphersuites(context(), ciphers_1_3) == 1 &&
        SSL_CTX_set1_groups_list(context(), groups) == 1 &&
        SSL_CTX_set_session_id_context(context(), session_context, sizeof session_context - 1) == 1;
    if (!taken) return without_memory();
    return std::nullopt;
  }

  Wrong read(std::string_view option, const std::string& path, std::string& bytes) {
    auto file = read_tls_file(path);
    if (!file.content) {
      return TlsProblem{option, file.problem, "Check the path and that this user may read it."};
    }
    bytes = std::move(*file.content);
    return std::nullopt;
  }

  Wrong read_certificates(std::string_view option, const std::string& path, const std::string& pem,
                          std::vector<TlsPtr<X509>>& all) {
    const auto bytes = reader(pem);
    ERR_clear_error();
    while (X509* const one = PEM_read_bio_X509(bytes.get(), nullptr, no_passphrase, nullptr)) {
      all.emplace_back(one);
    }
    if (!was_last_block()) return damaged(option, path, all.size());
    return std::nullopt;
  }

  void note_expiry(const std::string& file, std::string_view what, std::size_t entry,
                   const X509* certificate) {
    made.expiries_.push_back({file, what, entry, text_of_name(X509_get_subject_name(certificate)),
                              wall_time(X509_get0_notAfter(certificate))});
  }

  Wrong load_certificate() {
    const std::string& path = options.cert_file;
    std::string pem;
    if (auto wrong = read("cert_file", path, pem)) return wrong;
    std::vector<TlsPtr<X509>> chain;
    if (auto wrong = read_certificates("cert_file", path, pem, chain)) return wrong;
    if (chain.empty()) {
      return TlsProblem{"cert_file", fmt::format("{} holds no certificate in PEM form", path),
                        "Put the server's certificate first and those of its CAs below it."};
    }
    if (SSL_CTX_use_certificate(context(), chain[0].get()) != 1) {
      return TlsProblem{"cert_file", fmt::format("{} cannot be used: {}", path, take_tls_error()),
                        "Use a certificate with an EC key (P-256) or RSA of 2048 bits or more."};
    }
    note_expiry(path, "certificate", 1, chain[0].get());
    for (std::size_t i = 1; i < chain.size(); ++i) {
      if (SSL_CTX_add1_chain_cert(context(), chain[i].get()) != 1) {
        return TlsProblem{
            "cert_file",
            fmt::format("certificate {} in {} cannot be used: {}", i + 1, path, take_tls_error()),
            "Only the certificates that lead to the root belong below the first."};
      }
      note_expiry(path, "chain", i + 1, chain[i].get());
    }
    return load_key();
  }

  Wrong load_key() {
    const std::string& path = options.key_file;
    if (path.empty()) {
      return TlsProblem{"key_file", "is missing", "Name the private key of cert_file."};
    }
    SecretFile secret = read_secret_file(path);
    if (!secret.content) return TlsProblem{"key_file", secret.problem, {}};
    EVP_PKEY* const key =
        PEM_read_bio_PrivateKey(reader(*secret.content).get(), nullptr, no_passphrase, nullptr);
    const bool is_encrypted = secret.content->find("ENCRYPTED") != std::string::npos;
    OPENSSL_cleanse(secret.content->data(), secret.content->size());
    ERR_clear_error();
    if (key == nullptr && is_encrypted) {
      return TlsProblem{"key_file", fmt::format("{} has a passphrase", path),
                        "Take it away (openssl pkey -in FILE -out NEW) and protect the file with "
                        "mode 0600."};
    }
    if (key == nullptr) {
      return TlsProblem{"key_file", fmt::format("{} holds no private key in PEM form", path),
                        "Name the private key of cert_file."};
    }
    // A key of another type than the certificate is taken without a comparison.
    const bool fits =
        SSL_CTX_use_PrivateKey(context(), key) == 1 && SSL_CTX_check_private_key(context()) == 1;
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!fits) {
      return TlsProblem{
          "key_file",
          fmt::format("{} is not the key of the certificate in {}", path, options.cert_file),
          "Write both files anew from the same request; nothing else was changed."};
    }
    return std::nullopt;
  }

  Wrong load_trust() {
    if (options.client_certificate == ClientCertificate::none) return std::nullopt;
    const std::string& path = options.ca_file;
    if (path.empty()) {
      return TlsProblem{"ca_file", "is missing, and client certificates are to be checked",
                        "Name the file with the CAs that sign client certificates."};
    }
    std::string pem;
    if (auto wrong = read("ca_file", path, pem)) return wrong;
    EVP_DigestUpdate(digest, pem.data(), pem.size());
    std::vector<TlsPtr<X509>> authorities;
    if (auto wrong = read_certificates("ca_file", path, pem, authorities)) return wrong;
    if (authorities.empty()) {
      return TlsProblem{"ca_file", fmt::format("{} holds no certificate in PEM form", path),
                        "Put the CAs that sign client certificates there."};
    }
    made.trust_.reset(X509_STORE_new());
    if (made.trust_ == nullptr) return without_memory();
    for (std::size_t i = 0; i < authorities.size(); ++i) {
      const auto& one = authorities[i];
      // The same certificate twice is no harm.
      X509_STORE_add_cert(made.trust_.get(), one.get());
      SSL_CTX_add_client_CA(context(), one.get());
      note_expiry(path, "ca", i + 1, one.get());
    }
    ERR_clear_error();
    X509_STORE_set_flags(made.trust_.get(), X509_V_FLAG_X509_STRICT);
    const bool must = options.client_certificate == ClientCertificate::require;
    SSL_CTX_set_verify(context(), SSL_VERIFY_PEER | (must ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       options.passes_ended_crl ? pass_ended_list : nullptr);
    return load_revocations();
  }

  Wrong load_revocations() {
    std::vector<std::string> files;
    if (!options.crl_file.empty()) files.push_back(options.crl_file);
    if (!options.crl_dir.empty()) {
      const auto found = list_crl_dir(options.crl_dir);
      if (!found) {
        return TlsProblem{"crl_dir", fmt::format("{} cannot be listed", options.crl_dir),
                          "Check the path and that this user may read the folder."};
      }
      files.insert(files.end(), found->begin(), found->end());
    }
    for (const std::string& path : files) {
      const auto* const option = path == options.crl_file ? "crl_file" : "crl_dir";
      if (auto wrong = load_revocation(option, path)) return wrong;
    }
    // An empty folder is a folder without the list that is needed: nobody gets in.
    if (options.crl_file.empty() && options.crl_dir.empty()) return std::nullopt;
    X509_STORE_set_flags(made.trust_.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return std::nullopt;
  }

  Wrong load_revocation(std::string_view option, const std::string& path) {
    std::string bytes;
    if (auto wrong = read(option, path, bytes)) return wrong;
    EVP_DigestUpdate(digest, bytes.data(), bytes.size());
    std::size_t size = 0;
    const auto add = [&](X509_CRL* list) {
      X509_STORE_add_crl(made.trust_.get(), list);
      ++size;
      // Without a date it never ends.
      if (const ASN1_TIME* const next = X509_CRL_get0_nextUpdate(list)) {
        made.expiries_.push_back(
            {path, "crl", size, text_of_name(X509_CRL_get_issuer(list)), wall_time(next)});
      }
      X509_CRL_free(list);
    };
    const auto pem = reader(bytes);
    ERR_clear_error();
    while (X509_CRL* const one =
               PEM_read_bio_X509_CRL(pem.get(), nullptr, no_passphrase, nullptr)) {
      add(one);
    }
    if (!was_last_block()) return damaged(option, path, size);
    if (size == 0) {
      if (X509_CRL* const one = d2i_X509_CRL_bio(reader(bytes).get(), nullptr)) add(one);
    }
    ERR_clear_error();
    if (size > 0) return std::nullopt;
    return TlsProblem{option, fmt::format("{} holds no revocation list in PEM or DER form", path),
                      "Write it with openssl ca -gencrl, or take the option away."};
  }

  Wrong load_psk() {
    SecretFile secret = read_secret_file(options.psk_file);
    if (!secret.content) return TlsProblem{"psk_file", secret.problem, {}};
    auto table = PskTable::parse(*secret.content);
    OPENSSL_cleanse(secret.content->data(), secret.content->size());
    if (const auto* const wrong = std::get_if<std::string>(&table)) {
      return TlsProblem{"psk_file", fmt::format("{}: {}", options.psk_file, *wrong),
                        "A line is identity:key with the key in hexadecimal, 32 to 128 digits."};
    }
    made.psk_ = std::get<PskTable>(std::move(table));
    use_psk(context());
    return std::nullopt;
  }

  Wrong combined_wrongly() {
    const bool certificates = options.client_certificate != ClientCertificate::none;
    if (!options.psk_file.empty() &&
        (certificates || !options.cert_file.empty() || !options.key_file.empty())) {
      return TlsProblem{"psk_file", "stands beside certificates",
                        "Give clients with pre-shared keys a listener of their own."};
    }
    // Whoever names a CA believes that clients are checked.
    const char* idle = nullptr;
    if (!options.ca_file.empty()) idle = "ca_file";
    if (!options.crl_file.empty()) idle = "crl_file";
    if (!options.crl_dir.empty()) idle = "crl_dir";
    if (certificates || idle == nullptr) return std::nullopt;
    return TlsProblem{idle, "says nothing while client_certificate is \"none\"",
                      "Write client_certificate = \"require\" or \"optional\"; the CAs of the "
                      "broker's own certificate belong into cert_file."};
  }

  /// Tickets of before, if they may still be resumed.
  bool take_tickets(const TlsContext* before) {
    if (before != nullptr && before->trust_digest_ == made.trust_digest_) {
      made.ticket_keys_ = before->ticket_keys_;
      return SSL_CTX_set_tlsext_ticket_keys(context(), made.ticket_keys_.data(),
                                            made.ticket_keys_.size()) == 1;
    }
    // The context has drawn new ones.
    return SSL_CTX_get_tlsext_ticket_keys(context(), made.ticket_keys_.data(),
                                          made.ticket_keys_.size()) == 1;
  }
};

TlsContext::~TlsContext() { OPENSSL_cleanse(ticket_keys_.data(), ticket_keys_.size()); }

TlsContext::Loaded TlsContext::load(const TlsOptions& options, const TlsContext* before) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> digest(EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free);
  if (digest == nullptr || EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) != 1) {
    return Loader::without_memory();
  }
  const std::shared_ptr<TlsContext> made(new TlsContext);
  Loader loader{options, *made, digest.get()};
  if (auto wrong = loader.combined_wrongly()) return *wrong;
  if (auto wrong = loader.set_rules()) return *wrong;
  const bool psk = !options.psk_file.empty();
  if (auto wrong = psk ? loader.load_psk() : loader.load_certificate()) return *wrong;
  if (auto wrong = loader.load_trust()) return *wrong;
  const auto mode = static_cast<unsigned char>(options.client_certificate);
  EVP_DigestUpdate(digest.get(), &mode, 1);
  EVP_DigestFinal_ex(digest.get(), made->trust_digest_.data(), nullptr);
  if (!loader.take_tickets(before)) return Loader::without_memory();
  return std::shared_ptr<const TlsContext>(made);
}

bool TlsContext::resumes(WallTime checked, std::optional<WallTime> certificate_end,
                         WallTime now) const {
  if (now < checked || now - checked >= limits::tls_ticket_lifetime) return false;
  if (certificate_end && *certificate_end <= now) return false;
  // What had ended before played no part in the checks: an old CA that is still in the file.
  return std::none_of(expiries_.begin(), expiries_.end(), [&](const TlsExpiry& one) {
    const bool trusted = one.what == "ca" || one.what == "crl";
    return trusted && one.at > checked && one.at <= now;
  });
}

TlsPtr<SSL> TlsContext::make_ssl() const {
  TlsPtr<SSL> ssl(SSL_new(context_.get()));
  if (ssl == nullptr) return nullptr;
  SSL_set_accept_state(ssl.get());
  if (trust_ != nullptr) SSL_set1_verify_cert_store(ssl.get(), trust_.get());
  return ssl;
}

}  // namespace lineshaft::net
