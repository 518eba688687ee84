#include "ctld/core/request_table.h"

#include <cassert>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_format.h"

namespace reeve::ctld {
namespace {

constexpr size_t kDigits = 16;  // of one half of an id

// Exactly as Unpack writes it.
std::optional<uint64_t> ReadHex(std::string_view digits) {
  uint64_t value = 0;
  for (char c : digits) {
    if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return value;
}

}  // namespace

RequestTable::RequestTable() : index_(0, Hash{this}, Equal{this}) {}

size_t RequestTable::Hash::operator()(Number number) const {
  const Record& record = table->At(number);
  return absl::HashOf(record.uid, record.id.high, record.id.low, record.id.other.view());
}

size_t RequestTable::Hash::operator()(const Key& key) const {
  return absl::HashOf(key.uid, key.id.high, key.id.low, key.id.other.view());
}

bool RequestTable::Equal::operator()(Number number, const Key& key) const {
  const Record& record = table->At(number);
  return record.uid == key.uid && record.id == key.id;
}

RequestTable::Id RequestTable::Pack(const std::string& request_id) {
  Id id;
  if (request_id.size() == 2 * kDigits) {
    const std::string_view text = request_id;
    const auto high = ReadHex(text.substr(0, kDigits)), low = ReadHex(text.substr(kDigits));
    if (high.has_value() && low.has_value()) return {*high, *low, {}};
  }
  id.other = request_id;
  return id;
}

std::string RequestTable::Unpack(const Id& id) {
  if (!id.other.empty()) return id.other;
  return absl::StrFormat("%016x%016x", id.high, id.low);
}

std::optional<RequestTable::Number> RequestTable::Place(const RequestKey& key) const {
  if (key.request_id.empty()) return std::nullopt;
  const auto found = index_.find(Key{key.uid, Pack(key.request_id)});
  if (found == index_.end()) return std::nullopt;
  return *found;
}

std::optional<RequestResult> RequestTable::Find(const RequestKey& key) const {
  const std::optional<Number> place = Place(key);
  if (!place.has_value()) return std::nullopt;
  const Record& record = At(*place);
  RequestResult result{key, record.time, record.job, std::nullopt, {}, ""};
  if (record.rare != nullptr) {
    result.step = record.rare->step;
    result.notes = record.rare->notes;
    result.io_secret = record.rare->io_secret;
  }
  return result;
}

std::optional<absl::Time> RequestTable::oldest() const {
  if (records_.empty()) return std::nullopt;
  return records_.front().time;
}

void RequestTable::Add(const RequestResult& result) {
  assert(!result.key.request_id.empty() && !Contains(result.key));
  Record record{Pack(result.key.request_id), result.time, result.key.uid, result.job, nullptr};
  if (result.step.has_value() || !result.notes.empty() || !result.io_secret.empty()) {
    record.rare = std::make_unique<Rare>(Rare{result.step, result.notes, result.io_secret});
  }
  const Number number = first_ + records_.size();
  records_.push_back(std::move(record));
  index_.insert(number);
  of_user_[result.key.uid].push_back(number);
}

RequestKey RequestTable::Take(Number number) {
  index_.erase(number);
  Record& record = records_[number - first_];
  record.taken = true;
  record.rare.reset();
  return {record.uid, Unpack(record.id)};
}

void RequestTable::DropTaken() {
  for (; !records_.empty() && records_.front().taken; ++first_) records_.pop_front();
}

std::vector<RequestKey> RequestTable::TakeUntil(absl::Time until) {
  std::vector<RequestKey> taken;
  for (DropTaken(); !records_.empty() && records_.front().time <= until; DropTaken()) {
    const auto user = of_user_.find(records_.front().uid);
    user->second.pop_front();  // his oldest one, as it is of all
    if (user->second.empty()) of_user_.erase(user);
    taken.push_back(Take(first_));
  }
  return taken;
}

std::vector<RequestKey> RequestTable::TakeSurplus(uint32_t uid, size_t most) {
  std::vector<RequestKey> taken;
  const auto user = of_user_.find(uid);
  if (user == of_user_.end()) return taken;
  for (std::deque<Number>& numbers = user->second; numbers.size() > most; numbers.pop_front()) {
    taken.push_back(Take(numbers.front()));
  }
  if (user->second.empty()) of_user_.erase(user);
  DropTaken();
  return taken;
}

}  // namespace reeve::ctld
