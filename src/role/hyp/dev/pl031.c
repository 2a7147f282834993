/* SPDX-License-Identifier: MIT */
#include "role/hyp/dev/pl031.h"

#include "abi/pl031.h"
#include "arch/spinlock.h"
#include "core/mm/pool.h"
#include "core/port/clock.h"
#include "core/vcpu/cpu.h"
#include "core/vcpu/timer.h"
#include "core/vcpu/vcpu.h"
#include "lib/panic.h"

/*
 * The alarm is a fact under 'lock'; timers only make somebody look at it. A timer may be touched only by the CPU in
 * whose queue it stands, so each vCPU has one of its own: the vCPU that changes the alarm starts its own, and what
 * others started before goes off for nothing.
 */
struct rtc_timer {
	struct timer timer;
	struct pl031 *rtc;
};

struct pl031 {
	struct spinlock lock; /* for all fields that change */
	struct vm *vm;
	unsigned intid;
	uint32_t offset; /* what the guest's time is ahead, modulo 2^32 */
	uint32_t match;
	uint32_t load;
	bool alarm_set;
	uint64_t alarm; /* clock_seconds() at which DR reaches MR */
	bool raw;
	bool mask; /* true: the interrupt is let through */
	bool line; /* what the vGIC was told last */
	unsigned timer_count;
	struct rtc_timer timers[]; /* by vCPU index */
};

/* 0xfe0..0xffc, as in QEMU's virt machine. */
static const uint8_t identification[8] = { 0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

static size_t rtc_size(unsigned timer_count)
{
	return sizeof(struct pl031) + timer_count * sizeof(struct rtc_timer);
}

/* Takes note of an alarm that has come, and moves the interrupt line. Lock held. */
static void update(struct pl031 *rtc)
{
	bool line;

	if (rtc->alarm_set && clock_seconds() >= rtc->alarm) {
		rtc->alarm_set = false;
		rtc->raw = true;
	}
	line = rtc->raw && rtc->mask;
	if (line != rtc->line) {
		rtc->line = line;
		vgic_set_spi(&rtc->vm->vgic, rtc->intid, line);
	}
}

static void timer_fired(struct timer *timer)
{
	struct pl031 *rtc = container_of(timer, struct rtc_timer, timer)->rtc;

	spin_lock(&rtc->lock);
	update(rtc);
	spin_unlock(&rtc->lock);
}

static const struct timer_ops alarm_ops = { .fired = timer_fired };

/*
 * MR or LR was written: when will DR next equal MR? DR is 32 bits wide and runs round, so a match in the past is one in
 * the far future, and 2^32 seconds of a counter of 1 GHz still fit in 64 bits. Lock held, on the vCPU's CPU.
 */
static void set_alarm(struct pl031 *rtc, struct vcpu *vcpu)
{
	uint64_t now = clock_seconds();
	uint32_t wait = rtc->match - ((uint32_t)now + rtc->offset);

	rtc->alarm_set = true;
	rtc->alarm = now + wait;
	timer_start(&vcpu->cpu->timers, &rtc->timers[vcpu->index].timer, read_cntpct_el0() + wait * read_cntfrq_el0());
	cpu_program_timer(vcpu->cpu);
}

static uint32_t read_register(const struct pl031 *rtc, uint64_t offset)
{
	switch (offset) {
	case PL031_DR:
		return (uint32_t)clock_seconds() + rtc->offset;
	case PL031_MR:
		return rtc->match;
	case PL031_LR:
		return rtc->load;
	case PL031_CR:
		return PL031_CR_START; /* it always runs */
	case PL031_IMSC:
		return rtc->mask;
	case PL031_RIS:
		return rtc->raw;
	case PL031_MIS:
		return rtc->raw && rtc->mask;
	default:
		return offset >= PL031_PERIPH_ID0 ? identification[(offset - PL031_PERIPH_ID0) / 4] : 0;
	}
}

static void write_register(struct pl031 *rtc, struct vcpu *vcpu, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case PL031_MR:
		rtc->match = value;
		set_alarm(rtc, vcpu);
		break;
	case PL031_LR:
		rtc->load = value;
		rtc->offset = value - (uint32_t)clock_seconds();
		set_alarm(rtc, vcpu);
		break;
	case PL031_IMSC:
		rtc->mask = (value & PL031_INT) != 0;
		break;
	case PL031_ICR:
		rtc->raw = rtc->raw && (value & PL031_INT) == 0;
		break;
	default:
		break; /* CR: writing 1 to a clock that runs has no effect, and nothing stops it */
	}
}

static bool rtc_read(void *device, struct vcpu *vcpu, uint64_t offset, unsigned size, uint64_t *value)
{
	struct pl031 *rtc = device;

	(void)vcpu;
	if (size > 4 || offset % 4 != 0) {
		return false;
	}
	spin_lock(&rtc->lock);
	update(rtc);
	*value = read_register(rtc, offset) & GENMASK(8 * size - 1, 0);
	spin_unlock(&rtc->lock);
	return true;
}

static bool rtc_write(void *device, struct vcpu *vcpu, uint64_t offset, unsigned size, uint64_t value)
{
	struct pl031 *rtc = device;

	if (size > 4 || offset % 4 != 0) {
		return false;
	}
	spin_lock(&rtc->lock);
	update(rtc); /* an alarm that came before this write is not lost by it */
	write_register(rtc, vcpu, offset, (uint32_t)value);
	update(rtc);
	spin_unlock(&rtc->lock);
	return true;
}

static const struct bus_ops rtc_ops = { .read = rtc_read, .write = rtc_write };

enum err pl031_create(struct vm *vm, ipa_t base, unsigned intid, struct pl031 **rtc)
{
	struct pl031 *r = pool_alloc_object(rtc_size(vm->vcpu_count));
	enum err e;

	if (r == NULL) {
		return ERR_NO_MEMORY;
	}
	r->vm = vm;
	r->intid = intid;
	r->timer_count = vm->vcpu_count;
	for (unsigned i = 0; i < r->timer_count; i++) {
		r->timers[i].rtc = r;
		timer_init(&r->timers[i].timer, &alarm_ops);
	}
	e = bus_add(&vm->bus, base, PL031_SIZE, &rtc_ops, r);
	if (e != OK) {
		pool_free_object(r, rtc_size(r->timer_count));
		return e;
	}
	*rtc = r;
	return OK;
}

void pl031_reset(struct pl031 *rtc)
{
	spin_lock(&rtc->lock);
	rtc->offset = rtc->match = rtc->load = 0;
	rtc->alarm_set = rtc->raw = rtc->mask = false;
	update(rtc);
	spin_unlock(&rtc->lock);
}

void pl031_stop_timer(struct pl031 *rtc, struct vcpu *vcpu)
{
	timer_stop(&vcpu->cpu->timers, &rtc->timers[vcpu->index].timer);
}

void pl031_destroy(struct pl031 *rtc)
{
	for (unsigned i = 0; i < rtc->timer_count; i++) {
		CHECK(!timer_running(&rtc->timers[i].timer));
	}
	pool_free_object(rtc, rtc_size(rtc->timer_count));
}
