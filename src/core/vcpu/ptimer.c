/* SPDX-License-Identifier: MIT */
#include "core/vcpu/ptimer.h"

#include "core/vcpu/cpu.h"
#include "core/vcpu/vcpu.h"

#define CNTP_CTL_ENABLE BIT(0)
#define CNTP_CTL_IMASK BIT(1)
#define CNTP_CTL_ISTATUS BIT(2)

static bool condition_met(const struct vcpu *v)
{
	return (v->ptimer_ctl & CNTP_CTL_ENABLE) != 0 && cpu_now() >= v->ptimer_cval;
}

/* Makes the interrupt line and the deadline what the registers say. */
static void update(struct vcpu *v)
{
	bool unmasked = (v->ptimer_ctl & CNTP_CTL_IMASK) == 0;
	bool met = condition_met(v);

	vgic_set_ppi(&v->vgic, PTIMER_INTID, met && unmasked);
	if ((v->ptimer_ctl & CNTP_CTL_ENABLE) != 0 && unmasked && !met) {
		timer_start(&v->cpu->timers, &v->ptimer, v->ptimer_cval);
	} else {
		timer_stop(&v->cpu->timers, &v->ptimer);
	}
}

static void fired(struct timer *timer)
{
	update(container_of(timer, struct vcpu, ptimer));
}

static const struct timer_ops ptimer_ops = { .fired = fired };

void ptimer_init(struct vcpu *v)
{
	v->ptimer_ctl = 0;
	v->ptimer_cval = 0;
	timer_init(&v->ptimer, &ptimer_ops);
}

void ptimer_reset(struct vcpu *v)
{
	v->ptimer_ctl = 0;
	v->ptimer_cval = 0;
	update(v);
}

uint64_t ptimer_read_ctl(const struct vcpu *v)
{
	return v->ptimer_ctl | (condition_met(v) ? CNTP_CTL_ISTATUS : 0);
}

uint64_t ptimer_read_cval(const struct vcpu *v)
{
	return v->ptimer_cval;
}

/* The timer value is a 32-bit downcounter, seen from the compare value (Arm ARM, D11.2.4). */
uint64_t ptimer_read_tval(const struct vcpu *v)
{
	return (uint32_t)(v->ptimer_cval - cpu_now());
}

/* The guest may run on without a turn of the loop, so the hardware timer is programmed here. */
static void changed(struct vcpu *v)
{
	update(v);
	cpu_program_timer(v->cpu);
}

void ptimer_write_ctl(struct vcpu *v, uint64_t value)
{
	v->ptimer_ctl = value & (CNTP_CTL_ENABLE | CNTP_CTL_IMASK);
	changed(v);
}

void ptimer_write_cval(struct vcpu *v, uint64_t value)
{
	v->ptimer_cval = value;
	changed(v);
}

void ptimer_write_tval(struct vcpu *v, uint64_t value)
{
	v->ptimer_cval = cpu_now() + (uint64_t)(int64_t)(int32_t)lo32(value);
	changed(v);
}
