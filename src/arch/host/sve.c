/* SPDX-License-Identifier: MIT */
#include "arch/sve.h"

#include "arch/host/host.h"
#include "lib/str.h"

_Thread_local uint8_t host_sve[HOST_SVE_SIZE];

uint64_t sve_vector_bytes(void)
{
	return 32;
}

uint64_t sve_streaming_bytes(void)
{
	return 64;
}

/* The V registers, and then what is beyond them. FFR is its last byte. */
void sve_save(void *area, bool ffr)
{
	uint8_t *to = area;

	memcpy(to, &host_fp, sizeof(host_fp));
	memcpy(to + sizeof(host_fp), host_sve, HOST_SVE_SIZE - !ffr);
}

void sve_load(const void *area, bool ffr)
{
	const uint8_t *from = area;

	memcpy(&host_fp, from, sizeof(host_fp));
	memcpy(host_sve, from + sizeof(host_fp), HOST_SVE_SIZE - !ffr);
}
