/* SPDX-License-Identifier: MIT */
/* Scripts of partitions: who runs when, what it sees in its registers, and what the normal world is answered. */
#include "sp_script.h"

#include "ffa/port.h"
#include "ffa/transaction.h"

/* ---- the beginning ---- */

static void schedule_boot_starts_in_order(void **state)
{
	(void)state;
	PLAY({ V(UP, 0), .sees = { 0 }, WAIT }, { V(MP, 0), WAIT },
	     { V(USER, 0), .exit = SP_EXIT_CALL, .call = { FFA_ERROR, 0, (uint32_t)FFA_ABORTED } },
	     { V(OLD, 0), WAIT });
	sps_start_on_cpu(&world_cpus[0]);
	assert_int_equal(script_left, 0);
	assert_int_equal(V(UP, 0)->state, SP_WAITING);
	assert_int_equal(V(USER, 0)->state, SP_ABORTED);
	assert_int_equal(world_sps[USER].endpoint.aborted, 1);
	assert_int_equal(V(MP, 1)->state, SP_OFF);
	world_cpu(1);
	PLAY({ V(MP, 1), WAIT });
	sps_start_on_cpu(&world_cpus[1]);
	assert_int_equal(script_left, 0);
	assert_int_equal(V(MP, 1)->cpu.regs.pc, 0);
}

static void schedule_secondary_entry(void **state)
{
	(void)state;
	world_sps[MP].base = pa(0x1000);
	world_sps[MP].size = 0x2000;
	PLAY({ V(UP, 0), .exit = SP_EXIT_CALL, .call = { FFA_SECONDARY_EP_REGISTER_64, 0x1800 } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_NOT_SUPPORTED }, WAIT },
	     { V(MP, 0), .exit = SP_EXIT_CALL, .call = { FFA_SECONDARY_EP_REGISTER_64, 0x4000 } },
	     { V(MP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_INVALID_PARAMETERS }, .exit = SP_EXIT_CALL,
	       .call = { FFA_SECONDARY_EP_REGISTER_64, 0x1800 } },
	     { V(MP, 0), .sees = { FFA_SUCCESS }, WAIT }, { V(USER, 0), WAIT }, { V(OLD, 0), WAIT });
	sps_start_on_cpu(&world_cpus[0]);
	world_cpu(2);
	PLAY({ V(MP, 2), .sees = { 0, 0, 0, 0 }, WAIT });
	sps_start_on_cpu(&world_cpus[2]);
	assert_int_equal(V(MP, 2)->cpu.regs.pc, 0x1800);
	assert_int_equal(script_left, 0);
}

/* ---- direct messages ---- */

static void schedule_direct_request_and_response(void **state)
{
	(void)state;
	PLAY({ V(UP, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ, IDS(3, ID(UP)), 0, 0x11 }, RESP(UP, 3) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(3, ID(UP)), 0, UINT64_C(0xffffffff00000011));
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	assert_int_equal(x[1], IDS(ID(UP), 3));
	assert_int_equal(x[3], 7);
	assert_int_equal(x[4], 8);
	for (unsigned i = 8; i < 18; i++) {
		assert_int_equal(x[i], 0x900 + i);
	}
	assert_int_equal(V(UP, 0)->state, SP_WAITING);
	assert_int_equal(world_puts > 0, 1);
	/* From any CPU: it comes along. */
	world_cpu(3);
	PLAY({ V(UP, 0), .exit = SP_EXIT_CALL,
	       .call = { FFA_MSG_SEND_DIRECT_RESP_64, IDS(ID(UP), 0), 0, UINT64_C(0x123456789abc) } });
	call(FFA_MSG_SEND_DIRECT_REQ_64, IDS(0, ID(UP)), 0, 1);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP_64);
	assert_int_equal(x[3], UINT64_C(0x123456789abc));
}

static void schedule_direct_request_errors(void **state)
{
	(void)state;
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 1, 0);
	assert_error(FFA_INVALID_PARAMETERS);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, 0x8009), 0, 0);
	assert_error(FFA_INVALID_PARAMETERS);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, FFA_ID_SPMC), 0, 0);
	assert_error(FFA_INVALID_PARAMETERS);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(ID(MP), ID(UP)), 0, 0);
	assert_error(FFA_INVALID_PARAMETERS);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_VM_CREATED_REQ, 0);
	assert_error(FFA_INVALID_PARAMETERS);
	world_sps[UP].endpoint.properties &= ~(uint32_t)FFA_PROPERTY_DIRECT_RECV;
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_error(FFA_DENIED);
	call(FFA_MSG_SEND_DIRECT_RESP, IDS(0, ID(UP)), 0, 0);
	assert_error(FFA_NOT_SUPPORTED);
	call(FFA_MSG_WAIT, 0, 0, 0);
	assert_error(FFA_NOT_SUPPORTED);
	call(FFA_SUCCESS, 0, 0, 0);
	assert_error(FFA_NOT_SUPPORTED);
	call(0x84000090, 0, 0, 0);
	assert_error(FFA_NOT_SUPPORTED);
	call(FFA_RXTX_MAP, 0x40001000, 0x40002000, 1); /* SMC64 alone */
	assert_error(FFA_NOT_SUPPORTED);
	call(0x84000001, 0, 0, 0);
	assert_error(FFA_NOT_SUPPORTED);
}

