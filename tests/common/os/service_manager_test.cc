#include "common/os/service_manager.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>

#include "common/os/fd.h"

namespace reeve::os {
namespace {

// A service manager's end: an abstract socket of this test's own.
class ServiceManager {
 public:
  ServiceManager() : name_("@reeve-notify-" + std::to_string(getpid())) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path + 1, name_.data() + 1, name_.size() - 1);
    const socklen_t length = offsetof(sockaddr_un, sun_path) + name_.size();
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  }
  const std::string& name() const { return name_; }
  std::string Receive() {
    char buffer[256];
    const ssize_t size = recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    return size < 0 ? "" : std::string(buffer, size);
  }

 private:
  UniqueFd fd_{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  std::string name_;
};

TEST(ServiceManagerTest, SaysReadyToTheSocketThatIsNamed) {
  ServiceManager manager;
  setenv("NOTIFY_SOCKET", manager.name().c_str(), 1);
  NotifyReady();
  EXPECT_EQ(manager.Receive(), "READY=1");
  EXPECT_EQ(manager.Receive(), "");
  unsetenv("NOTIFY_SOCKET");
  NotifyReady();
  EXPECT_EQ(manager.Receive(), "");
}

TEST(ServiceManagerTest, AbsentOrWrongSocketIsNoFailure) {
  unsetenv("NOTIFY_SOCKET");
  NotifyReady();
  setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
  NotifyReady();
  setenv("NOTIFY_SOCKET", std::string(200, 'x').c_str(), 1);
  NotifyReady();
  unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace reeve::os
