#include "cli/option_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "cli/srun_request.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// One command's reading of its options, from the weakest source to the strongest.
struct Reading {
  explicit Reading(Command which) : command(which) {}

  Reading& Script(std::vector<std::string> words) {
    return Words(std::move(words), Source::kScript);
  }
  Reading& Line(std::vector<std::string> words) {
    return Words(std::move(words), Source::kCommandLine);
  }
  Reading& Environment(std::map<std::string, std::string> variables) {
    testing::internal::CaptureStderr();
    Note(ApplyEnvironment(
        command,
        [&](const char* name) -> const char* {
          auto found = variables.find(name);
          return found == variables.end() ? nullptr : found->second.c_str();
        },
        &request));
    said += testing::internal::GetCapturedStderr();
    return *this;
  }
  Reading& Words(std::vector<std::string> words, Source source) {
    words.insert(words.begin(), std::string(CommandName(command)));
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    int argc = static_cast<int>(words.size());
    testing::internal::CaptureStderr();
    std::optional<ParsedArguments> parsed = ParseArguments(command, argc, argv.data());
    if (parsed) {
      operands.assign(words.begin() + parsed->first_operand, words.end());
      Note(ApplyOptions(command, parsed->options, source, &request));
    } else {
      Note(255);
    }
    said += testing::internal::GetCapturedStderr();
    return *this;
  }
  void Note(std::optional<int> code) {
    if (code && !exit_code) exit_code = code;
  }

  Command command;
  JobRequest request;
  std::optional<int> exit_code;
  std::string said;
  std::vector<std::string> operands;
};

// What a measured sample of Slurm holds between its "--- stderr:" and "--- exit code:" lines.
void ExpectRefusal(const Reading& reading, std::string_view said, int exit_code) {
  EXPECT_EQ(reading.said, said);
  ASSERT_TRUE(reading.exit_code.has_value());
  EXPECT_EQ(*reading.exit_code, exit_code);
}

TEST(OptionParser, ReadsLongShortClusteredAndAbbreviatedForms) {
  Reading reading(kSbatch);
  reading.Line(
      {"-N2-4", "-n", "8", "--cpus-per-task=2", "--part", "long", "-HQ", "job.sh", "-n", "99"});
  EXPECT_EQ(reading.exit_code, std::nullopt) << reading.said;
  const pb::JobSpec& spec = reading.request.spec;
  EXPECT_EQ(spec.min_nodes(), 2u);
  EXPECT_EQ(spec.max_nodes(), 4u);
  EXPECT_EQ(spec.num_tasks(), 8u);
  EXPECT_EQ(spec.cpus_per_task(), 2u);
  EXPECT_EQ(spec.partition(), "long");
  EXPECT_TRUE(spec.hold());
  EXPECT_TRUE(reading.request.quiet);
  EXPECT_THAT(reading.operands, ElementsAre("job.sh", "-n", "99"));
}

TEST(OptionParser, CommandLineBeatsEnvironmentBeatsScript) {
  Reading reading(kSbatch);
  reading.Script({"-J", "script", "-p", "script", "-t", "1"})
      .Environment({{"SBATCH_JOB_NAME", "environment"}, {"SBATCH_PARTITION", "environment"}})
      .Line({"-J", "line"});
  EXPECT_EQ(reading.request.spec.name(), "line");
  EXPECT_EQ(reading.request.spec.partition(), "environment");
  EXPECT_EQ(reading.request.spec.time_limit(), 60);
}

TEST(OptionParser, EachCommandReadsItsOwnVariables) {
  std::map<std::string, std::string> variables = {{"SBATCH_PARTITION", "b"},
                                                  {"SALLOC_PARTITION", "a"},
                                                  {"SLURM_PARTITION", "r"},
                                                  {"SLURM_NTASKS", "3"}};
  EXPECT_EQ(Reading(kSbatch).Environment(variables).request.spec.partition(), "b");
  EXPECT_EQ(Reading(kSalloc).Environment(variables).request.spec.partition(), "a");
  Reading srun(kSrun);
  EXPECT_EQ(srun.Environment(variables).request.spec.partition(), "r");
  EXPECT_EQ(srun.request.spec.num_tasks(), 3u);
  EXPECT_FALSE(Reading(kSbatch).Environment(variables).request.spec.has_num_tasks());
}

