#include "cli/cluster/conf_writer.h"

#include <gtest/gtest.h>

#include <set>

#include "common/base/text.h"

namespace reeve::cluster {
namespace {

Layout TestLayout() {
  Layout layout;
  layout.folder = "/var/tmp/play";
  layout.sockets = "/var/tmp/play/run";
  return layout;
}

absl::StatusOr<Config> Written(const UpOptions& options) {
  return ParseConfig(WriteConf(TestLayout(), options, {.cpus = 4, .memory_mb = 8000}),
                     "slurm.conf");
}

TEST(ConfWriter, EverySizeHasDistinctHostsInOneNetwork) {
  for (uint32_t nodes : {1u, 3u, 200u, 201u, 999u, kMaxNodes}) {
    UpOptions options;
    options.nodes = nodes;
    absl::StatusOr<Config> config = Written(options);
    ASSERT_TRUE(config.ok()) << Message(config.status());
    absl::StatusOr<HostsPlan> plan = PlanHosts(*config);
    ASSERT_TRUE(plan.ok()) << Message(plan.status());
    EXPECT_EQ(plan->nodes.size(), nodes);
    EXPECT_EQ(plan->nodes.back().name, StrCat("n", nodes));
    EXPECT_EQ(plan->controller.address, TestLayout().Subnet() + 1);
    for (const HostPlan& node : plan->nodes) {
      EXPECT_NE(node.address & 255, 0u);
      EXPECT_NE(node.address & 255, 255u);
    }
  }
}

TEST(ConfWriter, MachineIsTheDefaultAndOptionsWin) {
  absl::StatusOr<Config> config = Written({});
  ASSERT_TRUE(config.ok()) << Message(config.status());
  EXPECT_EQ(config->nodes[0].cpus, 4u);
  EXPECT_EQ(config->nodes[0].real_memory_mb, 8000u);
  EXPECT_EQ(config->def_mem_per_cpu_mb, 2000u);
  EXPECT_TRUE(config->config_overrides);

  UpOptions options;
  options.cpus = 16;
  options.memory_mb = 1600;
  config = Written(options);
  ASSERT_TRUE(config.ok()) << Message(config.status());
  EXPECT_EQ(config->nodes[2].cpus, 16u);
  EXPECT_EQ(config->def_mem_per_cpu_mb, 100u);
}

TEST(ConfWriter, SettingsTakeThePlaceOfOurs) {
  UpOptions options;
  options.settings = {{"returntoservice", "1"}, {"KillWait", "7"}};
  absl::StatusOr<Config> config = Written(options);
  ASSERT_TRUE(config.ok()) << Message(config.status());
  EXPECT_EQ(config->return_to_service, 1);
  EXPECT_EQ(config->kill_wait, absl::Seconds(7));
}

TEST(ConfWriter, OptionsAreFoundAgain) {
  UpOptions options;
  options.given = "--nodes 3 --set KillWait=7";
  EXPECT_EQ(OptionsOf(WriteConf(TestLayout(), options, {})), options.given);
  EXPECT_EQ(OptionsOf("ClusterName=x\n"), "");
}

TEST(ConfWriter, HostsFileNamesEverybody) {
  UpOptions options;
  options.nodes = 2;
  absl::StatusOr<Config> config = Written(options);
  ASSERT_TRUE(config.ok());
  std::string hosts = HostsFile(*PlanHosts(*config));
  for (const char* name : {" ctl\n", " login\n", " n1\n", " n2\n", "127.0.0.1 localhost\n"}) {
    EXPECT_NE(hosts.find(name), std::string::npos) << name;
  }
}

TEST(PlanHosts, RefusesWhatCannotBeOneNetwork) {
  absl::StatusOr<Config> good = Written({});
  ASSERT_TRUE(good.ok());
  Config config = *good;
  config.nodes[1].address = "192.168.0.1";
  EXPECT_FALSE(PlanHosts(config).ok());
  config.nodes[1].address = "n2";
  EXPECT_FALSE(PlanHosts(config).ok());
  config = *good;
  config.nodes[1].address = config.nodes[0].address;
  EXPECT_FALSE(PlanHosts(config).ok());
  config = *good;
  config.nodes[1].name = "login";
  EXPECT_FALSE(PlanHosts(config).ok());
  config = *good;
  config.controllers.push_back(config.controllers[0]);
  EXPECT_FALSE(PlanHosts(config).ok());
}

}  // namespace
}  // namespace reeve::cluster
