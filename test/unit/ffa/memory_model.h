/* SPDX-License-Identifier: MIT */
/*
 * A plain list of pages and of who has them, what it predicts of calls (memory_moves.h), and the comparison of every
 * page in every table, and of its contents, with that list. For three SPs and the normal world (memory_sps.h) and for
 * three guests of a hypervisor (memory_guests.h).
 */
#ifndef TEST_FFA_MEMORY_MODEL_H
#define TEST_FFA_MEMORY_MODEL_H

#include "ffa/transaction.h"
#include "memory_world.h"

/* Pages are numbered through the plots: what each party had at first, and for guests some more. */
#define MODEL_EACH_MAX 320u /* pages of a plot that the model knows; fewer than lie before the buffers */
#define MODEL_PAGES_MAX (PLOTS * MODEL_EACH_MAX)
#define MODEL_SENT 8u
#define MODEL_RANGES_MAX MODEL_EACH_MAX
#define MODEL_TO 3u
#define MODEL_VM 9u
#define NOBODY PARTIES

enum { EXCLUSIVE, SHARED, GIVEN_AWAY };

struct model_page {
	unsigned owner, permits; /* STAGE2_R, W, X of the owner while the page is his alone */
	unsigned state;
	unsigned borrowed[SPS]; /* what a party that is not the owner may do */
	unsigned stale_of, stale; /* the tables of a guest that is down, this number less one, have it still, as that */
	uint64_t value;
};

struct model_sent {
	bool used, partial, orphan, zero_last;
	bool below; /* of a guest for SPs */
	bool given; /* a donation whose receiver has not fetched all of the response */
	unsigned owner;
	enum ffa_memory_type type;
	struct descriptor d;
	struct range ranges[MODEL_RANGES_MAX];
	unsigned page[MODEL_RANGES_MAX]; /* where each begins */
	struct sending s;
	unsigned permits; /* the owner's before */
	bool device, ns;
	bool held[MODEL_TO], zero_after[MODEL_TO], barred[MODEL_TO], writes[MODEL_TO];
	bool fetching[MODEL_TO]; /* not all of the response */
	struct fetching f[MODEL_TO];
};

static struct {
	unsigned each, plots, parties;
	unsigned plot[PARTIES]; /* each one's own */
	bool down[PARTIES]; /* a guest whose VM does not run */
	struct model_page pages[MODEL_PAGES_MAX];
	struct model_sent sent[MODEL_SENT];
	unsigned lost[SPS]; /* transactions of a guest, in this life, whose pages are others' now */
	uint64_t back; /* pages of guests that had ended which have come back */
	uint64_t old_handle;
	bool scarce; /* memory is: a call may fail for want of it */
	unsigned (*chance)(void); /* a byte */
	unsigned long calls, successes, starved;
} model;

/* ---- pages ---- */

static inline unsigned chance(unsigned bound)
{
	unsigned byte = model.chance();

	return (bound <= 256 ? byte : byte << 8 | model.chance()) % bound;
}

static inline unsigned model_pages(void) { return model.plots * model.each; }
static inline unsigned plot_of(unsigned p) { return p / model.each; }
static inline bool page_is_ns(unsigned p) { return !world.guests && plot_of(p) == NWD; }
static inline bool page_is_device(unsigned p)
{
	return !world.guests && plot_of(p) != NWD && p % model.each == DEVICE_PAGE;
}
static inline uint64_t page_physical(unsigned p)
{
	return (world.guests ? plot_at(plot_of(p)).v : world.region[plot_of(p)].v) + p % model.each * PAGE_SIZE;
}
/* Where the party has it, if it does. */
static inline uint64_t page_address(unsigned who, unsigned p)
{
	if (!world.guests) {
		return page_physical(p);
	}
	return plot_of(p) == model.plot[who] ? page_at(who, p % model.each) : FFA_BORROWED_BASE + page_physical(p);
}
/* A word of its contents; there is nothing to read in a device, so that nobody writes zeroes there. */
static inline uint64_t *page_word(unsigned p) { return pa_ptr(pa(page_physical(p) + PAGE_SIZE - 8)); }
static inline void set_page(unsigned p, uint64_t value)
{
	model.pages[p].value = value;
	if (!page_is_device(p)) {
		*page_word(p) = value;
	}
}

#define for_each_page(p, t)                                  \
	for (unsigned r_ = 0; r_ < (t)->d.range_count; r_++) \
		for (unsigned p = (t)->page[r_], end_ = p + (t)->ranges[r_].pages; p < end_; p++)

/* All is what its owner has, and has a word of its own. */
static void model_init(unsigned (*bytes)(void), unsigned each, unsigned plots, unsigned parties)
{
	memset(&model, 0, sizeof(model));
	model.chance = bytes;
	model.each = each;
	model.plots = plots;
	model.parties = parties;
	for (unsigned who = 0; who < parties; who++) {
		model.plot[who] = who;
	}
	for (unsigned p = 0; p < model_pages(); p++) {
		model.pages[p].owner = plot_of(p) < parties ? plot_of(p) : NOBODY;
		model.pages[p].permits = RWX;
		if (model.pages[p].owner != NOBODY) {
			set_page(p, p + 1);
		}
	}
}

