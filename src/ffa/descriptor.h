/* SPDX-License-Identifier: MIT */
/*
 * Memory transaction descriptors (DEN0140; FF-A 1.0, 5.12) as they stand in RX and TX buffers, in the forms of
 * 1.0, 1.1 and 1.2, read into and written from one form. Reading copies each byte once; the copy is checked.
 */
#ifndef FFA_DESCRIPTOR_H
#define FFA_DESCRIPTOR_H

#include "abi/ffa.h"
#include "lib/base.h"

struct ffa_endpoint;

/* Receivers that one transaction can name. A header, so many access descriptors and a composite fit a 4 KiB buffer. */
#define FFA_RECEIVERS_MAX 64

struct ffa_descriptor {
	struct ffa_memory_region region; /* 1.0: without access_size and access_offset */
	bool wide;         /* the access descriptors have implementation defined words */
	uint32_t access_end;             /* where the access descriptors end */
	struct ffa_memory_access_1_2 access[FFA_RECEIVERS_MAX]; /* region.access_count of them are valid */
};

/*
 * Reads header and access descriptors from the TX buffer of 'from', whose version says in which form. 'length' bytes
 * are there. FFA_INVALID_PARAMETERS if they do not fit, a reserved field is not zero, or there are too many.
 */
enum ffa_code ffa_descriptor_read(struct ffa_endpoint *from, uint32_t length, struct ffa_descriptor *out);
/*
 * Reads the composite header that all access descriptors of 'd' speak of. 'at' is where its ranges begin, within
 * 'length'. FFA_INVALID_PARAMETERS if it is not there, or not as long as 'total', which counts all fragments, says.
 */
enum ffa_code ffa_descriptor_read_composite(struct ffa_endpoint *from, const struct ffa_descriptor *d, uint32_t total,
					    uint32_t length, struct ffa_composite *out, uint32_t *at);

/* Bytes of header, 'count' access descriptors and composite header for a reader of that version. */
uint32_t ffa_descriptor_size(uint32_t version, uint32_t count);
/* Writes them to 'to'. Of 'region', access_count is used and what the form has to say of the layout is not. */
void ffa_descriptor_write(uint8_t *to, uint32_t version, const struct ffa_memory_region *region,
			  const struct ffa_memory_access_1_2 *access, struct ffa_composite composite);

#endif
