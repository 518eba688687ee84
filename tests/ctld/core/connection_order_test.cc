#include "ctld/core/connection_order.h"

#include <gtest/gtest.h>

namespace reeve::ctld {
namespace {

class ConnectionOrderTest : public ::testing::Test {
 protected:
  bool Admit(const std::string& boot, int seconds, bool connected = true) {
    NodeRegistered registration;
    registration.boot_id = boot;
    registration.opened = absl::Seconds(seconds);
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
