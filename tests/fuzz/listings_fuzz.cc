// What users say to squeue, sinfo, scancel and sacct: formats, times, signals, and whole command
// lines. The first byte says which grammar reads the rest.
#include "cli/format_spec.h"
#include "cli/job_id_list.h"
#include "cli/sacct_fields.h"
#include "cli/sacct_options.h"
#include "cli/sacct_time.h"
#include "cli/scancel_options.h"
#include "cli/signal_name.h"
#include "cli/sinfo_options.h"
#include "cli/squeue_options.h"
#include "tests/fuzz/check.h"

namespace reeve::cli {
namespace {

using fuzz::Expect;
using fuzz::ExpectNames;

constexpr size_t kMaxWidth = 10000;
const absl::Time kNow = absl::FromUnixSeconds(1'795'500'000);

void CheckSpec(std::string_view text, const FormatSpec& spec) {
  std::vector<std::string> titles;
  for (const FieldSpec& field : spec.fields) {
    Expect(field.width <= kMaxWidth, "a field ", field.width, " wide of '", text, "'");
    titles.push_back(field.name);
  }
  Expect(spec.fields.size() <= text.size() + 1, "more fields than text");
  // Printed under any titles it stays in bounds.
  Table table(MakeColumns(spec, titles, Overflow::kCut), spec.prefix);
  table.AddRow(titles);
  const size_t most = (kMaxWidth + 2) * (spec.fields.size() + 1) * 2 + 4 * text.size() + 16;
  Expect(table.Text().size() <= most, "a table of ", table.Text().size(), " bytes");
}

void PercentFormat(std::string_view text) {
  absl::StatusOr<FormatSpec> spec = ParsePercentFormat(text);
  if (!spec.ok()) return Expect(!Message(spec.status()).empty(), "no word of why");
  CheckSpec(text, *spec);
  std::string printed = spec->prefix;
  for (const FieldSpec& field : spec->fields) printed += field.text;
  absl::StatusOr<FormatSpec> again = ParsePercentFormat(printed);
  Expect(again.ok() && again->fields.size() == spec->fields.size(), "'", text, "' prints as '",
         printed, "'");
}

void LongFormat(std::string_view text) {
  absl::StatusOr<FormatSpec> spec = ParseLongFormat(text);
  if (!spec.ok()) return Expect(!Message(spec.status()).empty(), "no word of why");
  CheckSpec(text, *spec);
}

void AccountingFormat(std::string_view text) {
  absl::StatusOr<FormatSpec> spec = ParseAccountingFormat(text);
  absl::StatusOr<SacctColumns> columns = ResolveSacctFormat(text);
  if (spec.ok()) CheckSpec(text, *spec);
  Expect(spec.ok() || !columns.ok(), "fields of a format that is none: '", text, "'");
  if (!columns.ok()) return Expect(!Message(columns.status()).empty(), "no word of why");
  Expect(columns->fields.size() == columns->columns.size(), "fields without columns");
}

void PastTime(std::string_view text) {
  absl::StatusOr<absl::Time> time = ParsePastTime(text, kNow, absl::UTCTimeZone());
  if (!time.ok()) return ExpectNames(time.status(), text);
  const int64_t year = absl::ToCivilYear(*time, absl::UTCTimeZone()).year();
  Expect(year >= 0 && year <= 9999, "'", text, "' is in the year ", year);
}

void Words(std::string_view text) {
  if (std::optional<int> signal = ParseSignal(text)) {
    Expect(*signal >= 0 && *signal < 65, "'", text, "' is signal ", *signal);
  }
  for (const std::string& id : SplitJobIds(text)) Expect(!id.empty(), "an empty id");
}

// The rest is words with NUL or line ends between.
class Arguments {
 public:
  Arguments(std::string_view command, std::string_view text) {
    words_.emplace_back(command);
    for (std::string_view word : Split(text, std::string_view("\0\n", 2))) {
      words_.emplace_back(word);
    }
    for (std::string& word : words_) argv_.push_back(word.data());
    argv_.push_back(nullptr);
  }
  int argc() const { return static_cast<int>(words_.size()); }
  char** argv() { return argv_.data(); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> argv_;
};

void SqueueLine(std::string_view text) {
  Arguments arguments("squeue", text);
  SqueueOptions options;
  if (!ReadSqueueOptions(arguments.argc(), arguments.argv(), &options)) {
    Expect(!options.sort.empty(), "no order");
  }
}
void SinfoLine(std::string_view text) {
  Arguments arguments("sinfo", text);
  SinfoOptions options;
  if (!ReadSinfoOptions(arguments.argc(), arguments.argv(), &options)) {
    Expect(!options.sort.empty(), "no order");
  }
}
void ScancelLine(std::string_view text) {
  Arguments arguments("scancel", text);
  ScancelOptions options;
  if (!ReadScancelOptions(arguments.argc(), arguments.argv(), &options)) {
    Expect(options.typed_ids.size() == options.jobs.size(), "ids and jobs differ");
  }
}
void SacctLine(std::string_view text) {
  Arguments arguments("sacct", text);
  const SacctEnvironment environment{[](const char*) { return nullptr; }, 1000, kNow};
  (void)ParseSacctOptions(arguments.argc(), arguments.argv(), environment);
}

}  // namespace
}  // namespace reeve::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::fuzz::Silence();
  using namespace reeve::cli;  // NOLINT(google-build-using-namespace)
  reeve::fuzz::Bytes bytes(data, size);
  constexpr void (*kGrammars[])(std::string_view) = {PercentFormat, LongFormat,  AccountingFormat,
                                                     PastTime,      Words,       SqueueLine,
                                                     SinfoLine,     ScancelLine, SacctLine};
  kGrammars[bytes.Below(std::size(kGrammars))](bytes.Rest());
  return 0;
}
