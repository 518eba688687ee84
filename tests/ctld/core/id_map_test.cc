#include "ctld/core/id_map.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>

namespace reeve::ctld {
namespace {

TEST(IdMap, IsAMap) {
  std::minstd_rand random(1);
  IdMap<std::string> map;
  std::map<uint32_t, std::string> model;
  for (int i = 0; i < 20'000; ++i) {
    // Neighbours and strangers, the first and the last id there can be among them.
    const uint32_t ids[] = {static_cast<uint32_t>(random() % 300), 4'000'000'000U + i % 130,
                            UINT32_MAX - static_cast<uint32_t>(random() % 3)};
    const JobId id{ids[random() % 3]};
    if (random() % 2 == 0) {
      map[id] = model[id.value] = std::to_string(i);
    } else {
      const auto known = model.find(id.value);
      EXPECT_EQ(map.Take(id), known == model.end() ? "" : known->second);
      model.erase(id.value);
    }
    EXPECT_EQ(map.size(), model.size());
    EXPECT_EQ(map.contains(id), model.count(id.value) > 0);
  }
  std::map<uint32_t, std::string> visited;
  map.ForEach([&](JobId id, const std::string& text) { visited[id.value] = text; });
  EXPECT_EQ(visited, model);
  for (const auto& [id, text] : model) EXPECT_EQ(*map.Find(JobId{id}), text);
  map.clear();
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.Find(JobId{1}), nullptr);
}

TEST(IdMap, ValuesStayWhereTheyAre) {
  IdMap<std::unique_ptr<int>> map;
  std::unique_ptr<int>& first = map[JobId{5}];
  EXPECT_EQ(first, nullptr);
  first = std::make_unique<int>(7);
  for (uint32_t i = 100; i < 100'000; ++i) map[JobId{i}];
  EXPECT_EQ(map.Find(JobId{5}), &first);
  EXPECT_EQ(*map.Take(JobId{5}), 7);
  EXPECT_FALSE(map.contains(JobId{5}));
}

}  // namespace
}  // namespace reeve::ctld
