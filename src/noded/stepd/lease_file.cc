#include "noded/stepd/lease_file.h"

#include <errno.h>
#include <stdio.h>

#include "absl/strings/numbers.h"
#include "common/base/text.h"
#include "common/os/fd.h"
#include "noded/stepd/spool.h"

namespace reeve::noded {

std::string FormatLease(const LeaseRecord& record) {
  std::string text =
      StrCat("boot ", record.boot_id, "\nlength ", absl::ToInt64Milliseconds(record.terms.length),
             "\nfrom ", absl::ToInt64Milliseconds(record.from), "\n");
  for (const LeaseRecord::Witness& witness : record.witnesses) {
    StrAppend(&text, "witness ", witness.node, " ", witness.address, " ", witness.port, "\n");
  }
  return text;
}

absl::StatusOr<LeaseRecord> ParseLease(const std::string& text) {
  LeaseRecord record;
  int64_t length = -1, from = -1;
  for (std::string_view line : SplitSkipEmpty(text, "\n")) {
    std::vector<std::string_view> words = Split(line, " ");
    bool good = false;
    if (words.size() == 2 && words[0] == "boot") {
      record.boot_id = std::string(words[1]);
      good = true;
    } else if (words.size() == 2 && words[0] == "length") {
      good = absl::SimpleAtoi(ToAbsl(words[1]), &length);
    } else if (words.size() == 2 && words[0] == "from") {
      good = absl::SimpleAtoi(ToAbsl(words[1]), &from);
    } else if (words.size() == 4 && words[0] == "witness") {
      LeaseRecord::Witness witness{std::string(words[1]), std::string(words[2])};
      good = absl::SimpleAtoi(ToAbsl(words[3]), &witness.port);
      record.witnesses.push_back(std::move(witness));
    }
    if (!good) return absl::InvalidArgumentError(StrCat("no lease: ", std::string(line)));
  }
  if (length < 0 || from < 0 || record.boot_id.empty()) {
    return absl::InvalidArgumentError("no lease: incomplete");
  }
  record.terms.length = absl::Milliseconds(length);
  record.from = absl::Milliseconds(from);
  return record;
}

std::string LeasePath(const std::string& spool_dir) {
  return spool_dir + "/lease";
}

absl::Status WriteLease(const std::string& spool_dir, const LeaseRecord& record) {
  std::string path = LeasePath(spool_dir), temporary = path + ".tmp";
  absl::Status status = os::WriteFile(temporary, FormatLease(record));
  if (!status.ok()) return status;
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return os::ErrnoStatus(errno, StrCat("rename ", temporary));
  }
  return absl::OkStatus();
}

absl::StatusOr<LeaseRecord> ReadLease(const std::string& spool_dir) {
  absl::StatusOr<std::string> text = os::ReadFile(LeasePath(spool_dir));
  if (!text.ok()) return text.status();
  absl::StatusOr<LeaseRecord> record = ParseLease(*text);
  if (record.ok() && record->boot_id != BootId()) {
    return absl::NotFoundError("the lease is of an earlier boot");
  }
  return record;
}

}  // namespace reeve::noded
