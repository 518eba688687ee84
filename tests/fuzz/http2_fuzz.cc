// What a server says, to a client's connection: it ends its call once, keeps what it takes in
// bounds, and passes only messages that were there.
#include <algorithm>

#include "common/http2/call_status.h"
#include "common/http2/connection.h"
#include "tests/fuzz/check.h"
#include "tests/support/http2_frames.h"

namespace reeve::http2 {
namespace {

using fuzz::Bytes;
using fuzz::Expect;
using namespace reeve::testing;  // NOLINT: frames by many names

constexpr size_t kLimit = 4096;

// One thing that a server may say: a frame in order, a frame of choices, or any bytes.
std::string Say(Bytes& bytes, uint32_t stream) {
  const auto type = static_cast<FrameType>(bytes.Below(11));
  switch (bytes.Below(8)) {
    case 0:
      return Settings(
          {{static_cast<uint16_t>(bytes.Below(8)), static_cast<uint32_t>(bytes.Number())}});
    case 1:
      return AnswerStart(stream);
    case 2:
      return AnswerData(GrpcMessage(bytes.Text()), stream);
    case 3:
      return AnswerData(bytes.Text(), stream);
    case 4:
      return AnswerEnd(std::string(bytes.Take(1)), std::string(bytes.Text()), stream);
    case 5:
      return Frame(type, bytes.Byte(), bytes.Flag() ? stream : bytes.Below(9), bytes.Text());
    case 6:
      return FrameHead(bytes.Number(), type, bytes.Byte(), stream);
    default:
      return std::string(bytes.Text());
  }
}

void Talk(Bytes bytes) {
  Connection connection(kLimit);
  size_t sent = 0;
  for (uint32_t stream = 1; stream < 9 && (stream == 1 || connection.reusable()); stream += 2) {
    size_t received = 0, passed = 0;
    CallStart start;
    start.authority = "localhost";
    start.path = "/x";
    start.timeout = absl::Seconds(1);
    const bool refuses = bytes.Flag();
    start.on_message = [&](const std::string& message) {
      Expect(!connection.ended(), "a message after the end");
      Expect(message.size() <= kLimit, "a message beyond the limit");
      passed += message.size();
      return refuses ? absl::DataLossError("no") : absl::OkStatus();
    };
    connection.StartCall(std::move(start));
    connection.Send(bytes.Text());
    if (bytes.Flag()) connection.CloseSending();
    std::string opening;
    connection.TakeOutput(&opening);
    while (!bytes.empty() && !connection.ended()) {
      const uint32_t choice = bytes.Below(16);
      if (choice == 0) connection.Send(bytes.Text());
      if (choice == 1) connection.CloseSending();
      if (choice == 2) connection.Ping();
      if (choice == 3) connection.Cancel(absl::CancelledError("c"));
      const std::string said = Say(bytes, stream);
      received += said.size();
      const size_t cut = bytes.Below(static_cast<uint32_t>(said.size() + 1));
      connection.Receive(std::string_view(said).substr(0, cut));
      connection.Receive(std::string_view(said).substr(cut));
      std::string out;
      if (choice != 4) connection.TakeOutput(&out);
      sent += out.size();
    }
    Expect(passed <= received, "more came out than went in");
    // It answers what it must and says its own, no more.
    Expect(sent <= 64 * received + 65536, "a flood of answers: ", sent, " for ", received);
    if (!connection.ended()) connection.Lose("the end");
    Expect(connection.ended(), "no end");
    Expect(!connection.lost() || !connection.reusable(), "lost and of use");
  }
}

void Texts(Bytes bytes) {
  const std::string text(bytes.Text());
  Expect(DecodePercent(text).size() <= text.size(), "decoding makes it longer");
  AnswerHeaders answer;
  answer.Add("grpc-status", bytes.Text());
  answer.Add("grpc-message", text);
  answer.Add(":status", bytes.Text());
  answer.Add("content-type", bytes.Text());
  (void)answer.Final();
}

}  // namespace
}  // namespace reeve::http2

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::fuzz::Bytes bytes(data, size);
  if (bytes.Below(16) == 15) {
    reeve::http2::Texts(bytes);
  } else {
    reeve::http2::Talk(bytes);
  }
  return 0;
}
