// What people, the configuration and reboots make of a node's state.
#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

constexpr char kInvalid[] = "Invalid node state specified";
constexpr char kNoReason[] =
    "You must specify a reason when DOWNING or DRAINING a node. Request denied";

Settings Returning(int return_to_service, uint32_t nodes = 1) {
  Settings settings = MakeTestSettings(nodes, 2);
  settings.return_to_service = return_to_service;
  return settings;
}

void FallSilent(Cluster& c, const std::string& node) {
  c.Do(NodeLost{node});
  c.Advance(c.settings.slurmd_timeout);
}

std::string StateOf(const Cluster& c, const std::string& node = "n1") {
  return NodeStateText(c.GetNode(node));
}

TEST(NodeState, ReasonsAreAskedFor) {
  Cluster c(1, 2);
  for (const char* state : {"DRAIN", "DOWN", "FAIL"}) {
    EXPECT_EQ(c.SetNode("n1", state), kNoReason) << state;
  }
  EXPECT_EQ(StateOf(c), "IDLE");
  EXPECT_EQ(c.SetNode("n1", "drain", "fans"), "");
  EXPECT_EQ(StateOf(c), "IDLE+DRAIN");
  EXPECT_EQ(c.GetNode("n1").reason, "fans");
  EXPECT_EQ(c.GetNode("n1").reason_user, "root");
  EXPECT_EQ(c.GetNode("n1").reason_time, c.now);
}

TEST(NodeState, WhatNothingActsOnIsRefusedByName) {
  Cluster c(1, 2);
  for (const std::string state : {"POWER_DOWN", "POWER_UP", "POWER_DOWN_ASAP", "POWER_DOWN_FORCE",
                                  "REBOOT", "CANCEL_REBOOT", "FUTURE", "NORESP", "CLOUD"}) {
    EXPECT_EQ(c.SetNode("n1", state, "why"), "State=" + state + " is not supported yet");
  }
  EXPECT_EQ(c.SetNode("n1", "SIDEWAYS", "why"), kInvalid);
}

TEST(NodeState, OnlyWhatIsOutOfServiceCanBeResumed) {
  Cluster c(1, 2);
  EXPECT_EQ(c.SetNode("n1", "RESUME"), kInvalid);
  EXPECT_EQ(c.SetNode("n1", "UNDRAIN"), kInvalid);
  for (const char* state : {"DRAIN", "FAIL", "DOWN"}) {
    EXPECT_EQ(c.SetNode("n1", state, "why"), "");
    EXPECT_EQ(c.SetNode("n1", "RESUME"), "");
    EXPECT_EQ(StateOf(c), "IDLE");
    EXPECT_EQ(c.GetNode("n1").reason, "");
  }
}

TEST(NodeState, OfSeveralNodesThoseChangeThatMay) {
  Cluster c(3, 2);
  c.SetNode("n[1,3]", "DRAIN", "why");
  EXPECT_EQ(c.SetNode("n[1-3]", "RESUME"), kInvalid);
  EXPECT_EQ(StateOf(c, "n1"), "IDLE");
  EXPECT_EQ(StateOf(c, "n3"), "IDLE");
}

TEST(NodeState, JobsOfANodeThatIsSetDownSayWho) {
  Cluster c(1, 2);
  const JobId job = c.Submit(Spec().NoRequeue());
  c.Started(job);
  c.SetNode("n1", "DOWN", "smoke");
  EXPECT_EQ(c.Get(job).reason_detail, "node n1: set down by root: smoke");
}

TEST(NodeState, UndrainIsNoResume) {
  Cluster c(1, 2);
  c.SetNode("n1", "DOWN", "smoke");
  c.SetNode("n1", "DRAIN", "and more");
  EXPECT_EQ(StateOf(c), "DOWN+DRAIN");
  EXPECT_EQ(c.SetNode("n1", "UNDRAIN"), "");
  EXPECT_EQ(StateOf(c), "DOWN");
  EXPECT_EQ(c.GetNode("n1").reason, "and more");
  c.SetNode("n1", "RESUME");
  c.SetNode("n1", "DRAIN", "again");
  EXPECT_EQ(c.SetNode("n1", "UNDRAIN"), "");
  EXPECT_EQ(c.GetNode("n1").reason, "");
}

TEST(NodeState, FailTakesNoNewJobs) {
  Cluster c(1, 2);
  const JobId first = c.Submit(Spec());
  c.SetNode("n1", "FAIL", "old");
  EXPECT_EQ(StateOf(c), "MIXED+FAIL");
  EXPECT_TRUE(c.Running(first));
  EXPECT_FALSE(c.Running(c.Submit(Spec())));
}

TEST(NodeState, ADrainedNodesReasonOutlivesItsSilence) {
  Cluster c(Returning(1));
  c.SetNode("n1", "DRAIN", "new disk");
  FallSilent(c, "n1");
  EXPECT_EQ(StateOf(c), "DOWN+DRAIN+NOT_RESPONDING");
  EXPECT_EQ(c.GetNode("n1").reason, "new disk");
  c.Register("n1");
  EXPECT_EQ(StateOf(c), "IDLE+DRAIN");
  EXPECT_EQ(c.GetNode("n1").reason, "new disk");
}

