#include "common/os/event_loop.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::os {
namespace {

constexpr int kMaxEvents = 64;

int64_t MonotonicNanos() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void CheckFd(int fd, const char* what) {
  if (fd >= 0) return;
  std::perror(what);
  std::abort();
}

}  // namespace

struct EventLoop::Impl {
  struct Watcher {
    std::function<void(uint32_t)> fn;
    uint64_t serial = 0;  // tells a watch from an earlier one of the same descriptor
  };
  using TimerKey = std::pair<int64_t, uint64_t>;  // when, id

  UniqueFd epoll{epoll_create1(EPOLL_CLOEXEC)};
  UniqueFd wakeup{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  UniqueFd signals;
  sigset_t signal_set;
  std::atomic<bool> stopped{false};

  std::mutex mutex;
  std::vector<std::function<void()>> posted;  // guarded by `mutex`

  // The rest belongs to the loop's thread.
  std::map<TimerKey, std::function<void()>> timers;
  std::unordered_map<uint64_t, int64_t> timer_times;
  uint64_t next_timer = 1;
  std::unordered_map<int, std::shared_ptr<Watcher>> watchers;
  uint64_t next_serial = 1;
  std::unordered_map<int, std::function<void()>> signal_handlers;

  void Wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = write(wakeup.get(), &one, sizeof one);
  }

  bool RunPosted();
  bool RunTimers();
  bool RunEvents(int timeout_ms);
  void ReadSignals();
  int TimeoutMs();
};

bool EventLoop::Impl::RunPosted() {
  std::vector<std::function<void()>> batch;
  {
    std::lock_guard lock(mutex);
    batch.swap(posted);
  }
  size_t ran = 0;
  while (ran < batch.size() && !stopped) {
    std::function<void()> fn = std::move(batch[ran++]);
    fn();
  }
  if (ran < batch.size()) {  // stopped halfway: the rest keeps its place
    std::lock_guard lock(mutex);
    posted.insert(posted.begin(), std::make_move_iterator(batch.begin() + ran),
                  std::make_move_iterator(batch.end()));
  }
  return ran > 0;
}

bool EventLoop::Impl::RunTimers() {
  // One started by a handler for "now" waits for the next round.
  const int64_t now = MonotonicNanos();
  const uint64_t newest = next_timer;
  bool ran = false;
  for (auto it = timers.begin(); it != timers.end() && it->first.first <= now && !stopped;) {
    if (it->first.second >= newest) {
      ++it;
      continue;
    }
    std::function<void()> fn = std::move(it->second);
    timer_times.erase(it->first.second);
    timers.erase(it);
    fn();
    ran = true;
    it = timers.begin();  // `fn` may have cancelled or started others
  }
  return ran;
}

bool EventLoop::Impl::RunEvents(int timeout_ms) {
  epoll_event events[kMaxEvents];
  const int count = epoll_wait(epoll.get(), events, kMaxEvents, timeout_ms);
  bool ran = false;
  // What is reported was true before any handler of this batch ran: a watch that a handler has
  // removed or replaced since is known by its serial number.
  std::pair<int, uint64_t> reported[kMaxEvents];
  for (int i = 0; i < count; ++i) {
    const int fd = events[i].data.fd;
    const auto it = watchers.find(fd);
    reported[i] = {fd, it == watchers.end() ? 0 : it->second->serial};
  }
  for (int i = 0; i < count && !stopped; ++i) {
    const auto [fd, serial] = reported[i];
    if (fd == wakeup.get()) {
      uint64_t value;
      [[maybe_unused]] const ssize_t got = read(fd, &value, sizeof value);
    } else if (fd == signals.get()) {
      ReadSignals();
      ran = true;
    } else if (const auto it = watchers.find(fd);
               it != watchers.end() && it->second->serial == serial) {
      const std::shared_ptr<Watcher> watcher = it->second;  // survives its own Unwatch
      watcher->fn(events[i].events);
      ran = true;
    }
  }
  return ran;
}

void EventLoop::Impl::ReadSignals() {
  signalfd_siginfo info;
  while (!stopped && read(signals.get(), &info, sizeof info) == sizeof info) {
    const auto it = signal_handlers.find(static_cast<int>(info.ssi_signo));
    if (it == signal_handlers.end()) continue;
    const std::function<void()> fn = it->second;
    fn();
  }
}

