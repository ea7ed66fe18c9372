#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/base/reason_code.h"
#include "broker/core/input.h"

namespace lineshaft::net {

/// What a call to a stream came to.
enum class IoState : std::uint8_t {
  ok,
  /// Nothing more can be done now. After `read`: wait until the socket is readable. After `write`
  /// and `finish`: wait until it is writable, then call again.
  blocked,
  /// The peer has closed its side.
  ended,
  /// The peer broke this layer's rules and `refusal` says which. Its goodbye (an alert, an HTTP
  /// status, a close frame) is among the unsent bytes: it is sent and the connection then closed
  /// in order. Nothing is read any more.
  refused,
  /// The connection is of no use any more: close it at once.
  failed,
};

struct IoResult {
  IoState state = IoState::ok;
  /// Bytes read or taken; `write` may have taken some although it is `blocked`.
  std::size_t size = 0;
};

/// Why a layer refused a peer, for the log.
struct Refusal {
  /// "tls", "ws", "proxy"; static storage.
  std::string_view layer;
  /// A sentence without full stop, with the remedy when there is one; never a secret, and nothing a
  /// stranger sent.
  std::string why;
};

/// What stands between a connection's MQTT bytes and its socket: nothing (plain TCP has no
/// stream at all), or layers on a `SocketStream`: PROXY header, TLS, WebSocket, from below.
///
/// A layer is a state machine that is driven by readiness. No call blocks or waits, and no call
/// comes out of the blue: handshake, upgrade and control frames go on inside `read` and `write`.
/// Owned by its connection; only its shard's thread calls it. The one deadline before CONNECT
/// (`ClientLimits::connect_deadline`, counted from accept) is the connection's and covers all
/// layers: a layer has no timer. What a layer buffers grows only with bytes received and has a
/// bound of its own.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// Puts what the peer's application sent into `into`, which is not empty.
  ///
  /// `ok` means that `size` > 0. `blocked` means that there is nothing, also while a handshake or
  /// an upgrade is under way. Bytes of ours that this makes necessary (handshake, 101, pong)
  /// become `unsent_bytes`; the connection writes them in the same turn.
  virtual IoResult read(std::span<char> into) = 0;

  /// `read` would return something without asking the socket: readiness will not announce it, so
  /// the shard reads again in its next turn. False after `read` said `blocked`, or the shard
  /// would never sleep. A layer adds what the layer below says.
  virtual bool has_input() const = 0;

  /// Sends the layer's own unsent bytes, then takes from the front of `pieces`, of which there may
  /// be none.
  ///
  /// `ok` with pieces means that `size` > 0: call again for the rest. What was taken is this
  /// layer's; the rest is offered again from there on, perhaps at another address and with more
  /// behind it. One call is one flush: what it can take leaves in one piece (one WebSocket frame,
  /// full TLS records, one system call). Before a handshake or upgrade is over it takes nothing
  /// and is `blocked` only if the socket is; there is nothing to offer then anyway.
  virtual IoResult write(std::span<const iovec> pieces) = 0;

  /// Bytes taken or made by this layer and those below that the socket has not accepted.
  /// Bounded: an answer to a control frame replaces the one before it.
  virtual std::size_t unsent_bytes() const = 0;

  /// Why the broker is about to say goodbye, for a layer that has a word for it.
  virtual void close_because(ReasonCode) {}

  /// Says goodbye, the uppermost layer first (close frame, then close_notify), and sends it: `ok`
  /// when everything has left, `blocked`, or `failed`. Called again until it is `ok`; `write`
  /// takes no more pieces after it. After `refused`, the goodbye said already is not repeated.
  virtual IoResult finish() = 0;

  /// The next `read` may do public-key work: a shard does one such read in a turn.
  virtual bool is_handshaking() const = 0;

  /// Bytes that left the socket since the last call, whatever became of them: handshakes, pings and
  /// halves of requests are work too.
  virtual std::size_t take_received_bytes() = 0;

  /// Adds what is known about the peer by now: its real address, its certificate. Called before
  /// the core hears of the connection, and before a log line about it.
  virtual void describe(core::Peer& peer) const = 0;

  /// After `refused`.
  virtual Refusal refusal() const = 0;
};

/// The lowest layer: the socket itself, which does not block and is owned by somebody else.
class SocketStream final : public ByteStream {
 public:
  explicit SocketStream(int socket) : socket_(socket) {}

  IoResult read(std::span<char> into) override;
  bool has_input() const override { return false; }
  IoResult write(std::span<const iovec> pieces) override;
  std::size_t unsent_bytes() const override { return 0; }
  IoResult finish() override { return {}; }
  bool is_handshaking() const override { return false; }
  std::size_t take_received_bytes() override { return std::exchange(received_bytes_, 0); }
  void describe(core::Peer&) const override {}
  Refusal refusal() const override { return {}; }

 private:
  const int socket_;
  std::size_t received_bytes_ = 0;
};

/// A layer above another one; what it does not override is the answer of the one below.
class Layer : public ByteStream {
 public:
  explicit Layer(std::unique_ptr<ByteStream> below) : below_(std::move(below)) {}

  bool has_input() const override { return below_->has_input(); }
  std::size_t unsent_bytes() const override { return below_->unsent_bytes(); }
  void close_because(ReasonCode reason) override { below_->close_because(reason); }
  IoResult finish() override { return below_->finish(); }
  bool is_handshaking() const override { return below_->is_handshaking(); }
  std::size_t take_received_bytes() override { return below_->take_received_bytes(); }
  void describe(core::Peer& peer) const override { below_->describe(peer); }
  Refusal refusal() const override { return below_->refusal(); }

 protected:
  ByteStream& below() { return *below_; }
  const ByteStream& below() const { return *below_; }

 private:
  std::unique_ptr<ByteStream> below_;
};

/// May there be one more connection of this address ("192.0.2.7:40312"; empty: the socket's own)?
/// Then it is counted. No function where single addresses are not limited, or when the connection
/// is counted already.
using AddressCheck = std::function<bool(std::string_view address)>;

/// Makes one layer of a listener's connections. Shared by all shards: `wrap` is called on any.
class LayerFactory {
 public:
  virtual ~LayerFactory() = default;
  /// `peer` is who connected, as the socket tells. A layer of whom `learns_address` is true calls
  /// `check`, if there is one, once it knows better and before it does anything else for the peer.
  virtual std::unique_ptr<ByteStream> wrap(std::unique_ptr<ByteStream> below,
                                           const core::Peer& peer, AddressCheck check) const = 0;
  /// The connection will say whose it really is.
  virtual bool learns_address(const core::Peer&) const { return false; }
};

/// The layers of one listener, from the socket upwards; empty is plain TCP.
using Layers = std::vector<std::shared_ptr<const LayerFactory>>;

/// The stream of a new connection; null when there are no layers. `socket` outlives it.
std::unique_ptr<ByteStream> make_stream(const Layers& layers, int socket, const core::Peer& peer,
                                        const AddressCheck& check);

/// `send` or `sendmsg` without waiting and without SIGPIPE; -1 and errno as they have it.
ssize_t send_pieces(int socket, std::span<const iovec> pieces);

}  // namespace lineshaft::net