TEST(OptionParser, RefusesWithSlurmsWordsAndCodes) {
  ExpectRefusal(Reading(kSbatch).Line({"--bogus"}),
                "sbatch: unrecognized option '--bogus'\n"
                "Try \"sbatch --help\" for more information\n",
                255);
  ExpectRefusal(Reading(kSbatch).Line({"-t", "abc"}),
                "sbatch: error: Invalid --time specification\n", 255);
  ExpectRefusal(Reading(kSbatch).Line({"--mem=zzz"}),
                "sbatch: error: Invalid --mem specification\n", 255);
  ExpectRefusal(Reading(kSbatch).Line({"-c", "0"}),
                "sbatch: error: Invalid numeric value \"0\" for --cpus-per-task.\n", 1);
  ExpectRefusal(Reading(kSbatch).Line({"-n", "0"}),
                "sbatch: error: Invalid numeric value \"0\" for --ntasks.\n", 1);
  ExpectRefusal(Reading(kSbatch).Line({"-N", "3-2"}),
                "sbatch: error: Maximum node count 2 is less than minimum node count 3\n", 255);
  ExpectRefusal(Reading(kSbatch).Line({"--begin=xx"}),
                "Invalid time specification (pos=0): xx\n"
                "sbatch: error: Invalid --begin specification\n",
                255);
  ExpectRefusal(Reading(kSbatch).Line({"--mail-type=NOPE"}),
                "sbatch: error: Invalid --mail-type specification\n", 255);
}

TEST(OptionParser, RefusesWhatIsNotSupportedByName) {
  ExpectRefusal(Reading(kSbatch).Line({"--container=/x"}),
                "sbatch: error: --container is not supported yet\n", 255);
  ExpectRefusal(Reading(kSrun).Line({"--mpi=pmi2"}),
                "srun: error: --mpi=pmi2 is not supported yet\n", 255);
  ExpectRefusal(Reading(kSrun).Line({"--pty"}), "srun: error: --pty is not supported yet\n", 255);
  ExpectRefusal(Reading(kSbatch).Line({"--mail-type=END"}),
                "sbatch: error: --mail-type=END is not supported yet\n", 255);
  ExpectRefusal(Reading(kSbatch).Environment({{"SBATCH_CORE_SPEC", "1"}}),
                "sbatch: error: --core-spec is not supported yet (from SBATCH_CORE_SPEC in the "
                "environment)\n",
                255);
}

TEST(OptionParser, KnowsTheTypesOfMpi) {
  EXPECT_EQ(Reading(kSrun).Line({}).request.mpi, std::nullopt);
  EXPECT_EQ(Reading(kSrun).Line({"--mpi=none"}).request.mpi, "none");
  EXPECT_EQ(Reading(kSrun).Line({"--mpi=pmix_v4"}).request.mpi, "pmix");
  Reading both(kSrun);
  both.Environment({{"SLURM_MPI_TYPE", "pmix"}});
  EXPECT_EQ(both.request.mpi, "pmix");
  EXPECT_EQ(both.Line({"--mpi=none"}).request.mpi, "none");
}

TEST(OptionParser, TakesTheConfiguredTypeOfMpi) {
  const auto type = [](const std::string& line) {
    absl::StatusOr<Config> config =
        ParseConfig("ClusterName=c\nSlurmctldHost=a\nNodeName=n1\n" + line, "slurm.conf");
    return config.ok() ? DefaultMpiType(*config) : std::string(config.status().message());
  };
  EXPECT_EQ(type(""), "none");
  EXPECT_EQ(type("MpiDefault=none\n"), "none");
  EXPECT_EQ(type("MpiDefault=pmix\n"), "pmix");
  EXPECT_EQ(type("MpiDefault=mpi/PMIx_v4\n"), "pmix");
}

