// Texts that a test compares with a file under golden/. REEVE_UPDATE_GOLDEN=1 writes the files
// anew.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace reeve::cli {

inline std::string ReadGolden(const std::string& name) {
  std::ifstream file(std::string(GOLDEN_DIR) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void ExpectGolden(const std::string& name, const std::string& text) {
  if (getenv("REEVE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(std::string(GOLDEN_DIR) + "/" + name) << text;
    return;
  }
  EXPECT_EQ(ReadGolden(name), text) << "golden file " << name;
}

}  // namespace reeve::cli
