/* SPDX-License-Identifier: MIT */
/* Many interrupts at once: order, preemption, active state, the two ways to end one. */
#include "payload/vm/gic/tests.h"

#define SGI 3
#define SOURCES (16 + SPI_COUNT)
#define NEST_DEPTH 12

#define CTLR_EOIMODE BIT(1)

/* Numbers 0 to 15 are SGIs, the rest SPIs. */
static uint32_t source_intid(uint32_t n)
{
	return n < 16 ? n : SPI_FIRST + n - 16;
}

static void sources_on(void)
{
	for (uint32_t n = 0; n < SOURCES; n++) {
		if (n >= 16) {
			gic_route(source_intid(n), 0);
			gic_set_edge(0, source_intid(n), true);
		}
		gic_enable(0, source_intid(n));
	}
}

static void sources_off(void)
{
	for (uint32_t n = 0; n < SOURCES; n++) {
		gic_disable(0, source_intid(n));
		gic_set_priority(0, source_intid(n), 0x80);
	}
}

/* 24 distinct priorities, dealt in a mixed order: 7 has no factor in common with 24. */
static uint8_t mixed_priority(uint32_t n)
{
	return (uint8_t)(0x10 + n * 7 % SOURCES * 8);
}

static void check_log_sorted(void)
{
	for (uint32_t i = 0; i < SOURCES; i++) {
		for (uint32_t n = 0; n < SOURCES; n++) {
			if (logs[0].intid[i] == source_intid(n) && mixed_priority(n) != 0x10 + i * 8) {
				test_fail("interrupt %u came as number %u", source_intid(n), i);
			}
		}
	}
}

void priority_order(void)
{
	if (BITS(read_icc(ICC_CTLR_EL1), 10, 8) < 4) {
		test_skip("fewer than 32 priorities");
		return;
	}
	for (uint32_t direction = 0; direction < 2; direction++) {
		log_begin(NULL);
		sources_on();
		irq_off();
		for (uint32_t i = 0; i < SOURCES; i++) {
			uint32_t n = direction == 0 ? i : SOURCES - 1 - i;

			gic_set_priority(0, source_intid(n), mixed_priority(n));
			gic_set_bit(0, source_intid(n), GIC_ISPENDR);
		}
		settle();
		irq_on();
		CHECK(log_reaches(0, SOURCES));
		check_log_sorted();
		sources_off();
		log_end();
	}
}

/* The priority of an interrupt that is already pending, perhaps in a list register. */
void priority_change(void)
{
	log_begin(NULL);
	gic_enable(0, 1);
	gic_enable(0, 2);
	gic_set_priority(0, 1, 0x40);
	gic_set_priority(0, 2, 0x60);
	irq_off();
	gic_send_sgi(0, 1);
	gic_send_sgi(0, 2);
	settle();
	CHECK_EQ(read_icc(ICC_HPPIR1_EL1), 1);
	gic_set_priority(0, 2, 0x20);
	/*
	 * A pending interrupt's new priority may take effect late, but not after it was disabled and enabled
	 * again.
	 */
	gic_disable(0, 2);
	gic_enable(0, 2);
	settle();
	CHECK_EQ(read_icc(ICC_HPPIR1_EL1), 2);
	irq_on();
	CHECK(log_reaches(0, 2));
	CHECK_EQ(logs[0].intid[0], 2);
	CHECK_EQ(logs[0].intid[1], 1);
	gic_set_priority(0, 1, 0x80);
	gic_set_priority(0, 2, 0x80);
	gic_disable(0, 1);
	gic_disable(0, 2);
	log_end();
}

/* Each handler sends the next higher one and opens interrupts: they nest NEST_DEPTH deep. */
static void nest_action(uint32_t intid)
{
	uint32_t count = log_count(0);

	CHECK_EQ(read_icc(ICC_RPR_EL1), 0xf0 - 0x10 * intid);
	CHECK(gic_get_bit(0, intid, GIC_ISACTIVER));
	if (intid + 1 < NEST_DEPTH) {
		gic_send_sgi(0, intid + 1);
		gic_send_sgi(0, 15); /* lower than all: comes when all are done */
		irq_on();
		CHECK(WAIT_UNTIL(log_count(0) > count, 1000));
		irq_off();
		CHECK_EQ(read_icc(ICC_RPR_EL1), 0xf0 - 0x10 * intid);
	}
}

static void preempt_action(uint32_t intid)
{
	if (intid != 15) {
		nest_action(intid);
	}
}

void preemption(void)
{
	log_begin(preempt_action);
	for (uint32_t sgi = 0; sgi < NEST_DEPTH; sgi++) {
		gic_set_priority(0, sgi, (uint8_t)(0xf0 - 0x10 * sgi));
		gic_enable(0, sgi);
	}
	gic_set_priority(0, 15, 0xf0);
	gic_enable(0, 15);
	gic_send_sgi(0, 0);
	CHECK(log_reaches(0, NEST_DEPTH + 1));
	CHECK_EQ(logs[0].most, NEST_DEPTH);
	CHECK_EQ(logs[0].intid[NEST_DEPTH], 15);
	CHECK_EQ(read_icc(ICC_RPR_EL1), 0xff);
	CHECK_EQ(mmio_read32(gic_base(0, 0) + GIC_ISACTIVER) & 0xffff, 0);
	sources_off();
	log_end();
}