TEST(OptionParser, WhatOpenMpiAndHydraTypeIsUnderstood) {
  Reading mpirun(kSrun);
  mpirun
      .Environment({{"SLURM_CPU_BIND", "none"},
                    {"SLURM_JOB_ID", "12"},
                    {"SLURM_NNODES", "3"},
                    {"SLURM_NTASKS", "6"},
                    {"SLURM_NTASKS_PER_NODE", "2"}})
      .Line({"--ntasks-per-node=1", "--kill-on-bad-exit", "--mpi=none", "--external-launcher",
             "--nodes=2", "--nodelist=n2,n3", "--ntasks=2", "orted", "-mca", "ess", "slurm"});
  EXPECT_EQ(mpirun.exit_code, std::nullopt) << mpirun.said;
  EXPECT_EQ(mpirun.request.job_id, 12u);
  EXPECT_EQ(mpirun.request.spec.min_nodes(), 2u);
  EXPECT_EQ(mpirun.request.spec.num_tasks(), 2u);
  EXPECT_EQ(mpirun.request.spec.ntasks_per_node(), 1u);
  EXPECT_EQ(mpirun.request.kill_on_bad_exit, true);
  EXPECT_TRUE(mpirun.request.external_launcher);
  EXPECT_EQ(mpirun.operands.front(), "orted");

  Reading hydra(kSrun);
  hydra.Line({"-N", "3", "-n", "3", "--input", "none", "hydra_pmi_proxy"});
  EXPECT_EQ(RouteStdio(hydra.request.spec).in.kind, StreamRoute::Kind::kNone);
}

TEST(OptionParser, TimeZeroAndUnlimitedAreNoLimit) {
  EXPECT_EQ(Reading(kSbatch).Line({"-t", "0"}).request.spec.time_limit(), -1);
  EXPECT_EQ(Reading(kSbatch).Line({"-t", "UNLIMITED"}).request.spec.time_limit(), -1);
  EXPECT_EQ(Reading(kSbatch).Line({"-t", "1-2"}).request.spec.time_limit(), 26 * 3600);
}

TEST(OptionParser, StrongerMemoryRequestWins) {
  Reading reading(kSbatch);
  reading.Script({"--mem=4G"}).Line({"--mem-per-cpu=100"});
  EXPECT_EQ(CheckCombinations(&reading.request, false), std::nullopt);
  EXPECT_FALSE(reading.request.spec.has_mem_per_node_mb());
  EXPECT_EQ(reading.request.spec.mem_per_cpu_mb(), 100u);

  Reading both(kSbatch);
  both.Line({"--mem=4G", "--mem-per-cpu=100"});
  EXPECT_NE(CheckCombinations(&both.request, false), std::nullopt);
}

TEST(OptionParser, AsksForGenericResources) {
  Reading reading(kSbatch);
  reading.Line({"--gres=gres/gpu:a100:2,nic", "-G", "8", "--gpus-per-task=h100:1",
                "--cpus-per-gpu=3", "--mem-per-gpu=2G"});
  EXPECT_EQ(CheckCombinations(&reading.request, true), std::nullopt);
  const pb::JobSpec& spec = reading.request.spec;
  EXPECT_EQ(spec.gres(), "gpu:a100:2,nic:1");
  EXPECT_EQ(spec.gpus(), "8");
  EXPECT_EQ(spec.gpus_per_task(), "h100:1");
  EXPECT_EQ(spec.cpus_per_gpu(), 3u);
  EXPECT_EQ(spec.mem_per_gpu_mb(), 2048u);

  Reading tres(kSrun);
  tres.Line({"--tres-per-task=cpu=2,gres/gpu:a100=1", "--gres=none", "prog"});
  EXPECT_EQ(tres.request.spec.cpus_per_task(), 2u);
  EXPECT_EQ(tres.request.spec.gpus_per_task(), "a100:1");
  EXPECT_EQ(tres.request.spec.gres(), "none");

  Reading both(kSbatch);
  both.Line({"--mem=4G", "--mem-per-gpu=100"});
  EXPECT_NE(CheckCombinations(&both.request, true), std::nullopt);

  Reading rubbish(kSbatch);
  rubbish.Line({"-G", "-x", "script"});
  ExpectRefusal(rubbish,
                "sbatch: error: Invalid generic resource (gres) specification: --gpus=-x\n", 1);
}

