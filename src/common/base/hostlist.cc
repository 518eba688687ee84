#include "common/base/hostlist.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "absl/strings/ascii.h"
#include "common/base/text.h"

namespace reeve {
namespace {

constexpr size_t kMaxName = 253;   // of a DNS name
constexpr size_t kMaxDigits = 18;  // fits an uint64_t with room to count
constexpr size_t kMaxText = 1 << 22;

bool IsHostChar(char c) {
  return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
}
bool IsSeparator(char c) {
  return c == ',' || absl::ascii_isspace(c);
}

absl::Status Invalid(std::string_view text, std::string_view why) {
  std::string shown(text.substr(0, 100));
  if (text.size() > shown.size()) shown += "...";
  return absl::InvalidArgumentError(StrCat("invalid host list '", shown, "': ", why));
}

std::string Padded(uint64_t number, size_t width) {
  std::string digits = StrCat(number);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

struct NumberRange {
  uint64_t first = 0;
  uint64_t last = 0;
  size_t width = 0;  // of the first number as written, zeros included
};

// A name's piece: text, or a bracket group with its numbers.
struct Piece {
  std::string_view text;
  std::vector<NumberRange> ranges;  // empty: plain text
  uint64_t count = 1;
};

bool ParseNumber(std::string_view text, uint64_t& number) {
  if (text.size() > kMaxDigits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// "3", "3-7", "08-10": one element inside brackets.
absl::StatusOr<NumberRange> ParseRange(std::string_view element, std::string_view whole) {
  const size_t dash = element.find('-');
  const std::string_view first = element.substr(0, dash);
  const std::string_view last = dash == element.npos ? first : element.substr(dash + 1);
  NumberRange range;
  if (!ParseNumber(first, range.first) || !ParseNumber(last, range.last)) {
    return Invalid(whole, StrCat("'", element, "' is no number or range"));
  }
  if (range.last < range.first) {
    return Invalid(whole, StrCat("the range '", element, "' descends"));
  }
  if (range.last - range.first >= kMaxHosts) {
    return Invalid(whole, StrCat("more than ", kMaxHosts, " hosts"));
  }
  range.width = first.size();
  return range;
}

absl::StatusOr<Piece> ParseGroup(std::string_view inside, std::string_view whole) {
  Piece piece;
  piece.count = 0;
  while (true) {
    const size_t comma = inside.find(',');
    absl::StatusOr<NumberRange> range = ParseRange(Strip(inside.substr(0, comma)), whole);
    if (!range.ok()) return range.status();
    piece.count += range->last - range->first + 1;
    if (piece.count > kMaxHosts) return Invalid(whole, StrCat("more than ", kMaxHosts, " hosts"));
    piece.ranges.push_back(*range);
    if (comma == inside.npos) return piece;
    inside.remove_prefix(comma + 1);
  }
}

// Splits one element of the list ("rack[0-3]_blade7") into pieces.
absl::StatusOr<std::vector<Piece>> ParsePieces(std::string_view element, std::string_view whole) {
  std::vector<Piece> pieces;
  uint64_t total = 1;
  while (!element.empty()) {
    const size_t open = element.find('[');
    const std::string_view text = element.substr(0, open);
    for (char c : text) {
      if (c == ']') return Invalid(whole, "']' without '['");
      if (!IsHostChar(c)) return Invalid(whole, "a character that no host name has");
    }
    if (!text.empty()) pieces.push_back({text});
    if (open == element.npos) break;
    const size_t close = element.find(']', open);
    if (close == element.npos) return Invalid(whole, "'[' without ']'");
    absl::StatusOr<Piece> group = ParseGroup(element.substr(open + 1, close - open - 1), whole);
    if (!group.ok()) return group.status();
    total *= group->count;  // both are at most kMaxHosts
    if (total > kMaxHosts) return Invalid(whole, StrCat("more than ", kMaxHosts, " hosts"));
    pieces.push_back(*std::move(group));
    element.remove_prefix(close + 1);
  }
  return pieces;
}

// All combinations, the last group fastest.
void ExpandPieces(const std::vector<Piece>& pieces, size_t at, const std::string& prefix,
                  std::vector<std::string>& out) {
  if (at == pieces.size()) {
    out.push_back(prefix);
    return;
  }
  const Piece& piece = pieces[at];
  if (piece.ranges.empty()) return ExpandPieces(pieces, at + 1, StrCat(prefix, piece.text), out);
  for (const NumberRange& range : piece.ranges) {
    for (uint64_t n = range.first; n <= range.last; ++n) {
      ExpandPieces(pieces, at + 1, StrCat(prefix, Padded(n, range.width)), out);
    }
  }
}

// The end of the element that starts at `begin`: the next separator outside of brackets.
size_t ElementEnd(std::string_view text, size_t begin) {
  bool inside = false;
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '[') inside = true;
    if (text[i] == ']') inside = false;
    if (!inside && IsSeparator(text[i])) return i;
  }
  return text.size();
}

// A name cut into text and trailing number.
struct Numbered {
  std::string_view prefix;
  std::string_view digits;  // empty: no trailing number (or one too long to count with)
  uint64_t number = 0;
  size_t zero_width = 0;  // of a number with leading zeros; 0: without
};

Numbered Cut(std::string_view name) {
  size_t begin = name.size();
  while (begin > 0 && absl::ascii_isdigit(name[begin - 1])) --begin;
  Numbered cut{name.substr(0, begin), name.substr(begin)};
  if (!ParseNumber(cut.digits, cut.number)) return {name};
  if (cut.digits.size() > 1 && cut.digits[0] == '0') cut.zero_width = cut.digits.size();
  return cut;
}

// "3,1-2" for names that share a prefix, folding runs of neighbours.
std::string FoldNumbers(std::span<const Numbered> names) {
  std::string out;
  for (size_t i = 0; i < names.size();) {
    size_t end = i + 1;
    // A range repeats the width of its first number, so the next one must look like that.
    while (end < names.size() && names[end].number == names[end - 1].number + 1 &&
           names[end].digits == Padded(names[end].number, names[i].digits.size())) {
      ++end;
    }
    StrAppend(&out, out.empty() ? "" : ",", names[i].digits);
    if (end - i > 1) StrAppend(&out, "-", names[end - 1].digits);
    i = end;
  }
  return out;
}

void AppendFolded(std::span<const Numbered> names, std::string& out) {
  if (names.empty()) return;
  const std::string numbers = FoldNumbers(names);
  const bool brackets = numbers.find_first_of(",-") != numbers.npos;
  StrAppend(&out, out.empty() ? "" : ",", names[0].prefix, brackets ? "[" : "", numbers,
            brackets ? "]" : "");
}

// A number without leading zeros sorts among those of its width that have some: 08 09 10.
void SortNumbers(std::vector<Numbered>& names) {
  std::vector<size_t> widths;
  for (const Numbered& name : names) {
    if (name.zero_width > 0) widths.push_back(name.zero_width);
  }
  std::sort(widths.begin(), widths.end());
  const auto width_class = [&](const Numbered& name) -> size_t {
    return std::binary_search(widths.begin(), widths.end(), name.digits.size()) ? name.digits.size()
                                                                                : 0;
  };
  std::sort(names.begin(), names.end(), [&](const Numbered& a, const Numbered& b) {
    return std::pair(width_class(a), a.number) < std::pair(width_class(b), b.number);
  });
  names.erase(
      std::unique(names.begin(), names.end(),
                  [](const Numbered& a, const Numbered& b) { return a.digits == b.digits; }),
      names.end());
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ExpandHostlist(std::string_view text) {
  if (text.size() > kMaxText) return Invalid(text, "too long");
  std::vector<std::string> hosts;
  for (size_t at = 0; at < text.size();) {
    if (IsSeparator(text[at])) {
      ++at;
      continue;
    }
    const size_t end = ElementEnd(text, at);
    absl::StatusOr<std::vector<Piece>> pieces = ParsePieces(text.substr(at, end - at), text);
    if (!pieces.ok()) return pieces.status();
    uint64_t count = 1;
    size_t length = 0;
    for (const Piece& piece : *pieces) {
      count *= piece.count;
      size_t longest = piece.text.size();
      for (const NumberRange& range : piece.ranges) {
        longest = std::max({longest, range.width, StrCat(range.last).size()});  // "9-10" grows
      }
      length += longest;
    }
    if (length > kMaxName) return Invalid(text, "a name is too long");
    if (hosts.size() + count > kMaxHosts) {
      return Invalid(text, StrCat("more than ", kMaxHosts, " hosts"));
    }
    ExpandPieces(*pieces, 0, "", hosts);
    at = end;
  }
  return hosts;
}

std::string CompressHostlist(std::span<const std::string> hosts) {
  std::unordered_map<std::string_view, size_t> index;  // of the prefix (or plain name) in `groups`
  std::vector<std::vector<Numbered>> groups;
  std::vector<std::vector<Numbered>> plain;  // parallel: names without a number
  for (const std::string& host : hosts) {
    const Numbered cut = Cut(host);
    const auto [it, is_new] = index.try_emplace(cut.prefix, groups.size());
    if (is_new) {
      groups.emplace_back();
      plain.emplace_back();
    }
    (cut.digits.empty() ? plain : groups)[it->second].push_back(cut);
  }
  std::string out;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (!plain[i].empty()) StrAppend(&out, out.empty() ? "" : ",", plain[i][0].prefix);
    SortNumbers(groups[i]);
    AppendFolded(groups[i], out);
  }
  return out;
}

std::string CompressHostlistInOrder(std::span<const std::string> hosts) {
  std::string out;
  std::vector<Numbered> run;
  for (const std::string& host : hosts) {
    const Numbered cut = Cut(host);
    if (!run.empty() && (cut.digits.empty() || cut.prefix != run[0].prefix)) {
      AppendFolded(run, out);
      run.clear();
    }
    if (cut.digits.empty()) {
      StrAppend(&out, out.empty() ? "" : ",", cut.prefix);
    } else {
      run.push_back(cut);
    }
  }
  AppendFolded(run, out);
  return out;
}

bool HostLess(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a, whole_b = b;
  const auto take_digits = [](std::string_view& text) {
    size_t length = 0;
    while (length < text.size() && absl::ascii_isdigit(text[length])) ++length;
    std::string_view digits = text.substr(0, length);
    text.remove_prefix(length);
    while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
    return digits;
  };
  while (!a.empty() && !b.empty()) {
    if (absl::ascii_isdigit(a[0]) && absl::ascii_isdigit(b[0])) {
      const std::string_view x = take_digits(a), y = take_digits(b);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else {
      if (a[0] != b[0]) return a[0] < b[0];
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;  // differ in leading zeros at most
}

bool IsHostName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), IsHostChar);
}

}  // namespace reeve