static void schedule_response_errors(void **state)
{
	(void)state;
	PLAY({ V(UP, 0), .exit = SP_EXIT_CALL, .call = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(UP), 0), 1 } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_INVALID_PARAMETERS }, RESP(MP, 0) },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_INVALID_PARAMETERS }, RESP(UP, 1) },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, WAIT },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, .exit = SP_EXIT_CALL,
	       .call = { FFA_MSG_SEND_DIRECT_RESP2_64, IDS(ID(UP), 0) } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, .exit = SP_EXIT_CALL,
	       .call = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(UP), 0), FFA_FRAMEWORK_MESSAGE | 5 } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, .exit = SP_EXIT_CALL,
	       .call = { FFA_ERROR, 0, (uint32_t)FFA_ABORTED } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_NOT_SUPPORTED }, RESP(UP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

static void schedule_direct_request2(void **state)
{
	(void)state;
	PLAY({ V(MP, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ2_64, IDS(0, ID(MP)), 0, 0 }, .exit = SP_EXIT_CALL,
	       .call = { FFA_MSG_SEND_DIRECT_RESP2_64, IDS(ID(MP), 0), 9, 9, 44 } });
	call(FFA_MSG_SEND_DIRECT_REQ2_64, IDS(0, ID(MP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP2_64);
	assert_int_equal(x[2], 0);
	assert_int_equal(x[3], 0);
	assert_int_equal(x[4], 44);
	assert_int_equal(x[17], 0x900 + 17); /* it had them from the request */
	PLAY({ V(MP, 0), .exit = SP_EXIT_CALL, .call = { FFA_MSG_SEND_DIRECT_RESP2_64, IDS(ID(MP), 0) } });
	call(FFA_MSG_SEND_DIRECT_REQ2_64, IDS(0, ID(MP)), UINT64_C(2) << 32 | 1, UINT64_C(5) << 32 | 3);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP2_64);
	call(FFA_MSG_SEND_DIRECT_REQ2_64, IDS(0, ID(MP)), 1, 1);
	assert_error(FFA_INVALID_PARAMETERS);
	call(FFA_MSG_SEND_DIRECT_REQ2_64, IDS(0, ID(OLD)), 0, 0);
	assert_error(FFA_DENIED);
	ffa_nwd.version = FFA_VERSION_1_1;
	call(FFA_MSG_SEND_DIRECT_REQ2_64, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_DENIED);
}

static void schedule_chain_and_cycle(void **state)
{
	(void)state;
	PLAY({ V(UP, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ }, REQ(UP, OLD) },
	     { V(OLD, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ, IDS(ID(UP), ID(OLD)), 0, 5 }, REQ(OLD, UP) },
	     { V(OLD, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_BUSY }, REQ(OLD, OLD) },
	     { V(OLD, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_INVALID_PARAMETERS }, RESP(OLD, 0) },
	     { V(OLD, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, RESP(OLD, ID(UP)) },
	     { V(UP, 0), .sees = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(OLD), ID(UP)), 0, 7 }, REQ(UP, 0x7fff) },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_INVALID_PARAMETERS }, RESP(UP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	/* One that only got cycles may not be reached from its own chain either. */
	PLAY({ V(UP, 0), .sees = { FFA_RUN }, REQ(UP, OLD) }, { V(OLD, 0), REQ(OLD, UP) },
	     { V(OLD, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, RESP(OLD, ID(UP)) }, { V(UP, 0), WAIT });
	call(FFA_RUN, IDS(ID(UP), 0), 0, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
}

static void schedule_vm_messages(void **state)
{
	(void)state;
	world_sps[UP].manifest.vm_created = true;
	PLAY({ V(UP, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), FFA_FRAMEWORK_MESSAGE | 4 }, RESP(UP, 0) },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, .exit = SP_EXIT_CALL,
	       .call = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(UP), 0), FFA_FRAMEWORK_MESSAGE | 7 } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, .exit = SP_EXIT_CALL,
	       .call = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(UP), 0), FFA_FRAMEWORK_MESSAGE | 5 } });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), FFA_FRAMEWORK_MESSAGE | 4, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	assert_int_equal(x[2], FFA_FRAMEWORK_MESSAGE | 5);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), FFA_FRAMEWORK_MESSAGE | 6, 0);
	assert_error(FFA_INVALID_PARAMETERS);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(5, ID(UP)), FFA_FRAMEWORK_MESSAGE | 4, 0);
	assert_error(FFA_INVALID_PARAMETERS);
}

/* ---- cycles ---- */