TEST(OptionParser, AsksForLicenses) {
  Reading reading(kSbatch);
  reading.Script({"--licenses=bar"}).Line({"-L", "foo:4,bar"});
  EXPECT_EQ(reading.request.spec.licenses(), "foo:4,bar");
}

TEST(OptionParser, AsksForFewSwitches) {
  Reading reading(kSbatch);
  reading.Script({"--switches=3@1:00:00"}).Line({"--switches=2@10"});
  EXPECT_EQ(reading.request.spec.switches(), 2u);
  EXPECT_EQ(reading.request.spec.switches_wait(), 600);
  Reading without(kSalloc);
  without.Line({"--switches=1"});
  EXPECT_EQ(without.request.spec.switches(), 1u);
  EXPECT_FALSE(without.request.spec.has_switches_wait());
}

TEST(OptionParser, TheTimeForSwitchesHasAVariableOfItsOwn) {
  for (const auto& [command, prefix] :
       {std::pair{kSbatch, "SBATCH_"}, std::pair{kSalloc, "SALLOC_"}, std::pair{kSrun, "SLURM_"}}) {
    Reading reading(command);
    reading.Environment(
        {{StrCat(prefix, "REQ_SWITCH"), "2"}, {StrCat(prefix, "WAIT4SWITCH"), "5"}});
    EXPECT_EQ(reading.request.spec.switches(), 2u);
    EXPECT_EQ(reading.request.spec.switches_wait(), 300);
  }
}

TEST(OptionParser, AsksForASignalBeforeTheEnd) {
  const auto asked = [](std::string_view value) {
    Reading reading(kSbatch);
    reading.Line({StrCat("--signal=", value)});
    const pb::EndWarning& warning = reading.request.spec.warning();
    return reading.exit_code.has_value()
               ? reading.said
               : StrCat(warning.signal(), "@", warning.before(), warning.batch_only() ? " B" : "");
  };
  EXPECT_EQ(asked("USR1"), "10@60");
  EXPECT_EQ(asked("SIGusr2@300"), "12@300");
  EXPECT_EQ(asked("B:15@0"), "15@0 B");
  EXPECT_EQ(asked("b:TERM@65535"), "15@65535 B");
  for (const char* bad : {"", "FOO", "0", "65", "@60", "USR1@", "USR1@x", "USR1@-1", "USR1@65536",
                          "B:", ":USR1", "X:USR1", "BB:USR1"}) {
    EXPECT_EQ(asked(bad), "sbatch: error: Invalid --signal specification\n") << bad;
  }
  for (const char* overlapping : {"R:USR1", "RB:USR1@60"}) {
    EXPECT_EQ(asked(overlapping),
              StrCat("sbatch: error: --signal=", overlapping,
                     " is not supported yet: R lets a job start that would run into a reservation "
                     "of others\n"));
  }
}

TEST(OptionParser, OnlyABatchScriptHasAShellToSignal) {
  Reading srun(kSrun);
  srun.Environment({{"SLURM_SIGNAL", "HUP@5"}});
  EXPECT_EQ(srun.request.spec.warning().signal(), 1u);
  EXPECT_EQ(srun.request.spec.warning().before(), 5);
  ExpectRefusal(
      Reading(kSrun).Line({"--signal=B:USR1", "x"}),
      "srun: error: --signal=B:USR1: B is for the shell of a batch script, here is none\n", 255);
  ExpectRefusal(Reading(kSalloc).Environment({{"SALLOC_SIGNAL", "B:10"}}),
                "salloc: error: --signal=B:10: B is for the shell of a batch script, here is none "
                "(from SALLOC_SIGNAL in the environment)\n",
                255);
  Reading script(kSbatch);
  script.Script({"--signal=B:USR1@120"}).Environment({{"SBATCH_SIGNAL", "USR2"}});
  EXPECT_EQ(script.request.spec.warning().signal(), 12u);
  EXPECT_EQ(script.request.spec.warning().before(), 60);
  EXPECT_FALSE(script.request.spec.warning().batch_only());
}

