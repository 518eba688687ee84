#include "noded/stepd/task_prolog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "noded/stepd/child_line.h"

namespace reeve::noded {
namespace {

constexpr int kPollMs = 100;
char kContext[] = "SLURM_SCRIPT_CONTEXT=prolog_task";
constexpr size_t kContextName = sizeof("SLURM_SCRIPT_CONTEXT") - 1;

// The environment as it becomes; entries point into the parent's copy or into the space's text.
class Entries {
 public:
  Entries(char* const* environment, PrologSpace* space)
      : entries_(space->entries.get()), limit_(space->entry_limit) {
    while (environment[count_] != nullptr && count_ + 1 < limit_) {
      entries_[count_] = environment[count_];
      ++count_;
    }
    entries_[count_] = nullptr;
  }

  bool Set(char* entry, size_t name_length) {
    for (size_t i = 0; i < count_; ++i) {
      if (!Is(entries_[i], entry, name_length)) continue;
      entries_[i] = entry;
      return true;
    }
    if (count_ + 1 >= limit_) return false;
    entries_[count_++] = entry;
    entries_[count_] = nullptr;
    return true;
  }

  void Unset(const char* name, size_t length) {
    size_t kept = 0;
    for (size_t i = 0; i < count_; ++i) {
      if (!Is(entries_[i], name, length)) entries_[kept++] = entries_[i];
    }
    count_ = kept;
    entries_[count_] = nullptr;
  }

  char* const* get() const { return entries_; }

 private:
  static bool Is(const char* entry, const char* name, size_t length) {
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
  }

  char** entries_;
  size_t limit_;
  size_t count_ = 0;
};

[[noreturn]] void ExecProlog(const char* program, int output, pid_t parent,
                             char* const* environment) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0) _exit(1);
  char* argv[] = {const_cast<char*>(program), nullptr};
  execve(program, argv, environment);
  const int error = errno;
  ChildLine line;
  line << "slurmstepd: error: execve(): " << program << ": " << ErrorText(error) << "\n";
  line.Write();
  _exit(127);
}

// What the program prints goes to `text`, of which the used length comes back; its end is the
// program's, whoever else still holds the pipe.
bool Collect(int output, pid_t child, char* text, size_t room, size_t* used, int* status) {
  bool running = true;
  while (true) {
    pollfd ready = {output, POLLIN, 0};
    if (running) poll(&ready, 1, kPollMs);
    if (running && waitpid(child, status, WNOHANG) == child) running = false;
    ssize_t got;
    while ((got = read(output, text + *used, room - *used)) > 0) {
      *used += static_cast<size_t>(got);
      if (*used == room) return false;
    }
    if (!running) return true;
    if (got == 0) {  // it has closed its stdout
      while (waitpid(child, status, 0) < 0 && errno == EINTR) {
      }
      return true;
    }
  }
}

void Print(const char* text) {
  const size_t length = strlen(text);
  if (write(STDOUT_FILENO, text, length) < 0 || write(STDOUT_FILENO, "\n", 1) < 0) return;
}

bool TakeLine(char* line, Entries* entries) {
  while (*line == ' ' || *line == '\t') ++line;
  if (strncmp(line, "export ", 7) == 0) {
    char* entry = line + 7;
    while (*entry == ' ') ++entry;
    const char* equals = strchr(entry, '=');
    if (equals == nullptr || equals == entry) return true;
    return entries->Set(entry, static_cast<size_t>(equals - entry));
  }
  if (strncmp(line, "unset ", 6) == 0) {
    const char* name = line + 6;
    while (*name == ' ') ++name;
    entries->Unset(name, strcspn(name, " \t\r"));
  } else if (strncmp(line, "print ", 6) == 0) {
    Print(line + 6);
  }
  return true;
}

// Lines become strings of their own, in place.
bool TakeLines(char* text, char* end, Entries* entries) {
  *end = '\0';
  while (text < end) {
    char* stop = static_cast<char*>(memchr(text, '\n', static_cast<size_t>(end - text)));
    if (stop == nullptr) stop = end;
    *stop = '\0';
    if (!TakeLine(text, entries)) return false;
    text = stop + 1;
  }
  return true;
}

bool Complain(const char* program, const char* what, const char* number = "") {
  ChildLine line;
  line << "slurmstepd: error: task prolog " << program << what << number << "\n";
  line.Write();
  return false;
}

bool RunOne(const char* program, PrologSpace* space, size_t* used, Entries* entries) {
  entries->Set(kContext, kContextName);
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0) return Complain(program, ": pipe: ", ErrorText(errno));
  fcntl(pipe[0], F_SETFL, O_NONBLOCK);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return Complain(program, ": fork: ", ErrorText(errno));
  if (child == 0) ExecProlog(program, pipe[1], parent, entries->get());
  close(pipe[1]);
  char* begin = space->text.get() + *used;
  size_t length = 0;
  int status = 0;
  // One byte stays for the end of the text.
  const bool fits =
      Collect(pipe[0], child, begin, PrologSpace::kTextBytes - *used - 1, &length, &status);
  close(pipe[0]);
  if (!fits) {
    kill(child, SIGKILL);
    return Complain(program, " printed too much");
  }
  *used += length + 1;
  entries->Unset("SLURM_SCRIPT_CONTEXT", kContextName);
  if (!TakeLines(begin, begin + length, entries))
    return Complain(program, " set too many variables");
  if (status == 0) return true;
  char digits[16];
  return Complain(program, " failed status=",
                  Digits(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), digits));
}

}  // namespace

char* const* RunTaskPrologs(const char* const* programs, char* const* environment,
                            PrologSpace* space) {
  Entries entries(environment, space);
  size_t used = 0;
  for (; *programs != nullptr; ++programs) {
    if (!RunOne(*programs, space, &used, &entries)) return nullptr;
  }
  return entries.get();
}

}  // namespace reeve::noded
