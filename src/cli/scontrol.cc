// scontrol: looks at and changes jobs, nodes, partitions and the configuration.
#include "cli/scontrol.h"

#include <cstdio>
#include <cstdlib>

#include "cli/command.h"
#include "cli/command_options.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr char kHelp[] =
    "Usage: scontrol [options] COMMAND\n\n"
    "Looking:\n"
    "  show job|step [ID]          one or all; also show node|partition [NAME]\n"
    "  show config|daemons         the controller's configuration; what runs on this host\n"
    "  show hostnames [LIST]       one name a line; without a list, the job's nodes\n"
    "  show hostlist[sorted] LIST  the short form of a list of names\n"
    "  show licenses|reservation|topology|aliases\n"
    "  ping                        whether the controller answers\n"
    "  write batch_script ID [FILE|-]\n"
    "Jobs (ids, comma lists, array tasks, or name=NAME):\n"
    "  hold, uhold, release        keep from starting; let start again\n"
    "  requeue, requeuehold        start again from the beginning\n"
    "  top                         first among the user's own\n"
    "  suspend, resume             stop where they are, their CPUs are free; go on (operators)\n"
    "Changing:\n"
    "  update JobId=ID KEY=VALUE ...\n"
    "  update NodeName=LIST State=DRAIN|DOWN|FAIL|RESUME|UNDRAIN|IDLE Reason=TEXT ...\n"
    "  update PartitionName=NAME KEY=VALUE ...\n"
    "  create reservation StartTime=.. Duration=.. Users=.. Nodes=LIST|ALL|NodeCnt=N Flags=..\n"
    "  update ReservationName=NAME KEY=VALUE ...\n"
    "  delete ReservationName=NAME\n"
    "  reconfigure                 read the configuration again\n"
    "Options:\n"
    "  -a, --all         hidden partitions too; --hide: without them (default)\n"
    "  -d, --details     more about jobs\n"
    "  -F, --future      nodes in state FUTURE too\n"
    "  -o, --oneliner    one line a record\n"
    "  -Q, --quiet       no messages\n"
    "  -V, --version     print the version\n"
    "  -h, --help        this text\n";

// Verbs that Slurm has and we don't.
constexpr std::string_view kNotSupported[] = {"abort",         "cancel_reboot", "cluster",
                                              "completing",    "errnumstr",     "fsdampeningfactor",
                                              "getaddrs",      "getent",        "gethost",
                                              "listjobs",      "listpids",      "liststeps",
                                              "notify",        "pidinfo",       "power",
                                              "reboot",        "schedloglevel", "setdebug",
                                              "setdebugflags", "shutdown",      "takeover",
                                              "token",         "wait_job"};

constexpr std::string_view kVerbs[] = {"create",      "delete",  "help",    "hold",        "ping",
                                       "reconfigure", "release", "requeue", "requeuehold", "resume",
                                       "show",        "suspend", "top",     "uhold",       "update",
                                       "version",     "write"};

// The verb that `word` is or, with three letters or more, abbreviates; empty for none or several.
std::string_view FindVerb(std::string_view word) {
  std::string_view found;
  auto consider = [&](std::string_view verb) {
    if (EqualsIgnoreCase(verb, word)) return true;
    if (word.size() >= 3 && StartsWithIgnoreCase(verb, word)) found = found.empty() ? verb : " ";
    return false;
  };
  for (std::string_view verb : kVerbs) {
    if (consider(verb)) return verb;
  }
  for (std::string_view verb : kNotSupported) {
    if (consider(verb)) return verb;
  }
  if (EqualsIgnoreCase(word, "holdu")) return "uhold";
  return found == " " ? "" : found;
}

int TooFew(ScontrolSession& session, std::string_view verb) {
  session.Complain(StrCat("too few arguments for keyword:", verb));
  return 1;
}

int TooMany(ScontrolSession& session, std::string_view verb) {
  session.Complain(StrCat("too many arguments for keyword:", verb));
  return 1;
}

int WithoutArguments(ScontrolSession& session, std::string_view verb, const Words& words) {
  if (!words.empty()) return TooMany(session, verb);
  if (verb == "ping") return ScontrolPing(session);
  if (verb == "reconfigure") return ScontrolReconfigure(session);
  if (verb == "version") PrintSlurmVersion();
  if (verb == "help") fputs(kHelp, stdout);
  return 0;
}

