/* SPDX-License-Identifier: MIT */
/* kexec-file IMAGE INITRD COMMAND-LINE: another kernel takes this one's place, without firmware having a part in it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "kexec-file: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	int image, initrd;

	if (argc != 4) {
		fprintf(stderr, "usage: kexec-file IMAGE INITRD COMMAND-LINE\n");
		return 2;
	}
	image = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (image < 0) {
		return fail(argv[1]);
	}
	initrd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (initrd < 0) {
		return fail(argv[2]);
	}
	if (syscall(SYS_kexec_file_load, image, initrd, strlen(argv[3]) + 1, argv[3], 0ul) != 0) {
		return fail("kexec_file_load");
	}
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
	return fail("reboot");
}
