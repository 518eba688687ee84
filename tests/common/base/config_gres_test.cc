// Gres= of nodes, and gres.conf.
#include "common/base/config_gres.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string ConfText(std::string_view rest) {
  return "ClusterName=c\nSlurmctldHost=h\n" + std::string(rest);
}

std::string Refusal(std::string_view rest) {
  return std::string(ParseConfig(ConfText(rest), "slurm.conf").status().message());
}

constexpr char kNodes[] =
    "GresTypes=gpu,nic\n"
    "NodeName=n1 CPUs=8 Gres=gpu:a100:2,gpu:h100:1,nic:2\n"
    "NodeName=n2 CPUs=8 Gres=gpu:a100:2\n";

struct Read {
  Config config;
  std::string problems;
};
Read ReadGresConf(std::string_view text) {
  Read read{*ParseConfig(ConfText(kNodes), "slurm.conf"), ""};
  ConfigProblems problems;
  ApplyGresConf(read.config, text, "gres.conf", problems);
  read.problems = std::string(problems.ToStatus().message());
  return read;
}

TEST(ConfigGres, OfNodesIsChecked) {
  const Config config = *ParseConfig(ConfText(kNodes), "slurm.conf");
  EXPECT_EQ(config.nodes[0].gres, "gpu:a100:2,gpu:h100:1,nic:2");
  EXPECT_THAT(Refusal("NodeName=n1 Gres=gpu:1\n"), HasSubstr("gpu is not among GresTypes"));
  EXPECT_THAT(Refusal("GresTypes=gpu\nNodeName=n1 Gres=gpu:x:y:1\n"),
              HasSubstr("Gres: 'gpu:x:y:1'"));
  EXPECT_THAT(Refusal("GresTypes=gpu,mps\nNodeName=n1 Gres=gpu:1\n"),
              HasSubstr("mps is not supported"));
  EXPECT_THAT(
      Refusal(
          "GresTypes=a\nNodeName=n1 Gres=a:a:1,a:b:1,a:c:1,a:d:1,a:e:1,a:f:1,a:g:1,a:h:1,a:i:1\n"),
      HasSubstr("more than 8 kinds"));
}

TEST(ConfigGres, NamesDevicesById) {
  const Read read = ReadGresConf(
      "AutoDetect=off\n"
      "NodeName=n1 Name=gpu Type=h100 File=/dev/nvidia7 Cores=4-7\n"
      "Name=gpu Type=a100 File=/dev/nvidia[0-1] Cores=0-1\n"
      "Name=nic Count=2\n");
  EXPECT_EQ(read.problems, "");
  const std::vector<GresDevices>& devices = read.config.nodes[0].gres_devices;
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].name, "gpu");
  EXPECT_THAT(devices[0].files, ElementsAre("/dev/nvidia0", "/dev/nvidia1", "/dev/nvidia7"));
  EXPECT_THAT(devices[0].cores[0], ElementsAre(0, 1));
  EXPECT_THAT(devices[0].cores[2], ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(devices[1].files, ElementsAre("", ""));
  EXPECT_THAT(read.config.nodes[1].gres_devices[0].files,
              ElementsAre("/dev/nvidia0", "/dev/nvidia1"));
}

TEST(ConfigGres, ThatDoesNotFitIsAnError) {
  const auto said = [](std::string_view text) { return ReadGresConf(text).problems; };
  EXPECT_THAT(said("Name=gpu Type=a100 File=/dev/nvidia0\n"),
              HasSubstr("node n1: Gres=gpu:a100:2, but gres.conf has 1 of them"));
  EXPECT_THAT(said("Name=gpu Count=3 File=/dev/nvidia[0-1]\n"), HasSubstr("Count=3 with 2 files"));
  EXPECT_THAT(said("NodeName=n9 Name=nic Count=2\n"), HasSubstr("no node n9"));
  EXPECT_THAT(said("Name=fpga\n"), HasSubstr("Name=fpga is not among GresTypes"));
  EXPECT_THAT(said("File=/dev/x\n"), HasSubstr("Name is missing"));
  EXPECT_THAT(said("Name=gpu File=nvidia0\n"), HasSubstr("no absolute path"));
  EXPECT_THAT(said("AutoDetect=nvml\n"), HasSubstr("AutoDetect=nvml is not supported"));
  EXPECT_THAT(said("Name=gpu Links=-1,0\n"), HasSubstr("Links=-1,0 is not supported"));
  EXPECT_THAT(said("Name=gpu Flags=CountOnly\n"), HasSubstr("Flags=CountOnly is not supported"));
  EXPECT_THAT(said("Name=gpu Colour=red\n"), HasSubstr("unknown key 'Colour'"));
}

}  // namespace
}  // namespace reeve