static void schedule_run_wait_yield(void **state)
{
	(void)state;
	PLAY({ V(MP, 0), .sees = { FFA_RUN }, .exit = SP_EXIT_CALL, .call = { FFA_YIELD, 0, 1000, 1 } });
	call(FFA_RUN, IDS(ID(MP), 0), 0, 0);
	assert_int_equal(x[0], FFA_YIELD);
	assert_int_equal(x[1], IDS(ID(MP), 0));
	assert_int_equal(x[2], 1000);
	assert_int_equal(x[3], 1);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_BUSY);
	PLAY({ V(MP, 0), .sees = { FFA_SUCCESS }, .exit = SP_EXIT_CALL, .call = { FFA_YIELD, 0, 0, 0, 1 } },
	     { V(MP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_INVALID_PARAMETERS }, .exit = SP_EXIT_CALL,
	       .call = { FFA_MSG_WAIT, 1 } },
	     { V(MP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_INVALID_PARAMETERS }, WAIT });
	call(FFA_RUN, IDS(ID(MP), 0), 0, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
	assert_int_equal(x[1], 0);
	call(FFA_RUN, IDS(ID(MP), 1), 0, 0);
	assert_error(FFA_INVALID_PARAMETERS);
	call(FFA_RUN, IDS(ID(UP), 1), 0, 0);
	assert_error(FFA_INVALID_PARAMETERS);
	call(FFA_RUN, IDS(5, 0), 0, 0);
	assert_error(FFA_INVALID_PARAMETERS);
	/* WFI gives the CPU back too, and its registers stay. */
	PLAY({ V(UP, 0), .exit = SP_EXIT_WAIT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0x77);
	assert_int_equal(x[0], FFA_YIELD);
	PLAY({ V(UP, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ, 0, 0, 0x77 }, RESP(UP, 0) });
	call(FFA_RUN, IDS(ID(UP), 0), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

static void schedule_ns_interrupt_unwinds_one_by_one(void **state)
{
	(void)state;
	PLAY({ V(UP, 0), REQ(UP, OLD) }, { V(OLD, 0), .exit = SP_EXIT_FIQ },
	     { V(UP, 0), .sees = { FFA_INTERRUPT, IDS(ID(OLD), 0) }, .exit = SP_EXIT_FIQ });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(x[0], FFA_INTERRUPT);
	assert_int_equal(x[1], IDS(ID(UP), 0));
	assert_int_equal(x[2], 0);
	/* What the SP lost is the SP's to run. */
	call(FFA_RUN, IDS(ID(OLD), 0), 0, 0);
	assert_error(FFA_DENIED);
	assert_int_equal(V(OLD, 0)->state, SP_PREEMPTED);
	world_cpu(1); /* one that migrates may be resumed elsewhere */
	PLAY({ V(UP, 0), .sees = { FFA_INTERRUPT, IDS(ID(OLD), 0) }, .exit = SP_EXIT_CALL,
	       .call = { FFA_RUN, IDS(ID(USER), 0) } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, .exit = SP_EXIT_CALL,
	       .call = { FFA_RUN, IDS(ID(OLD), 0) } },
	     { V(OLD, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ }, RESP(OLD, ID(UP)) },
	     { V(UP, 0), .sees = { FFA_MSG_SEND_DIRECT_RESP }, RESP(UP, 0) });
	call(FFA_RUN, IDS(ID(UP), 0), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

static void schedule_group0_goes_to_el3(void **state)
{
	(void)state;
	world_group0 = 8;
	PLAY({ V(UP, 0), .exit = SP_EXIT_FIQ }, { V(UP, 0), RESP(UP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(world_el3, 1);
}

static void schedule_managed_exit(void **state)
{
	(void)state;
	world_sps[UP].manifest.ns_action = SP_NS_MANAGED_EXIT;
	world_sps[UP].manifest.managed_exit_virq = true;
	interrupts_reset(V(UP, 0)); /* as before it starts: what its manifest asks for is enabled */
	PLAY({ V(UP, 0), .exit = SP_EXIT_FIQ },
	     { V(UP, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ }, .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_GET } },
	     { V(UP, 0), .sees = { FFA_INTID_ME }, RESP(UP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	assert_int_equal(V(UP, 0)->signals, 0);
	/* Not fetched: it ends with the run all the same. */
	PLAY({ V(UP, 0), .exit = SP_EXIT_FIQ }, { V(UP, 0), RESP(UP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	assert_int_equal(V(UP, 0)->signals, 0);
	/* It wants it no more: as if signalled. */
	PLAY({ V(UP, 0), .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_ENABLE, FFA_INTID_ME, 0, 0 } },
	     { V(UP, 0), .exit = SP_EXIT_FIQ });
	call(FFA_RUN, IDS(ID(UP), 0), 0, 0);
	assert_int_equal(x[0], FFA_INTERRUPT);
}

static uint64_t signals_seen;

static enum sp_exit look_at_signals(struct sp_vcpu *v)
{
	signals_seen = sp_interrupt_hcr(v);
	return play(v);
}

static void schedule_managed_exit_is_fiq_unless_virq(void **state)
{
	(void)state;
	world_sps[UP].manifest.ns_action = SP_NS_MANAGED_EXIT;
	interrupts_reset(V(UP, 0));
	PLAY({ V(UP, 0), .exit = SP_EXIT_FIQ }, { V(UP, 0), RESP(UP, 0) });
	world_enter = look_at_signals;
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(signals_seen, SP_SIGNAL_FIQ);
}

static void schedule_npi_needs_no_enabling(void **state)
{
	static uint64_t words[1];
	struct ffa_endpoint *e = &world_sps[UP].endpoint;

	(void)state;
	world_sps[UP].manifest.notifications = true;
	interrupts_reset(V(UP, 0));
	e->notifications.enabled = true;
	e->notifications.vcpu_count = 1;
	e->notifications.from_sp.vcpu_pending = e->notifications.from_vm.vcpu_pending = words;
	assert_true(ffa_notify_rx_full(e, false));
	PLAY({ V(UP, 0), .sees = { FFA_RUN }, .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_GET } },
	     { V(UP, 0), .sees = { FFA_INTID_NPI }, WAIT });
	world_enter = look_at_signals;
	call(FFA_RUN, IDS(ID(UP), 0), 0, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
	/* At each run, until it has fetched what there is. */
	PLAY({ V(UP, 0), .exit = SP_EXIT_CALL, .call = { FFA_NOTIFICATION_GET, ID(UP), FFA_NOTIFICATION_GET_HYP } },
	     { V(UP, 0), .sees = { FFA_SUCCESS }, WAIT });
	world_enter = look_at_signals;
	signals_seen = 0;
	call(FFA_RUN, IDS(ID(UP), 0), 0, 0);
	assert_int_equal(signals_seen, SP_SIGNAL_IRQ);
	PLAY({ V(UP, 0), .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_GET } },
	     { V(UP, 0), .sees = { HF_INTERRUPT_NONE }, WAIT });
	call(FFA_RUN, IDS(ID(UP), 0), 0, 0);
}

static uint64_t mask_seen[4];
static unsigned masks;

static enum sp_exit look_at_mask(struct sp_vcpu *v)
{
	mask_seen[masks++ % 4] = read_icc_pmr_el1();
	return play(v);
}

static void schedule_masks_grow_along_a_chain(void **state)
{
	(void)state;
	world_sps[OLD].mask = SP_MASK_NS;
	world_sps[USER].mask = SP_MASK_NONE;
	masks = 0;
	PLAY({ V(UP, 0), REQ(UP, OLD) }, { V(OLD, 0), REQ(OLD, USER) }, { V(USER, 0), RESP(USER, ID(OLD)) },
	     { V(OLD, 0), RESP(OLD, ID(UP)) }, { V(UP, 0), RESP(UP, 0) });
	world_enter = look_at_mask;
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(masks, 5);
	assert_int_equal(mask_seen[1], 0x80);
	assert_int_equal(mask_seen[2], 0x80);
	assert_int_equal(mask_seen[3], 0x80);
	assert_int_equal(mask_seen[0], 0xf8); /* the fifth */
}

/* On QEMU a partition reaches ICC_PMR_EL1 (docs/spmc-context.md); call() looks at what the normal world finds. */
static enum sp_exit undo_mask(struct sp_vcpu *v)
{
	enum sp_exit exit = look_at_mask(v);

	write_icc_pmr_el1(v == V(UP, 0) ? 0 : 0xff);
	return exit;
}

static void schedule_mask_that_a_partition_changed(void **state)
{
	(void)state;
	PLAY({ V(UP, 0), RESP(UP, 0) });
	world_enter = undo_mask;
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	/* An interrupt that its mask should have kept back does not come again and again. */
	world_sps[OLD].mask = SP_MASK_NS;
	world_sps[OLD].manifest.ns_action = SP_NS_MANAGED_EXIT;
	interrupts_reset(V(OLD, 0));
	masks = 0;
	PLAY({ V(OLD, 0), .exit = SP_EXIT_FIQ }, { V(OLD, 0), RESP(OLD, 0) });
	world_enter = undo_mask;
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(OLD)), 0, 0);
	assert_int_equal(masks, 2);
	assert_int_equal(mask_seen[0], 0x80);
	assert_int_equal(mask_seen[1], 0x80);
}

/* ---- logical partitions at EL3 ---- */

static void schedule_request_of_el3_is_not_preempted(void **state)
{
	(void)state;
	masks = 0;
	PLAY({ V(UP, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ, IDS(0xffc0, ID(UP)) }, .exit = SP_EXIT_FIQ },
	     { V(UP, 0), REQ(UP, MP) }, { V(MP, 0), .exit = SP_EXIT_FIQ }, { V(MP, 0), RESP(MP, ID(UP)) },
	     { V(UP, 0), RESP(UP, 0xffc0) });
	world_enter = look_at_mask;
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0xffc0, ID(UP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	assert_int_equal(x[1], IDS(ID(UP), 0xffc0));
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(mask_seen[i], 0x18);
	}
	/* Before the normal world has said anything; and it may still choose. */
	assert_false(ffa_nwd.version_locked);
	ffa_nwd.version = FFA_VERSION_1_0;
	PLAY({ V(MP, 0), .exit = SP_EXIT_CALL, .call = { FFA_MSG_SEND_DIRECT_RESP2_64, IDS(ID(MP), 0xfffe) } });
	call(FFA_MSG_SEND_DIRECT_REQ2_64, IDS(0xfffe, ID(MP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP2_64);
	assert_false(ffa_nwd.version_locked);
	call(FFA_MSG_SEND_DIRECT_REQ2_64, IDS(0xfffe, ID(OLD)), 0, 0);
	assert_error(FFA_DENIED);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0xffff, ID(MP)), 0, 0);
	assert_error(FFA_INVALID_PARAMETERS);
	call(FFA_MSG_SEND_DIRECT_REQ2_64, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_DENIED);
	assert_true(ffa_nwd.version_locked);
}

/* ---- calls that are not FF-A ---- */

static void schedule_other_calls(void **state)
{
	(void)state;
	world_grants[UP].smc_allowed_count = 2;
	world_grants[UP].smc_allowed[0] = 0x82000010;
	world_grants[UP].smc_allowed[1] = 0x840000f0; /* EM_VERSION: FF-A's numbers end before it */
	world_conduit = SP_CONDUIT_SMC;
	PLAY({ V(UP, 0), .exit = SP_EXIT_CALL, .call = { 0x82000011 } },
	     { V(UP, 0), .sees = { UINT64_MAX }, .exit = SP_EXIT_CALL,
	       .call = { 0x82000010, 0, 0, 0, 0, 0, 0, 0x77665544 } },
	     { V(UP, 0), .sees = { 0x1234 }, .exit = SP_EXIT_CALL, .call = { 0x840000ef } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_NOT_SUPPORTED }, .exit = SP_EXIT_CALL,
	       .call = { 0x840000f0, 0, 0, 0, 0, 0, 0, 0x77665544 } },
	     { V(UP, 0), .sees = { 0x1234 }, .exit = SP_EXIT_CALL, .call = { 0x84000069 | 0x10000 } },
	     { V(UP, 0), .sees = { FFA_SUCCESS, 0, ID(UP) }, .exit = SP_EXIT_CALL, .call = { FFA_INTERRUPT } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, .exit = SP_EXIT_CALL,
	       .call = { FFA_NORMAL_WORLD_RESUME } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_NOT_SUPPORTED }, .exit = SP_EXIT_CALL,
	       .call = { FFA_RX_ACQUIRE } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_NOT_SUPPORTED }, RESP(UP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(world_smc_x7, 0x77660000 | ID(UP));
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

static void schedule_smc32_drops_upper_halves(void **state)
{
	(void)state;
	call(FFA_FEATURES, UINT64_C(0xdead00000000) | FFA_FEATURES_IS_CALL | FFA_MSG_SEND_DIRECT_REQ, UINT64_C(1) << 32,
	     0);
	assert_int_equal(x[0], FFA_SUCCESS);
	assert_true(ffa_nwd.version_locked);
}

/* ---- Secure interrupts ---- */

static void schedule_interrupt_while_normal_world_runs(void **state)
{
	(void)state;
	enable_interrupt_of(V(UP, 0), UP);
	world_intid = 40 + UP;
	PLAY({ V(UP, 0), .sees = { FFA_INTERRUPT, 0, 40 + UP }, .exit = SP_EXIT_CALL, .call = { FFA_YIELD } },
	     { V(UP, 0), .sees = { FFA_SUCCESS }, RESP(UP, 0) },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, .exit = SP_EXIT_CALL,
	       .call = { HF_INTERRUPT_GET } },
	     { V(UP, 0), .sees = { 40 + UP }, .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_GET } },
	     { V(UP, 0), .sees = { HF_INTERRUPT_NONE }, .exit = SP_EXIT_CALL,
	       .call = { HF_INTERRUPT_DEACTIVATE, 40 + UP, 40 + UP } },
	     { V(UP, 0), WAIT });
	call(FFA_INTERRUPT, 0, 0, 0);
	assert_int_equal(x[0], FFA_NORMAL_WORLD_RESUME);
	assert_int_equal(world_deactivated, 1);
	assert_int_equal(V(UP, 0)->state, SP_WAITING);
	assert_false(V(UP, 0)->wake_queued);
}

static void schedule_interrupt_preempts_another_partition(void **state)
{
	(void)state;
	enable_interrupt_of(V(UP, 0), UP);
	PLAY({ V(OLD, 0), .exit = SP_EXIT_IRQ, .irq = 40 + UP },
	     { V(UP, 0), .sees = { FFA_INTERRUPT, 0, 40 + UP }, REQ(UP, OLD) },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_BUSY }, REQ(UP, MP) },
	     { V(MP, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ }, RESP(MP, ID(UP)) },
	     { V(UP, 0), .sees = { FFA_MSG_SEND_DIRECT_RESP }, .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_GET } },
	     { V(UP, 0), .sees = { 40 + UP }, WAIT },
	     { V(OLD, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ, 0, 0, 0x99 }, RESP(OLD, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(OLD)), 0, 0x99);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

static void schedule_interrupt_left_pending_is_told_once(void **state)
{
	(void)state;
	enable_interrupt_of(V(UP, 0), UP);
	/* It comes while the partition itself is at work, which answers without looking. */
	PLAY({ V(UP, 0), .exit = SP_EXIT_IRQ, .irq = 40 + UP }, { V(UP, 0), RESP(UP, 0) },
	     { V(UP, 0), .sees = { FFA_INTERRUPT, 0, 40 + UP }, WAIT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	assert_int_equal(x[3], 7);
	assert_int_equal(V(UP, 0)->state, SP_WAITING);
	assert_int_equal(world_sris, 1); /* and then it is the normal world's to run it */
	assert_true(ffa_port_take_wakeup(&world_sps[UP].endpoint, 0));
	assert_false(ffa_port_take_wakeup(&world_sps[UP].endpoint, 0));
}

static void schedule_interrupt_recalls_one_that_waits_in_the_chain(void **state)
{
	(void)state;
	enable_interrupt_of(V(UP, 0), UP);
	PLAY({ V(UP, 0), REQ(UP, OLD) }, { V(OLD, 0), REQ(OLD, MP) }, { V(MP, 0), .exit = SP_EXIT_IRQ, .irq = 40 + UP },
	     { V(UP, 0), .sees = { FFA_INTERRUPT, IDS(ID(OLD), 0) }, .exit = SP_EXIT_CALL,
	       .call = { FFA_RUN, IDS(ID(OLD), 0) } },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, .exit = SP_EXIT_CALL,
	       .call = { HF_INTERRUPT_GET } },
	     { V(UP, 0), .sees = { 40 + UP }, .exit = SP_EXIT_CALL, .call = { FFA_RUN, IDS(ID(OLD), 0) } },
	     { V(MP, 0), .sees = { FFA_MSG_SEND_DIRECT_REQ }, RESP(MP, ID(OLD)) },
	     { V(OLD, 0), .sees = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(MP), ID(OLD)) }, RESP(OLD, ID(UP)) },
	     { V(UP, 0), .sees = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(OLD), ID(UP)) }, RESP(UP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

static void schedule_interrupt_of_s_el0_is_its_return(void **state)
{
	(void)state;
	assert_true(world_enabled[40 + USER]);
	world_intid = 40 + USER;
	PLAY({ V(USER, 0), .sees = { FFA_INTERRUPT, 0, 40 + USER }, WAIT });
	call(FFA_INTERRUPT, 0, 0, 0);
	assert_int_equal(x[0], FFA_NORMAL_WORLD_RESUME);
	assert_int_equal(world_deactivated, 1);
	assert_int_equal(V(USER, 0)->signals, 0);
	assert_int_equal(sp_interrupt_hcr(V(USER, 0)), 0);
}

static void schedule_interrupt_of_nobody_is_turned_off(void **state)
{
	(void)state;
	world_enabled[99] = true;
	world_intid = 99;
	call(FFA_INTERRUPT, 0, 0, 0);
	assert_int_equal(x[0], FFA_NORMAL_WORLD_RESUME);
	assert_false(world_enabled[99]);
	assert_int_equal(world_deactivated, 1);
	call(FFA_INTERRUPT, 0, 0, 0); /* nothing there */
	assert_int_equal(x[0], FFA_NORMAL_WORLD_RESUME);
}

static void schedule_interrupt_that_is_not_enabled_waits(void **state)
{
	(void)state;
	world_enabled[40 + UP] = true; /* by HF_INTERRUPT_RECONFIGURE */
	world_intid = 40 + UP;
	call(FFA_INTERRUPT, 0, 0, 0);
	assert_int_equal(x[0], FFA_NORMAL_WORLD_RESUME);
	assert_false(world_enabled[40 + UP]);
	assert_int_equal(world_deactivated, 1);
	PLAY({ V(UP, 0), .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_GET } },
	     { V(UP, 0), .sees = { HF_INTERRUPT_NONE }, ENABLE(UP) },
	     { V(UP, 0), .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_GET } }, { V(UP, 0), .sees = { 40 + UP }, WAIT });
	call(FFA_RUN, IDS(ID(UP), 0), 0, 0);
	assert_int_equal(x[0], FFA_MSG_WAIT);
	assert_true(world_enabled[40 + UP]);
	assert_int_equal(V(UP, 0)->signals, 0);
}

static void schedule_sri_policy_leaves_it_to_the_normal_world(void **state)
{
	(void)state;
	enable_interrupt_of(V(UP, 0), UP);
	world_sps[UP].manifest.sri_delayed_waiting = true;
	world_intid = 40 + UP;
	call(FFA_INTERRUPT, 0, 0, 0);
	assert_int_equal(x[0], FFA_NORMAL_WORLD_RESUME);
	assert_int_equal(world_sris, 1);
	assert_true(ffa_port_take_wakeup(&world_sps[UP].endpoint, 0));
	PLAY({ V(UP, 0), .sees = { FFA_RUN }, .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_GET } },
	     { V(UP, 0), .sees = { 40 + UP }, WAIT });
	call(FFA_RUN, IDS(ID(UP), 0), 0, 0);
}

static void schedule_ipi(void **state)
{
	(void)state;
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		struct sp_vcpu *v = V(MP, cpu);

		world_cpu(cpu);
		v->interrupts.enabled[0] |= 1u << FFA_INTID_IPI;
	}
	world_cpu(0);
	PLAY({ V(MP, 0), .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_SEND_IPI, 0 } },
	     { V(MP, 0), .sees = { UINT64_MAX }, .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_SEND_IPI, 4 } },
	     { V(MP, 0), .sees = { UINT64_MAX }, .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_SEND_IPI, 1 } },
	     { V(MP, 0), RESP(MP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_int_equal(world_sris, 1);
	assert_true(ffa_port_take_wakeup(&world_sps[MP].endpoint, 1));
	/* One that runs there is kicked. */
	V(MP, 2)->state = SP_RUNNING;
	V(MP, 2)->interrupts.enabled[0] |= 1u << FFA_INTID_IPI;
	assert_true(sp_interrupt_set(V(MP, 2), FFA_INTID_IPI));
	assert_false(sp_interrupt_set(V(MP, 2), FFA_INTID_IPI));
	assert_int_equal(world_kicks, 1);
	V(MP, 2)->state = SP_WAITING;
}

/* ---- the end ---- */

static void schedule_abort_answers_the_caller(void **state)
{
	(void)state;
	PLAY({ V(UP, 0), REQ(UP, OLD) }, { V(OLD, 0), .exit = SP_EXIT_ABORT },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_ABORTED }, REQ(UP, OLD) },
	     { V(UP, 0), .sees = { FFA_ERROR, 0, (uint32_t)FFA_ABORTED }, RESP(UP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(OLD)), 0, 0);
	assert_error(FFA_ABORTED);
	call(FFA_RUN, IDS(ID(OLD), 0), 0, 0);
	assert_error(FFA_ABORTED);
	PLAY({ V(MP, 0), .exit = SP_EXIT_ABORT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_ABORTED);
	for (unsigned i = 0; i < WORLD_CPUS; i++) {
		assert_int_equal(V(MP, i)->state, SP_ABORTED);
	}
	assert_int_equal(world_sps[MP].stopped, WORLD_CPUS);
	assert_false(world_enabled[40 + MP]);
}

static void schedule_abort_waits_for_those_at_work(void **state)
{
	(void)state;
	V(MP, 1)->state = SP_RUNNING; /* on its CPU */
	PLAY({ V(MP, 0), .exit = SP_EXIT_ABORT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_int_equal(world_sps[MP].stopped, WORLD_CPUS - 1);
	assert_int_equal(world_kicks, 1);
	world_cpu(1);
	x[0] = 0;
	schedule_of(&world_cpus[1])->current = V(MP, 1);
	schedule_of(&world_cpus[1])->nwd = x;
	V(MP, 1)->model = SP_MODEL_DIRECT;
	schedule_loop(schedule_of(&world_cpus[1])); /* it does not run again */
	assert_error(FFA_ABORTED);
	assert_int_equal(world_sps[MP].stopped, WORLD_CPUS);
}

static void schedule_watchdog(void **state)
{
	(void)state;
	world_sps[UP].watchdog_ticks = 100;
	world_timer_due = true;
	PLAY({ V(UP, 0), .exit = SP_EXIT_IRQ, .irq = WORLD_TIMER });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_error(FFA_ABORTED);
	assert_int_equal(V(UP, 0)->state, SP_ABORTED);
}

static void schedule_watchdog_stops_with_the_run(void **state)
{
	(void)state;
	world_sps[UP].watchdog_ticks = 100;
	PLAY({ V(UP, 0), REQ(UP, OLD) }, { V(OLD, 0), RESP(OLD, ID(UP)) }, { V(UP, 0), RESP(UP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(UP)), 0, 0);
	assert_null(timer_first(&world_cpus[0].timers));
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
}

static void schedule_restart(void **state)
{
	(void)state;
	world_sps[MP].manifest.abort_action = SP_ABORT_RESTART;
	PLAY({ V(MP, 0), .exit = SP_EXIT_ABORT }, { V(MP, 0), .sees = { 0 }, WAIT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_ABORTED);
	assert_int_equal(world_reloads, 1);
	PLAY({ V(MP, 0), RESP(MP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	/* On another CPU it starts when somebody asks for it. */
	world_cpu(1);
	PLAY({ V(MP, 1), WAIT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_BUSY);
	PLAY({ V(MP, 1), RESP(MP, 0) });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_int_equal(x[0], FFA_MSG_SEND_DIRECT_RESP);
	/* Dying on the way up is the end. */
	PLAY({ V(MP, 1), .exit = SP_EXIT_ABORT }, { V(MP, 1), .exit = SP_EXIT_ABORT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_ABORTED);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_ABORTED);
}

/* Its memory will come back to its tables, which a new beginning would have emptied. */
static void schedule_restart_waits_for_no_borrower(void **state)
{
	struct ffa_transaction t = { .owner = &world_sps[MP].endpoint, .sent = true, .held_count = 1 };

	(void)state;
	list_append(ffa_transactions(), &t.node);
	world_sps[MP].manifest.abort_action = SP_ABORT_RESTART;
	PLAY({ V(MP, 0), .exit = SP_EXIT_ABORT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_ABORTED);
	assert_true(t.orphan);
	list_remove(&t.node);
	assert_int_equal(world_reloads, 0);
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_ABORTED);
}

/* ---- power ---- */

static void schedule_cpu_off_and_on(void **state)
{
	(void)state;
	world_sps[MP].manifest.power_messages = 1;
	world_cpu(1);
	PLAY({ V(MP, 1),
	       .sees = { FFA_MSG_SEND_DIRECT_REQ, IDS(FFA_ID_SPMC, ID(MP)), FFA_FRAMEWORK_MESSAGE, 0x84000002 },
	       REQ(MP, UP) },
	     { V(MP, 1), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, RESP(MP, FFA_ID_SPMC) },
	     { V(MP, 1), .sees = { FFA_ERROR, 0, (uint32_t)FFA_DENIED }, .exit = SP_EXIT_CALL,
	       .call = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(MP), FFA_ID_SPMC), FFA_FRAMEWORK_MESSAGE | 2,
			 (uint32_t)-3 } });
	assert_int_equal(power_cpu_off(&world_cpus[1]), -3);
	assert_int_equal(V(MP, 1)->state, SP_WAITING);
	PLAY({ V(MP, 1), .exit = SP_EXIT_CALL,
	       .call = { FFA_MSG_SEND_DIRECT_RESP, IDS(ID(MP), FFA_ID_SPMC), FFA_FRAMEWORK_MESSAGE | 2, 0 } });
	assert_int_equal(power_cpu_off(&world_cpus[1]), 0);
	assert_int_equal(script_left, 0);
	assert_int_equal(V(MP, 1)->state, SP_OFF);
	assert_int_equal(V(UP, 0)->state, SP_WAITING);
	PLAY({ V(MP, 1), WAIT });
	sps_start_on_cpu(&world_cpus[1]);
	assert_int_equal(V(MP, 1)->state, SP_WAITING);
}

/* A partition with a private interrupt, 22, for each CPU; that of CPU 1 has enabled it and the shared one. */
static struct sp_vcpu *setup_private_interrupt(void)
{
	struct sp_vcpu *v = V(MP, 1);

	world_reset();
	world_device(MP);
	world_sps[MP].manifest.interrupt_count = 2;
	world_sps[MP].manifest.interrupts[1] = (struct sp_interrupt){
		.intid = 22, .priority = 0x40, .secure = true, .level = true
	};
	world_boot();
	world_cpu(1);
	PLAY({ v, .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_ENABLE, 22, 1 } }, { v, ENABLE(MP) }, { v, WAIT });
	call(FFA_RUN, IDS(ID(MP), 1), 0, 0);
	assert_true(world_enabled[22] && world_enabled[40 + MP]);
	return v;
}

static void schedule_cpu_off_ends_interrupts(void **state)
{
	struct sp_vcpu *v;

	(void)state;
	v = setup_private_interrupt();
	/* It is told, and leaves it alone. */
	PLAY({ v, .exit = SP_EXIT_IRQ, .irq = 40 + MP }, { v, RESP(MP, 0) }, { v, .sees = { FFA_INTERRUPT }, WAIT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_int_equal(world_deactivated, 0);
	assert_int_equal(power_cpu_off(&world_cpus[1]), 0);
	assert_int_equal(v->state, SP_OFF);
	assert_int_equal(world_deactivated, 1); /* another CPU may have it */
	assert_int_equal(v->signals, 0);
	/* An abort that comes now is not forgotten. */
	v->signals = SP_SIGNAL_ABORT | SP_SIGNAL_IRQ;
	interrupts_reset(v);
	assert_int_equal(v->signals, SP_SIGNAL_ABORT);
	v->signals = 0;
	/* It begins anew, and what its timer left is not its own. */
	assert_true(sp_interrupt_set(v, FFA_INTID_VTIMER));
	PLAY({ v, .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_ENABLE, FFA_INTID_VTIMER, 1 } },
	     { v, .exit = SP_EXIT_CALL, .call = { HF_INTERRUPT_GET } }, { v, .sees = { HF_INTERRUPT_NONE }, WAIT });
	sps_start_on_cpu(&world_cpus[1]);
	assert_int_equal(script_left, 0);
	assert_int_equal(v->state, SP_WAITING);
	assert_false(world_enabled[22]);
}

static void schedule_cpu_off_keeps_interrupts_of_one_that_is_preempted(void **state)
{
	struct sp_vcpu *v;

	(void)state;
	v = setup_private_interrupt();
	PLAY({ v, .exit = SP_EXIT_FIQ });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_int_equal(power_cpu_off(&world_cpus[1]), 0);
	world_enabled[22] = false; /* the firmware took it away */
	sps_start_on_cpu(&world_cpus[1]);
	assert_true(world_enabled[22]);
	assert_int_equal(v->state, SP_PREEMPTED);
}

static void schedule_restart_ends_private_interrupts_on_other_cpus(void **state)
{
	struct sp_vcpu *v;

	(void)state;
	v = setup_private_interrupt();
	world_sps[MP].manifest.abort_action = SP_ABORT_RESTART;
	world_cpu(0);
	PLAY({ V(MP, 0), .exit = SP_EXIT_ABORT }, { V(MP, 0), WAIT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	world_cpu(1);
	world_enabled[22] = true; /* at this CPU's redistributor it still is */
	PLAY({ v, WAIT });
	call(FFA_MSG_SEND_DIRECT_REQ, IDS(0, ID(MP)), 0, 0);
	assert_error(FFA_BUSY);
	assert_int_equal(v->signals, 0);
	assert_false(world_enabled[22]);
}

#define BOOTED(name) cmocka_unit_test_setup(name, setup_booted)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(schedule_boot_starts_in_order, setup),
		cmocka_unit_test_setup(schedule_secondary_entry, setup),
		BOOTED(schedule_direct_request_and_response),
		BOOTED(schedule_direct_request_errors),
		BOOTED(schedule_response_errors),
		BOOTED(schedule_direct_request2),
		BOOTED(schedule_chain_and_cycle),
		BOOTED(schedule_vm_messages),
		BOOTED(schedule_run_wait_yield),
		BOOTED(schedule_ns_interrupt_unwinds_one_by_one),
		BOOTED(schedule_group0_goes_to_el3),
		BOOTED(schedule_managed_exit),
		BOOTED(schedule_managed_exit_is_fiq_unless_virq),
		BOOTED(schedule_npi_needs_no_enabling),
		BOOTED(schedule_masks_grow_along_a_chain),
		BOOTED(schedule_mask_that_a_partition_changed),
		BOOTED(schedule_request_of_el3_is_not_preempted),
		BOOTED(schedule_other_calls),
		BOOTED(schedule_smc32_drops_upper_halves),
		BOOTED(schedule_interrupt_while_normal_world_runs),
		BOOTED(schedule_interrupt_preempts_another_partition),
		BOOTED(schedule_interrupt_left_pending_is_told_once),
		BOOTED(schedule_interrupt_recalls_one_that_waits_in_the_chain),
		BOOTED(schedule_interrupt_of_s_el0_is_its_return),
		BOOTED(schedule_interrupt_of_nobody_is_turned_off),
		BOOTED(schedule_interrupt_that_is_not_enabled_waits),
		BOOTED(schedule_sri_policy_leaves_it_to_the_normal_world),
		BOOTED(schedule_ipi),
		BOOTED(schedule_abort_answers_the_caller),
		BOOTED(schedule_abort_waits_for_those_at_work),
		BOOTED(schedule_watchdog),
		BOOTED(schedule_watchdog_stops_with_the_run),
		BOOTED(schedule_restart),
		BOOTED(schedule_restart_waits_for_no_borrower),
		BOOTED(schedule_cpu_off_and_on),
		cmocka_unit_test_setup(schedule_cpu_off_ends_interrupts, setup),
		cmocka_unit_test_setup(schedule_cpu_off_keeps_interrupts_of_one_that_is_preempted, setup),
		cmocka_unit_test_setup(schedule_restart_ends_private_interrupts_on_other_cpus, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
