#include "cli/sinfo_options.h"

#include <cstdio>
#include <cstdlib>

#include "cli/command.h"
#include "cli/command_options.h"
#include "cli/node_view.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

constexpr char kHelp[] =
    "Usage: sinfo [options]\n"
    "Lists partitions and nodes.\n\n"
    "Which nodes:\n"
    "  -n, --nodes=HOSTS        these\n"
    "  -p, --partition=LIST     of these partitions\n"
    "  -t, --states=LIST        in these states; a&b means both\n"
    "  -d, --dead               that do not respond; -r, --responding: that do\n"
    "  -a, --all                of hidden partitions too; -F, --future: planned ones too\n"
    "How:\n"
    "  -N, --Node               one line for each node and partition\n"
    "  -s, --summarize          one line for each partition\n"
    "  -l, --long               more columns\n"
    "  -R, --list-reasons       why nodes are down or drained\n"
    "  -T, --reservation        reservations rather than nodes\n"
    "  -e, --exact              do not show unequal nodes as \"64+\"\n"
    "  -h, --noheader           no line of titles\n"
    "  -o, --format=FORMAT      columns by letters: \"%P %.6D %T\"\n"
    "  -O, --Format=FIELDS      columns by names: NodeList,CPUsState\n"
    "  -S, --sort=KEYS          by letters of -o, '-' in front for descending\n"
    "  -i, --iterate=SECONDS    again and again\n"
    "  -v, --verbose            say what was received\n"
    "  -V, --version            print the version\n"
    "      --help               this text; --usage: the same in short\n";

constexpr char kUsage[] =
    "Usage: sinfo [-adeFhlNrRsTvV] [-i seconds] [-n nodes] [-o format] [-O fields]\n"
    "             [-p partitions] [-S keys] [-t states]\n";

constexpr char kStateNames[] =
    "allocated,completing,down,drain,drained,draining,error,fail,failing,future,idle,mixed,"
    "no_respond,unknown";

struct Typed {
  std::optional<std::string> nodes, partitions, states, sort, format, long_format, iterate;
};

using Apply = std::function<std::optional<int>(const std::string&)>;

Apply Store(std::optional<std::string>* target) {
  return [target](const std::string& value) {
    *target = value;
    return std::nullopt;
  };
}

std::vector<CommandOption> OptionTable(Typed* typed, SinfoOptions* options) {
  auto clear = [](bool* target) -> Apply {
    return [target](const std::string&) {
      *target = false;
      return std::nullopt;
    };
  };
  auto format = [typed](const std::string& value) {  // the last of -o and -O counts
    typed->format = value;
    typed->long_format.reset();
    return std::nullopt;
  };
  auto long_format = [typed](const std::string& value) {
    typed->long_format = value;
    typed->format.reset();
    return std::nullopt;
  };
  using enum Argument;
  return {
      {"all", 'a', kNone, StoreTrue(&options->all_partitions)},
      {"clusters", 'M', kRequired, nullptr},
      {"dead", 'd', kNone, StoreTrue(&options->only_dead)},
      {"exact", 'e', kNone, StoreTrue(&options->exact)},
      {"federation", 0, kNone, nullptr},
      {"format", 'o', kRequired, format},
      {"Format", 'O', kRequired, long_format},
      {"future", 'F', kNone, StoreTrue(&options->future)},
      {"help", 0, kNone, PrintAndExit(kHelp)},
      {"hide", 0, kNone, clear(&options->all_partitions)},
      {"iterate", 'i', kRequired, Store(&typed->iterate)},
      {"json", 0, kOptional, nullptr},
      {"list-reasons", 'R', kNone, StoreTrue(&options->reasons)},
      {"local", 0, kNone, DoNothing()},  // there is no federation
      {"long", 'l', kNone, StoreTrue(&options->long_listing)},
      {"noconvert", 0, kNone, DoNothing()},  // sizes are in MiB anyway
      {"Node", 'N', kNone, StoreTrue(&options->by_node)},
      {"nodes", 'n', kRequired, Store(&typed->nodes)},
      {"noheader", 'h', kNone, clear(&options->header)},
      {"partition", 'p', kRequired, Store(&typed->partitions)},
      {"reservation", 'T', kNone, StoreTrue(&options->reservations)},
      {"responding", 'r', kNone, StoreTrue(&options->only_responding)},
      {"sort", 'S', kRequired, Store(&typed->sort)},
      {"states", 't', kRequired, Store(&typed->states)},
      {"summarize", 's', kNone, StoreTrue(&options->summary)},
      {"usage", 0, kNone, PrintAndExit(kUsage)},
      {"verbose", 'v', kNone, StoreTrue(&options->verbose)},
      {"version", 'V', kNone, PrintVersionAndExit()},
      {"yaml", 0, kOptional, nullptr},
  };
}

