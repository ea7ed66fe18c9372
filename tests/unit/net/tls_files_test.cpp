#include "broker/net/tls_files.h"

#include <openssl/pem.h>
#include <sys/stat.h>

#include "tests/unit/net/tls_world.h"

using namespace lineshaft;
using namespace lineshaft::net;
using namespace lineshaft::net::test;

namespace {

TlsProblem problem_of(const TlsOptions& options) {
  const auto problem = check_tls(options);
  REQUIRE(problem.has_value());
  return *problem;
}

}  // namespace

TEST_CASE("what is wrong with the files of a listener is said with option and file", "[net][tls]") {
  TempDir folder;
  TestPki pki(folder.path());
  const Issued server = pki.issue("server");
  TlsOptions options;
  options.cert_file = server.cert_file;
  options.key_file = server.key_file;
  REQUIRE_FALSE(check_tls(options).has_value());

  TlsOptions missing = options;
  missing.cert_file = folder / "nowhere.crt";
  CHECK(problem_of(missing).option == "cert_file");
  CHECK(problem_of(missing).what == folder / "nowhere.crt" + " does not exist");

  TlsOptions without_key = options;
  without_key.key_file.clear();
  CHECK(problem_of(without_key).option == "key_file");

  TlsOptions other_key = options;
  other_key.key_file = pki.issue("other").key_file;
  CHECK(problem_of(other_key).what.find("is not the key of the certificate") != std::string::npos);

  TlsOptions no_certificate = options;
  no_certificate.cert_file = server.key_file;
  CHECK(problem_of(no_certificate).what.find("holds no certificate") != std::string::npos);

  REQUIRE(::chmod(server.key_file.c_str(), 0644) == 0);
  CHECK(problem_of(options).option == "key_file");
  REQUIRE(::chmod(server.key_file.c_str(), 0600) == 0);

  TlsOptions asks = options;
  asks.client_certificate = ClientCertificate::require;
  CHECK(problem_of(asks).option == "ca_file");
  asks.ca_file = pki.ca_file();
  REQUIRE_FALSE(check_tls(asks).has_value());
  asks.crl_file = server.cert_file;
  CHECK(problem_of(asks).option == "crl_file");
  asks.crl_file.clear();
  asks.crl_dir = folder / "nowhere";
  CHECK(problem_of(asks).option == "crl_dir");

  TlsOptions idle_ca = options;
  idle_ca.ca_file = pki.ca_file();
  CHECK(problem_of(idle_ca).option == "ca_file");

  TlsOptions idle_list = options;
  idle_list.crl_file = server.cert_file;
  CHECK(problem_of(idle_list).option == "crl_file");

  TlsOptions beside;
  beside.psk_file = server.key_file;
  beside.key_file = server.key_file;
  CHECK(problem_of(beside).option == "psk_file");

  TlsOptions both = options;
  both.psk_file = server.key_file;
  CHECK(problem_of(both).option == "psk_file");
}

