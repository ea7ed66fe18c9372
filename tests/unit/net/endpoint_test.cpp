#include "broker/net/endpoint.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::net;

namespace {

ListenerOptions tcp(const std::string& address, std::uint16_t port) {
  return {"cell", address, port, {}, 10};
}
ListenerOptions local(const std::string& path) { return {"local", {}, 0, path, 10}; }

ListenError error_of(const ListenerOptions& options) {
  const auto opened = open_endpoint(options);
  REQUIRE(std::holds_alternative<ListenError>(opened));
  return std::get<ListenError>(opened);
}
Endpoint open(const ListenerOptions& options) {
  auto opened = open_endpoint(options);
  REQUIRE(std::holds_alternative<Endpoint>(opened));
  return std::get<Endpoint>(std::move(opened));
}

/// A path in a folder of its own, removed at the end.
struct Place {
  Place() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lineshaft-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
  }
  ~Place() { std::filesystem::remove_all(folder); }
  std::string path() const { return (folder / "mqtt.sock").string(); }
  std::filesystem::path folder;
};

}  // namespace

TEST_CASE("a port in use is named with the way out", "[net]") {
  const Endpoint first = open(tcp("127.0.0.1", 0));
  const ListenError error = error_of(tcp("127.0.0.1", first.port));
  CHECK(error.fault == ListenFault::in_use);
  CHECK(error.address == first.address);
  CHECK(error.message() ==
        "listener \"cell\" cannot listen on " + first.address +
            ": Address already in use. Another program uses it: stop that one (`ss -ltnp` shows "
            "who it is), or choose another port or path.");
}

TEST_CASE("the same port is free for IPv6: each family has its own listener", "[net]") {
  const Endpoint four = open(tcp("127.0.0.1", 0));
  const Endpoint six = open(tcp("::", four.port));
  CHECK(six.address == "[::]:" + std::to_string(four.port));
}

TEST_CASE("an address this machine does not have is told from one that is none", "[net]") {
  // TEST-NET-1, RFC 5737: nobody has it.
  CHECK(error_of(tcp("192.0.2.1", 1883)).fault == ListenFault::not_available);
  const ListenError error = error_of(tcp("300.1.2.3.invalid", 1883));
  CHECK(error.fault == ListenFault::bad_address);
  CHECK(error.message().find("300.1.2.3.invalid:1883") != std::string::npos);
}

TEST_CASE("a socket file nobody listens on is replaced", "[net]") {
  const Place place;
  { const Endpoint gone = open(local(place.path())); }
  REQUIRE(std::filesystem::exists(place.path()));
  const Endpoint again = open(local(place.path()));
  struct stat status {};
  REQUIRE(::lstat(place.path().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0660);
}

TEST_CASE("a socket file of a living program is left alone", "[net]") {
  const Place place;
  const Endpoint living = open(local(place.path()));
  CHECK(error_of(local(place.path())).fault == ListenFault::in_use);
  CHECK(std::filesystem::exists(place.path()));
}

TEST_CASE("a file that is no socket is left alone", "[net]") {
  const Place place;
  std::ofstream(place.path()) << "precious";
  CHECK(error_of(local(place.path())).fault == ListenFault::bad_path);
  CHECK(std::filesystem::file_size(place.path()) == 8);
}

TEST_CASE("a path the system cannot take is refused, not cut", "[net]") {
  const Place place;
  const std::string path = place.path() + std::string(200, 'x');
  const ListenError error = error_of(local(path));
  CHECK(error.fault == ListenFault::bad_path);
  CHECK(error.address == path);
  CHECK(error_of(local("/nonexistent-folder/mqtt.sock")).fault == ListenFault::bad_path);
}

TEST_CASE("an address is checked without a trace", "[net]") {
  const Place place;
  const auto fault_of = [](const ListenerOptions& options) {
    const auto error = check_endpoint(options);
    return error ? std::optional(error->fault) : std::nullopt;
  };
  CHECK_FALSE(fault_of(local(place.path())));
  CHECK_FALSE(std::filesystem::exists(place.path()));
  { const Endpoint gone = open(local(place.path())); }
  CHECK_FALSE(fault_of(local(place.path())));
  CHECK(std::filesystem::exists(place.path()));  // a stale socket stays
  {
    const Endpoint living = open(local(place.path()));
    CHECK(fault_of(local(place.path())) == ListenFault::in_use);
    CHECK(fault_of(local(place.path())) == ListenFault::in_use);  // and lives on
  }
  CHECK(fault_of(local(place.path() + std::string(200, 'x'))) == ListenFault::bad_path);
  CHECK(fault_of(local("/nonexistent-folder/mqtt.sock")) == ListenFault::bad_path);
  CHECK(fault_of(local(place.path() + "/below")) == ListenFault::bad_path);

  const Endpoint taken = open(tcp("127.0.0.1", 0));
  CHECK(fault_of(tcp("127.0.0.1", taken.port)) == ListenFault::in_use);
  CHECK(fault_of(tcp("192.0.2.1", 0)) == ListenFault::not_available);
  CHECK_FALSE(fault_of(tcp("127.0.0.1", 0)));
}

TEST_CASE("a folder without the right to write is told before anything is made", "[net]") {
  if (::geteuid() == 0) return;  // root may write everywhere
  const Place place;
  REQUIRE(::chmod(place.folder.c_str(), 0500) == 0);
  const auto error = check_endpoint(local(place.path()));
  REQUIRE(::chmod(place.folder.c_str(), 0700) == 0);
  REQUIRE(error);
  CHECK(error->fault == ListenFault::permission);
}

TEST_CASE("the peer's address says where a client comes from", "[net]") {
  int ends[2] = {};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  CHECK(peer_address(ends[0]) == "unix:uid=" + std::to_string(::getuid()));
  ::close(ends[0]);
  ::close(ends[1]);
}
