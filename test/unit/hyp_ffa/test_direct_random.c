/* SPDX-License-Identifier: MIT */
/*
 * Guests and partitions that call each other at random, beside a model of who waits for whom: three guests on three
 * CPUs that send, answer, yield and run each other on, rightly and wrongly, and are interrupted, paused, stopped,
 * turned off and started anew at any moment. Each call must answer what the model says, with exactly the registers that
 * it defines; nobody waits who has something to go on with; no partition runs on for anybody but him who left it; and
 * if that was by another's call, he has the answer.
 */
#include "hyp_ffa/direct_world.h"

#define CPUS 3
#define ROUNDS 120000
#define NOBODY (-1)

enum going { /* what a vCPU goes on with */
	     WITH_NOTHING,
	     WITH_INTERRUPT,
	     WITH_YIELD,
	     WITH_EITHER, /* of those two: both may have come first */
	     WITH_MESSAGE,
	     WITH_CYCLES,
};

struct model_call {
	bool used;
	enum ffa_call_state state;
	struct model_vcpu *callee, *waiter;
	uint64_t x[FFA_REGS]; /* of the answer */
};

static struct model_vcpu {
	struct vcpu *v;
	enum ffa_service_state service;
	struct model_call *from; /* NULL: the sender is gone */
	unsigned requester;
	uint64_t request[FFA_REGS];
	enum ffa_wait wait;
	struct model_call *awaited;
	bool disturbed;  /* by an interrupt or a pause, since it waits */
	enum going going;
	uint64_t message[FFA_REGS]; /* WITH_MESSAGE, WITH_YIELD */
	uint32_t callee; /* of the call that it waited for */
	uint64_t before[31]; /* its registers when it called */
} model[GUESTS][GUEST_VCPUS];

static struct model_call calls[GUESTS][GUEST_VCPUS];

/* What the driver has done to a guest's VM. */
static enum { UP, PAUSING, STOPPING, DOWN } fates[GUESTS];

static unsigned answers, aborts, interrupts, yields, refusals, busies, sp_answers, sp_lefts, sp_drops, sp_helps,
	sp_taken;

static struct model_vcpu *model_of(const struct vcpu *v)
{
	return &model[v->vm->id][v->index];
}

static unsigned count_of(unsigned guest)
{
	return world[guest].vm.vm.vcpu_count;
}

#define FOR_EACH_VCPU(m)                         \
	for (unsigned g_ = 0; g_ < GUESTS; g_++) \
		for (struct model_vcpu *m = model[g_]; m < model[g_] + count_of(g_); m++)

/* ---- registers ---- */

static bool is_two(uint64_t id)
{
	return lo32(id) == FFA_MSG_SEND_DIRECT_REQ2_64 || lo32(id) == FFA_MSG_SEND_DIRECT_RESP2_64;
}

/* As the other side sees it. */
static void message_of(uint64_t *to, const uint64_t *x)
{
	to[0] = lo32(x[0]);
	to[1] = lo32(x[1]);
	for (unsigned i = 2; i < FFA_REGS; i++) {
		to[i] = (lo32(x[0]) & FFA_64) != 0 ? x[i] : lo32(x[i]);
	}
	if (lo32(x[0]) == FFA_MSG_SEND_DIRECT_RESP2_64) {
		to[2] = to[3] = 0;
	}
}

/* v's registers are those of 'before', but for what 'x' defines. */
static void check_registers(const struct vcpu *v, const uint64_t *before, const uint64_t *x)
{
	for (unsigned i = 0; i < 31; i++) {
		bool defined = i < (is_two(x[0]) ? FFA_REGS : 8u);

		assert_int_equal(v->regs.x[i], defined ? x[i] : before[i]);
	}
}

/* ---- the model: who goes on, and with what ---- */

/* Those who were woken since the last look have taken what there was for them. */
static void sync_answers(void)
{
	FOR_EACH_VCPU(m)
	{
		struct model_call *c = m->awaited;

		if (m->wait != FFA_WAIT_ANSWER || m->v->in_call || m->going != WITH_NOTHING) {
			continue;
		}
		c->waiter = NULL;
		m->callee = ids_of(c->callee->v);
		memcpy(m->message, c->x, sizeof(c->x));
		if (c->state == FFA_CALL_ANSWERED) {
			m->going = WITH_MESSAGE;
			c->used = false;
		} else if (c->state == FFA_CALL_YIELDED) {
			/* Or it was woken after its callee. */
			m->going = c->callee->v->in_call ? WITH_YIELD : WITH_EITHER;
		} else {
			m->going = WITH_INTERRUPT;
		}
	}
}