int EventLoop::Impl::TimeoutMs() {
  {
    std::lock_guard lock(mutex);
    if (!posted.empty()) return 0;
  }
  if (timers.empty()) return -1;
  const int64_t nanos = timers.begin()->first.first - MonotonicNanos();
  if (nanos <= 0) return 0;
  // Rounded up: waking early would only mean spinning until it is time.
  const int64_t ms = nanos / 1'000'000 + 1;
  return static_cast<int>(std::min<int64_t>(ms, 3'600'000));
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {
  CheckFd(impl_->epoll.get(), "epoll_create1");
  CheckFd(impl_->wakeup.get(), "eventfd");
  sigemptyset(&impl_->signal_set);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = impl_->wakeup.get();
  CheckFd(epoll_ctl(impl_->epoll.get(), EPOLL_CTL_ADD, event.data.fd, &event), "epoll_ctl");
}

EventLoop::~EventLoop() = default;

void EventLoop::Post(std::function<void()> fn) {
  bool first = false;
  {
    std::lock_guard lock(impl_->mutex);
    first = impl_->posted.empty();
    impl_->posted.push_back(std::move(fn));
  }
  if (first) impl_->Wake();  // a loop that has more to fetch is awake or about to be
}

TimerId EventLoop::At(absl::Time when, std::function<void()> fn) {
  return After(when - absl::Now(), std::move(fn));
}

TimerId EventLoop::After(absl::Duration delay, std::function<void()> fn) {
  const int64_t nanos = std::clamp<int64_t>(absl::ToInt64Nanoseconds(delay), 0,
                                            std::numeric_limits<int64_t>::max() / 2);
  const uint64_t id = impl_->next_timer++;
  const int64_t when = MonotonicNanos() + nanos;
  impl_->timers.emplace(Impl::TimerKey{when, id}, std::move(fn));
  impl_->timer_times.emplace(id, when);
  return static_cast<TimerId>(id);
}

bool EventLoop::Cancel(TimerId id) {
  const auto it = impl_->timer_times.find(static_cast<uint64_t>(id));
  if (it == impl_->timer_times.end()) return false;
  impl_->timers.erase({it->second, it->first});
  impl_->timer_times.erase(it);
  return true;
}

absl::Status EventLoop::Watch(int fd, uint32_t events, std::function<void(uint32_t)> fn) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(impl_->epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0 &&
      (errno != EEXIST || epoll_ctl(impl_->epoll.get(), EPOLL_CTL_MOD, fd, &event) != 0)) {
    return ErrnoStatus(errno, StrCat("watch descriptor ", fd));
  }
  auto watcher = std::make_shared<Impl::Watcher>();
  watcher->fn = std::move(fn);
  watcher->serial = impl_->next_serial++;
  impl_->watchers[fd] = std::move(watcher);
  return absl::OkStatus();
}

void EventLoop::Unwatch(int fd) {
  if (impl_->watchers.erase(fd) > 0) epoll_ctl(impl_->epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::OnSignal(int signal, std::function<void()> fn) {
  sigaddset(&impl_->signal_set, signal);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  pthread_sigmask(SIG_BLOCK, &one, nullptr);
  const bool is_new = !impl_->signals.valid();
  const int fd = signalfd(impl_->signals.get(), &impl_->signal_set, SFD_CLOEXEC | SFD_NONBLOCK);
  CheckFd(fd, "signalfd");
  if (is_new) {
    impl_->signals.reset(fd);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    CheckFd(epoll_ctl(impl_->epoll.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  }
  impl_->signal_handlers[signal] = std::move(fn);
}

void EventLoop::Run() {
  while (!impl_->stopped) {
    impl_->RunPosted();
    if (impl_->stopped) return;
    impl_->RunTimers();
    if (impl_->stopped) return;
    impl_->RunEvents(impl_->TimeoutMs());
  }
}

bool EventLoop::RunOnce() {
  const bool posted = impl_->RunPosted();
  const bool timers = !impl_->stopped && impl_->RunTimers();
  const bool events = !impl_->stopped && impl_->RunEvents(0);
  return posted || timers || events;
}

void EventLoop::Stop() {
  impl_->stopped = true;
  impl_->Wake();
}

bool EventLoop::stopped() const {
  return impl_->stopped;
}

void ResetSignals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace reeve::os
