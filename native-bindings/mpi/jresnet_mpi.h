// What jresnet asks of MPI (https://www.mpi-forum.org/docs/mpi-3.1/mpi31-report.pdf), compiled on the user's machine against
// his MPI. Every call is one that does not wait: whoever waits does so in Java, where a rank that does not come is noticed.
//
// All functions but those that return a number give 0, or MPI's error code.
#pragma once

#include <mpi.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Counts on when a function changes; Java refuses another number.
#define JRESNET_MPI_INTERFACE 1

enum { JRESNET_F32, JRESNET_F64, JRESNET_BF16 };

static MPI_Comm jresnet_ranks;
// Says who waits; apart from the ranks' sums.
static MPI_Comm jresnet_calls;
static MPI_Datatype jresnet_bf16;
static MPI_Op jresnet_bf16_sum;

#define JRESNET_SLOTS 4096
static MPI_Request jresnet_requests[JRESNET_SLOTS];

#define JRESNET_TRY(call)                                                                                                          \
  do {                                                                                                                             \
    int jresnet_code = (call);                                                                                                     \
    if (jresnet_code != MPI_SUCCESS) return jresnet_code;                                                                          \
  } while (0)

static inline float jresnet_widen(uint16_t bits) {
  uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return value;
}

// Round to nearest even; what is not a number stays so.
static inline uint16_t jresnet_narrow(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)((bits >> 16) | 0x40);
  return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// MPI 3.1 has no type for bf16.
static void jresnet_add_bf16(void *in, void *into, int *count, MPI_Datatype *type) {
  (void)type;
  uint16_t *a = (uint16_t *)in;
  uint16_t *b = (uint16_t *)into;
  for (int i = 0; i < *count; i++) b[i] = jresnet_narrow(jresnet_widen(a[i]) + jresnet_widen(b[i]));
}

static inline int jresnet_mpi_interface() { return JRESNET_MPI_INTERFACE; }

static inline int jresnet_mpi_start() {
  int granted;
#ifdef OPEN_MPI
  // In place, Open MPI adds up along a tree and sends the sum back along it, at any moment in one direction alone. Halving and
  // doubling sends the least, in both directions at once. What the user has set stays.
  setenv("OMPI_MCA_coll_libnbc_iallreduce_algorithm", "rabenseifner", 0);
#endif
  JRESNET_TRY(MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &granted));
  if (granted < MPI_THREAD_MULTIPLE) return -1;
  JRESNET_TRY(MPI_Comm_dup(MPI_COMM_WORLD, &jresnet_ranks));
  JRESNET_TRY(MPI_Comm_dup(MPI_COMM_WORLD, &jresnet_calls));
  JRESNET_TRY(MPI_Comm_set_errhandler(jresnet_ranks, MPI_ERRORS_RETURN));
  JRESNET_TRY(MPI_Comm_set_errhandler(jresnet_calls, MPI_ERRORS_RETURN));
  JRESNET_TRY(MPI_Type_contiguous(2, MPI_BYTE, &jresnet_bf16));
  JRESNET_TRY(MPI_Type_commit(&jresnet_bf16));
  for (int i = 0; i < JRESNET_SLOTS; i++) jresnet_requests[i] = MPI_REQUEST_NULL;
  return MPI_Op_create(jresnet_add_bf16, 1, &jresnet_bf16_sum);
}

static inline int jresnet_mpi_rank() {
  int rank = -1;
  MPI_Comm_rank(jresnet_ranks, &rank);
  return rank;
}

static inline int jresnet_mpi_size() {
  int size = -1;
  MPI_Comm_size(jresnet_ranks, &size);
  return size;
}

static inline int jresnet_mpi_slots() { return JRESNET_SLOTS; }

static inline int jresnet_mpi_sum(int slot, void *values, int count, int element) {
  MPI_Datatype type = element == JRESNET_BF16 ? jresnet_bf16 : element == JRESNET_F64 ? MPI_DOUBLE : MPI_FLOAT;
  MPI_Op op = element == JRESNET_BF16 ? jresnet_bf16_sum : MPI_SUM;
  return MPI_Iallreduce(MPI_IN_PLACE, values, count, type, op, jresnet_ranks, &jresnet_requests[slot]);
}

static inline int jresnet_mpi_broadcast(int slot, void *values, int bytes, int from) {
  return MPI_Ibcast(values, bytes, MPI_BYTE, from, jresnet_ranks, &jresnet_requests[slot]);
}

static inline int jresnet_mpi_barrier(int slot) { return MPI_Ibarrier(jresnet_ranks, &jresnet_requests[slot]); }

// 1 when the call in the slot is complete, 0 while it is not, else -2 less MPI's error code.
static inline int jresnet_mpi_test(int slot) {
  int done = 0;
  int code = MPI_Test(&jresnet_requests[slot], &done, MPI_STATUS_IGNORE);
  return code == MPI_SUCCESS ? done : -2 - code;
}

// Tells another rank how many calls this one has waited in. The number stays until it has left.
static inline int jresnet_mpi_tell(int rank, long long calls) {
  static long long told;
  told = calls;
  MPI_Request sent;
  JRESNET_TRY(MPI_Isend(&told, 1, MPI_LONG_LONG, rank, 0, jresnet_calls, &sent));
  return MPI_Request_free(&sent);
}

// The rank that has told something, or -1; the number is left for jresnet_mpi_told.
static long long jresnet_heard;

static inline int jresnet_mpi_hear() {
  int there = 0;
  MPI_Status status;
  if (MPI_Iprobe(MPI_ANY_SOURCE, 0, jresnet_calls, &there, &status) != MPI_SUCCESS || !there) return -1;
  if (MPI_Recv(&jresnet_heard, 1, MPI_LONG_LONG, status.MPI_SOURCE, 0, jresnet_calls, MPI_STATUS_IGNORE) != MPI_SUCCESS) return -1;
  return status.MPI_SOURCE;
}

static inline long long jresnet_mpi_heard() { return jresnet_heard; }

static inline const char *jresnet_mpi_library() {
  static char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) return "unknown";
  return text;
}

static inline const char *jresnet_mpi_error(int code) {
  static char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) return "unknown";
  return text;
}

static inline int jresnet_mpi_abort(int code) { return MPI_Abort(jresnet_ranks, code); }

static inline int jresnet_mpi_finish() {
  JRESNET_TRY(MPI_Op_free(&jresnet_bf16_sum));
  JRESNET_TRY(MPI_Type_free(&jresnet_bf16));
  return MPI_Finalize();
}