static void sync_requests(void)
{
	FOR_EACH_VCPU(m)
	{
		if (m->wait == FFA_WAIT_NONE || m->v->in_call || m->going != WITH_NOTHING) {
			continue;
		}
		if (m->wait == FFA_WAIT_CYCLES) {
			if (m->service == FFA_SERVICE_YIELDED) {
				assert_true(m->disturbed);
				m->from->state = FFA_CALL_SENT;
			}
			m->service = FFA_SERVICE_BUSY;
			m->going = WITH_CYCLES;
		} else if (m->service == FFA_SERVICE_GIVEN) {
			m->service = FFA_SERVICE_BUSY;
			m->going = WITH_MESSAGE;
			memcpy(m->message, m->request, sizeof(m->request));
		} else {
			m->service = FFA_SERVICE_NONE;
			m->going = WITH_INTERRUPT;
		}
	}
}

static void sync(void)
{
	sync_answers();
	sync_requests();
}

/* It goes on: does it have what it should? */
static void check_going(struct model_vcpu *m)
{
	uint64_t x[FFA_REGS] = { 0 };
	enum going going = m->going;

	if (m->wait == FFA_WAIT_NONE) {
		return;
	}
	assert_false(m->v->in_call);
	if (going == WITH_EITHER) {
		going = m->v->regs.x[0] == FFA_YIELD ? WITH_YIELD : WITH_INTERRUPT;
	}
	switch (going) {
	case WITH_INTERRUPT:
		interrupts++;
		assert_true(m->disturbed);
		x[0] = FFA_INTERRUPT;
		x[1] = m->wait == FFA_WAIT_ANSWER ? m->callee : 0;
		check_registers(m->v, m->before, x);
		break;
	case WITH_YIELD:
		yields++;
		check_registers(m->v, m->before, m->message);
		break;
	case WITH_MESSAGE:
		answers += m->wait == FFA_WAIT_ANSWER;
		aborts += m->message[0] == FFA_ERROR;
		check_registers(m->v, m->before, m->message);
		break;
	case WITH_CYCLES:
		x[0] = FFA_SUCCESS;
		check_registers(m->v, m->before, x);
		break;
	default:
		fail_msg("goes on with nothing");
	}
	m->wait = FFA_WAIT_NONE;
	m->going = WITH_NOTHING;
}

/* Nobody on that CPU rests who could go on, if it has done all that it was asked. */
static void check_cpu(unsigned cpu)
{
	sync();
	if (atomic_load(&machine[cpu].cpu.attention) != 0) {
		return;
	}
	FOR_EACH_VCPU(m)
	{
		if (m->v->cpu->index != cpu || m->v->state != VCPU_WAITING || !m->v->in_call) {
			continue;
		}
		assert_false(world_vcpu(m->v)->pending);
		assert_false(m->wait == FFA_WAIT_REQUEST && m->service != FFA_SERVICE_LISTENING);
		assert_false(m->wait == FFA_WAIT_ANSWER && m->awaited->state != FFA_CALL_SENT);
		assert_false(m->wait == FFA_WAIT_CYCLES && m->service != FFA_SERVICE_YIELDED);
	}
}

/* ---- the model: what ends ---- */

static void model_forget(struct vcpu *v)
{
	struct model_vcpu *m = model_of(v);

	sync();
	if (m->service > FFA_SERVICE_LISTENING && m->from != NULL) {
		m->from->state = FFA_CALL_ANSWERED;
		memset(m->from->x, 0, sizeof(m->from->x));
		m->from->x[0] = FFA_ERROR;
		m->from->x[2] = (uint32_t)FFA_ABORTED;
	}
	m->service = FFA_SERVICE_NONE;
	m->from = NULL;
	if (m->wait == FFA_WAIT_ANSWER && m->going == WITH_NOTHING) {
		m->awaited->waiter = NULL;
	}
	m->wait = FFA_WAIT_NONE;
	m->going = WITH_NOTHING;
}

