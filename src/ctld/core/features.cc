#include "ctld/core/features.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "common/base/text.h"
#include "ctld/core/errors.h"

namespace reeve::ctld {
namespace {

// What "and"s of "or"s in parentheses may grow to.
constexpr size_t kMostAlternatives = 1024;
constexpr uint32_t kMostNodes = 1'000'000;  // of a count

using Status = absl::Status;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<FeatureExpr> Run() {
    Level level;
    if (Status status = ParseAlternatives(level, /*bracket=*/false); !status.ok()) return status;
    if (at_ < text_.size()) return Wrong();
    if (Status status = Settle(level); !status.ok()) return status;
    return std::move(expr_);
  }

 private:
  struct Unit {
    FeatureTerms terms;
    std::optional<uint32_t> count;
    std::string_view text;  // with its count
  };
  // "|" between "&" between units; `bracketed`: brackets were among them.
  struct Level {
    std::vector<std::vector<Unit>> alternatives;
    bool bracketed = false;
  };

  static Status Wrong() { return Refuse(kInvalidFeature); }
  Status NotSupported(std::string_view what) const {
    return Refuse(kInvalidFeature, StrCat(what, " in a constraint is not supported: ", text_));
  }
  bool Take(std::string_view any) {
    if (at_ == text_.size() || any.find(text_[at_]) == any.npos) return false;
    at_++;
    return true;
  }

  // ---- reading ----------------------------------------------------------------------------------

  Status ParseAlternatives(Level& level, bool bracket) {
    do {
      std::vector<Unit>& units = level.alternatives.emplace_back();
      do {
        if (!bracket && Take("[")) {
          if (Status status = ParseBracket(level); !status.ok()) return status;
          continue;
        }
        Unit unit;
        if (Status status = ParseUnit(unit); !status.ok()) return status;
        units.push_back(std::move(unit));
      } while (Take("&,"));
    } while (Take("|"));
    return absl::OkStatus();
  }

  Status ParseBracket(Level& level) {
    if (std::exchange(level.bracketed, true)) return NotSupported("a second pair of brackets");
    Level inside;
    if (Status status = ParseAlternatives(inside, /*bracket=*/true); !status.ok()) return status;
    if (!Take("]")) return Wrong();
    return inside.alternatives.size() > 1 ? SettleOneOf(inside) : SettleCounted(inside);
  }

  Status ParseUnit(Unit& unit) {
    const size_t begin = at_;
    if (Take("(")) {
      if (Status status = ParseGroup(unit.terms); !status.ok()) return status;
      if (!Take(")")) return Wrong();
    } else {
      const size_t end = std::min(text_.find_first_of("&,|()[]*", at_), text_.size());
      if (end == at_) return Wrong();
      unit.terms = {{std::string(text_.substr(at_, end - at_))}};
      at_ = end;
    }
    if (Take("*")) {
      const size_t end = std::min(text_.find_first_not_of("0123456789", at_), text_.size());
      uint32_t count = 0;
      if (!absl::SimpleAtoi(ToAbsl(text_.substr(at_, end - at_)), &count)) return Wrong();
      if (count == 0 || count > kMostNodes) return Wrong();
      unit.count = count;
      at_ = end;
    }
    unit.text = text_.substr(begin, at_ - begin);
    return absl::OkStatus();
  }

  // Inside of parentheses, where nothing is counted.
  Status ParseGroup(FeatureTerms& terms) {
    if (++depth_ > 16) return NotSupported("such a depth of parentheses");
    do {
      FeatureTerms product = {{}};
      do {
        Unit unit;
        if (Status status = ParseUnit(unit); !status.ok()) return status;
        if (unit.count.has_value()) return NotSupported("a count in parentheses");
        if (Status status = Multiply(product, unit.terms); !status.ok()) return status;
      } while (Take("&,"));
      terms.insert(terms.end(), product.begin(), product.end());
    } while (Take("|"));
    depth_--;
    return absl::OkStatus();
  }

  Status Multiply(FeatureTerms& product, const FeatureTerms& terms) const {
    if (product.size() * terms.size() > kMostAlternatives) {
      return NotSupported("so many alternatives");
    }
    FeatureTerms made;
    for (const std::vector<std::string>& a : product) {
      for (const std::vector<std::string>& b : terms) {
        made.push_back(a);
        made.back().insert(made.back().end(), b.begin(), b.end());
      }
    }
    product = std::move(made);
    return absl::OkStatus();
  }

  // ---- what it means ----------------------------------------------------------------------------

  Status AddGroup(FeatureTerms terms, uint32_t count, std::string_view text) {
    if (expr_.groups.size() == kMaxFeatureGroups) {
      return NotSupported(StrCat("more than ", kMaxFeatureGroups, " counts or alternatives"));
    }
    expr_.groups.push_back({std::move(terms), count, std::string(text)});
    if (expr_.LeastNodes() > kMostNodes) return Wrong();
    return absl::OkStatus();
  }

