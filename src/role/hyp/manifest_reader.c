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

/* libfdt finds a name in any tree that was checked; "" stands for reader_none so that every caller has a string. */
const char *reader_node_name(const void *fdt, int node)
{
	const char *name = fdt_get_name(fdt, node, NULL);

	return name != NULL ? name : "";
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

/* True if every property of the node is in the list, which ends with NULL. */
bool reader_check_keys(const struct reader *r, const char *const known[])
{
	int property;

	fdt_for_each_property_offset(property, r->fdt, r->node)
	{
		const char *key = "";
		unsigned i = 0;

		(void)fdt_getprop_by_offset(r->fdt, property, &key, NULL);
		while (known[i] != NULL && strcmp(known[i], key) != 0) {
			i++;
		}
		if (known[i] == NULL) {
			complain(r, key, "unknown key; correct or remove it (docs/manifest.md lists the keys)");
			return false;
		}
	}
	return true;
}

/* True if every child is a node that may be there; the list ends with NULL. */
bool reader_check_children(const struct reader *r, const char *const known[])
{
	int child;

	fdt_for_each_subnode(child, r->fdt, r->node)
	{
		const char *name = reader_node_name(r->fdt, child);
		unsigned i = 0;

		while (known[i] != NULL && strcmp(known[i], name) != 0) {
			i++;
		}
		if (known[i] == NULL) {
			complain(r, name, "unknown node; correct or remove it (docs/manifest.md lists the nodes)");
			return false;
		}
	}
	return true;
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
