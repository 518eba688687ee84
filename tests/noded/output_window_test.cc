#include "noded/stepd/output_window.h"

#include <gtest/gtest.h>

namespace reeve::noded {
namespace {

TEST(OutputWindow, KeepsWhatIsNotAcknowledged) {
  OutputWindow window;
  window.Append("hello ");
  window.Append("world");
  EXPECT_EQ(window.From(0, 100), "hello world");
  window.Trim(6);
  EXPECT_EQ(window.begin(), 6u);
  EXPECT_EQ(window.end(), 11u);
  EXPECT_EQ(window.From(0, 3), "wor") << "what is gone is skipped";
  EXPECT_EQ(window.From(8, 100), "rld");
  EXPECT_EQ(window.From(11, 100), "");
  window.Trim(3);
  EXPECT_EQ(window.begin(), 6u) << "an old acknowledgement changes nothing";
  window.Trim(1000);
  EXPECT_EQ(window.begin(), 11u) << "nobody has more than there was";
}

TEST(OutputWindow, IsFullAtItsCapacity) {
  OutputWindow window;
  window.Append(std::string(OutputWindow::kCapacity - 1, 'x'));
  EXPECT_FALSE(window.full());
  window.Append("x");
  EXPECT_TRUE(window.full());
  window.Trim(1);
  EXPECT_FALSE(window.full());
  window.Append("y");
  EXPECT_EQ(window.From(OutputWindow::kCapacity, 10), "y");
}

}  // namespace
}  // namespace reeve::noded
