/* SPDX-License-Identifier: MIT */
/* ELF files to read: the fields that matter by their offsets in the specification. */
#ifndef TEST_ELF_TEST_H
#define TEST_ELF_TEST_H

#include <stdint.h>
#include <string.h>

#define ELF_TYPE 16
#define ELF_MACHINE 18
#define ELF_ENTRY 24
#define ELF_PHOFF 32
#define ELF_PHENTSIZE 54
#define ELF_PHNUM 56
#define ELF_PH(n) (64 + 56 * (n))
#define PH_TYPE 0
#define PH_OFFSET 8
#define PH_VADDR 16
#define PH_PADDR 24
#define PH_FILESZ 32
#define PH_MEMSZ 40

struct elf_file {
	uint8_t data[1024];
	size_t size;
};

static inline void elf_put(struct elf_file *f, size_t at, uint64_t value, unsigned size)
{
	memcpy(f->data + at, &value, size);
}

static inline void elf_put_segment(struct elf_file *f, unsigned n, uint64_t offset, uint64_t vaddr, uint64_t paddr,
				   uint64_t filesz, uint64_t memsz)
{
	elf_put(f, ELF_PH(n) + PH_TYPE, 1, 4);
	elf_put(f, ELF_PH(n) + PH_OFFSET, offset, 8);
	elf_put(f, ELF_PH(n) + PH_VADDR, vaddr, 8);
	elf_put(f, ELF_PH(n) + PH_PADDR, paddr, 8);
	elf_put(f, ELF_PH(n) + PH_FILESZ, filesz, 8);
	elf_put(f, ELF_PH(n) + PH_MEMSZ, memsz, 8);
}

/*
 * An ET_EXEC of 512 bytes with three program headers: a note, "code" of 64 bytes of 0xc0 at physical 'base', and
 * "data" of 16 bytes of 0xda and 48 of .bss at base + 0x1000. Virtual addresses are 0xffff000000000000 higher; the
 * entry is 8 bytes in.
 */
static inline void elf_good(struct elf_file *f, uint64_t base)
{
	const uint64_t high = UINT64_C(0xffff000000000000);

	memset(f, 0, sizeof(*f));
	f->size = 512;
	memcpy(f->data, "\177ELF\2\1\1", 7);
	elf_put(f, ELF_TYPE, 2, 2);
	elf_put(f, ELF_MACHINE, 183, 2);
	elf_put(f, ELF_ENTRY, high + base + 8, 8);
	elf_put(f, ELF_PHOFF, 64, 8);
	elf_put(f, ELF_PHENTSIZE, 56, 2);
	elf_put(f, ELF_PHNUM, 3, 2);
	elf_put_segment(f, 0, 0, 0, 0, 4096, 4096);
	elf_put(f, ELF_PH(0) + PH_TYPE, 4, 4); /* PT_NOTE: not looked at */
	elf_put_segment(f, 1, 256, high + base, base, 64, 64);
	elf_put_segment(f, 2, 320, high + base + 0x1000, base + 0x1000, 16, 64);
	memset(f->data + 256, 0xc0, 64);
	memset(f->data + 320, 0xda, 16);
}

#endif
