#include "ctld/core/connection_order.h"

#include <gtest/gtest.h>

namespace reeve::ctld {
namespace {

class ConnectionOrderTest : public ::testing::Test {
 protected:
  bool Admit(const std::string& boot, int seconds, bool connected = true, int started = 0) {
    NodeRegistered registration;
    registration.boot_id = boot;
    registration.opened = absl::Seconds(seconds);
    registration.daemon_start_time = absl::FromUnixSeconds(started);
    return order.Admit(registration, connected);
  }
  ConnectionOrder order;
};

TEST_F(ConnectionOrderTest, TheNewerOfOneBootWins) {
  EXPECT_TRUE(Admit("a", 10, false));
  EXPECT_TRUE(Admit("a", 20));
}

TEST_F(ConnectionOrderTest, WhatTheNodeHasGivenUpIsRefusedAlsoWhenTheNewOneIsLost) {
  ASSERT_TRUE(Admit("a", 20, false));
  EXPECT_FALSE(Admit("a", 10));
  EXPECT_FALSE(Admit("a", 10, false));
  EXPECT_TRUE(Admit("a", 21));
}

TEST_F(ConnectionOrderTest, OfTwoDaemonsTheOneStartedLaterHasTheNode) {
  ASSERT_TRUE(Admit("a", 20, false, 10));
  ASSERT_TRUE(Admit("a", 30, true, 25)) << "a restart";
  EXPECT_FALSE(Admit("a", 31, true, 10)) << "the first one still runs and comes again";
  EXPECT_TRUE(Admit("a", 40, true, 25));
  EXPECT_TRUE(Admit("a", 50, false, 10)) << "the second one has been stopped";
  EXPECT_TRUE(Admit("b", 5, true, 4)) << "the clock was set back before the reboot";
}

TEST_F(ConnectionOrderTest, ARebootStartsItsClockAgain) {
  ASSERT_TRUE(Admit("a", 500, false));
  EXPECT_TRUE(Admit("b", 3));
  EXPECT_FALSE(Admit("b", 2));
}

TEST_F(ConnectionOrderTest, AnEarlierBootIsHeardOnlyWhenTheLaterIsNotThere) {
  ASSERT_TRUE(Admit("a", 500, false));
  ASSERT_TRUE(Admit("b", 3));
  EXPECT_FALSE(Admit("a", 501));
  EXPECT_TRUE(Admit("a", 900, false)) << "the node has moved back to its first machine";
  EXPECT_FALSE(Admit("b", 4));
}

}  // namespace
}  // namespace reeve::ctld
