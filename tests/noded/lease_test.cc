#include "noded/core/lease.h"

#include <gmock/gmock.h>

#include "noded/stepd/lease_file.h"

namespace reeve::noded {
namespace {

constexpr absl::Duration kSecond = absl::Seconds(1);

class LeaseTest : public ::testing::Test {
 protected:
  LeaseTest() {
    lease.Registering(now);
    now += kSecond;
    lease.Welcomed(terms, {"n1", "n2", "n3"}, now);
  }
  void Beat() { lease.Acknowledged(lease.Heartbeat(now), now); }
  // Until this node says that the controller is away.
  void Silence() { now += terms.silent(); }

  LeaseTerms terms = LeaseTerms::For(absl::Seconds(300));
  BootTime now = 1000 * kSecond;
  Lease lease{now};
};

TEST_F(LeaseTest, RunsFromWhenTheRegistrationWasSent) {
  EXPECT_EQ(lease.from(), 1000 * kSecond);
  EXPECT_TRUE(lease.Held(1000 * kSecond + terms.freeze() - kSecond));
  EXPECT_FALSE(lease.Held(1000 * kSecond + terms.freeze()));
}

TEST_F(LeaseTest, RunsFromWhenTheHeartbeatWasSent) {
  now += 30 * kSecond;
  uint64_t first = lease.Heartbeat(now);
  now += 30 * kSecond;
  uint64_t second = lease.Heartbeat(now);
  lease.Acknowledged(first, now + 20 * kSecond);
  EXPECT_EQ(lease.from(), now - 30 * kSecond);
  lease.Acknowledged(second, now + 21 * kSecond);
  EXPECT_EQ(lease.from(), now);
  EXPECT_EQ(lease.acknowledged(), second);
  // Twice, or never sent: nothing.
  lease.Acknowledged(second, now + 500 * kSecond);
  lease.Acknowledged(second + 7, now + 500 * kSecond);
  EXPECT_EQ(lease.from(), now);
}

TEST_F(LeaseTest, AnOldAcknowledgementTakesNothingBack) {
  uint64_t first = lease.Heartbeat(now);
  now += kSecond;
  Beat();
  BootTime from = lease.from();
  lease.Acknowledged(first, now);
  EXPECT_EQ(lease.from(), from);
}

TEST_F(LeaseTest, IsAwayAfterSilence) {
  EXPECT_FALSE(lease.Away(now + terms.silent() - kSecond));
  EXPECT_TRUE(lease.Away(now + terms.silent()));
  Silence();
  Beat();
  EXPECT_FALSE(lease.Away(now));
}

TEST_F(LeaseTest, MostWitnessesRenewIt) {
  Silence();
  ASSERT_TRUE(lease.WantsWitnesses(now));
  lease.BeginAsking(now);
  EXPECT_FALSE(lease.WantsWitnesses(now));
  EXPECT_FALSE(lease.Said("n1", true, terms.patience(), now));
  EXPECT_FALSE(lease.Said("n1", true, terms.patience(), now)) << "one counts once";
  EXPECT_FALSE(lease.Said("n9", true, terms.patience(), now)) << "a stranger";
  EXPECT_FALSE(lease.Said("n2", false, terms.patience(), now)) << "it hears the controller";
  EXPECT_TRUE(lease.Said("n3", true, terms.patience(), now + kSecond));
  EXPECT_EQ(lease.from(), now) << "from when it began to ask";
  EXPECT_TRUE(lease.Away(now)) << "it will ask again";
}

TEST_F(LeaseTest, LateAnswersCountForNothing) {
  Silence();
  lease.BeginAsking(now);
  lease.Said("n1", true, terms.patience(), now);
  EXPECT_FALSE(lease.Said("n2", true, terms.patience(), now + terms.patience() + kSecond));
  EXPECT_FALSE(lease.Said("n2", true, kSecond, now + 2 * kSecond)) << "the witness's own patience";
  lease.EndAsking();
  EXPECT_FALSE(lease.Said("n2", true, terms.patience(), now));
}

TEST_F(LeaseTest, AnswersOfAnEarlierRoundAreForgotten) {
  Silence();
  lease.BeginAsking(now);
  lease.Said("n1", true, terms.patience(), now);
  lease.EndAsking();
  lease.BeginAsking(now);
  EXPECT_FALSE(lease.Said("n2", true, terms.patience(), now));
}

TEST_F(LeaseTest, TheControllersAnswerEndsARound) {
  Silence();
  lease.BeginAsking(now);
  lease.Said("n1", true, terms.patience(), now);
  Beat();
  EXPECT_FALSE(lease.Said("n2", true, terms.patience(), now));
}

TEST_F(LeaseTest, ANewDaemonGoesOnWithTheOldOnesLease) {
  Lease next(now + 100 * kSecond);
  next.Resume(terms, lease.from(), {"n1", "n2", "n3"});
  EXPECT_TRUE(next.Held(now + 100 * kSecond));
  EXPECT_FALSE(next.Away(now + terms.silent())) << "its silence counts from its own start";
  EXPECT_TRUE(next.Away(now + 100 * kSecond + terms.silent()));
}

TEST_F(LeaseTest, WithoutTermsItAlwaysHoldsAndNobodyIsAway) {
  Lease none(now);
  EXPECT_TRUE(none.Held(now + absl::Hours(1000)));
  EXPECT_FALSE(none.Away(now + absl::Hours(1000)));
}

TEST(LeaseTerms, LeaveRoomForOneAnother) {
  for (int seconds : {1, 10, 11, 30, 60, 300, 3600, 86400}) {
    LeaseTerms terms = LeaseTerms::For(absl::Seconds(seconds));
    EXPECT_LT(terms.heartbeat() * 3, terms.covered()) << seconds;
    // A round of questions, and another, before anything freezes.
    EXPECT_LT(terms.silent() + terms.heartbeat() + terms.patience(), terms.freeze()) << seconds;
    EXPECT_LT(terms.freeze(), terms.length);
  }
  EXPECT_FALSE(LeaseTerms::For(absl::ZeroDuration()).enabled());
}

TEST(LeaseFile, ReadsWhatItWrites) {
  LeaseRecord record{"b-1",
                     LeaseTerms::For(absl::Seconds(300)),
                     absl::Milliseconds(123456),
                     {{"n1", "10.0.0.1", 6818}, {"n2", "node2.example", 6818}}};
  absl::StatusOr<LeaseRecord> read = ParseLease(FormatLease(record));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->boot_id, "b-1");
  EXPECT_EQ(read->terms, record.terms);
  EXPECT_EQ(read->from, record.from);
  EXPECT_EQ(read->witnesses, record.witnesses);
}

TEST(LeaseFile, RefusesWhatItCannotHaveWritten) {
  for (const char* text :
       {"", "boot x\n", "boot x\nlength 5\n", "boot x\nlength y\nfrom 1\n",
        "boot x\nlength 5\nfrom 1\nwitness n1\n", "boot x\nlength -5\nfrom 1\n"}) {
    EXPECT_FALSE(ParseLease(text).ok()) << text;
  }
}

}  // namespace
}  // namespace reeve::noded
