/* SPDX-License-Identifier: MIT */
/*
 * Register accesses, lines, SGIs and what guests do with what they get, on three vCPUs, in any order: nobody is in
 * two list registers, nothing is lost, nothing comes that should not, no interrupt storms (test/unit/vgic_world.h).
 */
#include <stdint.h>

#include "../unit/vgic_world.h"

#define STEPS_MAX 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *at, *end;

static unsigned next_byte(void)
{
	return at < end ? *at++ : 0;
}

/*
 * Any access, also misaligned ones and ones outside; the answer is the vGIC's own. GICD_CTLR and the banks that the
 * model follows are left to world_step().
 */
static void wild_access(void)
{
	struct vcpu *v = &w.vcpus[next_byte() % CPUS];
	unsigned what = next_byte();
	uint64_t offset = (uint64_t)next_byte() << 16 | next_byte() << 8 | next_byte();
	unsigned size = 1u << (what & 3);
	uint64_t value;

	if (!v->loaded) {
		return;
	}
	play(v);
	if ((what & 4) != 0) {
		vgic_dist_read(&v->vgic, offset, size, &value);
		if (offset >= 0xd00 && (offset < 0x6000 || offset >= 0x8000)) {
			vgic_dist_write(&v->vgic, offset, size, offset * 0x9e3779b9);
		}
	} else {
		vgic_redist_read(&v->vgic, offset, size, &value);
		if ((offset & KIB(64)) == 0 || offset % KIB(64) >= 0xd00) {
			vgic_redist_write(&v->vgic, offset, size, offset * 0x9e3779b9);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned lr_counts[] = { 1, 2, 4, 16 };
	unsigned how;

	at = data;
	end = data + size;
	how = next_byte();
	world_start(lr_counts[how & 3], (how & 4) != 0);
	ctlr_set(&w.vcpus[0], 3);
	while (at < end && w.steps < STEPS_MAX) {
		world_step(next_byte);
		if ((how & 8) != 0) {
			wild_access();
		}
		world_settle();
		world_check(&w.vcpus[next_byte() % CPUS], world_intids[next_byte() % ARRAY_SIZE(world_intids)]);
	}
	world_end();
	return 0;
}
