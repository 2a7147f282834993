/* SPDX-License-Identifier: MIT */
/* What the readers of the manifest's nodes share: a node, its place for messages, and the shapes that keys have. */
#ifndef ROLE_HYP_MANIFEST_READER_H
#define ROLE_HYP_MANIFEST_READER_H

#include "role/hyp/manifest.h"
#include "role/hyp/report.h"

/* A node that is being read, and what its messages call it. */
struct reader {
	const void *fdt;
	int node;
	const char *vm;     /* NULL: the manifest as a whole */
	const char *device; /* NULL: not inside a device */
	struct report *report;
};

#define complain(r, key, ...) report_device_error((r)->report, (r)->vm, (r)->device, key, __VA_ARGS__)

/* A list of known names that holds none. */
extern const char *const reader_none[];
/* What reader_required() calls the value of a key that names a file. */
extern const char reader_file_form[];

/* The functions below are false after a message. 'what' is what the name is of, as in "the VM". */
bool reader_check_name(const struct reader *r, const char *name, const char *what);
/* True if every property of the node is in the list, which ends with NULL. */
bool reader_check_keys(const struct reader *r, const char *const known[]);
/* The same of its children. Of each in the list says where it is, the first one of that name; -1: it is not there. */
bool reader_find_children(const struct reader *r, const char *const known[], int children[]);
bool reader_check_childless(const struct reader *r);

/*
 * The two shapes in which every key is read: one that must be there, and one that may be. 'e' is how reading its value
 * ended, 'form' says what it should be.
 */
bool reader_required(const struct reader *r, const char *key, enum err e, const char *form);
bool reader_optional(const struct reader *r, const char *key, enum err e, const char *form);

/* A number that may be left out; then '*value' stays. */
bool reader_number(const struct reader *r, const char *key, uint32_t min, uint32_t max, uint16_t *value);
/* A key without a value: there or not. */
bool reader_flag(const struct reader *r, const char *key, bool *value);

/* Its node 'ffa', which may be -1, and which SMCs the firmware answers. */
bool manifest_read_ffa(const struct reader *vm, int node, struct vm_config *config);
bool manifest_read_smcs(const struct reader *vm, struct vm_config *config);
/* Its node 'devices', which may be -1; config->index is known. Appends to config->devices. */
bool manifest_read_devices(const struct manifest *m, const struct reader *vm, int devices, struct vm_config *config);
/* Whether the node is a device of that kind; then reads it and appends to config->regions. */
bool manifest_is_shared_memory(const void *fdt, int device);
bool manifest_read_shared_memory(const struct manifest *m, const struct reader *device, struct vm_config *config);

#endif
