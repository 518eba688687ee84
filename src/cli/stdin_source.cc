#include "cli/stdin_source.h"

#include <algorithm>

namespace reeve::cli {

StdinSource::StdinSource(size_t num_readers, size_t window)
    : window_(window), readers_(num_readers) {}

uint64_t StdinSource::SlowestOffset() const {
  uint64_t slowest = end();
  for (const Reader& reader : readers_) {
    if (!reader.gone) slowest = std::min(slowest, reader.acknowledged);
  }
  return slowest;
}

bool StdinSource::WantsMore() const {
  bool anybody = std::any_of(readers_.begin(), readers_.end(), [](auto& r) { return !r.gone; });
  return anybody && !eof_ && end() - SlowestOffset() < window_;
}

void StdinSource::Append(std::string_view data) {
  buffer_.append(data);
}

std::optional<StdinSource::Chunk> StdinSource::Next(size_t index, size_t most) {
  Reader& reader = readers_[index];
  if (reader.gone || reader.eof_sent) return std::nullopt;
  Chunk chunk;
  chunk.offset = reader.sent;
  chunk.data = buffer_.substr(reader.sent - begin_, most);
  reader.sent += chunk.data.size();
  chunk.eof = eof_ && reader.sent == end();
  reader.eof_sent = chunk.eof;
  if (chunk.data.empty() && !chunk.eof) return std::nullopt;
  return chunk;
}

void StdinSource::Acknowledge(size_t index, uint64_t offset) {
  Reader& reader = readers_[index];
  // Never past what was sent, whatever a node says.
  reader.acknowledged = std::max(reader.acknowledged, std::min(offset, reader.sent));
  Trim();
}

void StdinSource::Rewind(size_t index) {
  Reader& reader = readers_[index];
  reader.sent = reader.acknowledged;
  reader.eof_sent = false;
}

void StdinSource::Drop(size_t index) {
  readers_[index].gone = true;
  Trim();
}

void StdinSource::Trim() {
  uint64_t keep = SlowestOffset();
  if (keep == begin_) return;
  buffer_.erase(0, keep - begin_);
  begin_ = keep;
}

}  // namespace reeve::cli