static void model_end(unsigned guest)
{
	for (unsigned i = 0; i < count_of(guest); i++) {
		struct model_call *c = &calls[guest][i];

		model_forget(vcpu_of(guest, i));
		if (c->used && c->state != FFA_CALL_ANSWERED) {
			c->callee->from = NULL;
			if (c->callee->service == FFA_SERVICE_GIVEN) {
				c->callee->service = FFA_SERVICE_LISTENING;
			} else if (c->callee->service == FFA_SERVICE_YIELDED) {
				c->callee->service = FFA_SERVICE_BUSY;
			}
		}
		c->used = false;
	}
}

/* ---- partitions ---- */

/* A partition's vCPU. */
static struct sp_model {
	bool left;
	bool ended; /* its requester is no more: we run it */
	bool holds_up; /* it has called SP_UP, which waits for nobody else then */
	unsigned requester;
	uint64_t form;
	struct {
		bool used;
		uint64_t x[FFA_REGS];
	} kept[GUESTS]; /* answers that their guests have not taken yet */
} sps[SPS][CPUS];

static int calling = NOBODY; /* the guest that calls */
static bool calling_runs; /* by FFA_RUN */
static unsigned spmc_requests;
static uint64_t spmc_said[FFA_REGS]; /* to the guest that calls */

static struct sp_model *sp_at(uint32_t ids)
{
	unsigned n = (ids >> 16) - SP_UP, index = (uint16_t)ids;

	return n < SPS && index < world_sps[n].vcpu_count ? &sps[n][index] : NULL;
}

/* The vCPU of the partition that works on this CPU. */
static uint32_t sp_here(uint16_t id)
{
	return (uint32_t)id << 16 | (id == SP_MP ? machine_at : 0);
}

static bool up_is_held(void)
{
	for (unsigned i = 0; i < CPUS; i++) {
		if (sps[SP_MP - SP_UP][i].holds_up) {
			return true;
		}
	}
	return false;
}

static void sp_goes_on(struct sp_model *s, uint32_t ids, uint64_t *x)
{
	unsigned what = (unsigned)random_below(8);

	for (unsigned i = 0; i < FFA_REGS; i++) {
		x[i] = 0;
	}
	s->left = what < 4;
	if (what < 4) {
		sp_lefts++;
		x[0] = what < 3 ? FFA_INTERRUPT : FFA_YIELD;
		x[1] = ids;
		s->holds_up |= ids >> 16 == SP_MP && !sps[0][0].left && !up_is_held() && random_below(4) == 0;
		return;
	}
	s->holds_up = false;
	if (what == 4) {
		x[0] = FFA_ERROR;
		x[2] = (uint32_t)FFA_ABORTED;
	} else {
		sp_answers++;
		x[0] = is_two(s->form) ? FFA_MSG_SEND_DIRECT_RESP2_64 : s->form + 1;
		x[1] = (ids & 0xffff0000) | id_of(s->requester);
		for (unsigned i = 4; i < (is_two(s->form) ? FFA_REGS : 8u); i++) {
			x[i] = lo32(random_below(UINT64_MAX));
		}
	}
}

/* It runs on, for whoever has left it: by his own call, or because another or ourselves want it. */
static void spmc_run(uint32_t ids, uint64_t *x)
{
	struct sp_model *s = sp_at(ids);
	bool own = calling != NOBODY && calling_runs;

	assert_non_null(s);
	assert_int_equal(ids, sp_here((uint16_t)(ids >> 16)));
	if (calling == NOBODY && !s->left) {
		ffa_answer(x, FFA_MSG_WAIT);
		return;
	}
	assert_true(s->left);
	assert_true(own ? !s->ended && s->requester == (unsigned)calling
			: s->ended || calling == NOBODY || s->requester != (unsigned)calling);
	sp_goes_on(s, ids, x);
	if (own) {
		memcpy(spmc_said, x, sizeof(spmc_said));
	} else if (!s->ended) {
		sp_helps++;
		if (!s->left) {
			assert_false(s->kept[s->requester].used);
			s->kept[s->requester].used = true;
			memcpy(s->kept[s->requester].x, x, sizeof(spmc_said));
		}
	}
}

