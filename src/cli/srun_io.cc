#include "cli/srun_io.h"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "absl/strings/numbers.h"
#include "common/base/text.h"
#include "common/rpc/endpoints.h"

namespace reeve::cli {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(2);
constexpr absl::Duration kTellLost = absl::Seconds(10);  // a daemon's restart is over by then
constexpr absl::Duration kTerminalCheck = absl::Milliseconds(500);
constexpr absl::Duration kClosingTime = absl::Milliseconds(200);
constexpr size_t kReadSize = 64 << 10;

// Output whose reader has gone is dropped: the tasks go on, as with Slurm.
LabelWriter::Sink WriteTo(int fd) {
  return [fd](std::string_view data) { (void)os::WriteAll(fd, data); };
}

LabelWriter::Options WriterOptions(const StepIoOptions& options, uint32_t num_tasks) {
  return {options.label, !options.unbuffered && num_tasks > 1, num_tasks};
}

uint32_t CountTasks(const pb::CreateStepResponse& step) {
  uint32_t count = 0;
  for (const pb::TaskList& list : step.task_ids()) count += list.ids_size();
  return count;
}

// The daemon is away or the connection broke: worth another attempt.
bool MayComeBack(const absl::Status& status) {
  return status.ok() || rpc::IsRetryable(status) || absl::IsCancelled(status) ||
         absl::IsAborted(status);
}

}  // namespace

struct StepIo::Link {
  std::string name;
  std::vector<uint32_t> tasks;
  std::set<uint32_t> running;
  std::unique_ptr<rpc::Channel> channel;
  std::unique_ptr<rpc::Stream> stream;
  uint64_t generation = 0;  // of the stream: what comes late from an older one is dropped
  bool attached = false;
  bool acks_due = false;
  bool ended = false;
  absl::Duration pause = kFirstPause;
  os::TimerId retry = os::TimerId::kNone;
  os::TimerId missed = os::TimerId::kNone;                 // since it has no connection
  bool lost = false;                                       // which has been told
  std::string why = "no answer";                           // of the last attempt
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> have;  // (task, stream): bytes written out
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> acknowledged;
  std::string address;    // for the step's other nodes
  uint32_t mpi_port = 0;  // of its PMIx server; 0: not told
};

std::optional<uid_t> LookUpUser(const std::string& user) {
  uint32_t number = 0;
  if (absl::SimpleAtoi(ToAbsl(user), &number)) return number;
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr) return std::nullopt;
  return entry->pw_uid;
}

StepIo::StepIo(std::shared_ptr<os::EventLoop> loop, const Config& config, rpc::Munge munge,
               uint32_t job_id, pb::CreateStepResponse step, StepIoOptions options, Events events)
    : loop_(std::move(loop)),
      job_id_(job_id),
      step_(std::move(step)),
      options_(options),
      events_(std::move(events)),
      node_uid_(LookUpUser(config.slurmd_user)),
      stdout_(WriterOptions(options, CountTasks(step_)), WriteTo(options.stdout_fd)),
      stderr_(WriterOptions(options, CountTasks(step_)), WriteTo(options.stderr_fd)),
      stdin_(static_cast<size_t>(step_.shares_size())) {
  std::map<std::string, const pb::Node*> nodes;
  for (const pb::Node& node : step_.nodes()) nodes[node.name()] = &node;
  for (int i = 0; i < step_.shares_size(); ++i) {
    auto link = std::make_unique<Link>();
    link->name = step_.shares(i).node();
    if (i < step_.task_ids_size()) {
      link->tasks.assign(step_.task_ids(i).ids().begin(), step_.task_ids(i).ids().end());
    }
    link->running.insert(link->tasks.begin(), link->tasks.end());
    pb::Node unknown;
    unknown.set_name(link->name);
    unknown.set_hostname(link->name);
    auto found = nodes.find(link->name);
    const pb::Node& node = found == nodes.end() ? unknown : *found->second;
    link->address = node.address().empty() ? node.hostname() : node.address();
    link->channel = std::make_unique<rpc::Channel>(rpc::NodeTarget(config, node), munge);
    links_.push_back(std::move(link));
  }
}

