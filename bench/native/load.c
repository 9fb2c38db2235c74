/*
 * Many subscribers in one thread: opens event streams over HTTP/1.1, has the server publish, and waits until everybody has it all.
 *
 *     load PORT CONTROL_PORT SUBSCRIBERS PATH [FILE [CODING]]
 *
 * Prints a line of JSON once all streams are open, {"open":1000,"coded":0}. Then each line "TURNS EVENTS" on its input is a run, answered by a
 * line of JSON. In each turn it asks once on the control connection, by a byte or by what is in FILE, and waits for EVENTS events
 * at every subscriber before the next: nothing queues, and what was merely enqueued does not count. If FILE has `Connection: close` in it, each
 * turn has a connection of its own, and waits until the server has closed that as well.
 *
 * A run is not ok when a subscriber lacks an event, has one too many, or was sent other bytes than the others: of each body,
 * without its transfer coding, an FNV-1a is kept.
 *
 * With CODING, such as gzip, it says that it accepts that. An answer that is coded is not decoded: its chunks are counted, as if each
 * were an event, and not compared, since those who came at different moments are sent other bytes. What is in them another client has
 * to tell. FILE may be empty.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 64, READ_SIZE = 256 * 1024, HEAD_SIZE = 4096, READY = 1024, SLOTS = 8 };
enum { TURN_TIMEOUT_MS = 30000, QUIET_MS = 30 };
#define TOO_MANY "a subscriber has events too many"
#define FNV_OFFSET 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

enum phase { PLAIN, SIZE, SIZE_LINE, DATA, DATA_END, ENDED };

/* How far a body has been read. */
struct body {
  uint64_t hash;
  uint64_t events;
  /* Bytes left of this chunk, or its size so far. */
  uint64_t left;
  enum phase phase;
  /* Whether the last byte was a line feed: an empty line may be cut in two. */
  int ended_line;
  /* Whether chunks stand for events. */
  int is_coded;
};

struct subscriber {
  int fd;
  /* Until the headers are complete. */
  char *head;
  size_t head_length;
  struct body body;
};

/* What some bytes made of a body: most subscribers are sent the same, and comparing is ten times as fast as hashing. */
struct known {
  struct body before, after;
  size_t length;
  char *bytes;
};

static struct subscriber *subscribers;
static struct known known[SLOTS];
static long count, opened, coded;
static int poll_fd, control_port, is_closed_each_time;
/* -1: it has yet to be opened, or was closed, as was asked for. */
static int control_fd = -1;
static char *ask = "n";
static size_t ask_length = 1;
static char *buffer;
static uint64_t wire_bytes;
static const char *fault;

static void die(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t nanoseconds(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return at.tv_sec * 1000000000ll + at.tv_nsec;
}

/* Takes bytes of the body proper: n of them. */
static void take(struct body *body, const char *bytes, size_t n) {
  uint64_t hash = body->hash;
  for (size_t i = 0; i < n; i++) {
    hash = (hash ^ (unsigned char)bytes[i]) * FNV_PRIME;
    int is_pair = bytes[i] == '\n' && body->ended_line;
    body->events += is_pair && !body->is_coded;
    body->ended_line = bytes[i] == '\n' && !is_pair;
  }
  body->hash = hash;
}

static int digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Takes bytes off the wire, of which chunk headers and their ends are not of the body. */
static void decode(struct body *body, const char *bytes, size_t n) {
  size_t i = 0;
  while (i < n) {
    switch (body->phase) {
      case PLAIN:
        take(body, bytes + i, n - i);
        return;
      case SIZE:
        if (digit(bytes[i]) >= 0) body->left = body->left * 16 + digit(bytes[i++]);
        else body->phase = SIZE_LINE;
        break;
      case SIZE_LINE:
        if (bytes[i++] == '\n') body->phase = body->left == 0 ? ENDED : DATA;
        break;
      case DATA: {
        size_t part = n - i < body->left ? n - i : body->left;
        take(body, bytes + i, part);
        i += part;
        if ((body->left -= part) == 0) body->phase = DATA_END;
        break;
      }
      case DATA_END:
        if (bytes[i++] != '\n') break;
        body->phase = SIZE;
        body->events += body->is_coded;
        break;
      case ENDED:
        fault = "a stream has ended";
        return;
    }
  }
}

static int is_same(const struct body *one, const struct body *other) {
  return one->hash == other->hash && one->events == other->events && one->left == other->left &&
         one->phase == other->phase && one->ended_line == other->ended_line && one->is_coded == other->is_coded;
}

/* As decode(), of what was perhaps decoded before. */
static void recall(struct body *body, const char *bytes, size_t n) {
  struct known *slot = &known[(n ^ body->events) % SLOTS];
  if (slot->length == n && is_same(&slot->before, body) && memcmp(slot->bytes, bytes, n) == 0) {
    *body = slot->after;
    return;
  }
  slot->before = *body;
  decode(body, bytes, n);
  slot->after = *body;
  slot->length = n;
  memcpy(slot->bytes, bytes, n);
}

static int connected(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void send_all(int fd, const char *bytes, size_t n) {
  while (n > 0) {
    ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
    if (sent < 0) die("send");
    bytes += sent;
    n -= sent;
  }
}

static void watch(int fd, struct subscriber *of) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = of};
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
}

