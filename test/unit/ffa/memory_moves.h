/* SPDX-License-Identifier: MIT */
/* Chance calls of any party, each with the answer that the model predicts (memory_model.h). */
#ifndef TEST_FFA_MEMORY_MOVES_H
#define TEST_FFA_MEMORY_MOVES_H

#include "memory_model.h"

/* What the world that includes this says of it. */
static bool sends_may_go(const struct model_sent *t); /* who sends to whom */
static bool refused_below(void);                      /* since this was asked last */
static void choose_receivers(struct model_sent *t);

static inline bool is_up(unsigned who) { return !model.down[who]; }

/* ---- sending ---- */

static bool pages_may_go(struct model_sent *t)
{
	bool seen[MODEL_PAGES_MAX] = { false }, first = true, writes = false;

	for_each_page(p, t)
	{
		if (p >= model_pages() || seen[p] || model.pages[p].owner != t->owner ||
		    model.pages[p].state != EXCLUSIVE || (world.guests && plot_of(p) != model.plot[t->owner]) ||
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
		if (t->d.id[i] == t->d.sender) {
			return false;
		}
	}
	return sends_may_go(t);
}

/* Makes one field wrong; the call must fail then whatever else is. */
static void spoil(struct model_sent *t)
{
	/* Not 0x20: the type of what is shared may be left out. */
	static const uint16_t wrong_attributes[] = { 0x10, 0x40, 0x80 };
	struct descriptor *d = &t->d;
	struct range *range = &t->ranges[chance(d->range_count)];

	switch (chance(12)) {
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
		d->id[0] = (uint16_t)((world.guests && chance(2) != 0 ? 1 : FFA_ID_SP_FIRST) + SPS + chance(100));
		break;
	case 6:
		d->sender = (uint16_t)(d->sender ^ FFA_ID_SECURE);
		break;
	case 7:
		range->address |= 1u << chance(12);
		break;
	case 8: /* where nobody has anything, or no address is */
		range->address ^= BIT(39 + chance(25));
		break;
	case 9:
		d->total_pages -= range->pages;
		range->pages = 0;
		break;
	case 10: /* more than there is, or a sum that wraps */
		d->total_pages -= range->pages;
		range->pages = 1u << (9 + chance(23));
		d->total_pages += range->pages;
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

static void add_range(struct model_sent *t, unsigned p, unsigned pages)
{
	unsigned i = t->d.range_count++;

	t->page[i] = p;
	t->ranges[i] = (struct range){ page_address(t->owner, p), pages };
	t->d.total_pages += pages;
}

/* Ranges of a page, mostly, anywhere; most of them of the owner's. */
static void choose_some_ranges(struct model_sent *t)
{
	unsigned count = 1 + chance(5), p = model.plot[t->owner] * model.each + chance(model.each);

	for (unsigned tries = 0; tries < 8 && !is_free(p, t->owner); tries++) {
		p = chance(model_pages());
	}
	for (unsigned i = 0; i < count; i++) {
		p %= model_pages();
		add_range(t, p, p % model.each < model.each - 1 && chance(8) == 0 ? 2 : 1);
		p += t->ranges[i].pages;
		for (unsigned tries = 0; tries < 64 && chance(16) != 0 && !is_free(p % model_pages(), t->owner);
		     tries++) {
			p++;
		}
	}
}

/* All that is free: more than one fragment of either direction has. */
static void choose_all_ranges(struct model_sent *t)
{
	for (unsigned n = DEVICE_PAGE + 1; n < model.each; n++) {
		unsigned p = model.plot[t->owner] * model.each + n;

		if (is_free(p, t->owner)) {
			add_range(t, p, 1);
		}
	}
}

static void choose_descriptor(struct model_sent *t)
{
	t->type = (enum ffa_memory_type)(1 + chance(3));
	t->d.version = party(t->owner)->version;
	t->d.sender = t->owner != NWD ? sp_id(t->owner) : chance(2) != 0 ? 5 : 0;
	t->d.count = t->type == FFA_MEMORY_DONATE ? 1 : 1 + chance(MODEL_TO);
	t->d.flags = t->type != FFA_MEMORY_SHARE && chance(3) == 0 ? FFA_MEM_ZERO : 0;
	t->d.tag = chance(256);
	t->d.access_size = t->d.version >= FFA_VERSION_1_2 && chance(3) == 0 ? 16 : 0;
	choose_receivers(t);
	t->d.attributes = t->type == FFA_MEMORY_SHARE || t->d.count > 1 ? ATTRIBUTES_SHARED : 0;
	if (t->d.attributes != 0 && chance(4) == 0) {
		t->d.attributes &= 0xf; /* no type */
	}
	for (unsigned i = 0; i < t->d.count; i++) {
		t->d.permissions[i] = t->type == FFA_MEMORY_DONATE ? 0 : 1 + (uint8_t)(chance(4) != 0);
		t->d.implementation[i] = chance(256);
	}
	t->d.ranges = t->ranges;
	if (model.each > PAGES && chance(3) == 0) {
		choose_all_ranges(t);
	}
	if (t->d.range_count == 0) {
		choose_some_ranges(t);
	}
	t->below = world.guests && ffa_id_is_secure(t->d.id[0]);
}

/* A fragment was answered: the last one, or not. */
static void sent_fragment(struct model_sent *t, bool ok, int code)
{
	bool last = t->s.at == t->s.total, refused = refused_below();

	if (!settle("send", t, ok && !refused && (!last || pages_may_go(t)), code)) {
		t->used = false;
		return;
	}
	t->used = true;
	t->partial = !last;
	if (!last) {
		return;
	}
	for_each_page(p, t) { model.pages[p].state = t->type == FFA_MEMORY_SHARE ? SHARED : GIVEN_AWAY; }
	if ((t->d.flags & FFA_MEM_ZERO) != 0) {
		model_zero(t);
	}
}

/* The rest, or some more of it. */
static void model_continue(struct model_sent *t)
{
	while (t->used && t->partial && chance(8) != 0) {
		uint32_t next = 16 * (1 + chance(3)) * (t->d.range_count > 16 ? 20 : 1);

		sent_fragment(t, true, send_next(&t->s, next));
	}
}

/* A fragment that does not fit: it ends the transaction if it is one at all. */
static void model_overrun(struct model_sent *t)
{
	uint32_t left = t->s.total - t->s.at, length = chance(2) != 0 ? left + 16 : left - chance(16);
	unsigned who = chance(2) != 0 ? t->owner : chance(model.parties);
	bool fragment = length != 0 && length % 16 == 0 && length <= BUFFER;
	int code;

	if (!is_up(who) || length == left) {
		return;
	}
	memset(tx_of(who), 0, MIN(length, BUFFER));
	code = call(ffa_mem_frag_tx, who, FFA_MEM_FRAG_TX, (uint32_t)t->s.handle, t->s.handle >> 32, length,
		    fragment_endpoint(who, t->d.sender));
	(void)refused_below();
	settle("overrun", t, false, code);
	if (fragment && who == t->owner) {
		t->used = false;
	}
}

static void model_send(struct model_sent *t)
{
	uint32_t fixed, first = 0;
	uint64_t handle;
	bool ok;

	memset(t, 0, sizeof(*t));
	t->owner = chance(model.parties);
	if (!is_up(t->owner)) {
		return;
	}
	choose_descriptor(t);
	fixed = header_bytes(t->d.version) + 16 +
		t->d.count * (t->d.access_size != 0 ? t->d.access_size : access_bytes(t->d.version));
	if (chance(3) == 0) {
		first = fixed + 16 * chance(MIN(t->d.range_count, 200) + 1);
	}
	if (chance(10) == 0) {
		spoil(t);
		settle("spoilt", t, false,
		       send(t->owner, call_of(t->type), &t->d, first, first != 0 ? 48 : 0, false, &handle));
		(void)refused_below();
		return;
	}
	ok = receivers_ok(t) && record_fits(t);
	t->s = (struct sending){ .who = t->owner, .d = &t->d };
	sent_fragment(t, ok, send_first(&t->s, call_of(t->type), first));
	model_continue(t);
}

/* ---- retrieving ---- */

/* All of a response has come, in RX and before. */
static void check_response(const struct model_sent *t, unsigned i, unsigned who, unsigned permits)
{
	const struct descriptor *r = &response.d;

	must(r->sender == t->d.sender && r->handle == t->s.handle && r->tag == 0 && r->count == 1);
	must(r->attributes == (t->device ? 0x10 : ATTRIBUTES_SHARED) + (t->ns ? FFA_ATTRIBUTE_NS : 0));
	must(r->flags == (t->d.flags | (uint32_t)t->type << 3));
	must(r->id[0] == t->d.id[i]);
	must(r->permissions[0] == (1 + ((permits & STAGE2_W) != 0)) + ((permits & STAGE2_X) != 0 ? 8 : 4));
	must(r->total_pages == t->d.total_pages && r->range_count == t->d.range_count);
	for (unsigned k = 0; k < r->range_count; k++) {
		must(response.ranges[k].address == page_address(who, t->page[k]) &&
		     response.ranges[k].pages == t->ranges[k].pages);
	}
}

/* Mostly one to whom it was sent. */
static unsigned choose_party(const struct model_sent *t)
{
	unsigned wanted = t->d.count != 0 && chance(6) != 0 ? t->d.id[chance(t->d.count)] : 0;

	for (unsigned who = 0; who < SPS; who++) {
		if (sp_id(who) == wanted) {
			return who;
		}
	}
	return chance(SPS);
}

static void has_pages(struct model_sent *t, unsigned who, unsigned permits)
{
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
	if (t->type == FFA_MEMORY_DONATE) {
		t->given = true;
		if (t->owner != NWD) {
			model.lost[t->owner]++;
		}
	}
}

/* Its receiver knows what it has. */
static void has_fetched(struct model_sent *t, unsigned i)
{
	t->fetching[i] = false;
	if (t->given) {
		model.old_handle = t->s.handle;
		t->used = false;
	}
}

/* What is asked for: mostly what was sent. False: it cannot be had. */
static bool choose_request(const struct model_sent *t, unsigned i, struct descriptor *d)
{
	bool ok = true;

	if (chance(6) == 0) {
		d->flags |= 1u << (chance(2) * 2); /* zero, zero after */
	}
	if (chance(t->d.count > 1 ? 3 : 16) == 0 && i < MODEL_TO) {
		d->flags |= FFA_RETRIEVE_BYPASS;
		ok = t->d.count > 1;
		d->count = 1;
		d->id[0] = d->id[i];
		d->permissions[0] = d->permissions[i];
		d->implementation[0] = d->implementation[i];
	}
	if (chance(5) == 0 && i < MODEL_TO) {
		d->permissions[d->count == 1 ? 0 : i] = (uint8_t)chance(16);
	}
	if (chance(16) == 0) {
		d->tag ^= 1;
		ok = false;
	}
	return ok;
}

/* As if a message were in it. */
static void set_rx_full(unsigned who, bool full) { party(who)->mailbox.rx_state = full ? FFA_RX_FULL : FFA_RX_EMPTY; }

static void model_retrieve(struct model_sent *t)
{
	unsigned who = choose_party(t), i = index_in(t, sp_id(who)), permits = 0;
	struct descriptor d = request_of(who, t->type, &t->d, t->s.handle);
	struct fetching f = { .who = who };
	bool ok = choose_request(t, i, &d) && t->used && !t->partial && !t->orphan && !t->given && i < MODEL_TO;
	bool full = chance(16) == 0;

	if (!is_up(who)) {
		return;
	}
	if (ok) {
		uint8_t asked = d.permissions[d.count == 1 ? 0 : i];

		permits = granted(t, i, asked, d.flags);
		ok = permits != 0 && (asked & 3) != 3 && !t->held[i] && !t->barred[i];
	}
	ok = ok && !full;
	set_rx_full(who, full);
	ok = settle("retrieve", t, ok, retrieve_first(&f, &d));
	if (full) {
		set_rx_full(who, false);
	}
	if (!ok) {
		return;
	}
	has_pages(t, who, permits);
	t->held[i] = true;
	t->writes[i] = (permits & STAGE2_W) != 0;
	t->zero_after[i] = (d.flags & FFA_RETRIEVE_ZERO_AFTER) != 0;
	if (f.got < f.total && chance(2) != 0) {
		t->fetching[i] = true;
		t->f[i] = f;
		return;
	}
	while (f.got < f.total) {
		must(fetch_next(&f) == 0);
	}
	parse_response(party(who)->version, f.total);
	check_response(t, i, who, permits);
	has_fetched(t, i);
}

/* Somebody asks for more of a response: where he is, or elsewhere. */
static void model_fetch(struct model_sent *t)
{
	unsigned who = choose_party(t), i = index_in(t, sp_id(who));
	struct fetching f = i < MODEL_TO && t->used && t->fetching[i]
				    ? t->f[i]
				    : (struct fetching){ .who = who,
							 .handle = t->s.handle,
							 .got = 64 + 16 * chance(256) };
	bool ok = i < MODEL_TO && t->used && t->fetching[i] && chance(4) != 0;

	if (!is_up(who)) {
		return;
	}
	if (!ok) {
		f.got ^= 16u << chance(8);
	}
	if (!settle("fetch", t, ok, fetch_next(&f))) {
		return;
	}
	for (uint32_t k = 0; k < f.last / 16; k++) {
		unsigned r = t->d.range_count - (f.total - f.got) / 16 - f.last / 16 + k;

		must(get(rx_of(who) + k * 16, 8) == page_address(who, t->page[r]));
		must(get(rx_of(who) + k * 16 + 8, 8) == t->ranges[r].pages);
	}
	t->f[i] = f;
	if (f.got == f.total) {
		has_fetched(t, i);
	}
}

/* ---- giving back ---- */

/* Zeroes, and now and then what is not defined. */
static uint32_t choose_flags(bool *defined)
{
	*defined = chance(24) != 0;
	return (chance(4) == 0 ? FFA_MEM_ZERO : 0) | (*defined ? 0 : 1u << (2 + chance(30)));
}

static void model_relinquish(struct model_sent *t)
{
	unsigned who = choose_party(t), i = index_in(t, sp_id(who)), named = chance(16) == 0 ? chance(SPS) : who;
	bool defined, ok = t->used && !t->given && i < MODEL_TO && t->held[i] && !t->fetching[i];
	uint32_t flags = choose_flags(&defined);

	if (!is_up(who)) {
		return;
	}
	if (flags != 0 && ok) {
		ok = defined && t->type != FFA_MEMORY_SHARE && t->writes[i] && !t->device;
	}
	ok = ok && named == who;
	if (settle("relinquish", t, ok, relinquish(who, sp_id(named), t->s.handle, flags))) {
		model_let_go(t, i, who, flags != 0);
	}
}

static void model_reclaim(struct model_sent *t)
{
	unsigned who = chance(8) == 0 ? chance(model.parties) : t->owner;
	bool defined, ok;
	uint32_t flags = choose_flags(&defined);
	bool zero = (flags & FFA_MEM_ZERO) != 0;
	int code;

	if (!is_up(who)) {
		return;
	}
	ok = t->used && !t->orphan && !t->given && who == t->owner && defined && !anybody_holds(t) &&
	     (!zero || t->partial || ((t->permits & STAGE2_W) != 0 && !t->device));
	code = reclaim(who, t->s.handle, flags);
	/* What was not complete is forgotten here whatever they say below. */
	if (refused_below() && !t->partial) {
		ok = false;
	}
	if (!settle("reclaim", t, ok, code)) {
		return;
	}
	if (t->partial) {
		model.old_handle = t->s.handle;
		t->used = false;
		return;
	}
	model_return(t);
	if (zero) {
		model_zero(t);
	}
}

/* Who may write a page writes it. */
static void model_write(unsigned p)
{
	if (model.pages[p].owner != NOBODY) {
		set_page(p, model.chance() + 1000);
	}
}

/* ---- any of these ---- */

static struct model_sent *choose_sent(void)
{
	struct model_sent *t = &model.sent[chance(MODEL_SENT)];

	/* Mostly one that is there. */
	for (unsigned tries = 0; !t->used && tries < 8; tries++) {
		t = &model.sent[chance(MODEL_SENT)];
	}
	return t;
}

static void send_new(void)
{
	for (unsigned i = 0; i < MODEL_SENT; i++) {
		if (!model.sent[i].used) {
			model_send(&model.sent[i]);
			break;
		}
	}
}

static bool anybody_fetches(void)
{
	bool found = false;

	for (unsigned i = 0; i < MODEL_SENT * MODEL_TO; i++) {
		found |= model.sent[i / MODEL_TO].used && model.sent[i / MODEL_TO].fetching[i % MODEL_TO];
	}
	return found;
}

/* 'what': below 32. */
static void model_move(unsigned what)
{
	static const uint32_t versions[] = { FFA_VERSION_1_0, FFA_VERSION_1_1, FFA_VERSION_1_2 };
	unsigned who = chance(model.parties);
	struct model_sent *t = choose_sent();

	if (!t->used && what > 6 && chance(4) != 0) {
		send_new(); /* seldom about nothing */
		return;
	}
	switch (what) {
	case 0:
		if (!anybody_fetches()) { /* in the middle of that it cannot negotiate */
			party(who)->version = versions[chance(3)];
		}
		break;
	case 1:
		if (is_up(who)) {
			settle("old handle", NULL, false, reclaim(who, model.old_handle, 0));
		}
		break;
	case 2 ... 3:
		model_fetch(t);
		break;
	case 4 ... 6:
		model_write(chance(model_pages()));
		break;
	case 7 ... 10:
		model_reclaim(t);
		break;
	case 11 ... 16:
		model_relinquish(t);
		break;
	case 17 ... 23:
		model_retrieve(t);
		break;
	case 24 ... 25:
		if (t->used && t->partial && is_up(t->owner)) {
			model_continue(t);
		}
		break;
	case 26:
		if (t->used && t->partial && is_up(t->owner)) {
			model_overrun(t);
		}
		break;
	default:
		send_new();
		break;
	}
}

#endif
