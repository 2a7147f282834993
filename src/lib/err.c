/* SPDX-License-Identifier: MIT */
#include "lib/err.h"

#include "lib/base.h"

const char *err_name(enum err e)
{
	static const char *const names[] = {
		[OK] = "ok",
		[ERR_INVALID] = "malformed",
		[ERR_NO_MEMORY] = "out of memory",
		[ERR_NOT_FOUND] = "not found",
		[ERR_EXISTS] = "exists already or overlaps",
		[ERR_DENIED] = "denied",
		[ERR_RANGE] = "out of range",
		[ERR_UNSUPPORTED] = "unsupported",
	};

	return (unsigned)e < ARRAY_SIZE(names) ? names[e] : "unknown error";
}
