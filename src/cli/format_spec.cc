#include "cli/format_spec.h"

#include <cassert>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr size_t kMaxWidth = 10000;

// Takes the digits at the start of `*text` as the field's width.
absl::Status TakeWidth(std::string_view* text, FieldSpec* field) {
  size_t width = 0;
  while (!text->empty() && absl::ascii_isdigit(text->front())) {
    width = width * 10 + static_cast<size_t>(text->front() - '0');
    if (width > kMaxWidth) {
      return absl::InvalidArgumentError(StrCat("a field's width is larger than ", kMaxWidth));
    }
    field->has_width = true;
    text->remove_prefix(1);
  }
  field->width = width;
  return absl::OkStatus();
}

bool TakePrefix(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

}  // namespace

absl::StatusOr<FormatSpec> ParsePercentFormat(std::string_view text) {
  FormatSpec spec;
  const size_t first = text.find('%');
  spec.prefix = std::string(text.substr(0, first));
  if (first == std::string_view::npos) return spec;
  for (std::string_view part : SplitSkipEmpty(text.substr(first), "%")) {
    FieldSpec field;
    field.text = StrCat("%", part);
    if (TakePrefix(&part, '.')) field.align = Align::kRight;
    field.fit = TakePrefix(&part, '#');
    absl::Status status = TakeWidth(&part, &field);
    if (!status.ok()) return status;
    if (part.empty()) continue;
    field.name = std::string(part.substr(0, 1));
    field.suffix = std::string(part.substr(1));
    spec.fields.push_back(std::move(field));
  }
  return spec;
}

absl::StatusOr<FormatSpec> ParseLongFormat(std::string_view text) {
  constexpr size_t kDefaultWidth = 20;
  FormatSpec spec;
  for (std::string_view part : SplitSkipEmpty(text, ",")) {
    FieldSpec field;
    field.text = std::string(part);
    const size_t colon = part.find(':');
    field.name = std::string(Strip(part.substr(0, colon)));
    if (colon == std::string_view::npos) {
      field.width = kDefaultWidth;
    } else {
      part.remove_prefix(colon + 1);
      if (TakePrefix(&part, '.')) field.align = Align::kRight;
      field.fit = TakePrefix(&part, '#');
      absl::Status status = TakeWidth(&part, &field);
      if (!status.ok()) return status;
      field.suffix = std::string(part);
    }
    spec.fields.push_back(std::move(field));
  }
  if (spec.fields.empty()) return absl::InvalidArgumentError("no field is named");
  return spec;
}

absl::StatusOr<FormatSpec> ParseAccountingFormat(std::string_view text) {
  FormatSpec spec;
  for (std::string_view part : SplitSkipEmpty(text, ",")) {
    FieldSpec field;
    field.text = std::string(part);
    const size_t percent = part.find('%');
    field.name = std::string(Strip(part.substr(0, percent)));
    field.align = Align::kRight;
    if (percent != std::string_view::npos) {
      std::string_view rest = part.substr(percent + 1);
      if (TakePrefix(&rest, '-')) field.align = Align::kLeft;
      absl::Status status = TakeWidth(&rest, &field);
      if (!status.ok()) return status;
      if (!rest.empty() || !field.has_width) {
        return absl::InvalidArgumentError(StrCat("invalid width in field \"", part, "\""));
      }
    }
    spec.fields.push_back(std::move(field));
  }
  if (spec.fields.empty()) return absl::InvalidArgumentError("no field is named");
  return spec;
}

std::vector<Column> MakeColumns(const FormatSpec& spec, const std::vector<std::string>& titles,
                                Overflow overflow) {
  assert(titles.size() == spec.fields.size());
  std::vector<Column> columns;
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    const FieldSpec& field = spec.fields[i];
    columns.push_back(Column{.title = titles[i],
                             .width = field.width,
                             .fit = field.fit,
                             .align = field.align,
                             .overflow = overflow,
                             .suffix = field.suffix});
  }
  return columns;
}

}  // namespace reeve::cli
