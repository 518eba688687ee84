// Configurations of tests: what a text gives behind the two keys that every one needs.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "common/base/config.h"
#include "common/base/text.h"
#include "gtest/gtest.h"

namespace reeve {

// The text begins on line 2 of file "f".
inline absl::StatusOr<Config> Parse(std::string_view text) {
  return ParseConfig(StrCat("ClusterName=c SlurmctldHost=h\n", text), "f");
}

inline Config Good(std::string_view text) {
  absl::StatusOr<Config> config = Parse(text);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *std::move(config) : Config{};
}

inline std::string Problem(std::string_view text) {
  return std::string(Parse(text).status().message());
}

}  // namespace reeve