TEST(ReturnToService, ZeroKeepsASilentNodeDown) {
  Cluster c(Returning(0));
  FallSilent(c, "n1");
  c.Register("n1");
  EXPECT_EQ(StateOf(c), "DOWN");
  EXPECT_EQ(c.GetNode("n1").reason, "Not responding");
  c.SetNode("n1", "RESUME");
  EXPECT_EQ(StateOf(c), "IDLE");
}

TEST(ReturnToService, OneTakesBackWhatWasOnlySilent) {
  Cluster c(Returning(1));
  FallSilent(c, "n1");
  c.Register("n1");
  EXPECT_EQ(StateOf(c), "IDLE");
  EXPECT_EQ(c.GetNode("n1").reason, "");
  c.SetNode("n1", "DOWN", "burnt");
  c.Register("n1");
  EXPECT_EQ(StateOf(c), "DOWN");
}

TEST(ReturnToService, TwoTakesBackEverything) {
  Cluster c(Returning(2));
  c.SetNode("n1", "DOWN", "burnt");
  c.Register("n1");
  EXPECT_EQ(StateOf(c), "IDLE");
  c.Register("n1", {}, "boot2");
  EXPECT_EQ(StateOf(c), "IDLE");
}

TEST(ReturnToService, AnUnexpectedRebootIsForAnAdministrator) {
  for (int return_to_service : {0, 1}) {
    Cluster c(Returning(return_to_service));
    const JobId id = c.Submit(Spec());
    c.Started(id);
    c.Register("n1", {}, "boot2");
    EXPECT_EQ(StateOf(c), "DOWN");
    EXPECT_EQ(c.GetNode("n1").reason, "Node unexpectedly rebooted");
    EXPECT_TRUE(c.Get(id).Pending()) << "what ran there is gone for sure";
    c.Register("n1", {}, "boot2");
    EXPECT_EQ(StateOf(c), "DOWN");
    c.SetNode("n1", "RESUME");
    EXPECT_TRUE(c.Running(id));
  }
}

TEST(ReturnToService, ARebootWhileSilentIsOneToo) {
  Cluster c(Returning(1));
  FallSilent(c, "n1");
  c.Register("n1", {}, "boot2");
  EXPECT_EQ(StateOf(c), "DOWN");
  EXPECT_EQ(c.GetNode("n1").reason, "Node unexpectedly rebooted");
}

TEST(ReturnToService, ARebootUnderMaintenanceKeepsTheReason) {
  Cluster c(Returning(1));
  c.SetNode("n1", "DRAIN", "new disk");
  c.Register("n1", {}, "boot2");
  EXPECT_EQ(StateOf(c), "DOWN+DRAIN");
  EXPECT_EQ(c.GetNode("n1").reason, "new disk");
}

TEST(ReturnToService, ARebootWhileTheControllerWasAwayIsSeen) {
  Cluster c(Returning(1));
  c.Restart();
  c.Register("n1", {}, "boot2");
  EXPECT_EQ(c.GetNode("n1").reason, "Node unexpectedly rebooted");
}

TEST(ConfiguredState, DownAndDrainHaveAReason) {
  Settings settings = MakeTestSettings(2, 2);
  settings.nodes[0].base = NodeBase::kDown;
  settings.nodes[0].down_by_admin = true;
  settings.nodes[0].reason = "not bought";
  settings.nodes[1].drain = true;
  settings.nodes[1].reason = "to be moved";
  Cluster c(settings);
  EXPECT_EQ(StateOf(c, "n1"), "DOWN");
  EXPECT_EQ(StateOf(c, "n2"), "IDLE+DRAIN");
  EXPECT_EQ(c.GetNode("n1").reason_user, "root");
  EXPECT_EQ(c.GetNode("n1").reason_time, c.now);
}

TEST(ConfiguredState, FutureBeginsWithAResumeOrANewFile) {
  Settings settings = MakeTestSettings(2, 2);
  settings.nodes[0].base = settings.nodes[1].base = NodeBase::kFuture;
  Cluster c(settings);
  EXPECT_EQ(StateOf(c, "n1"), "FUTURE");
  EXPECT_FALSE(c.GetNode("n1").connected);
  EXPECT_EQ(c.SetNode("n1", "RESUME"), "");
  EXPECT_EQ(c.GetNode("n1").base, NodeBase::kUnknown);
  c.Register("n1");
  EXPECT_EQ(StateOf(c, "n1"), "IDLE");
  const JobId id = c.Submit(Spec().On("n1"));
  EXPECT_TRUE(c.Running(id));
  c.Restart();  // the file still says FUTURE
  c.Register("n1", {{id, kBatchStep, 0}});
  EXPECT_TRUE(c.Running(id));
  EXPECT_EQ(StateOf(c, "n2"), "FUTURE");
  c.settings.nodes[1].base = NodeBase::kUnknown;
  c.Do(Reconfigured{c.settings});
  c.Register("n2");
  EXPECT_EQ(StateOf(c, "n2"), "IDLE");
}

}  // namespace
}  // namespace reeve::ctld
