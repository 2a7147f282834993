/* SPDX-License-Identifier: MIT */
#include "cmocka_main.h"

#include <time.h>

#include "vgic_world.h"

static uint64_t random_state;

static unsigned random_byte(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state * UINT64_C(0x2545f4914f6cdd1d) >> 48) & 0xff;
}

/* SEED in the environment, else the time: printed, so that a failure can be replayed. */
static void random_start(void)
{
	const char *seed = getenv("SEED");
	struct timespec now;

	timespec_get(&now, TIME_UTC);
	random_state = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20;
	random_state |= random_state == 0;
	printf("vgic: SEED=%llu\n", (unsigned long long)random_state);
	fflush(stdout);
}

/* Everything at random, compared with the model after each step. */
static void run_random(unsigned lr_count, bool split, unsigned steps)
{
	world_start(lr_count, split);
	ctlr_set(&w.vcpus[0], 3);
	for (unsigned i = 0; i < steps; i++) {
		world_step(random_byte);
		world_settle();
		world_check(&w.vcpus[random_byte() % CPUS], world_intids[random_byte() % ARRAY_SIZE(world_intids)]);
	}
	world_end();
}

static void vgic_random_against_model(void **state)
{
	static const unsigned lr_counts[] = { 1, 2, 4, 16 };

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		run_random(lr_counts[i % 4], (i & 4) != 0, 3000);
	}
}

/* ---- banks: what each offset is, said once more ---- */

enum kind { NOTHING, BITS, BYTES, PAIRS, OTHER };

/* Of the registers that GICD and the SGI frame share. */
static enum kind kind_of(unsigned offset)
{
	return offset < 0x80 || offset >= 0xd00 ? OTHER
	       : offset < 0x400                 ? BITS
	       : offset < 0x800                 ? BYTES
	       : offset < 0xc00                 ? NOTHING
						: PAIRS;
}

/* Whether an access is one that the register allows (IHI 0069, 12.1.3). */
static bool width_allowed(unsigned offset, unsigned size, bool dist)
{
	if (offset % size != 0) {
		return false;
	}
	if (offset >= 0x400 && offset < 0xc00) {
		return size == 4 || size == 1;
	}
	if (dist && offset >= 0x6000 && offset < 0x8000) {
		return size == 4 || size == 8;
	}
	return size == 4;
}

/* No group is enabled, so nothing moves: the banks are memory with rules. */
static void vgic_banks_at_random(void **state)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8 };
	struct vcpu *by, *of;
	uint64_t value;

	(void)state;
	world_start(4, false);
	for (unsigned n = 0; n < 200000; n++) {
		bool dist = (random_byte() & 1) != 0;
		unsigned size = sizes[random_byte() % 4];
		unsigned offset = random_byte() % 4 != 0 ? (random_byte() << 8 | random_byte()) & 0xfff
							 : random_byte() << 8 | random_byte();
		uint64_t written = (uint64_t)random_byte() << 24 | random_byte() << 16 | random_byte() << 8 |
				   random_byte();
		unsigned first; /* INTID */
		uint64_t frame;
		bool read_ok, write_ok, allowed;

		by = &w.vcpus[random_byte() % CPUS];
		of = &w.vcpus[random_byte() % CPUS];
		frame = of->index * KIB(128) + KIB(64);
		if (random_byte() % 2 != 0) {
			offset &= ~(size - 1);
		}
		if (offset < 0x10 || (dist && offset >= 0x6000 && offset < 0x8000)) {
			continue; /* CTLR, and IROUTER below */
		}
		play(by);
		allowed = width_allowed(offset, size, dist);
		write_ok = dist ? vgic_dist_write(&by->vgic, offset, size, written)
				: vgic_redist_write(&by->vgic, frame + offset, size, written);
		read_ok = dist ? vgic_dist_read(&by->vgic, offset, size, &value)
			       : vgic_redist_read(&by->vgic, frame + offset, size, &value);
		REQUIRE(write_ok == allowed && read_ok == allowed, "0x%x, %u bytes", offset, size);
		REQUIRE(size == 8 || value >> (size * 8) == 0, "0x%x", offset);
		if (!allowed) {
			REQUIRE(value == 0, "0x%x", offset);
			continue;
		}
		switch (kind_of(offset)) {
		case BITS:
			first = offset % 0x80 * 8;
			if (dist ? first < 32 || first >= INTIDS : first != 0) {
				REQUIRE(value == 0, "0x%x", offset);
				break;
			}
			for (unsigned i = 0; i < 32; i++) {
				struct irq *irq = irq_of(of, first + i);
				bool bit = (written >> i & 1) != 0;
				bool *what[] = { NULL,        &irq->group1, &irq->enabled, &irq->enabled,
						 &irq->latch, &irq->latch,  &irq->active,  &irq->active };
				unsigned bank = offset / 0x80;

				*what[bank] = bank == 1     ? bit
					      : *what[bank] ? !bit || bank % 2 == 0
							    : bit && bank % 2 == 0;
				REQUIRE((value >> i & 1) == *what[bank], "0x%x", offset);
			}
			break;
		case BYTES:
			first = offset - 0x400;
			for (unsigned i = 0; i < size; i++) {
				bool exists = dist ? first >= 32 && first < INTIDS : first < 32;

				if (exists) {
					irq_of(of, first + i)->priority = written >> (8 * i) & 0xf8;
				}
				REQUIRE((value >> (8 * i) & 0xff) == (exists ? irq_of(of, first + i)->priority : 0),
					"0x%x", offset);
			}
			break;
		case PAIRS:
			first = (offset - 0xc00) * 4;
			for (unsigned i = 0; i < 16; i++) {
				bool exists = dist ? first >= 32 && first < INTIDS : first < 32;

				if (exists && first >= 32) {
					irq_of(of, first + i)->edge = (written >> (2 * i) & 2) != 0;
				}
				REQUIRE((value >> (2 * i) & 3) == (exists && irq_of(of, first + i)->edge ? 2 : 0),
					"0x%x", offset);
			}
			break;
		default:
			REQUIRE(value == (dist && offset == 0xffe8 ? 0x30 : 0), "0x%x", offset);
			break;
		}
	}
	for (unsigned intid = 0; intid < INTIDS; intid++) {
		check_registers(&w.vcpus[0], &w.vcpus[1], intid);
	}
	world_end();
}

