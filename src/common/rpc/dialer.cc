#include "common/rpc/dialer.h"

#include <utility>

#include "common/base/text.h"
#include "common/os/boot_clock.h"
#include "common/os/fd.h"
#include "common/rpc/call_names.h"

namespace reeve::rpc {
namespace {

constexpr size_t kMostKept = 4;
// A daemon closes what is idle for two minutes (server_limits.h): before that, nobody is about to.
constexpr absl::Duration kMostIdle = absl::Minutes(1);

absl::StatusOr<std::shared_ptr<const http2::TlsTrust>> TrustIn(const std::string& ca_cert_file) {
  absl::StatusOr<std::string> ca = os::ReadFile(ca_cert_file, 1 << 20);
  if (!ca.ok()) return Annotate(ca.status(), "TLS");
  absl::StatusOr<std::shared_ptr<const http2::TlsTrust>> trust = http2::TlsTrust::FromPem(*ca);
  if (!trust.ok()) return Annotate(trust.status(), ca_cert_file);
  return trust;
}

}  // namespace

Dialer::Dialer(Target target) : target_(std::move(target)) {
  absl::StatusOr<http2::Address> address = http2::ParseAddress(target_.address);
  broken_ = address.status();
  if (!broken_.ok()) return;
  address_ = *std::move(address);
  if (target_.ca_cert_file.empty()) return;
  absl::StatusOr<std::shared_ptr<const http2::TlsTrust>> trust = TrustIn(target_.ca_cert_file);
  broken_ = trust.status();
  if (broken_.ok()) trust_ = *std::move(trust);
}

http2::CallStart Dialer::StartOf(std::string_view method, std::string credential) const {
  http2::CallStart start;
  start.tls = trust_ != nullptr;
  start.authority = !target_.name.empty()        ? target_.name
                    : address_.unix_path.empty() ? target_.address
                                                 : "localhost";
  start.path = FullMethod(method);
  start.metadata_name = kCredentialKey;
  start.metadata_value = std::move(credential);
  return start;
}

absl::StatusOr<std::vector<http2::SocketAddress>> Dialer::Resolve() const {
  return http2::Resolve(address_);
}

absl::StatusOr<std::unique_ptr<http2::Link>> Dialer::Connect(
    const std::vector<http2::SocketAddress>& addresses, const http2::Patience& patience) const {
  absl::StatusOr<std::unique_ptr<http2::Link>> link = http2::Link::Connect(addresses, patience);
  // The daemon may be known by an address or a Unix socket; its certificate has a name.
  if (link.ok() && trust_ != nullptr) {
    (*link)->UseTls(trust_, target_.name.empty() ? address_.host : target_.name);
  }
  return link;
}

absl::StatusOr<std::unique_ptr<http2::Link>> Dialer::Dial(const http2::Patience& patience) const {
  absl::StatusOr<std::vector<http2::SocketAddress>> addresses = Resolve();
  if (!addresses.ok()) return addresses.status();
  return Connect(*addresses, patience);
}

std::unique_ptr<http2::Link> Dialer::TakeKept() {
  std::lock_guard lock(mutex_);
  while (!kept_.empty()) {
    std::unique_ptr<http2::Link> link = std::move(kept_.back());
    kept_.pop_back();
    if (os::BootClockNow() - link->heard_at() < kMostIdle && link->Refresh()) return link;
  }
  return nullptr;
}

void Dialer::Keep(std::unique_ptr<http2::Link> link) {
  std::lock_guard lock(mutex_);
  if (kept_.size() < kMostKept) kept_.push_back(std::move(link));
}

void Dialer::ForgetKept() {
  std::lock_guard lock(mutex_);
  kept_.clear();
}

}  // namespace reeve::rpc
