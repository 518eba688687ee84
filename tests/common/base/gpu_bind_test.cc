#include "common/base/gpu_bind.h"

#include "gtest/gtest.h"

namespace reeve {
namespace {

TEST(GpuBind, IsOfTasksOrGpus) {
  EXPECT_EQ(*ParseGpuBind("none"), GpuBind());
  EXPECT_EQ(*ParseGpuBind("per_task:2"), (GpuBind{2, 0}));
  EXPECT_EQ(*ParseGpuBind("single:4"), (GpuBind{0, 4}));
}

TEST(GpuBind, TellsTheUnknownFromTheUnsupported) {
  for (const char* text :
       {"closest", "map_gpu:0,1", "mask_gpu:0x1", "verbose,single:1", "v,none"}) {
    EXPECT_EQ(ParseGpuBind(text).status().code(), absl::StatusCode::kUnimplemented) << text;
  }
  for (const char* text : {"", "foo", "single", "single:0", "per_task:x", "none:1", "single:-1"}) {
    EXPECT_EQ(ParseGpuBind(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace reeve