/* ---- single cases ---- */

static struct vcpu *const v0 = &w.vcpus[0];
static struct vcpu *const v1 = &w.vcpus[1];

/* An interrupt of v0, enabled in Group 1. */
static void enable(unsigned intid, unsigned priority)
{
	world_write(v0, v0, intid, 8, priority);
	world_write(v0, v0, intid, 0, 0);
	if (intid >= 32) {
		world_write(v0, v0, intid, 11, 0);
	}
}

static void start(unsigned lr_count, bool split)
{
	world_start(lr_count, split);
	ctlr_set(v0, 3);
}

static void finish(void)
{
	world_settle();
	for (unsigned intid = 0; intid < INTIDS; intid++) {
		world_check(v0, intid);
	}
	world_end();
}

static void vgic_identifies_itself(void **state)
{
	uint64_t value;

	(void)state;
	world_start(4, false);
	play(v1);
	assert_true(vgic_dist_read(&v1->vgic, 0, 4, &value));
	assert_int_equal(value, 0x50); /* ARE, DS */
	assert_true(vgic_dist_write(&v1->vgic, 0, 4, UINT32_MAX));
	assert_true(vgic_dist_read(&v1->vgic, 0, 4, &value));
	assert_int_equal(value, 0x53);
	assert_true(vgic_dist_read(&v1->vgic, 4, 4, &value));
	assert_int_equal(value & 0x1f, SPIS / 32);
	assert_int_equal(value >> 19 & 0x1f, 9);
	assert_int_equal(value & (BIT(10) | BIT(16) | BIT(17) | BIT(25)), BIT(25));
	for (unsigned i = 0; i < CPUS; i++) {
		uint64_t base = i * KIB(128);
		uint64_t low, high;

		assert_true(vgic_redist_read(&v1->vgic, base + 8, 8, &value));
		assert_true(vgic_redist_read(&v1->vgic, base + 8, 4, &low));
		assert_true(vgic_redist_read(&v1->vgic, base + 12, 4, &high));
		assert_int_equal(value, high << 32 | low);
		assert_int_equal(high, i);
		assert_int_equal(low, i << 8 | (i == CPUS - 1 ? 1 << 4 : 0));
		assert_false(vgic_redist_read(&v1->vgic, base + 8, 1, &value));
		assert_false(vgic_redist_read(&v1->vgic, base + 4, 8, &value));
		assert_true(vgic_redist_read(&v1->vgic, base + 0xffe8, 4, &value));
		assert_int_equal(value, 0x30);
		/* GICR_WAKER: ChildrenAsleep follows ProcessorSleep. */
		assert_true(vgic_redist_read(&v1->vgic, base + 0x14, 4, &value));
		assert_int_equal(value, 6);
		assert_true(vgic_redist_write(&v1->vgic, base + 0x14, 4, 0));
		assert_true(vgic_redist_read(&v1->vgic, base + 0x14, 4, &value));
		assert_int_equal(value, 0);
	}
	assert_false(vgic_redist_read(&v1->vgic, CPUS * KIB(128), 4, &value));
	assert_false(vgic_dist_read(&v1->vgic, KIB(64), 4, &value));
	assert_false(vgic_dist_read(&v1->vgic, UINT64_MAX, 4, &value));
	assert_false(vgic_redist_write(&v1->vgic, UINT64_MAX - 3, 4, 0));
	world_end();
}

