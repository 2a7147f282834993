/* SPDX-License-Identifier: MIT */
/* Chance calls of three SPs and the normal world with VMs, by the model; partitions die meanwhile. */
#ifndef TEST_FFA_MEMORY_SPS_H
#define TEST_FFA_MEMORY_SPS_H

#include "memory_moves.h"

static bool refused_below(void) { return false; }

/* VMs beside an SP, in a share of the normal world's. */
static bool sends_may_go(const struct model_sent *t)
{
	for (unsigned i = 0; i < t->d.count; i++) {
		if (t->d.id[i] == MODEL_VM && (t->owner != NWD || t->type != FFA_MEMORY_SHARE || t->d.count == 1)) {
			return false;
		}
	}
	return true;
}

static void choose_receivers(struct model_sent *t)
{
	for (unsigned i = 0; i < t->d.count; i++) {
		unsigned to = (t->owner + 1 + i + (chance(16) == 0)) % PARTIES;

		t->d.id[i] = to == NWD ? MODEL_VM : sp_id(to);
		if (t->owner != NWD && to == NWD && chance(16) != 0) {
			t->d.id[i] = sp_id((t->owner + 1) % SPS);
		}
	}
}

static void model_start(unsigned (*bytes)(void))
{
	world_start();
	model_init(bytes, PAGES, PARTIES, PARTIES);
	for (unsigned who = 0; who < SPS; who++) {
		model.pages[who * PAGES + READ_ONLY_PAGE].permits = STAGE2_R;
		model.pages[who * PAGES + DEVICE_PAGE].permits = RW;
	}
}

static void model_inspect(struct model_sent *t)
{
	bool ok = t->used && !t->partial && !t->given && t->owner == NWD;

	if (settle("inspect", t, ok, inspect(t->s.handle))) {
		must(response.d.count == t->d.count && response.d.range_count == t->d.range_count);
		must(response.d.permissions[0] == t->d.permissions[0] && response.d.id[0] == t->d.id[0]);
	}
}

/* A partition dies, and a new one comes in its place. */
static void model_drop(unsigned who)
{
	bool out = ffa_mem_drop(&world.sp[who]);

	for (unsigned n = 0; n < MODEL_SENT; n++) {
		model_part(&model.sent[n], who);
	}
	must(out == orphans_of(who));
}

static void model_step(void)
{
	unsigned what = chance(36);

	if (what == 0) {
		model_drop(chance(SPS));
	} else if (what < 4) {
		model_inspect(choose_sent());
	} else {
		model_move(what - 4);
	}
	model_compare();
}

/* All goes back, and nothing is left. */
static void model_finish(void)
{
	for (unsigned who = 0; who < SPS; who++) {
		model_drop(who);
	}
	for (unsigned n = 0; n < MODEL_SENT; n++) {
		if (model.sent[n].used) {
			must(model.sent[n].owner == NWD && reclaim(NWD, model.sent[n].s.handle, 0) == 0);
			if (!model.sent[n].partial) {
				model_return(&model.sent[n]);
			}
			model.sent[n].used = false;
		}
	}
	model_compare();
	for (unsigned who = 0; who < PARTIES; who++) {
		must(world.space[who].record_bytes == 0);
	}
}

#endif
