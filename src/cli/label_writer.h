// Output of many tasks on one descriptor: whole lines, labelled on wish.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace reeve::cli {

class LabelWriter {
 public:
  struct Options {
    bool label = false;       // "3: " before each line, as wide as the highest task id
    bool whole_lines = true;  // keep what is not yet a line until it is, or its task ends
    uint32_t num_tasks = 1;
  };
  using Sink = std::function<void(std::string_view)>;  // what to write, in order

  LabelWriter(Options options, Sink sink);

  void Write(uint32_t task, std::string_view data);
  void Finish(uint32_t task);  // the task's stream has ended: writes a last line without its end
  void FinishAll();

 private:
  void WriteLines(uint32_t task, std::string_view lines);

  Options options_;
  Sink sink_;
  int width_;
  std::map<uint32_t, std::string> unfinished_;  // of each task, what has no line end yet
};

}  // namespace reeve::cli
