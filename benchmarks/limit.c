/* The limit: the same tasks by a plain C program on the same libcurl, one thread around curl_multi_poll.
 *
 * Usage: limit FILE-WITH-URLS AT-ONCE [--into FOLDER] [--cafile FILE] [--http2]; prints the one JSON line of clients/task.py.
 * Linked with the library inside pycurl's wheel, which brings no headers: what is used of libcurl's stable ABI is declared here. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef void CURL;
typedef void CURLM;
typedef struct {
    int msg;
    CURL *easy_handle;
    union {
        void *whatever;
        int result;
    } data;
} CURLMsg;

enum {
    CURLOPT_WRITEDATA = 10001,
    CURLOPT_URL = 10002,
    CURLOPT_WRITEFUNCTION = 20011,
    CURLOPT_CAINFO = 10065,
    CURLOPT_BUFFERSIZE = 98,
    CURLOPT_NOSIGNAL = 99,
    CURLOPT_PRIVATE = 10103,
    CURLOPT_PIPEWAIT = 237,
    CURLINFO_PRIVATE = 0x100000 + 21,
    CURLMOPT_PIPELINING = 3,
    CURLPIPE_MULTIPLEX = 2,
    CURL_GLOBAL_ALL = 3,
    BUFFER = 512 << 10
};

int curl_global_init(long flags);
CURL *curl_easy_init(void);
void curl_easy_cleanup(CURL *easy);
int curl_easy_setopt(CURL *easy, int option, ...);
int curl_easy_getinfo(CURL *easy, int info, ...);
const char *curl_easy_strerror(int code);
CURLM *curl_multi_init(void);
int curl_multi_setopt(CURLM *multi, int option, ...);
int curl_multi_add_handle(CURLM *multi, CURL *easy);
int curl_multi_remove_handle(CURLM *multi, CURL *easy);
int curl_multi_perform(CURLM *multi, int *running);
int curl_multi_poll(CURLM *multi, void *more, unsigned int count, int timeout_ms, int *ready);
CURLMsg *curl_multi_info_read(CURLM *multi, int *left);

static unsigned long long received;

struct file {
    int fd;
};

static size_t on_body(char *data, size_t unit, size_t count, void *argument)
{
    struct file *file = argument;
    size_t size = unit * count;
    received += size;
    if (file->fd >= 0 && write(file->fd, data, size) != (ssize_t)size)
        return 0;
    return size;
}

static double of(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

static void die(const char *why)
{
    fprintf(stderr, "limit: %s\n", why);
    exit(1);
}

int main(int count, char **words)
{
    const char *into = NULL, *cafile = NULL;
    int http2 = 0;
    if (count < 3)
        die("FILE-WITH-URLS AT-ONCE [--into FOLDER] [--cafile FILE] [--http2]");
    for (int i = 3; i < count; i++) {
        if (strcmp(words[i], "--into") == 0 && i + 1 < count)
            into = words[++i];
        else if (strcmp(words[i], "--cafile") == 0 && i + 1 < count)
            cafile = words[++i];
        else if (strcmp(words[i], "--http2") == 0)
            http2 = 1;
        else
            die("unknown argument");
    }
    int at_once = atoi(words[2]);
    size_t urls = 0, room = 0;
    char **url = NULL, line[4096];
    FILE *list = fopen(words[1], "r");
    if (!list)
        die("no file with URLs");
    while (fgets(line, sizeof line, list)) {
        line[strcspn(line, "\n")] = 0;
        if (urls == room)
            url = realloc(url, (room = room ? 2 * room : 1024) * sizeof *url);
        if (!url || !(url[urls++] = strdup(line)))
            die("out of memory");
    }
    fclose(list);

    struct rusage before, after;
    struct timespec begin, end;
    getrusage(RUSAGE_SELF, &before);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    curl_global_init(CURL_GLOBAL_ALL);
    CURLM *multi = curl_multi_init();
    if (http2)
        curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    CURL **spare = calloc((size_t)at_once, sizeof *spare);
    struct file *files = calloc((size_t)at_once, sizeof *files);
    if (!multi || !spare || !files)
        die("out of memory");
    int spares = 0;
    for (int i = 0; i < at_once; i++) {
        CURL *easy = spare[spares++] = curl_easy_init();
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &files[i]);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, &files[i]);
        if (cafile)
            curl_easy_setopt(easy, CURLOPT_CAINFO, cafile);
        if (http2)
            curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    }
    size_t next = 0, done = 0;
    while (done < urls) {
        int running, left;
        while (spares && next < urls) {
            CURL *easy = spare[--spares];
            struct file *file;
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, &file);
            file->fd = -1;
            if (into) {
                char path[4096];
                snprintf(path, sizeof path, "%s/%s", into, strrchr(url[next], '/') + 1);
                file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
                if (file->fd < 0)
                    die("a file cannot be opened");
            }
            curl_easy_setopt(easy, CURLOPT_URL, url[next++]);
            curl_multi_add_handle(multi, easy);
        }
        curl_multi_perform(multi, &running);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            CURL *easy = message->easy_handle;
            struct file *file;
            if (message->data.result)
                die(curl_easy_strerror(message->data.result));
            curl_multi_remove_handle(multi, easy);
            curl_easy_getinfo(easy, CURLINFO_PRIVATE, &file);
            if (file->fd >= 0)
                close(file->fd);
            spare[spares++] = easy;
            done++;
        }
        if (done < urls && !(spares && next < urls))
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    getrusage(RUSAGE_SELF, &after);
    printf("{\"seconds\": %.6f, \"user\": %.6f, \"system\": %.6f, \"switches\": %ld, \"files\": %zu, \"bytes\": %llu}\n",
           (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
           of(after.ru_utime) - of(before.ru_utime), of(after.ru_stime) - of(before.ru_stime),
           after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw - before.ru_nivcsw, done, received);
    return 0;
}
