/* SPDX-License-Identifier: MIT */
#include "role/spmc/manifest_reader.h"

#include "lib/fmt.h"
#include "lib/str.h"

#define CELL 4
#define TOLD_MAX 16 /* of one manifest: the log is not its author's to fill */

static void say_to_log(const struct spmc_report *report unused_arg, enum log_level level, const char *text)
{
	log_print(level, "%s", text);
}

static void say_nothing(const struct spmc_report *report unused_arg, enum log_level level unused_arg,
			const char *text unused_arg)
{
}

const struct spmc_report spmc_report_to_log = { .say = say_to_log };
const struct spmc_report spmc_report_nowhere = { .say = say_nothing };

static void say(const struct manifest_reader *r, enum log_level level, const char *key, const char *fmt, va_list args)
{
	char text[256];
	size_t length;

	length = r->sp != NULL ? fmt_string(text, sizeof(text), "SP '%.31s': ", r->sp)
			       : fmt_string(text, sizeof(text), "SPMC manifest: ");
	if (r->node != NULL) {
		length += fmt_string(text + length, sizeof(text) - length, "node '%.31s': ", r->node);
	}
	if (key != NULL) {
		length += fmt_string(text + length, sizeof(text) - length, "%.31s: ", key);
	}
	fmt_vstring(text + length, sizeof(text) - length, fmt, args);
	for (char *p = text; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~') {
			*p = '?';
		}
	}
	r->report->say(r->report, level, text);
}

bool reader_refuse(const struct manifest_reader *r, const char *key, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(r, LOG_ERROR, key, fmt, args);
	va_end(args);
	return false;
}

void reader_warn(const struct manifest_reader *r, const char *key, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(r, LOG_WARN, key, fmt, args);
	va_end(args);
}

/* fdt_open() has seen all tokens, so this fails only if the tree changes under us. */
static bool next(struct manifest_reader *r)
{
	return fdt_next_token(&r->tokens, &r->token) || reader_refuse(r, NULL, "the device tree is damaged");
}

bool reader_start(struct manifest_reader *r, struct span blob)
{
	const void *fdt;

	r->node = NULL;
	if (fdt_open(blob, &fdt) != OK) {
		return reader_refuse(r, NULL, "not a device tree blob, or a damaged one");
	}
	fdt_tokens_init(&r->tokens, fdt);
	if (!next(r)) {
		return false;
	}
	/* That was where the root begins; what is in it comes next. */
	return next(r);
}

/* 'key' NULL: the node itself. */
static void tell(struct manifest_reader *r, const char *key)
{
	if (r->told < TOLD_MAX) {
		r->told++;
		reader_warn(r, key, "not in the binding; without effect here%s",
			    r->told == TOLD_MAX ? ", as is what follows and is not told" : "");
	}
}

static bool take_property(struct manifest_reader *r, struct manifest_node *n, enum manifest_foreign foreign)
{
	const char *name = r->token.name;

	for (unsigned i = 0; i < n->key_count; i++) {
		/* The first letter tells most names apart, and booting is mostly this. */
		if (n->keys[i][0] == name[0] && strcmp(n->keys[i], name) == 0) {
			if (node_has(n, i)) {
				return reader_refuse(r, n->keys[i], "the property is there twice");
			}
			n->values[i] = r->token.value;
			return true;
		}
	}
	if (foreign == FOREIGN_REFUSED) {
		return reader_refuse(r, name,
				     "unknown property; correct or remove it "
				     "(docs/spmc-manifest.md lists the properties)");
	}
	if (foreign == FOREIGN_TOLD) {
		tell(r, name);
	}
	return true;
}

bool reader_properties(struct manifest_reader *r, struct manifest_node *n, const char *const *keys, unsigned key_count,
		       enum manifest_foreign foreign)
{
	n->keys = keys;
	n->key_count = key_count;
	for (unsigned i = 0; i < key_count; i++) {
		n->values[i] = span_of(NULL, 0);
	}
	while (r->token.tag == FDT_PROP) {
		if (!take_property(r, n, foreign) || !next(r)) {
			return false;
		}
	}
	return true;
}

bool reader_child(struct manifest_reader *r, const char *parent, bool *more)
{
	if (r->token.tag == FDT_PROP) {
		return reader_refuse(r, r->token.name, "a property stands behind a node");
	}
	*more = r->token.tag == FDT_BEGIN_NODE;
	r->node = *more ? r->token.name : parent;
	return next(r);
}

