#include "cli/command_options.h"

#include <getopt.h>

#include <cstdio>
#include <cstdlib>

#include "cli/command.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr int kFirstOption = 256;  // beyond every letter

int GetoptKind(Argument argument) {
  switch (argument) {
    case Argument::kNone:
      return no_argument;
    case Argument::kRequired:
      return required_argument;
    case Argument::kOptional:
      return optional_argument;
  }
  return no_argument;
}

std::string LetterList(const std::vector<CommandOption>& options) {
  std::string letters;
  for (const CommandOption& option : options) {
    if (option.letter == 0) continue;
    letters += option.letter;
    if (option.argument == Argument::kRequired) letters += ':';
    if (option.argument == Argument::kOptional) letters += "::";
  }
  return letters;
}

std::vector<struct option> LongList(const std::vector<CommandOption>& options) {
  std::vector<struct option> list;
  for (size_t i = 0; i < options.size(); ++i) {
    list.push_back({options[i].name, GetoptKind(options[i].argument), nullptr,
                    kFirstOption + static_cast<int>(i)});
  }
  list.push_back({});
  return list;
}

const CommandOption* Find(const std::vector<CommandOption>& options, int code) {
  if (code >= kFirstOption) return &options[static_cast<size_t>(code - kFirstOption)];
  for (const CommandOption& option : options) {
    if (option.letter != 0 && option.letter == code) return &option;
  }
  return nullptr;
}

}  // namespace

std::optional<int> ReadOptions(int argc, char** argv, const std::vector<CommandOption>& options,
                               std::vector<std::string>* operands) {
  const std::string letters = LetterList(options);
  const std::vector<struct option> names = LongList(options);
  optind = 0;  // a fresh start, whoever used getopt before
  for (;;) {
    const int code = getopt_long(argc, argv, letters.c_str(), names.data(), nullptr);
    if (code == -1) break;
    const CommandOption* option = Find(options, code);
    if (option == nullptr) {
      fprintf(stderr, "Try \"%s --help\" for more information\n", argv[0]);
      return 1;
    }
    if (!option->apply) {
      PrintError(argv[0], StrCat("--", option->name, " is not supported yet"));
      return 1;
    }
    std::string value = optarg == nullptr ? "" : optarg;
    const bool detached = option->argument == Argument::kOptional && optarg == nullptr &&
                          optind < argc && argv[optind][0] != '-';
    if (detached) value = argv[optind++];
    if (std::optional<int> exit_code = option->apply(value)) return exit_code;
  }
  for (int i = optind; i < argc; ++i) operands->push_back(argv[i]);
  return std::nullopt;
}

std::function<std::optional<int>(const std::string&)> StoreText(std::string* target) {
  return [target](const std::string& value) {
    *target = value;
    return std::nullopt;
  };
}

std::function<std::optional<int>(const std::string&)> StoreTrue(bool* target) {
  return [target](const std::string&) {
    *target = true;
    return std::nullopt;
  };
}

std::function<std::optional<int>(const std::string&)> DoNothing() {
  return [](const std::string&) { return std::nullopt; };
}

std::function<std::optional<int>(const std::string&)> PrintAndExit(const char* text) {
  return [text](const std::string&) {
    fputs(text, stdout);
    return 0;
  };
}

std::function<std::optional<int>(const std::string&)> PrintVersionAndExit() {
  return [](const std::string&) {
    PrintSlurmVersion();
    return 0;
  };
}

std::string Environment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

bool RefuseEnvironment(const char* command, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (getenv(name) == nullptr) continue;
    PrintError(command, StrCat("environment variable ", name, " is not supported yet"));
    return true;
  }
  return false;
}

}  // namespace reeve::cli
