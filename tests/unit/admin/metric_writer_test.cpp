#include "broker/admin/metric_writer.h"

#include "tests/support/catch.h"

using namespace lineshaft::admin;

TEST_CASE("a family has its help and its type once, then its samples", "[admin]") {
  MetricWriter out;
  out.begin_gauge("a_bytes", "How many.");
  out.sample(std::uint64_t{7}, {{"listener", "plant"}, {"transport", "tcp"}});
  out.sample(0.5);
  out.counter("b_total", "How often.", std::uint64_t{18446744073709551615u});
  CHECK(out.text() ==
        "# HELP a_bytes How many.\n"
        "# TYPE a_bytes gauge\n"
        "a_bytes{listener=\"plant\",transport=\"tcp\"} 7\n"
        "a_bytes 0.5\n"
        "# HELP b_total How often.\n"
        "# TYPE b_total counter\n"
        "b_total 18446744073709551615\n");
}

TEST_CASE("a label value that is not UTF-8 does not spoil the page", "[admin]") {
  MetricWriter out;
  out.begin_gauge("a", "A file.");
  out.sample(std::uint64_t{1}, {{"file", "\xC3\xA4 \xE4.crl"}});
  CHECK(out.text() ==
        "# HELP a A file.\n"
        "# TYPE a gauge\n"
        "a{file=\"\xC3\xA4 \xEF\xBF\xBD.crl\"} 1\n");
}

TEST_CASE("label values and help texts cannot forge a line", "[admin]") {
  MetricWriter out;
  out.begin_gauge("a", "one\ntwo\\three \"four\"");
  out.sample(std::uint64_t{1}, {{"name", "x\"} 9\nforged 1\\"}});
  CHECK(out.text() ==
        "# HELP a one\\ntwo\\\\three \"four\"\n"
        "# TYPE a gauge\n"
        "a{name=\"x\\\"} 9\\nforged 1\\\\\"} 1\n");
}
