/* SPDX-License-Identifier: MIT */
/*
 * A plugin for QEMU that counts how often each instruction of an image is executed:
 *
 *   -plugin count.so,out=FILE,base=ADDRESS,size=BYTES[,base=...,size=...][,guest=ADDRESS]
 *
 * where images lie when they run. The run is cut into phases: 0 until the first instruction of a guest (the one at
 * 'guest', or the first outside of the images), then a new one at each marker, the instruction hint #0x7f, which does
 * nothing. FILE gets a line "phase address count" for each instruction that a phase executed, with the address that it
 * has from its image's 'base' on. An instruction is an image's by the memory that it lies in, so a guest may have the
 * same addresses. QEMU's boot stub and firmware are nobody's, unless they are named as an image.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is used of QEMU's plugin interface (docs/devel/tcg-plugins), whose header distributions do not ship. */
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
struct qemu_plugin_entry {
	struct qemu_plugin_scoreboard *scoreboard;
	size_t offset;
};
#define QEMU_PLUGIN_ADD_U64 0
#define QEMU_PLUGIN_CB_NO_REGS 0
#define EXPORT __attribute__((visibility("default")))

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *dest, size_t length);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
uint64_t qemu_plugin_u64_sum(struct qemu_plugin_entry entry);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*callback)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn, int operation,
							 struct qemu_plugin_entry entry, uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, void (*callback)(unsigned, void *),
					    int flags, void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*callback)(uint64_t, void *), void *data);

EXPORT extern int qemu_plugin_version;
int qemu_plugin_version = 2;
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

#define MARKER 0xd5032fffu
#define PHASES_MAX 256
#define IMAGES_MAX 4

static struct image {
	uint64_t base, size;
	uint64_t first;   /* number of its first counter */
	const char *host; /* where the machine's memory at 'base' is in QEMU's, once it has begun to run */
} images[IMAGES_MAX];
static unsigned image_count;
static bool running; /* one of them has begun */
static uint64_t guest;
static const char *path;
static struct qemu_plugin_scoreboard *counters; /* of each CPU: uint64_t[counter_count] */
static uint64_t counter_count;
static uint64_t *ended[PHASES_MAX]; /* the counters when the phase ended */
static unsigned phase;

static struct qemu_plugin_entry entry_of(uint64_t counter)
{
	return (struct qemu_plugin_entry){ counters, counter * sizeof(uint64_t) };
}

static void end_phase(void)
{
	uint64_t *counts = calloc(counter_count, sizeof(uint64_t));

	if (counts == NULL || phase == PHASES_MAX) {
		abort();
	}
	for (uint64_t i = 0; i < counter_count; i++) {
		counts[i] = qemu_plugin_u64_sum(entry_of(i));
	}
	ended[phase++] = counts;
}

static void at_marker(unsigned cpu, void *data)
{
	(void)cpu;
	(void)data;
	if (phase > 0) {
		end_phase();
	}
}

/* The image whose instruction that is, or NULL. The one at its base is the first that an image executes. */
static const struct image *image_of(uint64_t address, const char *host)
{
	for (struct image *i = images; i < images + image_count; i++) {
		if (i->host == NULL && address == i->base) {
			i->host = host;
			running = true;
		}
		if (i->host != NULL && host >= i->host && host < i->host + i->size) {
			return i;
		}
	}
	return NULL;
}

/* A block of instructions is translated when it is about to be executed. */
static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const char *host = qemu_plugin_insn_haddr(insn);
		uint64_t address = qemu_plugin_insn_vaddr(insn);
		const struct image *image = image_of(address, host);
		uint32_t word = 0;

		if (image != NULL) {
			struct qemu_plugin_entry entry = entry_of(image->first + (uint64_t)(host - image->host) / 4);

			qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, QEMU_PLUGIN_ADD_U64, entry, 1);
			continue;
		}
		if (running && phase == 0 && (guest == 0 || address == guest)) {
			end_phase();
		}
		if (qemu_plugin_insn_data(insn, &word, sizeof(word)) == sizeof(word) && word == MARKER) {
			qemu_plugin_register_vcpu_insn_exec_cb(insn, at_marker, QEMU_PLUGIN_CB_NO_REGS, NULL);
		}
	}
}

/* The lines of one image and phase. */
static void write_counts(FILE *out, const struct image *image, unsigned p)
{
	for (uint64_t i = 0; i < image->size / 4; i++) {
		uint64_t n = image->first + i, count = ended[p][n] - (p > 0 ? ended[p - 1][n] : 0);

		if (count != 0) {
			fprintf(out, "%u %" PRIu64 " %" PRIu64 "\n", p, image->base + 4 * i, count);
		}
	}
}

static void at_exit(uint64_t id, void *data)
{
	FILE *out = fopen(path, "w");

	(void)id;
	(void)data;
	end_phase();
	for (unsigned p = 0; out != NULL && p < phase; p++) {
		for (unsigned i = 0; i < image_count; i++) {
			write_counts(out, &images[i], p);
		}
	}
	if (out == NULL || fclose(out) != 0) {
		perror(path);
	}
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "out=", 4) == 0) {
			path = strdup(argv[i] + 4);
		} else if (strncmp(argv[i], "base=", 5) == 0) {
			if (image_count == IMAGES_MAX) {
				fprintf(stderr, "count: knows %u images at most\n", IMAGES_MAX);
				return 1;
			}
			images[image_count].first = counter_count;
			images[image_count++].base = strtoull(argv[i] + 5, NULL, 0);
		} else if (strncmp(argv[i], "size=", 5) == 0 && image_count > 0) {
			images[image_count - 1].size = strtoull(argv[i] + 5, NULL, 0);
			counter_count += images[image_count - 1].size / 4;
		} else if (strncmp(argv[i], "guest=", 6) == 0) {
			guest = strtoull(argv[i] + 6, NULL, 0);
		}
	}
	if (path == NULL || counter_count == 0) {
		fprintf(stderr, "count: wants out=, base= and size=\n");
		return 1;
	}
	counters = qemu_plugin_scoreboard_new(counter_count * sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