// False after an error has been printed, as for the next ones.
bool TakeStates(const Typed& typed, SinfoOptions* options) {
  if (!typed.states.has_value()) {
    if (options->reasons) options->states = {{"down"}, {"drain"}, {"fail"}};
    return true;
  }
  for (std::string_view alternative : SplitSkipEmpty(*typed.states, ",")) {
    std::vector<std::string> all;
    for (std::string_view name : SplitSkipEmpty(alternative, "&")) {
      bool known = false;
      NodeHasState(pb::Node(), name, &known);
      if (!known) {
        PrintError("sinfo", StrCat("Bad state string: \"", name, "\""));
        PrintError("sinfo", StrCat("valid states: ", kStateNames));
        return false;
      }
      all.emplace_back(name);
    }
    options->states.push_back(std::move(all));
  }
  return true;
}

bool TakeNodes(const Typed& typed, SinfoOptions* options) {
  if (!typed.nodes.has_value()) return true;
  absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(*typed.nodes);
  if (!nodes.ok()) {
    PrintError("sinfo", Message(nodes.status()));
    return false;
  }
  options->by_nodes = true;
  options->nodes = *std::move(nodes);
  return true;
}

bool TakeIterate(const Typed& typed, SinfoOptions* options) {
  if (!typed.iterate.has_value()) return true;
  absl::StatusOr<uint64_t> seconds = ParseUint(*typed.iterate, "--iterate", 1 << 30);
  if (!seconds.ok() || *seconds == 0) {
    PrintError("sinfo", StrCat("Error: invalid entry for --iterate=", *typed.iterate));
    return false;
  }
  options->iterate_seconds = static_cast<uint32_t>(*seconds);
  return true;
}

std::string DefaultFormat(const SinfoOptions& options) {
  if (options.summary) return "%#P %.5a %.10l %.16F %N";
  if (options.reasons) {
    return options.long_listing ? "%20E %12U %19H %6t %N" : "%20E %9u %19H %N";
  }
  if (options.by_node) {
    return options.long_listing ? "%#9N %.6D %.#P %.11T %4c %.8z %.6m %.8d %.6w %.8f %20E"
                                : "%#9N %.6D %.#P %6t";
  }
  if (options.long_listing) {
    return "%#P %.5a %.10l %.10s %.4r %.8h %.10g %.6D %.11T %.11i %N";
  }
  return "%#P %.5a %.10l %.6D %.6t %N";
}

bool TakeFormat(const Typed& typed, SinfoOptions* options) {
  std::string format = typed.format.value_or("");
  if (!typed.format && !typed.long_format) {
    const bool own =
        options->summary || options->reasons || options->by_node || options->long_listing;
    if (!own) format = Environment("SINFO_FORMAT");
    if (format.empty()) format = DefaultFormat(*options);
  }
  if (EqualsIgnoreCase(format, "%all") ||
      (typed.long_format && EqualsIgnoreCase(*typed.long_format, "all"))) {
    options->format_of_all = true;
    return true;
  }
  options->naming = typed.long_format ? FieldNaming::kLong : FieldNaming::kLetter;
  absl::StatusOr<FormatSpec> spec =
      typed.long_format ? ParseLongFormat(*typed.long_format) : ParsePercentFormat(format);
  if (!spec.ok()) {
    PrintError("sinfo", Message(spec.status()));
    return false;
  }
  options->format = *std::move(spec);
  return true;
}

}  // namespace

std::optional<int> ReadSinfoOptions(int argc, char** argv, SinfoOptions* options) {
  if (RefuseEnvironment("sinfo",
                        {"SINFO_FEDERATION", "SLURM_CLUSTERS", "SLURM_JSON", "SLURM_YAML"})) {
    return 1;
  }
  options->all_partitions = getenv("SINFO_ALL") != nullptr;
  options->future = getenv("SCONTROL_FUTURE") != nullptr;
  Typed typed;
  if (std::string value = Environment("SINFO_PARTITION"); !value.empty()) typed.partitions = value;
  if (std::string value = Environment("SINFO_SORT"); !value.empty()) typed.sort = value;
  std::vector<std::string> operands;
  if (auto code = ReadOptions(argc, argv, OptionTable(&typed, options), &operands)) return code;
  if (!operands.empty()) {
    PrintError("sinfo", StrCat("Unrecognized option: ", operands.front()));
    fputs(kUsage, stderr);
    return 1;
  }
  const std::string partitions = typed.partitions.value_or("");
  for (std::string_view name : SplitSkipEmpty(partitions, ",")) {
    options->partitions.emplace_back(name);
  }
  options->sort = options->by_node ? "N" : "#P,-t";
  if (typed.sort && !typed.sort->empty()) options->sort = *typed.sort;
  const bool good = TakeStates(typed, options) && TakeNodes(typed, options) &&
                    TakeIterate(typed, options) && TakeFormat(typed, options);
  return good ? std::nullopt : std::optional<int>(1);
}

}  // namespace reeve::cli
