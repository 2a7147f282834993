/* SPDX-License-Identifier: MIT */
#include "arch/sysreg.h"

_Thread_local uint64_t host_sysreg[HOST_SYSREG_COUNT];
void (*host_sysreg_written)(enum host_sysreg_index reg, uint64_t value);
void (*host_sysreg_reading)(enum host_sysreg_index reg);

uint64_t host_sysreg_read(enum host_sysreg_index reg)
{
	if (host_sysreg_reading != NULL) {
		host_sysreg_reading(reg);
	}
	return host_sysreg[reg];
}

void host_sysreg_write(enum host_sysreg_index reg, uint64_t value)
{
	host_sysreg[reg] = value;
	if (host_sysreg_written != NULL) {
		host_sysreg_written(reg, value);
	}
}
