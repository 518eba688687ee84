#include "common/base/config_lexer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/base/text.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Lexed {
  std::vector<std::string> lines;  // "file:3 a=b c=d"
  std::string text;
  std::string problems;
};

Lexed Lex(std::string_view text, std::map<std::string, std::string> files = {},
          std::string_view name = "dir/main") {
  ConfigProblems problems;
  const IncludeReader reader = [&](const std::string& path) -> absl::StatusOr<std::string> {
    const auto it = files.find(path);
    if (it == files.end()) return absl::NotFoundError(StrCat("no ", path));
    return it->second;
  };
  const LexedConfig config = LexConfig(text, name, reader, problems);
  Lexed out;
  for (const ConfigLine& line : config.lines) {
    std::string shown = StrCat(line.source.file, ":", line.source.line);
    for (const ConfigPair& pair : line.pairs) StrAppend(&shown, " ", pair.key, "=", pair.value);
    out.lines.push_back(shown);
  }
  out.text = config.text;
  out.problems = std::string(problems.ToStatus().message());
  return out;
}

TEST(ConfigLexer, Lines) {
  EXPECT_THAT(Lex("A=1\n\n  # comment\n B = 2 # more\r\nC=\"x y\" D=\nE=a\\#b\nF=#\n").lines,
              ElementsAre("dir/main:1 A=1", "dir/main:4 B=2",
                          "dir/main:5 C=x y D=", "dir/main:6 E=a#b", "dir/main:7 F="));
  EXPECT_THAT(Lex("A= B=2").lines, ElementsAre("dir/main:1 A= B=2"));
  EXPECT_THAT(Lex("A=b=c").lines, ElementsAre("dir/main:1 A=b=c"));
}

TEST(ConfigLexer, Continuations) {
  EXPECT_THAT(Lex("A=1 \\\n  B=2 \\\nC=3\nD=4").lines,
              ElementsAre("dir/main:1 A=1 B=2 C=3", "dir/main:4 D=4"));
  EXPECT_THAT(Lex("# a \\\nA=1\nB=2").lines, ElementsAre("dir/main:3 B=2"));
  EXPECT_THAT(Lex("A=1 \\").lines, ElementsAre("dir/main:1 A=1"));
}

TEST(ConfigLexer, Includes) {
  const Lexed lexed = Lex("ClusterName=Foo\nInclude sub/a\nC=3\n",
                          {{"dir/sub/a", "A=1\ninclude %c.conf"}, {"dir/sub/foo.conf", "B=2"}});
  EXPECT_THAT(lexed.lines, ElementsAre("dir/main:1 ClusterName=Foo", "dir/sub/a:1 A=1",
                                       "dir/sub/foo.conf:1 B=2", "dir/main:3 C=3"));
  EXPECT_EQ(lexed.text, "ClusterName=Foo\nA=1\nB=2\nC=3\n");
  EXPECT_EQ(lexed.problems, "");
  EXPECT_THAT(Lex("include /x\n").problems, HasSubstr("dir/main:1: include /x: no /x"));
  EXPECT_THAT(Lex("include main\n", {{"dir/main", "include main\n"}}).problems,
              HasSubstr("too deep"));
}

TEST(ConfigLexer, IncludesThatMultiplyEnd) {
  std::string twice;
  for (int i = 0; i < 50; ++i) twice += "include main\n";
  EXPECT_THAT(Lex(twice, {{"dir/main", twice}}).problems, HasSubstr("too many"));
}

TEST(ConfigLexer, Refuses) {
  EXPECT_THAT(Lex("A\n").problems, HasSubstr("dir/main:1: expected Key=Value at 'A'"));
  EXPECT_THAT(Lex("=1\n").problems, HasSubstr("expected"));
  EXPECT_THAT(Lex("A=\"x\n").problems, HasSubstr("is not closed"));
  EXPECT_THAT(Lex("A=1 B\n").problems, HasSubstr("at 'B'"));
  EXPECT_THAT(Lex("A\x01=1\n").problems, HasSubstr("expected"));
}

TEST(ConfigLexer, GarbageEnds) {
  for (char c : {'\\', '"', '#', '=', '\n', '\0', '\xff', ' '}) Lex(std::string(200000, c));
  std::string mix;
  for (int i = 0; i < 100000; ++i) mix += "a=\"\\\n#="[i * 7 % 7];
  Lex(mix);
}

}  // namespace
}  // namespace reeve
