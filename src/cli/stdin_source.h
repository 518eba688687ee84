// srun's standard input on its way to several nodes: a window of bytes that every node has its own
// place in, so that one that comes back after a broken connection gets what it missed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::cli {

class StdinSource {
 public:
  struct Chunk {
    uint64_t offset = 0;
    std::string data;
    bool eof = false;
  };
  explicit StdinSource(size_t num_readers, size_t window = 1 << 20);

  // More may be read: some reader is still there and the slowest is less than a window behind.
  bool WantsMore() const;
  void Append(std::string_view data);
  void SetEof() { eof_ = true; }
  bool at_eof() const { return eof_; }

  // What to send next to this reader; it counts as sent. nullopt: nothing now.
  std::optional<Chunk> Next(size_t reader, size_t most = 64 << 10);
  void Acknowledge(size_t reader, uint64_t offset);  // all before it has arrived
  void Rewind(size_t reader);  // a new connection: from the last acknowledgement again
  void Drop(size_t reader);    // its tasks have ended: it holds nothing back any more

 private:
  struct Reader {
    uint64_t acknowledged = 0;
    uint64_t sent = 0;
    bool eof_sent = false;
    bool gone = false;
  };
  uint64_t SlowestOffset() const;
  void Trim();
  uint64_t end() const { return begin_ + buffer_.size(); }

  size_t window_;
  std::vector<Reader> readers_;
  std::string buffer_;
  uint64_t begin_ = 0;  // the offset of buffer_'s first byte
  bool eof_ = false;
};

}  // namespace reeve::cli
