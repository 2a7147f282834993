/* SPDX-License-Identifier: MIT */
/* Direct messages of guests (role/hyp/ffa/direct.c, sp_run.c): each call, what it answers, and what it leaves. */
#include "hyp_ffa/direct_world.h"

enum trap_result role_call(struct vcpu *v)
{
	return world_call(v);
}

/* ---- an SPMC that says what it is told to ---- */

static uint64_t spmc_answer[FFA_REGS], spmc_asked[FFA_REGS];
static unsigned spmc_calls;
/* What is asked first, and the answers to it; then it is as above. */
static struct {
	uint64_t asked[2], answer[3];
} spmc_script[4];
static unsigned spmc_script_at, spmc_script_end;
static void (*spmc_meanwhile)(void); /* while a partition runs, once */

static void spmc_by_script(uint64_t *x)
{
	unsigned at = spmc_script_at++;

	assert_int_equal(x[0], spmc_script[at].asked[0]);
	assert_int_equal(x[1], spmc_script[at].asked[1]);
	for (unsigned i = 0; i < FFA_REGS; i++) {
		bool given = x[0] != FFA_ERROR && (i < 8 || x[0] == FFA_MSG_SEND_DIRECT_RESP2_64);

		x[i] = i < 3 ? spmc_script[at].answer[i] : given ? 0xa000 + i : 0;
	}
}

void spmc_call(uint64_t *x)
{
	void (*meanwhile)(void) = spmc_meanwhile;

	spmc_calls++;
	spmc_meanwhile = NULL;
	if (meanwhile != NULL) {
		unsigned at = machine_at;

		meanwhile();
		machine_switch(at);
	}
	memcpy(spmc_asked, x, sizeof(spmc_asked));
	if (spmc_script_at < spmc_script_end) {
		spmc_by_script(x);
	} else {
		memcpy(x, spmc_answer, sizeof(spmc_answer));
	}
	/* A partition that is interrupted has run until then. */
	machine_now += x[0] == FFA_INTERRUPT ? HZ / 10000 : 0;
}

static void spmc_will_answer(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3)
{
	for (unsigned i = 4; i < FFA_REGS; i++) {
		spmc_answer[i] = x0 == FFA_ERROR ? 0 : 0xb000 + i;
	}
	spmc_answer[0] = x0;
	spmc_answer[1] = x1;
	spmc_answer[2] = x2;
	spmc_answer[3] = x3;
}

/* ---- guests that do nothing but what a test has them do ---- */

static void rest(struct vcpu *v)
{
	(void)v;
	machine_leave();
}

/* The first guest has two vCPUs, the others have one, each on the CPU that is said. */
static void make_on(unsigned a, unsigned a1, unsigned b, unsigned c)
{
	const unsigned vcpus[GUESTS] = { 2, 1, 1 };
	const unsigned on[GUESTS][GUEST_VCPUS] = { { a, a1 }, { b }, { c } };

	make_world(4, vcpus, on);
	machine_guest = rest;
	memset(spmc_asked, 0, sizeof(spmc_asked));
	spmc_calls = spmc_script_at = spmc_script_end = 0;
	pool_empty = false;
	for (unsigned i = 0; i < GUESTS; i++) {
		request_all(i, VCPU_REQ_START);
	}
	for (unsigned i = 0; i < 4; i++) {
		machine_step(i);
	}
}

/* Every vCPU has a CPU of its own. */
static void make(void)
{
	make_on(0, 1, 2, 3);
}

/* Its CPU does what is asked of it. */
static void step(struct vcpu *v)
{
	machine_step(v->cpu->index);
}

/* It is the one that runs on its CPU; the others there wait for an interrupt. */
static void let_run(struct vcpu *v)
{
	machine_switch(v->cpu->index);
	if (v->state == VCPU_WAITING) {
		vcpu_state_set(v, VCPU_READY);
	}
	while (v->state != VCPU_RUNNING) {
		vcpu_state_set(v->cpu->current, VCPU_WAITING);
		step(v);
	}
}

/* The running vCPU calls. Registers that are not given are garbage, to be kept. True: it is answered. */
static bool call(struct vcpu *v, uint64_t x0, uint64_t x1, uint64_t x2)
{
	enum trap_result result;

	assert_int_equal(v->state, VCPU_RUNNING);
	machine_switch(v->cpu->index);
	v->regs.x[0] = x0;
	v->regs.x[1] = x1;
	v->regs.x[2] = x2;
	for (unsigned i = 3; i < 31; i++) {
		v->regs.x[i] = x0 == FFA_MSG_WAIT || x0 == FFA_RUN || x0 == FFA_YIELD ? 0 : 0xfeed00000000 * i + i;
	}
	result = role_call(v);
	assert_int_equal(result == TRAP_LEAVE, v->state != VCPU_RUNNING);
	return result == TRAP_RESUME;
}

static void check_x(const struct vcpu *v, uint64_t x0, uint64_t x1, uint64_t x2)
{
	assert_int_equal(v->regs.x[0], x0);
	assert_int_equal(v->regs.x[1], x1);
	assert_int_equal(v->regs.x[2], x2);
}

static void check_error(const struct vcpu *v, enum ffa_code code)
{
	check_x(v, FFA_ERROR, 0, (uint32_t)code);
	for (unsigned i = 3; i < 8; i++) {
		assert_int_equal(v->regs.x[i], 0);
	}
}

#define CALL_FAILS(v, x0, x1, x2, code)           \
	do {                                      \
		assert_true(call(v, x0, x1, x2)); \
		check_error(v, code);             \
	} while (0)

static void listen(struct vcpu *v)
{
	assert_false(call(v, FFA_MSG_WAIT, 0, 0));
}

static uint32_t pair(const struct vcpu *from, const struct vcpu *to)
{
	return (ids_of(from) & 0xffff0000u) | ids_of(to) >> 16;
}

/* from waits for to, which has the request. */
static void send(struct vcpu *from, struct vcpu *to)
{
	assert_false(call(from, FFA_MSG_SEND_DIRECT_REQ, pair(from, to), 0));
	step(to);
	assert_int_equal(to->state, VCPU_RUNNING);
	assert_int_equal(to->regs.x[0], FFA_MSG_SEND_DIRECT_REQ);
}

#define A vcpu_of(0, 0)
#define A1 vcpu_of(0, 1)
#define B vcpu_of(1, 0)
#define C vcpu_of(2, 0)

/* ---- messages ---- */

