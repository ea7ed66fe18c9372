#include "storage/owner.h"

#include <memory>
#include <utility>

#include "storage/bytes.h"

namespace lineshaft::storage {
namespace {

/// Who it is, and behind it, if there is such a thing, where it belongs.
constexpr std::uint8_t owner_item = 0x01;
constexpr std::uint8_t owner_zone_item = 0x02;
/// The version of TLS it came with, if any: a conduit may want one, for a queue and a will, too.
constexpr std::uint8_t owner_tls_item = 0x03;

void put_item(std::string& ext, std::uint8_t item, std::string_view bytes) {
  ByteWriter writer(ext);
  writer.u8(item);
  writer.sized(bytes);
}

bool read_name(ByteReader bytes, core::Principal& principal) {
  const std::uint8_t proof = bytes.u8();
  principal.strength = bytes.u8();
  if (bytes.failed() || proof > static_cast<std::uint8_t>(core::Proof::certificate)) return false;
  principal.name = bytes.rest();
  principal.proof = static_cast<core::Proof>(proof);
  return true;
}

bool read_zone(ByteReader bytes, core::Principal& principal) {
  principal.issuer_spki = bytes.sized();
  principal.serial = bytes.sized();
  principal.zone = bytes.sized();
  while (bytes.left() > 0) principal.roles.emplace_back(bytes.sized());
  return !bytes.failed();
}

}  // namespace

std::string owner_ext(const core::PrincipalPtr& owner) {
  std::string ext;
  if (!owner) return ext;
  std::string bytes;
  ByteWriter item(bytes);
  item.u8(static_cast<std::uint8_t>(owner->proof));
  item.u8(owner->strength);
  item.raw(owner->name);
  put_item(ext, owner_item, bytes);
  if (owner->tls != 0) put_item(ext, owner_tls_item, std::string(1, static_cast<char>(owner->tls)));
  if (owner->issuer_spki.empty() && owner->zone.empty() && owner->roles.empty()) return ext;
  bytes.clear();
  item.sized(owner->issuer_spki);
  item.sized(owner->serial);
  item.sized(owner->zone);
  for (const std::string& role : owner->roles) item.sized(role);
  put_item(ext, owner_zone_item, bytes);
  return ext;
}

bool read_owner(std::string_view ext, core::PrincipalPtr& owner) {
  ByteReader reader(ext);
  std::shared_ptr<core::Principal> principal;
  while (reader.left() > 0) {
    const std::uint8_t item = reader.u8();
    const ByteReader bytes(reader.sized());
    if (item == owner_item) {
      principal = std::make_shared<core::Principal>();
      if (!read_name(bytes, *principal)) return false;
    } else if (item == owner_tls_item) {
      ByteReader tls = bytes;
      if (principal == nullptr) return false;
      principal->tls = tls.u8();
      if (tls.failed()) return false;
    } else if (item == owner_zone_item) {
      if (principal == nullptr || !read_zone(bytes, *principal)) return false;
    }
  }
  if (reader.failed()) return false;
  if (principal != nullptr) owner = std::move(principal);
  return true;
}

}  // namespace lineshaft::storage
