#include "common/base/licenses.h"

#include <gtest/gtest.h>

#include "common/base/text.h"

namespace reeve {
namespace {

std::string Parsed(std::string_view text) {
  const absl::StatusOr<std::vector<License>> licenses = ParseLicenses(text);
  return licenses.ok() ? FormatLicenses(*licenses) : "error";
}

TEST(ParseLicenses, Forms) {
  EXPECT_EQ(Parsed(""), "");
  EXPECT_EQ(Parsed("foo"), "foo:1");
  EXPECT_EQ(Parsed("foo:4,bar"), "bar:1,foo:4");
  EXPECT_EQ(Parsed("foo;bar:2"), "bar:2,foo:1");
  EXPECT_EQ(Parsed("foo:0"), "foo:0");
  EXPECT_EQ(Parsed("a/b-c_d.e+1:2"), "a/b-c_d.e+1:2");
  EXPECT_EQ(Parsed("foo,foo:2,,foo"), "foo:4");
  EXPECT_EQ(Parsed("foo:1000000"), "foo:1000000");
}

TEST(ParseLicenses, Refuses) {
  for (std::string_view text :
       {"foo:", "foo:x", "foo:-1", "foo:1000001", "foo:1000000,foo", ":1", "foo|bar",
        "foo@server:2", "foo bar", " foo", "foo: 1", "foo:1:2"}) {
    EXPECT_EQ(Parsed(text), "error") << text;
  }
  EXPECT_NE(Message(ParseLicenses("foo|bar").status()).find("'foo|bar'"), std::string::npos);
}

}  // namespace
}  // namespace reeve
