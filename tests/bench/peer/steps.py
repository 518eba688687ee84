"""srun and MPI: from the start of the command until its end."""
import pathlib
import shutil
import subprocess

from clients import load
from registry import Figure, measurement, times
from system import Failure

HELLO = pathlib.Path(__file__).with_name("mpi_hello.c")


def srun(bench, system, out, nodes, count):
    hosts = system.work / "hosts"
    with system.interactive():
        result = load(system, ["srun", "-Q", "-N", str(nodes), "hostname"], 1, count, output=hosts)
    said = hosts.read_text().split()
    hosts.unlink()
    if len(said) != count * nodes or not set(said) <= set(system.hosts.nodes):
        raise Failure(f"{count} times srun on {nodes} hosts said {len(said)} names: {sorted(set(said))}")
    out.put("p50", result.quantile(0.5), result.latencies)
    out.put("p99", result.quantile(0.99))


def figures():
    return {"p50": Figure("p50", "ms", target=times(4)), "p99": Figure("p99", "ms")}


@measurement("srun-1", figures())
def srun_one(bench, system, out):
    """srun hostname on one host"""
    srun(bench, system, out, 1, bench.count(100, 10))


@measurement("srun-4", figures())
def srun_four(bench, system, out):
    """srun -N 4 hostname"""
    srun(bench, system, out, 4, bench.count(60, 6))


def hello(bench, system, out, argv, count):
    """argv, and then the program. It says one line when all of its 64 ranks have met."""
    program = system.work / "mpi_hello"
    if not program.exists():
        if shutil.which("mpicc") is None:
            raise Failure("mpicc is not installed (libopenmpi-dev)")
        subprocess.run(["mpicc", "-O2", str(HELLO), "-o", str(program)], check=True)
    said = system.work / "hello"
    with system.interactive():
        result = load(system, [*argv, str(program)], 1, count, output=said, timeout=180)
    lines = said.read_text().splitlines()
    said.unlink()
    if [line for line in lines if line.startswith("hello")] != ["hello from 64 ranks"] * count:
        raise Failure(f"the ranks said: {lines[:3]}")
    out.put("p50", result.quantile(0.5), result.latencies)


@measurement("mpi-mpirun", {"p50": Figure("p50", "ms")})
def mpirun(bench, system, out):
    """salloc and mpirun of an MPI hello, 4 hosts of 16 ranks"""
    hello(bench, system, out, ["salloc", "-Q", "-N", "4", "--ntasks-per-node=16", "mpirun"], bench.count(5, 1))


@measurement("mpi-srun", {"p50": Figure("p50", "ms")})
def srun_pmix(bench, system, out):
    """srun --mpi=pmix of an MPI hello, 4 hosts of 16 ranks"""
    hello(bench, system, out, ["srun", "-Q", "--mpi=pmix", "-N", "4", "--ntasks-per-node=16"], bench.count(5, 1))
