#include "common/base/json_writer.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/text.h"
#include "common/base/utf8.h"

namespace reeve {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD

void AppendNumber(double value, std::string* out) {
  if (std::isfinite(value)) {
    absl::StrAppendFormat(out, "%.6g", value);
  } else {
    *out += "null";
  }
}

}  // namespace

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const char c = text[0];
    if (length == 0) {
      out += kReplacement;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (length == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)) {
      out += absl::StrFormat("\\u%04x", c);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + '"';
}

void JsonWriter::NewLine() {
  text_ += '\n';
  text_.append(2 * depth_, ' ');
}

void JsonWriter::Name(std::string_view name) {
  if (!empty_) text_ += ',';
  if (depth_ > 0) NewLine();
  empty_ = false;
  if (!name.empty()) StrAppend(&text_, JsonString(name), ": ");
}

void JsonWriter::Begin(std::string_view name, char bracket) {
  Name(name);
  text_ += bracket;
  ++depth_;
  empty_ = true;
}

void JsonWriter::End(char bracket) {
  --depth_;
  if (!empty_) NewLine();
  text_ += bracket;
  empty_ = false;
}

void JsonWriter::BeginObject(std::string_view name) {
  Begin(name, '{');
}
void JsonWriter::BeginArray(std::string_view name) {
  Begin(name, '[');
}
void JsonWriter::String(std::string_view name, std::string_view value) {
  Name(name);
  text_ += JsonString(value);
}
void JsonWriter::Number(std::string_view name, double value) {
  Name(name);
  AppendNumber(value, &text_);
}
void JsonWriter::Numbers(std::string_view name, const std::vector<double>& values) {
  Name(name);
  text_ += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text_ += ", ";
    AppendNumber(values[i], &text_);
  }
  text_ += ']';
}
void JsonWriter::Bool(std::string_view name, bool value) {
  Name(name);
  text_ += value ? "true" : "false";
}
void JsonWriter::Null(std::string_view name) {
  Name(name);
  text_ += "null";
}

std::string JsonWriter::Take() {
  text_ += '\n';
  return std::move(text_);
}

}  // namespace reeve
