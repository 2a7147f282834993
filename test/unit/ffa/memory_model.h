/* SPDX-License-Identifier: MIT */
/*
 * Chance calls on the world of memory_world.h, each with the answer that a list of pages and of who has them predicts,
 * and afterwards a comparison of every page in every table, and of its contents, with that list.
 */
#ifndef TEST_FFA_MEMORY_MODEL_H
#define TEST_FFA_MEMORY_MODEL_H

#include "memory_world.h"

#define MODEL_PAGES (PARTIES * PAGES)
#define MODEL_SENT 8u
#define MODEL_RANGES 5u
#define MODEL_TO 3u
#define MODEL_VM 9u

enum { EXCLUSIVE, SHARED, GIVEN_AWAY };

struct model_page {
	unsigned owner, permits; /* STAGE2_R, W, X of the owner while the page is his alone */
	unsigned state;
	unsigned borrowed[SPS]; /* what an SP that is not the owner may do */
	uint64_t value;
};

struct model_sent {
	bool used, partial, orphan, zero_last;
	uint64_t handle;
	unsigned owner;
	enum ffa_memory_type type;
	struct descriptor d;
	struct range ranges[MODEL_RANGES];
	unsigned permits; /* the owner's before */
	bool device, ns;
	bool held[MODEL_TO], zero_after[MODEL_TO], barred[MODEL_TO], writes[MODEL_TO];
};

static struct {
	struct model_page pages[MODEL_PAGES];
	struct model_sent sent[MODEL_SENT];
	uint64_t old_handle;
	unsigned (*chance)(void); /* a byte */
	unsigned long calls, successes;
} model;

static inline unsigned chance(unsigned bound) { return model.chance() % bound; }
static inline bool page_is_ns(unsigned p) { return p / PAGES == NWD; }
static inline bool page_is_device(unsigned p) { return p / PAGES != NWD && p % PAGES == DEVICE_PAGE; }
static inline uint64_t page_address(unsigned p) { return page_at(p / PAGES, p % PAGES); }
/* A word of its contents; there is nothing to read in a device, so that nobody writes zeroes there. */
static inline uint64_t *page_word(unsigned p) { return pa_ptr(pa(page_address(p) + PAGE_SIZE - 8)); }
static inline void set_page_word(unsigned p, uint64_t value)
{
	if (!page_is_device(p)) {
		*page_word(p) = value;
	}
}

/* The model's page at an address, or MODEL_PAGES. */
static unsigned page_of(uint64_t address)
{
	for (unsigned who = 0; who < PARTIES; who++) {
		if (range_in(address, PAGE_SIZE, world.region[who].v, PAGES * PAGE_SIZE)) {
			return who * PAGES + (unsigned)((address - world.region[who].v) / PAGE_SIZE);
		}
	}
	return MODEL_PAGES;
}

#define for_each_page(p, t)                                                                                       \
	for (unsigned r_ = 0; r_ < (t)->d.range_count; r_++)                                                      \
		for (unsigned k_ = 0, p;                                                                          \
		     k_ < (t)->ranges[r_].pages && (p = page_of((t)->ranges[r_].address + k_ * PAGE_SIZE), true); \
		     k_++)

static void model_start(unsigned (*bytes)(void))
{
	world_start();
	memset(&model, 0, sizeof(model));
	model.chance = bytes;
	for (unsigned p = 0; p < MODEL_PAGES; p++) {
		unsigned n = p % PAGES;
		bool sp = p / PAGES != NWD;

		model.pages[p] = (struct model_page){ .owner = p / PAGES, .value = p + 1 };
		model.pages[p].permits = sp && n == READ_ONLY_PAGE ? STAGE2_R : sp && n == DEVICE_PAGE ? RW : RWX;
		set_page_word(p, p + 1);
	}
}

/* ---- what must be true after every call ---- */

#define NOT_MAPPED UINT32_MAX

static unsigned attrs_in(unsigned who, unsigned p)
{
	struct stage2 *table = page_is_ns(p) ? &world.space[who].ns : &world.space[who].secure;
	unsigned attrs;
	uint64_t run;
	pa_t to;

	if (who == NWD && !page_is_ns(p)) {
		return NOT_MAPPED;
	}
	if (!stage2_lookup(table, ipa(page_address(p)), &to, &attrs, &run)) {
		return NOT_MAPPED;
	}
	must(to.v == page_address(p));
	return attrs;
}

