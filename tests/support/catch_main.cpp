// Catch2's own code and main(), compiled once and linked into every test.
#if LINESHAFT_CATCH2_VERSION >= 3
#include <catch2/catch_session.hpp>

int main(int argc, char* argv[]) { return Catch::Session().run(argc, argv); }
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
