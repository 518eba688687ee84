// A line on stderr from a process that may not allocate (between fork and exec): collected, then
// written at once so that lines of several tasks don't mix.
#pragma once

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <cstddef>

namespace reeve::noded {

class ChildLine {
 public:
  ChildLine& operator<<(const char* text) {
    size_t room = sizeof(buffer_) - used_;
    size_t length = strnlen(text, room);
    memcpy(buffer_ + used_, text, length);
    used_ += length;
    return *this;
  }
  void Write() { [[maybe_unused]] ssize_t sent = write(STDERR_FILENO, buffer_, used_); }

 private:
  char buffer_[PIPE_BUF];
  size_t used_ = 0;
};

inline const char* ErrorText(int error) {
  const char* text = strerrordesc_np(error);
  return text != nullptr ? text : "unknown error";
}

// A number that is not negative, in decimal.
inline const char* Digits(int number, char (&buffer)[16]) {
  char* digit = buffer + sizeof(buffer);
  *--digit = '\0';
  do {
    *--digit = static_cast<char>('0' + number % 10);
  } while ((number /= 10) > 0);
  return digit;
}

}  // namespace reeve::noded
