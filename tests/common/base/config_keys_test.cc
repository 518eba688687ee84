#include "common/base/config_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/base/config_records.h"
#include "common/base/config_values.h"
#include "common/base/text.h"

namespace reeve {
namespace {

TEST(ConfigKeys, NamesAreUnique) {
  for (std::span<const ConfigKey> keys : {ConfigKeys(), NodeKeys(), PartitionKeys()}) {
    std::set<std::string> seen;
    for (const ConfigKey& key : keys)
      EXPECT_TRUE(seen.insert(ToLower(key.name)).second) << key.name;
  }
}

TEST(ConfigKeys, EveryHonouredKeyHasASetterAndNoOtherHas) {
  std::set<std::string_view> honoured;
  for (const ConfigKey& key : ConfigKeys()) {
    if (key.key_class == KeyClass::kHonoured) honoured.insert(key.name);
  }
  honoured.erase("NodeName");
  honoured.erase("PartitionName");
  std::set<std::string_view> bound;
  for (const ValueBinding& binding : ConfigValues()) bound.insert(binding.key);
  EXPECT_EQ(honoured, bound);
}

TEST(ConfigKeys, EveryHonouredRecordKeyHasASetter) {
  for (std::string_view kind : {"NodeName", "PartitionName"}) {
    for (const ConfigKey& key : kind == "NodeName" ? NodeKeys() : PartitionKeys()) {
      if (key.key_class != KeyClass::kHonoured) continue;
      ConfigProblems problems;
      const ConfigPair pairs[] = {{std::string(kind), "x"}, {std::string(key.name), "1"}};
      if (kind == "NodeName") {
        NodeLines().Add(pairs, {}, problems);
      } else {
        PartitionLines().Add(pairs, {}, problems);
      }
      EXPECT_THAT(std::string(problems.ToStatus().message()),
                  testing::Not(testing::HasSubstr("no setter")));
    }
  }
}

TEST(ConfigKeys, DefaultsOfFixedKeysAreAccepted) {
  for (std::span<const ConfigKey> keys : {ConfigKeys(), NodeKeys(), PartitionKeys()}) {
    for (const ConfigKey& key : keys) {
      if (key.key_class == KeyClass::kHonoured || key.key_class == KeyClass::kRuntime) continue;
      EXPECT_TRUE(CheckFixedValue(key, "").ok()) << key.name;
      EXPECT_TRUE(CheckFixedValue(key, "(null)").ok()) << key.name;
      for (std::string_view value : Split(key.accepted, "|")) {
        EXPECT_TRUE(CheckFixedValue(key, value).ok()) << key.name << "=" << value;
      }
      const bool any = key.accepted == "*";
      EXPECT_EQ(CheckFixedValue(key, "no-such-value").ok(), any) << key.name;
      const bool satisfied =
          key.key_class == KeyClass::kSatisfied || key.key_class == KeyClass::kSatisfiedList;
      EXPECT_EQ(satisfied, !key.note.empty()) << key.name;
    }
  }
}

TEST(ConfigKeys, NearestKey) {
  EXPECT_EQ(UnknownKeyMessage(ConfigKeys(), "Kilwait"),
            "unknown key 'Kilwait'; did you mean KillWait?");
  EXPECT_EQ(UnknownKeyMessage(NodeKeys(), "realmem"),
            "unknown key 'realmem'; did you mean RealMemory?");
  EXPECT_EQ(UnknownKeyMessage(ConfigKeys(), "zzz"), "unknown key 'zzz'");
  UnknownKeyMessage(ConfigKeys(), std::string(1 << 20, 'x'));
}

}  // namespace
}  // namespace reeve