StepIo::~StepIo() {
  StopStdin();
}

void StepIo::Start() {
  for (size_t i = 0; i < links_.size(); ++i) Open(i);
  for (size_t i = 0; i < links_.size(); ++i) {
    bool reads = options_.stdin_fd.has_value() && (!options_.stdin_task.has_value() ||
                                                   links_[i]->running.count(*options_.stdin_task));
    if (!reads) stdin_.Drop(i);
  }
  WatchStdin();
}

bool StepIo::ended() const {
  for (const auto& link : links_) {
    if (!link->ended) return false;
  }
  return true;
}

// For as long as the node is not reached: told once.
void StepIo::Miss(size_t index) {
  Link& link = *links_[index];
  if (link.missed != os::TimerId::kNone || link.lost) return;
  link.missed = loop_->After(kTellLost, [this, index] {
    Link& missing = *links_[index];
    missing.missed = os::TimerId::kNone;
    if (missing.ended) return;
    missing.lost = true;
    events_.on_node_lost(missing.name, missing.why);
  });
}

void StepIo::Open(size_t index) {
  Link& link = *links_[index];
  if (link.ended) return;
  Miss(index);
  pb::StepIoRequest first;
  pb::StepIoAttach* attach = first.mutable_attach();
  attach->set_job_id(job_id_);
  attach->set_step_id(step_.step_id());
  attach->set_attempt(step_.attempt());
  attach->set_io_secret(step_.io_secret());
  for (const auto& [source, offset] : link.have) {
    pb::StepIoAck* have = attach->add_have();
    have->set_task_id(source.first);
    have->set_stream(source.second);
    have->set_offset(offset);
  }
  link.attached = false;
  link.acknowledged = link.have;
  const uint64_t generation = ++link.generation;
  rpc::Stream::Events events;
  events.on_message = [this, index, generation, loop = loop_](std::string bytes) {
    auto message = std::make_shared<pb::StepIoResponse>();
    if (!message->ParseFromString(bytes)) return;
    loop->Post([this, index, generation, message] {
      if (links_[index]->generation == generation) OnMessage(index, *message);
    });
  };
  events.on_closed = [this, index, generation, loop = loop_](absl::Status status) {
    loop->Post([this, index, generation, status] {
      if (links_[index]->generation == generation) OnClosed(index, status);
    });
  };
  auto stream = link.channel->OpenStream("NodeDaemon/StepIo", first, node_uid_, std::move(events));
  if (!stream.ok()) return OnClosed(index, stream.status());
  link.stream = *std::move(stream);
}

void StepIo::OnMessage(size_t index, const pb::StepIoResponse& message) {
  Link& link = *links_[index];
  if (link.ended) return;
  switch (message.kind_case()) {
    case pb::StepIoResponse::kAttached:
      link.attached = true;
      link.pause = kFirstPause;
      loop_->Cancel(std::exchange(link.missed, os::TimerId::kNone));
      if (std::exchange(link.lost, false)) events_.on_node_back(link.name);
      stdin_.Rewind(index);
      SendStdin();
      break;
    case pb::StepIoResponse::kOutput:
      OnOutput(index, message.output());
      break;
    case pb::StepIoResponse::kTaskExit:
      OnTaskExit(link, message.task_exit());
      break;
    case pb::StepIoResponse::kEnded:
      End(index);
      break;
    case pb::StepIoResponse::kStdinAck:
      stdin_.Acknowledge(index, message.stdin_ack().offset());
      WatchStdin();
      break;
    case pb::StepIoResponse::kLaunchError:
      Fail(index, message.launch_error().message());
      break;
    case pb::StepIoResponse::kMpiPort:
      OnMpiPort(index, message.mpi_port().port());
      break;
    case pb::StepIoResponse::kMpiAbort:
      if (events_.on_mpi_abort) events_.on_mpi_abort(link.name, message.mpi_abort());
      break;
    case pb::StepIoResponse::KIND_NOT_SET:
      break;
  }
}

