/* SPDX-License-Identifier: MIT */
#include "payload/lib/gic.h"
#include "payload/lib/timer.h"
#include "payload/vm/hostile/hostile.h"

#define WFI 0xd503207fu
#define DAIFCLR_ALL 0xd5034fffu
#define SGI_TO_ALL_BUT_SELF BIT(40)

static const uint32_t banks[] = { GIC_ISENABLER, GIC_ICENABLER, GIC_ISPENDR,    GIC_ICPENDR, GIC_ISACTIVER,
				  GIC_ICACTIVER, GIC_IGROUPR,   GIC_IPRIORITYR, GIC_ICFGR };

/* CPU 0's own registers are left to it, since it waits for interrupts and must get some. */
static void change_gic(void)
{
	uint32_t self = this_cpu()->index;
	uint32_t target = self == 0 ? 0 : 1 + (uint32_t)random_below(cpu_count - 1);
	uint32_t bank = banks[random_below(ARRAY_SIZE(banks))];
	uint32_t value = (uint32_t)random_next();

	if (random_once_in(2)) {
		mmio_write32(cpus[target].gicr + GICR_SGI_BASE + bank + (bank >= GIC_IPRIORITYR ? 4 * (value & 7) : 0),
			     value);
	} else {
		mmio_write32(gicd + bank + 4 * random_below(bank >= GIC_IPRIORITYR ? 256 : 32), value);
	}
	if (random_once_in(4)) {
		uint64_t route = random_once_in(8) ? random_value() : cpus[random_below(cpu_count)].affinity;

		mmio_write64(gicd + GICD_IROUTER + 8 * (32 + random_below(256)), route | (random_next() & BIT(31)));
	}
}

static void send_sgis(void)
{
	for (uint32_t sgi = 0; sgi < 16; sgi++) {
		write_icc(ICC_SGI1R_EL1, SGI_TO_ALL_BUT_SELF | (uint64_t)sgi << 24);
		write_icc(ICC_SGI1R_EL1, BIT(this_cpu()->index) | (uint64_t)sgi << 24);
	}
	if (random_once_in(2)) {
		write_icc(ICC_SGI1R_EL1, random_next());
		write_icc(ICC_ASGI1R_EL1, random_next());
		write_icc(ICC_SGI0R_EL1, random_next());
	}
}

static void set_timers(void)
{
	timer_set_cval(TIMER_VIRTUAL, random_once_in(2) ? random_value() : timer_now() - 1);
	timer_set_ctl(TIMER_VIRTUAL, random_below(4));
	timer_set_cval(TIMER_PHYSICAL, random_once_in(2) ? random_value() : timer_now() + random_below(1000));
	timer_set_ctl(TIMER_PHYSICAL, random_below(4));
}

/* What is pending is taken one by one, and ended, or not. */
static void take_interrupts(void)
{
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t intid = gic_ack();

		if (intid >= 1020) {
			break;
		}
		if (!random_once_in(16)) {
			gic_eoi(intid);
		}
		if (random_once_in(16)) {
			write_icc(ICC_EOIR1_EL1, random_value());
			write_icc(ICC_DIR_EL1, random_value());
		}
	}
}

void storm_round(void)
{
	struct attempt attempt;

	for (uint32_t i = 0; i < 8; i++) {
		change_gic();
	}
	set_timers();
	mmio_write32(this_cpu()->gicr + GICR_SGI_BASE + GIC_ISENABLER, ~0u);
	send_sgis();
	attempt_begin(&attempt);
	attempt_add(&attempt, DAIFCLR_ALL);
	for (uint32_t i = 0; i < 4; i++) {
		attempt_run(&attempt);
		take_interrupts();
		send_sgis();
	}
	/* One sleep that ends for certain, with all else as it came. */
	calm();
	alarm_set((uint32_t)random_below(200));
	attempt_begin(&attempt);
	attempt_add(&attempt, DAIFCLR_ALL);
	attempt_add(&attempt, WFI);
	attempt_run(&attempt);
	take_interrupts();
}
