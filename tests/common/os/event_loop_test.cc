#include "common/os/event_loop.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "common/os/fd.h"

namespace reeve::os {
namespace {

using ::testing::ElementsAre;

// Ends a test that would hang otherwise.
void StopAfterDeadline(EventLoop& loop) {
  loop.After(absl::Seconds(20), [&loop] {
    ADD_FAILURE() << "the deadline has passed";
    loop.Stop();
  });
}

TEST(EventLoop, PostedRunInOrder) {
  EventLoop loop;
  std::vector<int> ran;
  loop.Post([&] {
    ran.push_back(1);
    loop.Post([&] {
      ran.push_back(3);
      loop.Stop();
    });
  });
  loop.Post([&] { ran.push_back(2); });
  loop.Run();
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
}

TEST(EventLoop, NothingRunsAfterStop) {
  EventLoop loop;
  int ran = 0;
  loop.Post([&] {
    ++ran;
    loop.Stop();
  });
  loop.Post([&] { ++ran; });
  loop.Run();
  EXPECT_EQ(ran, 1);
  EXPECT_TRUE(loop.stopped());
}

TEST(EventLoop, PostsFromManyThreadsAllArrive) {
  EventLoop loop;
  StopAfterDeadline(loop);
  constexpr int kThreads = 4, kEach = 5000;
  int ran = 0;  // of the loop's thread
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        loop.Post([&] {
          if (++ran == kThreads * kEach) loop.Stop();
        });
      }
    });
  }
  loop.Run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, kThreads * kEach);
}

TEST(EventLoop, TimersRunInOrderAndCanBeCancelled) {
  EventLoop loop;
  StopAfterDeadline(loop);
  std::vector<int> ran;
  const absl::Time start = absl::Now();
  loop.After(absl::Milliseconds(20), [&] {
    ran.push_back(2);
    loop.Stop();
  });
  loop.At(absl::Now() + absl::Milliseconds(5), [&] { ran.push_back(1); });
  const TimerId cancelled = loop.After(absl::Milliseconds(1), [&] { ran.push_back(0); });
  EXPECT_TRUE(loop.Cancel(cancelled));
  EXPECT_FALSE(loop.Cancel(cancelled));
  EXPECT_FALSE(loop.Cancel(TimerId::kNone));
  loop.At(absl::InfiniteFuture(), [&] { ran.push_back(9); });
  loop.Run();
  EXPECT_THAT(ran, ElementsAre(1, 2));
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(20));
}

TEST(EventLoop, ATimerMayCancelAnotherThatIsDue) {
  EventLoop loop;
  int second_ran = 0;
  TimerId second = TimerId::kNone;
  loop.At(absl::InfinitePast(), [&] { EXPECT_TRUE(loop.Cancel(second)); });
  second = loop.After(absl::ZeroDuration(), [&] { ++second_ran; });
  while (loop.RunOnce()) {
  }
  EXPECT_EQ(second_ran, 0);
}

TEST(EventLoop, ATimerForNowDoesNotStarveTheRest) {
  EventLoop loop;
  StopAfterDeadline(loop);
  std::function<void()> again = [&] { loop.At(absl::InfinitePast(), again); };
  again();
  std::thread other([&] { loop.Post([&] { loop.Stop(); }); });
  loop.Run();
  other.join();
}

TEST(EventLoop, WatchesDescriptors) {
  EventLoop loop;
  StopAfterDeadline(loop);
  Pipe pipe = *MakePipe(O_NONBLOCK);
  std::string got;
  ASSERT_TRUE(loop.Watch(pipe.read.get(), EPOLLIN,
                         [&](uint32_t events) {
                           if ((events & EPOLLIN) != 0) {
                             char buffer[16];
                             const ssize_t n = read(pipe.read.get(), buffer, sizeof buffer);
                             if (n > 0) got.append(buffer, n);
                           }
                           if (got == "hello") pipe.write.reset();
                           if ((events & EPOLLHUP) != 0) {
                             loop.Unwatch(pipe.read.get());
                             loop.Stop();
                           }
                         })
                  .ok());
  loop.Post([&] { EXPECT_TRUE(WriteAll(pipe.write.get(), "hello").ok()); });
  loop.Run();
  EXPECT_EQ(got, "hello");
  EXPECT_FALSE(loop.Watch(-1, EPOLLIN, [](uint32_t) {}).ok());
}

// Both ends are ready in one round; the first handler removes the other's watch and closes its
// descriptor, whose number is used again at once.
TEST(EventLoop, ARemovedWatchIsNotCalledForItsSuccessor) {
  EventLoop loop;
  Pipe a = *MakePipe(), b = *MakePipe();
  ASSERT_TRUE(WriteAll(a.write.get(), "x").ok());
  ASSERT_TRUE(WriteAll(b.write.get(), "x").ok());
  int calls = 0, successor_calls = 0;
  std::vector<Pipe> later;
  const auto handler = [&](UniqueFd& own, UniqueFd& other) {
    ++calls;
    loop.Unwatch(own.get());
    loop.Unwatch(other.get());
    const int reused = other.get();
    other.reset();
    later.push_back(*MakePipe());
    EXPECT_EQ(later.back().read.get(), reused);
    ASSERT_TRUE(loop.Watch(reused, EPOLLIN, [&](uint32_t) { ++successor_calls; }).ok());
  };
  ASSERT_TRUE(loop.Watch(a.read.get(), EPOLLIN, [&](uint32_t) { handler(a.read, b.read); }).ok());
  ASSERT_TRUE(loop.Watch(b.read.get(), EPOLLIN, [&](uint32_t) { handler(b.read, a.read); }).ok());
  loop.RunOnce();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(successor_calls, 0);
}

TEST(EventLoop, Signals) {
  EventLoop loop;
  StopAfterDeadline(loop);
  int got = 0;
  loop.OnSignal(SIGUSR1, [&] { ++got; });
  loop.OnSignal(SIGUSR2, [&] { loop.Stop(); });
  loop.Post([] {
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
  });
  loop.Run();
  EXPECT_EQ(got, 1);
}

TEST(ResetSignals, ChildStartsClean) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const pid_t child = fork();
  if (child == 0) {
    ResetSignals();
    sigset_t now;
    sigprocmask(SIG_SETMASK, nullptr, &now);
    struct sigaction action;
    sigaction(SIGPIPE, nullptr, &action);
    _exit(sigismember(&now, SIGTERM) == 0 && action.sa_handler == SIG_DFL ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
}

}  // namespace
}  // namespace reeve::os