  // [a|b]: all nodes are of one of them.
  Status SettleOneOf(const Level& inside) {
    for (const std::vector<Unit>& units : inside.alternatives) {
      FeatureTerms terms = {{}};
      for (const Unit& unit : units) {
        if (unit.count.has_value()) return NotSupported("a count beside | in brackets");
        if (Status status = Multiply(terms, unit.terms); !status.ok()) return status;
      }
      const char* begin = units.front().text.data();
      const char* end = units.back().text.data() + units.back().text.size();
      const std::string_view text(begin, static_cast<size_t>(end - begin));
      if (Status status = AddGroup(std::move(terms), 0, text); !status.ok()) return status;
    }
    expr_.one_of = expr_.only = true;
    return absl::OkStatus();
  }

  // [a*2&b*4], or [a], which is a.
  Status SettleCounted(const Level& inside) {
    const std::vector<Unit>& units = inside.alternatives.front();
    if (units.size() == 1 && !units[0].count.has_value()) {
      bracketed_ = units[0].terms;
      return absl::OkStatus();
    }
    for (const Unit& unit : units) {
      if (!unit.count.has_value()) return NotSupported("& in brackets without a count for each");
      if (Status status = AddGroup(unit.terms, *unit.count, unit.text); !status.ok()) return status;
    }
    expr_.only = true;
    return absl::OkStatus();
  }

  Status Settle(const Level& level) {
    for (const std::vector<Unit>& units : level.alternatives) {
      FeatureTerms product = {{}};
      for (const Unit& unit : units) {
        if (!unit.count.has_value()) {
          if (Status status = Multiply(product, unit.terms); !status.ok()) return status;
          continue;
        }
        if (level.bracketed) return NotSupported("a count beside brackets");
        if (level.alternatives.size() > 1) return NotSupported("a count beside |");
        if (Status status = AddGroup(unit.terms, *unit.count, unit.text); !status.ok()) {
          return status;
        }
      }
      expr_.alternatives.insert(expr_.alternatives.end(), product.begin(), product.end());
    }
    if (level.bracketed && level.alternatives.size() > 1) return NotSupported("| beside brackets");
    if (expr_.alternatives.size() > kMostAlternatives) return NotSupported("so many alternatives");
    if (!bracketed_.empty()) {
      if (Status status = Multiply(expr_.alternatives, bracketed_); !status.ok()) return status;
    }
    // Nothing is asked of each node.
    if (expr_.alternatives == FeatureTerms{{}}) expr_.alternatives.clear();
    return absl::OkStatus();
  }

  const std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  FeatureExpr expr_;
  FeatureTerms bracketed_;  // of a pair of brackets that says no more than what is in it
};

std::string KeyOf(const FeatureTerms& terms) {
  std::string text;
  for (const std::vector<std::string>& all : terms) StrAppend(&text, Join(all, "&"), "|");
  return text;
}

}  // namespace

bool Matches(const FeatureTerms& terms, const Node& node) {
  return std::any_of(terms.begin(), terms.end(), [&](const std::vector<std::string>& all) {
    return std::all_of(all.begin(), all.end(),
                       [&](const std::string& name) { return node.HasFeature(name); });
  });
}

bool FeatureExpr::Matches(const Node& node) const {
  if (!alternatives.empty() && !ctld::Matches(alternatives, node)) return false;
  return !only || GroupsOf(node) != 0;
}

GroupBits FeatureExpr::GroupsOf(const Node& node) const {
  GroupBits bits = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (ctld::Matches(groups[i].terms, node)) bits |= GroupBits{1} << i;
  }
  return bits;
}

uint32_t FeatureExpr::LeastNodes() const {
  uint32_t sum = 0;
  for (const Group& group : groups) sum += group.count;
  return sum;
}

std::vector<std::string> FeatureExpr::Names() const {
  std::vector<std::string> names;
  const auto add = [&](const FeatureTerms& terms) {
    for (const std::vector<std::string>& all : terms) {
      names.insert(names.end(), all.begin(), all.end());
    }
  };
  add(alternatives);
  for (const Group& group : groups) add(group.terms);
  return names;
}

std::string FeatureExpr::KeyText() const {
  std::string text = KeyOf(alternatives);
  for (const Group& group : groups) {
    StrAppend(&text, one_of ? "[" : only ? "(" : "+", KeyOf(group.terms), "*", group.count);
  }
  return text;
}

absl::StatusOr<FeatureExpr> ParseFeatures(std::string_view text) {
  if (text.empty()) return FeatureExpr();
  return Parser(text).Run();
}

}  // namespace reeve::ctld
