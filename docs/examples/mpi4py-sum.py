"""Every rank adds its part of 1 + 2 + ... + N; rank 0 prints the sum and who took part."""
import socket

from mpi4py import MPI

N = 1_000_000
comm = MPI.COMM_WORLD
part = sum(range(comm.rank + 1, N + 1, comm.size))
total = comm.reduce(part, op=MPI.SUM, root=0)
hosts = comm.gather(socket.gethostname(), root=0)
if comm.rank == 0:
    for rank, host in enumerate(hosts):
        print(f"rank {rank} of {comm.size} ran on {host}")
    print(f"1 + ... + {N} = {total}")
    assert total == N * (N + 1) // 2
