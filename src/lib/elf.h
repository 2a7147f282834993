/* SPDX-License-Identifier: MIT */
/* Reader of 64-bit little-endian AArch64 ELF executables, as far as loading them takes: the PT_LOAD segments. */
#ifndef LIB_ELF_H
#define LIB_ELF_H

#include "lib/err.h"
#include "lib/span.h"

struct elf {
	struct span file;
	bool relocatable; /* ET_DYN: runs wherever it is put as a whole */
	uint64_t headers; /* offset of the program headers */
	unsigned header_count;
	uint64_t entry; /* physical address, as 'paddr' below */
	uint64_t low;   /* physical addresses of all segments: [low, high) */
	uint64_t high;
};

struct elf_segment {
	uint64_t paddr;
	uint64_t size;    /* in memory; what goes beyond 'data' is zero */
	struct span data; /* at most 'size' bytes */
};

/* True if it begins as an ELF file does. */
bool elf_is(struct span file);
/* Checks all that elf_segment() will read. ERR_INVALID, and in *why what is wrong. */
enum err elf_open(struct span file, struct elf *elf, const char **why);
/* Program header 'index' (below header_count) of a file that elf_open passed; false if it loads nothing. */
bool elf_segment(const struct elf *elf, unsigned index, struct elf_segment *segment);

#endif