static unsigned attrs_wanted(unsigned who, unsigned p)
{
	const struct model_page *page = &model.pages[p];
	unsigned device = page_is_device(p) ? STAGE2_DEVICE : 0;

	if (page->owner == who) {
		return device | (page->state == GIVEN_AWAY ? STAGE2_LENT : page->permits) |
		       (page->state == SHARED ? STAGE2_SHARED_OWNED : 0);
	}
	if (who != NWD && page->borrowed[who] != 0) {
		return device | page->borrowed[who] | STAGE2_SHARED_BORROWED;
	}
	return NOT_MAPPED;
}

static void model_compare(void)
{
	unsigned count = 0;

	for (unsigned p = 0; p < MODEL_PAGES; p++) {
		for (unsigned who = 0; who < PARTIES; who++) {
			unsigned is = attrs_in(who, p), wanted = attrs_wanted(who, p);

			if (is != wanted) {
				fprintf(stderr, "page %u of party %u for party %u: %x and not %x\n", p % PAGES,
					p / PAGES, who, is, wanted);
				abort();
			}
		}
		must(page_is_device(p) || *page_word(p) == model.pages[p].value);
	}
	for (unsigned i = 0; i < MODEL_SENT; i++) {
		count += model.sent[i].used ? 1 : 0;
	}
	must(ffa_mem_count() == count);
}

static void expect(const char *what, bool ok, int code)
{
	model.calls++;
	model.successes += code == 0 ? 1 : 0;
	if (ok != (code == 0)) {
		fprintf(stderr, "%s: %d, but it should %s\n", what, code, ok ? "succeed" : "fail");
		abort();
	}
}

static void model_zero(const struct model_sent *t)
{
	for_each_page(p, t)
	{
		model.pages[p].value = 0;
		must(*page_word(p) == 0);
	}
}

static void model_describe(const struct model_sent *t)
{
	fprintf(stderr, "party %u, type %d, version %x, sender %x, attributes %x, flags %x, tag %llx, handle %llx\n",
		t->owner, t->type, t->d.version, t->d.sender, t->d.attributes, t->d.flags, (unsigned long long)t->d.tag,
		(unsigned long long)t->handle);
	for (unsigned i = 0; i < t->d.count; i++) {
		fprintf(stderr, "  to %x with %x\n", t->d.id[i], t->d.permissions[i]);
	}
	for (unsigned i = 0; i < t->d.range_count; i++) {
		unsigned p = page_of(t->ranges[i].address);

		fprintf(stderr, "  page %u of %u, %u of them\n", p % PAGES, p / PAGES, t->ranges[i].pages);
	}
}

static void expect_of(const char *what, const struct model_sent *t, bool ok, int code)
{
	if (ok != (code == 0)) {
		model_describe(t);
	}
	expect(what, ok, code);
}

/* ---- sending ---- */

static bool pages_may_go(struct model_sent *t)
{
	bool seen[MODEL_PAGES] = { false }, first = true, writes = false;

	for_each_page(p, t)
	{
		if (p == MODEL_PAGES || seen[p] || model.pages[p].owner != t->owner ||
		    model.pages[p].state != EXCLUSIVE ||
		    (!first && (model.pages[p].permits != t->permits || page_is_device(p) != t->device ||
				page_is_ns(p) != t->ns))) {
			return false;
		}
		seen[p] = true;
		first = false;
		t->permits = model.pages[p].permits;
		t->device = page_is_device(p);
		t->ns = page_is_ns(p);
	}
	for (unsigned i = 0; i < t->d.count; i++) {
		writes |= (t->d.permissions[i] & 3) == FFA_DATA_RW;
	}
	return ((t->d.flags & FFA_MEM_ZERO) == 0 || ((t->permits & STAGE2_W) != 0 && !t->device)) &&
	       (!writes || (t->permits & STAGE2_W) != 0) &&
	       (!t->device || (t->type == FFA_MEMORY_LEND && t->d.count == 1));
}

static bool receivers_ok(const struct model_sent *t)
{
	for (unsigned i = 0; i < t->d.count; i++) {
		for (unsigned k = 0; k < i; k++) {
			if (t->d.id[k] == t->d.id[i]) {
				return false;
			}
		}
		if (t->d.id[i] == t->d.sender ||
		    (t->d.id[i] == MODEL_VM && (t->owner != NWD || t->type != FFA_MEMORY_SHARE || t->d.count == 1))) {
			return false;
		}
	}
	return true;
}

