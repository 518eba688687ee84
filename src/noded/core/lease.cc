#include "noded/core/lease.h"

#include <algorithm>

namespace reeve::noded {
namespace {

// A controller that acknowledges nothing is no reason to remember without end.
constexpr size_t kMaxSent = 64;

}  // namespace

void Lease::Resume(const LeaseTerms& terms, BootTime from, std::vector<std::string> witnesses) {
  terms_ = terms;
  witnesses_ = std::move(witnesses);
  Renew(from);
}

void Lease::Welcomed(const LeaseTerms& terms, std::vector<std::string> witnesses, BootTime now) {
  terms_ = terms;
  witnesses_ = std::move(witnesses);
  acknowledged_ = 0;
  heard_ = now;
  EndAsking();
  Renew(registering_);
}

uint64_t Lease::Heartbeat(BootTime now) {
  sent_[next_] = now;
  if (sent_.size() > kMaxSent) sent_.erase(sent_.begin());
  return next_++;
}

void Lease::Acknowledged(uint64_t heartbeat, BootTime now) {
  const auto found = sent_.find(heartbeat);
  if (found == sent_.end()) return;
  acknowledged_ = heartbeat;
  heard_ = now;
  EndAsking();
  Renew(found->second);
  sent_.erase(sent_.begin(), std::next(found));
}

bool Lease::Away(BootTime now) const {
  return terms_.enabled() && now - heard_ >= terms_.silent();
}

void Lease::BeginAsking(BootTime now) {
  asking_ = now;
  agree_.clear();
}

bool Lease::Said(const std::string& witness, bool away, absl::Duration patience, BootTime now) {
  if (!asking_ || !away || now - *asking_ > std::min(patience, terms_.patience())) return false;
  if (std::find(witnesses_.begin(), witnesses_.end(), witness) == witnesses_.end()) return false;
  agree_.insert(witness);
  if (agree_.size() * 2 <= witnesses_.size()) return false;
  Renew(*asking_);
  EndAsking();
  return true;
}

bool Lease::Held(BootTime now) const {
  return !terms_.enabled() || now < from_ + terms_.freeze();
}

void Lease::Renew(BootTime from) {
  from_ = std::max(from_, from);
}

}  // namespace reeve::noded
