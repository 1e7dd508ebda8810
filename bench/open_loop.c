/* The open loop: sends HTTP requests at a constant rate, whatever comes back.
 *
 * A request is due at a fixed moment. It leaves then over a free keep-alive connection, over a new
 * one while there are fewer than allowed, and else waits in line. Who reads the records can count
 * latencies from the moment a request was due, so that a slow server cannot hide its queue. Answers
 * are read by their Content-Length. It ends by itself once the last request has timed out.
 *
 * Arguments: host port path requests-file requests-per-second seconds connections timeout-seconds
 * Standard output: one `struct request` for each request, in the order in which they were due.
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
#include <time.h>
#include <unistd.h>

enum { UNSENT = 0, IN_FLIGHT = -1, TIMED_OUT = -2, BROKEN = -3 };
enum { HEADER_BYTES = 16384, MAX_EVENTS = 256, MAX_STATUS = 600 };
static const double SCAN_SECONDS = 0.05; /* how often timeouts are looked for */

struct request { /* times in seconds since the start; 0 for what has not happened */
    double due;
    double sent;
    double finished;
    int32_t status; /* of the answer, or one of the above */
    int32_t waited; /* 1: for a connection, since all that are allowed were busy */
};

struct connection {
    int descriptor; /* -1: closed */
    long request;   /* -1: none in flight */
    const char *unwritten;
    size_t num_unwritten;
    char header[HEADER_BYTES + 1];
    size_t num_header;
    long body_left; /* -1: still reading the header */
    int closes;     /* the server said that this answer is the connection's last */
};

struct message {
    char *bytes;
    size_t length;
};

static struct sockaddr_in address;
static struct message *messages;
static size_t num_messages;
static struct request *requests;
static long num_requests;
static double timeout_seconds, started;
static struct connection *connections;
static int *idle, *closed; /* stacks of indices into connections */
static int num_idle, num_closed, max_connections, epoll;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9 - started;
}

static void read_messages(const char *file, const char *host, const char *path) {
    FILE *records = fopen(file, "r");
    if (!records) fail(file);
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    while ((length = getline(&line, &capacity, records)) > 0) {
        line[length - 1] = 0;
        messages = realloc(messages, (num_messages + 1) * sizeof *messages);
        if (!messages) fail("memory");
        struct message *message = &messages[num_messages++];
        size_t num_body = strtoul(strrchr(line, ' '), NULL, 10); /* Content-Length comes last */
        int num_head = asprintf(&message->bytes, "POST %s HTTP/1.1\r\nHost: %s", path, host);
        for (char *header = strtok(line, "\t"); header && num_head >= 0; header = strtok(NULL, "\t")) {
            char *head = message->bytes;
            num_head = asprintf(&message->bytes, "%s\r\n%s", head, header);
            free(head);
        }
        if (num_head < 0) fail("memory");
        message->length = (size_t)num_head + 4 + num_body;
        message->bytes = realloc(message->bytes, message->length);
        if (!message->bytes) fail("memory");
        memcpy(message->bytes + num_head, "\r\n\r\n", 4);
        if (fread(message->bytes + num_head + 4, 1, num_body, records) != num_body) fail(file);
    }
    free(line);
    fclose(records);
    if (!num_messages) {
        fprintf(stderr, "%s has no requests\n", file);
        exit(1);
    }
}

static void watch(struct connection *connection, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(epoll, operation, connection->descriptor, &event) < 0) fail("epoll_ctl");
}

/* Give the connection's request its end; the connection itself lives on or is closed. */
static void finish(struct connection *connection, int status, int keep) {
    if (connection->request >= 0) {
        requests[connection->request].status = status;
        requests[connection->request].finished = now();
        connection->request = -1;
    }
    int index = (int)(connection - connections);
    if (keep) {
        idle[num_idle++] = index;
        return;
    }
    close(connection->descriptor);
    connection->descriptor = -1;
    closed[num_closed++] = index;
}

