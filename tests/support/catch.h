#pragma once

/// The one way tests include Catch2: version 2 (Debian 12) is a single header, version 3 (Debian
/// 13) is many. The value of LINESHAFT_CATCH2_VERSION comes from tests/CMakeLists.txt.

#if LINESHAFT_CATCH2_VERSION >= 3
#include <catch2/catch_all.hpp>
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
inline auto ContainsSubstring(const std::string& part) { return Catch::Matchers::Contains(part); }
#endif
