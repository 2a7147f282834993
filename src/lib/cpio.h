/* SPDX-License-Identifier: MIT */
/*
 * Reader of cpio archives in the "newc" form (magic 070701), as initramfs images use it: a header of 13 hexadecimal
 * fields, the name, the data, each padded to 4 bytes, and an entry "TRAILER!!!" at the end. What stands behind that
 * is ignored. Nothing is copied: names and data point into the archive.
 */
#ifndef LIB_CPIO_H
#define LIB_CPIO_H

#include "lib/err.h"
#include "lib/span.h"

struct cpio_entry {
	const char *name; /* ends with a zero inside the archive */
	uint32_t mode;    /* as st_mode */
	struct span data;
	uint64_t next; /* where the following header is, from the start of the archive */
};

static inline bool cpio_is_file(const struct cpio_entry *entry) { return (entry->mode & 0170000) == 0100000; }

/*
 * Reads the entry whose header is at 'offset': 0, then each entry's 'next'. ERR_NOT_FOUND at the trailer;
 * ERR_INVALID, and in *why what is wrong with the entry there, if it is not all well formed and inside the archive.
 */
enum err cpio_read(struct span archive, uint64_t offset, struct cpio_entry *entry, const char **why);

/* The first file of that name before the trailer or the first malformed entry; ERR_NOT_FOUND if there is none. */
enum err cpio_find(struct span archive, const char *name, struct span *data);

#endif
