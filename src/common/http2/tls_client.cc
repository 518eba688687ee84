#include "common/http2/tls_client.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/base/text.h"

namespace reeve::http2 {
namespace {

constexpr unsigned char kAlpn[] = {2, 'h', '2'};
constexpr size_t kPiece = 16 << 10;

// The reason of the first error that OpenSSL has kept; the rest of them go.
std::string Reason() {
  const unsigned long error = ERR_get_error();  // NOLINT: OpenSSL's type
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "the connection is broken";
}

}  // namespace

struct TlsTrust::Parts {
  ~Parts() { SSL_CTX_free(context); }
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
};

TlsTrust::TlsTrust(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TlsTrust::~TlsTrust() = default;

absl::StatusOr<std::shared_ptr<const TlsTrust>> TlsTrust::FromPem(const std::string& ca_pem) {
  auto parts = std::make_unique<Parts>();
  SSL_CTX* context = parts->context;
  if (context == nullptr) return absl::ResourceExhaustedError(StrCat("TLS: ", Reason()));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context, kAlpn, sizeof kAlpn);  // 0 is success
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  // Each certificate of the file is trusted as it is, whoever made it.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
  const std::unique_ptr<BIO, void (*)(BIO*)> text(
      BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())), &BIO_free_all);
  int count = 0;
  while (X509* certificate = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)) {
    count += X509_STORE_add_cert(store, certificate);
    X509_free(certificate);
  }
  ERR_clear_error();  // the end of the file is one
  if (count == 0) return absl::InvalidArgumentError("TLS: there is no certificate in PEM form");
  return std::shared_ptr<const TlsTrust>(new TlsTrust(std::move(parts)));
}

struct TlsClient::Impl {
  ~Impl() { SSL_free(ssl); }  // and its two memories

  absl::Status Handshake();
  absl::Status Failure(std::string_view what) const;

  std::shared_ptr<const TlsTrust> trust;
  std::string name;
  SSL* ssl = nullptr;
  BIO* incoming = BIO_new(BIO_s_mem());
  BIO* outgoing = BIO_new(BIO_s_mem());
  bool ready = false;
  bool closed = false;
};

absl::Status TlsClient::Impl::Failure(std::string_view what) const {
  const long verified = SSL_get_verify_result(ssl);  // NOLINT: OpenSSL's type
  const std::string reason =
      verified == X509_V_OK ? Reason()
                            : StrCat("the certificate of '", name,
                                     "' is refused: ", X509_verify_cert_error_string(verified));
  ERR_clear_error();
  return absl::UnavailableError(StrCat("TLS: ", what, reason));
}

absl::Status TlsClient::Impl::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl);
  if (result != 1) {
    const int error = SSL_get_error(ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return absl::OkStatus();
    return Failure("");
  }
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  if (std::string_view(reinterpret_cast<const char*>(protocol), size) != "h2") {
    return absl::UnavailableError("TLS: the server does not speak HTTP/2");
  }
  ready = true;
  return absl::OkStatus();
}

TlsClient::TlsClient(std::shared_ptr<const TlsTrust> trust, const std::string& name)
    : impl_(std::make_unique<Impl>()) {
  Impl& self = *impl_;
  self.trust = std::move(trust);
  self.name = name;
  self.ssl = SSL_new(self.trust->parts().context);
  SSL_set_bio(self.ssl, self.incoming, self.outgoing);
  SSL_set_connect_state(self.ssl);
  X509_VERIFY_PARAM* wanted = SSL_get0_param(self.ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) != 1) {
    X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size());
    SSL_set_tlsext_host_name(self.ssl, name.c_str());
  }
  (void)self.Handshake();  // puts the first message into `outgoing`; nothing can be wrong yet
}

TlsClient::~TlsClient() = default;

absl::Status TlsClient::Receive(std::string_view bytes, std::string* plain) {
  Impl& self = *impl_;
  BIO_write(self.incoming, bytes.data(), static_cast<int>(bytes.size()));
  if (!self.ready) {
    if (absl::Status status = self.Handshake(); !status.ok() || !self.ready) return status;
  }
  char piece[kPiece];
  for (;;) {
    ERR_clear_error();
    const int got = SSL_read(self.ssl, piece, sizeof piece);
    if (got > 0) {
      plain->append(piece, static_cast<size_t>(got));
      continue;
    }
    const int error = SSL_get_error(self.ssl, got);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return absl::OkStatus();
    if (error != SSL_ERROR_ZERO_RETURN) return self.Failure("");
    self.closed = true;
    return absl::OkStatus();
  }
}

absl::Status TlsClient::Send(std::string_view plain) {
  ERR_clear_error();
  // A memory takes everything.
  if (SSL_write(impl_->ssl, plain.data(), static_cast<int>(plain.size())) > 0) {
    return absl::OkStatus();
  }
  return impl_->Failure("");
}

void TlsClient::TakeOutput(std::string* out) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(impl_->outgoing, &bytes);  // NOLINT: OpenSSL's type
  if (size > 0) out->append(bytes, static_cast<size_t>(size));
  (void)BIO_reset(impl_->outgoing);
}

bool TlsClient::ready() const {
  return impl_->ready;
}
bool TlsClient::closed() const {
  return impl_->closed;
}

}  // namespace reeve::http2