static void write_more(struct connection *connection) {
    while (connection->num_unwritten) {
        ssize_t written = send(connection->descriptor, connection->unwritten,
                               connection->num_unwritten, MSG_NOSIGNAL);
        if (written < 0) {
            /* Not connected yet, or the buffer is full: go on when it can be written. */
            if (errno == EAGAIN || errno == EINPROGRESS || errno == ENOTCONN) {
                watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
                return;
            }
            finish(connection, BROKEN, 0);
            return;
        }
        connection->unwritten += written;
        connection->num_unwritten -= (size_t)written;
    }
}

static int connect_one(struct connection *connection) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return 0;
    int yes = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) < 0 &&
        errno != EINPROGRESS) {
        close(descriptor);
        return 0;
    }
    connection->descriptor = descriptor;
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
    return 1;
}

/* Find a connection that can take a request; NULL if all that are allowed are busy. */
static struct connection *free_connection(void) {
    if (num_idle) return &connections[idle[--num_idle]];
    if (!num_closed) return NULL;
    struct connection *connection = &connections[closed[num_closed - 1]];
    if (!connect_one(connection)) return NULL;
    num_closed--;
    return connection;
}

static void start(struct connection *connection, long request) {
    const struct message *message = &messages[request % (long)num_messages];
    connection->request = request;
    connection->unwritten = message->bytes;
    connection->num_unwritten = message->length;
    connection->num_header = 0;
    connection->body_left = -1;
    connection->closes = 0;
    requests[request].status = IN_FLIGHT;
    requests[request].sent = now();
    write_more(connection);
}

/* Send what is due; returns the first request that has not left. */
static long send_due(long next, double time) {
    static double all_busy_at = -1;
    for (; next < num_requests && requests[next].due <= time; next++) {
        if (time - requests[next].due > timeout_seconds) continue; /* it stays UNSENT */
        struct connection *connection = free_connection();
        if (!connection) {
            all_busy_at = time;
            return next;
        }
        requests[next].waited = requests[next].due <= all_busy_at;
        start(connection, next);
    }
    return next;
}

/* Read status, length and fate of the connection; 0 if the answer cannot be read. */
static int parse_header(struct connection *connection) {
    char *line = connection->header;
    int status;
    if (sscanf(line, "HTTP/1.1 %d", &status) != 1 || status < 200 || status >= MAX_STATUS) return 0;
    requests[connection->request].status = status;
    connection->body_left = 0;
    while ((line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        if (!strncasecmp(line, "content-length:", 15)) connection->body_left = atol(line + 15);
        if (!strncasecmp(line, "connection: close", 17)) connection->closes = 1;
        if (!strncasecmp(line, "transfer-encoding:", 18)) return 0;
    }
    return 1;
}

/* Take bytes of an answer; the last of them frees the connection. */
static void take(struct connection *connection, const char *bytes, size_t length) {
    if (connection->body_left < 0) {
        size_t room = HEADER_BYTES - connection->num_header;
        size_t copied = length < room ? length : room;
        memcpy(connection->header + connection->num_header, bytes, copied);
        connection->num_header += copied;
        connection->header[connection->num_header] = 0;
        char *end = strstr(connection->header, "\r\n\r\n");
        if (!end && connection->num_header < HEADER_BYTES) return;
        size_t before = connection->num_header - copied;
        size_t header_length = end ? (size_t)(end + 4 - connection->header) : 0;
        if (end) end[2] = 0;
        if (!end || !parse_header(connection)) {
            finish(connection, BROKEN, 0);
            return;
        }
        length -= header_length - before;
    }
    connection->body_left -= (long)length;
    /* An answer to half a request is one, but the connection is of no more use. */
    int keep = !connection->closes && !connection->num_unwritten;
    if (connection->body_left == 0)
        finish(connection, requests[connection->request].status, keep);
    else if (connection->body_left < 0)
        finish(connection, BROKEN, 0); /* more than was announced */
}

static void read_more(struct connection *connection) {
    static char bytes[1 << 16];
    ssize_t length = recv(connection->descriptor, bytes, sizeof bytes, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length > 0 && connection->request >= 0) {
        take(connection, bytes, (size_t)length);
        return;
    }
    /* Closed by the server. An idle connection must leave the stack of idle ones too. */
    if (connection->request < 0) {
        int index = (int)(connection - connections), kept = 0;
        for (int i = 0; i < num_idle; i++)
            if (idle[i] != index) idle[kept++] = idle[i];
        num_idle = kept;
    }
    finish(connection, BROKEN, 0);
}

static void serve_events(double wait) {
    struct epoll_event events[MAX_EVENTS];
    struct timespec time = {.tv_sec = (time_t)wait,
                            .tv_nsec = (long)((wait - (double)(time_t)wait) * 1e9)};
    int count = epoll_pwait2(epoll, events, MAX_EVENTS, &time, NULL);
    if (count < 0 && errno != EINTR) fail("epoll_pwait2");
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) {
            watch(connection, EPOLL_CTL_MOD, EPOLLIN);
            write_more(connection);
        }
        if (connection->descriptor >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            read_more(connection);
    }
}

