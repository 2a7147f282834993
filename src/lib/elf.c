/* SPDX-License-Identifier: MIT */
#include "lib/elf.h"

#include "lib/checked.h"
#include "lib/str.h"

#define ELF_MAGIC "\177ELF"
#define ELFCLASS64 2
#define ELFDATA2LSB 1
#define EM_AARCH64 183
#define ET_EXEC 2
#define ET_DYN 3
#define PT_LOAD 1
#define INSTRUCTION_SIZE 4

struct elf64_header {
	uint8_t ident[16]; /* magic, class, data */
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint64_t entry;
	uint64_t phoff;
	uint64_t shoff;
	uint32_t flags;
	uint16_t ehsize;
	uint16_t phentsize;
	uint16_t phnum;
	uint16_t shentsize;
	uint16_t shnum;
	uint16_t shstrndx;
};
_Static_assert(sizeof(struct elf64_header) == 64, "ELF-64 file header");

struct elf64_program_header {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t filesz;
	uint64_t memsz;
	uint64_t align;
};
_Static_assert(sizeof(struct elf64_program_header) == 56, "ELF-64 program header");

/* Files lie at any alignment in an archive, so headers are copied out. */
static bool copy_out(struct span file, uint64_t offset, void *to, uint64_t size)
{
	struct span part;

	if (!span_part(file, offset, size, &part)) {
		return false;
	}
	memcpy(to, part.data, size);
	return true;
}

static bool program_header(const struct elf *elf, unsigned index, struct elf64_program_header *ph)
{
	uint64_t offset;

	return add_u64(elf->headers, index * sizeof(*ph), &offset) && copy_out(elf->file, offset, ph, sizeof(*ph));
}

bool elf_is(struct span file)
{
	return file.size >= 4 && memcmp(file.data, ELF_MAGIC, 4) == 0;
}

static enum err invalid(const char **why, const char *what)
{
	*why = what;
	return ERR_INVALID;
}

static bool is_loaded(const struct elf64_program_header *ph)
{
	return ph->type == PT_LOAD && ph->memsz != 0;
}

/* Checks the segments, finds what memory they take together and which physical address the entry point has. */
static enum err read_segments(struct elf *elf, uint64_t entry, const char **why)
{
	bool entry_found = false;

	elf->low = UINT64_MAX;
	elf->high = 0;
	for (unsigned i = 0; i < elf->header_count; i++) {
		struct elf64_program_header ph;
		struct span data;
		uint64_t end;

		if (!program_header(elf, i, &ph)) {
			return invalid(why, "the file ends inside the program headers");
		}
		if (!is_loaded(&ph)) {
			continue;
		}
		if (ph.filesz > ph.memsz || !span_part(elf->file, ph.offset, ph.filesz, &data)) {
			return invalid(why, "a segment lies outside the file or is larger there than in memory");
		}
		if (!add_u64(ph.paddr, ph.memsz, &end)) {
			return invalid(why, "a segment passes the end of the address space");
		}
		elf->low = MIN(elf->low, ph.paddr);
		elf->high = MAX(elf->high, end);
		if (!entry_found && range_in(entry, INSTRUCTION_SIZE, ph.vaddr, ph.filesz)) {
			elf->entry = ph.paddr + (entry - ph.vaddr);
			entry_found = true;
		}
	}
	if (!entry_found || !IS_ALIGNED(elf->entry, INSTRUCTION_SIZE)) {
		return invalid(why, "the entry point is not an instruction of a loaded segment");
	}
	return OK;
}

enum err elf_open(struct span file, struct elf *elf, const char **why)
{
	struct elf64_header header;
	struct elf e;
	enum err result;

	if (!copy_out(file, 0, &header, sizeof(header)) || !elf_is(file)) {
		return invalid(why, "the file is shorter than an ELF header, or not ELF");
	}
	if (header.ident[4] != ELFCLASS64 || header.ident[5] != ELFDATA2LSB || header.machine != EM_AARCH64) {
		return invalid(why, "it is not for 64-bit little-endian AArch64");
	}
	if (header.type != ET_EXEC && header.type != ET_DYN) {
		return invalid(why, "it is not an executable (ET_EXEC or ET_DYN); link it");
	}
	if (header.phentsize != sizeof(struct elf64_program_header)) {
		return invalid(why, "its program headers are of another size than 56 bytes");
	}
	e = (struct elf){
		.file = file,
		.relocatable = header.type == ET_DYN,
		.headers = header.phoff,
		.header_count = header.phnum,
	};
	result = read_segments(&e, header.entry, why);
	if (result == OK) {
		*elf = e;
	}
	return result;
}

bool elf_segment(const struct elf *elf, unsigned index, struct elf_segment *segment)
{
	struct elf64_program_header ph;
	struct span data;

	if (!program_header(elf, index, &ph) || !is_loaded(&ph) || !span_part(elf->file, ph.offset, ph.filesz, &data)) {
		return false;
	}
	*segment = (struct elf_segment){ .paddr = ph.paddr, .size = ph.memsz, .data = data };
	return true;
}
