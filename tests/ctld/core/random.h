// What a test draws: numbers that a seed fixes.
#pragma once

#include <cstdint>
#include <random>

namespace reeve::ctld {

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t operator()(uint32_t n) { return engine_() % n; }  // 0 .. n-1

 private:
  std::mt19937 engine_;
};

}  // namespace reeve::ctld
