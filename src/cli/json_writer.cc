#include "cli/json_writer.h"

#include "absl/strings/str_format.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD

// How many bytes the UTF-8 character at the beginning has; 0 when there is none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80                    ? 1
                        : first >= 0xC2 && first < 0xE0 ? 2
                        : first >= 0xE0 && first < 0xF0 ? 3
                        : first >= 0xF0 && first < 0xF5 ? 4
                                                        : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Longer than needed, halves of UTF-16 pairs, beyond U+10FFFF.
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) >= 0xA0) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) >= 0x90) return 0;
  return length;
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
void JsonWriter::Number(std::string_view name, int64_t value) {
  Name(name);
  StrAppend(&text_, value);
}
void JsonWriter::Bool(std::string_view name, bool value) {
  Name(name);
  text_ += value ? "true" : "false";
}
void JsonWriter::Null(std::string_view name) {
  Name(name);
  text_ += "null";
}

}  // namespace reeve::cli
