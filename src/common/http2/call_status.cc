#include "common/http2/call_status.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <charconv>

#include "common/base/text.h"

namespace reeve::http2 {
namespace {

constexpr int64_t kMostTimeout = 99'999'999;
constexpr int kLastCode = static_cast<int>(absl::StatusCode::kUnauthenticated);

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

absl::StatusCode CodeOfHttp(std::string_view status) {
  if (status == "400") return absl::StatusCode::kInternal;
  if (status == "401") return absl::StatusCode::kUnauthenticated;
  if (status == "403") return absl::StatusCode::kPermissionDenied;
  if (status == "404") return absl::StatusCode::kUnimplemented;
  if (status == "429" || status == "502" || status == "503" || status == "504") {
    return absl::StatusCode::kUnavailable;
  }
  return absl::StatusCode::kUnknown;
}

// The numbers of gRPC's codes are those of Abseil's; one that is none of them is Unknown.
absl::StatusCode CodeOfGrpc(std::string_view text) {
  int code = -1;
  const char* const end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, code);
  if (error != std::errc() || rest != end || code < 0 || code > kLastCode) {
    return absl::StatusCode::kUnknown;
  }
  return static_cast<absl::StatusCode>(code);
}

}  // namespace

std::string TimeoutHeader(absl::Duration timeout) {
  const int64_t milliseconds =
      absl::ToInt64Milliseconds(absl::Ceil(timeout, absl::Milliseconds(1)));
  if (milliseconds <= kMostTimeout) return StrCat(std::max<int64_t>(milliseconds, 1), "m");
  return StrCat(std::min(milliseconds / 1000, kMostTimeout), "S");
}

std::string DecodePercent(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                        HexDigit(text[i + 2]) >= 0;
    if (!escape) {
      decoded.push_back(text[i]);
      continue;
    }
    decoded.push_back(static_cast<char>(HexDigit(text[i + 1]) << 4 | HexDigit(text[i + 2])));
    i += 2;
  }
  return decoded;
}

absl::Status StatusOfReset(uint32_t error_code) {
  const std::string text = StrCat("the call was reset: ", nghttp2_http2_strerror(error_code));
  switch (error_code) {
    case NGHTTP2_REFUSED_STREAM:
      return absl::UnavailableError(text);
    case NGHTTP2_CANCEL:
      return absl::CancelledError(text);
    case NGHTTP2_ENHANCE_YOUR_CALM:
      return absl::ResourceExhaustedError(text);
    case NGHTTP2_INADEQUATE_SECURITY:
      return absl::PermissionDeniedError(text);
    default:
      return absl::InternalError(text);
  }
}

void AnswerHeaders::Add(std::string_view name, std::string_view value) {
  if (name == ":status") {
    if (!value.starts_with('1')) http_status_ = value;  // else the answer is still to come
  } else if (name == "content-type") {
    content_type_ = value;
  } else if (name == "grpc-status") {
    grpc_status_ = value;
  } else if (name == "grpc-message") {
    grpc_message_ = value;
  }
}

absl::Status AnswerHeaders::Check() const {
  // A server of gRPC says 200 whatever becomes of the call; others (proxies) speak for themselves.
  if (!http_status_.empty() && http_status_ != "200" && grpc_status_.empty()) {
    return absl::Status(CodeOfHttp(http_status_), StrCat("the answer is HTTP ", http_status_));
  }
  if (!content_type_.empty() && !content_type_.starts_with("application/grpc")) {
    return absl::UnknownError(
        StrCat("the answer is not gRPC: its content-type is ", content_type_));
  }
  return absl::OkStatus();
}

absl::Status AnswerHeaders::Final() const {
  if (absl::Status status = Check(); !status.ok()) return status;
  if (grpc_status_.empty()) return absl::UnknownError("the answer ended without a status");
  const std::string message = DecodePercent(grpc_message_);
  return absl::Status(CodeOfGrpc(grpc_status_), message);
}

}  // namespace reeve::http2
