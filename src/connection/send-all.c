/*
 * One frame to many sockets, in one call from JavaScript.
 *
 * In JavaScript each of them is a call out of it, with arguments to be checked, and what it touches pushes out of the processor's caches what
 * the kernel has just used there. Nor does it take a call of the system for each: io_uring takes a list of requests. A delivery of ours costs
 * 0.96 of a bare loop of send() by the ring, 1.12 by such a loop in here, and 1.40 by fs.writeSync (bench/fanout: as it is, with
 * UV_USE_IO_URING=0, and with NODE_OPTIONS=--no-addons).
 */

#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAPI_VERSION 8
#include <node_api.h>

enum {
  /* As many requests at a time as stay in the processor's nearest cache, at 64 bytes each. More were no faster. */
  RING_ENTRIES = 256,
  /* By the first of them a request never stays in the ring: what cannot be done at once fails. */
  FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL,
  /* Linux 6.1, the first that knows the last of these. */
  RING_FLAGS = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
};

/* Bytes, who gets them, from `start` to before `end`, and how many of them each has. */
struct sending {
  const int32_t *descriptors;
  uint32_t start, end;
  void *bytes;
  size_t length;
  int32_t *taken;
};

/* Memory that is shared with the kernel: requests for it, and its results. One for each thread that runs JavaScript, and only for that. */
struct ring {
  int descriptor;
  void *queues;
  size_t queues_size;
  struct io_uring_sqe *requests;
  uint32_t *requests_tail, requests_mask;
  struct io_uring_cqe *results;
  uint32_t *results_head, *results_tail, results_mask;
};

static void close_ring(struct ring *ring) {
  if (ring->requests != MAP_FAILED) munmap(ring->requests, RING_ENTRIES * sizeof *ring->requests);
  if (ring->queues != MAP_FAILED) munmap(ring->queues, ring->queues_size);
  if (ring->descriptor >= 0) close(ring->descriptor);
  ring->descriptor = -1;
  ring->queues = ring->requests = MAP_FAILED;
}

static void *map_shared(struct ring *ring, size_t size, off_t offset) {
  return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->descriptor, offset);
}

static void *in_queues(const struct ring *ring, uint32_t offset) { return (char *)ring->queues + offset; }

static size_t larger(size_t one, size_t other) { return one > other ? one : other; }

/* False where there is none: with an older kernel, where a filter of system calls or an administrator forbids it, and as Node is told to do without. */
static bool open_ring(struct ring *ring) {
  struct io_uring_params params = {.flags = RING_FLAGS};
  const char *wanted = getenv("UV_USE_IO_URING");

  *ring = (struct ring){.descriptor = -1, .queues = MAP_FAILED, .requests = MAP_FAILED};
  if (wanted != NULL && strcmp(wanted, "0") == 0) return false;
  if ((ring->descriptor = (int)syscall(SYS_io_uring_setup, RING_ENTRIES, &params)) < 0) return false;
  ring->queues_size = larger(params.sq_off.array + params.sq_entries * sizeof(uint32_t),
                             params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe));
  ring->queues = map_shared(ring, ring->queues_size, IORING_OFF_SQ_RING);
  ring->requests = map_shared(ring, RING_ENTRIES * sizeof *ring->requests, IORING_OFF_SQES);
  if (ring->queues == MAP_FAILED || ring->requests == MAP_FAILED) {
    close_ring(ring);
    return false;
  }
  ring->requests_tail = in_queues(ring, params.sq_off.tail);
  ring->requests_mask = params.sq_entries - 1;
  ring->results = in_queues(ring, params.cq_off.cqes);
  ring->results_head = in_queues(ring, params.cq_off.head);
  ring->results_tail = in_queues(ring, params.cq_off.tail);
  ring->results_mask = params.cq_entries - 1;
  /* The kernel takes the requests in the order of their places. */
  for (uint32_t at = 0, *order = in_queues(ring, params.sq_off.array); at < params.sq_entries; at++) order[at] = at;
  return true;
}

/* Asks for all from `start` to before `end`, at most RING_ENTRIES of them. */
static void put_requests(struct ring *ring, const struct sending *sending, uint32_t start, uint32_t end) {
  uint32_t tail = *ring->requests_tail;
  for (uint32_t at = start; at < end; at++, tail++) {
    ring->requests[tail & ring->requests_mask] = (struct io_uring_sqe){
        .opcode = IORING_OP_SEND,
        .fd = sending->descriptors[at],
        .addr = (uintptr_t)sending->bytes,
        .len = sending->length > INT32_MAX ? INT32_MAX : (uint32_t)sending->length,
        .msg_flags = FLAGS,
        .user_data = at,
    };
  }
  __atomic_store_n(ring->requests_tail, tail, __ATOMIC_RELEASE);
}