TEST(OptionParser, SbatchAndSrunMayOnlyTest) {
  Reading script(kSbatch);
  EXPECT_FALSE(script.request.test_only);
  EXPECT_TRUE(script.Script({"--test-only"}).request.test_only);
  Reading srun(kSrun);
  srun.Line({"--test-only", "x"});
  EXPECT_TRUE(srun.request.test_only);
  EXPECT_THAT(srun.operands, ElementsAre("x"));
  EXPECT_EQ(Reading(kSalloc).Line({"--test-only"}).exit_code, 255) << "it has no such option";
}

// Of a job, when all is read.
pb::CpuWishes CpusAsked(std::vector<std::string> words,
                        std::map<std::string, std::string> variables = {}) {
  Reading reading(kSbatch);
  reading.Environment(std::move(variables)).Line(std::move(words));
  EXPECT_EQ(CheckCombinations(&reading.request, false), std::nullopt);
  EXPECT_EQ(reading.said, "");
  return reading.request.spec.cpus();
}

TEST(OptionParser, AsksForSocketsCoresAndThreads) {
  const pb::CpuWishes all = CpusAsked({"--sockets-per-node=2", "--cores-per-socket=4",
                                       "--threads-per-core=2", "--ntasks-per-socket=3",
                                       "--ntasks-per-core=1", "-m", "block:Cyclic:fcyclic,NoPack"});
  EXPECT_EQ(all.sockets_per_node(), 2u);
  EXPECT_EQ(all.cores_per_socket(), 4u);
  EXPECT_EQ(all.threads_per_core(), 2u);
  EXPECT_EQ(all.ntasks_per_socket(), 3u);
  EXPECT_EQ(all.ntasks_per_core(), 1u);
  EXPECT_EQ(all.distribution(), "block:cyclic:fcyclic");
  for (const char* option : {"--ntasks-per-core=0", "--threads-per-core=x"}) {
    const std::string text = option;
    const size_t equals = text.find('=');
    ExpectRefusal(Reading(kSbatch).Line({text}),
                  StrCat("sbatch: error: Invalid numeric value \"", text.substr(equals + 1),
                         "\" for ", text.substr(0, equals), ".\n"),
                  1);
  }
}

TEST(OptionParser, ExtraNodeInfoCountsTasksToo) {
  const auto asked = [](std::vector<std::string> words) {
    Reading reading(kSbatch);
    reading.Line(std::move(words));
    EXPECT_EQ(CheckCombinations(&reading.request, false), std::nullopt);
    const pb::CpuWishes& cpus = reading.request.spec.cpus();
    return StrCat(cpus.sockets_per_node(), ":", cpus.cores_per_socket(), ":",
                  cpus.threads_per_core(), " -n", reading.request.spec.num_tasks());
  };
  EXPECT_EQ(asked({"-B", "2"}), "2:0:0 -n2");
  EXPECT_EQ(asked({"-B", "2:4"}), "2:4:0 -n8");
  EXPECT_EQ(asked({"-B", "2-3:4:1"}), "2:4:1 -n8");
  EXPECT_EQ(asked({"-B", "*:*:2"}), "0:0:2 -n2");
  EXPECT_EQ(asked({"-B", "2:4:2", "-n3"}), "2:4:2 -n3");
  EXPECT_EQ(asked({"-B", "2:2:2", "-N2"}), "2:2:2 -n16");
  ExpectRefusal(Reading(kSbatch).Line({"-B", "x"}),
                "sbatch: error: Invalid numeric value \"x\" for first arg of -B.\n", 1);
  ExpectRefusal(Reading(kSbatch).Line({"-B", "2:0"}),
                "sbatch: error: Invalid numeric value \"0\" for second arg of -B.\n", 1);
}

