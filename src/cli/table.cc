#include "cli/table.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "cli/printable.h"

namespace reeve::cli {
namespace {

bool StartsCharacter(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

size_t CountCharacters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), StartsCharacter));
}

// The first `count` characters.
std::string_view FirstCharacters(std::string_view text, size_t count) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (StartsCharacter(text[i]) && count-- == 0) return text.substr(0, i);
  }
  return text;
}

}  // namespace

std::string FitCell(std::string_view text, size_t width, Align align, Overflow overflow) {
  if (width == 0) return std::string(text);
  const size_t length = CountCharacters(text);
  if (length > width && overflow == Overflow::kKeep) return std::string(text);
  if (length > width) {
    if (overflow == Overflow::kCut) return std::string(FirstCharacters(text, width));
    return std::string(FirstCharacters(text, width - 1)) + "+";
  }
  std::string padding(width - length, ' ');
  return align == Align::kRight ? padding + std::string(text) : std::string(text) + padding;
}

Table::Table(std::vector<Column> columns, std::string prefix)
    : columns_(std::move(columns)), prefix_(std::move(prefix)) {}

void Table::AddRow(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  for (std::string& cell : cells) cell = Printable(cell);
  rows_.push_back(std::move(cells));
}

std::vector<size_t> Table::Widths(bool header) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = columns_[i].width;
    if (columns_[i].fit) {
      if (header) width = std::max(width, CountCharacters(columns_[i].title));
      for (const auto& row : rows_) width = std::max(width, CountCharacters(row[i]));
    }
    widths.push_back(width);
  }
  return widths;
}

std::string Table::Text(TextOptions options) const {
  const std::vector<size_t> widths = Widths(options.header);
  std::string text;
  if (options.header) {
    text += prefix_;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Column& column = columns_[i];
      // A title is cut without a mark, whatever becomes of the cells.
      text += FitCell(column.title, widths[i], column.align, Overflow::kCut) + column.suffix;
    }
    text += '\n';
  }
  if (options.rule) {
    text += prefix_;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const size_t dashes = widths[i] == 0 ? CountCharacters(columns_[i].title) : widths[i];
      text += std::string(dashes, '-') + columns_[i].suffix;
    }
    text += '\n';
  }
  for (const auto& row : rows_) {
    text += prefix_;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Column& column = columns_[i];
      text += FitCell(row[i], widths[i], column.align, column.overflow) + column.suffix;
    }
    text += '\n';
  }
  return text;
}

std::string Table::Parsable(const ParsableOptions& options) const {
  std::string text;
  auto add_line = [&](auto cell_at) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) text += options.delimiter;
      text += cell_at(i);
    }
    if (options.trailing) text += options.delimiter;
    text += '\n';
  };
  if (options.header) add_line([&](size_t i) { return columns_[i].title; });
  for (const auto& row : rows_) add_line([&](size_t i) { return row[i]; });
  return text;
}

}  // namespace reeve::cli
