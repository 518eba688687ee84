#include "replay/json.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/text.h"
#include "replay/utf8.h"

namespace reeve::replay {
namespace {

void AppendQuoted(std::string_view text, std::string* out) {
  *out += '"';
  for (char c : ValidUtf8(text)) {
    if (c == '"' || c == '\\') *out += '\\';
    *out += c;
  }
  *out += '"';
}

void AppendNumber(double value, std::string* out) {
  if (std::isfinite(value)) {
    absl::StrAppendFormat(out, "%.6g", value);
  } else {
    *out += "null";
  }
}

}  // namespace

void JsonWriter::StartValue(std::string_view name) {
  if (depth_ > 0) {
    out_ += first_ ? "\n" : ",\n";
    out_.append(static_cast<size_t>(depth_) * 2, ' ');
  }
  first_ = false;
  if (name.empty()) return;
  AppendQuoted(name, &out_);
  out_ += ": ";
}

void JsonWriter::Begin(std::string_view name, char bracket) {
  StartValue(name);
  out_ += bracket;
  ++depth_;
  first_ = true;
}

void JsonWriter::End(char bracket) {
  --depth_;
  if (!first_) {
    out_ += '\n';
    out_.append(static_cast<size_t>(depth_) * 2, ' ');
  }
  out_ += bracket;
  first_ = false;
}

void JsonWriter::Text(std::string_view name, std::string_view value) {
  StartValue(name);
  AppendQuoted(value, &out_);
}

void JsonWriter::Number(std::string_view name, uint64_t value) {
  StartValue(name);
  StrAppend(&out_, value);
}

void JsonWriter::Number(std::string_view name, double value) {
  StartValue(name);
  AppendNumber(value, &out_);
}

void JsonWriter::Numbers(std::string_view name, const std::vector<double>& values) {
  StartValue(name);
  out_ += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out_ += ", ";
    AppendNumber(values[i], &out_);
  }
  out_ += ']';
}

std::string JsonWriter::Take() {
  out_ += '\n';
  return std::move(out_);
}

}  // namespace reeve::replay