static void vgic_router_by_halves(void **state)
{
	uint64_t value;

	(void)state;
	world_start(4, false);
	play(v0);
	assert_true(vgic_dist_write(&v0->vgic, 0x6000 + 8 * 40, 8, UINT64_MAX));
	assert_true(vgic_dist_read(&v0->vgic, 0x6000 + 8 * 40, 8, &value));
	assert_int_equal(value, UINT64_C(0xff00ffffff)); /* no IRM: No1N */
	assert_int_equal(w.vgic.spis[8].route, VGIC_NOBODY);
	assert_true(vgic_dist_write(&v0->vgic, 0x6000 + 8 * 40 + 4, 4, 0));
	assert_true(vgic_dist_write(&v0->vgic, 0x6000 + 8 * 40, 4, 2));
	assert_true(vgic_dist_read(&v0->vgic, 0x6000 + 8 * 40 + 4, 4, &value));
	assert_int_equal(value, 0);
	assert_true(vgic_dist_read(&v0->vgic, 0x6000 + 8 * 40, 4, &value));
	assert_int_equal(value, 2);
	assert_int_equal(w.vgic.spis[8].route, 2);
	assert_false(vgic_dist_write(&v0->vgic, 0x6000 + 8 * 40, 2, 0));
	assert_false(vgic_dist_write(&v0->vgic, 0x6004 + 8 * 40, 8, 0));
	/* Those of SGIs and PPIs, and of SPIs that there are not. */
	assert_true(vgic_dist_write(&v0->vgic, 0x6000, 8, 1));
	assert_true(vgic_dist_write(&v0->vgic, 0x6000 + 8 * INTIDS, 8, 1));
	assert_true(vgic_dist_read(&v0->vgic, 0x6000 + 8 * INTIDS, 8, &value));
	assert_int_equal(value, 0);
	world_end();
}

/* INTIDs 1020 to 1023 stay out of a distributor of full size. */
static void vgic_of_full_size(void **state)
{
	static struct vgic vgic;
	static struct vgic_cpu cpu;
	struct vcpu nobody;
	uint64_t value;

	(void)state;
	world_start(4, false);
	assert_false(vgic_init(&vgic, 0, 32));
	assert_false(vgic_init(&vgic, VGIC_VCPU_MAX + 1, 32));
	assert_false(vgic_init(&vgic, 1, VGIC_SPI_MAX + 1));
	assert_true(vgic_init(&vgic, 1, VGIC_SPI_MAX));
	assert_false(vgic_cpu_init(&vgic, 1, &cpu, &nobody, 0));
	assert_true(vgic_cpu_init(&vgic, 0, &cpu, &nobody, 0));
	assert_false(vgic_cpu_init(&vgic, 0, &cpu, &nobody, 0));
	assert_true(vgic_dist_read(&cpu, 4, 4, &value));
	assert_int_equal(value & 0x1f, 31);
	assert_true(vgic_dist_write(&cpu, 0x100 + 31 * 4, 4, UINT32_MAX));
	assert_true(vgic_dist_read(&cpu, 0x100 + 31 * 4, 4, &value));
	assert_int_equal(value, 0x0fffffff);
	assert_true(vgic_dist_write(&cpu, 0x400 + 1020, 4, UINT32_MAX));
	assert_true(vgic_dist_read(&cpu, 0x400 + 1020, 4, &value));
	assert_int_equal(value, 0);
	assert_true(vgic_dist_write(&cpu, 0x6000 + 8 * 1020, 8, 0));
	vgic_set_spi(&vgic, 1020, true);
	vgic_set_spi(&vgic, 31, true);
	vgic_set_spi(&vgic, UINT32_MAX, true);
	vgic_pulse_spi(&vgic, 1020);
	vgic_pulse_spi(&vgic, 31);
	vgic_pulse_spi(&vgic, UINT32_MAX);
	assert_int_equal(vgic.words[30].line, 0);
	assert_int_equal(vgic.words[30].pending, 0);
	/* Another CPU's pulse, of which the line is still up, hides none; a level input has no edges. */
	vgic_pulse_spi(&vgic, 40);
	assert_int_equal(vgic.words[0].pending, 0);
	vgic.words[0].edge = 1u << 8;
	vgic_set_spi(&vgic, 40, true);
	vgic.words[0].pending = 0;
	vgic_pulse_spi(&vgic, 40);
	assert_int_equal(vgic.words[0].pending, 1u << 8);
	vgic_set_spi(&vgic, 40, false);
	vgic_destroy(&vgic);
	world_end();
}

