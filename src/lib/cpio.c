/* SPDX-License-Identifier: MIT */
#include "lib/cpio.h"

#include "lib/str.h"

/* The header: a magic of 6 characters, then fields of 8 hexadecimal digits. */
#define MAGIC "070701"
#define MAGIC_SIZE 6
#define FIELD_SIZE 8
#define HEADER_SIZE (MAGIC_SIZE + 13 * FIELD_SIZE)
#define TRAILER "TRAILER!!!"
#define ALIGNMENT 4

enum field {
	FIELD_MODE = 1,
	FIELD_FILESIZE = 6,
	FIELD_NAMESIZE = 11,
};

static bool read_field(const uint8_t *header, enum field field, uint32_t *out)
{
	const uint8_t *p = header + MAGIC_SIZE + (unsigned)field * FIELD_SIZE;
	uint32_t value = 0;

	for (unsigned i = 0; i < FIELD_SIZE; i++) {
		unsigned digit;

		if (p[i] >= '0' && p[i] <= '9') {
			digit = p[i] - (unsigned)'0';
		} else if (p[i] >= 'a' && p[i] <= 'f') {
			digit = p[i] - (unsigned)'a' + 10;
		} else if (p[i] >= 'A' && p[i] <= 'F') {
			digit = p[i] - (unsigned)'A' + 10;
		} else {
			return false;
		}
		value = value << 4 | digit;
	}
	*out = value;
	return true;
}

static enum err invalid(const char **why, const char *what)
{
	*why = what;
	return ERR_INVALID;
}

enum err cpio_read(struct span archive, uint64_t offset, struct cpio_entry *entry, const char **why)
{
	struct cpio_entry e;
	struct span header, name;
	uint32_t name_size, file_size;
	uint64_t data_offset;

	if (!span_part(archive, offset, HEADER_SIZE, &header)) {
		return invalid(why, "the archive ends before a header is complete");
	}
	if (memcmp(header.data, MAGIC, MAGIC_SIZE) != 0) {
		return invalid(why, "no cpio header (newc form, magic " MAGIC ")");
	}
	if (!read_field(header.data, FIELD_MODE, &e.mode) || !read_field(header.data, FIELD_FILESIZE, &file_size) ||
	    !read_field(header.data, FIELD_NAMESIZE, &name_size)) {
		return invalid(why, "a header field is not a hexadecimal number");
	}
	if (!span_part(archive, offset + HEADER_SIZE, name_size, &name)) {
		return invalid(why, "the archive ends inside a name");
	}
	if (name_size == 0 || name.data[name_size - 1] != '\0') {
		return invalid(why, "a name does not end with a zero byte");
	}
	e.name = (const char *)name.data;
	if (strcmp(e.name, TRAILER) == 0) {
		return ERR_NOT_FOUND;
	}
	/* All sums stay below the size of a span in memory plus 2^33, so none wraps. */
	data_offset = ALIGN_UP(offset + HEADER_SIZE + name_size, ALIGNMENT);
	if (!span_part(archive, data_offset, file_size, &e.data)) {
		return invalid(why, "the archive ends inside a file");
	}
	e.next = ALIGN_UP(data_offset + file_size, ALIGNMENT);
	*entry = e;
	return OK;
}

enum err cpio_find(struct span archive, const char *name, struct span *data)
{
	struct cpio_entry entry;
	const char *why;

	for (uint64_t offset = 0; cpio_read(archive, offset, &entry, &why) == OK; offset = entry.next) {
		if (cpio_is_file(&entry) && strcmp(entry.name, name) == 0) {
			*data = entry.data;
			return OK;
		}
	}
	return ERR_NOT_FOUND;
}
