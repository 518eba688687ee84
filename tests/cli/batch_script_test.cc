#include "cli/batch_script.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

TEST(CheckScript, SaysWhatIsWrongInSlurmsWords) {
  EXPECT_EQ(CheckScript("").message(), "Batch script is empty!");
  EXPECT_EQ(CheckScript(" \n\t\n").message(), "Batch script contains only whitespace!");
  EXPECT_EQ(CheckScript("hostname\n").message(),
            "This does not look like a batch script.  The first\n"
            "line must start with #! followed by the path to an interpreter.\n"
            "For instance: #!/bin/sh");
  EXPECT_EQ(CheckScript("#!/bin/sh\r\nhostname\r\n").message(),
            "Batch script contains DOS line breaks (\\r\\n)\n"
            "instead of expected UNIX line breaks (\\n).");
  EXPECT_FALSE(CheckScript(std::string_view("#!/bin/sh\n\0", 11)).ok());
  EXPECT_TRUE(CheckScript("#!/bin/sh\nhostname\n").ok());
}

TEST(LoadScript, NamesAMissingFileAsTyped) {
  EXPECT_EQ(LoadScript("nosuch.sh").status().message(), "Unable to open file nosuch.sh");
}

TEST(WrapCommand, IsAScript) {
  BatchScript script = WrapCommand("hostname; date");
  EXPECT_TRUE(CheckScript(script.text).ok());
  EXPECT_NE(script.text.find("\nhostname; date\n"), std::string::npos);
  EXPECT_EQ(script.default_job_name, "wrap");
  EXPECT_EQ(script.path, "");
}

}  // namespace
}  // namespace reeve::cli