/*
 * Twelve interrupts nest in four list registers, each of higher priority than the one before, and all come to their
 * end.
 */
static void vgic_nests_deeper_than_list_registers(void **state)
{
	(void)state;
	start(4, false);
	for (unsigned n = 0; n < 12; n++) {
		enable(40 + n, 0xf0 - 8 * n);
		world_write(v0, v0, 40 + n, 10, 1);
	}
	for (unsigned n = 0; n < 12; n++) {
		world_write(v0, v0, 40 + n, 3, 0);
		world_settle();
		assert_int_equal(world_ack(v0), 40 + n);
		world_settle();
		world_check(v1, 40);
	}
	/* The guest may change a priority meanwhile; the end is that of what was acknowledged last all the same. */
	world_write(v0, v0, 40, 8, 0);
	for (unsigned n = 12; n-- != 0;) {
		assert_true(bit_read(v1, v0, 40 + n, R_ACTIVE_SET));
		world_eoi(v0);
		world_settle();
		assert_false(bit_read(v1, v0, 40 + n, R_ACTIVE_SET));
	}
	assert_int_equal(v0->vgic.parked_count, 0);
	finish();
}

static void vgic_overflow_comes_by_priority(void **state)
{
	(void)state;
	start(2, false);
	for (unsigned n = 0; n < 20; n++) {
		enable(40 + n, (n * 7 % 20) * 8);
		world_write(v0, v0, 40 + n, 3, 0);
	}
	for (unsigned n = 0; n < 20; n++) {
		world_settle();
		assert_int_equal(world_ack(v0), 40 + n * 3 % 20); /* 7 and 3 are inverse to each other modulo 20 */
		world_eoi(v0);
	}
	world_settle();
	assert_int_equal(world_ack(v0), GICH_SPURIOUS);
	finish();
}

static void vgic_level_comes_until_it_falls(void **state)
{
	(void)state;
	start(4, false);
	enable(33, 0x80);
	world_line(v0, 33, true);
	for (unsigned n = 0; n < 3; n++) {
		world_settle();
		assert_int_equal(world_ack(v0), 33);
		world_eoi(v0);
		if (n != 0) {
			check_wakeup(v0); /* a WFI before the maintenance interrupt */
		}
	}
	world_settle();
	play(v0);
	assert_true(gich_signalled() >= 0);
	world_line(v0, 33, false);
	world_settle();
	play(v0);
	assert_int_equal(gich_signalled(), -1);
	/* What ISPENDR set outlives the line. */
	world_write(v0, v0, 33, 3, 0);
	world_line(v0, 33, true);
	world_line(v0, 33, false);
	world_settle();
	assert_int_equal(world_ack(v0), 33);
	world_eoi(v0);
	finish();
}

static void vgic_edge_while_active_comes_after(void **state)
{
	(void)state;
	start(4, false);
	enable(34, 0x80);
	world_write(v0, v0, 34, 10, 1);
	world_line(v0, 34, true);
	world_settle();
	assert_int_equal(world_ack(v0), 34);
	world_line(v0, 34, false);
	world_line(v0, 34, true);
	world_settle();
	assert_true(bit_read(v0, v0, 34, R_PENDING_SET));
	assert_true(bit_read(v0, v0, 34, R_ACTIVE_SET));
	assert_int_equal(world_ack(v0), GICH_SPURIOUS);
	/* Disabled before the end: kept, not delivered. */
	world_write(v0, v0, 34, 2, 0);
	world_eoi(v0);
	world_settle();
	assert_int_equal(world_ack(v0), GICH_SPURIOUS);
	world_write(v0, v0, 34, 0, 0);
	world_settle();
	assert_int_equal(world_ack(v0), 34);
	world_eoi(v0);
	finish();
}