static void a_request_and_its_answer(void **state)
{
	static const uint32_t forms[][2] = {
		{ FFA_MSG_SEND_DIRECT_REQ, FFA_MSG_SEND_DIRECT_RESP },
		{ FFA_MSG_SEND_DIRECT_REQ_64, FFA_MSG_SEND_DIRECT_RESP_64 },
		{ FFA_MSG_SEND_DIRECT_REQ, FFA_MSG_SEND_DIRECT_RESP_64 },
		{ FFA_MSG_SEND_DIRECT_REQ_64, FFA_MSG_SEND_DIRECT_RESP },
		{ FFA_MSG_SEND_DIRECT_REQ2_64, FFA_MSG_SEND_DIRECT_RESP2_64 },
	};

	(void)state;
	make();
	listen(B);
	for (unsigned f = 0; f < ARRAY_SIZE(forms); f++) {
		bool two = f == 4;
		uint64_t low = two ? UINT64_C(0x2200000011) : 0, garbage = 0xabc00000000;

		/* REQ: x2 is zero. REQ2: B's UUID. */
		for (unsigned turn = 0; turn < 2; turn++) {
			struct vcpu *from = turn == 0 ? A : B, *to = turn == 0 ? B : A;
			uint64_t id = forms[f][turn], mask = (id & FFA_64) != 0 ? UINT64_MAX : UINT32_MAX;
			uint64_t kept = to->regs.x[8], x3 = two && turn == 0 ? UINT64_C(0x100000033) : 0;

			assert_int_equal(from->state, VCPU_RUNNING);
			machine_switch(from->cpu->index);
			from->regs.x[0] = id;
			from->regs.x[1] = garbage | pair(from, to);
			from->regs.x[2] = turn == 0 ? low : 0;
			from->regs.x[3] = two ? x3 : 0x123400000003;
			for (unsigned i = 4; i < 18; i++) {
				from->regs.x[i] = 0xdead00000000 + i;
			}
			assert_int_equal(role_call(from), TRAP_LEAVE);
			assert_int_equal(from->state, VCPU_WAITING);
			step(to);
			check_x(to, id, pair(from, to), turn == 0 ? low : 0);
			assert_int_equal(to->regs.x[3], (two ? x3 : 0x123400000003) & mask);
			for (unsigned i = 4; i < 18; i++) {
				uint64_t sent = (0xdead00000000 + i) & mask;

				if (i < 8 || two) {
					assert_int_equal(to->regs.x[i], sent);
				}
			}
			if (!two) {
				assert_int_equal(to->regs.x[8], kept);
			}
		}
	}
}

