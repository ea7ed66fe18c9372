#include "broker/core/peer_address.h"

#include <cstddef>

namespace lineshaft::core {

std::string_view address_without_port(std::string_view address) {
  if (address.starts_with('[')) return address.substr(1, address.find(']') - 1);
  const std::size_t colon = address.rfind(':');
  // An IPv6 address without port has more of them.
  if (colon == std::string_view::npos || address.find(':') != colon) return address;
  return address.starts_with("unix:") ? address : address.substr(0, colon);
}

}  // namespace lineshaft::core
