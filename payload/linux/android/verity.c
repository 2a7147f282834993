/* SPDX-License-Identifier: MIT */
/*
 * dm-verity over a disk that scripts/mkverity made: a file system, its hash tree, and a last block that holds the
 * rest of the target's table. The disk lives in the hypervisor's memory and can be written, so that the test can
 * spoil it.
 */
#include "payload/linux/android/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DISK "/dev/vdb"
#define NAME "trivet-verity"
#define BLOCK 4096
#define MANY (16 * BLOCK)
#define SPOILED 1000 /* a block of the data; what stands in it does not matter */

/* All reading is direct: a page cache would answer with what was read before. */
static char buffer[MANY] __attribute__((aligned(BLOCK)));
static char other[MANY] __attribute__((aligned(BLOCK)));

static char path[32];

struct table {
	unsigned long data_blocks, hash_start;
	char hash[16], root[80], salt[80];
};

static int dm(int control, unsigned long call, struct dm_ioctl *io, size_t size)
{
	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = (uint32_t)size;
	io->data_start = sizeof(*io);
	strcpy(io->name, NAME);
	return ioctl(control, call, io);
}

/* Makes the device and leaves its node in path; returns a descriptor of it, or -1 with errno. */
static int activate(int control, const struct table *table)
{
	struct {
		struct dm_ioctl io;
		struct dm_target_spec target;
		char parameters[512];
	} load = { .io.target_count = 1,
		   .io.flags = DM_READONLY_FLAG,
		   .target.length = table->data_blocks * BLOCK / 512 };
	struct dm_ioctl create = { 0 }, resume = { 0 };

	strcpy(load.target.target_type, "verity");
	snprintf(load.parameters, sizeof(load.parameters), "1 " DISK " " DISK " 4096 4096 %lu %lu %s %s %s",
		 table->data_blocks, table->hash_start, table->hash, table->root, table->salt);
	if (dm(control, DM_DEV_CREATE, &create, sizeof(create)) != 0 ||
	    dm(control, DM_TABLE_LOAD, &load.io, sizeof(load)) != 0 ||
	    dm(control, DM_DEV_SUSPEND, &resume, sizeof(resume)) != 0) {
		return -1;
	}
	snprintf(path, sizeof(path), "/dev/dm-%u", minor(resume.dev));
	return open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
}

static int deactivate(int control, int device)
{
	struct dm_ioctl remove = { 0 };

	close(device);
	return dm(control, DM_DEV_REMOVE, &remove, sizeof(remove));
}

static long read_block(int device, unsigned long block)
{
	return pread(device, buffer, BLOCK, (off_t)block * BLOCK);
}

/* Inverts a byte of the disk, or inverts it back. */
static long invert_byte(int disk, unsigned long block)
{
	if (pread(disk, other, BLOCK, (off_t)block * BLOCK) != BLOCK) {
		return -1;
	}
	other[BLOCK / 2] = (char)~other[BLOCK / 2];
	return pwrite(disk, other, BLOCK, (off_t)block * BLOCK) == BLOCK ? 0 : -1;
}

static bool read_table(int disk, struct table *table)
{
	uint64_t size;

	return ioctl(disk, BLKGETSIZE64, &size) == 0 && pread(disk, buffer, BLOCK, (off_t)size - BLOCK) == BLOCK &&
	       memchr(buffer, '\0', BLOCK) != NULL &&
	       sscanf(buffer, "%lu %lu %15s %79s %79s", &table->data_blocks, &table->hash_start, table->hash,
		      table->root, table->salt) == 5;
}

static void test_good(int device, int disk, unsigned long blocks)
{
	char text[64];
	bool same = true;

	for (off_t at = 0; same && at < (off_t)blocks * BLOCK; at += MANY) {
		same = pread(device, buffer, MANY, at) == MANY && pread(disk, other, MANY, at) == MANY &&
		       memcmp(buffer, other, MANY) == 0;
	}
	check(same, "verity: all of the disk is verified and reads as it is");
	mkdir("/tmp/verity", 0755);
	check_ok(mount(path, "/tmp/verity", "ext4", MS_RDONLY, ""), "verity: its file system is mounted");
	check(strcmp(file_read("/tmp/verity/hello.txt", text, sizeof(text)), "This file is on the virtual disk.\n") ==
		      0,
	      "verity: a file of it reads well");
	check_ok(umount("/tmp/verity"), "verity: unmounted");
}

static void test_spoiled_data(int device, int disk)
{
	check_ok(invert_byte(disk, SPOILED), "verity: a byte of the data is changed behind its back");
	check_fails(read_block(device, SPOILED), EIO, "verity: the block is refused");
	check(read_block(device, SPOILED - 1) == BLOCK && read_block(device, SPOILED + 1) == BLOCK,
	      "verity: those beside it are not");
	check_ok(invert_byte(disk, SPOILED), "verity: the byte is set right");
	check(read_block(device, SPOILED) == BLOCK, "verity: the block can be read again");
}

/*
 * A spoiled hash: the last block of the tree has those of the last 128 blocks. Another device, which has none in
 * memory.
 */
static void test_spoiled_tree(int control, int disk, const struct table *table)
{
	unsigned long last;
	uint64_t size;
	int device;

	ioctl(disk, BLKGETSIZE64, &size);
	last = size / BLOCK - 2;
	check_ok(invert_byte(disk, last), "verity: a byte of the hash tree is changed");
	device = activate(control, table);
	check_ok(device, "verity: a device over that");
	check_fails(read_block(device, table->data_blocks - 1), EIO,
		    "verity: a block under the changed hashes is refused");
	check(read_block(device, 0) == BLOCK, "verity: one under others is not");
	check_ok(deactivate(control, device), "verity: removed");
	check_ok(invert_byte(disk, last), "verity: the byte is set right");
}

static void test_wrong_root(int control, const struct table *table)
{
	struct table wrong = *table;
	int device;

	wrong.root[0] = wrong.root[0] == '0' ? '1' : '0';
	device = activate(control, &wrong);
	check_ok(device, "verity: a device with another root hash");
	check_fails(read_block(device, 0), EIO, "verity: nothing can be read from it");
	check_ok(deactivate(control, device), "verity: removed");
}

void test_verity(void)
{
	int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	int disk = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC), device;
	struct table table = { 0 };

	if (!check_ok(control, "verity: there is a device mapper") ||
	    !check_ok(disk, "verity: there is a disk " DISK) ||
	    !check(read_table(disk, &table), "verity: the disk has a table")) {
		return;
	}
	device = activate(control, &table);
	if (check_ok(device, "verity: the device is made")) {
		test_good(device, disk, table.data_blocks);
		test_spoiled_data(device, disk);
		check_ok(deactivate(control, device), "verity: removed");
		test_spoiled_tree(control, disk, &table);
		test_wrong_root(control, &table);
	} else {
		deactivate(control, device);
	}
	close(disk);
	close(control);
}
