// The daemons' log: one line an event, levels by Slurm's words.
//
// spdlog stays behind this header (it costs seconds of compile time): callers compose the line with
// absl::StrCat or absl::StrFormat. Check Enabled first where composing is not free.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/config.h"

namespace reeve::os {

struct LogOptions {
  std::string file;  // appended to, mode 0640, its folder must exist; empty: standard error
  LogLevel level = LogLevel::kInfo;
  std::string program;  // "reevectld": begins lines on standard error
};

// Once, before threads; until then lines of info and above go to standard error. Every line is
// flushed. Unavailable or PermissionDenied when the file can't be opened, naming it.
absl::Status SetUpLog(const LogOptions& options);
void SetLogLevel(LogLevel level);  // at any time
absl::Status ReopenLog();          // after the file was rotated away (SIGHUP)

bool LogEnabled(LogLevel level);

// Thread-safe. Line breaks and control characters in `line` are escaped: an event is one line.
void Log(LogLevel level, std::string_view line);
inline void LogError(std::string_view line) {
  Log(LogLevel::kError, line);
}
void LogWarn(std::string_view line);  // marked as a warning; shown wherever errors are
inline void LogInfo(std::string_view line) {
  Log(LogLevel::kInfo, line);
}
inline void LogVerbose(std::string_view line) {
  Log(LogLevel::kVerbose, line);
}
inline void LogDebug(std::string_view line) {
  Log(LogLevel::kDebug, line);
}

// Writes the line at kFatal and to standard error, then exits with code 1 (no destructors run).
[[noreturn]] void LogFatal(std::string_view line);

}  // namespace reeve::os
