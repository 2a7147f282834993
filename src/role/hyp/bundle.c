/* SPDX-License-Identifier: MIT */
#include "role/hyp/bundle.h"

#include "core/mm/pool.h"
#include "lib/cpio.h"
#include "lib/str.h"

/* True if it is whole; else says where it is damaged, and behind which file. */
static bool archive_ok(struct span archive, struct report *report)
{
	struct cpio_entry entry = { 0 };
	const char *why = NULL;
	uint64_t offset = 0;
	enum err e;

	while ((e = cpio_read(archive, offset, &entry, &why)) == OK) {
		offset = entry.next;
	}
	if (e != ERR_NOT_FOUND) { /* which is the trailer */
		report_error(report, NULL, "bundle", "%s, at byte %llu of %llu behind '%.64s'; make or copy it again",
			     why, (unsigned long long)offset, (unsigned long long)archive.size,
			     entry.name != NULL ? entry.name : "");
	}
	return e == ERR_NOT_FOUND;
}

enum err bundle_open(struct bundle *bundle, struct span archive, struct report *report)
{
	struct span found;
	pa_t copy;
	bool ok;

	if (archive.size == 0) {
		report_error(report, NULL, "bundle", "there is none; give one in the place of the initrd");
		return ERR_NOT_FOUND;
	}
	ok = archive_ok(archive, report);
	if (cpio_find(archive, BUNDLE_MANIFEST, &found) != OK) {
		if (ok) {
			report_error(report, NULL, "bundle",
				     "no file '" BUNDLE_MANIFEST "' in it; make it with scripts/mkbundle");
		}
		return ERR_NOT_FOUND;
	}
	if (found.size == 0) {
		report_error(report, NULL, "bundle", "'" BUNDLE_MANIFEST "' is empty; make the bundle again");
		return ERR_INVALID;
	}
	if (pool_alloc(ALIGN_UP(found.size, PAGE_SIZE) / PAGE_SIZE, PAGE_SIZE, PAGE_OWNER_EL2, &copy) != OK) {
		report_error(report, NULL, "bundle", "no memory for the %llu bytes of '" BUNDLE_MANIFEST "'",
			     (unsigned long long)found.size);
		return ERR_NO_MEMORY;
	}
	memcpy(pa_ptr(copy), found.data, found.size);
	*bundle = (struct bundle){ .archive = archive, .manifest = span_of(pa_ptr(copy), found.size) };
	return OK;
}

enum err bundle_file(const struct bundle *bundle, const char *name, struct span *out)
{
	return cpio_find(bundle->archive, name, out);
}

static bool has_file(const struct bundle *bundle, const char *vm, const char *device, const char *key, const char *name,
		     struct report *report)
{
	struct span file;

	if (bundle_file(bundle, name, &file) != OK) {
		report_device_error(report, vm, device, key,
				    "no file '%.64s' in the bundle; add it or correct the name", name);
		return false;
	}
	if (file.size == 0) {
		report_device_error(report, vm, device, key, "the file '%.64s' in the bundle is empty", name);
		return false;
	}
	return true;
}

bool bundle_has_files(const struct bundle *bundle, const struct vm_config *c, struct report *report)
{
	if ((c->kernel != NULL && !has_file(bundle, c->name, NULL, "kernel", c->kernel, report)) ||
	    (c->firmware != NULL && !has_file(bundle, c->name, NULL, "firmware", c->firmware, report)) ||
	    (c->initrd != NULL && !has_file(bundle, c->name, NULL, "initrd", c->initrd, report))) {
		return false;
	}
	for (unsigned i = 0; i < c->device_count; i++) {
		const struct vm_device_config *d = &c->devices[i];

		if (d->kind == VM_DEVICE_BLK && !has_file(bundle, c->name, d->name, "file", d->file, report)) {
			return false;
		}
	}
	return true;
}
