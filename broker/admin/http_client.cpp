#include "broker/admin/http_client.h"

#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>
#include <optional>

namespace lineshaft::admin {
namespace {

/// One call from its connect to its answer.
class Call {
 public:
  Call(Method method, const std::string& target, const std::string& body) {
    const bool is_post = method == Method::post;
    request_.method(is_post ? boost::beast::http::verb::post : boost::beast::http::verb::get);
    request_.target(target);
    request_.set(boost::beast::http::field::host, "localhost");
    request_.keep_alive(false);
    if (is_post) {
      request_.set(boost::beast::http::field::content_type, "application/json");
      request_.body() = body;
      request_.content_length(body.size());
    }
    // The broker's own answers; a list of all topics may be long.
    parser_.body_limit(boost::none);
  }

  std::variant<HttpResponse, CallFailure> run(const std::string& path, Milliseconds patience) {
    boost::system::error_code error;
    const boost::asio::local::stream_protocol::endpoint endpoint(path);
    // Without waiting: a broker that is stuck accepts nobody, and then its backlog is full.
    auto& socket = stream_.socket();
    socket.open(endpoint.protocol(), error);
    if (!error) socket.native_non_blocking(true, error);
    if (!error && ::connect(socket.native_handle(), endpoint.data(),
                            static_cast<::socklen_t>(endpoint.size())) != 0) {
      error.assign(errno, boost::system::system_category());
    }
    if (error) return CallFailure{kind_of(error), error.message()};
    stream_.expires_after(patience);
    boost::beast::http::async_write(stream_, request_,
                                    [this](boost::system::error_code failed, std::size_t) {
                                      // A refusal may come before everything was sent, so the
                                      // answer counts.
                                      error_ = failed;
                                      read();
                                    });
    io_.run();
    if (!parser_.is_done()) return CallFailure{CallFailure::Kind::no_answer, error_.message()};
    return response();
  }

 private:
  void read() {
    boost::beast::http::async_read(
        stream_, buffer_, parser_,
        [this](boost::system::error_code failed, std::size_t) { error_ = failed; });
  }

  static CallFailure::Kind kind_of(boost::system::error_code error) {
    if (error == boost::system::errc::no_such_file_or_directory) return CallFailure::Kind::missing;
    if (error == boost::system::errc::permission_denied) return CallFailure::Kind::permission;
    if (error == boost::system::errc::connection_refused) return CallFailure::Kind::nobody;
    return CallFailure::Kind::no_answer;
  }

  HttpResponse response() {
    const auto& message = parser_.get();
    HttpResponse response;
    response.status = message.result_int();
    const auto type = message[boost::beast::http::field::content_type];
    response.content_type.assign(type.data(), type.size());
    response.body = message.body();
    return response;
  }

  boost::asio::io_context io_{1};
  boost::beast::basic_stream<boost::asio::generic::stream_protocol> stream_{io_};
  boost::beast::flat_buffer buffer_;
  boost::beast::http::request<boost::beast::http::string_body> request_;
  boost::beast::http::response_parser<boost::beast::http::string_body> parser_;
  boost::system::error_code error_;
};

}  // namespace

std::variant<HttpResponse, CallFailure> call(const std::string& path, Method method,
                                             const std::string& target, Milliseconds patience,
                                             const std::string& body) {
  // The system's address has room for so much; Asio would throw.
  constexpr std::size_t path_size_max = 107;
  if (path.size() > path_size_max) {
    return CallFailure{CallFailure::Kind::missing, "the path is longer than 107 bytes"};
  }
  return Call(method, target, body).run(path, patience);
}

}  // namespace lineshaft::admin
