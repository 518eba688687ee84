#include "ctld/core/shared_text.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace reeve::ctld {

SharedText::Block* SharedText::NewBlock(std::string_view text) {
  if (text.empty()) return nullptr;
  void* memory = std::malloc(sizeof(Block) + text.size());
  if (memory == nullptr) throw std::bad_alloc();
  Block* block = new (memory) Block;
  block->holders.store(1, std::memory_order_relaxed);
  block->size = static_cast<uint32_t>(text.size());
  std::memcpy(block->text, text.data(), text.size());
  return block;
}

void SharedText::Hold() const {
  if (block_ != nullptr) block_->holders.fetch_add(1, std::memory_order_relaxed);
}

void SharedText::LetGo() {
  if (block_ == nullptr || block_->holders.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  block_->~Block();
  std::free(block_);
}

bool SharedText::SharedWithOthers() const {
  return block_ != nullptr && block_->holders.load(std::memory_order_acquire) > 1;
}

void TextPool::Intern(SharedText& text) {
  if (text.empty()) return;
  if (texts_.size() >= sweep_at_) {
    absl::erase_if(texts_, [](const SharedText& known) { return !known.SharedWithOthers(); });
    sweep_at_ = std::max<size_t>(1024, texts_.size() * 2);
  }
  text = *texts_.insert(text).first;
}

}  // namespace reeve::ctld