int Run(ScontrolSession& session, const std::string& word, const Words& words) {
  const std::string_view verb = FindVerb(word);
  if (verb.empty()) {
    session.Complain(StrCat("invalid keyword: ", word));
    return 1;
  }
  for (std::string_view name : kNotSupported) {
    if (verb != name) continue;
    PrintError("scontrol", StrCat(verb, " is not supported yet"));
    return 1;
  }
  if (verb == "show") {
    if (words.empty()) return TooFew(session, verb);
    if (words.size() > 2) return TooMany(session, verb);
    return ScontrolShow(session, words);
  }
  if (verb == "create" || verb == "delete") {
    if (words.empty()) return TooFew(session, verb);
    return verb == "create" ? ScontrolCreate(session, words) : ScontrolDelete(session, words);
  }
  if (verb == "update") return ScontrolUpdate(session, words);
  if (verb == "write") return words.empty() ? TooFew(session, verb) : ScontrolWrite(session, words);
  if (verb == "ping" || verb == "reconfigure" || verb == "version" || verb == "help") {
    return WithoutArguments(session, verb, words);
  }
  return words.empty() ? TooFew(session, verb) : ScontrolControl(session, verb, words);
}

std::vector<CommandOption> OptionTable(ScontrolSettings* settings) {
  auto hide = [settings](const std::string&) {
    settings->all = false;
    return std::nullopt;
  };
  using enum Argument;
  return {
      {"all", 'a', kNone, StoreTrue(&settings->all)},
      {"clusters", 'M', kRequired, nullptr},
      {"details", 'd', kNone, StoreTrue(&settings->show.details)},
      {"federation", 0, kNone, nullptr},
      {"future", 'F', kNone, StoreTrue(&settings->future)},
      {"help", 'h', kNone, PrintAndExit(kHelp)},
      {"hide", 0, kNone, hide},
      {"json", 0, kOptional, nullptr},
      {"local", 0, kNone, DoNothing()},  // there is no federation
      {"oneliner", 'o', kNone, StoreTrue(&settings->show.one_line)},
      {"quiet", 'Q', kNone, StoreTrue(&settings->quiet)},
      {"sibling", 0, kNone, nullptr},
      {"uid", 'u', kRequired, nullptr},
      {"usage", 0, kNone, PrintAndExit(kHelp)},
      {"verbose", 'v', kNone, nullptr},
      {"version", 'V', kNone, PrintVersionAndExit()},
      {"yaml", 0, kOptional, nullptr},
  };
}

}  // namespace

const ControllerClient* ScontrolSession::client() {
  if (client_ == nullptr) client_ = ControllerClient::CreateOrPrint("scontrol");
  return client_.get();
}

void ScontrolSession::Complain(std::string_view message) const {
  if (settings_.quiet) return;
  fflush(stdout);
  fprintf(stderr, "%s\n", std::string(message).c_str());
}

int ScontrolSession::Fail(std::string_view prefix, const absl::Status& status) const {
  const DaemonError error = ExplainStatus(status);
  for (const std::string& note : error.notes) Complain(note);
  Complain(StrCat(prefix, ": ", error.text));
  return 1;
}

int Scontrol(int argc, char** argv) {
  if (RefuseEnvironment("scontrol", {"SCONTROL_FEDERATION", "SCONTROL_SIBLING", "SLURM_CLUSTERS",
                                     "SLURM_JSON", "SLURM_YAML"})) {
    return 1;
  }
  ScontrolSettings settings;
  settings.all = getenv("SCONTROL_ALL") != nullptr;
  settings.future = getenv("SCONTROL_FUTURE") != nullptr;
  Words words;
  if (auto code = ReadOptions(argc, argv, OptionTable(&settings), &words)) return *code;
  if (words.empty()) {
    PrintError("scontrol", "interactive mode is not supported yet: name a command");
    return 1;
  }
  const std::string verb = words.front();
  words.erase(words.begin());
  ScontrolSession session(settings);
  return Run(session, verb, words);
}

}  // namespace reeve::cli
