// What a task has written and no client has acknowledged yet, of one stream.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reeve::noded {

class OutputWindow {
 public:
  // Beyond this the task is no longer read from: its pipe fills and it blocks.
  static constexpr size_t kCapacity = size_t{1} << 20;

  uint64_t begin() const { return begin_; }  // offset of the first byte kept
  uint64_t end() const { return begin_ + data_.size() - dropped_; }
  bool full() const { return end() - begin_ >= kCapacity; }

  void Append(std::string_view data) { data_.append(data); }

  // Bytes from `offset` on, at most `limit`; empty at the end. An offset before begin() starts at
  // begin().
  std::string_view From(uint64_t offset, size_t limit) const {
    if (offset < begin_) offset = begin_;
    if (offset >= end()) return {};
    return std::string_view(data_).substr(dropped_ + (offset - begin_), limit);
  }

  // Forgets what lies before `offset`.
  void Trim(uint64_t offset) {
    if (offset <= begin_) return;
    if (offset > end()) offset = end();
    dropped_ += offset - begin_;
    begin_ = offset;
    // Moving the rest up costs its length: only when most of the buffer is gone.
    if (dropped_ * 2 >= data_.size()) {
      data_.erase(0, dropped_);
      dropped_ = 0;
    }
  }

 private:
  std::string data_;
  size_t dropped_ = 0;  // bytes at the front of data_ that are gone already
  uint64_t begin_ = 0;
};

}  // namespace reeve::noded
