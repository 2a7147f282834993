/* SPDX-License-Identifier: MIT */
/*
 * Prints the virtual counter as "cntvct N"; just before, it executes the marker of scripts/qemu/count.c. Without a C
 * library, to keep the initramfs small.
 */
#include <stdint.h>

#define SYS_WRITE 64
#define SYS_EXIT 93

static long syscall3(long number, long a, long b, long c)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}

void _start(void)
{
	char line[] = "cntvct                     \n";
	char *at = line + sizeof(line) - 2;
	uint64_t count;

	__asm__ volatile("hint #0x7f; isb; mrs %0, cntvct_el0" : "=r"(count));
	do {
		*--at = (char)('0' + count % 10);
		count /= 10;
	} while (count != 0);
	syscall3(SYS_WRITE, 1, (long)line, sizeof(line) - 1);
	for (;;) {
		syscall3(SYS_EXIT, 0, 0, 0);
	}
}
