#include "cli/batch_script.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "cli/text_match.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::cli {
namespace {

bool IsRegularFile(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

// A plain name that is not in the current folder may be a program of $PATH.
std::string FindScript(const std::string& name) {
  const char* search = getenv("PATH");
  if (Contains(name, "/") || access(name.c_str(), F_OK) == 0 || search == nullptr) {
    return name;
  }
  for (std::string_view folder : SplitSkipEmpty(search, ":")) {
    std::string candidate = StrCat(folder, "/", name);
    if (IsRegularFile(candidate) && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return name;
}

std::string BaseName(std::string_view path) {
  size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

absl::Status TooBig() {
  return absl::InvalidArgumentError(
      StrCat("The script is larger than ", kMaxScriptBytes >> 20, " MiB"));
}

}  // namespace

absl::Status CheckScript(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("Batch script is empty!");
  if (text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos) {
    return absl::InvalidArgumentError("Batch script contains only whitespace!");
  }
  if (!text.starts_with("#!")) {
    return absl::InvalidArgumentError(
        "This does not look like a batch script.  The first\n"
        "line must start with #! followed by the path to an interpreter.\n"
        "For instance: #!/bin/sh");
  }
  if (text.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError("Batch script contains a NUL byte ('\\0').");
  }
  if (Contains(text, "\r\n")) {
    return absl::InvalidArgumentError(
        "Batch script contains DOS line breaks (\\r\\n)\n"
        "instead of expected UNIX line breaks (\\n).");
  }
  return absl::OkStatus();
}

absl::StatusOr<BatchScript> LoadScript(const std::string& name) {
  std::string path = FindScript(name);
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) {
    absl::StatusOr<std::string> text = os::ReadFile(path, kMaxScriptBytes);
    if (absl::IsResourceExhausted(text.status())) return TooBig();
    if (text.ok()) {
      std::string absolute = std::filesystem::absolute(path, ignored).lexically_normal().string();
      return BatchScript{*std::move(text), absolute, BaseName(name)};
    }
  }
  return absl::NotFoundError(StrCat("Unable to open file ", name));
}

absl::StatusOr<BatchScript> LoadScriptFromStdin() {
  absl::StatusOr<std::string> text = os::ReadFd(STDIN_FILENO, kMaxScriptBytes);
  if (absl::IsResourceExhausted(text.status())) return TooBig();
  if (!text.ok()) return text.status();
  return BatchScript{*std::move(text), "", "sbatch"};
}

BatchScript WrapCommand(std::string_view command) {
  return {StrCat("#!/bin/sh\n# Made by sbatch --wrap.\n\n", command, "\n"), "", "wrap"};
}

}  // namespace reeve::cli