static void what_is_no_request(void **state)
{
	uint32_t req = FFA_MSG_SEND_DIRECT_REQ, req2 = FFA_MSG_SEND_DIRECT_REQ2_64;
	struct ffa_endpoint *a = &world[0].g.endpoint, *b = &world[1].g.endpoint;

	(void)state;
	make();
	/* Nobody listens. */
	CALL_FAILS(A, req, pair(A, B), 0, FFA_BUSY);
	listen(B);
	CALL_FAILS(A, req, pair(A, B), 1, FFA_INVALID_PARAMETERS);
	/* Framework messages are the hypervisor's. */
	for (unsigned i = 0; i < 16; i++) {
		CALL_FAILS(A, req, pair(A, B), FFA_FRAMEWORK_MESSAGE | i, FFA_INVALID_PARAMETERS);
		CALL_FAILS(A, req, 0x10000 | SP_UP, FFA_FRAMEWORK_MESSAGE | i, FFA_INVALID_PARAMETERS);
	}
	/* Another's name, nobody, itself, the hypervisor, the SPMC, and a partition that is not there. */
	CALL_FAILS(A, req, pair(B, C), 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(A, req, 2, 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(A, req, 0x80010000 | 2, 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(A, req, 0x10000 | 4, 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(A, req, 0x10000 | 1, 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(A, req, 0x10000 | FFA_ID_NWD, 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(A, req, 0x10000 | FFA_ID_SPMC, 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(A, req, 0x10000 | 0x8003, 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(A, req, 0x10000 | FFA_ID_SPMD, 0, FFA_INVALID_PARAMETERS);
	/* A UUID that is not B's. */
	CALL_FAILS(A, req2, pair(A, B), 0x1234, FFA_INVALID_PARAMETERS);
	/* Who has not both, and who speaks 1.1. */
	a->properties &= ~(uint32_t)FFA_PROPERTY_DIRECT_SEND;
	CALL_FAILS(A, req, pair(A, B), 0, FFA_DENIED);
	CALL_FAILS(A, req, 0x10000 | SP_UP, 0, FFA_DENIED);
	a->properties |= FFA_PROPERTY_DIRECT_SEND;
	b->properties &= ~(uint32_t)(FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_DIRECT2_RECV);
	CALL_FAILS(A, req, pair(A, B), 0, FFA_DENIED);
	A->regs.x[3] = 0;
	b->properties |= FFA_PROPERTY_DIRECT_RECV | FFA_PROPERTY_DIRECT2_RECV;
	for (unsigned i = 0; i < 2; i++) {
		struct ffa_endpoint *e = i == 0 ? a : b;

		e->version = FFA_VERSION_1_1;
		machine_switch(A->cpu->index);
		memset(A->regs.x, 0, sizeof(A->regs.x));
		A->regs.x[0] = req2;
		A->regs.x[1] = pair(A, B);
		assert_int_equal(role_call(A), TRAP_RESUME);
		check_error(A, FFA_DENIED);
		e->version = FFA_VERSION_1_2;
	}
	/* None of it had an effect: B still listens, the SPMC has heard nothing, and all calls are free. */
	assert_int_equal(spmc_calls, 0);
	send(A, B);
	assert_int_equal(world[0].ffa_vcpus[1].direct.call.state, FFA_CALL_FREE);
}

static void what_is_no_answer(void **state)
{
	uint32_t resp = FFA_MSG_SEND_DIRECT_RESP, resp2 = FFA_MSG_SEND_DIRECT_RESP2_64;

	(void)state;
	make();
	CALL_FAILS(B, resp, pair(B, A), 0, FFA_DENIED);
	listen(B);
	send(A, B);
	CALL_FAILS(B, resp, pair(B, A), 1, FFA_INVALID_PARAMETERS);
	CALL_FAILS(B, resp, pair(A, B), 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(B, resp, pair(C, A), 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(B, resp, pair(B, B), 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(B, resp, pair(B, C), 0, FFA_DENIED);
	CALL_FAILS(B, resp, (ids_of(B) & 0xffff0000) | SP_UP, 0, FFA_DENIED);
	CALL_FAILS(B, resp, pair(B, A), FFA_FRAMEWORK_MESSAGE | FFA_FRAMEWORK_VM_CREATED_RESP, FFA_DENIED);
	CALL_FAILS(B, resp2, pair(B, A), 0, FFA_DENIED);
	CALL_FAILS(B, FFA_MSG_WAIT, 0, 0, FFA_DENIED);
	assert_int_equal(A->state, VCPU_WAITING);
	assert_false(call(B, resp, pair(B, A), 0));
	step(A);
	check_x(A, resp, pair(B, A), 0);
	/* It has been answered once. A REQ2 is answered by RESP2. */
	A->regs.x[3] = 0;
	machine_switch(A->cpu->index);
	memset(A->regs.x, 0, sizeof(A->regs.x));
	A->regs.x[0] = FFA_MSG_SEND_DIRECT_REQ2_64;
	A->regs.x[1] = pair(A, B);
	assert_int_equal(role_call(A), TRAP_LEAVE);
	step(B);
	CALL_FAILS(B, resp, pair(B, A), 0, FFA_DENIED);
	assert_false(call(B, resp2, pair(B, A), 0));
	step(A);
	check_x(A, resp2, pair(B, A), 0);
}

static void who_waits_for_whom(void **state)
{
	(void)state;
	make();
	/* B serves A, and C serves B. */
	listen(B);
	listen(C);
	send(A, B);
	CALL_FAILS(A1, FFA_MSG_SEND_DIRECT_REQ, pair(A, B), 0, FFA_BUSY);
	send(B, C);
	/* Back to A, whose one vCPU waits and whose other is not for messages; and to B. */
	CALL_FAILS(C, FFA_MSG_SEND_DIRECT_REQ, pair(C, A), 0, FFA_BUSY);
	CALL_FAILS(C, FFA_MSG_SEND_DIRECT_REQ, pair(C, B), 0, FFA_BUSY);
	/* If the other is, it serves. */
	listen(A1);
	send(C, A1);
	assert_false(call(A1, FFA_MSG_SEND_DIRECT_RESP, pair(A1, C), 0));
	step(C);
	check_x(C, FFA_MSG_SEND_DIRECT_RESP, pair(A1, C), 0);
	assert_false(call(C, FFA_MSG_SEND_DIRECT_RESP, pair(C, B), 0));
	step(B);
	check_x(B, FFA_MSG_SEND_DIRECT_RESP, pair(C, B), 0);
	assert_false(call(B, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0));
	step(A);
	check_x(A, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0);
}

/* ---- interrupts, and FFA_RUN ---- */

static void an_interrupt_ends_the_wait_and_run_goes_on(void **state)
{
	(void)state;
	make();
	listen(B);
	send(A, B);
	interrupt(A);
	step(A);
	check_x(A, FFA_INTERRUPT, ids_of(B), 0);
	/* While it has not been served, the wait ends at once. */
	assert_true(call(A, FFA_RUN, ids_of(B), 0));
	check_x(A, FFA_INTERRUPT, ids_of(B), 0);
	world_vcpu(A)->pending = false;
	/* Not by others, and not of others. */
	CALL_FAILS(C, FFA_RUN, ids_of(B), 0, FFA_DENIED);
	CALL_FAILS(A, FFA_RUN, ids_of(C), 0, FFA_DENIED);
	CALL_FAILS(A, FFA_RUN, ids_of(A1), 0, FFA_DENIED);
	CALL_FAILS(A, FFA_RUN, ids_of(B) + 1, 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(A, FFA_RUN, 0x40000, 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(A, FFA_RUN, 0, 0, FFA_INVALID_PARAMETERS);
	CALL_FAILS(A, FFA_RUN, (uint32_t)FFA_ID_SPMC << 16, 0, FFA_INVALID_PARAMETERS);
	/* Its other vCPU may, but not both. */
	assert_false(call(A1, FFA_RUN, ids_of(B), 0));
	CALL_FAILS(A, FFA_RUN, ids_of(B), 0, FFA_BUSY);
	assert_false(call(B, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0));
	step(A1);
	check_x(A1, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0);
	CALL_FAILS(A, FFA_RUN, ids_of(B), 0, FFA_DENIED);
}

static void the_answer_waits_for_who_was_interrupted(void **state)
{
	(void)state;
	make();
	listen(B);
	send(A, B);
	interrupt(A);
	step(A);
	assert_false(call(B, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0));
	/* B serves others meanwhile, but not A, which could not tell the calls apart. */
	CALL_FAILS(A1, FFA_MSG_SEND_DIRECT_REQ, pair(A, B), 0, FFA_BUSY);
	send(C, B);
	assert_false(call(B, FFA_MSG_SEND_DIRECT_RESP, pair(B, C), 0));
	/* With an interrupt still pending, there is the answer. */
	assert_true(call(A, FFA_RUN, ids_of(B), 0));
	check_x(A, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0);
	step(C);
	check_x(C, FFA_MSG_SEND_DIRECT_RESP, pair(B, C), 0);
}

static void a_listener_is_interrupted(void **state)
{
	(void)state;
	make();
	listen(B);
	interrupt(B);
	step(B);
	check_x(B, FFA_INTERRUPT, 0, 0);
	CALL_FAILS(A, FFA_MSG_SEND_DIRECT_REQ, pair(A, B), 0, FFA_BUSY);
	/* At once, as long as it is pending. */
	assert_true(call(B, FFA_MSG_WAIT, 0, 0));
	check_x(B, FFA_INTERRUPT, 0, 0);
	world_vcpu(B)->pending = false;
	listen(B);
	/* A request and an interrupt together: the request, for the interrupt comes anyway. */
	assert_false(call(A, FFA_MSG_SEND_DIRECT_REQ, pair(A, B), 0));
	interrupt(B);
	step(B);
	check_x(B, FFA_MSG_SEND_DIRECT_REQ, pair(A, B), 0);
	/* Who answers with an interrupt pending has answered. */
	assert_true(call(B, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0));
	check_x(B, FFA_INTERRUPT, 0, 0);
	step(A);
	check_x(A, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0);
}

static void waiting_takes_no_arguments(void **state)
{
	(void)state;
	make();
	for (unsigned i = 1; i < 8; i++) {
		machine_switch(B->cpu->index);
		memset(B->regs.x, 0, sizeof(B->regs.x));
		B->regs.x[0] = FFA_MSG_WAIT;
		B->regs.x[i] = i == 2 ? 2 : 1;
		assert_int_equal(role_call(B), TRAP_RESUME);
		check_error(B, FFA_INVALID_PARAMETERS);
	}
	world[1].g.endpoint.version = FFA_VERSION_1_1;
	CALL_FAILS(B, FFA_MSG_WAIT, 0, FFA_MSG_WAIT_RETAIN_RX, FFA_INVALID_PARAMETERS);
	world[1].g.endpoint.version = FFA_VERSION_1_2;
	assert_false(call(B, FFA_MSG_WAIT, 0, FFA_MSG_WAIT_RETAIN_RX));
	for (unsigned i = 4; i < 8; i++) {
		machine_switch(A->cpu->index);
		memset(A->regs.x, 0, sizeof(A->regs.x));
		A->regs.x[0] = FFA_YIELD;
		A->regs.x[i] = 1;
		assert_int_equal(role_call(A), TRAP_RESUME);
		check_error(A, FFA_INVALID_PARAMETERS);
	}
}

static void the_wait_releases_the_buffer(void **state)
{
	(void)state;
	make();
	releases = 0;
	assert_false(call(B, FFA_MSG_WAIT, 0, FFA_MSG_WAIT_RETAIN_RX));
	interrupt(B);
	step(B);
	world_vcpu(B)->pending = false;
	CALL_FAILS(B, FFA_MSG_WAIT, 1, 0, FFA_INVALID_PARAMETERS);
	assert_int_equal(releases, 0);
	assert_false(call(B, FFA_MSG_WAIT, 0, 0));
	assert_int_equal(releases, 1);
}

/* ---- FFA_YIELD ---- */

static void a_callee_yields(void **state)
{
	(void)state;
	make();
	listen(B);
	send(A, B);
	assert_false(call(B, FFA_YIELD, 0, 1000));
	step(A);
	check_x(A, FFA_YIELD, ids_of(B), 1000);
	step(B);
	assert_int_equal(B->state, VCPU_WAITING);
	CALL_FAILS(C, FFA_RUN, ids_of(B), 0, FFA_DENIED);
	assert_false(call(A, FFA_RUN, ids_of(B), 0));
	step(B);
	check_x(B, FFA_SUCCESS, 0, 0);
	/* The sender does not run it: an interrupt of its own lets it go on. */
	assert_false(call(B, FFA_YIELD, 0, 0));
	step(A);
	check_x(A, FFA_YIELD, ids_of(B), 0);
	interrupt(B);
	step(B);
	check_x(B, FFA_SUCCESS, 0, 0);
	assert_true(call(B, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0));
	assert_true(call(A, FFA_RUN, ids_of(B), 0));
	check_x(A, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0);
}

/* Others may run now, and then it goes on. */
static void yield_turn(struct vcpu *v)
{
	machine_switch(v->cpu->index);
	memset(v->regs.x, 0, sizeof(v->regs.x));
	v->regs.x[0] = FFA_YIELD;
	v->cpu->reschedule = false;
	assert_int_equal(role_call(v), TRAP_LEAVE);
	check_x(v, FFA_SUCCESS, 0, 0);
	assert_int_equal(v->state, VCPU_RUNNING);
	assert_true(v->cpu->reschedule);
}

static void who_serves_nobody_yields_his_turn(void **state)
{
	(void)state;
	make();
	yield_turn(A);
}

/* ---- ends ---- */

static void stop(unsigned guest)
{
	request_all(guest, VCPU_REQ_STOP);
	for (unsigned i = 0; i < world[guest].vm.vm.vcpu_count; i++) {
		step(vcpu_of(guest, i));
	}
	assert_int_equal(world[guest].stopped, world[guest].vm.vm.vcpu_count);
}

static void end(unsigned guest)
{
	stop(guest);
	ffa_direct_reset(&world[guest].g);
}

static void start(unsigned guest)
{
	request_all(guest, VCPU_REQ_START);
	for (unsigned i = 0; i < world[guest].vm.vm.vcpu_count; i++) {
		step(vcpu_of(guest, i));
	}
}

static void the_receiver_ends(void **state)
{
	(void)state;
	/* While it serves; when it has the request and does not know; when it has yielded; and when nobody waits. */
	for (unsigned when = 0; when < 4; when++) {
		make();
		listen(B);
		assert_false(call(A, FFA_MSG_SEND_DIRECT_REQ, pair(A, B), 0));
		if (when == 0 || when == 2) {
			step(B);
		}
		if (when == 2) {
			assert_false(call(B, FFA_YIELD, 0, 0));
		}
		if (when == 3) {
			interrupt(A);
			step(A);
			world_vcpu(A)->pending = false;
			check_x(A, FFA_INTERRUPT, ids_of(B), 0);
		}
		stop(1);
		if (when == 3) {
			assert_false(call(A, FFA_RUN, ids_of(B), 0));
		}
		ffa_direct_reset(&world[1].g);
		step(A);
		check_error(A, FFA_ABORTED);
		CALL_FAILS(A, FFA_RUN, ids_of(B), 0, FFA_DENIED);
		CALL_FAILS(A, FFA_MSG_SEND_DIRECT_REQ, pair(A, B), 0, FFA_BUSY);
		start(1);
		CALL_FAILS(B, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0, FFA_DENIED);
		listen(B);
		send(A, B);
	}
}

static void the_sender_ends(void **state)
{
	(void)state;
	for (unsigned when = 0; when < 5; when++) {
		make();
		listen(B);
		assert_false(call(A, FFA_MSG_SEND_DIRECT_REQ, pair(A, B), 0));
		if (when != 1) {
			step(B);
		}
		if (when == 2) {
			assert_false(call(B, FFA_YIELD, 0, 0));
		}
		if (when == 3) {
			assert_false(call(B, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0));
		}
		end(0);
		start(0);
		step(B);
		if (when == 1 || when == 3) {
			/* It never heard of it, or is done with it. */
			assert_int_equal(B->state, VCPU_WAITING);
		} else {
			assert_int_equal(B->state, VCPU_RUNNING);
			if (when == 2) {
				check_x(B, FFA_SUCCESS, 0, 0);
			}
			if (when == 4) {
				/* To yield for nobody is not to wait for him. */
				yield_turn(B);
			}
			/* The answer is taken, and for nobody. */
			assert_false(call(B, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0));
		}
		CALL_FAILS(A, FFA_RUN, ids_of(B), 0, FFA_DENIED);
		send(A, B);
	}
}

static void a_vcpu_ends(void **state)
{
	(void)state;
	for (unsigned anew = 0; anew < 2; anew++) {
		make();
		listen(B);
		send(A, B);
		reads_no_more = NULL;
		if (anew != 0) {
			vcpu_request(B, VCPU_REQ_START);
			step(B);
		} else {
			machine_switch(B->cpu->index);
			ffa_direct_forget(B);
			vcpu_state_set(B, VCPU_OFF);
		}
		assert_ptr_equal(reads_no_more, B);
		step(A);
		check_error(A, FFA_ABORTED);
	}
	/* A sender's vCPU that is gone leaves the call to the others. */
	make();
	listen(B);
	send(A, B);
	interrupt(A);
	step(A);
	machine_switch(A->cpu->index);
	ffa_direct_forget(A);
	vcpu_state_set(A, VCPU_OFF);
	assert_false(call(B, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0));
	assert_true(call(A1, FFA_RUN, ids_of(B), 0));
	check_x(A1, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0);
}

static void who_is_paused_hears_later(void **state)
{
	(void)state;
	make();
	listen(B);
	request_all(1, VCPU_REQ_PAUSE);
	step(B);
	assert_int_equal(B->state, VCPU_PAUSED);
	/* A guest that stands still keeps who calls it waiting, as any wait. */
	assert_false(call(A, FFA_MSG_SEND_DIRECT_REQ, pair(A, B), 0));
	step(B);
	assert_int_equal(B->state, VCPU_PAUSED);
	request_all(0, VCPU_REQ_PAUSE);
	step(A);
	request_all(1, VCPU_REQ_RESUME);
	step(B);
	check_x(B, FFA_MSG_SEND_DIRECT_REQ, pair(A, B), 0);
	assert_false(call(B, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0));
	step(A);
	assert_int_equal(A->state, VCPU_PAUSED);
	request_all(0, VCPU_REQ_RESUME);
	step(A);
	check_x(A, FFA_MSG_SEND_DIRECT_RESP, pair(B, A), 0);
	/* Paused with nothing to hear: as if an interrupt had come. */
	assert_false(call(A, FFA_MSG_SEND_DIRECT_REQ, pair(A, B), 0));
	request_all(0, VCPU_REQ_PAUSE);
	step(A);
	request_all(0, VCPU_REQ_RESUME);
	step(A);
	check_x(A, FFA_INTERRUPT, ids_of(B), 0);
}

/* ---- partitions of the SPMC ---- */

static void an_sp_answers_at_once(void **state)
{
	(void)state;
	make();
	spmc_will_answer(FFA_MSG_SEND_DIRECT_RESP, 0x80010001, 0, 0x777);
	assert_true(call(A, FFA_MSG_SEND_DIRECT_REQ, 0xabc00000000 | 0x10000 | SP_UP, 0));
	/* What SMC32 defines went down, and what the answer defines came back. */
	assert_int_equal(spmc_asked[1], 0x10000 | SP_UP);
	assert_int_equal(spmc_asked[3], lo32(0xfeed00000000 * 3 + 3));
	assert_int_equal(spmc_asked[7], lo32(0xfeed00000000 * 7 + 7));
	for (unsigned i = 8; i < FFA_REGS; i++) {
		assert_int_equal(spmc_asked[i], 0);
		assert_int_equal(A->regs.x[i], 0xfeed00000000 * i + i);
	}
	check_x(A, FFA_MSG_SEND_DIRECT_RESP, 0x80010001, 0);
	assert_int_equal(A->regs.x[3], 0x777);
	spmc_will_answer(FFA_MSG_SEND_DIRECT_RESP2_64, 0x80010001, 0, 0);
	assert_true(call(A, FFA_MSG_SEND_DIRECT_REQ2_64, 0x10000 | SP_UP, 5));
	for (unsigned i = 4; i < FFA_REGS; i++) {
		assert_int_equal(spmc_asked[i], 0xfeed00000000 * i + i);
		assert_int_equal(A->regs.x[i], 0xb000 + i);
	}
	spmc_will_answer(FFA_ERROR, 0, (uint32_t)FFA_BUSY, 0);
	assert_true(call(A, FFA_MSG_SEND_DIRECT_REQ_64, 0x10000 | SP_MP, 0));
	check_x(A, FFA_ERROR, 0, (uint32_t)FFA_BUSY);
	/* Nobody was left. */
	spmc_calls = 0;
	CALL_FAILS(A, FFA_RUN, (uint32_t)SP_UP << 16, 0, FFA_DENIED);
	assert_int_equal(spmc_calls, 0);
}

#define UP_IDS ((uint32_t)SP_UP << 16)
#define MP_IDS ((uint32_t)SP_MP << 16) /* of CPU 0 */

/* The guest's vCPU calls a partition that answers so. */
#define CALL_SP(v, sp, y0, y1, y2)                                                                 \
	do {                                                                                       \
		spmc_will_answer(y0, y1, y2, 0);                                                   \
		assert_true(call(v, FFA_MSG_SEND_DIRECT_REQ, (ids_of(v) & 0xffff0000) | (sp), 0)); \
		check_x(v, y0, y1, y2);                                                            \
	} while (0)

/* As if it had been interrupted. */
static void check_again(struct vcpu *v, uint32_t ids)
{
	assert_int_equal(v->regs.x[0], FFA_INTERRUPT);
	assert_int_equal(v->regs.x[1], ids);
	for (unsigned i = 2; i < 8; i++) {
		assert_int_equal(v->regs.x[i], 0);
	}
}

static void an_sp_that_was_left_is_its_callers(void **state)
{
	static const uint32_t left[] = { FFA_INTERRUPT, FFA_YIELD };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(left); i++) {
		make();
		CALL_SP(A, SP_UP, left[i], UP_IDS, 3);
		spmc_calls = 0;
		CALL_FAILS(B, FFA_RUN, UP_IDS, 0, FFA_DENIED);
		CALL_FAILS(A, FFA_RUN, MP_IDS, 0, FFA_DENIED);
		CALL_FAILS(A, FFA_RUN, (uint32_t)SP_MP << 16 | 4, 0, FFA_INVALID_PARAMETERS);
		CALL_FAILS(A, FFA_RUN, UP_IDS | 1, 0, FFA_INVALID_PARAMETERS);
		/* Nor can its VM call it once more. */
		CALL_FAILS(A, FFA_MSG_SEND_DIRECT_REQ, 0x10000 | SP_UP, 0, FFA_BUSY);
		CALL_FAILS(A1, FFA_MSG_SEND_DIRECT_REQ, 0x10000 | SP_UP, 0, FFA_BUSY);
		assert_int_equal(spmc_calls, 0);
		/* On and on, by any vCPU, and when it could not be run this time. */
		assert_true(call(A1, FFA_RUN, UP_IDS, 0));
		check_x(A1, left[i], UP_IDS, 3);
		assert_int_equal(spmc_asked[0], FFA_RUN);
		assert_int_equal(spmc_asked[1], UP_IDS);
		spmc_will_answer(FFA_ERROR, 0, (uint32_t)FFA_BUSY, 0);
		assert_true(call(A, FFA_RUN, UP_IDS, 0));
		check_again(A, UP_IDS);
		/* On CPU 0 it may be that it cannot come there. */
		spmc_will_answer(FFA_ERROR, 0, (uint32_t)FFA_DENIED, 0);
		assert_true(call(A, FFA_RUN, UP_IDS, 0));
		check_again(A, UP_IDS);
		spmc_will_answer(FFA_MSG_SEND_DIRECT_RESP2_64, 0x80010001, 0, 0);
		assert_true(call(A, FFA_RUN, UP_IDS, 0));
		check_x(A, FFA_MSG_SEND_DIRECT_RESP2_64, 0x80010001, 0);
		assert_int_equal(A->regs.x[17], 0xb000 + 17);
		CALL_FAILS(A, FFA_RUN, UP_IDS, 0, FFA_DENIED);
	}
	/* One with a vCPU for each CPU is left on one of them. */
	make();
	CALL_SP(A, SP_MP, FFA_INTERRUPT, MP_IDS, 0);
	CALL_SP(A1, SP_MP, FFA_INTERRUPT, MP_IDS | 1, 0);
	CALL_FAILS(A, FFA_RUN, MP_IDS | 1, 0, FFA_DENIED);
	CALL_FAILS(A1, FFA_RUN, MP_IDS, 0, FFA_DENIED);
	CALL_SP(A, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
	/* One that died, or that the SPMC does not know any more, is nobody's. */
	for (unsigned i = 0; i < 2; i++) {
		enum ffa_code code = i == 0 ? FFA_ABORTED : FFA_INVALID_PARAMETERS;

		spmc_will_answer(FFA_ERROR, 0, (uint32_t)code, 0);
		CALL_FAILS(A, FFA_RUN, i == 0 ? UP_IDS : MP_IDS, 0, code);
		CALL_FAILS(A, FFA_RUN, i == 0 ? UP_IDS : MP_IDS, 0, FFA_DENIED);
	}
}

static void what_a_guest_left_runs_to_its_end(void **state)
{
	uint32_t ids = MP_IDS;

	(void)state;
	make();
	spmc_will_answer(FFA_INTERRUPT, ids, 0, 0);
	assert_true(call(A, FFA_MSG_SEND_DIRECT_REQ, 0x10000 | SP_MP, 0));
	spmc_calls = 0;
	end(0);
	start(0);
	/* The guest's next life has nothing to do with it, nor anybody else. */
	CALL_FAILS(A, FFA_RUN, ids, 0, FFA_DENIED);
	CALL_FAILS(B, FFA_RUN, ids, 0, FFA_DENIED);
	for (unsigned i = 0; i < 10; i++) {
		machine_now += HZ / 100;
		machine_step(0);
	}
	assert_true(spmc_calls >= 5);
	assert_int_equal(spmc_asked[0], FFA_RUN);
	assert_int_equal(spmc_asked[1], ids);
	spmc_will_answer(FFA_MSG_SEND_DIRECT_RESP, 0x80020001, 0, 0);
	machine_now += HZ / 100;
	machine_step(0);
	spmc_calls = 0;
	machine_now += HZ;
	machine_step(0);
	assert_int_equal(spmc_calls, 0);
}

/* We may start one that waits, and run on what is ours; nobody else may. */
static void our_own_runs(void **state)
{
	uint64_t x[FFA_REGS];

	(void)state;
	make();
	machine_switch(0);
	spmc_will_answer(FFA_INTERRUPT, UP_IDS, 0, 0);
	sp_run_alone(UP_IDS, x);
	assert_int_equal(x[0], FFA_INTERRUPT);
	CALL_FAILS(A, FFA_RUN, UP_IDS, 0, FFA_DENIED);
	spmc_will_answer(FFA_MSG_WAIT, 0, 0, 0);
	sp_run_alone(UP_IDS, x);
	assert_int_equal(x[0], FFA_MSG_WAIT);
}

/* ---- partitions that were left, and are wanted ---- */

/* The SPMC is asked that next, and answers so. */
static void expect(uint64_t x0, uint64_t x1, uint64_t y0, uint64_t y1, uint64_t y2)
{
	if (spmc_script_at == spmc_script_end) {
		spmc_script_at = spmc_script_end = 0;
	}
	spmc_script[spmc_script_end].asked[0] = x0;
	spmc_script[spmc_script_end].asked[1] = x1;
	spmc_script[spmc_script_end].answer[0] = y0;
	spmc_script[spmc_script_end].answer[1] = y1;
	spmc_script[spmc_script_end].answer[2] = y2;
	spmc_script_end++;
}

static void all_was_asked(void)
{
	assert_int_equal(spmc_script_at, spmc_script_end);
}

#define REQ FFA_MSG_SEND_DIRECT_REQ
#define RESP FFA_MSG_SEND_DIRECT_RESP

/* C calls a partition that A has left, and gets its answer at once. */
static void who_leaves_a_partition_keeps_it_from_nobody(void **state)
{
	uint32_t answers[] = { RESP, FFA_MSG_SEND_DIRECT_RESP2_64, FFA_ERROR };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(answers); i++) {
		unsigned objects;
		uint64_t code = i == 2 ? (uint32_t)FFA_ABORTED : 0;

		make();
		objects = pool_objects;
		CALL_SP(A, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
		expect(FFA_RUN, UP_IDS, answers[i], 0x80010001, code);
		expect(REQ, 0x30000 | SP_UP, RESP, 0x80010003, 0);
		assert_true(call(C, REQ, 0x30000 | SP_UP, 0));
		all_was_asked();
		check_x(C, RESP, 0x80010003, 0);
		/* A's answer is A's, and is taken before A calls it again. */
		spmc_calls = 0;
		CALL_FAILS(A, REQ, 0x10000 | SP_UP, 0, FFA_BUSY);
		CALL_FAILS(A1, REQ, 0x10000 | SP_UP, 0, FFA_BUSY);
		CALL_FAILS(C, FFA_RUN, UP_IDS, 0, FFA_DENIED);
		assert_true(call(A1, FFA_RUN, UP_IDS, 0));
		check_x(A1, answers[i], 0x80010001, code);
		assert_int_equal(A1->regs.x[7], i == 2 ? 0 : 0xa007);
		assert_int_equal(A1->regs.x[17], i == 1 ? 0xa011 : 0);
		CALL_FAILS(A, FFA_RUN, UP_IDS, 0, FFA_DENIED);
		assert_int_equal(spmc_calls, 0);
		CALL_SP(A, SP_UP, RESP, 0x80010001, 0);
		assert_int_equal(pool_objects, objects);
	}
}

/* It comes back before it is done: C's call has not begun, and each try gets on with A's. */
static void each_try_gets_on_with_it(void **state)
{
	(void)state;
	make();
	CALL_SP(A, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
	for (unsigned i = 0; i < 3; i++) {
		expect(FFA_RUN, UP_IDS, i == 1 ? FFA_YIELD : FFA_INTERRUPT, UP_IDS, 0);
		CALL_FAILS(C, REQ, 0x30000 | SP_UP, 0, FFA_BUSY);
		all_was_asked();
	}
	/* It is still A's to run. */
	expect(FFA_RUN, UP_IDS, FFA_INTERRUPT, UP_IDS, 0);
	assert_true(call(A, FFA_RUN, UP_IDS, 0));
	/* The SPMC does not let it. */
	expect(FFA_RUN, UP_IDS, FFA_ERROR, 0, (uint32_t)FFA_BUSY);
	CALL_FAILS(B, REQ, 0x20000 | SP_UP, 0, FFA_BUSY);
	/* There is no memory for the answer. */
	pool_empty = true;
	spmc_calls = 0;
	CALL_FAILS(B, REQ, 0x20000 | SP_UP, 0, FFA_BUSY);
	assert_int_equal(spmc_calls, 0);
	pool_empty = false;
	/* Two leave it, one after the other, and both have their answers. */
	expect(FFA_RUN, UP_IDS, RESP, 0x80010001, 0);
	expect(REQ, 0x30000 | SP_UP, FFA_INTERRUPT, UP_IDS, 0);
	assert_true(call(C, REQ, 0x30000 | SP_UP, 0));
	expect(FFA_RUN, UP_IDS, RESP, 0x80010003, 0);
	expect(REQ, 0x20000 | SP_UP, RESP, 0x80010002, 0);
	assert_true(call(B, REQ, 0x20000 | SP_UP, 0));
	assert_true(call(A, FFA_RUN, UP_IDS, 0));
	check_x(A, RESP, 0x80010001, 0);
	assert_true(call(C, FFA_RUN, UP_IDS, 0));
	check_x(C, RESP, 0x80010003, 0);
	all_was_asked();
}

/* A left one that waits for another, which is busy for that reason. */
static void a_chain_that_was_left(void **state)
{
	(void)state;
	make_on(0, 1, 2, 0);
	let_run(A);
	CALL_SP(A, SP_MP, FFA_INTERRUPT, MP_IDS, 0);
	let_run(C);
	expect(REQ, 0x30000 | SP_UP, FFA_ERROR, 0, (uint32_t)FFA_BUSY);
	expect(FFA_RUN, MP_IDS, FFA_INTERRUPT, MP_IDS, 0);
	CALL_FAILS(C, REQ, 0x30000 | SP_UP, 0, FFA_BUSY);
	expect(REQ, 0x30000 | SP_UP, FFA_ERROR, 0, (uint32_t)FFA_BUSY);
	expect(FFA_RUN, MP_IDS, RESP, 0x80020001, 0);
	expect(REQ, 0x30000 | SP_UP, RESP, 0x80010003, 0);
	assert_true(call(C, REQ, 0x30000 | SP_UP, 0));
	check_x(C, RESP, 0x80010003, 0);
	all_was_asked();
	/* Nobody is left. */
	expect(REQ, 0x30000 | SP_UP, FFA_ERROR, 0, (uint32_t)FFA_BUSY);
	CALL_FAILS(C, REQ, 0x30000 | SP_UP, 0, FFA_BUSY);
	all_was_asked();
}

/* The one that holds it was left on another CPU, which lets it run on. */
static void a_chain_that_was_left_elsewhere(void **state)
{
	(void)state;
	make();
	CALL_SP(A1, SP_MP, FFA_INTERRUPT, MP_IDS | 1, 0);
	expect(REQ, 0x30000 | SP_UP, FFA_ERROR, 0, (uint32_t)FFA_BUSY);
	CALL_FAILS(C, REQ, 0x30000 | SP_UP, 0, FFA_BUSY);
	all_was_asked();
	expect(FFA_RUN, MP_IDS | 1, RESP, 0x80020001, 0);
	expect(FFA_RUN, MP_IDS | 1, FFA_MSG_WAIT, 0, 0);
	machine_now += HZ / 100;
	step(A1);
	all_was_asked();
	CALL_SP(C, SP_UP, RESP, 0x80010003, 0);
	assert_true(call(A1, FFA_RUN, MP_IDS | 1, 0));
	check_x(A1, RESP, 0x80020001, 0);
	/* One that goes from CPU to CPU may not be able to come. */
	CALL_SP(A, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
	expect(FFA_RUN, UP_IDS, FFA_ERROR, 0, (uint32_t)FFA_DENIED);
	CALL_FAILS(C, REQ, 0x30000 | SP_UP, 0, FFA_BUSY);
	expect(FFA_RUN, UP_IDS, RESP, 0x80010001, 0);
	expect(FFA_RUN, UP_IDS, FFA_MSG_WAIT, 0, 0);
	machine_now += HZ / 100;
	step(A);
	all_was_asked();
	CALL_SP(C, SP_UP, RESP, 0x80010003, 0);
	assert_true(call(A, FFA_RUN, UP_IDS, 0));
	check_x(A, RESP, 0x80010001, 0);
}

/* Another partition called it, left it interrupted, and has answered: the SPMC has it run for us alone. */
static void who_was_left_by_a_partition(void **state)
{
	(void)state;
	make();
	expect(REQ, 0x30000 | SP_MP, FFA_ERROR, 0, (uint32_t)FFA_BUSY);
	CALL_FAILS(C, REQ, 0x30000 | SP_MP, 0, FFA_BUSY);
	all_was_asked();
	expect(FFA_RUN, MP_IDS | 3, FFA_ERROR, 0, (uint32_t)FFA_BUSY);
	step(C);
	all_was_asked();
	expect(FFA_RUN, MP_IDS | 3, FFA_INTERRUPT, MP_IDS | 3, 0);
	expect(FFA_RUN, MP_IDS | 3, FFA_MSG_WAIT, 0, 0);
	machine_now += HZ / 100;
	step(C);
	all_was_asked();
	CALL_SP(C, SP_MP, RESP, 0x80020003, 0);
	spmc_calls = 0;
	machine_now += HZ / 100;
	step(C);
	assert_int_equal(spmc_calls, 0);
}

/* What an ended guest left is moved to another CPU by somebody who wants it: it is that CPU that lets it run on. */
static void who_is_nobodys_is_moved(void **state)
{
	(void)state;
	make();
	CALL_SP(A, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
	end(0);
	expect(FFA_RUN, UP_IDS, FFA_INTERRUPT, UP_IDS, 0);
	CALL_FAILS(C, REQ, 0x30000 | SP_UP, 0, FFA_BUSY);
	all_was_asked();
	expect(FFA_RUN, UP_IDS, FFA_ERROR, 0, (uint32_t)FFA_DENIED);
	machine_step(0);
	all_was_asked();
	expect(FFA_RUN, UP_IDS, RESP, 0x80010001, 0);
	step(C);
	all_was_asked();
	CALL_SP(C, SP_UP, RESP, 0x80010003, 0);
}

/* Its owner cannot let it run on where he is: the CPU where it was left does it for him. */
static void who_cannot_come_is_run_elsewhere(void **state)
{
	(void)state;
	make();
	CALL_SP(A1, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
	expect(FFA_RUN, UP_IDS, FFA_ERROR, 0, (uint32_t)FFA_DENIED);
	assert_true(call(A, FFA_RUN, UP_IDS, 0));
	check_again(A, UP_IDS);
	expect(FFA_RUN, UP_IDS, RESP, 0x80010001, 0);
	expect(FFA_RUN, UP_IDS, FFA_MSG_WAIT, 0, 0);
	machine_now += HZ / 100;
	step(A1);
	all_was_asked();
	assert_true(call(A, FFA_RUN, UP_IDS, 0));
	check_x(A, RESP, 0x80010001, 0);
}

static void run_by_a(void)
{
	assert_true(call(A, FFA_RUN, UP_IDS, 0));
	check_x(A, FFA_INTERRUPT, UP_IDS, 0);
	CALL_FAILS(A, REQ, 0x10000 | SP_UP, 0, FFA_BUSY);
}

/* While it runs on for A on another CPU, A finds it interrupted, and no error. */
static void the_owner_comes_meanwhile(void **state)
{
	(void)state;
	make();
	CALL_SP(A, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
	expect(FFA_RUN, UP_IDS, RESP, 0x80010001, 0);
	expect(REQ, 0x30000 | SP_UP, RESP, 0x80010003, 0);
	spmc_meanwhile = run_by_a;
	assert_true(call(C, REQ, 0x30000 | SP_UP, 0));
	check_x(C, RESP, 0x80010003, 0);
	assert_true(call(A, FFA_RUN, UP_IDS, 0));
	check_x(A, RESP, 0x80010001, 0);
}

static void end_of_a(void)
{
	sp_run_drop(1);
}

/* The owner ends: before, while it runs on for him, and with an answer kept. */
static void the_owner_ends(void **state)
{
	unsigned objects;

	(void)state;
	for (unsigned answered = 0; answered < 2; answered++) {
		make();
		objects = pool_objects;
		CALL_SP(A, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
		expect(FFA_RUN, UP_IDS, answered ? RESP : FFA_INTERRUPT, answered ? 0x80010001 : UP_IDS, 0);
		if (answered) {
			expect(REQ, 0x30000 | SP_UP, RESP, 0x80010003, 0);
		}
		spmc_meanwhile = end_of_a;
		assert_true(call(C, REQ, 0x30000 | SP_UP, 0));
		assert_int_equal(C->regs.x[0], answered ? RESP : FFA_ERROR);
		assert_int_equal(pool_objects, objects);
		CALL_FAILS(A, FFA_RUN, UP_IDS, 0, FFA_DENIED);
		/* What it left is run on by C's CPU. */
		spmc_calls = 0;
		spmc_will_answer(RESP, 0x80010001, 0, 0);
		machine_now += HZ / 100;
		step(C);
		assert_int_equal(spmc_calls, !answered);
	}
	make();
	objects = pool_objects;
	CALL_SP(A, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
	spmc_will_answer(RESP, 0x80010003, 0, 0);
	assert_true(call(C, REQ, 0x30000 | SP_UP, 0));
	assert_int_equal(pool_objects, objects + 1);
	end(0);
	start(0);
	assert_int_equal(pool_objects, objects);
	CALL_FAILS(A, FFA_RUN, UP_IDS, 0, FFA_DENIED);
	CALL_SP(A, SP_UP, RESP, 0x80010001, 0);
}

/* The SPMC names another one as left than who was called, for an owner that has ended meanwhile: that is nobody's. */
static void another_is_left_for_who_ends(void **state)
{
	(void)state;
	make();
	CALL_SP(A, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
	expect(FFA_RUN, UP_IDS, FFA_INTERRUPT, MP_IDS | 3, 0);
	expect(REQ, 0x30000 | SP_UP, FFA_ERROR, 0, (uint32_t)FFA_BUSY);
	expect(FFA_RUN, MP_IDS | 3, FFA_INTERRUPT, MP_IDS | 3, 0);
	spmc_meanwhile = end_of_a;
	CALL_FAILS(C, REQ, 0x30000 | SP_UP, 0, FFA_BUSY);
	all_was_asked();
	expect(FFA_RUN, MP_IDS | 3, RESP, 0x80020001, 0);
	expect(FFA_RUN, UP_IDS, FFA_ERROR, 0, (uint32_t)FFA_DENIED);
	machine_now += HZ / 100;
	step(C);
	all_was_asked();
	CALL_SP(C, SP_MP, RESP, 0x80020003, 0);
}

/* The time is A's, on the CPU where it was spent; when A has used what it may, C waits as anybody would. */
static void who_left_it_pays(void **state)
{
	struct cpu_share *a, *c;
	uint64_t used;

	(void)state;
	make_on(0, 1, 3, 3);
	let_run(C);
	a = &world[0].shares[3];
	c = &world[2].shares[3];
	CALL_SP(A, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
	CALL_FAILS(C, REQ, 0x30000 | SP_UP, 0, FFA_BUSY);
	used = c->used;
	/* But to switch is C's own cost: each call runs for 100 us. */
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(a->used, (i + 1) * 80);
		CALL_FAILS(C, REQ, 0x30000 | SP_UP, 0, FFA_BUSY);
	}
	assert_int_equal(c->used, used + 5 * 20);
	/* B wants the CPU, too. */
	let_run(B);
	let_run(C);
	vcpu_state_set(B, VCPU_READY);
	used = c->used;
	for (unsigned i = 0; i < 1000; i++) {
		CALL_FAILS(C, REQ, 0x30000 | SP_UP, 0, FFA_BUSY);
	}
	assert_in_range(a->used, HZ / 100, HZ / 100 * 25 / 10);
	assert_in_range(c->used, used, used + HZ / 200);
}

/* A partition that A left has a notification to fetch: it does A's work first, and is given cycles then. */
static void who_is_woken_is_not_kept_either(void **state)
{
	(void)state;
	make();
	CALL_SP(A, SP_UP, FFA_INTERRUPT, UP_IDS, 0);
	expect(FFA_RUN, UP_IDS, FFA_INTERRUPT, UP_IDS, 0);
	expect(FFA_RUN, UP_IDS, RESP, 0x80010001, 0);
	expect(FFA_RUN, UP_IDS, FFA_MSG_WAIT, 0, 0);
	machine_switch(2);
	runner_wake(&machine[2].cpu, &world_sps[0]);
	for (unsigned i = 0; i < 10; i++) {
		machine_step(2);
		machine_now += HZ / 500;
	}
	all_was_asked();
	assert_true(call(A, FFA_RUN, UP_IDS, 0));
	check_x(A, RESP, 0x80010001, 0);
}

static void no_memory_at_boot(void **state)
{
	(void)state;
	make();
	memset(pool_used, 1, sizeof(pool_used));
	pool_objects = 0;
	/* Two partitions, and who runs those of nobody. */
	for (unsigned room = 0; room < 3; room++) {
		assert_false(sp_run_init());
		assert_int_equal(pool_objects, 0);
		pool_used[room] = false;
	}
	assert_true(sp_run_init());
	assert_int_equal(pool_objects, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_and_its_answer),
		cmocka_unit_test(what_is_no_request),
		cmocka_unit_test(what_is_no_answer),
		cmocka_unit_test(who_waits_for_whom),
		cmocka_unit_test(an_interrupt_ends_the_wait_and_run_goes_on),
		cmocka_unit_test(the_answer_waits_for_who_was_interrupted),
		cmocka_unit_test(a_listener_is_interrupted),
		cmocka_unit_test(waiting_takes_no_arguments),
		cmocka_unit_test(the_wait_releases_the_buffer),
		cmocka_unit_test(a_callee_yields),
		cmocka_unit_test(who_serves_nobody_yields_his_turn),
		cmocka_unit_test(the_receiver_ends),
		cmocka_unit_test(the_sender_ends),
		cmocka_unit_test(a_vcpu_ends),
		cmocka_unit_test(who_is_paused_hears_later),
		cmocka_unit_test(an_sp_answers_at_once),
		cmocka_unit_test(an_sp_that_was_left_is_its_callers),
		cmocka_unit_test(what_a_guest_left_runs_to_its_end),
		cmocka_unit_test(our_own_runs),
		cmocka_unit_test(who_leaves_a_partition_keeps_it_from_nobody),
		cmocka_unit_test(each_try_gets_on_with_it),
		cmocka_unit_test(a_chain_that_was_left),
		cmocka_unit_test(a_chain_that_was_left_elsewhere),
		cmocka_unit_test(who_was_left_by_a_partition),
		cmocka_unit_test(who_is_nobodys_is_moved),
		cmocka_unit_test(who_cannot_come_is_run_elsewhere),
		cmocka_unit_test(another_is_left_for_who_ends),
		cmocka_unit_test(the_owner_comes_meanwhile),
		cmocka_unit_test(the_owner_ends),
		cmocka_unit_test(who_left_it_pays),
		cmocka_unit_test(who_is_woken_is_not_kept_either),
		cmocka_unit_test(no_memory_at_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
