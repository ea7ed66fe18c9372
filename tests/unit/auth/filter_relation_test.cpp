#include "auth/filter_relation.h"

#include "tests/support/catch.h"

namespace lineshaft::auth {

TEST_CASE("two filters meet when a topic matches both", "[auth]") {
  struct Case {
    const char* one;
    const char* other;
    bool meet;
  };
  for (const Case& c :
       {Case{"a/b", "a/b", true}, Case{"a/b", "a/c", false}, Case{"a/+", "+/b", true},
        Case{"a/#", "a", true}, Case{"a/#", "b/#", false}, Case{"#", "a/b/c", true},
        Case{"+", "a/b", false}, Case{"+/#", "a", true}, Case{"a/+/c", "a/b/#", true},
        Case{"a/+/c", "a/b/d", false}, Case{"a/b", "a/b/c", false}, Case{"a/b/#", "a/+", true},
        Case{"#", "$SYS/#", false}, Case{"+/a", "$SYS/a", false}, Case{"$SYS/+", "$SYS/#", true},
        Case{"a//b", "a/+/b", true}, Case{"/a", "+/a", true}, Case{"a/", "a", false},
        Case{"a/", "a/#", true}}) {
    INFO(c.one << " and " << c.other);
    CHECK(intersects(c.one, c.other) == c.meet);
    CHECK(intersects(c.other, c.one) == c.meet);
  }
}

TEST_CASE("a filter contains another when it matches all of it", "[auth]") {
  struct Case {
    const char* wide;
    const char* narrow;
    bool contains;
  };
  for (const Case& c :
       {Case{"a/b", "a/b", true}, Case{"a/+", "a/b", true}, Case{"a/b", "a/+", false},
        Case{"#", "a/#", true}, Case{"a/#", "a", true}, Case{"a/#", "#", false},
        Case{"a/#", "a/+/c", true}, Case{"+/+", "a/#", false}, Case{"a", "a/#", false},
        Case{"#", "$SYS/a", false}, Case{"#", "$SYS/#", false}, Case{"$SYS/#", "$SYS/a", true},
        Case{"#", "#", true}, Case{"+", "+", true}, Case{"+", "#", false},
        Case{"a/+/#", "a/#", false}, Case{"a/+/#", "a/b", true}}) {
    INFO(c.wide << " and " << c.narrow);
    CHECK(contains(c.wide, c.narrow) == c.contains);
  }
}

}  // namespace lineshaft::auth
