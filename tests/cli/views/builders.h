// Jobs, nodes and partitions in few words. Times are of one afternoon, in UTC.
#pragma once

#include <string>
#include <vector>

#include "cli/job_view.h"
#include "common/base/text.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

inline constexpr int64_t kSubmitted = 1795387250;  // 2026-11-22T22:40:50
inline constexpr int64_t kNow = kSubmitted + 6;

class JobBuilder {
 public:
  JobBuilder(uint32_t id, const std::string& name) {
    job_.set_job_id(id);
    job_.set_user_name("root");
    job_.set_group_name("root");
    job_.set_account("root");
    job_.set_qos("normal");
    job_.set_partition("debug");
    job_.set_priority(1126);
    job_.set_num_cpus(1);
    job_.set_num_nodes(1);
    job_.set_num_tasks(1);
    job_.set_time_limit(300);
    job_.set_submit_time(kSubmitted);
    job_.set_eligible_time(kSubmitted);
    job_.set_accrue_time(kSubmitted);
    job_.set_last_sched_time(kSubmitted);
    pb::JobSpec* spec = job_.mutable_spec();
    spec->set_name(name);
    spec->set_batch(true);
    spec->set_submit_host("10.77.0.1");
    spec->set_alloc_sid(10378);
    spec->set_work_dir("/cluster/run");
    spec->set_std_out("/dev/null");
  }

  JobBuilder& Waits(const std::string& reason) {
    job_.set_reason(reason);
    return *this;
  }
  JobBuilder& Held() {
    job_.set_priority(0);
    job_.set_eligible_time(0);
    job_.set_accrue_time(0);
    return Waits("JobHeldUser");
  }
  JobBuilder& Priority(uint32_t priority) {
    job_.set_priority(priority);
    return *this;
  }
  JobBuilder& Limit(int64_t minutes) {
    job_.set_time_limit(minutes < 0 ? -1 : minutes * 60);
    return *this;
  }
  JobBuilder& Nodes(uint32_t nodes, uint32_t cpus) {
    job_.set_num_nodes(nodes);
    job_.set_num_cpus(cpus);
    return *this;
  }
  JobBuilder& Array(uint32_t array, const std::string& tasks, uint32_t limit) {
    job_.set_array_job_id(array);
    job_.set_array_tasks(tasks);
    job_.set_array_limit(limit);
    return *this;
  }
  JobBuilder& Task(uint32_t array, uint32_t task, uint32_t limit = 0) {
    job_.set_array_job_id(array);
    job_.set_array_task_id(task);
    job_.set_array_limit(limit);
    return *this;
  }
  // Runs since `start` with `cpus` on each of the nodes.
  JobBuilder& Runs(int64_t start, const std::vector<std::string>& nodes, uint32_t cpus,
                   const std::string& cores = "") {
    job_.set_state(pb::JOB_STATE_RUNNING);
    job_.set_start_time(start);
    for (const std::string& node : nodes) {
      pb::NodeShare* share = job_.add_shares();
      share->set_node(node);
      share->set_cpus(cpus);
      share->set_cores(cores);
    }
    job_.set_batch_host(nodes.front());
    return Nodes(static_cast<uint32_t>(nodes.size()), cpus * static_cast<uint32_t>(nodes.size()));
  }
  JobBuilder& Ended(pb::JobState state, int64_t end, const std::string& reason = "") {
    job_.set_state(state);
    job_.set_end_time(end);
    job_.set_reason(reason);
    return *this;
  }
  JobBuilder& Step(int32_t id, const std::string& name, const std::vector<std::string>& nodes,
                   uint32_t cpus) {
    pb::Step* step = job_.add_steps();
    step->set_step_id(id);
    step->set_name(name);
    step->set_state(pb::JOB_STATE_RUNNING);
    step->set_start_time(job_.start_time());
    step->set_num_tasks(1);
    for (const std::string& node : nodes) {
      pb::NodeShare* share = step->add_shares();
      share->set_node(node);
      share->set_cpus(cpus);
    }
    return *this;
  }
  pb::JobSpec* spec() { return job_.mutable_spec(); }
  pb::Job* operator->() { return &job_; }
  operator pb::Job() const { return job_; }

 private:
  pb::Job job_;
};