/* Give up on what has waited too long; returns how many are still in flight. */
static int expire(double time) {
    int in_flight = 0;
    for (int i = 0; i < max_connections; i++) {
        struct connection *connection = &connections[i];
        if (connection->descriptor < 0 || connection->request < 0) continue;
        if (time - requests[connection->request].due > timeout_seconds)
            finish(connection, TIMED_OUT, 0);
        else
            in_flight++;
    }
    return in_flight;
}

static void run(void) {
    long next = 0;
    double last_scan = 0;
    /* Every request is answered, given up or broken by then. */
    double latest = requests[num_requests - 1].due + timeout_seconds + 2 * SCAN_SECONDS;
    for (double time = now(); time < latest; time = now()) {
        next = send_due(next, time);
        if (time - last_scan > SCAN_SECONDS) {
            last_scan = time;
            if (!expire(time) && next == num_requests) return;
        }
        double wait = next < num_requests ? requests[next].due - now() : SCAN_SECONDS;
        /* What is overdue waits for a connection: an event frees one, or a timeout does. */
        if (next < num_requests && requests[next].due <= time) wait = SCAN_SECONDS;
        serve_events(wait < 0 ? 0 : wait > SCAN_SECONDS ? SCAN_SECONDS : wait);
    }
}

static void *allocate_zeros(long count, size_t size) {
    void *memory = calloc((size_t)count, size);
    if (!memory) fail("memory");
    return memory;
}

static void allocate(double rate) {
    requests = allocate_zeros(num_requests, sizeof *requests);
    for (long i = 0; i < num_requests; i++) requests[i].due = (double)i / rate;
    connections = allocate_zeros(max_connections, sizeof *connections);
    idle = allocate_zeros(max_connections, sizeof *idle);
    closed = allocate_zeros(max_connections, sizeof *closed);
    for (int i = 0; i < max_connections; i++) {
        connections[i].descriptor = -1;
        connections[i].request = -1;
        closed[num_closed++] = max_connections - 1 - i;
    }
}

int main(int argc, char **argv) {
    if (argc != 9) {
        fprintf(stderr, "usage: %s host port path requests rate seconds connections timeout\n",
                argv[0]);
        return 2;
    }
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) fail(argv[1]);
    read_messages(argv[4], argv[1], argv[3]);
    double rate = atof(argv[5]);
    num_requests = (long)(rate * atof(argv[6]));
    max_connections = atoi(argv[7]);
    timeout_seconds = atof(argv[8]);
    if (num_requests < 1 || max_connections < 1) {
        fprintf(stderr, "nothing to send\n");
        return 2;
    }
    allocate(rate);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) fail("epoll_create1");
    started = now();
    run();
    if (fwrite(requests, sizeof *requests, (size_t)num_requests, stdout) != (size_t)num_requests)
        fail("standard output");
    return 0;
}
