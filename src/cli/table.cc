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

// `length`: of the text, in characters.
void AppendFitted(std::string_view text, size_t length, size_t width, Align align,
                  Overflow overflow, std::string* line) {
  if (width == 0 || (length > width && overflow == Overflow::kKeep)) {
    line->append(text);
  } else if (length > width && overflow == Overflow::kCut) {
    line->append(FirstCharacters(text, width));
  } else if (length > width) {
    line->append(FirstCharacters(text, width - 1)).append(1, '+');
  } else if (align == Align::kRight) {
    line->append(width - length, ' ').append(text);
  } else {
    line->append(text).append(width - length, ' ');
  }
}

constexpr size_t kFlushBytes = 64 << 10;  // of a printed table, at a time

}  // namespace

std::string FitCell(std::string_view text, size_t width, Align align, Overflow overflow) {
  std::string fitted;
  AppendFitted(text, CountCharacters(text), width, align, overflow, &fitted);
  return fitted;
}

Table::Table(std::vector<Column> columns, std::string prefix)
    : columns_(std::move(columns)), prefix_(std::move(prefix)) {}

void Table::AddRow(const std::vector<std::string>& cells) {
  for (const std::string& cell : cells) AddCell(cell);
  EndRow();
}

void Table::EndRow() {
  ++row_count_;
  assert(ends_.size() == row_count_ * columns_.size());
}

void Table::AddCell(std::string_view text) {
  if (IsPlainText(text)) {
    cells_.append(text);
  } else {
    cells_.append(Printable(text));
    ascii_ = false;
  }
  ends_.push_back(static_cast<uint32_t>(cells_.size()));
}

std::string_view Table::Cell(size_t row, size_t column) const {
  const size_t place = row * columns_.size() + column;
  const size_t begin = place == 0 ? 0 : ends_[place - 1];
  return std::string_view(cells_).substr(begin, ends_[place] - begin);
}

size_t Table::Length(std::string_view cell) const {
  return ascii_ ? cell.size() : CountCharacters(cell);
}

template <class Use>
void Table::ForEachRow(Use use) const {
  assert(order_.empty() || order_.size() == row_count_);
  for (size_t i = 0; i < row_count_; ++i) use(order_.empty() ? i : order_[i]);
}

std::vector<size_t> Table::Widths(bool header) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = columns_[i].width;
    if (columns_[i].fit) {
      if (header) width = std::max(width, CountCharacters(columns_[i].title));
      ForEachRow([&](size_t row) { width = std::max(width, Length(Cell(row, i))); });
    }
    widths.push_back(width);
  }
  return widths;
}

template <class Full>
void Table::WriteLines(TextOptions options, std::string* text, Full full) const {
  const std::vector<size_t> widths = Widths(options.header);
  if (options.header) {
    *text += prefix_;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Column& column = columns_[i];
      // A title is cut without a mark, whatever becomes of the cells.
      AppendFitted(column.title, CountCharacters(column.title), widths[i], column.align,
                   Overflow::kCut, text);
      *text += column.suffix;
    }
    *text += '\n';
  }
  if (options.rule) {
    *text += prefix_;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const size_t dashes = widths[i] == 0 ? CountCharacters(columns_[i].title) : widths[i];
      text->append(dashes, '-').append(columns_[i].suffix);
    }
    *text += '\n';
  }
  ForEachRow([&](size_t row) {
    *text += prefix_;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Column& column = columns_[i];
      const std::string_view cell = Cell(row, i);
      AppendFitted(cell, Length(cell), widths[i], column.align, column.overflow, text);
      *text += column.suffix;
    }
    *text += '\n';
    full();
  });
}

std::string Table::Text(TextOptions options) const {
  std::string text;
  WriteLines(options, &text, [] {});
  return text;
}

void Table::Print(TextOptions options, std::FILE* out) const {
  std::string text;
  auto write = [&] {
    fwrite(text.data(), 1, text.size(), out);
    text.clear();
  };
  WriteLines(options, &text, [&] {
    if (text.size() >= kFlushBytes) write();
  });
  write();
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
  if (options.header) add_line([&](size_t i) { return std::string_view(columns_[i].title); });
  ForEachRow([&](size_t row) { add_line([&](size_t i) { return Cell(row, i); }); });
  return text;
}

}  // namespace reeve::cli
