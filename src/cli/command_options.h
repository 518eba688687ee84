// The options of a listing or control command as a table: read by getopt_long, whose habits and
// messages are Slurm's. An option without an action is known and refused by name.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace reeve::cli {

enum class Argument {
  kNone,
  kRequired,
  kOptional,  // also as the next word when that is no option: `-j 12`, `-s 12.0`
};

struct CommandOption {
  const char* name;  // without the dashes
  char letter;       // 0: none
  Argument argument;
  // An exit code ends the command. Null: "squeue: error: --json is not supported yet", 1.
  std::function<std::optional<int>(const std::string& value)> apply;
};

// Reads argv[1..] (argv[0] is the command's name in messages) and collects what is no option. An
// exit code: 1 after an error has been printed, or what an action returned.
std::optional<int> ReadOptions(int argc, char** argv, const std::vector<CommandOption>& options,
                               std::vector<std::string>* operands);

// An action that remembers its argument, or that the option was there.
std::function<std::optional<int>(const std::string&)> StoreText(std::string* target);
std::function<std::optional<int>(const std::string&)> StoreTrue(bool* target);
std::function<std::optional<int>(const std::string&)> DoNothing();  // what it asks for is so anyway
std::function<std::optional<int>(const std::string&)> PrintAndExit(const char* text);
std::function<std::optional<int>(const std::string&)> PrintVersionAndExit();

// The value of an environment variable, "" when there is none.
std::string Environment(const char* name);
// Prints "squeue: error: NAME is not supported yet" and returns true when one of them is set.
bool RefuseEnvironment(const char* command, std::initializer_list<const char*> names);

}  // namespace reeve::cli
