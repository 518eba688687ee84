// Real step daemons and the node's lease: nobody renews it but the test.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/base/text.h"
#include "common/os/boot_clock.h"
#include "noded/stepd/lease_file.h"
#include "step_harness.h"

namespace reeve::noded {
namespace {

using ::testing::HasSubstr;

class StepLease : public ::testing::TestWithParam<bool> {
 protected:
  // A lease that has so long to go until it freezes steps.
  void Renew(absl::Duration until_freeze) {
    LeaseTerms terms{absl::Seconds(5)};
    LeaseRecord record{BootId(), terms, os::BootClockNow() + until_freeze - terms.freeze()};
    ASSERT_TRUE(WriteLease(node_.spool_dir(), record).ok());
  }
  v1::StepLaunch Leased(const std::string& script) {
    v1::StepLaunch launch = node_.Batch(12, script);
    launch.set_leased(true);
    return launch;
  }
  size_t Ticks() const { return node_.Read("ticks").size(); }
  bool Ticking() {
    size_t before = Ticks();
    return node_.Until([&] { return Ticks() > before + 1; });
  }

  StepNode node_{GetParam()};
  const std::string ticker_ = "while :; do echo >> ticks; sleep 0.01; done";
};
INSTANTIATE_TEST_SUITE_P(Cgroups, StepLease, ::testing::Bool(), [](const auto& info) {
  return info.param ? "with_cgroups" : "without_cgroups";
});

TEST_P(StepLease, FreezesThenGoesOnWhenRenewed) {
  Renew(absl::Seconds(1));  // long enough for the launch, with a sanitizer too
  node_.Launch(Leased(ticker_));
  ASSERT_TRUE(Ticking());
  node_.StopDaemon();  // it need not be there
  // Frozen: no tick for many of its intervals.
  ASSERT_TRUE(node_.Until([&] {
    size_t before = Ticks();
    absl::Time end = absl::Now() + absl::Milliseconds(150);
    node_.Until([&] { return absl::Now() > end; });
    return Ticks() == before;
  }));
  Renew(absl::Seconds(60));
  EXPECT_TRUE(Ticking());
  node_.StartDaemon();
}

TEST_P(StepLease, IsKilledWhenItIsOver) {
  Renew(absl::Seconds(1));
  node_.Launch(Leased(ticker_));
  ASSERT_TRUE(Ticking());
  v1::StepReport end = node_.AwaitEnd(12, -5);
  EXPECT_EQ(end.kind(), v1::StepReport::KIND_EXITED);
  EXPECT_TRUE(end.lease_lost());
  EXPECT_EQ(WTERMSIG(end.tasks(0).status()), SIGKILL);
  EXPECT_THAT(node_.Read("slurm-12.out"), HasSubstr("DUE TO NODE FAILURE"));
  size_t left = Ticks();
  EXPECT_EQ(Ticks(), left);
}

TEST_P(StepLease, NothingStartsWithoutOne) {
  node_.Launch(Leased("echo x > ran"));
  v1::StepReport none = node_.AwaitEnd(12, -5);
  EXPECT_EQ(none.kind(), v1::StepReport::KIND_LAUNCH_FAILED);
  EXPECT_TRUE(none.lease_lost());
  EXPECT_EQ(node_.Read("ran"), "");
}

TEST_P(StepLease, NothingStartsWhenItIsOver) {
  Renew(absl::Milliseconds(-1));
  node_.Launch(Leased("echo x > ran"));
  EXPECT_TRUE(node_.AwaitEnd(12, -5).lease_lost());
  EXPECT_EQ(node_.Read("ran"), "");
}

TEST_P(StepLease, ALeaseOfAnotherBootIsNone) {
  LeaseTerms terms{absl::Seconds(5)};
  ASSERT_TRUE(WriteLease(node_.spool_dir(), {"other", terms, os::BootClockNow()}).ok());
  node_.Launch(Leased("echo x > ran"));
  EXPECT_TRUE(node_.AwaitEnd(12, -5).lease_lost());
}

TEST_P(StepLease, AStepThatMayNotBeRequeuedGoesOn) {
  Renew(absl::Milliseconds(-10000));
  EXPECT_EQ(node_.Run(node_.Batch(12, "exit 3")).tasks(0).status(), 3 << 8);
}

}  // namespace
}  // namespace reeve::noded