/* ---- transactions ---- */

static inline unsigned index_in(const struct model_sent *t, uint16_t id)
{
	for (unsigned i = 0; i < t->d.count; i++) {
		if (t->d.id[i] == id) {
			return i;
		}
	}
	return MODEL_TO;
}

static inline bool alone(const struct model_sent *t) { return t->type != FFA_MEMORY_SHARE && t->d.count == 1; }
static inline bool anybody_holds(const struct model_sent *t) { return t->held[0] || t->held[1] || t->held[2]; }

/* What its record takes, from the first fragment on. */
static uint64_t record_cost(const struct model_sent *t)
{
	uint64_t pages = (t->d.range_count + FFA_RANGES_PER_PAGE - 1) / FFA_RANGES_PER_PAGE;

	return sizeof(struct ffa_transaction) + t->d.count * sizeof(struct ffa_borrower) +
	       (t->d.range_count > FFA_RANGES_IN_RECORD ? pages * (PAGE_SIZE + sizeof(void *)) : 0);
}

static uint64_t records_of(unsigned who)
{
	uint64_t cost = 0;

	for (unsigned i = 0; i < MODEL_SENT; i++) {
		cost += model.sent[i].used && model.sent[i].owner == who ? record_cost(&model.sent[i]) : 0;
	}
	return cost;
}

static bool record_fits(const struct model_sent *t)
{
	uint64_t max = world.space[t->owner].record_bytes_max;

	return max == 0 || records_of(t->owner) + record_cost(t) <= max;
}

/* What the party gets for 'asked'; 0 if nothing. */
static unsigned granted(const struct model_sent *t, unsigned i, uint8_t asked, uint32_t flags)
{
	unsigned data = asked & 3, exec = asked >> 2;
	unsigned most = t->type == FFA_MEMORY_DONATE ? ((t->permits & STAGE2_W) != 0 ? 2 : 1) : t->d.permissions[i] & 3;
	bool zeroes = (flags & (FFA_MEM_ZERO | FFA_RETRIEVE_ZERO_AFTER)) != 0;

	data = data == 0 ? most : data;
	if (data > most || (exec != 0) != alone(t) || exec == 3 ||
	    (exec == 2 && (t->ns || (t->permits & STAGE2_X) == 0)) ||
	    (zeroes && (t->type == FFA_MEMORY_SHARE || data != 2 || t->device)) ||
	    ((flags & FFA_MEM_ZERO) != 0 && (t->d.flags & FFA_MEM_ZERO) == 0)) {
		return 0;
	}
	return STAGE2_R | (data == 2 ? STAGE2_W : 0u) | (exec == 2 ? STAGE2_X : 0u);
}

static void model_describe(const struct model_sent *t)
{
	fprintf(stderr,
		"party %u, type %d, version %x, sender %x, attributes %x, flags %x, tag %llx, handle %llx%s%s%s\n",
		t->owner, t->type, t->d.version, t->d.sender, t->d.attributes, t->d.flags, (unsigned long long)t->d.tag,
		(unsigned long long)t->s.handle, t->used ? ", used" : "", t->partial ? ", partial" : "",
		t->orphan ? ", orphan" : "");
	for (unsigned i = 0; i < t->d.count; i++) {
		fprintf(stderr, "  to %x with %x%s%s\n", t->d.id[i], t->d.permissions[i], t->held[i] ? ", held" : "",
			t->barred[i] ? ", barred" : "");
	}
	for (unsigned i = 0; i < t->d.range_count; i++) {
		fprintf(stderr, "  %llx: page %u of plot %u, %u of them\n", (unsigned long long)t->ranges[i].address,
			t->page[i] % model.each, plot_of(t->page[i]), t->ranges[i].pages);
	}
}

/* The call must be answered as predicted; but it may fail if it finds no memory. Whether it was done. */
static bool settle(const char *what, const struct model_sent *t, bool ok, int code)
{
	model.calls++;
	model.successes += code == 0 ? 1 : 0;
	if (model.scarce && code == FFA_NO_MEMORY) {
		model.starved++;
		return false;
	}
	if (ok != (code == 0)) {
		if (t != NULL) {
			model_describe(t);
		}
		fprintf(stderr, "%s: %d, but it should %s\n", what, code, ok ? "succeed" : "fail");
		abort();
	}
	return ok;
}

/* ---- what must be true after every call ---- */

#define NOT_MAPPED UINT32_MAX

static unsigned attrs_in(unsigned who, unsigned p)
{
	uint64_t address = page_address(who, p), run;
	struct stage2 *table = ffa_space_ns(&world.space[who]);
	unsigned attrs;
	pa_t to;

	if (!world.guests && !page_is_ns(p)) {
		table = who == NWD ? NULL : &world.space[who].secure;
	}
	if (table == NULL || !stage2_lookup(table, ipa(address), &to, &attrs, &run)) {
		return NOT_MAPPED;
	}
	must(to.v == page_physical(p));
	return attrs;
}

