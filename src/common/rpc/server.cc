#include "common/rpc/server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "common/base/text.h"
#include "common/os/log.h"
#include "common/rpc/call_names.h"
#include "common/rpc/grpc_util.h"
#include "common/rpc/listener.h"
#include "common/rpc/server_reactor.h"

namespace reeve::rpc {
namespace {

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

Listener::Limits ConnectionLimits(const Limits& limits) {
  Listener::Limits out{limits.max_connections, limits.max_connections_of_peer};
  if (out.all == 0) out.all = Listener::RoomForConnections();
  if (out.of_peer == 0) out.of_peer = std::max<size_t>(out.all / 2, 1);
  return out;
}

std::shared_ptr<grpc::ServerCredentials> Credentials(const std::optional<KeyPair>& tls) {
  if (!tls.has_value()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options;  // no certificate of the client's: MUNGE tells who
  options.pem_key_cert_pairs.push_back({tls->key_pem, tls->cert_pem});
  return grpc::SslServerCredentials(options);
}

void Limit(const Limits& limits, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(limits.max_message_bytes);
  builder->SetMaxSendMessageSize(-1);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits.max_calls_of_connection);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Milliseconds(limits.idle));
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(limits.handshake));
  // A peer that has gone without a word is found while a call of it is open.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
  // Scripts are small: no pings to find out how much fits into a connection, of which there is one
  // for each node, but room enough for one that comes from far away.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 256 << 10);
}

}  // namespace

bool Call::Parse(google::protobuf::MessageLite* request_message) {
  if (request_message->ParseFromString(request())) return true;
  Finish(absl::InvalidArgumentError("unreadable request"));
  return false;
}

struct Server::Impl : grpc::CallbackGenericService {
  explicit Impl(Options given)
      : options(std::move(given)), parts(options.munge, options.trust, options.limits) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    auto found = methods.find(ShortMethod(context->method()));
    return NewServerReactor(context, found == methods.end() ? nullptr : &found->second, parts);
  }

  void Add(std::string_view name, Method method) {
    method.name = std::string(name);
    method.rule = FindRule(name);
    if (method.rule == nullptr) {
      os::LogError(StrCat("RPC ", name, " has no line in the authorization table"));
      std::abort();
    }
    methods.emplace(method.name, std::move(method));
  }

  const Options options;
  ServerParts parts;
  std::map<std::string, Method, std::less<>> methods;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
  std::unique_ptr<Listener> listener;
};

Server::Server(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Server::~Server() {
  Stop();
}

void Server::Handle(std::string_view method, UnaryHandler handler) {
  impl_->Add(method, Method{.unary = std::move(handler)});
}

void Server::HandleStream(std::string_view method, StreamHandler handler) {
  impl_->Add(method, Method{.stream = std::move(handler)});
}

absl::Status Server::Start() {
  PrepareGrpc();
  const Limits& limits = impl_->options.limits;
  absl::StatusOr<std::unique_ptr<Listener>> listener =
      Listener::Open(impl_->options.listen, ConnectionLimits(limits));
  if (!listener.ok()) return listener.status();
  grpc::ServerBuilder builder;
  impl_->acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      Credentials(impl_->options.tls));
  Limit(limits, &builder);
  builder.RegisterCallbackGenericService(impl_.get());
  impl_->server = builder.BuildAndStart();
  if (impl_->server == nullptr) return absl::UnavailableError("cannot start the RPC server");
  impl_->listener = *std::move(listener);
  impl_->listener->Start([acceptor = impl_->acceptor.get()](int listening, int connection) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
    parameters.listener_fd = listening;
    parameters.fd = connection;
    acceptor->HandleNewConnection(&parameters);
  });
  return absl::OkStatus();
}

void Server::Stop() {
  if (impl_->server == nullptr) return;
  impl_->listener.reset();
  impl_->parts.queue.Stop();
  impl_->server->Shutdown(std::chrono::system_clock::now());
  impl_->server->Wait();
  impl_->server.reset();
}

void Server::SetTrust(Trust trust) {
  impl_->parts.trust.Set(std::move(trust));
}

void Server::SetRate(RateLimit rate) {
  impl_->parts.admission.SetRate(rate);
}

}  // namespace reeve::rpc
