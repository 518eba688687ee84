#include "cli/cluster/progress.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace reeve::cluster {

Progress::Progress() {
  const char* terminal = getenv("TERM");
  terminal_ = isatty(STDERR_FILENO) && (terminal == nullptr || strcmp(terminal, "dumb") != 0);
}

void Progress::Show(std::string_view text) {
  if (!terminal_) return;
  fprintf(stderr, "\r\033[K%.*s", static_cast<int>(text.size()), text.data());
  fflush(stderr);
  shown_ = true;
}

void Progress::Clear() {
  if (!shown_) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  shown_ = false;
}

}  // namespace reeve::cluster
