// What every command of the one client binary shares: its entry point's form and its way of
// speaking on stderr.
#pragma once

#include <string_view>

namespace reeve::cli {

// A command gets its arguments with argv[0] being its own plain name ("sbatch"), and returns the
// process's exit code. It may leave threads and open channels behind: main flushes stdio and
// leaves through _exit, so no destructor of a static object runs.
using Main = int (*)(int argc, char** argv);

int Sbatch(int argc, char** argv);
int Srun(int argc, char** argv);
int Salloc(int argc, char** argv);
int Squeue(int argc, char** argv);
int Sinfo(int argc, char** argv);
int Scancel(int argc, char** argv);
int Scontrol(int argc, char** argv);
int Sacct(int argc, char** argv);
int Sprio(int argc, char** argv);

// `reeve VERB`: argv[0] is the verb.
int CheckConfig(int argc, char** argv);  // 0: good; 1: prints each problem; 2: wrong usage
int ClusterMain(int argc, char** argv);
int Doctor(int argc, char** argv);
int Explain(int argc, char** argv);  // 0: all were explained
int Sim(int argc, char** argv);
int Bench(int argc, char** argv);  // 0: nothing was refused; 2: wrong usage

// "sbatch: error: MESSAGE" on stderr, after whatever is still buffered for stdout.
void PrintError(std::string_view command, std::string_view message);
// "sbatch: MESSAGE" on stderr.
void PrintInfo(std::string_view command, std::string_view message);

// "slurm 26.05.0" on stdout: what --version and -V of the Slurm-named commands print.
void PrintSlurmVersion();

}  // namespace reeve::cli
