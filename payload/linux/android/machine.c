/* SPDX-License-Identifier: MIT */
/* The VM itself: CPUs, memory, the clock. */
#include "payload/linux/android/check.h"

#include <fcntl.h>
#include <linux/rtc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define CPUS 4
#define MEMORY_MIB 1024

static void test_cpus(void)
{
	cpu_set_t all;
	unsigned ran = 0;

	check(sysconf(_SC_NPROCESSORS_ONLN) == CPUS, "4 CPUs are online");
	sched_getaffinity(0, sizeof(all), &all);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		ran += run_on(cpu) == 0 && sched_getcpu() == (int)cpu;
	}
	sched_setaffinity(0, sizeof(all), &all);
	check(ran == CPUS, "a process runs on each of them");
	/* PSCI's CPU_OFF and CPU_ON. */
	check_ok(file_write("/sys/devices/system/cpu/cpu3/online", "0"), "CPU 3 goes offline");
	check(sysconf(_SC_NPROCESSORS_ONLN) == CPUS - 1, "3 CPUs are online");
	check_ok(file_write("/sys/devices/system/cpu/cpu3/online", "1"), "CPU 3 comes back");
	check(run_on(3) == 0 && sched_getcpu() == 3, "a process runs on it again");
	sched_setaffinity(0, sizeof(all), &all);
}

/* The kernel set its clock by the RTC when it booted, so both agree; that both are right, the host says. */
static void test_clock(void)
{
	char name[64];
	struct rtc_time read;
	struct tm rtc = { 0 };
	int fd = open("/dev/rtc0", O_RDONLY | O_CLOEXEC);

	check(strncmp(file_read("/sys/class/rtc/rtc0/name", name, sizeof(name)), "rtc-pl031", 9) == 0,
	      "the RTC is a PL031");
	check(file_read("/sys/class/rtc/rtc0/hctosys", name, sizeof(name))[0] == '1',
	      "the kernel took its time from it");
	if (!check_ok(ioctl(fd, RTC_RD_TIME, &read), "the RTC can be read")) {
		return;
	}
	close(fd);
	rtc.tm_sec = read.tm_sec;
	rtc.tm_min = read.tm_min;
	rtc.tm_hour = read.tm_hour;
	rtc.tm_mday = read.tm_mday;
	rtc.tm_mon = read.tm_mon;
	rtc.tm_year = read.tm_year;
	check(labs((long)(timegm(&rtc) - time(NULL))) <= 2, "the RTC and the system's clock agree");
}

void test_machine(void)
{
	struct utsname names;
	long kib = file_number("/proc/meminfo", "MemTotal:");

	uname(&names);
	note("Linux %s %s", names.release, names.version);
	check(strcmp(names.machine, "aarch64") == 0, "the machine is an aarch64");
	/* The kernel keeps its image and its tables of pages. */
	check(kib > (MEMORY_MIB - 64) * 1024L && kib <= MEMORY_MIB * 1024L, "it has 1 GiB of memory");
	test_cpus();
	test_clock();
}