// Each node's PMIx server listens somewhere; when all have said where, all are told. A node that
// says it again was away in between.
void StepIo::OnMpiPort(size_t index, uint32_t port) {
  const bool again = std::exchange(links_[index]->mpi_port, port) != 0;
  pb::StepIoRequest request;
  for (const auto& link : links_) {
    if (link->mpi_port == 0) return;
    pb::MpiPeer* peer = request.mutable_mpi_peers()->add_peers();
    peer->set_address(link->address);
    peer->set_port(link->mpi_port);
  }
  for (size_t i = 0; i < links_.size(); ++i) {
    Link& link = *links_[i];
    if ((i == index || !again) && link.stream != nullptr) link.stream->Send(request);
  }
}

void StepIo::OnOutput(size_t index, const pb::StepOutput& output) {
  Link& link = *links_[index];
  uint64_t& have = link.have[{output.task_id(), output.stream()}];
  uint64_t end = output.offset() + output.data().size();
  // What comes twice after a reconnection is cut off; a gap cannot be filled and is taken as it is.
  std::string_view fresh = output.data();
  if (output.offset() < have)
    fresh.remove_prefix(std::min<uint64_t>(have - output.offset(), fresh.size()));
  have = std::max(have, end);
  LabelWriter& writer = output.stream() == 2 ? stderr_ : stdout_;
  if (!fresh.empty()) writer.Write(output.task_id(), fresh);
  if (output.eof()) writer.Finish(output.task_id());
  if (link.acks_due) return;
  link.acks_due = true;
  loop_->Post([this, index] { SendAcks(index); });  // one for all that has come together
}

void StepIo::SendAcks(size_t index) {
  Link& link = *links_[index];
  link.acks_due = false;
  if (link.stream == nullptr || link.ended) return;
  for (const auto& [source, offset] : link.have) {
    uint64_t& told = link.acknowledged[source];
    if (told == offset) continue;
    told = offset;
    pb::StepIoRequest request;
    pb::StepIoAck* ack = request.mutable_ack();
    ack->set_task_id(source.first);
    ack->set_stream(source.second);
    ack->set_offset(offset);
    link.stream->Send(request);
  }
}

void StepIo::OnTaskExit(Link& link, const pb::TaskExit& exit) {
  if (link.running.erase(exit.task_id()) == 0) return;  // told again after a reconnection
  stdout_.Finish(exit.task_id());
  stderr_.Finish(exit.task_id());
  events_.on_task_exit(link.name, exit.task_id(), exit.status());
}

void StepIo::OnClosed(size_t index, const absl::Status& status) {
  Link& link = *links_[index];
  link.stream.reset();
  ++link.generation;
  if (link.ended) return FinishIfAllClosed();
  if (!MayComeBack(status)) return Fail(index, std::string(Message(status)));
  if (!status.ok()) link.why = Message(status);
  Miss(index);
  link.retry = loop_->After(link.pause, [this, index] { Open(index); });
  link.pause = std::min(link.pause * 2, kLongestPause);
}

void StepIo::Fail(size_t index, const std::string& why) {
  Link& link = *links_[index];
  std::vector<uint32_t> lost(link.running.begin(), link.running.end());
  link.running.clear();
  events_.on_node_failed(link.name, lost, why);
  End(index);
}

void StepIo::End(size_t index) {
  Link& link = *links_[index];
  if (link.ended) return;
  SendAcks(index);
  link.ended = true;
  loop_->Cancel(link.retry);
  loop_->Cancel(link.missed);
  if (link.stream != nullptr) link.stream->CloseSending();
  stdin_.Drop(index);
  // A node that ended without a word about some task: its exit is unknown.
  if (!link.running.empty()) {
    std::vector<uint32_t> lost(link.running.begin(), link.running.end());
    link.running.clear();
    events_.on_node_failed(link.name, lost, "the step ended without their exit status");
  }
  if (!ended()) return;
  StopStdin();
  FlushOutput();
  // The last acknowledgements leave before the process does; a node that holds its end open is not
  // waited for.
  loop_->After(kClosingTime, [this] { Finish(); });
  FinishIfAllClosed();
}

