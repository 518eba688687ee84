// A listing's fields as data: each has a letter (-o), names (-O), a title and a function that makes
// a cell of a row. A command's format and its table of fields together give a Table.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/format_spec.h"
#include "cli/table.h"
#include "common/base/text.h"

namespace reeve::cli {

template <class Row>
struct ViewField {
  char letter;                  // 0: none
  std::string_view long_names;  // separated by blanks; any case; may be empty
  std::string_view title;
  std::string (*cell)(const Row& row);
  Overflow overflow = Overflow::kCut;
};

enum class FieldNaming { kLetter, kLong };

// A format bound to the fields that it names.
template <class Row>
class Layout {
 public:
  // A letter that no field has stays in the output as typed; an unknown long name prints nothing.
  // Both are reported by unknown().
  Layout(const FormatSpec& spec, std::span<const ViewField<Row>> fields, FieldNaming naming)
      : prefix_(spec.prefix) {
    for (const FieldSpec& field : spec.fields) Add(field, fields, naming);
  }

  const std::vector<std::string>& unknown() const { return unknown_; }
  // Null at the place of an unknown field.
  const std::vector<const ViewField<Row>*>& fields() const { return fields_; }

  Table Empty() const { return Table(columns_, prefix_); }
  void AddRow(const Row& row, Table* table) const {
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (fields_[i] != nullptr) {
        table->AddCell(fields_[i]->cell(row));
      } else {
        table->AddCell(columns_[i].title);
      }
    }
    table->EndRow();
  }
  template <class Rows>
  Table Fill(const Rows& rows) const {
    Table table = Empty();
    for (const Row& row : rows) AddRow(row, &table);
    return table;
  }

 private:
  static const ViewField<Row>* Find(std::string_view name, std::span<const ViewField<Row>> fields,
                                    FieldNaming naming) {
    for (const ViewField<Row>& field : fields) {
      if (naming == FieldNaming::kLetter) {
        if (field.letter != 0 && name == std::string_view(&field.letter, 1)) return &field;
        continue;
      }
      for (std::string_view known : SplitSkipEmpty(field.long_names, " ")) {
        if (EqualsIgnoreCase(known, name)) return &field;
      }
    }
    return nullptr;
  }

  void Add(const FieldSpec& spec, std::span<const ViewField<Row>> fields, FieldNaming naming) {
    const ViewField<Row>* field = Find(spec.name, fields, naming);
    fields_.push_back(field);
    if (field == nullptr) {
      unknown_.push_back(spec.name);
      columns_.push_back(Column{.title = naming == FieldNaming::kLetter ? spec.text : ""});
      return;
    }
    columns_.push_back(Column{.title = std::string(field->title),
                              .width = spec.width,
                              .fit = spec.fit,
                              .align = spec.align,
                              .overflow = field->overflow,
                              .suffix = spec.suffix});
  }

  std::string prefix_;
  std::vector<Column> columns_;
  std::vector<const ViewField<Row>*> fields_;
  std::vector<std::string> unknown_;
};

// What `-o %all` stands for: every field that has a letter, in the table's order, '|' between.
template <class Row>
FormatSpec FormatOfAll(std::span<const ViewField<Row>> fields) {
  FormatSpec spec;
  for (const ViewField<Row>& field : fields) {
    if (field.letter == 0) continue;
    FieldSpec added;
    added.name = std::string(1, field.letter);
    added.suffix = "|";
    spec.fields.push_back(std::move(added));
  }
  if (!spec.fields.empty()) spec.fields.back().suffix.clear();
  return spec;
}

}  // namespace reeve::cli
