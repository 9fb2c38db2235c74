/*
 * The least that fan-out by send() can cost: one thread that knows what to send, and calls it once for each socket.
 *
 *     floor EVENTS BYTES
 *
 * Prints {"port":…,"controlPort":…}. Every request is answered as an event stream. A byte 'n' on a control connection has it send
 * EVENTS events of BYTES bytes each, as one chunk, to every stream; a byte 'c' is answered by a line with the microseconds of user and
 * of system time so far.
 *
 * No HTTP is read but the empty line at the end of a request, which its client has to send in one piece.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind { LISTENS_FOR_STREAMS, LISTENS_FOR_CONTROL, STREAM, CONTROL };
enum { READY = 1024, BEFORE_NUMBER = sizeof "event: tick\ndata: " - 1, NUMBER = 10 };

struct peer {
  enum kind kind;
  int fd;
  /* Its place in `streams` once it was answered, or -1. */
  long place;
  /* How much of the frame it has. */
  size_t sent;
};

static const char HEAD[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

/* Dense: publishing walks over nothing else. */
static struct peer **streams;
static long count, capacity, unsent;
static int poll_fd;
static char *frame;
static size_t frame_length, first_event, event_size;
static long events, published;

static void die(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* Events as other servers write them: "event: tick\ndata: 0000000001xxx\n\n", BYTES long. */
static void make_frame(void) {
  frame = malloc(events * event_size + 32);
  first_event = sprintf(frame, "%zx\r\n", events * event_size);
  for (long i = 0; i < events; i++) {
    char *event = frame + first_event + i * event_size;
    memset(event, 'x', event_size);
    memcpy(event, "event: tick\ndata: ", BEFORE_NUMBER);
    memcpy(event + event_size - 2, "\n\n", 2);
  }
  frame_length = first_event + events * event_size;
  memcpy(frame + frame_length, "\r\n", 2);
  frame_length += 2;
}

/* So that no event is like another, and a client can tell their order by a hash. */
static void number_events(void) {
  for (long i = 0; i < events; i++) {
    char digits[32];
    snprintf(digits, sizeof digits, "%0*ld", NUMBER, published++);
    memcpy(frame + first_event + i * event_size + BEFORE_NUMBER, digits, NUMBER);
  }
}

static void watch(struct peer *peer, int operation, unsigned interest) {
  struct epoll_event event = {.events = interest, .data.ptr = peer};
  if (epoll_ctl(poll_fd, operation, peer->fd, &event) < 0) die("epoll_ctl");
}

static struct peer *add(enum kind kind, int fd) {
  struct peer *peer = calloc(1, sizeof *peer);
  *peer = (struct peer){.kind = kind, .fd = fd, .place = -1};
  watch(peer, EPOLL_CTL_ADD, EPOLLIN);
  return peer;
}

static int listening(enum kind kind) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 511) < 0) die("listen");
  getsockname(fd, (struct sockaddr *)&address, &length);
  add(kind, fd);
  return ntohs(address.sin_port);
}

static void accept_all(struct peer *listener) {
  for (int fd; (fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    add(listener->kind == LISTENS_FOR_STREAMS ? STREAM : CONTROL, fd);
  }
}

static void drop(struct peer *peer) {
  if (peer->place >= 0) {
    streams[peer->place] = streams[--count];
    streams[peer->place]->place = peer->place;
  }
  close(peer->fd);
  free(peer);
}

/* What the socket does not take waits in the shared frame: nobody asks for the next before all have this one. */
static void send_rest(struct peer *peer) {
  ssize_t sent = send(peer->fd, frame + peer->sent, frame_length - peer->sent, MSG_NOSIGNAL);
  /* One that is gone is dropped when its end is read. */
  if (sent < 0) sent = errno == EAGAIN ? 0 : (ssize_t)(frame_length - peer->sent);
  peer->sent += sent;
}

static void publish(void) {
  if (unsent > 0) {
    fprintf(stderr, "floor: asked for more before all was sent\n");
    exit(1);
  }
  number_events();
  for (long i = 0; i < count; i++) {
    streams[i]->sent = 0;
    send_rest(streams[i]);
    if (streams[i]->sent == frame_length) continue;
    unsent++;
    watch(streams[i], EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
  }
}

static void go_on(struct peer *peer) {
  send_rest(peer);
  if (peer->sent < frame_length) return;
  unsent--;
  watch(peer, EPOLL_CTL_MOD, EPOLLIN);
}

static void answer(struct peer *peer, const char *bytes, ssize_t n) {
  if (peer->place >= 0 || n < 4 || memcmp(bytes + n - 4, "\r\n\r\n", 4) != 0) return;
  if (send(peer->fd, HEAD, sizeof HEAD - 1, MSG_NOSIGNAL) < 0) return;
  if (count == capacity) streams = realloc(streams, (capacity = capacity * 2 + 1024) * sizeof *streams);
  peer->place = count;
  streams[count++] = peer;
}

static long long microseconds(struct timeval time) { return time.tv_sec * 1000000ll + time.tv_usec; }

static void obey(struct peer *peer, const char *bytes, ssize_t n) {
  for (ssize_t i = 0; i < n; i++) {
    if (bytes[i] == 'n') publish();
    if (bytes[i] != 'c') continue;
    struct rusage usage;
    char line[64];
    getrusage(RUSAGE_SELF, &usage);
    int length = sprintf(line, "%lld %lld\n", microseconds(usage.ru_utime), microseconds(usage.ru_stime));
    if (send(peer->fd, line, length, MSG_NOSIGNAL) < 0) return;
  }
}

static void read_once(struct peer *peer) {
  char bytes[8192];
  ssize_t n = recv(peer->fd, bytes, sizeof bytes, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) drop(peer);
  else if (peer->kind == STREAM) answer(peer, bytes, n);
  else obey(peer, bytes, n);
}

int main(int argc, char **argv) {
  if (argc < 3) return fprintf(stderr, "floor EVENTS BYTES\n"), 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  events = atol(argv[1]);
  event_size = atol(argv[2]);
  if (events < 1 || event_size < BEFORE_NUMBER + NUMBER + 2) return fprintf(stderr, "floor: too small\n"), 2;
  make_frame();
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  int port = listening(LISTENS_FOR_STREAMS), control_port = listening(LISTENS_FOR_CONTROL);
  printf("{\"port\":%d,\"controlPort\":%d}\n", port, control_port);
  fflush(stdout);
  for (;;) {
    struct epoll_event ready[READY];
    int n = epoll_wait(poll_fd, ready, READY, -1);
    for (int i = 0; i < n; i++) {
      struct peer *peer = ready[i].data.ptr;
      if (peer->kind == LISTENS_FOR_STREAMS || peer->kind == LISTENS_FOR_CONTROL) accept_all(peer);
      else if (ready[i].events & EPOLLOUT) go_on(peer);
      else read_once(peer);
    }
  }
}
