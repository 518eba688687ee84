// Runs a target on files, for builds without libFuzzer: each argument is a file, a folder of files,
// or an option, which is ignored.
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/fuzz/check.h"

namespace {

char running[4096];  // the file that is being run, for the words after a crash

void OnDeath(int signal) {
  const char text[] = "fuzz: died on ";
  bool said = write(STDERR_FILENO, text, sizeof text - 1) > 0 &&
              write(STDERR_FILENO, running, strlen(running)) > 0 &&
              write(STDERR_FILENO, "\n", 1) > 0;
  if (!said) _exit(99);
  ::signal(signal, SIG_DFL);
  raise(signal);
}

// What one input may cost. Sanitizers reserve terabytes of addresses and watch over memory
// themselves.
void LimitMemory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const rlimit limit = {size_t{2} << 30, size_t{2} << 30};
  setrlimit(RLIMIT_AS, &limit);
#endif
}

std::vector<std::string> FilesOf(const std::string& path) {
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return {path};
  std::vector<std::string> files;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] != '.') files.push_back(path + "/" + entry->d_name);
  }
  closedir(folder);
  std::sort(files.begin(), files.end());
  return files;
}

void RunFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) reeve::fuzz::Fail("cannot read " + path);
  const std::string input((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  snprintf(running, sizeof running, "%s", path.c_str());
  // A copy of exactly its length: reading past the end is seen.
  std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  LimitMemory();
  for (int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) ::signal(signal, OnDeath);
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-') continue;
    for (const std::string& path : FilesOf(argv[i])) {
      RunFile(path);
      ++count;
    }
  }
  dprintf(STDOUT_FILENO, "%d inputs, all well\n", count);
  return count > 0 ? 0 : 1;  // a corpus that is not there is no test
}