/* It is asked for by its id and answers on this CPU. */
static void spmc_request(uint64_t *x)
{
	uint16_t id = (uint16_t)x[1];
	struct sp_model *s = sp_at(sp_here(id));

	spmc_requests++;
	assert_int_not_equal(calling, NOBODY);
	assert_false(calling_runs || s->kept[calling].used);
	assert_int_equal(lo32(x[1]) >> 16, id_of((unsigned)calling));
	if (s->left || (id == SP_UP && up_is_held()) || random_below(16) == 0) {
		ffa_answer_error(x, FFA_BUSY);
	} else {
		s->requester = (unsigned)calling;
		s->ended = false;
		s->form = x[0];
		sp_goes_on(s, sp_here(id), x);
	}
	memcpy(spmc_said, x, sizeof(spmc_said));
}

void spmc_call(uint64_t *x)
{
	machine_now += random_below(300);
	if (x[0] == FFA_RUN) {
		spmc_run(lo32(x[1]), x);
	} else {
		spmc_request(x);
	}
}

/* ---- calls: what they should answer ---- */

static struct model_call *find_call(unsigned guest, const struct model_vcpu *callee)
{
	for (unsigned i = 0; i < count_of(guest); i++) {
		if (calls[guest][i].used && calls[guest][i].callee == callee) {
			return &calls[guest][i];
		}
	}
	return NULL;
}

static struct model_call *free_call(unsigned guest)
{
	for (unsigned i = 0; i < count_of(guest); i++) {
		if (!calls[guest][i].used) {
			return &calls[guest][i];
		}
	}
	return NULL;
}

static struct model_vcpu *listener(unsigned sender, unsigned receiver, const struct cpu *cpu)
{
	struct model_vcpu *first = NULL;

	for (unsigned i = count_of(receiver); i-- > 0;) {
		struct model_vcpu *m = &model[receiver][i];

		if (m->service == FFA_SERVICE_LISTENING && find_call(sender, m) == NULL) {
			first = first == NULL || m->v->cpu == cpu || first->v->cpu != cpu ? m : first;
		}
	}
	return first;
}

/* Begins to wait, unless there is something to go on with. */
static void begin(struct model_vcpu *m, enum ffa_wait wait, enum trap_result result)
{
	m->wait = wait;
	m->disturbed = world_vcpu(m->v)->pending;
	assert_int_equal(result, m->v->in_call ? TRAP_LEAVE : TRAP_RESUME);
	assert_int_equal(m->v->state, m->v->in_call ? VCPU_WAITING : VCPU_RUNNING);
	sync();
	if (result == TRAP_RESUME) {
		check_going(m);
	} else {
		assert_false(m->disturbed);
	}
}

static void check_refused(struct model_vcpu *m, enum trap_result result, enum ffa_code code)
{
	uint64_t x[FFA_REGS] = { FFA_ERROR, 0, (uint32_t)code };

	refusals++;
	busies += code == FFA_BUSY;
	assert_int_equal(result, TRAP_RESUME);
	check_registers(m->v, m->before, x);
}

/* A call to a partition, which is answered at once. */
static enum trap_result call_sp(struct model_vcpu *m, bool runs)
{
	enum trap_result result;

	calling = m->v->vm->id;
	calling_runs = runs;
	spmc_requests = 0;
	result = world_call(m->v);
	calling = NOBODY;
	assert_int_equal(result, TRAP_RESUME);
	return result;
}

static enum trap_result request_sp(struct model_vcpu *m, uint16_t to)
{
	struct sp_model *s = sp_at(sp_here(to));
	unsigned self = m->v->vm->id;
	bool is_free = !s->left && !s->kept[self].used;
	enum trap_result result = call_sp(m, false);

	if (spmc_requests == 0) {
		/* It has not even begun: somebody has left it, or it is this guest who has yet to hear from it. */
		assert_true(!is_free && (s->left || s->kept[self].used));
		check_refused(m, result, FFA_BUSY);
	} else {
		check_registers(m->v, m->before, spmc_said);
	}
	return result;
}

static enum trap_result run_sp(struct model_vcpu *m, uint32_t ids)
{
	struct sp_model *s = sp_at(ids);
	unsigned self = m->v->vm->id;
	bool here = ids == sp_here((uint16_t)(ids >> 16));
	bool takes = here && s->kept[self].used;
	enum trap_result result;

