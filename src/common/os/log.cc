#include "common/os/log.h"

#include <fcntl.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "absl/strings/str_format.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::os {
namespace {

constexpr char kFilePattern[] = "[%Y-%m-%dT%H:%M:%S.%e] %l: %v";

// All that the log is. Replaced as a whole under the mutex; never destroyed, so that threads which
// outlive main may still log.
struct LogState {
  std::mutex mutex;
  LogOptions options;
  std::shared_ptr<spdlog::logger> logger;  // guarded by `mutex`
  std::atomic<LogLevel> level{LogLevel::kInfo};
};

LogState& State() {
  static LogState* const state = new LogState;
  return *state;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kQuiet:
      return spdlog::level::off;
    case LogLevel::kFatal:
      return spdlog::level::critical;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kVerbose:
    case LogLevel::kDebug:
      return spdlog::level::debug;
    default:
      return spdlog::level::trace;
  }
}

std::shared_ptr<spdlog::logger> MakeLogger(const LogOptions& options) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  std::string pattern = kFilePattern;
  if (options.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    if (!options.program.empty()) pattern = StrCat(options.program, ": ", pattern);
  } else {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
  }
  auto logger = std::make_shared<spdlog::logger>("reeve", std::move(sink));
  logger->set_pattern(pattern);
  logger->set_level(spdlog::level::trace);  // Log() has decided by Slurm's finer levels already
  logger->flush_on(spdlog::level::trace);
  return logger;
}

// Creates the file with its rights, or says why it can't be written.
absl::Status PrepareFile(const std::string& file) {
  if (file.empty()) return absl::OkStatus();
  return OpenFile(file, O_WRONLY | O_APPEND | O_CREAT, 0640).status();
}

absl::Status Open(const LogOptions& options) {
  absl::Status prepared = PrepareFile(options.file);
  if (!prepared.ok()) return prepared;
  std::shared_ptr<spdlog::logger> logger;
  try {
    logger = MakeLogger(options);
  } catch (const spdlog::spdlog_ex& error) {
    return absl::UnavailableError(StrCat("cannot open log ", options.file, ": ", error.what()));
  }
  LogState& state = State();
  std::lock_guard lock(state.mutex);
  state.options = options;
  state.logger = std::move(logger);
  return absl::OkStatus();
}

// "\n" and other control characters as "\x0a": no event can look like two.
std::string OneLine(std::string_view line) {
  std::string out;
  out.reserve(line.size());
  for (char c : line) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

void Write(spdlog::level::level_enum level, std::string_view line) {
  LogState& state = State();
  std::shared_ptr<spdlog::logger> logger;
  {
    std::lock_guard lock(state.mutex);
    if (state.logger == nullptr) state.logger = MakeLogger(LogOptions{});
    logger = state.logger;
  }
  const std::string text = OneLine(line);
  logger->log(level, spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace

absl::Status SetUpLog(const LogOptions& options) {
  absl::Status opened = Open(options);
  if (opened.ok()) SetLogLevel(options.level);
  return opened;
}

void SetLogLevel(LogLevel level) {
  State().level = level;
}

absl::Status ReopenLog() {
  LogOptions options;
  {
    LogState& state = State();
    std::lock_guard lock(state.mutex);
    options = state.options;
  }
  return Open(options);
}

bool LogEnabled(LogLevel level) {
  return level != LogLevel::kQuiet && level <= State().level.load(std::memory_order_relaxed);
}

void Log(LogLevel level, std::string_view line) {
  if (LogEnabled(level)) Write(ToSpdlog(level), line);
}

void LogWarn(std::string_view line) {
  if (LogEnabled(LogLevel::kError)) Write(spdlog::level::warn, line);
}

void LogFatal(std::string_view line) {
  bool to_file = false;
  {
    LogState& state = State();
    std::lock_guard lock(state.mutex);
    to_file = !state.options.file.empty();
  }
  Log(LogLevel::kFatal, line);
  if (to_file || !LogEnabled(LogLevel::kFatal)) {
    const std::string text = StrCat(OneLine(line), "\n");
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
  }
  _exit(1);
}

}  // namespace reeve::os
