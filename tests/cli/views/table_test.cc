#include "cli/table.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

TEST(FitCell, PadsAndCuts) {
  EXPECT_EQ(FitCell("abc", 5, Align::kRight, Overflow::kCut), "  abc");
  EXPECT_EQ(FitCell("abc", 5, Align::kLeft, Overflow::kCut), "abc  ");
  EXPECT_EQ(FitCell("abcdef", 4, Align::kRight, Overflow::kCut), "abcd");
  EXPECT_EQ(FitCell("abcdef", 4, Align::kRight, Overflow::kPlus), "abc+");
  EXPECT_EQ(FitCell("abcdef", 4, Align::kRight, Overflow::kKeep), "abcdef");
  EXPECT_EQ(FitCell("abcdef", 0, Align::kRight, Overflow::kPlus), "abcdef");
}

TEST(FitCell, CountsCharactersNotBytes) {
  EXPECT_EQ(FitCell("größe", 7, Align::kRight, Overflow::kCut), "  größe");
  EXPECT_EQ(FitCell("größe", 4, Align::kLeft, Overflow::kCut), "größ");
  EXPECT_EQ(FitCell("größe", 4, Align::kLeft, Overflow::kPlus), "grö+");
}

Table TwoColumns() {
  Table table({Column{.title = "JOBID", .width = 6, .align = Align::kRight, .suffix = " "},
               Column{.title = "NAME", .suffix = "!"}},
              "> ");
  table.AddRow({"1", "a"});
  table.AddRow({"1234567", "long name"});
  return table;
}

TEST(Table, AlignsLines) {
  EXPECT_EQ(TwoColumns().Text(), ">  JOBID NAME!\n>      1 a!\n> 123456 long name!\n");
}

TEST(Table, LeavesTheHeaderOut) {
  Table::TextOptions options;
  options.header = false;
  EXPECT_EQ(TwoColumns().Text(options), ">      1 a!\n> 123456 long name!\n");
}

TEST(Table, FitsAColumnToItsLongestCellOrTitle) {
  Table table({Column{.title = "PARTITION", .fit = true, .suffix = "|"}});
  table.AddRow({"a"});
  EXPECT_EQ(table.Text(), "PARTITION|\na        |\n");
  table.AddRow({"a-long-partition"});
  EXPECT_EQ(table.Text(), "PARTITION       |\na               |\na-long-partition|\n");
}

TEST(Table, RulesAndCutsTitlesWithoutAMark) {
  Table table({Column{.title = "JobName", .width = 4, .overflow = Overflow::kPlus, .suffix = " "}});
  table.AddRow({"hostname"});
  Table::TextOptions options;
  options.rule = true;
  EXPECT_EQ(table.Text(options), "JobN \n---- \nhos+ \n");
}

TEST(Table, PrintsDelimitedLines) {
  Table::ParsableOptions options;
  EXPECT_EQ(TwoColumns().Parsable(options), "JOBID|NAME\n1|a\n1234567|long name\n");
  options.trailing = true;
  options.header = false;
  options.delimiter = ";;";
  EXPECT_EQ(TwoColumns().Parsable(options), "1;;a;;\n1234567;;long name;;\n");
}

}  // namespace
}  // namespace reeve::cli
