// Events for the controller's core, made of an input's bytes: mostly ones that fit what there is,
// in part ones that fit nothing.
#pragma once

#include <vector>

#include "ctld/convert.h"
#include "ctld/core/controller.h"
#include "tests/fuzz/check.h"

namespace reeve::fuzz {

class EventMaker {
 public:
  explicit EventMaker(Bytes* bytes) : bytes_(*bytes) {}

  ctld::Settings MakeSettings();
  ctld::NodeRegistered Registration(const std::string& node, const ctld::Controller& core);
  ctld::Event Make(const ctld::Controller& core, absl::Time now);

  void Sent(const ctld::NodeCommand& command);  // what nodes were told, for their reports

 private:
  struct Told {
    std::string node;
    JobId job;
    StepId step;
    uint32_t attempt = 0;
    bool ends_job = false;
  };

  std::string AnyText();
  std::string NodeName();
  JobId AnyJob(const ctld::Controller& core);
  ctld::JobPick Pick(const ctld::Controller& core);
  ctld::Caller AnyCaller();
  ctld::SubmitJob Submit();
  void Wishes(ctld::JobSpec& spec);
  ctld::Event Cancel(const ctld::Controller& core);
  ctld::Event Update(const ctld::Controller& core);
  ctld::Event Step(const ctld::Controller& core, absl::Time now);
  ctld::Event Report(const ctld::Controller& core, absl::Time now);
  ctld::Event Administer();
  ctld::Event Reserve();

  Bytes& bytes_;
  std::vector<Told> told_;
  ctld::Settings settings_;
};

}  // namespace reeve::fuzz
