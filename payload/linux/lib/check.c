/* SPDX-License-Identifier: MIT */
#include "payload/linux/lib/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned passed, failed;

static bool report(bool ok, const char *what, const char *why)
{
	unsigned number = ++*(ok ? &passed : &failed);

	number += ok ? failed : passed;
	printf("%s %u - %s%s%s\n", ok ? "ok" : "not ok", number, what, *why ? ": " : "", why);
	fflush(stdout);
	return ok;
}

bool check(bool ok, const char *what)
{
	return report(ok, what, "");
}

bool check_ok(long result, const char *what)
{
	return report(result >= 0, what, result >= 0 ? "" : strerror(errno));
}

bool check_fails(long result, int error, const char *what)
{
	bool ok = result == -1 && errno == error;

	return report(ok, what, ok ? "" : result == -1 ? strerror(errno) : "succeeds");
}

void note(const char *format, ...)
{
	va_list arguments;

	printf("# ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

int check_end(void)
{
	printf("1..%u\n# done: %u passed, %u failed\n", passed + failed, passed, failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}

static int write_text(const char *path, int flags, const char *text)
{
	int fd = open(path, flags | O_WRONLY | O_CLOEXEC, 0644);
	ssize_t wrote;

	if (fd < 0) {
		return -1;
	}
	wrote = write(fd, text, strlen(text));
	if (close(fd) != 0 || wrote < 0) {
		return -1;
	}
	return 0;
}

int file_write(const char *path, const char *text)
{
	return write_text(path, 0, text);
}

int file_make(const char *path, const char *text)
{
	return write_text(path, O_CREAT | O_TRUNC, text);
}

char *file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	text[got > 0 ? got : 0] = '\0';
	if (fd >= 0) {
		close(fd);
	}
	return text;
}

long file_number(const char *path, const char *name)
{
	char text[4096], *at = file_read(path, text, sizeof(text));
	size_t length = strlen(name);

	while (*at != '\0') {
		if (strncmp(at, name, length) == 0 && (at[length] == ' ' || at[length] == '=')) {
			/* strtol() skips the other spaces that /proc/meminfo has. */
			return strtol(at + length + 1, NULL, 10);
		}
		at += strcspn(at, " \n");
		at += strspn(at, " \n");
	}
	return -1;
}

void sleep_ms(unsigned ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) != 0 && errno == EINTR) {
	}
}

int wait_child(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR) {
			return -1;
		}
	}
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int run_on(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}