/* Adds to the headers, and begins the body once they are complete. */
static void take_head(struct subscriber *of, const char *bytes, size_t n) {
  if (of->head_length + n >= HEAD_SIZE) n = HEAD_SIZE - 1 - of->head_length;
  memcpy(of->head + of->head_length, bytes, n);
  of->head[of->head_length += n] = 0;
  char *end = strstr(of->head, "\r\n\r\n");
  if (end == NULL) {
    if (of->head_length == HEAD_SIZE - 1) fault = "headers are too long";
    return;
  }
  if (strncmp(of->head, "HTTP/1.1 200", 12) != 0) fault = "an answer is not 200";
  end[2] = 0;
  of->body.phase = strcasestr(of->head, "\r\nTransfer-Encoding: chunked\r\n") ? SIZE : PLAIN;
  of->body.is_coded = strcasestr(of->head, "\r\nContent-Encoding:") != NULL;
  if (of->body.is_coded && of->body.phase == PLAIN) fault = "an answer is coded, and not in chunks";
  coded += of->body.is_coded;
  decode(&of->body, end + 4, of->head + of->head_length - (end + 4));
  free(of->head);
  of->head = NULL;
  opened++;
}

/* Reads once; 1 when this has completed `target` events of the subscriber. */
static int read_once(struct subscriber *of, uint64_t target) {
  ssize_t n = recv(of == NULL ? control_fd : of->fd, buffer, READ_SIZE, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n <= 0 && of == NULL && is_closed_each_time) {
    close(control_fd);
    control_fd = -1;
    return 0;
  }
  if (n <= 0) {
    fault = of == NULL ? "the control connection was closed" : "a stream was closed";
    epoll_ctl(poll_fd, EPOLL_CTL_DEL, of == NULL ? control_fd : of->fd, NULL);
    return 0;
  }
  if (of == NULL) return 0;
  wire_bytes += n;
  if (of->head != NULL) {
    take_head(of, buffer, n);
    return 0;
  }
  uint64_t before = of->body.events;
  recall(&of->body, buffer, n);
  if (target > 0 && of->body.events > target) fault = TOO_MANY;
  return before < target && of->body.events >= target;
}

/* Reads what there is; how many have completed `target` events, or -1 when nothing came for that long. */
static long read_ready(uint64_t target, int timeout_ms) {
  struct epoll_event ready[READY];
  int n = epoll_wait(poll_fd, ready, READY, timeout_ms);
  if (n < 0 && errno != EINTR) die("epoll_wait");
  if (n == 0) return -1;
  long complete = 0;
  for (int i = 0; i < n; i++) complete += read_once(ready[i].data.ptr, target);
  return complete;
}

static void open_control(void) {
  control_fd = connected(control_port);
  /* Its answers, if any, are read and forgotten. */
  watch(control_fd, NULL);
}

static void open_streams(int port, const char *path, const char *coding) {
  char request[1024];
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n%s%s%s\r\n", path, port,
                        coding == NULL ? "" : "Accept-Encoding: ", coding == NULL ? "" : coding,
                        coding == NULL ? "" : "\r\n");
  for (long i = 0; i < count; i++) {
    struct subscriber *of = &subscribers[i];
    of->fd = connected(port);
    of->head = malloc(HEAD_SIZE);
    send_all(of->fd, request, length);
    watch(of->fd, of);
    while (fault == NULL && i + 1 - opened >= AT_ONCE)
      if (read_ready(0, TURN_TIMEOUT_MS) < 0) fault = "no headers came";
  }
  while (fault == NULL && opened < count)
    if (read_ready(0, TURN_TIMEOUT_MS) < 0) fault = "no headers came";
}