/* Makes one field wrong; the call must fail then whatever else is. */
static void spoil(struct descriptor *d)
{
	/* Not 0x20: the type of what is shared may be left out. */
	static const uint16_t wrong_attributes[] = { 0x10, 0x40, 0x80 };

	switch (chance(8)) {
	case 0:
		d->flags |= 1u << (1 + chance(31));
		break;
	case 1:
		d->total_pages ^= 1u << chance(32);
		break;
	case 2:
		d->permissions[0] |= (uint8_t)(4 << chance(6));
		break;
	case 3:
		d->attributes ^= wrong_attributes[chance(ARRAY_SIZE(wrong_attributes))];
		break;
	case 4:
		d->handle = 1u << chance(32);
		break;
	case 5:
		d->id[0] = (uint16_t)(FFA_ID_SP_FIRST + SPS + chance(100));
		break;
	case 6:
		d->sender = (uint16_t)(d->sender ^ FFA_ID_SECURE);
		break;
	default:
		d->count = 0;
		break;
	}
}

static bool is_free(unsigned p, unsigned owner)
{
	return model.pages[p].owner == owner && model.pages[p].state == EXCLUSIVE;
}

static void choose_ranges(struct model_sent *t)
{
	unsigned count = 1 + chance(MODEL_RANGES), p = t->owner * PAGES + chance(PAGES);

	for (unsigned tries = 0; tries < 8 && !is_free(p, t->owner); tries++) {
		p = chance(MODEL_PAGES);
	}

	t->d.range_count = count;
	t->d.total_pages = 0;
	for (unsigned i = 0; i < count; i++) {
		p %= MODEL_PAGES;
		t->ranges[i] = (struct range){ page_address(p), 1 };
		if (p % PAGES < PAGES - 1 && chance(8) == 0) {
			t->ranges[i].pages = 2;
		}
		t->d.total_pages += t->ranges[i].pages;
		p += t->ranges[i].pages;
		while (chance(16) != 0 && !is_free(p % MODEL_PAGES, t->owner)) {
			p++;
		}
	}
	t->d.ranges = t->ranges;
}

static void choose_descriptor(struct model_sent *t)
{
	t->owner = chance(PARTIES);
	t->type = (enum ffa_memory_type)(1 + chance(3));
	t->d.version = party(t->owner)->version;
	t->d.sender = t->owner != NWD ? sp_id(t->owner) : chance(2) != 0 ? 5 : 0;
	t->d.count = t->type == FFA_MEMORY_DONATE ? 1 : 1 + chance(MODEL_TO);
	t->d.attributes = t->type == FFA_MEMORY_SHARE || t->d.count > 1 ? ATTRIBUTES_SHARED : 0;
	if (t->d.attributes != 0 && chance(4) == 0) {
		t->d.attributes &= 0xf; /* no type */
	}
	t->d.flags = t->type != FFA_MEMORY_SHARE && chance(3) == 0 ? FFA_MEM_ZERO : 0;
	t->d.tag = chance(256);
	t->d.access_size = t->d.version >= FFA_VERSION_1_2 && chance(3) == 0 ? 16 : 0;
	for (unsigned i = 0; i < t->d.count; i++) {
		unsigned to = (t->owner + 1 + i + (chance(16) == 0)) % PARTIES;

		t->d.id[i] = to == NWD ? MODEL_VM : sp_id(to);
		if (t->owner != NWD && to == NWD && chance(16) != 0) {
			t->d.id[i] = sp_id((t->owner + 1) % SPS);
		}
		t->d.permissions[i] = t->type == FFA_MEMORY_DONATE ? 0 : 1 + (uint8_t)(chance(4) != 0);
		t->d.implementation[i] = chance(256);
	}
	choose_ranges(t);
}

static void model_send(struct model_sent *t)
{
	uint32_t fixed, first = 0, next = 0;
	bool stop, spoilt, ok;
	int code;

	memset(t, 0, sizeof(*t));
	choose_descriptor(t);
	spoilt = chance(10) == 0;
	if (spoilt) {
		spoil(&t->d);
	}
	fixed = header_bytes(t->d.version) + 16 +
		t->d.count * (t->d.access_size != 0 ? t->d.access_size : access_bytes(t->d.version));
	if (chance(3) == 0) {
		first = fixed + 16 * chance(t->d.range_count + 1);
		next = 16 * (1 + chance(3));
	}
	stop = !spoilt && first != 0 && first < fixed + 16 * t->d.range_count && chance(6) == 0;
	ok = !spoilt && receivers_ok(t);
	code = send(t->owner, call_of(t->type), &t->d, first, next, stop, &t->handle);
	expect_of("send", t, ok && (stop || pages_may_go(t)), code);
	if (code != 0) {
		return;
	}
	t->used = true;
	t->partial = stop;
	if (stop) {
		return;
	}
	for_each_page(p, t) { model.pages[p].state = t->type == FFA_MEMORY_SHARE ? SHARED : GIVEN_AWAY; }
	if ((t->d.flags & FFA_MEM_ZERO) != 0) {
		model_zero(t);
	}
}

