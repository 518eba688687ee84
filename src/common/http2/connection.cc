#include "common/http2/connection.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

#include "common/base/text.h"
#include "common/http2/call_status.h"
#include "common/http2/message_frames.h"

namespace reeve::http2 {
namespace {

// The receiver takes what comes at once: windows only need to cover the way there and back.
constexpr uint32_t kWindow = 4 << 20;
constexpr uint32_t kFrameBytes = 256 << 10;
constexpr size_t kOutputAtOnce = 64 << 10;

nghttp2_nv Header(std::string_view name, std::string_view value,
                  uint8_t flags = NGHTTP2_NV_FLAG_NONE) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), flags};
}

std::string_view View(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

struct Connection::Impl {
  explicit Impl(size_t max_message_bytes);
  ~Impl() { nghttp2_session_del(session); }

  void End(absl::Status why);
  void EndAndReset(absl::Status why, uint32_t error_code);
  void OnHeaders(const nghttp2_frame& frame);
  void OnAnswerOver();

  // What nghttp2 calls; `user` is the Impl.
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                      void* user);
  static int OnFrameBegins(nghttp2_session*, const nghttp2_frame_hd* head, void* user);
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int OnData(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size,
                    void* user);
  static int OnClose(nghttp2_session*, int32_t stream, uint32_t error_code, void* user);
  static int OnError(nghttp2_session*, int, const char* text, size_t size, void* user);
  static ssize_t ReadRequest(nghttp2_session*, int32_t stream, uint8_t* out, size_t size,
                             uint32_t* flags, nghttp2_data_source*, void* user);

  const size_t max_message_bytes;
  nghttp2_session* session = nullptr;
  std::string error;  // nghttp2's words about what the server did wrong
  bool settled = false;
  bool no_more_calls = false;  // the server says so, or a call has been broken off
  bool lost = false;

  // Of the call.
  CallStart start;
  int32_t stream = 0;
  bool ended = true;
  bool unprocessed = false;
  absl::Status status;
  AnswerHeaders answer;
  size_t header_bytes = 0;
  MessageReader reader{0};
  std::deque<std::string> outgoing;
  size_t sent_of_first = 0;
  bool closing = false;   // CloseSending
  bool sent_all = false;  // and the server has been told
  bool deferred = false;  // nghttp2 waits for more to send
};

Connection::Impl::Impl(size_t max_bytes) : max_message_bytes(max_bytes) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, &OnFrameBegins);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &OnFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &OnClose);
  nghttp2_session_callbacks_set_error_callback2(callbacks, &OnError);
  nghttp2_session_client_new(&session, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, kFrameBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderBytes},
  };
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kWindow);
}

void Connection::Impl::End(absl::Status why) {
  if (ended) return;
  ended = true;
  status = std::move(why);
  outgoing.clear();
  start.on_message = nullptr;
}

void Connection::Impl::EndAndReset(absl::Status why, uint32_t error_code) {
  if (ended) return;
  nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, error_code);
  no_more_calls = true;
  End(std::move(why));
}

int Connection::Impl::OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                               size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                               void* user) {
  Impl& self = *static_cast<Impl*>(user);
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  if (frame->hd.stream_id != self.stream || self.ended) return 0;
  self.header_bytes += name_size + value_size + 32;  // as RFC 9113 counts them (6.5.2)
  if (self.header_bytes > kMaxHeaderBytes) {
    self.EndAndReset(absl::ResourceExhaustedError("the answer's headers are too long"),
                     NGHTTP2_ENHANCE_YOUR_CALM);
    return 0;
  }
  self.answer.Add(View(name, name_size), View(value, value_size));
  return 0;
}

// A server may not have seen yet that we take no pushes, and nghttp2 would wait until it has.
int Connection::Impl::OnFrameBegins(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
  if (head->type != NGHTTP2_PUSH_PROMISE) return 0;
  static_cast<Impl*>(user)->error = "the server offers what nobody has asked for";
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

int Connection::Impl::OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  Impl& self = *static_cast<Impl*>(user);
  switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
      if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) self.settled = true;
      break;
    case NGHTTP2_GOAWAY:
      self.no_more_calls = true;
      break;
    case NGHTTP2_HEADERS:
      self.OnHeaders(*frame);
      break;
    case NGHTTP2_DATA:
      if (frame->hd.stream_id == self.stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        self.OnAnswerOver();
      }
      break;
    default:
      break;
  }
  return 0;
}

void Connection::Impl::OnHeaders(const nghttp2_frame& frame) {
  if (frame.hd.stream_id != stream || ended) return;
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) return OnAnswerOver();
  if (absl::Status wrong = answer.Check(); !wrong.ok()) {
    EndAndReset(std::move(wrong), NGHTTP2_CANCEL);
  }
}

// A server that has answered before it was told everything does not want the rest.
void Connection::Impl::OnAnswerOver() {
  if (ended) return;
  absl::Status outcome = answer.Final();
  if (outcome.ok() && !reader.between_messages()) {
    outcome = absl::InternalError("the answer ended within a message");
  }
  if (sent_all) return End(std::move(outcome));
  EndAndReset(std::move(outcome), NGHTTP2_CANCEL);
}

int Connection::Impl::OnData(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data,
                             size_t size, void* user) {
  Impl& self = *static_cast<Impl*>(user);
  if (stream != self.stream || self.ended) return 0;
  absl::Status status = self.reader.Feed(View(data, size), self.start.on_message);
  if (!status.ok()) self.EndAndReset(std::move(status), NGHTTP2_CANCEL);
  return 0;
}