/*
 * Once the write has returned, the interrupt is out of the other's list register; no exit of ours is needed for that.
 */
static void vgic_disable_and_move_are_synchronous(void **state)
{
	(void)state;
	start(4, false);
	enable(35, 0x80);
	world_write(v0, v0, 35, 3, 0);
	world_settle();
	play(v0);
	assert_true(gich_signalled() >= 0);
	world_write(v1, v0, 35, 2, 0);
	play(v0);
	assert_int_equal(gich_signalled(), -1);
	world_write(v1, v0, 35, 0, 0);
	world_settle();
	play(v0);
	assert_true(gich_signalled() >= 0);
	world_write(v1, v0, 35, 11, 1);
	play(v0);
	assert_int_equal(gich_signalled(), -1);
	world_settle();
	assert_int_equal(world_ack(v1), 35);
	assert_true(bit_read(v0, v0, 35, R_ACTIVE_SET));
	world_eoi(v1);
	finish();
}

static void vgic_deactivates_in_any_order(void **state)
{
	(void)state;
	start(4, true);
	world_settle();
	for (unsigned n = 0; n < 12; n++) {
		enable(40 + n, 0x80);
		world_write(v0, v0, 40 + n, 3, 0);
		world_settle();
		assert_int_equal(world_ack(v0), 40 + n);
		world_eoi(v0);
		world_settle();
	}
	for (unsigned n = 0; n < 12; n++) {
		unsigned intid = 40 + n * 7 % 12;

		assert_true(bit_read(v0, v0, intid, R_ACTIVE_SET));
		world_dir(n % 2 != 0 ? v0 : v1, intid); /* an SPI, so another PE may do it */
		world_settle();
		assert_false(bit_read(v0, v0, intid, R_ACTIVE_SET));
	}
	finish();
}

/* A second timer interrupt keeps the list register of the first, but not if something was changed in between. */
static void vgic_timer_fires_again(void **state)
{
	(void)state;
	start(4, false);
	enable(TIMER, 0x80);
	for (unsigned n = 0; n < 4; n++) {
		world_timer(v0, true);
		world_settle();
		assert_int_equal(world_ack(v0), TIMER);
		world_write(v1, v0, TIMER, 8, 0x40 + 8 * n);
		world_timer(v0, false);
		world_settle();
		assert_true((v0->hw.physical_active & 1u << PHYSICAL_TIMER) != 0);
		world_eoi(v0);
		world_settle();
		assert_int_equal(v0->hw.physical_active, 0);
	}
	finish();
}

static void vgic_timer_held_back_is_sampled(void **state)
{
	(void)state;
	start(4, false);
	world_write(v0, v0, TIMER, 8, 0x80);
	world_timer(v0, true); /* disabled: held active, pending */
	world_settle();
	assert_true(bit_read(v0, v0, TIMER, R_PENDING_SET));
	world_timer(v0, false);
	assert_false(bit_read(v0, v0, TIMER, R_PENDING_SET));
	world_settle();
	play(v0);
	assert_int_equal(gich->physical_active, 0);
	/* Lowered while it waits in its list register: seen when somebody asks. */
	world_write(v0, v0, TIMER, 0, 0);
	world_timer(v0, true);
	world_settle();
	play(v0);
	assert_true(gich_signalled() >= 0);
	gich->physical_line = 0;
	v0->irqs[TIMER].line = false;
	assert_false(bit_read(v0, v0, TIMER, R_PENDING_SET));
	world_settle();
	play(v0);
	assert_int_equal(gich_signalled(), -1);
	assert_int_equal(gich->physical_active, 0);
	finish();
}

/* Between load and save a vCPU's timer leaves the CPU to others, active or not. */
static void vgic_timer_changes_hands(void **state)
{
	(void)state;
	start(4, false);
	enable(TIMER, 0x80);
	world_timer(v0, true);
	world_settle();
	assert_int_equal(world_ack(v0), TIMER);
	world_unload(v0);
	assert_true(bit_read(v1, v0, TIMER, R_ACTIVE_SET));
	world_load(v0);
	assert_int_equal(gich->physical_active, 1u << PHYSICAL_TIMER);
	world_settle();
	world_eoi(v0);
	play(v0);
	assert_int_equal(gich->physical_active, 0);
	world_settle();
	world_unload(v0); /* pending this time */
	world_load(v0);
	world_settle();
	assert_int_equal(world_ack(v0), TIMER);
	world_timer(v0, false);
	world_eoi(v0);
	finish();
}

