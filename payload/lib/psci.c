/* SPDX-License-Identifier: MIT */
#include "payload/lib/psci.h"

#include "payload/lib/exception.h"
#include "payload/lib/fdt.h"
#include "payload/lib/string.h"

enum conduit psci_conduit;

void psci_init(void)
{
	uint32_t length;
	uint32_t node = fdt_find_name("psci");
	const char *method = node == 0 ? NULL : fdt_prop(node, "method", &length);

	psci_conduit = current_el() == 2 || (method != NULL && str_equal(method, "smc")) ? CONDUIT_SMC : CONDUIT_HVC;
}

int64_t smccc_call(enum conduit conduit, uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a1;
	register uint64_t x2 __asm__("x2") = a2;
	register uint64_t x3 __asm__("x3") = a3;

#define CALL(instruction)                                                                                        \
	__asm__ volatile(instruction " #0"                                                                       \
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory", "x4", "x5", "x6", "x7", "x8", "x9", \
			   "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17")
	if (conduit == CONDUIT_HVC) {
		CALL("hvc");
	} else {
		CALL("smc");
	}
#undef CALL
	return (int64_t)x0;
}

bool smccc_has(enum conduit conduit)
{
	struct fault fault;

	fault_expect();
	smccc_call(conduit, PSCI_VERSION, 0, 0, 0);
	fault = fault_taken();
	return !fault.taken;
}

int64_t psci_call(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
	return smccc_call(psci_conduit, function, x1, x2, x3);
}

bool psci_has_smccc(void)
{
	return (int32_t)psci_call(PSCI_FEATURES, SMCCC_VERSION, 0, 0) >= 0;
}

noreturn void psci_system_off(void)
{
	psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
	for (;;) {
		wfi();
	}
}
