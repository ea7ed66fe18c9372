#include "broker/admin/http_message.h"

#include <fmt/format.h>

#include "broker/base/json_text.h"

namespace lineshaft::admin {
namespace {

std::string_view title_of(unsigned status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

}  // namespace

HttpResponse problem(unsigned status, std::string_view detail, std::string_view more) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = fmt::format(R"({{"type":"about:blank","title":"{}","status":{},"detail":)",
                              title_of(status), status);
  append_json_string(response.body, detail);
  if (!more.empty()) response.body.append(",").append(more);
  response.body += "}\n";
  return response;
}

}  // namespace lineshaft::admin
