// A text of which there are many equal ones: eight bytes where it is used, its characters once for
// all who share it.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"

namespace reeve::ctld {

// Immutable characters; copies share them and may be on other threads. Assigned from any text.
class SharedText {
 public:
  SharedText() = default;
  template <typename Text>
  requires std::convertible_to<const Text&, std::string_view> SharedText(const Text& text)
      : block_(NewBlock(text)) {}  // NOLINT: a text like any other
  SharedText(const SharedText& other) : block_(other.block_) { Hold(); }
  SharedText(SharedText&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedText& operator=(SharedText other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedText() { LetGo(); }

  std::string_view view() const {
    return block_ == nullptr ? std::string_view() : std::string_view(block_->text, block_->size);
  }
  std::string str() const { return std::string(view()); }
  operator std::string_view() const { return view(); }  // NOLINT: likewise
  operator std::string() const { return str(); }        // NOLINT: likewise
  bool empty() const { return block_ == nullptr; }
  void clear() { *this = SharedText(); }
  bool SharedWithOthers() const;

  template <typename Text>
  requires std::convertible_to<const Text&, std::string_view>
  friend bool operator==(const SharedText& a, const Text& b) {
    return a.view() == std::string_view(b);
  }
  friend bool operator==(const SharedText& a, const SharedText& b) {
    return a.block_ == b.block_ || a.view() == b.view();
  }
  friend std::ostream& operator<<(std::ostream& out, const SharedText& text) {
    return out << text.view();
  }
  template <typename H>
  friend H AbslHashValue(H hash, const SharedText& text) {
    return H::combine(std::move(hash), text.view());
  }

 private:
  struct Block {
    std::atomic<uint32_t> holders;
    uint32_t size;
    char text[];
  };
  static Block* NewBlock(std::string_view text);  // null for an empty one
  void Hold() const;
  void LetGo();

  Block* block_ = nullptr;
};

// Gives equal texts the same characters.
class TextPool {
 public:
  void Intern(SharedText& text);
  size_t size() const { return texts_.size(); }  // with some that nobody else holds any more

 private:
  absl::flat_hash_set<SharedText> texts_;
  size_t sweep_at_ = 1024;
};

}  // namespace reeve::ctld
