#include "broker/net/proxy_layer.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cstring>
#include <utility>

#include "broker/base/metrics.h"
#include "broker/net/address_table.h"

namespace lineshaft::net {
namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;

constexpr std::string_view unix_peer = "unix";

}  // namespace

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
  AddressRange range;
  range.network_ = text;
  if (text == unix_peer) return range;
  const bool is_v6 = text.find(':') != std::string_view::npos;
  if (text.find('/') == std::string_view::npos) range.network_ += is_v6 ? "/128" : "/32";
  error_code error;
  range.network_ = is_v6 ? ip::make_network_v6(range.network_, error).canonical().to_string()
                         : ip::make_network_v4(range.network_, error).canonical().to_string();
  if (error) return std::nullopt;
  return range;
}

bool AddressRange::contains(std::string_view peer) const {
  if (network_ == unix_peer) return peer.starts_with(unix_peer);
  error_code error;
  const ip::address address = ip::make_address(std::string(host_of(peer)), error);
  if (error) return false;
  const bool is_v6 = network_.find(':') != std::string::npos;
  if (is_v6 != address.is_v6()) return false;
  if (is_v6) {
    const ip::network_v6 network = ip::make_network_v6(network_, error);
    return ip::network_v6(address.to_v6(), network.prefix_length()).canonical() == network;
  }
  const ip::network_v4 network = ip::make_network_v4(network_, error);
  return ip::network_v4(address.to_v4(), network.prefix_length()).canonical() == network;
}

IoResult ProxyLayer::read(std::span<char> into) {
  // TLS above reads record by record: the header may take several reads.
  while (reader_ != nullptr) {
    const IoResult got = below().read(into);
    if (got.state != IoState::ok) return got;
    if (!trusted_) return refuse("the connection comes from an address not in proxy_protocol_from");
    const std::size_t taken = reader_->feed(into.first(got.size));
    if (reader_->state() == ProxyHeaderReader::State::malformed) return refuse(reader_->fault());
    if (reader_->state() == ProxyHeaderReader::State::needs_more) continue;
    address_ = reader_->address();
    reader_.reset();
    // Before TLS costs anything.
    if (check_ && !std::exchange(check_, nullptr)(address_)) return {IoState::failed, 0};
    const std::size_t left = got.size - taken;
    std::memmove(into.data(), into.data() + taken, left);
    if (left > 0) return {IoState::ok, left};
  }
  return below().read(into);
}

IoResult ProxyLayer::refuse(std::string_view why) {
  count(Counter::proxy_headers_refused);
  why_refused_ = why;
  return {IoState::refused, 0};
}

void ProxyLayer::describe(core::Peer& peer) const {
  if (!address_.empty()) peer.address = address_;
}

std::unique_ptr<ByteStream> ProxyFactory::wrap(std::unique_ptr<ByteStream> below,
                                               const core::Peer& peer, AddressCheck check) const {
  return std::make_unique<ProxyLayer>(std::move(below), learns_address(peer), std::move(check));
}

bool ProxyFactory::learns_address(const core::Peer& peer) const {
  return std::any_of(trusted_.begin(), trusted_.end(),
                     [&peer](const AddressRange& one) { return one.contains(peer.address); });
}

}  // namespace lineshaft::net