TEST(OptionParser, HintsComeToCounts) {
  EXPECT_EQ(CpusAsked({"--hint=nomultithread"}).threads_per_core(), 1u);
  EXPECT_EQ(CpusAsked({"--hint=compute_bound"}).threads_per_core(), 1u);
  EXPECT_EQ(CpusAsked({"--hint=memory_bound"}).cores_per_socket(), 1u);
  EXPECT_EQ(CpusAsked({"--hint=multithread"}).threads_per_core(), 0u);
  EXPECT_EQ(CpusAsked({"--hint=multithread"}).hint(), "multithread");
  // What is said in numbers counts, unless it is said less strongly.
  EXPECT_EQ(CpusAsked({"--hint=nomultithread", "--threads-per-core=2"}).threads_per_core(), 2u);
  EXPECT_EQ(CpusAsked({"--hint=nomultithread", "--ntasks-per-core=2"}).hint(), "");
  EXPECT_EQ(
      CpusAsked({"--hint=nomultithread"}, {{"SBATCH_THREADS_PER_CORE", "2"}}).threads_per_core(),
      1u);
  EXPECT_EQ(CpusAsked({"--threads-per-core=2"}, {{"SBATCH_HINT", "nomultithread"}}).hint(), "");
  ExpectRefusal(Reading(kSbatch).Line({"--hint=foo"}),
                "sbatch: error: unrecognized --hint argument \"foo\", see --hint=help\n", 1);
  EXPECT_THAT(Reading(kSbatch).Line({"--hint=help"}).said, HasSubstr("  nomultithread "));
}

TEST(OptionParser, DistributionsAreOfThreeLevels) {
  for (const char* good : {"block", "cyclic:*", "*:block:cyclic", "cyclic:fcyclic"}) {
    EXPECT_EQ(CpusAsked({"-m", good}).distribution(), good);
  }
  for (const char* bad : {"foo", "block:foo", "fcyclic", "block:block:block:block", "block,Foo"}) {
    ExpectRefusal(Reading(kSbatch).Line({"-m", bad}),
                  "sbatch: error: Invalid --distribution specification\n", 255);
  }
  for (const char* other : {"plane=2", "arbitrary", "block,Pack"}) {
    ExpectRefusal(Reading(kSrun).Line({"-m", other}),
                  StrCat("srun: error: --distribution=", other, " is not supported yet\n"), 255);
  }
}

TEST(OptionParser, TasksForEachGpu) {
  const auto settled = [](int tasks, std::vector<std::string> words) {
    Reading reading(kSbatch);
    words.push_back(StrCat("--ntasks-per-gpu=", tasks));
    reading.Line(std::move(words));
    const auto fault = CheckCombinations(&reading.request, true);
    const pb::JobSpec& spec = reading.request.spec;
    return fault ? fault->message
                 : StrCat(spec.gpus_per_task(), "/", spec.ntasks_per_node(), "/", spec.gpu_bind());
  };
  EXPECT_EQ(settled(1, {"-n4"}), "1/0/");
  EXPECT_EQ(settled(1, {"--gpus=a100:4"}), "1/0/");
  EXPECT_EQ(settled(1, {}), "Invalid generic resource (gres) specification");
  EXPECT_EQ(settled(1, {"--gpus=4", "--ntasks-per-node=2"}),
            "--ntasks-per-node is mutually exclusive with --ntasks-per-gpu");
  EXPECT_EQ(settled(2, {"--gres=gpu:a100:2,nic"}), "/4/single:2");
  EXPECT_EQ(settled(2, {"--gpus-per-node=3", "--gpu-bind=none"}), "/6/none");
  EXPECT_EQ(settled(2, {"--gpus=4"}),
            "--ntasks-per-gpu=2 without a number of GPUs of a node is not supported yet");
  ExpectRefusal(Reading(kSbatch).Line({"--gpu-bind=foo"}),
                "sbatch: error: Invalid --gpu-bind argument: gpu:foo\n", 255);
  ExpectRefusal(Reading(kSbatch).Line({"--gpu-bind=closest"}),
                "sbatch: error: --gpu-bind=closest is not supported yet\n", 255);
  EXPECT_TRUE(CpusAsked({"--gres-flags=disable-binding"}).far_from_gpus());
  ExpectRefusal(Reading(kSbatch).Line({"--gres-flags=foo"}),
                "sbatch: error: Invalid --gres-flags specification\n", 255);
  ExpectRefusal(Reading(kSbatch).Line({"--gres-flags=enforce-binding"}),
                "sbatch: error: --gres-flags=enforce-binding is not supported yet\n", 255);
}

