#include "cli/table.h"

#include <gtest/gtest.h>

#include "cli/printable.h"
#include "cli/record_text.h"

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

// What a user calls a job is on everybody's terminal.
TEST(Printable, HasNothingThatATerminalObeys) {
  for (const auto& [text, printable] : std::vector<std::pair<std::string, std::string>>{
           {"", ""},
           {"plain", "plain"},
           {"two\nlines\r\n", "two?lines??"},
           {"\x1b[2J\x1b]0;title\x07\x7f", "?[2J?]0;title??"},
           {std::string("a\0b", 3), "a?b"},
           {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82\xc2\xa0",
            "\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82\xc2\xa0"},
           {"\xc2\x9b"
            "2J\xc2\x80\xc2\x9f",
            "?2J??"},
           {"\x9b"
            "2J\xe4",
            "?2J\xe4"},
       }) {
    EXPECT_EQ(Printable(text), printable);
  }
}

TEST(Table, ACellIsNoTwoLines) {
  Table table({Column{.title = "JOBID", .suffix = " "}, Column{.title = "NAME", .width = 8}});
  table.AddRow({"1", "a\n2 root\x1b[2J"});
  EXPECT_EQ(table.Text({.header = false}), "1 a?2 root\n");
  EXPECT_EQ(table.Parsable({.header = false}), "1|a?2 root?[2J\n");
}

TEST(RecordText, AValueIsNoTwoLines) {
  for (bool one_line : {true, false}) {
    RecordText text(one_line);
    text.Line("JobId=1 JobName=", "a\nJobId=2 JobName=b\x1b[2J");
    text.Line("Comment=", "c\n\nd");
    EXPECT_EQ(text.Finish(),
              StrCat("JobId=1 JobName=a?JobId=2 JobName=b?[2J", one_line ? " " : "\n   ",
                     "Comment=c??d\n", one_line ? "" : "\n"));
  }
}

}  // namespace
}  // namespace reeve::cli
