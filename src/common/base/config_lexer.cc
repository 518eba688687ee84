#include "common/base/config_lexer.h"

#include "absl/strings/ascii.h"
#include "common/base/text.h"

namespace reeve {
namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kMaxBytes = 64 << 20;
constexpr int kMaxIncludes = 1000;

bool IsKeyChar(char c) {
  return absl::ascii_isalnum(c) || c == '_' || c == '.';
}

std::string_view TakeLine(std::string_view& rest) {
  const size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool EndsInBackslash(std::string_view line) {
  size_t count = 0;
  while (count < line.size() && line[line.size() - 1 - count] == '\\') ++count;
  return count % 2 == 1;
}

// Cuts the comment off and takes one level of backslashes away.
std::string WithoutCommentAndEscapes(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size() && line[i] != '#'; ++i) {
    if (line[i] == '\\' && ++i == line.size()) break;
    out += line[i];
  }
  return out;
}

std::string_view SkipBlanks(std::string_view text) {
  while (!text.empty() && absl::ascii_isspace(text[0])) text.remove_prefix(1);
  return text;
}

std::string_view LeadingKey(std::string_view text) {
  size_t length = 0;
  while (length < text.size() && IsKeyChar(text[length])) ++length;
  return text.substr(0, length);
}

class Lexer {
 public:
  Lexer(const IncludeReader& reader, ConfigProblems& problems)
      : reader_(reader), problems_(problems) {}

  void File(std::string_view text, const std::string& name, int depth);
  LexedConfig Take() { return std::move(result_); }

 private:
  void Include(std::string_view path, const SourceLine& source, int depth);
  void Pairs(std::string_view rest, const SourceLine& source);
  bool Pair(std::string_view& rest, const SourceLine& source, ConfigLine& line);

  const IncludeReader& reader_;
  ConfigProblems& problems_;
  LexedConfig result_;
  std::string cluster_name_;
  size_t bytes_ = 0;
  int includes_ = 0;
};

void Lexer::File(std::string_view text, const std::string& name, int depth) {
  SourceLine source{name, 0};
  bytes_ += text.size();
  if (bytes_ > kMaxBytes) {
    problems_.Add(source, "the configuration is larger than 64 MiB");
    return;
  }
  int number = 0;
  while (!text.empty()) {
    source.line = ++number;
    std::string joined(TakeLine(text));
    std::string raw = joined;
    while (EndsInBackslash(joined) && !text.empty()) {
      joined.pop_back();
      const std::string_view next = TakeLine(text);
      ++number;
      StrAppend(&joined, next);
      StrAppend(&raw, "\n", next);
    }
    const size_t spliced = result_.text.size();
    StrAppend(&result_.text, raw, "\n");
    const std::string line = WithoutCommentAndEscapes(joined);
    const std::string_view stripped = Strip(line);
    if (StartsWithIgnoreCase(stripped, "include") && stripped.size() > 7 &&
        absl::ascii_isspace(stripped[7])) {
      result_.text.resize(spliced);
      Include(Strip(stripped.substr(7)), source, depth);
    } else if (!stripped.empty()) {
      Pairs(stripped, source);
    }
  }
}

void Lexer::Include(std::string_view path, const SourceLine& source, int depth) {
  if (path.size() > 1 && path.front() == '"' && path.back() == '"') {
    path = path.substr(1, path.size() - 2);
  }
  std::string resolved = ReplaceAll(path, "%c", cluster_name_);
  const size_t slash = source.file.rfind('/');
  if (!resolved.starts_with('/') && slash != std::string::npos) {
    resolved.insert(0, source.file.substr(0, slash + 1));
  }
  if (depth >= kMaxDepth || ++includes_ > kMaxIncludes) {
    problems_.Add(source, StrCat("include ", path, ": too many or too deep includes"));
  } else if (reader_ == nullptr) {
    problems_.Add(source, StrCat("include ", path, ": there is no place to read it from"));
  } else if (absl::StatusOr<std::string> text = reader_(resolved); !text.ok()) {
    problems_.Add(source, StrCat("include ", path, ": ", Message(text.status())));
  } else {
    File(*text, resolved, depth + 1);
  }
}

// One "Key=Value", cut off the front of `rest`.
bool Lexer::Pair(std::string_view& rest, const SourceLine& source, ConfigLine& line) {
  const std::string_view key = LeadingKey(rest);
  std::string_view after = SkipBlanks(rest.substr(key.size()));
  if (key.empty() || after.empty() || after[0] != '=') {
    problems_.Add(source, StrCat("expected Key=Value at '", rest.substr(0, 60), "'"));
    return false;
  }
  after.remove_prefix(1);
  std::string_view value = SkipBlanks(after);
  if (value.size() < after.size()) {
    // "Key= Other=1": the value is empty when another pair follows.
    const std::string_view next = LeadingKey(value);
    if (!next.empty() && SkipBlanks(value.substr(next.size())).starts_with('=')) {
      line.pairs.push_back({std::string(key), ""});
      rest = value;
      return true;
    }
  }
  size_t end = 0;
  if (value.starts_with('"')) {
    end = value.find('"', 1);
    if (end == value.npos) {
      problems_.Add(source, StrCat("the quote in the value of ", key, " is not closed"));
      return false;
    }
    line.pairs.push_back({std::string(key), std::string(value.substr(1, end - 1))});
    ++end;
  } else {
    while (end < value.size() && !absl::ascii_isspace(value[end])) ++end;
    line.pairs.push_back({std::string(key), std::string(value.substr(0, end))});
  }
  rest = SkipBlanks(value.substr(end));
  return true;
}

void Lexer::Pairs(std::string_view rest, const SourceLine& source) {
  ConfigLine line{source, {}};
  while (!rest.empty()) {
    if (!Pair(rest, source, line)) break;
  }
  for (const ConfigPair& pair : line.pairs) {
    if (EqualsIgnoreCase(pair.key, "ClusterName")) cluster_name_ = ToLower(pair.value);
  }
  if (!line.pairs.empty()) result_.lines.push_back(std::move(line));
}

}  // namespace

LexedConfig LexConfig(std::string_view text, std::string_view name, const IncludeReader& reader,
                      ConfigProblems& problems) {
  Lexer lexer(reader, problems);
  lexer.File(text, std::string(name), 0);
  return lexer.Take();
}

}  // namespace reeve