static void group_action(uint32_t intid)
{
	if (intid == 1) {
		gic_send_sgi(0, 2);
		irq_on();
		settle();
		irq_off();
		CHECK_EQ(log_count(0), 1);
	}
}

/* ICC_BPR1_EL1 = 7 leaves one bit of group priority: 0x60 is higher than 0x70 but does not preempt it. */
void no_preemption_in_group(void)
{
	log_begin(group_action);
	write_icc(ICC_BPR1_EL1, 7);
	isb();
	gic_set_priority(0, 1, 0x70);
	gic_set_priority(0, 2, 0x60);
	gic_enable(0, 1);
	gic_enable(0, 2);
	gic_send_sgi(0, 1);
	CHECK(log_reaches(0, 2));
	CHECK_EQ(logs[0].most, 1);
	write_icc(ICC_BPR1_EL1, 0);
	isb();
	sources_off();
	log_end();
}

/* With four list registers, six active and all the others pending do not fit. */
static void overflow_action(uint32_t intid)
{
	uint32_t count = log_count(0);

	if (intid < 5) {
		gic_send_sgi(0, intid + 1);
		irq_on();
		CHECK(WAIT_UNTIL(log_count(0) > count, 1000));
		irq_off();
	} else if (intid == 5) {
		for (uint32_t n = 6; n < SOURCES; n++) {
			gic_set_bit(0, source_intid(n), GIC_ISPENDR);
		}
		settle();
		CHECK_EQ(mmio_read32(gic_base(0, 0) + GIC_ISACTIVER) & 0xffff, 0x3f);
		CHECK_EQ(mmio_read32(gic_base(0, 0) + GIC_ISPENDR) & 0xffff, 0xffc0);
	}
}

void nested_overflow(void)
{
	log_begin(overflow_action);
	sources_on();
	for (uint32_t n = 0; n < SOURCES; n++) {
		gic_set_priority(0, source_intid(n), n < 6 ? (uint8_t)(0x60 - 0x10 * n) : 0xb0);
	}
	gic_send_sgi(0, 0);
	CHECK(log_reaches(0, SOURCES));
	CHECK_EQ(logs[0].most, 6);
	sources_off();
	log_end();
}

static void eoi_mode(bool split)
{
	write_icc(ICC_CTLR_EL1, split ? CTLR_EOIMODE : 0);
	isb();
	CHECK_EQ((read_icc(ICC_CTLR_EL1) & CTLR_EOIMODE) != 0, split);
}

static void deactivate(uint32_t intid)
{
	write_icc(ICC_DIR_EL1, intid);
	isb();
}

/* Priority drop and deactivation apart: between them the interrupt is active, and others of its priority may come. */
void eoi_mode_1(void)
{
	log_begin(NULL);
	gic_enable(0, SGI);
	gic_enable(0, SGI + 1);
	eoi_mode(true);
	gic_send_sgi(0, SGI);
	CHECK(log_reaches(0, 1));
	CHECK(gic_get_bit(0, SGI, GIC_ISACTIVER));
	CHECK_EQ(read_icc(ICC_RPR_EL1), 0xff);
	gic_send_sgi(0, SGI + 1);
	CHECK(log_reaches(0, 2));
	gic_send_sgi(0, SGI); /* active: becomes active and pending, is not taken */
	settle();
	CHECK_EQ(log_count(0), 2);
	CHECK(gic_get_bit(0, SGI, GIC_ISPENDR));
	CHECK(gic_get_bit(0, SGI, GIC_ISACTIVER));
	deactivate(SGI);
	CHECK(log_reaches(0, 3));
	CHECK(gic_get_bit(0, SGI, GIC_ISACTIVER));
	deactivate(SGI + 1);
	deactivate(SGI);
	CHECK(!gic_get_bit(0, SGI, GIC_ISACTIVER));
	CHECK(!gic_get_bit(0, SGI + 1, GIC_ISACTIVER));
	eoi_mode(false);
	sources_off();
	log_end();
}

