// Accounting records in few lines.
#pragma once

#include <string>
#include <utility>

#include "reeve/v1/types.pb.h"

namespace reeve::cli {

inline constexpr int32_t kExit(int code) {
  return code << 8;
}
inline constexpr int32_t kSignal(int signal) {
  return signal;
}

class JobBuilder {
 public:
  JobBuilder(uint32_t id, std::string name) {
    job_.set_job_id(id);
    job_.mutable_spec()->set_name(std::move(name));
    job_.set_partition("debug");
    job_.set_account("root");
    job_.set_user_name("root");
    job_.set_group_name("root");
    job_.set_submit_time(1000);
    job_.set_eligible_time(1000);
    job_.set_num_nodes(1);
    job_.set_num_cpus(1);
    job_.set_time_limit(1800);
  }
  JobBuilder& Asked(uint32_t nodes, uint32_t tasks, uint32_t cpus_per_task, uint64_t mem_per_node) {
    job_.mutable_spec()->set_min_nodes(nodes);
    job_.mutable_spec()->set_num_tasks(tasks);
    job_.mutable_spec()->set_cpus_per_task(cpus_per_task);
    if (mem_per_node != 0) job_.mutable_spec()->set_mem_per_node_mb(mem_per_node);
    job_.set_num_nodes(nodes);
    job_.set_num_cpus(tasks * cpus_per_task);
    return *this;
  }
  JobBuilder& On(const std::string& node, uint32_t cpus) {
    v1::NodeShare* share = job_.add_shares();
    share->set_node(node);
    share->set_cpus(cpus);
    return *this;
  }
  JobBuilder& Started(int64_t time) {
    job_.set_start_time(time);
    job_.set_state(v1::JOB_STATE_RUNNING);
    return *this;
  }
  JobBuilder& Ended(int64_t time, v1::JobState state, int32_t status = 0) {
    job_.set_end_time(time);
    job_.set_state(state);
    job_.set_exit_status(status);
    return *this;
  }
  JobBuilder& KilledBy(uint32_t uid) {
    job_.set_kill_uid(uid);
    return *this;
  }
  JobBuilder& Task(uint32_t array, uint32_t task) {
    job_.set_array_job_id(array);
    job_.set_array_task_id(task);
    return *this;
  }
  JobBuilder& Array(const std::string& tasks, uint32_t limit) {
    job_.set_array_job_id(job_.job_id());
    job_.set_array_tasks(tasks);
    job_.set_array_limit(limit);
    return *this;
  }
  // On the first `nodes` of the job's nodes.
  JobBuilder& Step(int32_t id, const std::string& name, int nodes, uint32_t cpus,
                   v1::JobState state, int32_t status = 0) {
    v1::Step* step = job_.add_steps();
    step->set_step_id(id);
    step->set_name(name);
    step->set_state(state);
    step->set_exit_status(status);
    step->set_start_time(job_.start_time());
    if (state != v1::JOB_STATE_RUNNING) step->set_end_time(job_.end_time());
    step->set_num_tasks(1);
    for (int i = 0; i < nodes; ++i) {
      v1::NodeShare* share = step->add_shares();
      share->set_node(job_.shares(i).node());
      share->set_cpus(cpus / nodes);
    }
    return *this;
  }
  v1::Job* operator->() { return &job_; }
  operator v1::Job() const { return job_; }

 private:
  v1::Job job_;
};

}  // namespace reeve::cli