void StepIo::FinishIfAllClosed() {
  if (!ended()) return;
  for (const auto& link : links_) {
    if (link->stream != nullptr) return;
  }
  Finish();
}

void StepIo::Finish() {
  if (!std::exchange(told_end_, true)) events_.on_ended();
}

void StepIo::GiveUp(const std::string& why, std::string_view node) {
  for (size_t i = 0; i < links_.size(); ++i) {
    if ((node.empty() || links_[i]->name == node) && !links_[i]->ended) Fail(i, why);
  }
}

void StepIo::Signal(int signal) {
  pb::StepIoRequest request;
  request.mutable_signal()->set_signal(signal);
  for (auto& link : links_) {
    if (link->stream != nullptr && !link->ended) link->stream->Send(request);
  }
}

void StepIo::FlushOutput() {
  stdout_.FinishAll();
  stderr_.FinishAll();
}

// ---- standard input ---------------------------------------------------------------------------

// A background srun that read its terminal would be stopped by SIGTTIN; it waits instead.
bool StepIo::MayReadTerminal() const {
  return !isatty(*options_.stdin_fd) || tcgetpgrp(*options_.stdin_fd) == getpgrp();
}

void StepIo::WatchStdin() {
  if (!options_.stdin_fd.has_value() || watching_stdin_ || !stdin_.WantsMore()) return;
  watching_stdin_ = true;
  if (!MayReadTerminal()) {
    loop_->After(kTerminalCheck, [this] {
      watching_stdin_ = false;
      WatchStdin();
    });
    return;
  }
  auto readable = [this](uint32_t) { ReadStdin(); };
  if (!reading_file_ && loop_->Watch(*options_.stdin_fd, EPOLLIN, readable).ok()) return;
  reading_file_ = true;
  loop_->Post([this] { ReadStdin(); });
}

void StepIo::StopStdin() {
  if (watching_stdin_ && !reading_file_ && options_.stdin_fd.has_value()) {
    loop_->Unwatch(*options_.stdin_fd);
  }
  watching_stdin_ = false;
}

void StepIo::ReadStdin() {
  StopStdin();
  if (told_end_ || !stdin_.WantsMore()) return;
  if (!MayReadTerminal()) return WatchStdin();
  char buffer[kReadSize];
  ssize_t count = read(*options_.stdin_fd, buffer, sizeof buffer);
  if (count < 0 && (errno == EINTR || errno == EAGAIN || errno == EIO)) {
    // EIO: lost the terminal between the check and the read. A hangup gives EIO for good, and
    // then isatty fails.
    if (errno != EIO || isatty(*options_.stdin_fd)) return WatchStdin();
  }
  if (count > 0) {
    stdin_.Append(std::string_view(buffer, static_cast<size_t>(count)));
  } else {
    stdin_.SetEof();
  }
  SendStdin();
  WatchStdin();
}

void StepIo::SendStdin() {
  for (size_t i = 0; i < links_.size(); ++i) {
    Link& link = *links_[i];
    if (!link.attached || link.stream == nullptr || link.ended) continue;
    while (std::optional<StdinSource::Chunk> chunk = stdin_.Next(i)) {
      pb::StepIoRequest request;
      pb::StepStdin* message = request.mutable_stdin();
      if (options_.stdin_task.has_value()) message->set_task_id(*options_.stdin_task);
      message->set_offset(chunk->offset);
      message->set_data(std::move(chunk->data));
      message->set_eof(chunk->eof);
      link.stream->Send(request);
    }
  }
}

}  // namespace reeve::cli
