// What others have chosen, such as the name of their job, on this user's terminal.
#pragma once

#include <string>
#include <string_view>

namespace reeve::cli {

// Letters, digits, signs and blanks of ASCII, and nothing else.
bool IsPlainText(std::string_view text);

// The text with '?' for each control character, as ls(1) shows file names: those of ASCII, the
// second set (U+0080 to U+009F), and stray bytes that a terminal may take for one of these. So a
// job's name neither begins a new line, which would look like another record, nor moves the cursor
// or names the window. Everything else stays as it is, other stray bytes included.
std::string Printable(std::string_view text);

}  // namespace reeve::cli
