/* SPDX-License-Identifier: MIT */
/* Pressure stall information: what Android's low-memory killer is woken by. */
#include "payload/linux/android/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SPINNERS 12

/* Both lines, "some" and "full", with numbers where they belong. */
static bool readable(const char *path)
{
	char text[256], *at = file_read(path, text, sizeof(text));
	static const char *const kinds[] = { "some", "full" };
	float average[3];
	unsigned long long total;
	int length = 0;

	for (size_t i = 0; i < 2; i++) {
		char kind[8];

		if (sscanf(at, "%4s avg10=%f avg60=%f avg300=%f total=%llu\n%n", kind, &average[0], &average[1],
			   &average[2], &total, &length) != 5 ||
		    strcmp(kind, kinds[i]) != 0) {
			return false;
		}
		at += length;
	}
	return *at == '\0';
}

static int open_trigger(const char *path, const char *trigger)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && write(fd, trigger, strlen(trigger) + 1) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* More processes than CPUs that never wait: the trigger of the CPUs' pressure must come, and nothing before. */
static void test_trigger(void)
{
	int fd = open_trigger("/proc/pressure/cpu", "some 600000 1000000");
	struct pollfd wait = { .fd = fd, .events = POLLPRI };
	pid_t children[SPINNERS];

	if (!check_ok(fd, "pressure: a trigger of the CPUs' pressure is taken")) {
		return;
	}
	check(poll(&wait, 1, 1500) == 0, "pressure: it does not come while nothing runs");
	for (size_t i = 0; i < SPINNERS; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			for (;;) {
				__asm__ volatile("");
			}
		}
	}
	check(poll(&wait, 1, 30000) == 1 && (wait.revents & POLLPRI) != 0 && (wait.revents & POLLERR) == 0,
	      "pressure: it comes when 12 processes want 4 CPUs");
	for (size_t i = 0; i < SPINNERS; i++) {
		kill(children[i], SIGKILL);
		wait_child(children[i]);
	}
	close(fd);
}

void test_pressure(void)
{
	int fd = open_trigger("/proc/pressure/memory", "some 150000 1000000");
	struct pollfd wait = { .fd = fd, .events = POLLPRI };

	check(readable("/proc/pressure/cpu"), "pressure: cpu reads well");
	check(readable("/proc/pressure/memory"), "pressure: memory reads well");
	check(readable("/proc/pressure/io"), "pressure: io reads well");
	if (check_ok(fd, "pressure: a trigger of the memory's pressure is taken")) {
		check(poll(&wait, 1, 100) == 0, "pressure: it can be waited for");
		check_fails(write(fd, "some 150000 1000000", 20), EBUSY,
			    "pressure: a second one on the same file is refused");
		close(fd);
	}
	check_fails(open_trigger("/proc/pressure/memory", "some 2000000 1000000"), EINVAL,
		    "pressure: a stall longer than its window is refused");
	test_trigger();
}
