#include "common/os/background.h"

#include <sys/resource.h>
#include <unistd.h>

namespace reeve::os {
namespace {

constexpr int kNice = 5;  // beside other threads of the process

}  // namespace

Background::Background()
    : thread_([this] {
        const auto self = static_cast<id_t>(gettid());  // each thread has a nice value of its own
        setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + kNice);
        loop_.Run();
      }) {}

void Background::Stop() {
  if (!thread_.joinable()) return;
  loop_.Stop();
  thread_.join();
}

}  // namespace reeve::os
