/* Messages of growing size go to and fro between every two ranks, 300 rounds each; every byte is
 * checked. Prints where each rank runs, then latency and bandwidth.
 *
 *     mpicc -O2 ping_pong.c -o ping_pong && mpirun ./ping_pong
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kRounds = 300, kMaxSize = 1 << 18, kTagData = 1, kTagTurn = 2 };

static int rank, ranks;

static void Check(const unsigned char* buffer, int size, unsigned char expected) {
  for (int i = 0; i < size; ++i) {
    if (buffer[i] != expected) {
      fprintf(stderr, "rank %d: byte %d of %d is %d, not %d\n", rank, i, size, buffer[i], expected);
      MPI_Abort(MPI_COMM_WORLD, 2);
    }
  }
}

/* One side of the game; returns the seconds it took. */
static double Play(int other, int serves, int size, unsigned char* buffer) {
  double start = MPI_Wtime();
  for (int round = 0; round < kRounds; ++round) {
    unsigned char mark = (unsigned char)(round + size);
    if (serves) {
      memset(buffer, mark, size);
      MPI_Send(buffer, size, MPI_BYTE, other, kTagData, MPI_COMM_WORLD);
      MPI_Recv(buffer, size, MPI_BYTE, other, kTagData, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      Check(buffer, size, (unsigned char)(mark + 1));
    } else {
      MPI_Recv(buffer, size, MPI_BYTE, other, kTagData, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      Check(buffer, size, mark);
      memset(buffer, (unsigned char)(mark + 1), size);
      MPI_Send(buffer, size, MPI_BYTE, other, kTagData, MPI_COMM_WORLD);
    }
  }
  return MPI_Wtime() - start;
}

/* The ranks that do not play wait here. They sleep: a blocked MPI call burns a core, and virtual
 * hosts share those. */
static void WaitForTurn(int from) {
  const struct timespec pause = {0, 1000000};
  int arrived = 0;
  while (!arrived) {
    MPI_Iprobe(from, kTagTurn, MPI_COMM_WORLD, &arrived, MPI_STATUS_IGNORE);
    if (!arrived) nanosleep(&pause, NULL);
  }
  MPI_Recv(NULL, 0, MPI_BYTE, from, kTagTurn, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void PlayAllSizes(int a, int b, unsigned char* buffer) {
  int other = rank == a ? b : a;
  for (int size = 1; size <= kMaxSize; size *= 8) {
    double seconds = Play(other, rank == a, size, buffer);
    if (rank == a) {
      printf("ranks %d and %d: %d rounds of %7d bytes: %9.1f us one way, %8.1f MB/s\n", a, b,
             kRounds, size, seconds / kRounds / 2 * 1e6, 2.0 * size * kRounds / seconds / 1e6);
      fflush(stdout);
    }
  }
}

/* Rank 0 is the referee: it plays like the others, and calls each pair up. */
static void Tournament(unsigned char* buffer) {
  for (int a = 0; a < ranks; ++a) {
    for (int b = a + 1; b < ranks; ++b) {
      if (rank == 0) {
        if (a != 0) MPI_Send(NULL, 0, MPI_BYTE, a, kTagTurn, MPI_COMM_WORLD);
        MPI_Send(NULL, 0, MPI_BYTE, b, kTagTurn, MPI_COMM_WORLD);
      } else if (rank == a || rank == b) {
        WaitForTurn(0);
      }
      if (rank == a || rank == b) PlayAllSizes(a, b, buffer);
      /* The first of the pair reports back to the referee. */
      if (a != 0 && rank == a) MPI_Send(NULL, 0, MPI_BYTE, 0, kTagTurn, MPI_COMM_WORLD);
      if (a != 0 && rank == 0) WaitForTurn(a);
    }
  }
}

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  char host[MPI_MAX_PROCESSOR_NAME] = "";
  int length;
  MPI_Get_processor_name(host, &length);
  char* hosts = malloc((size_t)ranks * sizeof(host));
  MPI_Gather(host, sizeof(host), MPI_CHAR, hosts, sizeof(host), MPI_CHAR, 0, MPI_COMM_WORLD);
  for (int i = 0; rank == 0 && i < ranks; ++i) {
    printf("rank %d of %d runs on %s\n", i, ranks, hosts + (size_t)i * sizeof(host));
  }
  fflush(stdout);
  free(hosts);

  unsigned char* buffer = malloc(kMaxSize);
  Tournament(buffer);
  free(buffer);
  MPI_Finalize();
  return 0;
}
