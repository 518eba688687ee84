#include "replay/gunzip.h"

#include <zlib.h>

#include <algorithm>

#include "common/base/text.h"

namespace reeve::replay {
namespace {

constexpr size_t kPiece = size_t{1} << 18;
constexpr int kGzipWindow = 15 + 16;  // the largest window, gzip's header and trailer

class Inflater {
 public:
  explicit Inflater(std::string_view data) {
    // zlib only reads there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    left_ = data.size();
    ready_ = inflateInit2(&stream_, kGzipWindow) == Z_OK;
  }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  absl::StatusOr<std::string> Run(size_t limit) {
    if (!ready_) return absl::InternalError("zlib does not start");
    std::string out;
    for (;;) {
      const int code = Piece(&out);
      if (out.size() > limit) {
        return absl::ResourceExhaustedError(StrCat("more than ", limit, " bytes when unpacked"));
      }
      if (code == Z_STREAM_END) {
        if (left_ + stream_.avail_in == 0) return out;
        if (inflateReset(&stream_) != Z_OK) return absl::InternalError("zlib does not go on");
      } else if (code != Z_OK) {
        const bool short_of = code == Z_BUF_ERROR;
        return absl::InvalidArgumentError(short_of ? "the gzip file ends too early"
                                                   : "the gzip file is damaged");
      }
    }
  }

 private:
  // Its counters are 32 bits wide: the input is given out in pieces.
  int Piece(std::string* out) {
    if (stream_.avail_in == 0) {
      stream_.avail_in = static_cast<uInt>(std::min(left_, kPiece));
      left_ -= stream_.avail_in;
    }
    const size_t before = out->size();
    out->resize(before + kPiece);
    stream_.next_out = reinterpret_cast<Bytef*>(out->data() + before);
    stream_.avail_out = kPiece;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    out->resize(out->size() - stream_.avail_out);
    return code;
  }

  z_stream stream_{};
  size_t left_ = 0;
  bool ready_ = false;
};

}  // namespace

bool IsGzip(std::string_view data) {
  return data.starts_with("\x1f\x8b");
}

absl::StatusOr<std::string> Gunzip(std::string_view data, size_t limit) {
  return Inflater(data).Run(limit);
}

}  // namespace reeve::replay
