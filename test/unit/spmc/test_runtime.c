/* SPDX-License-Identifier: MIT */
/* The runtime model table, cell by cell, against the specification's tables (FF-A 1.2, 8.2 to 8.5). */
#include "cmocka_main.h"

#include "role/spmc/runtime.h"

static void runtime_init_may_wait_request_and_fail(void **state)
{
	(void)state;
	assert_int_equal(sp_may(SP_MODEL_INIT, SP_CALL_MSG_WAIT), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_INIT, SP_CALL_DIRECT_REQ), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_INIT, SP_CALL_ERROR), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_INIT, SP_CALL_DIRECT_RESP), SP_DENIED);
	assert_int_equal(sp_may(SP_MODEL_INIT, SP_CALL_RUN), SP_DENIED);
	assert_int_equal(sp_may(SP_MODEL_INIT, SP_CALL_YIELD), SP_DENIED);
}

static void runtime_direct_must_answer(void **state)
{
	(void)state;
	assert_int_equal(sp_may(SP_MODEL_DIRECT, SP_CALL_MSG_WAIT), SP_DENIED);
	assert_int_equal(sp_may(SP_MODEL_DIRECT, SP_CALL_DIRECT_REQ), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_DIRECT, SP_CALL_DIRECT_RESP), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_DIRECT, SP_CALL_RUN), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_DIRECT, SP_CALL_YIELD), SP_GO);
}

static void runtime_run_gives_back(void **state)
{
	(void)state;
	assert_int_equal(sp_may(SP_MODEL_RUN, SP_CALL_MSG_WAIT), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_RUN, SP_CALL_DIRECT_REQ), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_RUN, SP_CALL_DIRECT_RESP), SP_DENIED);
	assert_int_equal(sp_may(SP_MODEL_RUN, SP_CALL_RUN), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_RUN, SP_CALL_YIELD), SP_GO);
}

static void runtime_interrupt_does_not_yield(void **state)
{
	(void)state;
	assert_int_equal(sp_may(SP_MODEL_INTERRUPT, SP_CALL_MSG_WAIT), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_INTERRUPT, SP_CALL_DIRECT_REQ), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_INTERRUPT, SP_CALL_DIRECT_RESP), SP_DENIED);
	assert_int_equal(sp_may(SP_MODEL_INTERRUPT, SP_CALL_RUN), SP_GO);
	assert_int_equal(sp_may(SP_MODEL_INTERRUPT, SP_CALL_YIELD), SP_NO_EFFECT);
}

static void runtime_power_only_answers(void **state)
{
	(void)state;
	for (unsigned call = 0; call < SP_CALL_ERROR; call++) {
		assert_int_equal(sp_may(SP_MODEL_POWER, call), call == SP_CALL_DIRECT_RESP ? SP_GO : SP_DENIED);
	}
}

static void runtime_error_is_for_init_only(void **state)
{
	(void)state;
	for (unsigned model = 0; model < SP_MODEL_COUNT; model++) {
		assert_int_equal(sp_may(model, SP_CALL_ERROR), model == SP_MODEL_INIT ? SP_GO : SP_NOT_SUPPORTED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runtime_init_may_wait_request_and_fail),
		cmocka_unit_test(runtime_direct_must_answer),
		cmocka_unit_test(runtime_run_gives_back),
		cmocka_unit_test(runtime_interrupt_does_not_yield),
		cmocka_unit_test(runtime_power_only_answers),
		cmocka_unit_test(runtime_error_is_for_init_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