static unsigned attrs_wanted(unsigned who, unsigned p)
{
	const struct model_page *page = &model.pages[p];
	unsigned device = page_is_device(p) ? STAGE2_DEVICE : 0;

	if (page->stale_of == who + 1) {
		return page->stale;
	}
	if (page->owner == who) {
		return device | (page->state == GIVEN_AWAY ? STAGE2_LENT : page->permits) |
		       (page->state == SHARED ? STAGE2_SHARED_OWNED : 0);
	}
	if (who != NWD && page->borrowed[who] != 0) {
		return device | page->borrowed[who] | STAGE2_SHARED_BORROWED;
	}
	return NOT_MAPPED;
}

/* Pages that a table maps, wherever. */
static uint64_t mapped_in(struct stage2 *table)
{
	uint64_t pages = 0, run;
	unsigned attrs;

	for (ipa_t at = ipa(0); stage2_next(table, &at, &run, &attrs); at = ipa(at.v + run)) {
		pages += run / PAGE_SIZE;
	}
	return pages;
}

static void compare_party(unsigned who)
{
	uint64_t mapped = mapped_in(ffa_space_ns(&world.space[who]));
	uint64_t wanted_pages = REGION / PAGE_SIZE - model.each; /* what of its memory the model does not know */

	for (unsigned p = 0; p < model_pages(); p++) {
		unsigned is = attrs_in(who, p), wanted = attrs_wanted(who, p);

		if (is != wanted) {
			fprintf(stderr, "page %u of plot %u for party %u: %x and not %x\n", p % model.each, plot_of(p),
				who, is, wanted);
			abort();
		}
		wanted_pages += is != NOT_MAPPED ? 1 : 0;
	}
	if (!world.guests && who != NWD) {
		mapped += mapped_in(&world.space[who].secure);
	}
	must(mapped == wanted_pages);
}

static void model_compare(void)
{
	unsigned count = 0;

	for (unsigned who = 0; who < model.parties; who++) {
		if (party(who)->space != NULL) {
			compare_party(who);
		}
		must(world.space[who].record_bytes == records_of(who));
	}
	for (unsigned p = 0; p < model_pages(); p++) {
		must(page_is_device(p) || *page_word(p) == model.pages[p].value);
	}
	for (unsigned i = 0; i < MODEL_SENT; i++) {
		count += model.sent[i].used ? 1 : 0;
	}
	must(ffa_mem_count() == count);
	must(world.pages_back == model.back);
}

/* ---- what calls do to pages ---- */

static void model_zero(const struct model_sent *t)
{
	for_each_page(p, t)
	{
		model.pages[p].value = 0;
		must(*page_word(p) == 0);
	}
}

/* A page that a guest had which has ended comes back; until that has other RAM its tables stay as they are. */
static void model_free(unsigned p, unsigned guest)
{
	struct model_page *page = &model.pages[p];

	if (page->owner == guest) {
		page->stale = attrs_wanted(guest, p);
		page->stale_of = guest + 1;
	}
	page->owner = NOBODY;
	page->state = EXCLUSIVE;
	page->value = 0;
	model.back++;
}

/* It is over. The pages are their owner's again; if that was a guest and has ended, nobody's, and zeroed. */
static void model_return(struct model_sent *t)
{
	for_each_page(p, t)
	{
		if (t->orphan && world.guests) {
			model_free(p, t->owner);
		} else {
			model.pages[p].state = EXCLUSIVE;
		}
	}
	model.old_handle = t->s.handle;
	t->used = false;
}

static void model_let_go(struct model_sent *t, unsigned i, unsigned who, bool zero)
{
	for_each_page(p, t) { model.pages[p].borrowed[who] = 0; }
	t->zero_last |= zero || t->zero_after[i];
	t->held[i] = false;
	t->fetching[i] = false;
	if (!anybody_holds(t)) {
		if (t->zero_last || (t->orphan && !t->device)) {
			model_zero(t);
		}
		t->zero_last = false;
		if (t->orphan) {
			model_return(t);
		}
	}
}

/* What becomes of a transaction when the party ends. Of one for SPs below they decide, too: it is still here then. */
static void model_part(struct model_sent *t, unsigned who)
{
	unsigned i = index_in(t, sp_id(who));

	if (!t->used) {
		return;
	}
	if (t->owner != who) {
		if (i < MODEL_TO) {
			t->barred[i] = true;
			if (t->given) {
				t->used = false;
			} else if (t->held[i]) {
				model_let_go(t, i, who, alone(t) && t->writes[i] && !t->device);
			}
		}
	} else if (t->partial) {
		t->used = false;
	} else if (anybody_holds(t)) {
		t->orphan |= !t->given;
	} else if (!t->below) {
		model_return(t);
	}
}

/* Whether a party that has ended must be told that others have pages of it. */
static bool orphans_of(unsigned who)
{
	bool found = false;

	for (unsigned i = 0; i < MODEL_SENT; i++) {
		found |= model.sent[i].used && model.sent[i].orphan && model.sent[i].owner == who;
	}
	return found;
}

#endif
