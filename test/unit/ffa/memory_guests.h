/* SPDX-License-Identifier: MIT */
/*
 * Chance calls of three guests of a hypervisor, by the model, with an SPMC below or without one. VMs end and start
 * meanwhile, partitions below hold what they were sent and give it back, and memory runs out. What the role does with
 * the memory of VMs (role/hyp/vm_memory.h, ffa/guest.h) is done here in its place.
 */
#ifndef TEST_FFA_MEMORY_GUESTS_H
#define TEST_FFA_MEMORY_GUESTS_H

#include "memory_moves.h"
#include "played_below.h"

static uint64_t free_at_start;

static uint64_t free_pages(void)
{
	struct pool_stats stats;

	pool_stats(&stats);
	return stats.free_pages;
}

/* ---- who sends to whom ---- */

static bool refused_below(void)
{
	bool refused = played.refused;

	played.refused = false;
	return refused;
}

/* Guests that are up, or partitions below. */
static bool sends_may_go(const struct model_sent *t)
{
	for (unsigned i = 0; i < t->d.count; i++) {
		unsigned guest = t->d.id[i] - 1u, sp = t->d.id[i] - SP_ID;

		if (t->below ? ffa_below == NULL || sp >= PLAYED_SPS : guest >= SPS || model.down[guest]) {
			return false;
		}
	}
	return true;
}

static void choose_receivers(struct model_sent *t)
{
	bool below = chance(2) != 0 && (ffa_below != NULL || chance(16) == 0);

	t->d.count = MIN(t->d.count, chance(16) != 0 ? 2u : MODEL_TO);
	for (unsigned i = 0; i < t->d.count; i++) {
		bool other = chance(24) == 0;

		t->d.id[i] = below != other ? (uint16_t)(SP_ID + (t->d.tag + i) % 2) : sp_id((t->owner + 1 + i) % SPS);
	}
}

/* ---- partitions below ---- */

static enum ffa_code whim(void)
{
	static const enum ffa_code codes[] = { FFA_NO_MEMORY, FFA_DENIED, FFA_BUSY, FFA_ABORTED };

	return chance(12) == 0 ? codes[chance(ARRAY_SIZE(codes))] : FFA_OK;
}

/* As ours they have the number of a place in their lower bits, so that those look like ours. */
static uint64_t handle_of(uint64_t number) { return number << 20 | chance(4); }

static void sps_act(struct model_sent *t)
{
	struct played_share *s = t->used && t->below && !t->partial ? played_find(t->s.handle) : NULL;
	unsigned i = chance(MODEL_TO);

	if (s == NULL || i >= s->count) {
		return;
	}
	if (s->held[i] && chance(2) != 0) {
		for_each_page(p, t) { set_page(p, chance(256) + 2000); }
	} else if (!s->gone) {
		s->held[i] = !s->held[i];
		s->gone = s->type == FFA_MEMORY_DONATE && s->held[i];
	}
}

/* What the SPMC did not want to forget when it was told to: nobody here knows of it any more. */
static void forget_parts_below(void)
{
	for (unsigned i = 0; i < PLAYED_SHARES; i++) {
		bool known = false;

		for (unsigned n = 0; n < MODEL_SENT; n++) {
			known |= model.sent[n].used && model.sent[n].s.handle == played.shares[i].handle;
		}
		must(known || !played.shares[i].complete || played.shares[i].handle == 0);
		if (!known) {
			played.shares[i].handle = 0;
		}
	}
}

/* Whether the SPMC has given it back. */
static bool is_back(const struct model_sent *t)
{
	return t->used && t->below && !t->partial && played_find(t->s.handle) == NULL;
}

/* ---- VMs end and start ---- */

static void model_retry(void)
{
	unsigned left = ask_again(), wanted = 0;

	for (unsigned n = 0; n < MODEL_SENT; n++) {
		struct model_sent *t = &model.sent[n];

		if (t->orphan && is_back(t)) {
			model_return(t);
		}
		wanted += t->used && t->orphan && t->below ? 1 : 0;
	}
	must(left == wanted);
	(void)refused_below();
}

/* What a VM was given goes to the pool, zeroed; there is nothing else in that half of its space. */
static void free_donated(unsigned who)
{
	ipa_t at = ipa(FFA_BORROWED_BASE);
	unsigned attrs;
	uint64_t run;

	while (stage2_next(&world.tables[who], &at, &run, &attrs)) {
		must((attrs & STAGE2_STATE_MASK) == STAGE2_OWNED);
		memset(pa_ptr(pa(at.v - FFA_BORROWED_BASE)), 0, run);
		must(stage2_unmap(&world.tables[who], at, run) == OK);
	}
	for (unsigned p = 0; p < model_pages(); p++) {
		if (model.pages[p].owner == who && plot_of(p) != model.plot[who]) {
			model.pages[p].owner = NOBODY;
			model.pages[p].value = 0;
		}
	}
}

static uint64_t pages_held_of(unsigned who)
{
	uint64_t pages = 0;

	for (unsigned n = 0; n < MODEL_SENT; n++) {
		const struct model_sent *t = &model.sent[n];

		pages += t->used && t->orphan && t->owner == who ? t->d.total_pages : 0;
	}
	return pages;
}

static void model_leave(unsigned who)
{
	bool out;

	model.down[who] = true;
	world.sp[who].aborted = 1;
	out = guest_leave(who);
	for (unsigned n = 0; n < MODEL_SENT; n++) {
		struct model_sent *t = &model.sent[n];

		model_part(t, who);
		if (t->used && t->owner == who && t->below && !t->orphan) {
			if (is_back(t)) {
				model_return(t);
			} else {
				t->orphan = true;
			}
		}
	}
	must(out == orphans_of(who));
	world.pages_held = 0;
	ffa_mem_each_held(&world.sp[who]);
	must(world.pages_held == pages_held_of(who));
	free_donated(who);
	model_retry();
}