TEST_CASE("a key of another kind than the certificate's is not taken for its key", "[net][tls]") {
  TempDir folder;
  TestPki pki(folder.path());
  const Issued server = pki.issue("server");
  TlsOptions options;
  options.cert_file = server.cert_file;
  options.key_file = folder / "ed25519.key";
  EVP_PKEY* const key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  BIO* const file = BIO_new_file(options.key_file.c_str(), "w");
  REQUIRE(PEM_write_bio_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  BIO_free(file);
  EVP_PKEY_free(key);
  REQUIRE(::chmod(options.key_file.c_str(), 0600) == 0);
  CHECK(problem_of(options).what.find("is not the key of the certificate") != std::string::npos);
}

TEST_CASE("a file that is damaged or cut off is not taken as far as it goes", "[net][tls]") {
  TempDir folder;
  TestPki pki(folder.path());
  const Issued server = pki.issue("server");
  const std::string list = pki.revocations({});
  TlsOptions options;
  options.cert_file = server.cert_file;
  options.key_file = server.key_file;
  options.client_certificate = ClientCertificate::require;
  options.ca_file = folder / "ca.pem";
  options.crl_file = folder / "ca.crl";
  const auto cut = [](const std::string& pem) { return pem.substr(0, pem.size() / 2); };
  const auto spoilt = [](std::string pem) {
    pem[pem.size() / 2] = '!';
    return pem;
  };
  const auto write = [&](const std::string& chain, const std::string& ca, const std::string& crl) {
    replace_file(options.cert_file, server.certificate_pem + chain);
    replace_file(options.ca_file, pki.ca_pem() + ca);
    replace_file(options.crl_file, list + crl);
  };
  write("Words between are no harm.\n" + pki.ca_pem(), pki.ca_pem(), list);
  CHECK_FALSE(check_tls(options).has_value());
  for (const auto& bad : {cut(pki.ca_pem()), spoilt(pki.ca_pem())}) {
    write(bad, "", "");
    CHECK(problem_of(options).option == "cert_file");
    CHECK(problem_of(options).what == "entry 2 of " + options.cert_file + " is damaged or cut off");
    write("", bad, "");
    CHECK(problem_of(options).option == "ca_file");
  }
  for (const auto& bad : {cut(list), spoilt(list)}) {
    write("", "", bad);
    CHECK(problem_of(options).option == "crl_file");
  }
}

TEST_CASE("an expired certificate of the broker is no reason not to start", "[net][tls]") {
  TempDir folder;
  TestPki pki(folder.path());
  const Issued server = pki.issue("server", TestPki::Days{-1});
  TlsOptions options;
  options.cert_file = server.cert_file;
  options.key_file = server.key_file;
  CHECK_FALSE(check_tls(options).has_value());
}

TEST_CASE("a ticket stands for a full handshake until something of it ends", "[net][tls]") {
  TempDir folder;
  TestPki pki(folder.path());
  TempDir elsewhere;
  TestPki gone(elsewhere.path(), "Gone CA", TestPki::Days{-1});
  const Issued server = pki.issue("server");
  TlsOptions options;
  options.cert_file = server.cert_file;
  options.key_file = server.key_file;
  options.client_certificate = ClientCertificate::require;
  options.ca_file = folder / "both.pem";
  options.crl_file = folder / "ca.crl";
  replace_file(options.ca_file, gone.ca_pem() + pki.ca_pem());
  replace_file(options.crl_file, pki.revocations({}));
  const auto loaded = TlsContext::load(options);
  const TlsContext& context = *std::get<std::shared_ptr<const TlsContext>>(loaded);

  // Each end is known for itself: an old CA hides no other one.
  REQUIRE(context.expiries().size() == 4);
  const TlsExpiry& dead = context.expiries()[1];
  const TlsExpiry& list = context.expiries()[3];
  CHECK(dead.entry == 1);
  CHECK(dead.name == "CN=Gone CA");
  CHECK(context.expiries()[2].entry == 2);
  CHECK(context.expiries()[2].name == "CN=Test CA");
  CHECK(list.what == "crl");
  CHECK(dead.at < list.at);

  const Milliseconds second{1000};
  const WallTime checked = list.at - limits::tls_ticket_lifetime / 2;
  CHECK(context.resumes(checked, std::nullopt, checked));
  CHECK(context.resumes(checked, list.at, list.at - second));
  CHECK_FALSE(context.resumes(checked, std::nullopt, list.at));
  CHECK_FALSE(context.resumes(checked, checked + second, checked + second));
  CHECK_FALSE(context.resumes(checked, std::nullopt, checked - second));
  const WallTime early = list.at - 3 * limits::tls_ticket_lifetime;
  CHECK(context.resumes(early, std::nullopt, early + limits::tls_ticket_lifetime - second));
  CHECK_FALSE(context.resumes(early, std::nullopt, early + limits::tls_ticket_lifetime));
}

TEST_CASE("the state of the files changes with content, link and folder", "[net][tls]") {
  TempDir folder;
  TlsOptions options;
  options.cert_file = folder / "link";
  options.crl_dir = folder / "lists";
  std::filesystem::create_directory(options.crl_dir);
  replace_file(folder / "one", "same");
  replace_file(folder / "two", "same");
  std::filesystem::create_symlink("one", options.cert_file);
  const std::string first = tls_files_state(options);
  CHECK(tls_files_state(options) == first);
  std::filesystem::remove(options.cert_file);
  CHECK(tls_files_state(options) != first);
  std::filesystem::create_symlink("two", options.cert_file);
  const std::string second = tls_files_state(options);
  CHECK(second != first);
  replace_file(options.crl_dir + "/.hidden", "x");
  CHECK(tls_files_state(options) == second);
  REQUIRE(::chmod((folder / "two").c_str(), 0640) == 0);
  CHECK(tls_files_state(options) != second);
  REQUIRE(::chmod((folder / "two").c_str(), 0600) == 0);
  CHECK(tls_files_state(options) == second);
  replace_file(options.crl_dir + "/ca.crl", "x");
  CHECK(tls_files_state(options) != second);
}
