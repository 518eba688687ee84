#include "common/rpc/throwaway_ca.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/base/text.h"

namespace reeve::rpc {
namespace {

template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;
using Key = Owned<EVP_PKEY>;
using Certificate = Owned<X509>;

constexpr long kBackdate = 3600;  // clocks of hosts differ
constexpr long kLifetime = 10L * 365 * 24 * 3600;
constexpr int kSerialBits = 120;

absl::Status Failed(std::string_view what) {
  char reason[256] = "";
  ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
  return absl::InternalError(StrCat("TLS: ", what, ": ", reason));
}

Key NewKey() {
  return {EVP_EC_gen("P-256"), &EVP_PKEY_free};
}

void SetRandomSerial(X509* certificate) {
  Owned<BIGNUM> number(BN_new(), &BN_free);
  BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

void SetName(X509_NAME* name, const std::string& common_name) {
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.data()),
                             static_cast<int>(common_name.size()), -1, 0);
}

bool AddExtension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()),
                                  &X509_EXTENSION_free);
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// Everything but extensions and signature. A common name has 64 characters at most.
Certificate Draft(EVP_PKEY* key, const std::string& name) {
  Certificate certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  SetRandomSerial(certificate.get());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kBackdate);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kLifetime);
  X509_set_pubkey(certificate.get(), key);
  SetName(X509_get_subject_name(certificate.get()), name.substr(0, 64));
  return certificate;
}

absl::StatusOr<KeyPair> ToPem(X509* certificate, EVP_PKEY* key) {
  const auto text_of = [](BIO* memory) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory, &bytes);
    return std::string(bytes, static_cast<size_t>(size));
  };
  Owned<BIO> cert(BIO_new(BIO_s_mem()), &BIO_free_all), secret(BIO_new(BIO_s_mem()), &BIO_free_all);
  if (PEM_write_bio_X509(cert.get(), certificate) != 1 ||
      PEM_write_bio_PrivateKey(secret.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return Failed("cannot write a certificate");
  }
  return KeyPair{text_of(cert.get()), text_of(secret.get())};
}

}  // namespace

struct ThrowawayCa::Parts {
  Certificate certificate;
  Key key;
};

ThrowawayCa::ThrowawayCa(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ThrowawayCa::~ThrowawayCa() = default;
ThrowawayCa::ThrowawayCa(ThrowawayCa&&) noexcept = default;

absl::StatusOr<ThrowawayCa> ThrowawayCa::Make() {
  Key key = NewKey();
  if (key == nullptr) return Failed("cannot make a key");
  Certificate certificate = Draft(key.get(), "Reeve throwaway CA");
  X509* ca = certificate.get();
  X509_set_issuer_name(ca, X509_get_subject_name(ca));
  if (!AddExtension(ca, ca, NID_basic_constraints, "critical,CA:TRUE") ||
      !AddExtension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(ca, ca, NID_subject_key_identifier, "hash") ||
      X509_sign(ca, key.get(), EVP_sha256()) == 0) {
    return Failed("cannot make a CA");
  }
  return ThrowawayCa(std::make_unique<Parts>(Parts{std::move(certificate), std::move(key)}));
}

absl::StatusOr<ThrowawayCa> ThrowawayCa::Read(const KeyPair& pair) {
  const auto memory = [](const std::string& text) {
    return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free_all);
  };
  Certificate certificate(PEM_read_bio_X509(memory(pair.cert_pem).get(), nullptr, nullptr, nullptr),
                          &X509_free);
  Key key(PEM_read_bio_PrivateKey(memory(pair.key_pem).get(), nullptr, nullptr, nullptr),
          &EVP_PKEY_free);
  if (certificate == nullptr || key == nullptr) return Failed("unreadable CA");
  return ThrowawayCa(std::make_unique<Parts>(Parts{std::move(certificate), std::move(key)}));
}

absl::StatusOr<KeyPair> ThrowawayCa::Own() const {
  return ToPem(parts_->certificate.get(), parts_->key.get());
}

absl::StatusOr<KeyPair> ThrowawayCa::Issue(const std::string& name) const {
  Key key = NewKey();
  if (key == nullptr) return Failed("cannot make a key");
  Certificate certificate = Draft(key.get(), name);
  X509* ca = parts_->certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(ca));
  if (!AddExtension(certificate.get(), ca, NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(certificate.get(), ca, NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(certificate.get(), ca, NID_ext_key_usage, "serverAuth") ||
      !AddExtension(certificate.get(), ca, NID_subject_alt_name, StrCat("DNS:", name)) ||
      X509_sign(certificate.get(), parts_->key.get(), EVP_sha256()) == 0) {
    return Failed(StrCat("cannot issue a certificate for ", name));
  }
  return ToPem(certificate.get(), key.get());
}

}  // namespace reeve::rpc