/* Twelve active at once, deactivated in the order that they came, and from the middle. */
void deactivate_out_of_order(void)
{
	log_begin(NULL);
	sources_on();
	eoi_mode(true);
	for (uint32_t n = 0; n < SOURCES; n++) {
		gic_set_bit(0, source_intid(n), GIC_ISPENDR);
		CHECK(log_reaches(0, n + 1));
	}
	for (uint32_t n = 0; n < SOURCES; n++) {
		CHECK(gic_get_bit(0, source_intid(n), GIC_ISACTIVER));
	}
	for (uint32_t i = 0; i < SOURCES; i++) {
		uint32_t n = i * 7 % SOURCES;

		deactivate(source_intid(n));
		CHECK(!gic_get_bit(0, source_intid(n), GIC_ISACTIVER));
	}
	deactivate(source_intid(1)); /* once too often does nothing */
	for (uint32_t n = 0; n < SOURCES; n++) {
		CHECK(!gic_get_bit(0, source_intid(n), GIC_ISACTIVER));
		gic_set_bit(0, source_intid(n), GIC_ISPENDR);
		CHECK(log_reaches(0, SOURCES + n + 1));
		deactivate(source_intid(n));
	}
	eoi_mode(false);
	sources_off();
	log_end();
}

static uint32_t stay_in_handler;

static void stay_action(uint32_t intid)
{
	(void)intid;
	CHECK(WAIT_UNTIL(atomic_load(&stay_in_handler) == 0, 5000));
}

void active_from_other_cpu(void)
{
	static const uint32_t intids[] = { SGI, SPI_FIRST };

	if (!need_cpus(2)) {
		return;
	}
	log_begin(stay_action);
	for (uint32_t i = 0; i < ARRAY_SIZE(intids); i++) {
		uint32_t intid = intids[i];

		atomic_store(&stay_in_handler, 1);
		gic_route(SPI_FIRST, 1);
		gic_enable(1, intid);
		CHECK(!gic_get_bit(1, intid, GIC_ISACTIVER));
		gic_set_bit(1, intid, GIC_ISPENDR);
		CHECK(WAIT_UNTIL(log_count(1) == i + 1, 1000));
		CHECK(gic_get_bit(1, intid, GIC_ISACTIVER));
		CHECK(!gic_get_bit(1, intid, GIC_ISPENDR));
		gic_set_bit(1, intid, GIC_ISPENDR);
		CHECK(gic_get_bit(1, intid, GIC_ISPENDR));
		gic_set_bit(1, intid, GIC_ICPENDR);
		CHECK(!gic_get_bit(1, intid, GIC_ISPENDR));
		atomic_store(&stay_in_handler, 0);
		CHECK(WAIT_UNTIL(!gic_get_bit(1, intid, GIC_ISACTIVER), 1000));
		CHECK(log_reaches(1, i + 1));
		gic_disable(1, intid);
	}
	gic_route(SPI_FIRST, 0);
	log_end();
}

/* Software makes an interrupt active: it is not delivered until software makes it inactive. */
void set_active(void)
{
	static const uint32_t intids[] = { SGI, SPI_FIRST };

	log_begin(NULL);
	gic_route(SPI_FIRST, 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(intids); i++) {
		gic_enable(0, intids[i]);
		gic_set_bit(0, intids[i], GIC_ISACTIVER);
		gic_set_bit(0, intids[i], GIC_ISPENDR);
		settle();
		CHECK_EQ(log_count(0), i);
		gic_set_bit(0, intids[i], GIC_ICACTIVER);
		CHECK(log_reaches(0, i + 1));
		gic_disable(0, intids[i]);
	}
	log_end();
}

/* Acknowledging with interrupts masked, as a polling guest does. */
void acknowledge_by_hand(void)
{
	log_begin(NULL);
	irq_off();
	gic_enable(0, SGI);
	gic_send_sgi(0, SGI);
	CHECK(WAIT_UNTIL(read_icc(ICC_HPPIR1_EL1) == SGI, 1000));
	CHECK_EQ(gic_ack(), SGI);
	CHECK_EQ(read_icc(ICC_RPR_EL1), 0x80);
	CHECK_EQ(gic_ack(), GIC_SPURIOUS);
	gic_eoi(SGI);
	gic_eoi(GIC_SPURIOUS);
	CHECK_EQ(read_icc(ICC_RPR_EL1), 0xff);
	CHECK_EQ(gic_ack(), GIC_SPURIOUS);
	irq_on();
	settle();
	CHECK_EQ(log_count(0), 0);
	gic_disable(0, SGI);
	log_end();
}

/*
 * An end that names another interrupt than was acknowledged is a bug of the guest (IHI 0069, 12.2.10). What becomes
 * of the two is not said, but the CPU goes on, and all is well once they are no longer active.
 */
void wrong_end(void)
{
	log_begin(NULL);
	for (uint32_t i = 0; i < 3; i++) {
		irq_off();
		gic_enable(0, SGI);
		gic_send_sgi(0, SGI);
		CHECK_EQ(gic_ack(), SGI);
		gic_eoi(SGI + 1);
		settle();
		mmio_write32(gic_base(0, SGI) + GIC_ICACTIVER, BIT32(SGI) | BIT32(SGI + 1));
		CHECK_EQ(read_icc(ICC_RPR_EL1), 0xff);
		irq_on();
		gic_send_sgi(0, SGI);
		CHECK(log_reaches(0, i + 1));
		gic_disable(0, SGI);
	}
	log_end();
}
