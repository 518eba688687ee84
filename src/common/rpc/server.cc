#include "common/rpc/server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/server_builder.h>

#include <cstdlib>
#include <cstring>
#include <map>

#include "common/base/text.h"
#include "common/os/log.h"
#include "common/rpc/grpc_util.h"
#include "common/rpc/server_reactor.h"

namespace reeve::rpc {

bool Call::Parse(google::protobuf::MessageLite* request_message) {
  if (request_message->ParseFromString(request())) return true;
  Finish(absl::InvalidArgumentError("unreadable request"));
  return false;
}

struct Server::Impl : grpc::CallbackGenericService {
  explicit Impl(Options given) : options(std::move(given)) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    auto found = methods.find(ShortMethod(context->method()));
    return NewServerReactor(context, found == methods.end() ? nullptr : &found->second,
                            options.munge, options.trust);
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

  Options options;
  std::map<std::string, Method, std::less<>> methods;
  std::unique_ptr<grpc::Server> server;
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
  ChooseResolver();
  grpc::ServerBuilder builder;
  std::vector<int> ports(impl_->options.listen.size(), 0);
  for (size_t i = 0; i < ports.size(); ++i) {
    builder.AddListeningPort(impl_->options.listen[i], grpc::InsecureServerCredentials(),
                             &ports[i]);
  }
  builder.SetMaxReceiveMessageSize(impl_->options.max_message_bytes);
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second daemon must notice the first
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
  builder.RegisterCallbackGenericService(impl_.get());
  errno = 0;
  impl_->server = builder.BuildAndStart();
  for (size_t i = 0; i < ports.size(); ++i) {
    if (impl_->server != nullptr && ports[i] != 0) continue;
    if (ports[i] != 0) continue;
    impl_->server.reset();
    return absl::UnavailableError(StrCat("cannot listen on ", impl_->options.listen[i],
                                         ": is another daemon running there?"));
  }
  if (impl_->server == nullptr) return absl::UnavailableError("cannot start the RPC server");
  return absl::OkStatus();
}

void Server::Stop() {
  if (impl_->server == nullptr) return;
  impl_->server->Shutdown(std::chrono::system_clock::now());
  impl_->server->Wait();
  impl_->server.reset();
}

}  // namespace reeve::rpc
