// TaskProlog and srun's --task-prolog: programs that run as the user in the task's own process,
// just before it becomes the task, and that may change its environment by what they print:
//
//   export NAME=value    sets it
//   unset NAME           removes it
//   print text           writes the text to the task's stdout
//
// Other lines are ignored. (slurm.conf(5), TaskProlog)
#pragma once

#include <cstddef>
#include <memory>

namespace reeve::noded {

// Memory for a child that may not allocate: made by its parent.
class PrologSpace {
 public:
  explicit PrologSpace(size_t entries)
      : text(new char[kTextBytes]),
        entries(new char*[entries + kMoreEntries]),
        entry_limit(entries + kMoreEntries) {}

  static constexpr size_t kTextBytes = size_t{256} << 10;
  static constexpr size_t kMoreEntries = 1024;  // that prologs may add
  const std::unique_ptr<char[]> text;
  const std::unique_ptr<char*[]> entries;
  const size_t entry_limit;
};

// Between fork and exec, as the user; async-signal-safe. `programs` ends in a null. The task's
// environment, or null when a program failed: a line on stderr says so, the task is not to run.
char* const* RunTaskPrologs(const char* const* programs, char* const* environment,
                            PrologSpace* space);

}  // namespace reeve::noded
