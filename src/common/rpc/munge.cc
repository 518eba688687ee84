#include "common/rpc/munge.h"

#include <munge.h>

#include <memory>

#include "common/base/text.h"

namespace reeve::rpc {
namespace {

struct ContextDeleter {
  void operator()(munge_ctx_t context) const { munge_ctx_destroy(context); }
};
using Context = std::unique_ptr<munge_ctx, ContextDeleter>;

Context MakeContext(const std::string& socket) {
  Context context(munge_ctx_create());
  if (context && !socket.empty()) munge_ctx_set(context.get(), MUNGE_OPT_SOCKET, socket.c_str());
  return context;
}

bool IsAway(munge_err_t error) {
  return error == EMUNGE_SOCKET || error == EMUNGE_TIMEOUT;
}

absl::Status Away(const std::string& socket, munge_ctx_t context) {
  const char* detail = context != nullptr ? munge_ctx_strerror(context) : nullptr;
  return absl::UnavailableError(StrCat(
      "munged does not answer on ", socket.empty() ? "its default socket" : socket,
      detail != nullptr ? StrCat(" (", detail, ")") : "", "; start it, or run `reeve doctor`"));
}

}  // namespace

absl::StatusOr<std::string> Munge::Encode(std::string_view payload,
                                          std::optional<uid_t> only_uid) const {
  Context context = MakeContext(socket_);
  if (!context) return absl::ResourceExhaustedError("munge: out of memory");
  if (only_uid.has_value()) {
    munge_ctx_set(context.get(), MUNGE_OPT_UID_RESTRICTION, *only_uid);
  }
  char* credential = nullptr;
  munge_err_t error =
      munge_encode(&credential, context.get(), payload.data(), static_cast<int>(payload.size()));
  std::unique_ptr<char, decltype(&free)> owned(credential, &free);
  if (IsAway(error)) return Away(socket_, context.get());
  if (error != EMUNGE_SUCCESS) {
    return absl::InternalError(StrCat("munge: ", munge_strerror(error)));
  }
  return std::string(credential);
}

absl::StatusOr<Credential> Munge::Decode(const std::string& credential) const {
  Context context = MakeContext(socket_);
  if (!context) return absl::ResourceExhaustedError("munge: out of memory");
  void* payload = nullptr;
  int length = 0;
  Credential result;
  munge_err_t error = munge_decode(credential.c_str(), context.get(), &payload, &length,
                                   &result.identity.uid, &result.identity.gid);
  std::unique_ptr<void, decltype(&free)> owned(payload, &free);
  if (IsAway(error)) return Away(socket_, context.get());
  if (error != EMUNGE_SUCCESS) {
    // The payload of a replayed or expired credential is readable; it must not be believed.
    return absl::UnauthenticatedError(StrCat("credential refused: ", munge_strerror(error)));
  }
  result.payload.assign(static_cast<const char*>(payload), static_cast<size_t>(length));
  time_t encoded = 0;
  if (munge_ctx_get(context.get(), MUNGE_OPT_ENCODE_TIME, &encoded) == EMUNGE_SUCCESS) {
    result.encoded_at = absl::FromTimeT(encoded);
  }
  return result;
}

}  // namespace reeve::rpc
