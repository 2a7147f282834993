/* SPDX-License-Identifier: MIT */
/* Control groups, version 2: limits that hold, the freezer, and a BPF program that decides for a group. */
#include "payload/linux/android/check.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT "/sys/fs/cgroup"
#define GROUP ROOT "/trivet"
#define OTHER ROOT "/other"
#define MIB (1024 * 1024)

static const char *const controllers[] = { "cpu", "cpuset", "memory", "pids" };

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += length) {
		if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\n')) {
			return true;
		}
	}
	return false;
}

static bool set_up(void)
{
	char text[256], what[64];

	if (!check_ok(mount("cgroup2", ROOT, "cgroup2", 0, NULL), "cgroup: version 2 is mounted")) {
		return false;
	}
	file_read(ROOT "/cgroup.controllers", text, sizeof(text));
	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++) {
		snprintf(what, sizeof(what), "cgroup: there is the controller %s", controllers[i]);
		check(has_word(text, controllers[i]), what);
	}
	check_ok(file_write(ROOT "/cgroup.subtree_control", "+cpu +cpuset +memory +pids"), "cgroup: groups get them");
	mkdir(OTHER, 0755);
	return check_ok(mkdir(GROUP, 0755), "cgroup: a group is made");
}

/* A child in the group; returns 0 in the child, its pid in the parent. */
static pid_t fork_into(const char *group)
{
	char path[128];
	pid_t child = fork();

	if (child == 0) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", group);
		if (file_write(path, "0") != 0) {
			_exit(99);
		}
	}
	return child;
}

/* A child that never waits; *turns, if given, counts while it runs. */
static pid_t fork_spinner(const char *group, atomic_ulong *turns)
{
	pid_t child = fork_into(group);

	if (child == 0) {
		for (;;) {
			if (turns != NULL) {
				atomic_fetch_add(turns, 1);
			}
		}
	}
	return child;
}

static void stop(pid_t child)
{
	kill(child, SIGKILL);
	wait_child(child);
}

static void test_pids(void)
{
	pid_t child;
	int forked = 0;

	check_ok(file_write(GROUP "/pids.max", "4"), "cgroup: at most 4 processes");
	child = fork_into(GROUP);
	if (child == 0) {
		for (int i = 0; i < 10; i++) {
			pid_t one = fork();

			if (one == 0) {
				pause();
			}
			if (one < 0 && errno != EAGAIN) {
				_exit(98);
			}
			forked += one > 0;
		}
		_exit(forked);
	}
	check(wait_child(child) == 3, "cgroup: one of them can fork three times, then no more");
	check(file_number(GROUP "/pids.events", "max") == 7, "cgroup: the refusals are counted");
	check_ok(file_write(GROUP "/cgroup.kill", "1"), "cgroup: the group is killed");
	/* The children of the child are init's; they are gone when the group is empty. */
	for (int i = 0; i < 100 && file_number(GROUP "/cgroup.events", "populated") != 0; i++) {
		sleep_ms(20);
	}
	check(file_number(GROUP "/cgroup.events", "populated") == 0, "cgroup: and is empty");
	file_write(GROUP "/pids.max", "max");
}

/* How a child ends that touches so much memory in the group. */
static int touch(size_t size)
{
	pid_t child = fork_into(GROUP);

	if (child == 0) {
		char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED) {
			_exit(1);
		}
		for (size_t i = 0; i < size; i += 4096) {
			at[i] = 1;
		}
		_exit(0);
	}
	return wait_child(child);
}

static void test_memory(void)
{
	check_ok(file_write(GROUP "/memory.max", "16777216"), "cgroup: at most 16 MiB");
	check(touch(8 * MIB) == 0, "cgroup: 8 MiB can be used");
	check(file_number(GROUP "/memory.events", "oom_kill") == 0, "cgroup: nobody was killed for it");
	check(touch(64 * MIB) == -SIGKILL, "cgroup: who uses 64 MiB is killed");
	check(file_number(GROUP "/memory.events", "oom_kill") == 1, "cgroup: that is counted");
	check_ok(file_write(GROUP "/memory.max", "max"), "cgroup: the limit is taken away");
	check(touch(64 * MIB) == 0, "cgroup: 64 MiB can be used");
}

static bool wait_frozen(long state)
{
	for (int i = 0; i < 100; i++) {
		if (file_number(GROUP "/cgroup.events", "frozen") == state) {
			return true;
		}
		sleep_ms(20);
	}
	return false;
}

