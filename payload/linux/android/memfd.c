/* SPDX-License-Identifier: MIT */
/* memfd with seals: what Android has in the place of ashmem. */
#include "payload/linux/android/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 8192
#define PARENT "from the parent"
#define CHILD "from the child"

/* What the headers of the C library that builds us may not know yet. */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static int make(unsigned flags)
{
	int fd = memfd_create("trivet", flags | MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, SIZE) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static long map(int fd, int protection, char **at)
{
	*at = mmap(NULL, SIZE, protection, MAP_SHARED, fd, 0);
	return *at == MAP_FAILED ? -1 : 0;
}

/* Reads the mapping through a child, which changes it; the parent must see that. */
static void test_shared(void)
{
	int fd = make(0);
	char *at;
	pid_t child;

	if (!check_ok(fd, "memfd: created") || !check_ok(map(fd, PROT_READ | PROT_WRITE, &at), "memfd: mapped")) {
		return;
	}
	memcpy(at, PARENT, sizeof(PARENT));
	child = fork();
	if (child == 0) {
		bool same = strcmp(at, PARENT) == 0;

		memcpy(at, CHILD, sizeof(CHILD));
		_exit(same ? 0 : 1);
	}
	check(wait_child(child) == 0, "memfd: a child reads what the parent wrote");
	check(strcmp(at, CHILD) == 0, "memfd: the parent reads what the child wrote");
	check_fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM, "memfd: no seals where sealing was not allowed");
	munmap(at, SIZE);
	close(fd);
}

static void test_size_and_write(void)
{
	int fd = make(MFD_ALLOW_SEALING);
	char *at;

	check_ok(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), "memfd: F_SEAL_SHRINK");
	check_fails(ftruncate(fd, SIZE / 2), EPERM, "memfd: cannot shrink");
	check_ok(ftruncate(fd, SIZE * 2), "memfd: can grow");
	check_ok(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), "memfd: F_SEAL_GROW");
	check_fails(ftruncate(fd, SIZE * 3), EPERM, "memfd: cannot grow");
	check_ok(map(fd, PROT_READ | PROT_WRITE, &at), "memfd: mapped to write");
	check_fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY, "memfd: no F_SEAL_WRITE while it is mapped to write");
	munmap(at, SIZE);
	check_ok(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), "memfd: F_SEAL_WRITE");
	check_fails(pwrite(fd, "x", 1, 0), EPERM, "memfd: cannot be written");
	check_fails(map(fd, PROT_READ | PROT_WRITE, &at), EPERM, "memfd: cannot be mapped to write");
	check_ok(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), "memfd: F_SEAL_SEAL");
	check_fails(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), EPERM, "memfd: no seal after that");
	check(fcntl(fd, F_GET_SEALS) == (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL),
	      "memfd: the seals are shown");
	close(fd);
}

/* What ASharedMemory_setProt() makes of ashmem's: who has it mapped goes on, nobody else can write. */
static void test_future_write(void)
{
	int fd = make(MFD_ALLOW_SEALING);
	char *at, *other, byte = 0;

	if (!check_ok(map(fd, PROT_READ | PROT_WRITE, &at), "memfd: another one mapped to write")) {
		return;
	}
	check_ok(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), "memfd: F_SEAL_FUTURE_WRITE");
	at[0] = 'a';
	check(pread(fd, &byte, 1, 0) == 1 && byte == 'a', "memfd: the mapping that was there writes");
	check_fails(pwrite(fd, "x", 1, 0), EPERM, "memfd: write() does not");
	check_fails(map(fd, PROT_READ | PROT_WRITE, &other), EPERM, "memfd: a new mapping cannot");
	munmap(at, SIZE);
	close(fd);
}

void test_memfd(void)
{
	test_shared();
	test_size_and_write();
	test_future_write();
}