	if (!takes && !(here && s->left && !s->ended && s->requester == self)) {
		result = world_call(m->v);
		check_refused(m, result, FFA_DENIED);
		return result;
	}
	result = call_sp(m, true);
	check_registers(m->v, m->before, takes ? s->kept[self].x : spmc_said);
	sp_taken += takes;
	if (takes) {
		s->kept[self].used = false;
	}
	return result;
}

static enum trap_result request(struct model_vcpu *m, const uint64_t *x)
{
	unsigned self = m->v->vm->id, to = (uint16_t)x[1];
	bool two = is_two(x[0]), sp = to == SP_UP || to == SP_MP;
	enum ffa_code code = FFA_OK;
	struct model_vcpu *callee;
	enum trap_result result;
	struct model_call *c;

	if ((!two && lo32(x[2]) != 0) || (!sp && (to == 0 || to > GUESTS)) || lo32(x[1]) >> 16 != id_of(self) ||
	    to == id_of(self) || (two && !sp && (x[2] | x[3]) != 0)) {
		code = FFA_INVALID_PARAMETERS;
	} else if (two && (world[self].g.endpoint.version < FFA_VERSION_1_2 ||
			   (!sp && world[to - 1].g.endpoint.version < FFA_VERSION_1_2))) {
		code = FFA_DENIED;
	} else if (sp) {
		return request_sp(m, (uint16_t)to);
	}
	callee = code == FFA_OK ? listener(self, to - 1, m->v->cpu) : NULL;
	c = free_call(self);
	if (code == FFA_OK && (callee == NULL || c == NULL)) {
		code = FFA_BUSY;
	}
	result = world_call(m->v);
	if (code != FFA_OK) {
		check_refused(m, result, code);
		return result;
	}
	*c = (struct model_call){ .used = true, .state = FFA_CALL_SENT, .callee = callee, .waiter = m };
	callee->service = FFA_SERVICE_GIVEN;
	callee->from = c;
	callee->requester = self;
	message_of(callee->request, x);
	m->awaited = c;
	begin(m, FFA_WAIT_ANSWER, result);
	return result;
}

static enum trap_result respond(struct model_vcpu *m, const uint64_t *x)
{
	uint16_t self = id_of(m->v->vm->id), to = (uint16_t)x[1];
	bool two = is_two(x[0]);
	uint32_t flags = two ? 0 : lo32(x[2]);
	enum trap_result result = world_call(m->v);

	if ((flags != 0 && (flags & FFA_FRAMEWORK_MESSAGE) == 0) || lo32(x[1]) >> 16 != self || to == self) {
		check_refused(m, result, FFA_INVALID_PARAMETERS);
		return result;
	}
	if (m->service != FFA_SERVICE_BUSY || to != id_of(m->requester) || is_two(m->request[0]) != two || flags != 0) {
		check_refused(m, result, FFA_DENIED);
		return result;
	}
	if (m->from != NULL) {
		m->from->state = FFA_CALL_ANSWERED;
		message_of(m->from->x, x);
	}
	m->service = FFA_SERVICE_LISTENING;
	m->from = NULL;
	begin(m, FFA_WAIT_REQUEST, result);
	return result;
}

static enum trap_result wait_for_message(struct model_vcpu *m)
{
	enum trap_result result = world_call(m->v);

	if (m->service != FFA_SERVICE_NONE) {
		check_refused(m, result, FFA_DENIED);
		return result;
	}
	m->service = FFA_SERVICE_LISTENING;
	begin(m, FFA_WAIT_REQUEST, result);
	return result;
}

static enum trap_result yield_cycles(struct model_vcpu *m, const uint64_t *x)
{
	uint64_t success[FFA_REGS] = { FFA_SUCCESS };
	enum trap_result result = world_call(m->v);

	if (m->service != FFA_SERVICE_BUSY || m->from == NULL) {
		assert_int_equal(result, TRAP_LEAVE);
		assert_int_equal(m->v->state, VCPU_RUNNING);
		check_registers(m->v, m->before, success);
		return result;
	}
	m->service = FFA_SERVICE_YIELDED;
	m->from->state = FFA_CALL_YIELDED;
	memset(m->from->x, 0, sizeof(m->from->x));
	m->from->x[0] = FFA_YIELD;
	m->from->x[1] = ids_of(m->v);
	m->from->x[2] = x[2];
	m->from->x[3] = x[3];
	begin(m, FFA_WAIT_CYCLES, result);
	return result;
}

