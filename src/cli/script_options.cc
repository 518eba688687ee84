#include "cli/script_options.h"

#include "absl/status/status.h"
#include "cli/text_match.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr std::string_view kMarker = "#SBATCH";

bool IsBlank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

absl::Status SplitWords(std::string_view text, std::vector<std::string>* words) {
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && i + 1 < text.size() && quote != '\'') {
      word += text[++i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == '#') {
      break;
    } else if (IsBlank(c)) {
      if (in_word) words->push_back(std::exchange(word, ""));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return absl::InvalidArgumentError("a quote is not closed");
  if (in_word) words->push_back(std::move(word));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::vector<std::string>>> ScriptOptionWords(std::string_view script) {
  std::vector<std::vector<std::string>> components(1);
  int number = 0;
  for (std::string_view line : Split(script, "\n")) {
    ++number;
    std::string_view rest = line;
    if (!ConsumePrefix(&rest, kMarker)) {
      std::string_view text = Strip(line);
      if (!text.empty() && text[0] != '#') break;  // the first command: what follows is the shell's
      continue;
    }
    if (!rest.empty() && !IsBlank(rest[0])) continue;
    std::vector<std::string> words;
    if (absl::Status split = SplitWords(rest, &words); !split.ok()) {
      return absl::InvalidArgumentError(
          StrCat("line ", number, " of the script: ", split.message(), ": ", line));
    }
    if (!words.empty() && (words[0] == "hetjob" || words[0] == "packjob")) {
      components.emplace_back();
      words.erase(words.begin());
    }
    std::vector<std::string>& all = components.back();
    all.insert(all.end(), words.begin(), words.end());
  }
  return components;
}

}  // namespace reeve::cli