bool reader_skip(struct manifest_reader *r, const char *parent)
{
	for (unsigned depth = 1; depth > 0;) {
		depth += r->token.tag == FDT_BEGIN_NODE;
		depth -= r->token.tag == FDT_END_NODE;
		if (!next(r)) {
			return false;
		}
	}
	r->node = parent;
	return true;
}

bool reader_skip_told(struct manifest_reader *r, const char *parent)
{
	tell(r, NULL);
	return reader_skip(r, parent);
}

bool reader_skip_children(struct manifest_reader *r, const char *parent)
{
	const char *node = r->node;
	bool more = false;

	while (reader_child(r, parent, &more)) {
		if (!more) {
			return true;
		}
		if (!reader_skip_told(r, node)) {
			return false;
		}
	}
	return false;
}

bool reader_no_children(struct manifest_reader *r, const char *parent)
{
	bool more = false;

	return reader_child(r, parent, &more) &&
	       (!more || reader_refuse(r, NULL, "unknown node; correct or remove it"));
}

bool node_require(const struct manifest_reader *r, const struct manifest_node *n, unsigned key)
{
	return node_has(n, key) || reader_refuse(r, n->keys[key], "the property is missing");
}

static uint32_t cell(struct span value, unsigned index)
{
	return fdt32_ld((const fdt32_t *)(const void *)(value.data + (uint64_t)index * CELL));
}

bool node_number(const struct manifest_reader *r, const struct manifest_node *n, unsigned key, uint64_t max,
		 uint64_t *out)
{
	struct span value = n->values[key];
	uint64_t number;

	if (value.data == NULL) {
		return true;
	}
	if (value.size != CELL && value.size != 2 * CELL) {
		return reader_refuse(r, n->keys[key], "must be one number");
	}
	number = cell(value, 0);
	if (value.size == 2 * CELL) {
		number = number << 32 | cell(value, 1);
	}
	if (number > max) {
		return reader_refuse(r, n->keys[key], "0x%llx is not possible; 0x%llx is the most",
				     (unsigned long long)number, (unsigned long long)max);
	}
	*out = number;
	return true;
}

bool node_required_number(const struct manifest_reader *r, const struct manifest_node *n, unsigned key, uint64_t max,
			  uint64_t *out)
{
	return node_require(r, n, key) && node_number(r, n, key, max, out);
}

bool node_flag(const struct manifest_reader *r, const struct manifest_node *n, unsigned key, bool *out)
{
	if (n->values[key].size != 0) {
		return reader_refuse(r, n->keys[key], "takes no value: the property alone says it");
	}
	*out = node_has(n, key);
	return true;
}

bool node_text(const struct manifest_reader *r, const struct manifest_node *n, unsigned key, char *out, size_t size)
{
	struct span value = n->values[key];

	if (value.data == NULL) {
		return true;
	}
	if (value.size < 2 || value.data[value.size - 1] != '\0') {
		return reader_refuse(r, n->keys[key], "must be a string");
	}
	for (uint64_t i = 0; i < value.size - 1; i++) {
		if (value.data[i] < ' ' || value.data[i] > '~') {
			return reader_refuse(r, n->keys[key], "must be one string of printable ASCII");
		}
	}
	(void)str_copy(out, (const char *)value.data, size);
	return true;
}

bool node_compatible(const struct manifest_reader *r, const struct manifest_node *n, unsigned key, const char *expected)
{
	struct span value = n->values[key];

	return (value.size == strlen(expected) + 1 && memcmp(value.data, expected, value.size) == 0) ||
	       reader_refuse(r, n->keys[key], "must be \"%s\"", expected);
}

bool node_cells(const struct manifest_reader *r, const struct manifest_node *n, unsigned key, unsigned group,
		unsigned max, uint32_t *out, unsigned *count)
{
	struct span value = n->values[key];

	*count = 0;
	if (value.data == NULL) {
		return true;
	}
	if (value.size == 0 || value.size % ((uint64_t)group * CELL) != 0) {
		return reader_refuse(r, n->keys[key], "must be a list of groups of %u numbers", group);
	}
	if (value.size / CELL > max) {
		return reader_refuse(r, n->keys[key], "more than %u entries", max / group);
	}
	*count = (unsigned)(value.size / CELL);
	for (unsigned i = 0; i < *count; i++) {
		out[i] = cell(value, i);
	}
	return true;
}