/* ---- retrieving ---- */

static unsigned index_in(const struct model_sent *t, uint16_t id)
{
	for (unsigned i = 0; i < t->d.count; i++) {
		if (t->d.id[i] == id) {
			return i;
		}
	}
	return MODEL_TO;
}

static bool alone(const struct model_sent *t) { return t->type != FFA_MEMORY_SHARE && t->d.count == 1; }

/* What SP 'who' gets for 'asked'; 0 if nothing. */
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

static void check_response(const struct model_sent *t, unsigned i, unsigned permits)
{
	const struct descriptor *r = &response.d;

	must(r->sender == t->d.sender && r->handle == t->handle && r->tag == 0 && r->count == 1);
	must(r->attributes == (t->device ? 0x10 : ATTRIBUTES_SHARED) + (t->ns ? FFA_ATTRIBUTE_NS : 0));
	must(r->flags == (t->d.flags | (uint32_t)t->type << 3));
	must(r->id[0] == t->d.id[i]);
	must(r->permissions[0] == (1 + ((permits & STAGE2_W) != 0)) + ((permits & STAGE2_X) != 0 ? 8 : 4));
	must(r->total_pages == t->d.total_pages && r->range_count == t->d.range_count);
	for (unsigned k = 0; k < r->range_count; k++) {
		must(response.ranges[k].address == t->ranges[k].address &&
		     response.ranges[k].pages == t->ranges[k].pages);
	}
}

/* Mostly one to whom it was sent. */
static unsigned choose_party(const struct model_sent *t)
{
	unsigned id = t->d.count != 0 && chance(6) != 0 ? t->d.id[chance(t->d.count)] : 0;

	return id > FFA_ID_SPMC && id <= FFA_ID_SPMC + SPS ? id - FFA_ID_SP_FIRST : chance(SPS);
}

static void model_retrieve(struct model_sent *t)
{
	unsigned who = choose_party(t), i = index_in(t, sp_id(who)), permits = 0;
	struct descriptor d = request_of(who, t->type, &t->d, t->handle);
	bool small_list = chance(t->d.count > 1 ? 3 : 16) == 0,
	     ok = t->used && !t->partial && !t->orphan && i < MODEL_TO;

	if (chance(6) == 0) {
		d.flags |= 1u << (chance(2) * 2); /* zero, zero after */
	}
	if (small_list && i < MODEL_TO) {
		d.flags |= FFA_RETRIEVE_BYPASS;
		ok = ok && t->d.count > 1;
		d.count = 1;
		d.id[0] = d.id[i];
		d.permissions[0] = d.permissions[i];
		d.implementation[0] = d.implementation[i];
	}
	if (chance(5) == 0 && i < MODEL_TO) {
		d.permissions[d.count == 1 ? 0 : i] = (uint8_t)chance(16);
	}
	if (chance(16) == 0) {
		d.tag ^= 1;
		ok = false;
	}
	if (ok) {
		permits = granted(t, i, d.permissions[d.count == 1 ? 0 : i], d.flags);
		ok = permits != 0 && (d.permissions[d.count == 1 ? 0 : i] & 3) != 3 && !t->held[i] && !t->barred[i];
	}
	expect_of("retrieve", t, ok, retrieve(who, &d));
	if (!ok) {
		return;
	}
	check_response(t, i, permits);
	for_each_page(p, t)
	{
		if (t->type == FFA_MEMORY_DONATE) {
			model.pages[p].owner = who;
			model.pages[p].state = EXCLUSIVE;
			model.pages[p].permits = permits;
		} else {
			model.pages[p].borrowed[who] = permits;
		}
	}
	t->held[i] = true;
	t->writes[i] = (permits & STAGE2_W) != 0;
	t->zero_after[i] = (d.flags & FFA_RETRIEVE_ZERO_AFTER) != 0;
	if (t->type == FFA_MEMORY_DONATE) {
		model.old_handle = t->handle;
		t->used = false;
	}
}

/* ---- giving back ---- */

static bool anybody_holds(const struct model_sent *t) { return t->held[0] || t->held[1] || t->held[2]; }

