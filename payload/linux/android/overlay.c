/* SPDX-License-Identifier: MIT */
/* overlayfs over a read-only ext4 disk, as Android lays a writable layer over its system. */
#include "payload/linux/android/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOWER "/tmp/overlay/lower"
#define UPPER "/tmp/overlay/layers/upper"
#define MERGED "/tmp/overlay/merged"

static bool reads(const char *path, const char *text)
{
	char got[64];

	return strcmp(file_read(path, got, sizeof(got)), text) == 0;
}

/* The disk is made by scripts/mkdisk. */
static bool set_up(void)
{
	static const char *const folders[] = { "/tmp/overlay", LOWER, "/tmp/overlay/layers", MERGED };
	int result;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		mkdir(folders[i], 0755);
	}
	if (!check_ok(mount("/dev/vda", LOWER, "ext4", MS_RDONLY, ""), "overlay: the disk is mounted to read") ||
	    !check_ok(mount("tmpfs", "/tmp/overlay/layers", "tmpfs", 0, ""),
		      "overlay: so is a tmpfs, for the upper layer")) {
		return false;
	}
	mkdir(UPPER, 0755);
	mkdir("/tmp/overlay/layers/work", 0755);
	result = mount("overlay", MERGED, "overlay", 0,
		       "lowerdir=" LOWER ",upperdir=" UPPER ",workdir=/tmp/overlay/layers/work");
	return check_ok(result, "overlay: mounted");
}

static void test_copy_up(void)
{
	struct stat status;

	check(reads(MERGED "/hello.txt", "This file is on the virtual disk.\n"),
	      "overlay: a file of the lower layer shows through");
	check_fails(stat(UPPER "/hello.txt", &status), ENOENT, "overlay: reading copies nothing");
	check_ok(file_make(MERGED "/hello.txt", "changed\n"), "overlay: it can be written");
	check(reads(MERGED "/hello.txt", "changed\n"), "overlay: and reads as written");
	check(reads(UPPER "/hello.txt", "changed\n"), "overlay: the upper layer has it");
	check(reads(LOWER "/hello.txt", "This file is on the virtual disk.\n"),
	      "overlay: the lower layer has what it had");
	check_ok(chmod(MERGED "/numbers.txt", 0600), "overlay: a change of mode copies up, too");
	check(stat(UPPER "/numbers.txt", &status) == 0 && (status.st_mode & 07777) == 0600 && status.st_size > 1000000,
	      "overlay: mode and contents are in the upper layer");
}

static void test_whiteout(void)
{
	struct stat status;

	check_ok(unlink(MERGED "/hello.txt"), "overlay: a file of the lower layer is removed");
	check_fails(stat(MERGED "/hello.txt", &status), ENOENT, "overlay: it is gone");
	check(lstat(UPPER "/hello.txt", &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0),
	      "overlay: the upper layer has a whiteout");
	check_ok(stat(LOWER "/hello.txt", &status), "overlay: the lower layer still has it");
	check_ok(file_make(MERGED "/hello.txt", "new\n"), "overlay: the name can be used again");
	check(reads(MERGED "/hello.txt", "new\n"), "overlay: and shows the new file");
	/* ext4's lost+found is an empty folder of the lower layer. */
	check(rmdir(MERGED "/lost+found") == 0 && mkdir(MERGED "/lost+found", 0755) == 0,
	      "overlay: a folder is removed and made");
	check_ok(rename(MERGED "/hello.txt", MERGED "/lost+found/hello.txt"), "overlay: a file is moved into it");
	check(reads(MERGED "/lost+found/hello.txt", "new\n") && reads(MERGED "/hello.txt", ""),
	      "overlay: and is there");
}

void test_overlay(void)
{
	if (set_up()) {
		test_copy_up();
		test_whiteout();
		check_ok(umount(MERGED), "overlay: unmounted");
	}
	umount("/tmp/overlay/layers");
	umount(LOWER);
}