static enum trap_result run(struct model_vcpu *m, const uint64_t *x)
{
	uint32_t ids = lo32(x[1]);
	unsigned self = m->v->vm->id, guest = (ids >> 16) - 1, index = (uint16_t)ids;
	enum ffa_code code = FFA_INVALID_PARAMETERS;
	struct model_call *c = NULL;
	enum trap_result result;

	if (sp_at(ids) != NULL) {
		return run_sp(m, ids);
	}
	if (guest < GUESTS && index < count_of(guest)) {
		c = find_call(self, &model[guest][index]);
		code = c == NULL ? FFA_DENIED : c->waiter != NULL ? FFA_BUSY : FFA_OK;
	}
	result = world_call(m->v);
	if (code != FFA_OK) {
		check_refused(m, result, code);
		return result;
	}
	c->waiter = m;
	if (c->state == FFA_CALL_YIELDED) {
		c->state = FFA_CALL_SENT;
		c->callee->service = FFA_SERVICE_BUSY;
	}
	m->awaited = c;
	begin(m, FFA_WAIT_ANSWER, result);
	return result;
}

enum trap_result role_call(struct vcpu *v)
{
	struct model_vcpu *m = model_of(v);
	uint64_t x[FFA_REGS];

	sync();
	memcpy(x, v->regs.x, sizeof(x));
	memcpy(m->before, v->regs.x, sizeof(m->before));
	switch (lo32(x[0])) {
	case FFA_MSG_WAIT:
		return wait_for_message(m);
	case FFA_YIELD:
		return yield_cycles(m, x);
	case FFA_RUN:
		return run(m, x);
	case FFA_MSG_SEND_DIRECT_REQ:
	case FFA_MSG_SEND_DIRECT_REQ_64:
	case FFA_MSG_SEND_DIRECT_REQ2_64:
		return request(m, x);
	default:
		return respond(m, x);
	}
}

/* ---- what guests do ---- */

static void fill(struct vcpu *v, uint64_t x0, uint64_t x1)
{
	for (unsigned i = 0; i < 31; i++) {
		v->regs.x[i] = random_below(UINT64_MAX);
	}
	v->regs.x[0] = x0;
	v->regs.x[1] = x1;
	machine_trap(v, EC_SMC64, 0);
}

static void try_request(struct vcpu *v)
{
	static const uint32_t forms[] = { FFA_MSG_SEND_DIRECT_REQ, FFA_MSG_SEND_DIRECT_REQ_64,
					  FFA_MSG_SEND_DIRECT_REQ2_64 };
	static const uint16_t odd[] = { 0, 4, 0x8000, 0x8003, 0xffff };
	uint32_t to = 1 + (uint32_t)random_below(GUESTS), from = id_of(v->vm->id);

	if (random_below(3) == 0) {
		to = SP_UP + (uint32_t)random_below(SPS);
	} else if (random_below(20) == 0) {
		to = odd[random_below(ARRAY_SIZE(odd))];
	}
	if (random_below(20) == 0) {
		from = (uint32_t)random_below(6);
	}
	fill(v, forms[random_below(3)], random_below(UINT32_MAX) << 32 | from << 16 | to);
	v->regs.x[2] = v->regs.x[3] = 0;
	if (random_below(20) == 0) {
		v->regs.x[2] = random_below(2) == 0 ? 4 : FFA_FRAMEWORK_MESSAGE | 4;
	}
	if (!is_two(v->regs.x[0])) {
		v->regs.x[3] = random_below(UINT64_MAX);
	}
}

static void try_answer(struct vcpu *v)
{
	static const uint32_t forms[] = { FFA_MSG_SEND_DIRECT_RESP, FFA_MSG_SEND_DIRECT_RESP_64,
					  FFA_MSG_SEND_DIRECT_RESP2_64 };
	const struct model_vcpu *m = model_of(v);
	uint32_t form = is_two(m->request[0]) ? forms[2] : forms[random_below(2)];
	uint32_t to = id_of(m->requester), from = id_of(v->vm->id);

	if (random_below(8) == 0) {
		form = forms[random_below(3)];
		to = (uint32_t)random_below(5);
	}
	if (random_below(20) == 0) {
		from = (uint32_t)random_below(6);
	}
	fill(v, form, (uint64_t)from << 16 | to);
	if (form != forms[2]) {
		v->regs.x[2] = random_below(20) != 0 ? 0 : random_below(2) == 0 ? 1 : FFA_FRAMEWORK_MESSAGE | 5;
	}
}

