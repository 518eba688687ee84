#include "cli/show_license.h"

#include "common/base/text.h"

namespace reeve::cli {

std::string ShowLicenseText(const v1::License& license, bool one_line) {
  const uint32_t free = license.used() < license.total() ? license.total() - license.used() : 0;
  return StrCat("LicenseName=", license.name(), one_line ? " " : "\n    ",
                "Total=", license.total(), " Used=", license.used(), " Free=", free,
                " Reserved=", license.reserved(), " Remote=no\n");
}

}  // namespace reeve::cli
