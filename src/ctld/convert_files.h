// What a job and a step say alike, and what of it each message that carries one names alike.
#pragma once

namespace reeve::ctld {

// Of a JobSpec or a StepSpec, into a pb::JobSpec, StoredStepSpec or StepLaunch.
template <class Spec, class Message>
void PutFilesAndLimits(const Spec& spec, Message* out) {
  out->set_work_dir(spec.work_dir);
  out->set_std_in(spec.std_in);
  out->set_std_out(spec.std_out);
  out->set_std_err(spec.std_err);
  out->set_append_output(spec.append_output);
  out->set_umask(spec.umask);
  for (const auto& limit : spec.rlimits) {
    auto* added = out->add_rlimits();
    added->set_name(limit.name);
    added->set_soft(limit.soft);
  }
}

}  // namespace reeve::ctld