static void try_run(struct vcpu *v)
{
	unsigned self = v->vm->id;
	uint32_t ids = (uint32_t)random_below(5) << 16 | (uint32_t)random_below(3);
	struct model_call *c = &calls[self][random_below(GUEST_VCPUS)];

	if (random_below(2) == 0 && c->used) {
		ids = ids_of(c->callee->v);
	} else if (random_below(2) == 0) {
		ids = (uint32_t)(SP_UP + random_below(SPS)) << 16 | (uint32_t)random_below(4);
	}
	fill(v, FFA_RUN, ids);
}

static void try_wait(struct vcpu *v, uint64_t x0)
{
	fill(v, x0, 0);
	for (unsigned i = 1; i < 8; i++) {
		v->regs.x[i] = x0 == FFA_YIELD && i < 4 && i > 1 ? random_below(1000) : 0;
	}
}

static void act(struct vcpu *v)
{
	bool serves = model_of(v)->service == FFA_SERVICE_BUSY;

	switch (random_below(16)) {
	case 0:
	case 1:
	case 2:
		try_request(v);
		break;
	case 3:
	case 4:
		serves ? try_answer(v) : try_wait(v, FFA_MSG_WAIT);
		break;
	case 5:
		try_answer(v);
		break;
	case 6:
		try_wait(v, FFA_MSG_WAIT);
		break;
	case 7:
		try_wait(v, FFA_YIELD);
		break;
	case 8:
	case 9:
	case 10:
		try_run(v);
		break;
	case 11:
		if (random_below(10) == 0) {
			/* PSCI CPU_OFF. */
			model_forget(v);
			ffa_direct_forget(v);
			vcpu_state_set(v, VCPU_OFF);
			v->exit = VCPU_EXIT_SERVED;
			break;
		}
		machine_wfi(v);
		break;
	default:
		machine_leave();
	}
}

static void guest(struct vcpu *v)
{
	struct model_vcpu *m = model_of(v);

	machine_now += 10;
	sync();
	assert_true(fates[v->vm->id] != DOWN);
	check_going(m);
	if (random_below(2) == 0) {
		world_vcpu(v)->pending = false;
	}
	act(v);
}

/* ---- what happens to them ---- */

static void disturb(struct vcpu *v)
{
	sync();
	model_of(v)->disturbed = true;
}

static bool all_in(unsigned guest, uint32_t states)
{
	for (unsigned i = 0; i < count_of(guest); i++) {
		if ((BIT(vcpu_of(guest, i)->state) & states) == 0) {
			return false;
		}
	}
	return true;
}

/* The VM's life goes on by a step. */
static void change_fate(unsigned n)
{
	switch (fates[n]) {
	case UP:
		if (random_below(2) == 0) {
			for (unsigned i = 0; i < count_of(n); i++) {
				disturb(vcpu_of(n, i));
			}
			request_all(n, VCPU_REQ_PAUSE);
			fates[n] = PAUSING;
			break;
		}
		/* fall through */
	case PAUSING:
		if (random_below(2) == 0) {
			request_all(n, VCPU_REQ_STOP);
			fates[n] = STOPPING;
		} else if (fates[n] == PAUSING && all_in(n, BIT(VCPU_PAUSED) | BIT(VCPU_OFF))) {
			request_all(n, VCPU_REQ_RESUME);
			fates[n] = UP;
		}
		break;
	case STOPPING:
		if (!all_in(n, BIT(VCPU_STOPPED))) {
			break;
		}
		model_end(n);
		for (unsigned i = 0; i < SPS; i++) {
			for (unsigned c = 0; c < CPUS; c++) {
				sp_drops += sps[i][c].left && sps[i][c].requester == n && !sps[i][c].ended;
				sps[i][c].ended |= sps[i][c].left && sps[i][c].requester == n;
				sps[i][c].kept[n].used = false;
			}
		}
		ffa_direct_reset(&world[n].g);
		fates[n] = DOWN;
		break;
	case DOWN:
		fates[n] = UP;
		request_all(n, VCPU_REQ_START);
		break;
	}
}