static void model_return(struct model_sent *t)
{
	for_each_page(p, t) { model.pages[p].state = EXCLUSIVE; }
	model.old_handle = t->handle;
	t->used = false;
}

static void model_let_go(struct model_sent *t, unsigned i, unsigned who, bool zero)
{
	for_each_page(p, t) { model.pages[p].borrowed[who] = 0; }
	t->zero_last |= zero || t->zero_after[i];
	t->held[i] = false;
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

static void model_relinquish(struct model_sent *t)
{
	unsigned who = choose_party(t), i = index_in(t, sp_id(who));
	bool zero = chance(4) == 0, ok = t->used && i < MODEL_TO && t->held[i];

	if (zero && ok) {
		ok = t->type != FFA_MEMORY_SHARE && t->writes[i] && !t->device;
	}
	expect_of("relinquish", t, ok, relinquish(who, sp_id(who), t->handle, zero ? FFA_MEM_ZERO : 0));
	if (ok) {
		model_let_go(t, i, who, zero);
	}
}

static void model_reclaim(struct model_sent *t)
{
	unsigned who = chance(8) == 0 ? chance(PARTIES) : t->owner;
	bool zero = chance(4) == 0;
	bool ok = t->used && !t->orphan && who == t->owner && !anybody_holds(t) &&
		  (!zero || t->partial || ((t->permits & STAGE2_W) != 0 && !t->device));

	expect_of("reclaim", t, ok, reclaim(who, t->handle, zero ? FFA_MEM_ZERO : 0));
	if (!ok) {
		return;
	}
	if (t->partial) {
		model.old_handle = t->handle;
		t->used = false;
		return;
	}
	model_return(t);
	if (zero) {
		model_zero(t);
	}
}

static void model_inspect(struct model_sent *t)
{
	bool ok = t->used && !t->partial && t->owner == NWD;

	expect_of("inspect", t, ok, inspect(t->handle));
	if (ok) {
		must(response.d.count == t->d.count && response.d.range_count == t->d.range_count);
		must(response.d.permissions[0] == t->d.permissions[0] && response.d.id[0] == t->d.id[0]);
	}
}

/* A partition dies, and a new one comes in its place. */
static void model_drop(unsigned who)
{
	bool out = ffa_mem_drop(&world.sp[who]), orphans = false;

	for (unsigned n = 0; n < MODEL_SENT; n++) {
		struct model_sent *t = &model.sent[n];
		unsigned i = index_in(t, sp_id(who));

		if (!t->used) {
			continue;
		}
		if (t->owner == who) {
			if (t->partial) {
				t->used = false;
			} else if (anybody_holds(t)) {
				t->orphan = true;
			} else {
				model_return(t);
			}
		} else if (i < MODEL_TO) {
			t->barred[i] = true;
			if (t->held[i]) {
				model_let_go(t, i, who, alone(t) && t->writes[i] && !t->device);
			}
		}
		orphans |= t->used && t->orphan && t->owner == who;
	}
	must(out == orphans);
}

/* Who may write a page writes it. */
static void model_write(unsigned p)
{
	model.pages[p].value = model.chance() + 1000;
	set_page_word(p, model.pages[p].value);
}

static void model_step(void)
{
	struct model_sent *t = &model.sent[chance(MODEL_SENT)];
	unsigned what = chance(32);
	static const uint32_t versions[] = { FFA_VERSION_1_0, FFA_VERSION_1_1, FFA_VERSION_1_2 };

	/* Mostly one that is there. */
	for (unsigned tries = 0; what < 25 && !t->used && tries < 8; tries++) {
		t = &model.sent[chance(MODEL_SENT)];
	}
	switch (what) {
	case 0:
		model_drop(chance(SPS));
		break;
	case 1:
		party(chance(PARTIES))->version = versions[chance(3)];
		break;
	case 2:
		expect("old handle", false, reclaim(chance(PARTIES), model.old_handle, 0));
		break;
	case 3 ... 4:
		model_inspect(t);
		break;
	case 5 ... 7:
		model_write(chance(MODEL_PAGES));
		break;
	case 8 ... 11:
		model_reclaim(t);
		break;
	case 12 ... 17:
		model_relinquish(t);
		break;
	case 18 ... 24:
		model_retrieve(t);
		break;
	default:
		for (unsigned i = 0; i < MODEL_SENT; i++) {
			if (!model.sent[i].used) {
				model_send(&model.sent[i]);
				break;
			}
		}
		break;
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
			must(model.sent[n].owner == NWD && reclaim(NWD, model.sent[n].handle, 0) == 0);
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
