// PROXY headers from whoever is allowed to send one. The first byte says how the stream is cut.
// Whatever comes: cutting changes nothing, an address is text a log can show, and a header that was
// taken is no longer than one may be.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "broker/base/limits.h"
#include "broker/net/proxy_header.h"

using lineshaft::net::ProxyHeaderReader;
using State = ProxyHeaderReader::State;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  State state = State::needs_more;
  std::string address;
  std::string_view fault;
  std::size_t header_bytes = 0;
};

Outcome read(std::string_view stream, std::size_t piece) {
  ProxyHeaderReader reader;
  Outcome outcome;
  while (!stream.empty() && reader.state() == State::needs_more) {
    const std::string_view part = stream.substr(0, piece);
    const std::size_t taken = reader.feed(part);
    require(taken == part.size() || reader.state() != State::needs_more);
    outcome.header_bytes += taken;
    stream.remove_prefix(taken);
  }
  outcome.state = reader.state();
  outcome.address = reader.address();
  outcome.fault = reader.fault();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size_bytes - 1);
  const Outcome whole = read(stream, stream.size());
  const Outcome cut = read(stream, 1 + data[0] % 19U);
  require(whole.state == cut.state && whole.address == cut.address && whole.fault == cut.fault);
  require((whole.state == State::malformed) == !whole.fault.empty());
  require(whole.header_bytes == cut.header_bytes);
  require(whole.header_bytes <= lineshaft::limits::proxy_header_bytes_max);
  require(whole.address.size() <= 5 + 108);
  for (const char c : whole.address) require(c >= 0x20 && c < 0x7F);
  return 0;
}
