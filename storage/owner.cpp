#include "storage/owner.h"

#include <memory>
#include <utility>

#include "storage/bytes.h"

namespace lineshaft::storage {
namespace {

constexpr std::uint8_t owner_item = 0x01;

}  // namespace

std::string owner_ext(const core::PrincipalPtr& owner) {
  std::string ext;
  if (!owner) return ext;
  std::string bytes;
  ByteWriter item(bytes);
  item.u8(static_cast<std::uint8_t>(owner->proof));
  item.u8(owner->strength);
  item.raw(owner->name);
  ByteWriter writer(ext);
  writer.u8(owner_item);
  writer.sized(bytes);
  return ext;
}

bool read_owner(std::string_view ext, core::PrincipalPtr& owner) {
  ByteReader reader(ext);
  while (reader.left() > 0) {
    const std::uint8_t item = reader.u8();
    ByteReader bytes(reader.sized());
    if (item != owner_item) continue;
    auto principal = std::make_shared<core::Principal>();
    const std::uint8_t proof = bytes.u8();
    principal->strength = bytes.u8();
    if (bytes.failed() || proof > static_cast<std::uint8_t>(core::Proof::scram)) return false;
    principal->name = bytes.rest();
    principal->proof = static_cast<core::Proof>(proof);
    owner = std::move(principal);
  }
  return !reader.failed();
}

}  // namespace lineshaft::storage
