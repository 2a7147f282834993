/* SPDX-License-Identifier: MIT */
/*
 * A normal world that speaks FF-A 1.0 or 1.1, as most do today: Linux's driver, and pKVM between Linux and us. An
 * endpoint has one version, so this is a program of its own, run once for each.
 *
 * Word: the version, else 1.1.
 */
#include "payload/lib/cpu.h"
#include "payload/lib/timer.h"
#include "payload/nwd/older/tests.h"

#define WATCHDOG_SECONDS 30

static uint32_t wanted(void)
{
	return (uint32_t)nwd_word(0, FFA_VERSION_1_1);
}

static uint32_t ask(uint32_t version)
{
	struct ffa_regs r = FFA(FFA_VERSION, version);

	return (uint32_t)r.x[0];
}

static void others_refused(void)
{
	static const uint32_t others[] = { 0,          1,          0x00010003, 0x0001ffff, 0x00020000,
					   0x7fff0001, 0x80010000, 0x80010001, UINT32_MAX };

	for (uint32_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (ask(others[i]) != (uint32_t)FFA_NOT_SUPPORTED) {
			test_fail("FFA_VERSION(0x%x) is accepted", others[i]);
		}
	}
}

/* The answer is the SPMC's own. A kernel that asked, and a hypervisor below it that then asks for less, are one. */
static void asked_until_used(void)
{
	CHECK_EQ(ask(FFA_VERSION_1_2), FFA_VERSION_1_2);
	CHECK_EQ(ask(FFA_VERSION_1_0), FFA_VERSION_1_2);
	CHECK_EQ(ask(FFA_VERSION_1_1), FFA_VERSION_1_2);
	CHECK_EQ(ask(wanted()), FFA_VERSION_1_2);
	CHECK_EQ(ask(wanted()), FFA_VERSION_1_2);
	others_refused();
}

static void init(void)
{
	REQUIRE(nwd_init(wanted()));
	CHECK(hello != 0 && irq != 0 && relay != 0);
}

static void locked(void)
{
	for (uint32_t version = FFA_VERSION_1_0; version <= FFA_VERSION_1_2; version++) {
		CHECK_EQ(ask(version), version == nwd_version ? FFA_VERSION_1_2 : (uint32_t)FFA_NOT_SUPPORTED);
	}
	others_refused();
}

void payload_main(void)
{
	static const struct test tests[] = {
		{ "version_others_refused", others_refused },
		{ "version_asked_until_used", asked_until_used },
		{ "version_init", init },
		{ "version_locked", locked },
	};

	watchdog_start(TIMER_VIRTUAL, WATCHDOG_SECONDS);
	print("# FF-A 1.%u, %u CPUs\n", wanted() & 0xffff, cpu_count);
	RUN_TESTS(tests);
	if (hello == 0) {
		return;
	}
	test_driver();
	test_descriptors();
	test_hypervisor();
}