static void test_freezer(atomic_ulong *turns)
{
	pid_t child = fork_spinner(GROUP, turns);
	unsigned long before;

	for (int i = 0; i < 100 && atomic_load(turns) == 0; i++) {
		sleep_ms(20);
	}
	check(atomic_load(turns) > 0, "cgroup: a process runs in the group");
	check_ok(file_write(GROUP "/cgroup.freeze", "1"), "cgroup: the group is frozen");
	check(wait_frozen(1), "cgroup: it says so");
	before = atomic_load(turns);
	sleep_ms(300);
	check(atomic_load(turns) == before, "cgroup: the process stands still");
	check_ok(file_write(GROUP "/cgroup.freeze", "0"), "cgroup: the group is thawed");
	check(wait_frozen(0), "cgroup: it says so");
	for (int i = 0; i < 100 && atomic_load(turns) == before; i++) {
		sleep_ms(20);
	}
	check(atomic_load(turns) > before, "cgroup: the process goes on");
	stop(child);
}

static void test_cpuset(void)
{
	pid_t child;
	cpu_set_t set;

	check_ok(file_write(GROUP "/cpuset.cpus", "2"), "cgroup: CPU 2 only");
	child = fork_into(GROUP);
	if (child == 0) {
		bool only = sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1 && CPU_ISSET(2, &set);

		_exit(only && sched_getcpu() == 2 ? 0 : 1);
	}
	check(wait_child(child) == 0, "cgroup: a process of the group runs there and may not elsewhere");
}

static double cpu_time(pid_t child)
{
	struct rusage usage = { 0 };

	kill(child, SIGKILL);
	wait4(child, NULL, 0, &usage);
	return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
}

/* Two processes that want one CPU, in groups of weights 300 and 100; both are on it only for the time of the test. */
static void test_weight(void)
{
	pid_t heavy, light;
	double share;

	check(file_write(OTHER "/cpuset.cpus", "2") == 0 && file_write(GROUP "/cpu.weight", "300") == 0 &&
		      file_write(OTHER "/cpu.weight", "100") == 0,
	      "cgroup: two groups on CPU 2, one of three times the weight");
	heavy = fork_spinner(GROUP, NULL);
	light = fork_spinner(OTHER, NULL);
	sleep_ms(2000);
	share = cpu_time(heavy);
	share /= share + cpu_time(light);
	note("the heavier one had %.0f %% of the time", share * 100);
	check(share > 0.65 && share < 0.85, "cgroup: it gets three quarters of the time");
}

/* ---- BPF: what Android's netd decides by ---- */

static int bpf(int command, union bpf_attr *attributes)
{
	return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

/* A program that lets a process make a socket unless it is one of AF_INET. */
static int load_program(void)
{
	static const char licence[] = "MIT";
	const struct bpf_insn program[] = {
		/* r2 = the socket's family; r0 = 1; if (r2 == AF_INET) r0 = 0; return r0 */
		{ BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct bpf_sock, family), 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1 },
		{ BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 1, AF_INET },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SOCK,
		.expected_attach_type = BPF_CGROUP_INET_SOCK_CREATE,
		.insn_cnt = sizeof(program) / sizeof(program[0]),
		.insns = (uintptr_t)program,
		.license = (uintptr_t)licence,
	};

	return bpf(BPF_PROG_LOAD, &attributes);
}

static bool compiled(int program)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attributes = {
		.info = { .bpf_fd = (uint32_t)program, .info_len = sizeof(info), .info = (uintptr_t)&info },
	};

	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes) == 0 && info.jited_prog_len != 0;
}

static bool can_make_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		close(fd);
	}
	return fd >= 0;
}

static void test_bpf(void)
{
	int program = load_program(), group = open(GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union bpf_attr attributes = {
		.target_fd = (uint32_t)group,
		.attach_bpf_fd = (uint32_t)program,
		.attach_type = BPF_CGROUP_INET_SOCK_CREATE,
	};
	pid_t child;

	check_ok(program, "bpf: a program is loaded");
	check(compiled(program), "bpf: it is compiled");
	check_ok(bpf(BPF_PROG_ATTACH, &attributes), "bpf: it is attached to the group");
	child = fork_into(GROUP);
	if (child == 0) {
		bool inet = can_make_socket(AF_INET);

		_exit(!inet && errno == EPERM && can_make_socket(AF_INET6) ? 0 : 1);
	}
	check(wait_child(child) == 0, "bpf: a process of the group gets no socket of AF_INET, but one of AF_INET6");
	check(can_make_socket(AF_INET), "bpf: who is not in the group gets it");
	close(program);
	close(group);
}

void test_cgroup(void)
{
	atomic_ulong *turns = mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (turns != MAP_FAILED && set_up()) {
		test_pids();
		test_memory();
		test_freezer(turns);
		test_cpuset();
		test_weight();
		test_bpf();
		check_ok(rmdir(GROUP), "cgroup: the group is removed");
	}
	rmdir(OTHER);
	umount(ROOT);
}
