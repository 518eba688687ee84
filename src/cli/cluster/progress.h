// What `up` and `down` say while they work: one line that changes, on a terminal; nothing in a
// pipe.
#pragma once

#include <string_view>

namespace reeve::cluster {

class Progress {
 public:
  Progress();
  ~Progress() { Clear(); }
  void Show(std::string_view text);
  void Clear();  // before other output

 private:
  bool terminal_;
  bool shown_ = false;
};

}  // namespace reeve::cluster
