// Nothing but the header: the target that precompiles it needs a source file of its own.
#include "tests/support/catch.h"
