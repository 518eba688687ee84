#include "common/rpc/tls.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <memory>

#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::rpc {
namespace {

constexpr std::string_view kDefaultFolder = "/etc/reeve";

std::string FileOf(const Config& config, const std::string& given, std::string_view name) {
  if (!given.empty()) return given;
  const size_t slash = config.path.rfind('/');
  if (slash != config.path.npos) {
    std::string beside = StrCat(config.path.substr(0, slash + 1), name);
    if (os::PathExists(beside)) return beside;
  }
  return StrCat(kDefaultFolder, "/", name);
}

absl::Status Wrong(const std::string& file, std::string_view why) {
  return absl::FailedPreconditionError(StrCat("TLS: ", file, ": ", why));
}

absl::StatusOr<std::string> ReadPem(const std::string& file) {
  absl::StatusOr<std::string> text = os::ReadFile(file, 1 << 20);
  if (!text.ok()) return Annotate(text.status(), "TLS");
  return text;
}

// A key that others may read is no secret.
absl::Status CheckKeyRights(const std::string& file) {
  struct stat info;
  if (stat(file.c_str(), &info) == 0 && (info.st_mode & S_IRWXO) != 0) {
    return Wrong(file, "others may read or write this key; use mode 0600");
  }
  return absl::OkStatus();
}

template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

Owned<BIO> MemoryOf(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free_all};
}

absl::Status CheckPair(const KeyPair& pair, const std::string& cert_file,
                       const std::string& key_file, const std::string& name) {
  Owned<BIO> cert_text = MemoryOf(pair.cert_pem);
  Owned<X509> cert(PEM_read_bio_X509(cert_text.get(), nullptr, nullptr, nullptr), &X509_free);
  if (cert == nullptr) return Wrong(cert_file, "is no certificate in PEM form");
  Owned<BIO> key_text = MemoryOf(pair.key_pem);
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr),
                      &EVP_PKEY_free);
  if (key == nullptr) return Wrong(key_file, "is no private key in PEM form");
  if (X509_check_private_key(cert.get(), key.get()) != 1) {
    return Wrong(cert_file, StrCat("does not belong to the key in ", key_file));
  }
  if (X509_cmp_current_time(X509_get0_notAfter(cert.get())) < 0) {
    return Wrong(cert_file, "has expired");
  }
  if (X509_check_host(cert.get(), name.data(), name.size(), 0, nullptr) != 1) {
    return Wrong(cert_file,
                 StrCat("is not for '", name, "': its subjectAltName must have DNS:", name));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<KeyPair>> Load(const Config& config, const std::string& cert_file,
                                            const std::string& key_file, const std::string& name) {
  if (!config.tls.enabled) return std::optional<KeyPair>();
  absl::StatusOr<std::string> cert = ReadPem(cert_file);
  if (!cert.ok()) return cert.status();
  absl::StatusOr<std::string> key = ReadPem(key_file);
  if (!key.ok()) return key.status();
  if (absl::Status status = CheckKeyRights(key_file); !status.ok()) return status;
  KeyPair pair{*std::move(cert), *std::move(key)};
  if (absl::Status status = CheckPair(pair, cert_file, key_file, name); !status.ok()) return status;
  return std::optional<KeyPair>(std::move(pair));
}

}  // namespace

std::string CaCertFile(const Config& config) {
  return config.tls.enabled ? FileOf(config, config.tls.ca_cert_file, "ca_cert.pem") : "";
}

std::string ControllerName(const Config& config) {
  return config.controllers.empty() ? "localhost" : config.controllers.front().host;
}

std::string AccountingName(const Config& config) {
  const bool same_host = config.accounting_host.empty() || config.accounting_host == "localhost";
  return same_host ? ControllerName(config) : config.accounting_host;
}

absl::StatusOr<std::optional<KeyPair>> ControllerKeyPair(const Config& config) {
  return Load(config, FileOf(config, config.tls.ctld_cert_file, "ctld_cert.pem"),
              FileOf(config, config.tls.ctld_cert_key_file, "ctld_cert_key.pem"),
              ControllerName(config));
}

absl::StatusOr<std::optional<KeyPair>> AccountingKeyPair(const Config& config) {
  return Load(config, FileOf(config, config.tls.dbd_cert_file, "dbd_cert.pem"),
              FileOf(config, config.tls.dbd_cert_key_file, "dbd_cert_key.pem"),
              AccountingName(config));
}

absl::StatusOr<std::optional<KeyPair>> NodeKeyPair(const Config& config, const NodeConfig& node) {
  const auto expand = [&node](const std::string& path) {
    return ExpandNodePath(path, node.name, node.hostname);
  };
  return Load(config, FileOf(config, expand(config.tls.slurmd_cert_file), "slurmd_cert.pem"),
              FileOf(config, expand(config.tls.slurmd_cert_key_file), "slurmd_cert_key.pem"),
              node.hostname);
}

}  // namespace reeve::rpc