// A queue with one job of most kinds: a wide one, a held one, an array, one that runs.
inline std::vector<pb::Job> SampleQueue() {
  JobBuilder runner =
      JobBuilder(30, "runner").Waits("Priority").Priority(1398).Limit(30).Nodes(3, 12);
  runner.spec()->set_mem_per_node_mb(500);
  JobBuilder later = JobBuilder(35, "later").Waits("BeginTime");
  later.spec()->set_begin_time(kSubmitted + 3600);
  return {
      runner,
      JobBuilder(31, "excl").Waits("Priority").Priority(1253).Limit(60).Nodes(2, 2),
      JobBuilder(32, "parr").Waits("Priority").Limit(10).Array(32, "1-10", 2),
      JobBuilder(33, "held").Held(),
      JobBuilder(34, "dep").Waits("Dependency"),
      later,
      JobBuilder(36, "wide").Waits("Resources").Priority(1507).Limit(120).Nodes(4, 4),
      JobBuilder(37, "wide2")
          .Priority(1840)
          .Limit(51 * 60)
          .Runs(kSubmitted, {"n1", "n2", "n3", "n4"}, 50)
          .Step(-5, "batch", {"n1"}, 50),
  };
}

inline ViewContext SampleContext(int64_t now = kNow) {
  ViewContext context;
  context.now = now;
  context.cluster = "peer";
  context.partition_memory_mb["debug"] = 20000;
  return context;
}

inline pb::Node SampleNode(const std::string& name, pb::NodeState state, uint32_t alloc_cpus,
                           double load, uint64_t free_mem) {
  pb::Node node;
  node.set_name(name);
  node.set_hostname(name);
  node.set_address("10.77.0.1" + name.substr(1));
  node.set_port(6818);
  node.set_state(state);
  node.set_responding(true);
  node.set_cpus(64);
  node.set_boards(1);
  node.set_sockets(64);
  node.set_cores_per_socket(1);
  node.set_threads_per_core(1);
  node.set_real_memory_mb(20000);
  node.set_weight(1);
  node.set_alloc_cpus(alloc_cpus);
  node.set_cpu_load(load);
  node.set_free_mem_mb(free_mem);
  node.set_arch("x86_64");
  node.set_os("Linux 6.18.44-fc-v669 #1 SMP PREEMPT_DYNAMIC @0");
  node.set_version("26.05.3");
  node.set_boot_time(kSubmitted - 4901);    // 21:19:09
  node.set_start_time(kSubmitted - 50);     // 22:40:00
  node.set_last_busy_time(kSubmitted - 1);  // 22:40:49
  node.set_last_response_time(kSubmitted);
  node.add_partitions("debug");
  return node;
}

inline pb::Partition SamplePartition() {
  pb::Partition partition;
  partition.set_name("debug");
  partition.set_nodes("n[1-4]");
  partition.set_is_default(true);
  partition.set_state("UP");
  partition.set_priority_tier(1);
  partition.set_priority_job_factor(1);
  partition.set_oversubscribe("NO");
  partition.set_total_cpus(256);
  partition.set_total_nodes(4);
  partition.set_total_mem_mb(80000);
  return partition;
}

inline pb::QueryClusterResponse SampleCluster() {
  pb::QueryClusterResponse cluster;
  *cluster.add_nodes() = SampleNode("n1", pb::NODE_STATE_ALLOCATED, 64, 5.77, 22498);
  *cluster.add_nodes() = SampleNode("n2", pb::NODE_STATE_ALLOCATED, 64, 5.77, 22497);
  *cluster.add_nodes() = SampleNode("n3", pb::NODE_STATE_ALLOCATED, 64, 5.77, 22497);
  *cluster.add_nodes() = SampleNode("n4", pb::NODE_STATE_MIXED, 8, 5.77, 22497);
  *cluster.add_partitions() = SamplePartition();
  cluster.set_time(kNow);
  return cluster;
}

inline pb::QueryClusterResponse DrainedCluster() {
  pb::QueryClusterResponse cluster = SampleCluster();
  pb::Node* node = cluster.mutable_nodes(3);
  node->set_drain(true);
  node->set_reason("bad disk");
  node->set_reason_user("root");
  node->set_reason_time(kSubmitted + 10);
  return cluster;
}

}  // namespace reeve::cli