static bool has_all_of_its_memory(unsigned who)
{
	bool all = true;

	for (unsigned n = 0; n < model.each; n++) {
		const struct model_page *page = &model.pages[model.plot[who] * model.each + n];

		all &= page->owner == who && page->state == EXCLUSIVE;
	}
	return all;
}

/* What is its own it leaves, zeroed; what others hold is nobody's. */
static void give_up_memory(unsigned who)
{
	for (unsigned p = 0; p < model_pages(); p++) {
		struct model_page *page = &model.pages[p];

		page->stale_of = page->stale_of == who + 1 ? 0 : page->stale_of;
		if (page->owner == who) {
			page->owner = NOBODY;
			if (page->state == EXCLUSIVE) {
				set_page(p, 0);
			}
		}
	}
	guest_free_memory(who);
}

/* A plot of which nobody has a page; PLOTS: there is none. */
static unsigned free_plot(void)
{
	for (unsigned plot = 0; plot < PLOTS; plot++) {
		bool all = true;

		for (unsigned n = 0; n < model.each; n++) {
			const struct model_page *page = &model.pages[plot * model.each + n];

			all &= page->owner == NOBODY && page->state == EXCLUSIVE;
		}
		if (all) {
			return plot;
		}
	}
	return PLOTS;
}

static void make_read_only_page(unsigned who)
{
	must(stage2_protect(&world.tables[who], ipa(page_at(who, READ_ONLY_PAGE)), PAGE_SIZE, STAGE2_R) == OK);
	model.pages[model.plot[who] * model.each + READ_ONLY_PAGE].permits = STAGE2_R;
}

static bool have_other_memory(unsigned who)
{
	unsigned plot = free_plot();

	if (plot == PLOTS) {
		return false;
	}
	model.plot[who] = plot;
	model.lost[who] = 0;
	world.region[who] = plot_at(plot);
	for (unsigned p = plot * model.each; p < (plot + 1) * model.each; p++) {
		/* What another had here nobody sees. */
		must(*page_word(p) == 0 && model.pages[p].value == 0);
		model.pages[p].owner = who;
		model.pages[p].permits = RWX;
	}
	guest_make_memory(who);
	make_read_only_page(who);
	return true;
}

/* Its memory is scrubbed, and it has something else there. */
static void model_enter(unsigned who)
{
	model_retry();
	if (world.sp[who].space != NULL && (!has_all_of_its_memory(who) || chance(4) == 0)) {
		give_up_memory(who);
	}
	if (world.sp[who].space == NULL && !have_other_memory(who)) {
		return; /* it stays down */
	}
	for (unsigned n = 0; n < model.each; n++) {
		set_page(model.plot[who] * model.each + n, model.calls + n);
	}
	must(guest_map_buffers(who) == FFA_OK);
	world.sp[who].aborted = 0;
	model.down[who] = false;
}

/* ---- all of it ---- */

static void model_start(unsigned (*bytes)(void))
{
	start(NULL);
	/* Seldom enough pages for more than one fragment: they take their time. */
	model_init(bytes, bytes() % 12 == 11 ? MODEL_EACH_MAX : PAGES, PLOTS, SPS);
	if (chance(4) != 0) {
		played_start();
		played.whim = whim;
		played.handle_of = handle_of;
	}
	for (unsigned who = 0; who < SPS; who++) {
		make_read_only_page(who);
		world.space[who].record_bytes_max = chance(3) == 0 ? 600 + chance(64) * 128 : 0;
	}
	free_at_start = free_pages();
}

/* What devices were told: of each transaction by which pages are away, in this life of a VM. */
static void check_devices(void)
{
	unsigned away[SPS];

	memcpy(away, model.lost, sizeof(away));
	for (unsigned n = 0; n < MODEL_SENT; n++) {
		const struct model_sent *t = &model.sent[n];

		away[t->owner] += t->used && !t->partial && !t->orphan && !t->given && t->type != FFA_MEMORY_SHARE;
	}
	for (unsigned who = 0; who < SPS; who++) {
		must(model.down[who] || world.away[who] == away[who]);
	}
}

static void model_step(void)
{
	unsigned what = chance(40), who = chance(SPS);

	if (what == 0) {
		(model.down[who] ? model_enter : model_leave)(who);
	} else if (what < 6) {
		sps_act(choose_sent());
	} else {
		model.scarce = chance(12) == 0;
		if (model.scarce) {
			hoard_all_but(chance(4));
		}
		model_move(what % 32);
		if (model.scarce) {
			give_up_hoard();
		}
	}
	model_compare();
	check_devices();
	forget_parts_below();
}

/* All goes home, and nothing is left. */
static void model_finish(void)
{
	for (unsigned i = 0; i < PLAYED_SHARES; i++) {
		memset(played.shares[i].held, 0, sizeof(played.shares[i].held));
		played.shares[i].gone = false;
	}
	played.whim = NULL;
	for (unsigned who = 0; who < SPS; who++) {
		if (!model.down[who]) {
			model_leave(who);
		}
	}
	model_retry();
	model_compare();
	must(ffa_mem_count() == 0);
	for (unsigned who = 0; who < SPS; who++) {
		if (world.sp[who].space != NULL) {
			give_up_memory(who);
		}
	}
	for (unsigned p = 0; p < model_pages(); p++) {
		must(model.pages[p].owner == NOBODY && model.pages[p].state == EXCLUSIVE && *page_word(p) == 0);
	}
	/* But for a page of handles, and slabs. */
	must(free_at_start <= free_pages() + 4);
}

#endif
