#include "common/base/array_spec.h"

#include <gtest/gtest.h>

#include <set>

#include "common/base/text.h"

namespace reeve {
namespace {

std::string Parsed(std::string_view text, uint32_t max_size = 1001) {
  absl::StatusOr<ArraySpec> spec = ParseArraySpec(text, max_size);
  if (!spec.ok()) return "error";
  return StrCat(spec->tasks.ToString(), "%", spec->limit, ":", spec->step);
}

TEST(ParseArraySpec, Forms) {
  EXPECT_EQ(Parsed("0-15"), "0-15%0:1");
  EXPECT_EQ(Parsed("7"), "7%0:1");
  EXPECT_EQ(Parsed("1,3,5-7"), "1,3,5-7%0:1");
  EXPECT_EQ(Parsed("5-7,1,3,2"), "1-3,5-7%0:1");
  EXPECT_EQ(Parsed("1-7:2"), "1,3,5,7%0:2");
  EXPECT_EQ(Parsed("0-15%4"), "0-15%4:1");
  EXPECT_EQ(Parsed("1-7:2%3"), "1,3,5,7%3:2");
  EXPECT_EQ(Parsed("1,1,1"), "1%0:1");
  EXPECT_EQ(Parsed("0-1000"), "0-1000%0:1");
}

TEST(ParseArraySpec, Refuses) {
  for (std::string_view bad : {"",        "-",           "1-", "-1",   "3-1",       "1:2",
                               "1-7:0",   "1-7:",        "a",  "1,,2", "1,",        "1001",
                               "0-1001",  "1%0",         "1%", "%4",   "1%2%3",     "1-2-3",
                               "1-7:2:2", "99999999999", " 1", "1 ",   "4294967295"}) {
    EXPECT_EQ(Parsed(bad), "error") << bad;
  }
  EXPECT_EQ(Parsed("0", 0), "error");
}

TEST(ParseNodeCounts, ListsAndSteps) {
  EXPECT_EQ(ParseNodeCounts("4,2")->ToString(), "2,4");
  EXPECT_EQ(ParseNodeCounts("1-9:4,3-4")->ToString(), "1,3-5,9");
  for (const char* text : {"", "0", "0-3", "2,", "2-", "3-2", "2%1", "a", "2k,4", "1-2000000"}) {
    EXPECT_FALSE(ParseNodeCounts(text).ok()) << text;
  }
}

TEST(ParseArraySpec, StaysSmall) {
  EXPECT_EQ(Parsed("0-4000000", 4000001), "0-4000000%0:1");
  std::string many;
  for (int i = 0; i < 50000; ++i) many += "0-4000000:2,";
  many += "1";
  EXPECT_EQ(Parsed(many, 4000001), "error");
}

TEST(FormatArrayTasks, Forms) {
  EXPECT_EQ(FormatArrayTasks(*IdRanges::Parse("1-3,7"), 0, 0), "1-3,7");
  EXPECT_EQ(FormatArrayTasks(*IdRanges::Parse("1,3,5,7"), 0, 0), "1-7:2");
  EXPECT_EQ(FormatArrayTasks(*IdRanges::Parse("1,3"), 4, 0), "1,3%4");
  EXPECT_EQ(FormatArrayTasks(*IdRanges::Parse("1,3,4,9,20"), 0, 5), "1,...");
}

// Every operation against std::set, over all subsets of a small universe.
TEST(IdRanges, AgreesWithSets) {
  constexpr uint32_t kSize = 7;
  const auto build = [](unsigned bits) {
    IdRanges ranges;
    for (uint32_t i = kSize; i-- > 0;) {
      if ((bits >> i & 1) != 0) ranges.Insert(i);
    }
    return ranges;
  };
  const auto bits_of = [](const IdRanges& ranges) {
    unsigned bits = 0;
    ranges.ForEach([&](uint32_t id) { bits |= 1u << id; });
    return bits;
  };
  for (unsigned a = 0; a < (1u << kSize); ++a) {
    const IdRanges x = build(a);
    EXPECT_EQ(bits_of(x), a);
    EXPECT_EQ(x.count(), static_cast<uint64_t>(__builtin_popcount(a)));
    EXPECT_EQ(*IdRanges::Parse(x.ToString()), x);
    for (size_t i = 1; i < x.ranges().size(); ++i) {
      EXPECT_GT(x.ranges()[i].first, x.ranges()[i - 1].last + 1);  // disjoint, not adjacent
    }
    for (uint32_t id = 0; id < kSize; ++id) {
      IdRanges erased = x;
      EXPECT_EQ(erased.Erase(id), (a >> id & 1) != 0);
      EXPECT_EQ(bits_of(erased), a & ~(1u << id));
      EXPECT_EQ(x.Contains(id), (a >> id & 1) != 0);
      for (uint32_t last = id; last < kSize; ++last) {
        IdRanges inserted = x;
        inserted.Insert(id, last);
        const unsigned span = ((2u << last) - 1) & ~((1u << id) - 1);
        EXPECT_EQ(bits_of(inserted), a | span);
      }
    }
    for (unsigned b = 0; b < (1u << kSize); ++b) {
      const IdRanges y = build(b);
      EXPECT_EQ(bits_of(x.Intersection(y)), a & b);
      EXPECT_EQ(bits_of(x.Difference(y)), a & ~b);
      EXPECT_EQ(x.Intersects(y), (a & b) != 0);
    }
  }
}

TEST(IdRanges, EdgesOfTheType) {
  IdRanges ranges = IdRanges::Of(0, UINT32_MAX);
  EXPECT_EQ(ranges.count(), uint64_t{1} << 32);
  EXPECT_TRUE(ranges.Erase(UINT32_MAX));
  EXPECT_TRUE(ranges.Erase(0));
  EXPECT_EQ(ranges.min(), 1u);
  EXPECT_EQ(ranges.max(), UINT32_MAX - 1);
  EXPECT_TRUE(IdRanges::Of(5, 4).empty());
  EXPECT_FALSE(IdRanges().min().has_value());
}

}  // namespace
}  // namespace reeve
