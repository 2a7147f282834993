/* SPDX-License-Identifier: MIT */
#include "role/hyp/manifest_reader.h"

#include "lib/fdt.h"
#include "lib/str.h"
#include "role/hyp/manifest.h"

static bool name_ok(const char *name)
{
	size_t length = strnlen(name, MANIFEST_NAME_MAX + 1);

	for (size_t i = 0; i < length; i++) {
		char c = name[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!word && (i == 0 || (c != '-' && c != '_' && c != '.'))) {
			return false;
		}
	}
	return length != 0 && length <= MANIFEST_NAME_MAX;
}

bool reader_check_name(const struct reader *r, const char *name, const char *what)
{
	if (!name_ok(name)) {
		report_error(r->report, r->vm, NULL,
			     "%s '%.31s' has a bad name: use 1 to %d letters, digits, '-', '_' and '.', a letter or "
			     "digit first",
			     what, name, MANIFEST_NAME_MAX);
		return false;
	}
	return true;
}

const char *const reader_none[] = { NULL };

/* The place of a name in a list that ends with NULL; -1: it is not there. */
static int find(const char *const known[], const char *name)
{
	for (int i = 0; known[i] != NULL; i++) {
		if (strcmp(known[i], name) == 0) {
			return i;
		}
	}
	return -1;
}

bool reader_check_keys(const struct reader *r, const char *const known[])
{
	struct fdt_tokens tokens;
	struct fdt_token token;
	bool more = fdt_tokens_at(&tokens, r->fdt, r->node, &token);

	while (more && fdt_next_token(&tokens, &token) && token.tag == FDT_PROP) {
		if (find(known, token.name) < 0) {
			complain(r, token.name, "unknown key; correct or remove it (docs/manifest.md lists the keys)");
			return false;
		}
	}
	return true;
}

bool reader_find_children(const struct reader *r, const char *const known[], int children[])
{
	for (unsigned i = 0; known[i] != NULL; i++) {
		children[i] = -1;
	}
	for (int child = fdt_next_child(r->fdt, r->node, -1); child >= 0;
	     child = fdt_next_child(r->fdt, r->node, child)) {
		const char *name = fdt_node_name(r->fdt, child);
		int i = find(known, name);

		if (i < 0) {
			complain(r, name, "unknown node; correct or remove it (docs/manifest.md lists the nodes)");
			return false;
		}
		if (children[i] < 0) {
			children[i] = child;
		}
	}
	return true;
}

bool reader_check_childless(const struct reader *r)
{
	return reader_find_children(r, reader_none, NULL);
}

/* The two shapes in which every key is read: one that must be there, and one that may be. */
bool reader_required(const struct reader *r, const char *key, enum err e, const char *form)
{
	if (e == ERR_NOT_FOUND) {
		complain(r, key, "the key is missing; give %s", form);
	} else if (e != OK) {
		complain(r, key, "must be %s", form);
	}
	return e == OK;
}

bool reader_optional(const struct reader *r, const char *key, enum err e, const char *form)
{
	return e == ERR_NOT_FOUND || reader_required(r, key, e, form);
}

const char reader_file_form[] = "the name of a file in the bundle, as in \"Image\"";

/* A number that may be left out. */
bool reader_number(const struct reader *r, const char *key, uint32_t min, uint32_t max, uint16_t *value)
{
	uint32_t given = *value;
	enum err e = fdt_read_u32(r->fdt, r->node, key, &given);

	if (!reader_optional(r, key, e, "a number, as in <100>")) {
		return false;
	}
	if (e == OK && (given < min || given > max)) {
		complain(r, key, "%u is not possible; give %u to %u", given, min, max);
		return false;
	}
	*value = (uint16_t)given;
	return true;
}

bool reader_flag(const struct reader *r, const char *key, bool *value)
{
	struct span span;
	enum err e = fdt_read_span(r->fdt, r->node, key, &span);

	if (e == OK && span.size != 0) {
		complain(r, key, "takes no value: the key alone says it");
		return false;
	}
	*value = e == OK;
	return true;
}
