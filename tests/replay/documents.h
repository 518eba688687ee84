// Plain readers of JSON and XML that say where a text is not well-formed.
#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::replay {

// Empty when `text` is one JSON value; else what is left where reading stopped.
class JsonReader {
 public:
  static std::string Fault(std::string_view text) {
    JsonReader reader(text);
    const bool good = reader.Value();
    reader.Blanks();
    if (good && reader.left_.empty()) return "";
    return "at: " + std::string(reader.left_.substr(0, 60));
  }

 private:
  explicit JsonReader(std::string_view text) : left_(text) {}

  void Blanks() {
    while (!left_.empty() && std::string_view(" \n").find(left_[0]) != std::string_view::npos) {
      left_.remove_prefix(1);
    }
  }
  bool Take(std::string_view word) {
    Blanks();
    if (!left_.starts_with(word)) return false;
    left_.remove_prefix(word.size());
    return true;
  }
  bool Value() {
    if (Take("{")) return Members('}', true);
    if (Take("[")) return Members(']', false);
    if (Take("null")) return true;
    return !left_.empty() && (left_[0] == '"' ? Text() : Number());
  }
  bool Members(char end, bool named) {
    if (Take(std::string_view(&end, 1))) return true;
    do {
      Blanks();
      if (named && !(Text() && Take(":"))) return false;
      if (!Value()) return false;
    } while (Take(","));
    return Take(std::string_view(&end, 1));
  }
  bool Text() {
    if (!Take("\"")) return false;
    for (; !left_.empty(); left_.remove_prefix(1)) {
      if (static_cast<unsigned char>(left_[0]) < ' ') return false;
      if (left_[0] == '\\') {
        left_.remove_prefix(1);
      } else if (left_[0] == '"') {
        left_.remove_prefix(1);
        return true;
      }
    }
    return false;
  }
  bool Number() {
    size_t size = 0;
    while (size < left_.size() &&
           (std::isdigit(static_cast<unsigned char>(left_[size])) != 0 ||
            std::string_view("+-.e").find(left_[size]) != std::string_view::npos)) {
      ++size;
    }
    left_.remove_prefix(size);
    return size > 0;
  }

  std::string_view left_;
};

// Empty when every tag is closed, in order, and text has no stray '<' or '&'.
inline std::string XmlFault(std::string_view text) {
  std::vector<std::string> open;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '&') {
      const std::string_view rest = text.substr(at);
      if (!rest.starts_with("&amp;") && !rest.starts_with("&lt;") && !rest.starts_with("&gt;")) {
        return "stray & at " + std::string(rest.substr(0, 60));
      }
    }
    if (text[at] != '<') continue;
    const size_t end = text.find('>', at);
    if (end == text.npos) return "a tag without end";
    const std::string_view tag = text.substr(at + 1, end - at - 1);
    if (tag.find('<') != tag.npos) return "stray < in " + std::string(tag.substr(0, 60));
    const std::string name(tag.substr(0, tag.find_first_of(" \n")));
    if (tag.starts_with('/')) {
      if (open.empty() || "/" + open.back() != name) return "closes what is not open: " + name;
      open.pop_back();
    } else if (!tag.starts_with('?') && !tag.ends_with('/')) {
      open.push_back(name);
    }
    at = end;
  }
  return open.empty() ? "" : "left open: " + open.back();
}

}  // namespace reeve::replay
