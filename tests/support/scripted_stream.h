#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "broker/net/byte_stream.h"

namespace lineshaft::test {

/// The layer below the one under test, played by the test.
class ScriptedStream final : public net::ByteStream {
 public:
  /// One `read` gives at most one of these.
  std::deque<std::string> input;
  /// What `read` says without input.
  net::IoState end = net::IoState::blocked;
  /// Bytes it takes before it is full.
  std::size_t room = std::numeric_limits<std::size_t>::max();
  std::size_t writes = 0;
  bool finished = false;

  std::string take_output() { return std::exchange(output_, {}); }

  net::IoResult read(std::span<char> into) override {
    if (input.empty()) return {end, 0};
    std::string& front = input.front();
    const std::size_t size = std::min(into.size(), front.size());
    std::memcpy(into.data(), front.data(), size);
    front.erase(0, size);
    if (front.empty()) input.pop_front();
    return {net::IoState::ok, size};
  }
  bool has_input() const override { return false; }
  net::IoResult write(std::span<const iovec> pieces) override {
    std::size_t offered = 0;
    std::size_t taken = 0;
    for (const iovec& piece : pieces) {
      const std::size_t size = std::min(piece.iov_len, room);
      output_.append(static_cast<const char*>(piece.iov_base), size);
      room -= size;
      taken += size;
      offered += piece.iov_len;
    }
    if (offered > 0) ++writes;
    return {taken < offered ? net::IoState::blocked : net::IoState::ok, taken};
  }
  std::size_t unsent_bytes() const override { return 0; }
  net::IoResult finish() override {
    finished = true;
    return {};
  }
  bool is_handshaking() const override { return false; }
  std::size_t take_received_bytes() override { return 0; }
  void describe(core::Peer&) const override {}
  net::Refusal refusal() const override { return {"scripted", "the test says so"}; }

 private:
  std::string output_;
};

}  // namespace lineshaft::test