static void vgic_sgi_targets(void **state)
{
	(void)state;
	start(4, false);
	for (unsigned c = 0; c < CPUS; c++) {
		world_write(v0, &w.vcpus[c], 5, 0, 0);
	}
	/* Affinities and ranges in which nobody is. */
	play(v0);
	vgic_sgi(&v0->vgic, UINT64_C(1) << 16 | 5 << 24 | 7, true);
	vgic_sgi(&v0->vgic, UINT64_C(1) << 32 | 5 << 24 | 7, true);
	vgic_sgi(&v0->vgic, UINT64_C(1) << 48 | 5 << 24 | 7, true);
	vgic_sgi(&v0->vgic, UINT64_C(1) << 44 | 5 << 24 | 7, true);
	vgic_sgi(&v0->vgic, UINT64_C(5) << 24, true);
	vgic_sgi(&v0->vgic, UINT64_C(5) << 24 | 0xfff8, true);
	world_settle();
	for (unsigned c = 0; c < CPUS; c++) {
		assert_int_equal(world_ack(&w.vcpus[c]), GICH_SPURIOUS);
	}
	world_sgi(v0, 5, 0, true, true);
	world_settle();
	assert_int_equal(world_ack(v0), GICH_SPURIOUS);
	assert_int_equal(world_ack(v1), 5);
	assert_int_equal(world_ack(&w.vcpus[2]), 5);
	/* To the one that has it active: comes after. */
	world_sgi(v1, 5, 2, false, true);
	world_settle();
	assert_int_equal(world_ack(v1), GICH_SPURIOUS);
	world_eoi(v1);
	world_settle();
	assert_int_equal(world_ack(v1), 5);
	world_eoi(v1);
	world_eoi(&w.vcpus[2]);
	/* SGI0R does not reach what is in Group 1. */
	world_sgi(v0, 5, 7, false, false);
	world_settle();
	assert_int_equal(world_ack(v1), GICH_SPURIOUS);
	world_write(v1, v1, 5, 9, 0);
	set_vmcr(v1, vmcr_make(true, true, 0xff));
	world_sgi(v0, 5, 7, false, false);
	world_settle();
	assert_int_equal(world_ack(v1), 5);
	world_eoi(v1);
	finish();
}

static void vgic_reset_forgets(void **state)
{
	(void)state;
	start(2, false);
	for (unsigned n = 0; n < 6; n++) {
		enable(40 + n, 0xf0 - 8 * n);
		world_write(v0, v0, 40 + n, 3, 0);
		world_settle();
		world_ack(v0);
	}
	world_line(v0, 33, true);
	world_settle();
	for (unsigned c = 0; c < CPUS; c++) {
		world_unload(&w.vcpus[c]);
	}
	vgic_reset(&w.vgic);
	model_reset();
	for (unsigned c = 0; c < CPUS; c++) {
		world_load(&w.vcpus[c]);
		set_vmcr(&w.vcpus[c], vmcr_make(false, true, 0xff));
	}
	assert_int_equal(gich_running(), 32);
	for (unsigned intid = 0; intid < INTIDS; intid++) {
		world_check(v0, intid);
	}
	/* The device holds its line still. */
	ctlr_set(v0, 3);
	enable(33, 0x80);
	world_settle();
	assert_int_equal(world_ack(v0), 33);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vgic_identifies_itself),
		cmocka_unit_test(vgic_router_by_halves),
		cmocka_unit_test(vgic_of_full_size),
		cmocka_unit_test(vgic_nests_deeper_than_list_registers),
		cmocka_unit_test(vgic_overflow_comes_by_priority),
		cmocka_unit_test(vgic_level_comes_until_it_falls),
		cmocka_unit_test(vgic_edge_while_active_comes_after),
		cmocka_unit_test(vgic_disable_and_move_are_synchronous),
		cmocka_unit_test(vgic_deactivates_in_any_order),
		cmocka_unit_test(vgic_timer_fires_again),
		cmocka_unit_test(vgic_timer_held_back_is_sampled),
		cmocka_unit_test(vgic_timer_changes_hands),
		cmocka_unit_test(vgic_sgi_targets),
		cmocka_unit_test(vgic_reset_forgets),
		cmocka_unit_test(vgic_banks_at_random),
		cmocka_unit_test(vgic_random_against_model),
	};

	random_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
