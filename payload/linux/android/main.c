/* SPDX-License-Identifier: MIT */
/*
 * Proves in a booted VM what Android's userspace asks of a kernel: android-test [TOPIC...], all topics if none is
 * named. It is to run as root, in a userspace with /proc, /sys and /dev; it mounts what else it needs under /tmp and
 * /dev.
 */
#include "payload/linux/android/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <unistd.h>

/* A topic takes a few seconds. One that hangs fails, instead of leaving whoever waits without a word. */
#define TOPIC_SECONDS 120

/* Actions of klogctl(), which no header names. */
#define CONSOLE_OFF 6
#define CONSOLE_ON 7

static const struct topic {
	const char *name;
	void (*run)(void);
} topics[] = {
	{ "machine", test_machine },   { "binder", test_binder }, { "memfd", test_memfd },
	{ "pressure", test_pressure }, { "cgroup", test_cgroup }, { "overlay", test_overlay },
	{ "verity", test_verity },
};

static void too_long(int signal)
{
	static const char line[] = "\nnot ok 0 - the topic ends\n";

	(void)signal;
	_exit(write(STDOUT_FILENO, line, sizeof(line) - 1) > 0 ? 1 : 2);
}

static void run(const struct topic *topic)
{
	note("%s", topic->name);
	alarm(TOPIC_SECONDS);
	topic->run();
	alarm(0);
}

static bool run_named(const char *name)
{
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		if (name == NULL || strcmp(topics[i].name, name) == 0) {
			run(&topics[i]);
			if (name != NULL) {
				return true;
			}
		}
	}
	return name == NULL;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, too_long);
	signal(SIGPIPE, SIG_IGN);
	mkdir("/tmp", 0777);
	/* The kernel's words about what is refused here would stand in the middle of our lines; dmesg has them. */
	klogctl(CONSOLE_OFF, NULL, 0);
	if (argc == 1) {
		run_named(NULL);
	}
	for (int i = 1; i < argc; i++) {
		if (!run_named(argv[i])) {
			fprintf(stderr, "android-test: no topic %s\n", argv[i]);
			klogctl(CONSOLE_ON, NULL, 0);
			return 2;
		}
	}
	klogctl(CONSOLE_ON, NULL, 0);
	return check_end();
}
