#include "common/base/json_writer.h"

#include <cmath>

#include "gtest/gtest.h"

namespace reeve {
namespace {

TEST(JsonWriter, EscapesWhatJsonDoesNotTake) {
  EXPECT_EQ(JsonString("plain"), "\"plain\"");
  EXPECT_EQ(JsonString("a\"b\\c\nd\te\x01"), "\"a\\\"b\\\\c\\nd\\u0009e\\u0001\"");
  EXPECT_EQ(JsonString("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"),
            "\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\"");
  for (const char* bad : {"\xFF", "\xC3", "\xC0\x80", "\x80"}) {
    EXPECT_TRUE(JsonString(bad).starts_with("\"\xEF\xBF\xBD")) << bad;
  }
  EXPECT_EQ(JsonString("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(JsonWriter, Nests) {
  JsonWriter json;
  json.BeginArray();
  json.Number("", -7);
  json.BeginObject();
  json.Null("nothing");
  json.Bool("yes", true);
  json.BeginArray("none");
  json.EndArray();
  json.EndObject();
  json.EndArray();
  EXPECT_EQ(
      json.Take(),
      "[\n  -7,\n  {\n    \"nothing\": null,\n    \"yes\": true,\n    \"none\": []\n  }\n]\n");
}

TEST(JsonWriter, FractionsHaveSixDigitsAndWhatIsNoNumberIsNull) {
  JsonWriter json;
  json.BeginObject();
  json.Number("most", UINT64_MAX);
  json.Number("third", 1.0 / 3);
  json.Numbers("several", {0.5, INFINITY, 1e9});
  json.EndObject();
  EXPECT_EQ(json.Take(),
            "{\n  \"most\": 18446744073709551615,\n  \"third\": 0.333333,\n  \"several\": "
            "[0.5, null, 1e+09]\n}\n");
}

}  // namespace
}  // namespace reeve
