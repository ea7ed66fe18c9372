#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/net/byte_stream.h"
#include "broker/net/proxy_header.h"

namespace lineshaft::net {

/// Addresses that may speak for others: a network ("10.0.0.0/8", "fd00::/8"), one address, or
/// "unix" for whoever may open the Unix socket.
class AddressRange {
 public:
  /// Nullopt: it is none of these.
  static std::optional<AddressRange> parse(std::string_view text);

  /// `peer` as in `core::Peer::address`.
  bool contains(std::string_view peer) const;

 private:
  /// In its shortest form, "10.0.0.0/8"; or "unix".
  std::string network_;
};

/// Takes the PROXY header off the front of a connection; then it is out of the way.
class ProxyLayer final : public Layer {
 public:
  /// `trusted`: the peer may speak for others. One who may not is refused.
  ProxyLayer(std::unique_ptr<ByteStream> below, bool trusted, AddressCheck check)
      : Layer(std::move(below)),
        reader_(std::make_unique<ProxyHeaderReader>()),
        check_(std::move(check)),
        trusted_(trusted) {}

  IoResult read(std::span<char> into) override;
  IoResult write(std::span<const iovec> pieces) override { return below().write(pieces); }
  void describe(core::Peer& peer) const override;
  Refusal refusal() const override { return {"proxy", std::string(why_refused_)}; }

 private:
  IoResult refuse(std::string_view why);

  /// Until the header is complete.
  std::unique_ptr<ProxyHeaderReader> reader_;
  AddressCheck check_;
  const bool trusted_;
  /// The client's; empty if the header does not say.
  std::string address_;
  std::string_view why_refused_;
};

class ProxyFactory final : public LayerFactory {
 public:
  explicit ProxyFactory(std::vector<AddressRange> trusted) : trusted_(std::move(trusted)) {}

  std::unique_ptr<ByteStream> wrap(std::unique_ptr<ByteStream> below, const core::Peer& peer,
                                   AddressCheck check) const override;
  bool learns_address(const core::Peer& peer) const override;

 private:
  const std::vector<AddressRange> trusted_;
};

}  // namespace lineshaft::net
