// What every fuzz target is made of: the entry point libFuzzer calls, a check that ends the program
// with a reason, and a reader that turns the input's bytes into choices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace reeve::fuzz {

[[noreturn]] void Fail(std::string_view what);

// Parts are texts and numbers, as StrCat takes them.
template <typename... Parts>
void Expect(bool condition, const Parts&... parts) {
  if (!condition) Fail(StrCat(parts...));
}

// A refusal tells the user something, in bounds, and of what: `value` or its beginning is in it.
void ExpectNames(const absl::Status& refusal, std::string_view value);

// What the code under test prints goes nowhere: getopt and the commands write to stderr and stdout.
void Silence();

// The input from its front. Past its end all numbers are 0 and all texts empty, so that every
// input means something.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : left_(reinterpret_cast<const char*>(data), size) {}
  explicit Bytes(std::string_view data) : left_(data) {}

  bool empty() const { return left_.empty(); }
  uint8_t Byte();
  bool Flag() { return (Byte() & 1) != 0; }
  uint32_t Below(uint32_t n);  // 0 .. n-1; n at most 65536
  // Small ones, round ones and the ends of the types, each often.
  uint64_t Number();
  std::string_view Take(size_t count);
  std::string_view Text() { return Take(Byte()); }
  std::string_view Rest() { return Take(left_.size()); }
  template <class Choices>
  auto Pick(const Choices& choices) {
    return choices[Below(static_cast<uint32_t>(std::size(choices)))];
  }

 private:
  std::string_view left_;
};

}  // namespace reeve::fuzz
