#include "ctld/core/connection_order.h"

#include <algorithm>

namespace reeve::ctld {
namespace {

constexpr size_t kMaxPastBoots = 8;

}  // namespace

bool ConnectionOrder::Admit(const NodeRegistered& registration, bool connected) {
  if (registration.boot_id == boot_id_) {
    if (registration.opened < opened_) return false;
    if (connected && registration.daemon_start_time < started_) return false;
  } else {
    const auto past = std::find(past_boots_.begin(), past_boots_.end(), registration.boot_id);
    if (past != past_boots_.end()) {
      if (connected) return false;
      past_boots_.erase(past);
    }
    if (!boot_id_.empty()) past_boots_.push_back(boot_id_);
    if (past_boots_.size() > kMaxPastBoots) past_boots_.pop_front();
    boot_id_ = registration.boot_id;
  }
  opened_ = registration.opened;
  started_ = registration.daemon_start_time;
  return true;
}

}  // namespace reeve::ctld
