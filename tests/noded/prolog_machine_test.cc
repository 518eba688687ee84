#include "noded/core/prolog_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/text.h"

namespace reeve::noded {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const JobKey kJob{JobId{12}, 0};
const StepKey kBatch{JobId{12}, kBatchStep, 0};
const StepKey kStep{JobId{12}, StepId{0}, 0};

// Effects in words: "run prolog 12.0", "pass 12.batch".
std::vector<std::string> Words(const ScriptEffects& effects) {
  struct Namer {
    static std::string Name(const JobKey& key) { return StrCat(key.job.value, ".", key.attempt); }
    std::string operator()(const RunScript& e) const {
      return StrCat("run ", e.kind == ScriptKind::kProlog ? "prolog " : "epilog ", Name(e.key));
    }
    std::string operator()(const PassLaunch& e) const { return StrCat("pass ", ToString(e.key)); }
    std::string operator()(const RefuseLaunch& e) const {
      return StrCat("refuse ", ToString(e.key), e.prolog_failed ? " prolog" : "");
    }
    std::string operator()(const ReportPrepared& e) const {
      return StrCat("prepared ", Name(e.key), e.failed ? " failed" : "");
    }
    std::string operator()(const ReportDone& e) const {
      return StrCat("done ", Name(e.key), e.prolog_failed ? " prolog" : "",
                    e.epilog_failed ? " epilog" : "");
    }
    std::string operator()(const ForgetJob& e) const { return StrCat("forget ", Name(e.key)); }
  };
  std::vector<std::string> words;
  for (const ScriptEffect& effect : effects) words.push_back(std::visit(Namer{}, effect));
  return words;
}

class BothScripts : public ::testing::Test {
 protected:
  auto EndProlog(bool failed = false) {
    return Words(machine_.ScriptEnded(kJob, ScriptKind::kProlog, failed, failed ? "why" : ""));
  }
  auto EndEpilog(bool failed = false) {
    return Words(machine_.ScriptEnded(kJob, ScriptKind::kEpilog, failed, ""));
  }
  PrologMachine machine_{true, true};
};

TEST_F(BothScripts, ALife) {
  EXPECT_THAT(Words(machine_.Launch(kBatch)), ElementsAre("run prolog 12.0"));
  EXPECT_THAT(Words(machine_.Launch(kStep)), IsEmpty());
  EXPECT_THAT(Words(machine_.Launch(kStep)), IsEmpty()) << "a repeat";
  EXPECT_THAT(machine_.Held(), ElementsAre(kBatch, kStep));
  EXPECT_THAT(EndProlog(), ElementsAre("pass 12.batch", "pass 12.0"));
  EXPECT_THAT(machine_.Held(), IsEmpty());
  EXPECT_THAT(Words(machine_.Launch({JobId{12}, StepId{1}, 0})), ElementsAre("pass 12.1"));
  EXPECT_THAT(Words(machine_.Terminate(kJob, true)), IsEmpty());
  EXPECT_THAT(Words(machine_.StepsGone(kJob)), ElementsAre("run epilog 12.0"));
  EXPECT_THAT(Words(machine_.StepsGone(kJob)), IsEmpty());
  EXPECT_THAT(EndEpilog(), ElementsAre("done 12.0"));
  EXPECT_THAT(Words(machine_.Settle(kJob.job, 0, true, true)), IsEmpty()) << "a step lingers";
  EXPECT_THAT(Words(machine_.Settle(kJob.job, 0, false, false)), ElementsAre("forget 12.0"));
  EXPECT_THAT(machine_.Known(), IsEmpty());
}

TEST_F(BothScripts, AFailedPrologLetsNothingPass) {
  machine_.Launch(kBatch);
  EXPECT_THAT(EndProlog(true), ElementsAre("refuse 12.batch prolog"));
  EXPECT_THAT(Words(machine_.Launch(kStep)), ElementsAre("refuse 12.0 prolog"));
  machine_.Terminate(kJob, true);
  EXPECT_THAT(Words(machine_.StepsGone(kJob)), ElementsAre("run epilog 12.0"));
  EXPECT_THAT(EndEpilog(true), ElementsAre("done 12.0 epilog"));
}

TEST_F(BothScripts, AFailureThatNoOtherReportTellsComesWithTheEnd) {
  machine_.Launch(kBatch);
  machine_.Terminate(kJob, true);
  machine_.StepsGone(kJob);
  EXPECT_THAT(EndProlog(true), ElementsAre("run epilog 12.0"));
  EXPECT_THAT(EndEpilog(), ElementsAre("done 12.0 prolog"));
}

TEST_F(BothScripts, AJobThatEndsDuringItsPrologWaitsForIt) {
  machine_.Launch(kBatch);
  EXPECT_THAT(Words(machine_.Terminate(kJob, true)), ElementsAre("refuse 12.batch"));
  EXPECT_THAT(Words(machine_.StepsGone(kJob)), IsEmpty());
  EXPECT_THAT(Words(machine_.Launch(kStep)), ElementsAre("refuse 12.0"));
  EXPECT_THAT(EndProlog(), ElementsAre("run epilog 12.0"));
  EXPECT_THAT(EndEpilog(), ElementsAre("done 12.0"));
}

TEST_F(BothScripts, AnEpilogRunsOnceHoweverOftenTheOrderComes) {
  machine_.Launch(kBatch);
  EndProlog();
  machine_.Terminate(kJob, true);
  machine_.StepsGone(kJob);
  machine_.Terminate(kJob, true);
  EXPECT_THAT(Words(machine_.StepsGone(kJob)), IsEmpty());
  EXPECT_THAT(EndEpilog(), ElementsAre("done 12.0"));
  machine_.Terminate(kJob, false);
  EXPECT_THAT(Words(machine_.StepsGone(kJob)), ElementsAre("done 12.0"));
}

TEST_F(BothScripts, ANodeWithoutAStepRunsTheEpilogAlone) {
  machine_.Terminate(kJob, true);
  EXPECT_THAT(Words(machine_.StepsGone(kJob)), ElementsAre("run epilog 12.0"));
  EXPECT_THAT(EndEpilog(), ElementsAre("done 12.0"));
}

TEST_F(BothScripts, WhatNobodyKnowsIsDoneAtOnce) {
  machine_.Terminate(kJob, false);
  EXPECT_THAT(Words(machine_.StepsGone(kJob)), ElementsAre("done 12.0"));
}

TEST_F(BothScripts, PrepareRunsThePrologAndSaysSo) {
  EXPECT_THAT(Words(machine_.Prepare(kJob)), ElementsAre("run prolog 12.0"));
  EXPECT_THAT(Words(machine_.Launch(kBatch)), IsEmpty());
  EXPECT_THAT(EndProlog(), ElementsAre("prepared 12.0", "pass 12.batch"));
  EXPECT_THAT(Words(machine_.Prepare(kJob)), ElementsAre("prepared 12.0"));
}

TEST_F(BothScripts, PrepareThatFailsSaysSoAgainWhenAsked) {
  machine_.Prepare(kJob);
  EXPECT_THAT(EndProlog(true), ElementsAre("prepared 12.0 failed"));
  EXPECT_THAT(Words(machine_.Prepare(kJob)), ElementsAre("prepared 12.0 failed"));
}

TEST_F(BothScripts, AHeldStepCanBeCancelled) {
  machine_.Launch(kBatch);
  machine_.Launch(kStep);
  EXPECT_THAT(Words(machine_.KillStep(kStep)), ElementsAre("refuse 12.0"));
  EXPECT_THAT(Words(machine_.KillStep(kStep)), IsEmpty());
  EXPECT_THAT(EndProlog(), ElementsAre("pass 12.batch"));
}

TEST_F(BothScripts, AWithdrawnLaunchMayComeAgain) {
  machine_.Launch(kBatch);
  const ScriptEffects effects = machine_.Withdraw(kBatch);
  EXPECT_THAT(Words(effects), ElementsAre("refuse 12.batch"));
  EXPECT_TRUE(std::get<RefuseLaunch>(effects[0]).launch_again);
  EXPECT_THAT(Words(machine_.Withdraw(kBatch)), IsEmpty());
  EXPECT_THAT(Words(machine_.Launch(kBatch)), IsEmpty());
  EXPECT_THAT(EndProlog(), ElementsAre("pass 12.batch"));
}

TEST_F(BothScripts, TheEndCoversEarlierAttemptsAndNoLaterOne) {
  machine_.Launch(kBatch);
  EndProlog();
  StepKey again = kBatch;
  again.attempt = 1;
  StepKey later = kBatch;
  later.attempt = 2;
  machine_.Launch(again);
  machine_.Launch(later);
  machine_.ScriptEnded({JobId{12}, 1}, ScriptKind::kProlog, false, "");
  machine_.Terminate({JobId{12}, 1}, true);
  EXPECT_THAT(Words(machine_.StepsGone({JobId{12}, 1})),
              ElementsAre("run epilog 12.0", "run epilog 12.1"));
  EXPECT_THAT(EndEpilog(), IsEmpty());
  EXPECT_THAT(Words(machine_.ScriptEnded({JobId{12}, 1}, ScriptKind::kEpilog, false, "")),
              ElementsAre("done 12.1"));
  EXPECT_THAT(machine_.Held(), ElementsAre(later));
}

TEST(PrologOnly, IsForgottenAtTheEnd) {
  PrologMachine machine(true, false);
  machine.Launch(kBatch);
  machine.ScriptEnded(kJob, ScriptKind::kProlog, false, "");
  machine.Terminate(kJob, true);
  EXPECT_THAT(Words(machine.StepsGone(kJob)), ElementsAre("done 12.0", "forget 12.0"));
}

TEST(EpilogOnly, NothingIsHeldAndNothingKnownBeforeTheEnd) {
  PrologMachine machine(false, true);
  EXPECT_THAT(Words(machine.Launch(kBatch)), ElementsAre("pass 12.batch"));
  EXPECT_THAT(Words(machine.Prepare(kJob)), ElementsAre("prepared 12.0"));
  EXPECT_THAT(machine.Known(), IsEmpty());
  machine.Terminate(kJob, true);
  EXPECT_THAT(Words(machine.StepsGone(kJob)), ElementsAre("run epilog 12.0"));
}

TEST(Restored, AnUnknownPrologRunsAgain) {
  PrologMachine machine(true, true);
  EXPECT_THAT(Words(machine.Restore({kJob})), ElementsAre("run prolog 12.0"));
  EXPECT_THAT(Words(machine.Launch(kBatch)), IsEmpty());
  EXPECT_THAT(Words(machine.ScriptEnded(kJob, ScriptKind::kProlog, false, "")),
              ElementsAre("pass 12.batch"));
}

TEST(Restored, AnEndedPrologDoesNot) {
  PrologMachine machine(true, true);
  EXPECT_THAT(Words(machine.Restore({.key = kJob, .prolog_ended = true})), IsEmpty());
  EXPECT_THAT(Words(machine.Launch(kBatch)), ElementsAre("pass 12.batch"));
}

TEST(Restored, AFailedPrologStaysFailed) {
  PrologMachine machine(true, true);
  machine.Restore({.key = kJob, .prolog_ended = true, .prolog_failed = true});
  EXPECT_THAT(Words(machine.Launch(kBatch)), ElementsAre("refuse 12.batch prolog"));
}

TEST(Restored, AnEpilogThatBeganGoesOn) {
  PrologMachine machine(true, true);
  EXPECT_THAT(Words(machine.Restore({.key = kJob, .prolog_ended = true, .epilog_begun = true})),
              ElementsAre("run epilog 12.0"));
  EXPECT_THAT(Words(machine.Launch(kBatch)), ElementsAre("refuse 12.batch"));
  machine.Terminate(kJob, true);
  EXPECT_THAT(Words(machine.StepsGone(kJob)), IsEmpty());
  EXPECT_THAT(Words(machine.ScriptEnded(kJob, ScriptKind::kEpilog, false, "")),
              ElementsAre("done 12.0"));
}

TEST(Restored, AnEndedEpilogDoesNotRunAgain) {
  PrologMachine machine(true, true);
  EXPECT_THAT(Words(machine.Restore({.key = kJob,
                                     .prolog_ended = true,
                                     .epilog_begun = true,
                                     .epilog_ended = true,
                                     .epilog_failed = true})),
              IsEmpty());
  machine.Terminate(kJob, true);
  EXPECT_THAT(Words(machine.StepsGone(kJob)), ElementsAre("done 12.0 epilog"));
}

}  // namespace
}  // namespace reeve::noded
