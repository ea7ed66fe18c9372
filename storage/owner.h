#pragma once

#include <string>
#include <string_view>

#include "broker/core/principal.h"

namespace lineshaft::storage {

/// The owner of a session or a will as an item of its record's "ext". Nobody is no item at all:
/// what open access stores does not know of owners.
std::string owner_ext(const core::PrincipalPtr& owner);

/// False: an owner stands there and cannot be read. Then the record is to be set aside: it must not
/// become everybody's. Items of another kind are passed over.
bool read_owner(std::string_view ext, core::PrincipalPtr& owner);

}  // namespace lineshaft::storage