int Connection::Impl::OnClose(nghttp2_session*, int32_t stream, uint32_t error_code, void* user) {
  Impl& self = *static_cast<Impl*>(user);
  if (stream != self.stream || self.ended) return 0;
  self.unprocessed = error_code == NGHTTP2_REFUSED_STREAM;
  self.End(StatusOfReset(error_code));
  return 0;
}

int Connection::Impl::OnError(nghttp2_session*, int, const char* text, size_t size, void* user) {
  static_cast<Impl*>(user)->error.assign(text, size);
  return 0;
}

ssize_t Connection::Impl::ReadRequest(nghttp2_session*, int32_t, uint8_t* out, size_t size,
                                      uint32_t* flags, nghttp2_data_source*, void* user) {
  Impl& self = *static_cast<Impl*>(user);
  size_t filled = 0;
  while (filled < size && !self.outgoing.empty()) {
    const std::string& first = self.outgoing.front();
    const size_t part = std::min(size - filled, first.size() - self.sent_of_first);
    memcpy(out + filled, first.data() + self.sent_of_first, part);
    filled += part;
    self.sent_of_first += part;
    if (self.sent_of_first < first.size()) break;
    self.outgoing.pop_front();
    self.sent_of_first = 0;
  }
  if (self.outgoing.empty() && self.closing) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    self.sent_all = true;
  } else if (filled == 0) {
    self.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(filled);
}

// ---- from outside -------------------------------------------------------------------------------

Connection::Connection(size_t max_message_bytes)
    : impl_(std::make_unique<Impl>(max_message_bytes)) {}

Connection::~Connection() = default;

void Connection::StartCall(CallStart start) {
  Impl& self = *impl_;
  self.start = std::move(start);
  self.ended = self.unprocessed = self.closing = self.sent_all = self.deferred = false;
  self.status = absl::OkStatus();
  self.answer = AnswerHeaders();
  self.header_bytes = self.sent_of_first = 0;
  self.reader = MessageReader(self.max_message_bytes);
  self.outgoing.clear();
  const CallStart& call = self.start;
  const std::string timeout =
      call.timeout == absl::InfiniteDuration() ? "" : TimeoutHeader(call.timeout);
  nghttp2_nv headers[9] = {
      Header(":method", "POST"),    Header(":scheme", call.tls ? "https" : "http"),
      Header(":path", call.path),   Header(":authority", call.authority),
      Header("te", "trailers"),     Header("content-type", "application/grpc"),
      Header("user-agent", "reeve")};
  size_t count = 7;
  if (!timeout.empty()) headers[count++] = Header("grpc-timeout", timeout);
  if (!call.metadata_name.empty()) {  // good for one call: no place in the compressor's table
    headers[count++] = Header(call.metadata_name, call.metadata_value, NGHTTP2_NV_FLAG_NO_INDEX);
  }
  const nghttp2_data_provider body = {.source = {}, .read_callback = &Impl::ReadRequest};
  self.stream = nghttp2_submit_request(self.session, nullptr, headers, count, &body, nullptr);
  if (self.stream < 0) {  // none left of 2^30 numbers, or no memory
    self.End(absl::UnavailableError(nghttp2_strerror(self.stream)));
    self.lost = true;
  }
}

void Connection::Send(std::string_view message) {
  Impl& self = *impl_;
  if (self.ended || self.closing) return;
  self.outgoing.push_back(FrameMessage(message));
  if (std::exchange(self.deferred, false)) nghttp2_session_resume_data(self.session, self.stream);
}

void Connection::CloseSending() {
  Impl& self = *impl_;
  if (self.ended) return;
  self.closing = true;
  if (std::exchange(self.deferred, false)) nghttp2_session_resume_data(self.session, self.stream);
}

void Connection::Cancel(absl::Status why) {
  impl_->EndAndReset(std::move(why), NGHTTP2_CANCEL);
}

void Connection::Receive(std::string_view bytes) {
  Impl& self = *impl_;
  if (self.lost) return;
  const ssize_t taken = nghttp2_session_mem_recv(
      self.session, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (taken >= 0) return;
  Lose(self.error.empty() ? nghttp2_strerror(static_cast<int>(taken)) : self.error);
}

void Connection::TakeOutput(std::string* out) {
  Impl& self = *impl_;
  while (!self.lost && out->size() < kOutputAtOnce) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(self.session, &bytes);
    if (size < 0) Lose(nghttp2_strerror(static_cast<int>(size)));
    if (size <= 0) break;
    out->append(View(bytes, static_cast<size_t>(size)));
  }
  // nghttp2 ends a session after it has told the server what was wrong.
  if (!self.lost && nghttp2_session_want_read(self.session) == 0) {
    Lose(self.error.empty() ? "the server takes no more calls" : self.error);
  }
}

void Connection::Lose(std::string_view why) {
  impl_->lost = true;
  impl_->End(absl::UnavailableError(why.empty() ? "the connection is lost" : ToAbsl(why)));
}

void Connection::Ping() {
  nghttp2_submit_ping(impl_->session, NGHTTP2_FLAG_NONE, nullptr);
}

bool Connection::ended() const {
  return impl_->ended;
}
const absl::Status& Connection::status() const {
  return impl_->status;
}
bool Connection::unprocessed() const {
  return impl_->unprocessed;
}
bool Connection::settled() const {
  return impl_->settled;
}
bool Connection::lost() const {
  return impl_->lost;
}
bool Connection::reusable() const {
  return impl_->ended && !impl_->lost && !impl_->no_more_calls;
}

}  // namespace reeve::http2