static int ascending(const void *one, const void *other) {
  int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
  return (a > b) - (a < b);
}

/* What comes late: greetings before a run, and events too many after it. */
static void settle(void) {
  while (fault == NULL && read_ready(0, QUIET_MS) >= 0) continue;
}

static void check(uint64_t expected) {
  for (long i = 0; i < count && fault == NULL; i++) {
    if (subscribers[i].body.events < expected) fault = "a subscriber lacks events";
    else if (subscribers[i].body.events > expected) fault = TOO_MANY;
    else if (coded == 0 && subscribers[i].body.hash != subscribers[0].body.hash) fault = "a subscriber was sent other bytes";
  }
}

static void run(long turns, long events) {
  int64_t *latencies = calloc(turns, sizeof *latencies);
  settle();
  wire_bytes = 0;
  for (long i = 0; i < count; i++) {
    subscribers[i].body.hash = FNV_OFFSET;
    subscribers[i].body.events = 0;
  }
  int64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), started = nanoseconds(CLOCK_MONOTONIC);
  for (long turn = 0; turn < turns && fault == NULL; turn++) {
    int64_t asked = nanoseconds(CLOCK_MONOTONIC);
    if (control_fd < 0) open_control();
    send_all(control_fd, ask, ask_length);
    for (long missing = count; missing > 0 && fault == NULL;) {
      long complete = read_ready((turn + 1) * events, TURN_TIMEOUT_MS);
      if (complete < 0) fault = "a subscriber lacks events";
      else missing -= complete;
    }
    while (fault == NULL && is_closed_each_time && control_fd >= 0)
      if (read_ready((turn + 1) * events, TURN_TIMEOUT_MS) < 0) fault = "the control connection was not closed";
    latencies[turn] = nanoseconds(CLOCK_MONOTONIC) - asked;
  }
  int64_t wall = nanoseconds(CLOCK_MONOTONIC) - started;
  cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  settle();
  check(turns * events);
  qsort(latencies, turns, sizeof *latencies, ascending);
  printf("{\"ok\":%s,\"fault\":\"%s\",\"deliveries\":%ld,\"wallNs\":%lld,\"cpuNs\":%lld,\"wireBytes\":%llu,"
         "\"lastUs\":{\"p50\":%.1f,\"p99\":%.1f}}\n",
         fault == NULL ? "true" : "false", fault == NULL ? "" : fault, count * turns * events, (long long)wall,
         (long long)cpu, (unsigned long long)wire_bytes, latencies[(turns - 1) / 2] / 1e3,
         latencies[(turns * 99 + 99) / 100 - 1] / 1e3);
  fflush(stdout);
  free(latencies);
}

/* Takes what is asked by from a file, if the server wants more than a byte. */
static void read_ask(const char *name) {
  FILE *file = fopen(name, "r");
  if (file == NULL) die(name);
  ask_length = fread(buffer, 1, READ_SIZE, file);
  ask = calloc(1, ask_length + 1);
  memcpy(ask, buffer, ask_length);
  is_closed_each_time = strcasestr(ask, "\r\nConnection: close\r\n") != NULL;
  fclose(file);
}

int main(int argc, char **argv) {
  if (argc < 5) return fprintf(stderr, "load PORT CONTROL_PORT SUBSCRIBERS PATH [FILE [CODING]]\n"), 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  count = atol(argv[3]);
  subscribers = calloc(count, sizeof *subscribers);
  buffer = malloc(READ_SIZE);
  for (int i = 0; i < SLOTS; i++) known[i].bytes = malloc(READ_SIZE);
  if (argc > 5 && *argv[5] != 0) read_ask(argv[5]);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  control_port = atoi(argv[2]);
  open_streams(atoi(argv[1]), argv[4], argc > 6 ? argv[6] : NULL);
  if (fault != NULL) return fprintf(stderr, "load: %s\n", fault), 1;
  printf("{\"open\":%ld,\"coded\":%ld}\n", opened, coded);
  fflush(stdout);
  long turns, events;
  while (scanf("%ld %ld", &turns, &events) == 2 && turns > 0) run(turns, events);
  return 0;
}
