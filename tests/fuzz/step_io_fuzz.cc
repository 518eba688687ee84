// A step's streams: tasks that write, clients that come, go, acknowledge and send anything. Every
// client that asked from the start gets each stream whole, in order, and its end; input reaches the
// task unchanged; what waits is bounded.
#include <fcntl.h>
#include <unistd.h>

#include <map>

#include "noded/stepd/io_hub.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/message_filler.h"

namespace reeve::noded {
namespace {

using fuzz::Bytes;
using fuzz::Expect;
using StreamId = std::pair<uint32_t, uint32_t>;

constexpr uint32_t kTasks = 2;

class World {
 public:
  explicit World(Bytes bytes) : bytes_(bytes), hub_(&loop_, "n1") {
    for (uint32_t task = 0; task < kTasks; ++task) {
      for (uint32_t stream : {1u, 2u}) {
        os::Pipe pipe = *os::MakePipe(O_NONBLOCK);
        hub_.AddOutput(task, stream, std::move(pipe.read));
        writers_[{task, stream}] = std::move(pipe.write);
      }
      os::Pipe pipe = *os::MakePipe(O_NONBLOCK);
      hub_.AddStdin(task, std::move(pipe.write));
      readers_[task] = std::move(pipe.read);
      hub_.AddTask(task);
    }
  }

  void Run() {
    while (!bytes_.empty()) Step();
    End();
  }

 private:
  struct Client {
    IoHub::ClientId id = 0;
    bool whole = false;  // it asked from the start
    std::map<StreamId, std::string> got;
    std::map<StreamId, bool> ended;
    bool over = false;
  };

  void Step() {
    switch (bytes_.Below(10)) {
      case 0:
      case 1:
        Write();
        break;
      case 2:
        Attach();
        break;
      case 3:
        if (!clients_.empty()) {
          hub_.Detach(clients_.begin()->second.id);
          clients_.erase(clients_.begin());
        }
        break;
      case 4:
        Acknowledge();
        break;
      case 5:
      case 6:
        Input();
        break;
      case 7:
        writers_[{bytes_.Below(kTasks), 1 + bytes_.Below(2)}].reset();
        break;
      case 8:
        if (const uint32_t task = bytes_.Below(kTasks); exited_.insert(task).second) {
          hub_.TaskExited(task, static_cast<int32_t>(bytes_.Number()));
        }
        break;
      default:
        ReadInput();
    }
    Settle();
  }

  void Settle() {
    for (int i = 0; i < 64 && loop_.RunOnce(); ++i) {
    }
  }

  void Write() {
    const StreamId id{bytes_.Below(kTasks), 1 + bytes_.Below(2)};
    const std::string text(bytes_.Flag() ? std::string(bytes_.Text())
                                         : std::string(60'000, static_cast<char>(bytes_.Byte())));
    if (!writers_[id].valid()) return;
    const ssize_t put = write(writers_[id].get(), text.data(), text.size());
    if (put > 0) written_[id].append(text, 0, static_cast<size_t>(put));
  }

  void Attach() {
    if (clients_.size() > 3) return;
    const uint64_t number = ++last_client_;
    Client& client = clients_[number];
    v1::StepIoAttach attach;
    client.whole = bytes_.Flag();
    if (!client.whole) fuzz::Fill(bytes_, &attach);
    // What was acknowledged by others is gone: one that comes late starts where that ends.
    if (trimmed_) client.whole = false;
    client.id = hub_.Attach(attach, [this, number](const v1::StepIoResponse& response) {
      Take(clients_[number], response);
    });
  }

  void Take(Client& client, const v1::StepIoResponse& response) {
    Expect(!client.over, "a message after the end");
    if (response.has_ended()) client.over = true;
    if (!response.has_output() || !client.whole) return;
    const v1::StepOutput& output = response.output();
    const StreamId id{output.task_id(), output.stream()};
    std::string& got = client.got[id];
    Expect(output.offset() == got.size(), "output at ", output.offset(), " after ", got.size());
    got.append(output.data());
    Expect(written_[id].compare(0, got.size(), got) == 0, "nobody wrote this");
    if (output.eof()) Expect(!std::exchange(client.ended[id], true), "two ends of a stream");
  }

  void Acknowledge() {
    if (clients_.empty()) return;
    Client& client = clients_.begin()->second;
    v1::StepIoAck ack;
    if (bytes_.Flag()) {
      fuzz::Fill(bytes_, &ack);
    } else {
      const StreamId id{bytes_.Below(kTasks), 1 + bytes_.Below(2)};
      ack.set_task_id(id.first);
      ack.set_stream(id.second);
      ack.set_offset(client.got[id].size());
    }
    trimmed_ = true;
    hub_.OnAck(client.id, ack);
  }

  void Input() {
    v1::StepStdin input;
    if (bytes_.Below(4) == 0) {
      fuzz::Fill(bytes_, &input);
      strange_input_ = true;
    } else {
      const std::string data(bytes_.Flag() ? std::string(bytes_.Text()) : std::string(50'000, 'i'));
      input.set_offset(sent_.size());
      input.set_data(data);
      sent_ += data;
    }
    if (hub_.stdin_backlogged()) return;  // such a client is not read
    hub_.OnStdin(clients_.empty() ? 1 : clients_.begin()->second.id, input);
  }

  void ReadInput() {
    for (auto& [task, pipe] : readers_) {
      char buffer[1 << 16];
      const ssize_t got = read(pipe.get(), buffer, sizeof buffer);
      if (got > 0) read_[task].append(buffer, static_cast<size_t>(got));
      const std::string& all = read_[task];
      const bool same = strange_input_ || sent_.compare(0, all.size(), all) == 0;
      Expect(same, "task ", task, " reads what nobody sent");
    }
  }

  void End() {
    for (uint32_t task = 0; task < kTasks; ++task) {
      if (exited_.insert(task).second) hub_.TaskExited(task, 0);
    }
    writers_.clear();
    Settle();
    hub_.Drain();
    hub_.End();
    Settle();
    for (auto& [number, client] : clients_) {
      Expect(client.over, "a client was not told the end");
      for (const auto& [id, text] : written_) {
        if (!client.whole) continue;
        Expect(client.got[id] == text && client.ended[id], "a client lacks output");
      }
    }
  }

  Bytes bytes_;
  os::EventLoop loop_;
  IoHub hub_;
  std::map<StreamId, os::UniqueFd> writers_;
  std::map<uint32_t, os::UniqueFd> readers_;
  std::map<StreamId, std::string> written_;
  std::map<uint64_t, Client> clients_;
  uint64_t last_client_ = 0;
  std::set<uint32_t> exited_;
  std::string sent_;
  std::map<uint32_t, std::string> read_;
  bool trimmed_ = false;
  bool strange_input_ = false;
};

}  // namespace
}  // namespace reeve::noded

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::noded::World(reeve::fuzz::Bytes(data, size)).Run();
  return 0;
}
