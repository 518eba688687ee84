#include "cli/cluster/certificates.h"

#include "common/base/text.h"
#include "common/os/fd.h"
#include "common/rpc/throwaway_ca.h"

namespace reeve::cluster {
namespace {

struct Files {
  std::string cert;
  std::string key;
};
Files FilesOf(const Layout& layout, const std::string& name) {
  const std::string base = StrCat(layout.TlsDir(), "/", name);
  return {base + "_cert.pem", base + "_cert_key.pem"};
}

// The key first: where there is a certificate, there is its key.
absl::Status WritePair(const Files& files, const rpc::KeyPair& pair) {
  absl::Status status = os::WriteFileAtomically(files.key, pair.key_pem, 0600);
  if (!status.ok()) return status;
  return os::WriteFileAtomically(files.cert, pair.cert_pem, 0644);
}

absl::StatusOr<rpc::ThrowawayCa> ReadOrMakeCa(const Files& files) {
  if (os::PathExists(files.cert)) {
    absl::StatusOr<std::string> cert = os::ReadFile(files.cert);
    if (!cert.ok()) return cert.status();
    absl::StatusOr<std::string> key = os::ReadFile(files.key);
    if (!key.ok()) return key.status();
    return rpc::ThrowawayCa::Read({*cert, *key});
  }
  absl::StatusOr<rpc::ThrowawayCa> ca = rpc::ThrowawayCa::Make();
  if (!ca.ok()) return ca.status();
  absl::StatusOr<rpc::KeyPair> own = ca->Own();
  if (!own.ok()) return own.status();
  if (absl::Status status = WritePair(files, *own); !status.ok()) return status;
  return ca;
}

}  // namespace

absl::Status EnsureCertificates(const Layout& layout, const Config& config) {
  const Files ca_files = FilesOf(layout, "ca");
  if (!config.tls.enabled || rpc::CaCertFile(config) != ca_files.cert) return absl::OkStatus();
  if (absl::Status made = os::EnsureDirectory(layout.TlsDir(), 0700); !made.ok()) return made;
  absl::StatusOr<rpc::ThrowawayCa> ca = ReadOrMakeCa(ca_files);
  if (!ca.ok()) return ca.status();
  std::vector<std::pair<std::string, std::string>> wanted = {{"ctld", rpc::ControllerName(config)},
                                                             {"dbd", rpc::AccountingName(config)}};
  for (const NodeConfig& node : config.nodes) wanted.emplace_back(node.name, node.hostname);
  for (const auto& [file, name] : wanted) {
    const Files files = FilesOf(layout, file);
    if (os::PathExists(files.cert)) continue;
    absl::StatusOr<rpc::KeyPair> pair = ca->Issue(name);
    if (!pair.ok()) return pair.status();
    if (absl::Status status = WritePair(files, *pair); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace reeve::cluster