TEST(OptionParser, ExclusiveIsOfNodesOrOfUsers) {
  Reading reading(kSbatch);
  reading.Script({"--exclusive"}).Line({"--exclusive=user"});
  EXPECT_TRUE(reading.request.spec.exclusive_user());
  EXPECT_FALSE(reading.request.spec.exclusive());
  Reading whole(kSbatch);
  whole.Script({"--exclusive=user"}).Line({"--exclusive", "--contiguous", "-C", "[a|b]"});
  EXPECT_FALSE(whole.request.spec.exclusive_user());
  EXPECT_TRUE(whole.request.spec.exclusive());
  EXPECT_TRUE(whole.request.spec.contiguous());
  EXPECT_EQ(whole.request.spec.features(), "[a|b]");
  ExpectRefusal(Reading(kSbatch).Line({"--exclusive=mcs"}),
                "sbatch: error: --exclusive=mcs is not supported yet\n", 255);
}

TEST(OptionParser, AbsentResourcesAreRefusedAsSlurmDoes) {
  auto message = [](std::vector<std::string> words) {
    Reading reading(kSbatch);
    reading.Line(std::move(words));
    return CheckCombinations(&reading.request, false)->message;
  };
  EXPECT_EQ(message({"--gres=gpu:1"}), "Invalid generic resource (gres) specification");
}

TEST(OptionParser, EveryOptionOfSlurmIsInTheTable) {
  std::ifstream list(std::string(GOLDEN_DIR) + "/option_names.txt");
  ASSERT_TRUE(list) << "golden/option_names.txt";
  std::string line;
  while (std::getline(list, line)) {
    std::istringstream words(line);
    std::string command_name, option;
    words >> command_name;
    Command command = command_name == "sbatch" ? kSbatch : command_name == "srun" ? kSrun : kSalloc;
    while (words >> option) {
      EXPECT_NE(FindJobOption(command, option.substr(2)), nullptr) << command_name << " " << option;
    }
  }
}

TEST(OptionParser, HelpIsGolden) {
  for (Command command : {kSbatch, kSrun, kSalloc}) {
    JobRequest request;
    request.action = Action::kHelp;
    testing::internal::CaptureStdout();
    EXPECT_EQ(PrintActionAnswer(command, request), 0);
    std::string printed = testing::internal::GetCapturedStdout();
    std::string path =
        std::string(GOLDEN_DIR) + "/help-" + std::string(CommandName(command)) + ".txt";
    std::ifstream file(path);
    std::stringstream golden;
    golden << file.rdbuf();
    EXPECT_EQ(printed, golden.str()) << path;
  }
}

TEST(SrunRequest, FewerTasksThanNodesTakesFewerNodes) {
  Reading reading(kSrun);
  reading.Environment({{"SLURM_NNODES", "2"}}).Line({"-n1", "hostname"});
  std::vector<std::string> warnings;
  EXPECT_EQ(SettleStepRequest(true, &reading.request, &warnings), std::nullopt);
  EXPECT_EQ(reading.request.spec.max_nodes(), 1u);
  EXPECT_THAT(warnings,
              ElementsAre("Warning: can't run 1 processes on 2 nodes, setting nnodes to 1"));
}

