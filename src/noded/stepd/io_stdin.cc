// The other direction of IoHub: one client's input to all tasks that read it.
#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "noded/stepd/io_hub.h"

namespace reeve::noded {
namespace {

// A client keeps at most a window's worth unacknowledged; one that sends more is read no further.
constexpr size_t kStdinBacklog = 2 * OutputWindow::kCapacity;

}  // namespace

bool IoHub::stdin_backlogged() const {
  return stdin_data_.size() > kStdinBacklog;
}

void IoHub::AddStdin(uint32_t task, os::UniqueFd pipe) {
  readers_[task].pipe = std::move(pipe);
}

void IoHub::OnStdin(ClientId, const v1::StepStdin& input) {
  if (input.has_task_id() && !readers_.contains(input.task_id())) return;
  uint64_t end = stdin_begin_ + stdin_data_.size();
  // A client that came back repeats what was not acknowledged; a gap would be its error.
  if (input.offset() <= end && !stdin_eof_) {
    std::string_view data = input.data();
    data.remove_prefix(std::min<uint64_t>(end - input.offset(), data.size()));
    stdin_data_.append(data);
    if (input.eof()) stdin_eof_ = true;
  }
  FeedStdin();
  AcknowledgeStdin(input.offset() < stdin_acknowledged_);
}

void IoHub::FeedStdin() {
  uint64_t everybody_has = stdin_begin_ + stdin_data_.size();
  for (auto it = readers_.begin(); it != readers_.end();) {
    auto current = it++;
    Reader& reader = current->second;
    Feed(&reader);
    if (!reader.pipe) {
      readers_.erase(current);
    } else {
      everybody_has = std::min(everybody_has, reader.offset);
    }
  }
  stdin_data_.erase(0, everybody_has - stdin_begin_);
  stdin_begin_ = everybody_has;
  AcknowledgeStdin();
}

// Writes what the pipe takes; closes it at the end of the input or when nobody reads any more.
void IoHub::Feed(Reader* reader) {
  bool blocked = false;
  bool broken = false;
  while (!blocked && !broken && reader->offset < stdin_begin_ + stdin_data_.size()) {
    size_t at = reader->offset - stdin_begin_;
    ssize_t put = write(reader->pipe.get(), stdin_data_.data() + at, stdin_data_.size() - at);
    if (put > 0) reader->offset += put;
    if (put < 0 && errno == EAGAIN) blocked = true;
    if (put < 0 && errno != EAGAIN && errno != EINTR) broken = true;
  }
  bool wanted = blocked && !broken;
  if (wanted != reader->watched) {
    reader->watched = wanted;
    if (wanted) {
      loop_->Watch(reader->pipe.get(), EPOLLOUT, [this](uint32_t) { FeedStdin(); }).IgnoreError();
    } else {
      loop_->Unwatch(reader->pipe.get());
    }
  }
  if (broken || (stdin_eof_ && !blocked)) reader->pipe.reset();
}

void IoHub::AcknowledgeStdin(bool again) {
  if (stdin_begin_ == stdin_acknowledged_ && !again) return;
  if (stdin_drained_) stdin_drained_();
  stdin_acknowledged_ = stdin_begin_;
  v1::StepIoResponse response;
  response.mutable_stdin_ack()->set_offset(stdin_begin_);
  for (auto& [id, client] : clients_) client.send(response);
}

}  // namespace reeve::noded
