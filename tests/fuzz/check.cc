#include "tests/fuzz/check.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace reeve::fuzz {
namespace {

constexpr size_t kLongestMessage = 64 << 10;

}  // namespace

void Fail(std::string_view what) {
  const std::string line = StrCat("\nfuzz: ", what, "\n");
  // The descriptor: the stream may have been silenced.
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) _exit(99);
  std::abort();
}

void ExpectNames(const absl::Status& refusal, std::string_view value) {
  Expect(!refusal.ok(), "a refusal was expected of '", value, "'");
  const std::string_view message = Message(refusal);
  Expect(!message.empty() && message.size() <= kLongestMessage, "a message of ", message.size(),
         " bytes for '", value, "'");
  Expect(message.find(value.substr(0, 40)) != message.npos, "'", message, "' does not name '",
         value, "'");
}

void Silence() {
  static const bool done = [] {
    // glibc's streams are variables; the descriptors stay for the fuzzer's own words.
    FILE* nowhere = fopen("/dev/null", "we");
    if (nowhere == nullptr) std::abort();
    stderr = stdout = nowhere;
    return true;
  }();
  (void)done;
}

uint8_t Bytes::Byte() {
  if (left_.empty()) return 0;
  const uint8_t byte = static_cast<uint8_t>(left_[0]);
  left_.remove_prefix(1);
  return byte;
}

uint32_t Bytes::Below(uint32_t n) {
  uint32_t value = Byte();
  if (n > 256) value = value << 8 | Byte();
  return n == 0 ? 0 : value % n;
}

uint64_t Bytes::Number() {
  const uint8_t kind = Byte();
  const uint64_t value = Byte();
  switch (kind % 8) {
    case 0:
    case 1:
    case 2:
      return value % 16;
    case 3:
      return value;
    case 4:
      return uint64_t{1} << (value % 64);
    case 5:
      return ~uint64_t{0} >> (value % 64);
    case 6:
      return 0 - value;
    default: {
      uint64_t number = value;
      for (int i = 0; i < 7; ++i) number = number << 8 | Byte();
      return number;
    }
  }
}

std::string_view Bytes::Take(size_t count) {
  const std::string_view taken = left_.substr(0, count);
  left_.remove_prefix(taken.size());
  return taken;
}

}  // namespace reeve::fuzz
