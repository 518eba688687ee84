// Asking a test's controller why jobs wait.
#pragma once

#include "ctld/core/explain.h"
#include "tests/ctld/core/harness.h"

namespace reeve::ctld {

inline ExplainAnswer AskAbout(Cluster& c, std::vector<JobPick> picks, Sight sight = {}) {
  ExplainJobs event{c.NextCall(), std::move(picks), std::move(sight)};
  c.Do(event);
  const absl::StatusOr<Answer> answer = c.AnswerTo(event.call);
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.ok() ? std::get<ExplainAnswer>(*answer) : ExplainAnswer();
}

inline Explanation ExplainOne(Cluster& c, JobId job, Sight sight = {}) {
  ExplainAnswer answer = AskAbout(c, {{job, "", std::nullopt}}, std::move(sight));
  EXPECT_FALSE(answer.jobs.empty());
  return answer.jobs.empty() ? Explanation() : answer.jobs[0];
}

}  // namespace reeve::ctld