TEST(SrunRequest, TypedTaskCountBeatsTheOuterJobsLayout) {
  Reading reading(kSrun);
  reading.Environment({{"SLURM_NTASKS", "4"}, {"SLURM_NTASKS_PER_NODE", "2"}}).Line({"-n3", "x"});
  std::vector<std::string> warnings;
  SettleStepRequest(true, &reading.request, &warnings);
  EXPECT_EQ(reading.request.spec.num_tasks(), 3u);
  EXPECT_FALSE(reading.request.spec.has_ntasks_per_node());
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(SrunRequest, StepsInheritTheLayoutOfTheirJob) {
  std::vector<std::string> warnings;
  Reading reading(kSrun);
  reading
      .Environment({{"SLURM_NTASKS_PER_SOCKET", "1"},
                    {"SLURM_HINT", "nomultithread"},
                    {"SLURM_THREADS_PER_CORE", "1"},
                    {"SLURM_DISTRIBUTION", "block:cyclic"}})
      .Line({"x"});
  EXPECT_EQ(CheckCombinations(&reading.request, false), std::nullopt);
  EXPECT_EQ(SettleStepRequest(true, &reading.request, &warnings), std::nullopt);
  EXPECT_EQ(reading.request.spec.cpus().threads_per_core(), 1u);
  EXPECT_EQ(reading.request.spec.cpus().ntasks_per_socket(), 1u);
  EXPECT_EQ(reading.request.distribution, "block:cyclic");
  // A number of tasks that is typed is not bounded by what was said of the job's.
  reading.Line({"-n5", "x"});
  SettleStepRequest(true, &reading.request, &warnings);
  EXPECT_EQ(reading.request.spec.cpus().ntasks_per_socket(), 0u);
  EXPECT_EQ(reading.request.spec.cpus().threads_per_core(), 1u);
  Reading typed(kSrun);
  typed.Line({"--sockets-per-node=2", "x"});
  const auto fault = SettleStepRequest(true, &typed.request, &warnings);
  ASSERT_TRUE(fault.has_value());
  EXPECT_THAT(fault->message, HasSubstr("--sockets-per-node for a step inside of a job"));
}

TEST(SrunRequest, MemoryOfAStepIsRefusedUnlessInherited) {
  std::vector<std::string> warnings;
  Reading typed(kSrun);
  typed.Line({"--mem=1G", "x"});
  auto fault = SettleStepRequest(true, &typed.request, &warnings);
  ASSERT_TRUE(fault.has_value());
  EXPECT_THAT(fault->message, HasSubstr("--mem for a step inside of a job is not supported yet"));
  Reading inherited(kSrun);
  inherited.Environment({{"SLURM_MEM_PER_NODE", "100"}}).Line({"x"});
  EXPECT_EQ(SettleStepRequest(true, &inherited.request, &warnings), std::nullopt);
}

TEST(SrunRequest, AStepHasNoSignalOfItsOwn) {
  std::vector<std::string> warnings;
  Reading typed(kSrun);
  typed.Line({"--signal=USR1", "x"});
  EXPECT_EQ(SettleStepRequest(false, &typed.request, &warnings), std::nullopt) << "of its job";
  auto fault = SettleStepRequest(true, &typed.request, &warnings);
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->message, "--signal for a step inside of a job is not supported yet");
  Reading variable(kSrun);
  variable.Environment({{"SLURM_SIGNAL", "USR1"}}).Line({"x"});
  fault = SettleStepRequest(true, &variable.request, &warnings);
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->message, "SLURM_SIGNAL for a step inside of a job is not supported yet");
}

TEST(SrunRequest, OnlyAJobIsTested) {
  std::vector<std::string> warnings;
  Reading typed(kSrun);
  typed.Line({"--test-only", "x"});
  EXPECT_EQ(SettleStepRequest(false, &typed.request, &warnings), std::nullopt);
  const auto fault = SettleStepRequest(true, &typed.request, &warnings);
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->message, "--test-only for a step inside of a job is not supported yet");
}

TEST(SrunRequest, RoutesStreamsByPattern) {
  using Kind = StreamRoute::Kind;
  EXPECT_EQ(RouteStream("").kind, Kind::kSrun);
  EXPECT_EQ(RouteStream("all").kind, Kind::kSrun);
  EXPECT_EQ(RouteStream("/dev/null").kind, Kind::kNone);
  EXPECT_EQ(RouteStream("2").kind, Kind::kOneTask);
  EXPECT_EQ(RouteStream("out-%j.txt").kind, Kind::kFile);
  EXPECT_EQ(RouteStream("out-%j_%t.txt").kind, Kind::kNode);
  pb::JobSpec spec;
  spec.set_std_out("x-%t");
  EXPECT_EQ(RouteStdio(spec).err.pattern, "x-%t");
}

}  // namespace
}  // namespace reeve::cli
