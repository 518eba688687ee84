#include "cli/label_writer.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

struct Output {
  explicit Output(LabelWriter::Options options)
      : writer(options, [this](std::string_view data) { text += data; }) {}
  std::string text;
  LabelWriter writer;
};

TEST(LabelWriter, LabelsWholeLinesOnly) {
  Output out({.label = true, .num_tasks = 2});
  out.writer.Write(0, "one\ntw");
  out.writer.Write(1, "eins\n");
  EXPECT_EQ(out.text, "0: one\n1: eins\n");
  out.writer.Write(0, "o\n");
  EXPECT_EQ(out.text, "0: one\n1: eins\n0: two\n");
}

TEST(LabelWriter, LabelsAreAsWideAsTheHighestTask) {
  Output out({.label = true, .num_tasks = 11});
  out.writer.Write(3, "x\n");
  out.writer.Write(10, "y\n");
  EXPECT_EQ(out.text, " 3: x\n10: y\n");
}

TEST(LabelWriter, EndsALastLineThatIsLabelled) {
  Output labelled({.label = true, .num_tasks = 1});
  labelled.writer.Write(0, "no end");
  labelled.writer.Finish(0);
  EXPECT_EQ(labelled.text, "0: no end\n");
  Output plain({.num_tasks = 2});
  plain.writer.Write(0, "no end");
  EXPECT_EQ(plain.text, "");
  plain.writer.FinishAll();
  EXPECT_EQ(plain.text, "no end");
}

TEST(LabelWriter, UnbufferedBytesPassAtOnce) {
  Output out({.whole_lines = false});
  out.writer.Write(0, "prompt> ");
  EXPECT_EQ(out.text, "prompt> ");
}

TEST(LabelWriter, LinesOfSeveralTasksDoNotMix) {
  Output out({.num_tasks = 2});
  out.writer.Write(0, "aaa");
  out.writer.Write(1, "bbb\n");
  out.writer.Write(0, "aaa\n");
  EXPECT_EQ(out.text, "bbb\naaaaaa\n");
}

}  // namespace
}  // namespace reeve::cli