/* How many results there were. Where something went wrong, "nothing" is left as it was. */
static uint32_t take_results(struct ring *ring, int32_t *taken) {
  uint32_t head = *ring->results_head;
  uint32_t tail = __atomic_load_n(ring->results_tail, __ATOMIC_ACQUIRE);
  uint32_t count = tail - head;
  for (; head != tail; head++) {
    const struct io_uring_cqe *result = &ring->results[head & ring->results_mask];
    if (result->res > 0) taken[result->user_data] = result->res;
  }
  __atomic_store_n(ring->results_head, head, __ATOMIC_RELEASE);
  return count;
}

/* Returns when each of these has its result. They are sent meanwhile, by this thread, since none has to wait. */
static void send_part(struct ring *ring, const struct sending *sending, uint32_t start, uint32_t end) {
  uint32_t unsubmitted = end - start, expected = end - start;
  memset(sending->taken + start, 0, expected * sizeof *sending->taken);
  put_requests(ring, sending, start, end);
  while (expected > 0) {
    long submitted = syscall(SYS_io_uring_enter, ring->descriptor, unsubmitted, expected, IORING_ENTER_GETEVENTS, NULL, 0);
    expected -= take_results(ring, sending->taken);
    if (submitted >= 0) unsubmitted -= (uint32_t)submitted;
    else if (errno != EINTR) {
      /* It has no memory for more, say. Those that it did not take must have nothing later either. */
      close_ring(ring);
      return;
    }
  }
}

static void send_one(const struct sending *sending, uint32_t at) {
  ssize_t sent = send(sending->descriptors[at], sending->bytes, sending->length, FLAGS);
  sending->taken[at] = sent < 0 ? 0 : (int32_t)sent;
}

/* What an Int32Array holds, or NULL for anything else, and for one with fewer than `count`. */
static int32_t *int32s_of(napi_env env, napi_value array, size_t count) {
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, NULL, NULL) != napi_ok) return NULL;
  return type == napi_int32_array && length >= count ? data : NULL;
}

/* Reads what JavaScript gives; see send-all.ts. Throws and returns false when it is something else. */
static bool read_sending(napi_env env, napi_callback_info info, struct sending *sending) {
  napi_value given[5];
  size_t given_count = 5;
  if (napi_get_cb_info(env, info, &given_count, given, NULL, NULL) == napi_ok &&
      napi_get_value_uint32(env, given[1], &sending->start) == napi_ok &&
      napi_get_value_uint32(env, given[2], &sending->end) == napi_ok &&
      (sending->descriptors = int32s_of(env, given[0], sending->end)) != NULL &&
      napi_get_typedarray_info(env, given[3], NULL, &sending->length, &sending->bytes, NULL, NULL) == napi_ok &&
      (sending->taken = int32s_of(env, given[4], sending->end)) != NULL)
    return true;
  napi_throw_type_error(env, NULL, "sendAll takes descriptors, start, end, bytes, taken");
  return false;
}

static napi_value is_whole(napi_env env, const struct sending *sending) {
  napi_value result;
  bool is_whole = true;
  for (uint32_t at = sending->start; at < sending->end; at++)
    is_whole &= (size_t)sending->taken[at] == sending->length;
  napi_get_boolean(env, is_whole, &result);
  return result;
}

/*
 * sendEach(descriptors: Int32Array, start, end, bytes: Uint8Array, taken: Int32Array): boolean, with a call of the system for each.
 *
 * It never waits. Whatever goes wrong with a socket is "nothing taken": whoever writes the rest is told what it was.
 */
static napi_value send_each(napi_env env, napi_callback_info info) {
  struct sending sending;
  if (!read_sending(env, info, &sending)) return NULL;
  for (uint32_t at = sending.start; at < sending.end; at++) send_one(&sending, at);
  return is_whole(env, &sending);
}

/* sendAll: the same by the ring. */
static napi_value send_all(napi_env env, napi_callback_info info) {
  struct sending sending;
  struct ring *ring;
  if (!read_sending(env, info, &sending) || napi_get_instance_data(env, (void **)&ring) != napi_ok) return NULL;
  for (uint32_t at = sending.start; at < sending.end;) {
    uint32_t count = sending.end - at < RING_ENTRIES ? sending.end - at : RING_ENTRIES;
    /* A request costs more than a call, if it is the only one. */
    if (count == 1 || ring->descriptor < 0) send_one(&sending, at++);
    else {
      send_part(ring, &sending, at, at + count);
      at += count;
    }
  }
  return is_whole(env, &sending);
}

static void drop_ring(napi_env env, void *ring, void *hint) {
  (void)env, (void)hint;
  close_ring(ring);
  free(ring);
}

static napi_status export(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  napi_status status = napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
  return status == napi_ok ? napi_set_named_property(env, exports, name, function) : status;
}

/* `sendEach`, and `sendAll` where there is a ring. */
NAPI_MODULE_INIT() {
  struct ring *ring = malloc(sizeof *ring);
  if (ring == NULL || export(env, exports, "sendEach", send_each) != napi_ok) return NULL;
  if (!open_ring(ring)) free(ring);
  else if (napi_set_instance_data(env, ring, drop_ring, NULL) != napi_ok) drop_ring(env, ring, NULL);
  else if (export(env, exports, "sendAll", send_all) != napi_ok) return NULL;
  return exports;
}
