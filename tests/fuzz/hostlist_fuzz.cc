// Host lists: expansion is bounded, and compressing and expanding again loses nothing.
#include <algorithm>
#include <set>

#include "common/base/hostlist.h"
#include "tests/fuzz/check.h"

namespace reeve {
namespace {

using fuzz::Expect;
using Hosts = std::vector<std::string>;

Hosts Expanded(const std::string& text, std::string_view from) {
  absl::StatusOr<Hosts> hosts = ExpandHostlist(text);
  Expect(hosts.ok(), "what was made of '", from, "' does not expand: ", text);
  return *std::move(hosts);
}

void CheckOrder(const Hosts& hosts) {
  const size_t count = std::min<size_t>(hosts.size(), 8);
  for (size_t i = 0; i < count; ++i) {
    Expect(!HostLess(hosts[i], hosts[i]), hosts[i], " is less than itself");
    for (size_t j = 0; j < count; ++j) {
      const bool less = HostLess(hosts[i], hosts[j]), more = HostLess(hosts[j], hosts[i]);
      Expect(hosts[i] == hosts[j] ? !less && !more : less != more, hosts[i], " and ", hosts[j],
             " have no order");
      for (size_t k = 0; k < count; ++k) {
        Expect(!less || !HostLess(hosts[j], hosts[k]) || HostLess(hosts[i], hosts[k]),
               "no transitive order: ", hosts[i], " ", hosts[j], " ", hosts[k]);
      }
    }
  }
}

void Check(std::string_view text) {
  absl::StatusOr<Hosts> hosts = ExpandHostlist(text);
  if (!hosts.ok()) return fuzz::ExpectNames(hosts.status(), text);
  Expect(hosts->size() <= kMaxHosts, hosts->size(), " hosts of '", text, "'");
  for (const std::string& host : *hosts) Expect(IsHostName(host), "'", host, "' is no host name");
  CheckOrder(*hosts);

  Expect(Expanded(CompressHostlistInOrder(*hosts), text) == *hosts, "order is lost of ", text);
  const std::string folded = CompressHostlist(*hosts);
  const Hosts again = Expanded(folded, text);
  Expect(std::set(again.begin(), again.end()) == std::set(hosts->begin(), hosts->end()),
         "a host is lost or won: ", text, " became ", folded);
  Expect(std::set(again.begin(), again.end()).size() == again.size(), "twice in ", folded);
  Expect(CompressHostlist(again) == folded, folded, " folds into something else");
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
