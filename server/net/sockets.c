// SPDX-License-Identifier: MIT
#include "server/net/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ADDRESS_CHARS = 256,
    FREE_PORT_TRIES = 16, // a port that is free on one address may be in use on the next
    RESERVED_FILES = 64,  // log, loops, listening sockets, the spare one
};

// One address of `bind`, resolved.
struct address {
    const char *text; // without the '-'
    bool optional;
    struct sockaddr_storage sa;
    socklen_t len;
};

static bool resolve(struct address *a, int port, char *error, size_t nerror)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    const char *host = a->text;
    char service[16];
    int rc;

    if (strcmp(host, "*") == 0) {
        host = NULL;
        hints.ai_family = AF_INET;
    } else if (strcmp(host, "::*") == 0) {
        host = NULL;
        hints.ai_family = AF_INET6;
    }
    snprintf(service, sizeof(service), "%d", port);
    rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0) {
        snprintf(error, nerror, "cannot listen on '%s': %s", a->text, gai_strerror(rc));
        return false;
    }
    memcpy(&a->sa, found->ai_addr, found->ai_addrlen);
    a->len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static int open_listener(const struct address *a, int backlog)
{
    int on = 1, error;
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (a->sa.ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(fd, (const struct sockaddr *)&a->sa, a->len) == 0 && listen(fd, backlog) == 0) {
        return fd;
    }
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool address_missing(int error)
{
    return error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT ||
           error == EPFNOSUPPORT || error == ESOCKTNOSUPPORT || error == ENOPROTOOPT;
}

static int port_of(int fd)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof(sa);

    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
        return 0;
    }
    return ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port
                                          : ((struct sockaddr_in *)&sa)->sin_port);
}

static bool add_listener(struct listen_sockets *s, char *word, int backlog, char *error,
                         size_t nerror)
{
    struct address a = {.text = word};
    int fd;

    if (word[0] == '-') {
        a.optional = true;
        a.text++;
    }
    if (s->n == LISTEN_MAX) {
        snprintf(error, nerror, "cannot listen on more than %d addresses", LISTEN_MAX);
        return false;
    }
    if (!resolve(&a, s->port, error, nerror)) {
        return a.optional;
    }
    fd = open_listener(&a, backlog);
    if (fd < 0) {
        if (a.optional && address_missing(errno)) {
            return true;
        }
        snprintf(error, nerror, "cannot listen on %s port %d: %s", a.text, s->port,
                 strerror(errno));
        return false;
    }
    s->fd[s->n++] = fd;
    if (s->port == 0) {
        s->port = port_of(fd);
    }
    return true;
}

static bool listen_on_all(struct listen_sockets *s, const char *bind, int backlog, char *error,
                          size_t nerror)
{
    char word[ADDRESS_CHARS];
    size_t len;

    for (const char *at = bind + strspn(bind, " \t"); *at; at += strspn(at, " \t")) {
        len = strcspn(at, " \t");
        snprintf(word, sizeof(word), "%.*s", (int)len, at);
        at += len;
        if (!add_listener(s, word, backlog, error, nerror)) {
            return false;
        }
    }
    if (s->n == 0) {
        snprintf(error, nerror, "cannot listen on any of '%s'", bind);
    }
    return s->n > 0;
}

bool sockets_listen(struct listen_sockets *s, const char *bind, int port, int backlog, char *error,
                    size_t nerror)
{
    for (int tries = port == 0 ? FREE_PORT_TRIES : 1; tries > 0; tries--) {
        *s = (struct listen_sockets){.port = port};
        if (listen_on_all(s, bind, backlog, error, nerror)) {
            return true;
        }
        sockets_close(s);
    }
    return false;
}

void sockets_close(struct listen_sockets *s)
{
    for (int i = 0; i < s->n; i++) {
        close(s->fd[i]);
    }
    s->n = 0;
}

void sockets_name(int fd, bool peer, char *out, size_t nout)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof(sa);
    char host[INET6_ADDRSTRLEN] = "?";
    int rc = peer ? getpeername(fd, (struct sockaddr *)&sa, &len)
                  : getsockname(fd, (struct sockaddr *)&sa, &len);

    if (rc == 0 && sa.ss_family == AF_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&sa;

        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, nout, "[%s]:%d", host, ntohs(in6->sin6_port));
    } else if (rc == 0 && sa.ss_family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&sa;

        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, nout, "%s:%d", host, ntohs(in->sin_port));
    } else {
        snprintf(out, nout, "?:0");
    }
}

bool sockets_peer_is_local(int fd)
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof(sa);

    if (getpeername(fd, (struct sockaddr *)&sa, &len) != 0) {
        return true; // already gone: nothing to protect
    }
    if (sa.ss_family == AF_INET6) {
        struct in6_addr *a = &((struct sockaddr_in6 *)&sa)->sin6_addr;

        return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
    }
    return sa.ss_family == AF_INET &&
           ntohl(((struct sockaddr_in *)&sa)->sin_addr.s_addr) >> 24 == 127;
}

void sockets_tune(int fd, int64_t keepalive_s)
{
    int on = 1, idle = (int)keepalive_s, interval = idle / 3 > 0 ? idle / 3 : 1, probes = 3;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (keepalive_s > 0) {
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    }
}

void sockets_refuse(int fd, const char *reply)
{
    char waste[4096];

    // What the peer has sent is read first: closing over unread bytes resets the connection, and
    // the reply could be lost with it.
    send(fd, reply, strlen(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(fd, SHUT_WR);
    while (recv(fd, waste, sizeof(waste), MSG_DONTWAIT) > 0) {
        continue;
    }
    close(fd);
}

int64_t sockets_admit(int64_t clients, int files_each)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)clients * (rlim_t)files_each + RESERVED_FILES;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return clients;
    }
    if (limit.rlim_cur < wanted) {
        rlim_t before = limit.rlim_cur;

        // The hard limit can be raised only with privileges; else the soft one up to it.
        struct rlimit more = {wanted, limit.rlim_max < wanted ? wanted : limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
            return clients;
        }
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            limit.rlim_cur = before;
        }
    }
    if (limit.rlim_cur >= wanted) {
        return clients;
    }
    return limit.rlim_cur > RESERVED_FILES ? (int64_t)(limit.rlim_cur - RESERVED_FILES) / files_each
                                           : 0;
}
