/* What pmix_test.py runs: all ranks add up their numbers, a token goes round through all of them,
 * and then, by the first argument:
 *   abort      rank 5 calls MPI_Abort(7), the others wait for it
 *   die        rank 5 is killed, the others wait for it
 *   hold FILE  all wait until FILE is there
 *   late FILE  so they do, and then rank 3 calls MPI_Abort
 */
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  const char* how = argc > 1 ? argv[1] : "";
  int rank = 0, ranks = 0, sum = 0, token = 0, length = 0;
  char host[MPI_MAX_PROCESSOR_NAME] = "";
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  MPI_Get_processor_name(host, &length);
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (ranks > 1) {
    const int next = (rank + 1) % ranks, previous = (rank + ranks - 1) % ranks;
    if (rank == 0) MPI_Send(&token, 1, MPI_INT, next, 1, MPI_COMM_WORLD);
    MPI_Recv(&token, 1, MPI_INT, previous, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    ++token;
    if (rank != 0) MPI_Send(&token, 1, MPI_INT, next, 1, MPI_COMM_WORLD);
  }
  printf("rank %d of %d on %s sum %d token %d\n", rank, ranks, host, sum, token);
  fflush(stdout);
  if (strcmp(how, "abort") == 0 && rank == 5) MPI_Abort(MPI_COMM_WORLD, 7);
  if (strcmp(how, "die") == 0 && rank == 5) kill(getpid(), SIGKILL);
  while (argc > 2 && access(argv[2], F_OK) != 0) usleep(20000);
  if (strcmp(how, "late") == 0 && rank == 3) MPI_Abort(MPI_COMM_WORLD, 1);
  while (strcmp(how, "late") == 0) pause();
  MPI_Barrier(MPI_COMM_WORLD);
  MPI_Finalize();
  return 0;
}
