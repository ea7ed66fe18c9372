#include "broker/admin/http_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <thread>

#include "broker/admin/http_client.h"
#include "broker/base/log.h"
#include "broker/base/metrics.h"
#include "tests/support/catch.h"

using namespace lineshaft;
using namespace lineshaft::admin;

namespace {

constexpr Milliseconds patience{60'000};

Route answering(Method method, std::string path, std::string body) {
  Route route;
  route.method = method;
  route.path = std::move(path);
  route.late = [] { return problem(503, "late"); };
  route.handle = [body](const HttpRequest& request, const Respond& respond) {
    respond([body, sent = request.body] {
      HttpResponse response;
      response.body = body + sent;
      return response;
    });
  };
  return route;
}

/// Answered by the test, through `respond`.
struct Held {
  std::promise<Respond> asked;

  Route route(Milliseconds wait) {
    Route held = answering(Method::get, "/held", "");
    held.patience = wait;
    held.handle = [this](const HttpRequest&, const Respond& respond) { asked.set_value(respond); };
    return held;
  }
  static Render text(std::string body) {
    return [body] {
      HttpResponse response;
      response.body = body;
      return response;
    };
  }
};

/// A server on a Unix socket in a folder of its own.
class HttpWorld {
 public:
  explicit HttpWorld(std::vector<Route> more = {}) {
    log::set_level(log::Level::critical);
    std::string pattern = (std::filesystem::temp_directory_path() / "lineshaft-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path = (folder_ / "admin.sock").string();
    std::vector<Route> routes;
    routes.push_back(answering(Method::get, "/page", "hello"));
    routes.push_back(answering(Method::post, "/post", "got "));
    for (Route& each : more) routes.push_back(std::move(each));
    net::ListenerOptions listener;
    listener.name = "test";
    listener.unix_path = path;
    listener.connections_max = limits::http_connections_max;
    server = std::make_unique<HttpServer>(std::vector{listener}, std::move(routes), totals);
    REQUIRE_FALSE(server->start().has_value());
  }
  ~HttpWorld() {
    server.reset();
    std::filesystem::remove_all(folder_);
    log::set_level(log::Level::info);
  }

  /// Sends bytes and reads until the server closes.
  std::string exchange(const std::string& bytes) const {
    const int socket = connect();
    send(socket, bytes);
    ::shutdown(socket, SHUT_WR);
    return read_all(socket);
  }
  int connect() const {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return socket;
  }
  static void send(int socket, const std::string& bytes) {
    ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  static std::string read_all(int socket) {
    std::string all;
    char buffer[4096];
    for (;;) {
      const auto size = ::recv(socket, buffer, sizeof buffer, 0);
      if (size <= 0) break;
      all.append(buffer, static_cast<std::size_t>(size));
    }
    ::close(socket);
    return all;
  }

  RequestTotals totals;
  std::string path;
  std::unique_ptr<HttpServer> server;

 private:
  std::filesystem::path folder_;
};

unsigned status_of(const std::string& answer) {
  REQUIRE(answer.starts_with("HTTP/1.1 "));
  return static_cast<unsigned>(std::atoi(answer.c_str() + 9));
}

HttpResponse get(const HttpWorld& world, const std::string& target) {
  auto outcome = call(world.path, Method::get, target, patience);
  REQUIRE(std::holds_alternative<HttpResponse>(outcome));
  return std::get<HttpResponse>(outcome);
}

}  // namespace

TEST_CASE("a page is asked for and answered; the query is no part of its name", "[admin]") {
  const HttpWorld world;
  CHECK(get(world, "/page").body == "hello");
  CHECK(get(world, "/page?x=1").status == 200);
  CHECK(get(world, "/nothing").status == 404);
  CHECK(get(world, "/nothing").content_type == "application/problem+json");
  struct stat status {};
  REQUIRE(::stat(world.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0660);
}

TEST_CASE("a connection carries several requests and says when it ends", "[admin]") {
  const HttpWorld world;
  const std::string answers = world.exchange(
      "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"
      "HEAD /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  CHECK(answers.find("hello") != std::string::npos);
  CHECK(answers.find("got abc") != std::string::npos);
  const auto last = answers.substr(answers.rfind("HTTP/1.1 "));
  CHECK(last.find("Content-Length: 5\r\n") != std::string::npos);
  CHECK(last.ends_with("\r\n\r\n"));
}

TEST_CASE("what is too large or no HTTP is refused, and the connection is closed", "[admin]") {
  const HttpWorld world;
  const auto headers = counter_value(Counter::http_headers_refused_limit);
  const auto bodies = counter_value(Counter::http_bodies_refused_limit);
  CHECK(status_of(world.exchange("GET /page HTTP/1.1\r\nX: " +
                                 std::string(limits::http_header_bytes_max, 'x') + "\r\n\r\n")) ==
        431);
  CHECK(status_of(world.exchange("GET /" + std::string(limits::http_header_bytes_max * 2, 'x'))) ==
        431);
  const std::string large = std::to_string(limits::http_body_bytes_max + 1);
  CHECK(status_of(world.exchange("POST /post HTTP/1.1\r\nContent-Length: " + large + "\r\n\r\n")) ==
        413);
  CHECK(status_of(world.exchange("\x10\x20MQTT\x04\r\n\r\n")) == 400);
  CHECK(counter_value(Counter::http_headers_refused_limit) == headers + 2);
  CHECK(counter_value(Counter::http_bodies_refused_limit) == bodies + 1);
}

TEST_CASE("an answer from another thread is sent, and only the first one", "[admin]") {
  Held held;
  HttpWorld world({held.route(patience)});
  auto answer = std::async(std::launch::async, [&] { return get(world, "/held"); });
  const Respond respond = held.asked.get_future().get();
  respond(Held::text("first"));
  respond(Held::text("second"));
  CHECK(answer.get().body == "first");
  respond(Held::text("third"));
  CHECK(get(world, "/page").body == "hello");
}

TEST_CASE("who is not answered in time gets the page for that", "[admin]") {
  Held held;
  HttpWorld world({held.route(Milliseconds{1})});
  const auto late = counter_value(Counter::http_late_answers);
  CHECK(get(world, "/held").status == 503);
  CHECK(counter_value(Counter::http_late_answers) == late + 1);
  held.asked.get_future().get()(Held::text("too late"));
  CHECK(get(world, "/page").body == "hello");
}

TEST_CASE("a stop does not wait for clients or answers", "[admin]") {
  Held held;
  Respond respond;
  {
    HttpWorld world({held.route(patience)});
    const int idle = world.connect();
    auto answer = std::async(std::launch::async,
                             [&] { return call(world.path, Method::get, "/held", patience); });
    respond = held.asked.get_future().get();
    world.server->stop();
    CHECK(std::get<CallFailure>(answer.get()).kind == CallFailure::Kind::no_answer);
    CHECK(HttpWorld::read_all(idle).empty());
    CHECK_FALSE(std::filesystem::exists(world.path));
  }
  respond(Held::text("nobody is there any more"));
}

TEST_CASE("a further connection than the limit is closed at once", "[admin]") {
  const HttpWorld world;
  const auto refused = counter_value(Counter::connections_refused_limit);
  std::vector<int> sockets;
  for (std::size_t i = 0; i < limits::http_connections_max; ++i) sockets.push_back(world.connect());
  const int further = world.connect();
  CHECK(HttpWorld::read_all(further).empty());
  CHECK(counter_value(Counter::connections_refused_limit) == refused + 1);
  for (const int each : sockets) ::close(each);
}

TEST_CASE("why nobody answers is told apart", "[admin]") {
  const HttpWorld world;
  const auto kind = [](const std::string& path) {
    return std::get<CallFailure>(call(path, Method::get, "/", patience)).kind;
  };
  CHECK(kind(world.path + ".other") == CallFailure::Kind::missing);
  CHECK(kind("/" + std::string(200, 'x')) == CallFailure::Kind::missing);
  const std::string dead = world.path + ".dead";
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, dead.data(), dead.size());
  REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  ::close(socket);
  CHECK(kind(dead) == CallFailure::Kind::nobody);
}

TEST_CASE("a broker that accepts nobody is not waited for", "[admin]") {
  std::string folder = (std::filesystem::temp_directory_path() / "lineshaft-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder + "/admin.sock";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const auto* const at = reinterpret_cast<const sockaddr*>(&address);
  std::vector<int> sockets{::socket(AF_UNIX, SOCK_STREAM, 0)};
  REQUIRE(::bind(sockets[0], at, sizeof address) == 0);
  REQUIRE(::listen(sockets[0], 0) == 0);
  // Until the backlog is full.
  do {
    sockets.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  } while (::connect(sockets.back(), at, sizeof address) == 0);
  const auto outcome = call(path, Method::get, "/x", patience);
  REQUIRE(std::holds_alternative<CallFailure>(outcome));
  CHECK(std::get<CallFailure>(outcome).kind == CallFailure::Kind::no_answer);
  for (const int socket : sockets) ::close(socket);
  std::filesystem::remove_all(folder);
}