static bool starts(struct vcpu *v)
{
	if (fates[v->vm->id] != UP) {
		return false;
	}
	model_forget(v);
	return true;
}

static void happen(void)
{
	struct vcpu *v = vcpu_of((unsigned)random_below(GUESTS), 0);

	v = v->vm->vcpus[random_below(v->vm->vcpu_count)];
	switch (random_below(12)) {
	case 0:
	case 1:
	case 2:
		if (v->state != VCPU_OFF && v->state != VCPU_STOPPED) {
			disturb(v);
			interrupt(v);
		}
		break;
	case 3:
		if (random_below(8) == 0) {
			change_fate((unsigned)random_below(GUESTS));
		}
		break;
	case 4:
	case 5:
		/* CPU_ON, or now and then the end of CPU_SUSPEND. */
		if (v->state == VCPU_OFF || (v->state == VCPU_RUNNING && random_below(8) == 0)) {
			vcpu_request(v, VCPU_REQ_START);
		}
		break;
	case 6:
		pool_empty = random_below(20) == 0;
		break;
	default:
		machine_now += random_below(5000);
		break;
	}
}

static bool sp_is_left(bool ended)
{
	for (unsigned i = 0; i < SPS; i++) {
		for (unsigned c = 0; c < CPUS; c++) {
			if (sps[i][c].left && (!ended || sps[i][c].ended)) {
				return true;
			}
		}
	}
	return false;
}

static void rest(struct vcpu *v)
{
	sync();
	check_going(model_of(v));
	machine_leave();
}

/* All guests end, and what they left in partitions with them. */
static void end_all(unsigned objects)
{
	machine_guest = rest;
	for (unsigned n = 0; n < GUESTS; n++) {
		while (fates[n] != DOWN) {
			change_fate(n);
			for (unsigned i = 0; i < CPUS; i++) {
				machine_step(i);
			}
		}
	}
	for (unsigned i = 0; sp_is_left(true); i++) {
		assert_true(i < 10000);
		machine_now += HZ / 1000;
		machine_step(i % CPUS);
	}
	assert_false(sp_is_left(false));
	assert_int_equal(pool_objects, objects);
	FOR_EACH_VCPU(m)
	{
		const struct ffa_direct *d = &ffa_vcpu_of(m->v)->direct;

		assert_int_equal(d->wait, FFA_WAIT_NONE);
		assert_int_equal(d->call.state, FFA_CALL_FREE);
		assert_int_equal(d->service.state, FFA_SERVICE_NONE);
	}
}

static void everybody_calls_everybody(void **state)
{
	static const unsigned vcpus[GUESTS] = { 2, 2, 1 };
	static const unsigned on[GUESTS][GUEST_VCPUS] = { { 0, 1 }, { 1, 2 }, { 0 } };
	unsigned objects;

	(void)state;
	random_start("direct");
	make_world(CPUS, vcpus, on);
	objects = pool_objects;
	world[2].g.endpoint.version = FFA_VERSION_1_1;
	memset(model, 0, sizeof(model));
	memset(calls, 0, sizeof(calls));
	memset(sps, 0, sizeof(sps));
	machine_guest = guest;
	world_starts = starts;
	for (unsigned n = 0; n < GUESTS; n++) {
		for (unsigned i = 0; i < count_of(n); i++) {
			model[n][i].v = vcpu_of(n, i);
		}
		request_all(n, VCPU_REQ_START);
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned cpu = (unsigned)random_below(CPUS);

		machine_step(cpu);
		check_cpu(cpu);
		happen();
	}
	end_all(objects);
	printf("%u answers (%u of the dead), %u interrupts, %u yields, %u refusals (%u busy); partitions: %u answers, "
	       "%u left, %u of the dead, %u times for another, who took %u answers\n",
	       answers, aborts, interrupts, yields, refusals, busies, sp_answers, sp_lefts, sp_drops, sp_helps,
	       sp_taken);
	assert_true(answers > 100 && aborts > 10 && interrupts > 100 && yields > 10 && sp_drops > 10);
	assert_true(sp_helps > 100 && sp_taken > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_calls_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
