/* SPDX-License-Identifier: MIT */
#include "core/vcpu/debug.h"

#include "core/vcpu/idreg.h"
#include "core/vcpu/vcpu.h"
#include "lib/str.h"

#define DEBUG_CONTROL_ENABLE BIT(0)

/* op2 of the registers: bit 1 tells watchpoints from breakpoints, bit 0 control from value. */
#define OP2_WATCHPOINT BIT(1)
#define OP2_CONTROL BIT(0)

/* The value goes first: an enabled control must never see another's. */
#define HW_CASE(n)                                             \
	case n:                                                \
		if (watchpoint) {                              \
			write_dbgwvr##n##_el1(point->value);   \
			write_dbgwcr##n##_el1(point->control); \
		} else {                                       \
			write_dbgbvr##n##_el1(point->value);   \
			write_dbgbcr##n##_el1(point->control); \
		}                                              \
		break;

static void hw_write(bool watchpoint, unsigned n, const struct debug_point *point)
{
	switch (n) {
		HW_CASE(0)
		HW_CASE(1)
		HW_CASE(2)
		HW_CASE(3)
		HW_CASE(4)
		HW_CASE(5)
		HW_CASE(6)
		HW_CASE(7)
		HW_CASE(8)
		HW_CASE(9)
		HW_CASE(10)
		HW_CASE(11)
		HW_CASE(12)
		HW_CASE(13)
		HW_CASE(14)
		HW_CASE(15)
	default:
		break;
	}
}

static void hw_write_all(const struct cpu_features *f, const struct debug_state *state)
{
	for (unsigned n = 0; n < cpu_features_breakpoints(f); n++) {
		hw_write(false, n, &state->breakpoints[n]);
	}
	for (unsigned n = 0; n < cpu_features_watchpoints(f); n++) {
		hw_write(true, n, &state->watchpoints[n]);
	}
}

static const struct debug_state disarmed;

void debug_load(const struct vcpu *v)
{
	write_oslar_el1(v->debug.os_lock ? 1 : 0);
	if (v->debug.armed) {
		hw_write_all(&cpu_features, &v->debug);
	}
}

void debug_put(const struct vcpu *v)
{
	if (v->debug.armed) {
		hw_write_all(&cpu_features, &disarmed);
	}
}

void debug_reset(struct vcpu *v)
{
	memset(&v->debug, 0, sizeof(v->debug));
	v->debug.os_lock = true;
}

void debug_cpu_init(const struct cpu_features *f)
{
	hw_write_all(f, &disarmed);
	/* The double lock would keep breakpoints from working; guests are told that there is none. */
	write_osdlr_el1(0);
}

bool debug_point_exists(unsigned op2, unsigned n)
{
	return n < ((op2 & OP2_WATCHPOINT) != 0 ? cpu_features_watchpoints(&cpu_features)
						: cpu_features_breakpoints(&cpu_features));
}

static const struct debug_point *find(const struct debug_state *state, unsigned op2, unsigned n)
{
	return (op2 & OP2_WATCHPOINT) != 0 ? &state->watchpoints[n] : &state->breakpoints[n];
}

uint64_t debug_point_read(const struct vcpu *v, unsigned op2, unsigned n)
{
	const struct debug_point *point = find(&v->debug, op2, n);

	return (op2 & OP2_CONTROL) != 0 ? point->control : point->value;
}

static bool any_enabled(const struct debug_state *state)
{
	uint64_t controls = 0;

	for (unsigned n = 0; n < DEBUG_POINTS_MAX; n++) {
		controls |= state->breakpoints[n].control | state->watchpoints[n].control;
	}
	return (controls & DEBUG_CONTROL_ENABLE) != 0;
}

void debug_point_write(struct vcpu *v, unsigned op2, unsigned n, uint64_t value)
{
	bool watchpoint = (op2 & OP2_WATCHPOINT) != 0;
	struct debug_point *point = watchpoint ? &v->debug.watchpoints[n] : &v->debug.breakpoints[n];

	if ((op2 & OP2_CONTROL) != 0) {
		/* The controls are 32-bit registers; their upper half is RES0. */
		point->control = (uint32_t)value;
		v->debug.armed = any_enabled(&v->debug);
	} else {
		point->value = value;
	}
	hw_write(watchpoint, n, point);
}

void debug_os_lock(struct vcpu *v, bool locked)
{
	v->debug.os_lock = locked;
	write_oslar_el1(locked ? 1 : 0);
}
