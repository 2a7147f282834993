/* SPDX-License-Identifier: MIT */
#include "ffa/mailbox.h"

#include "arch/atomic.h"
#include "core/mm/stage2.h"
#include "ffa/answer.h"
#include "ffa/below.h"
#include "ffa/endpoint.h"
#include "ffa/memory.h"
#include "ffa/port.h"
#include "lib/panic.h"
#include "lib/str.h"

#define RXTX_MAP_PAGES_MASK 0x3fu /* of w3; the rest MBZ */
#define RXTX_OFFSET_ALIGN 8

/* ---- the pages of a buffer ---- */

/*
 * Takes the pages of a buffer from ordinary use: they are the endpoint's own and only its own, ordinary memory, all
 * alike, and permit 'need'; then they are shared with the SPMC and permit 'keep' of what they did. Whoever shares or
 * lends one of them at the same moment comes before or after: stage2_turn() is one step. ERR_DENIED, ERR_NO_MEMORY.
 */
static enum err buffer_take(struct ffa_endpoint *e, uint64_t base, uint32_t size, unsigned need, unsigned keep,
			    struct ffa_buffer *out)
{
	struct stage2 *table = ffa_space_table(e->space, base);
	pa_t to = pa(base + e->space->own_offset);
	unsigned attrs, state;

	if (table == NULL || !ffa_space_may_give(e->space, ipa(base), size) ||
	    !stage2_uniform(table, ipa(base), to, size, &attrs)) {
		return ERR_DENIED;
	}
	state = attrs & STAGE2_STATE_MASK;
	if (state != STAGE2_OWNED || (attrs & STAGE2_DEVICE) != 0 || (attrs & need) != need) {
		return ERR_DENIED;
	}
	*out = (struct ffa_buffer){
		.table = table,
		.address = ipa(base),
		.base = to,
		.attrs_before = attrs,
		.attrs = (attrs & ~(unsigned)(STAGE2_STATE_MASK | STAGE2_R | STAGE2_W | STAGE2_X)) | (attrs & keep) |
			 STAGE2_SHARED_OWNED,
	};
	return stage2_turn(table, ipa(base), size, attrs, out->attrs);
}

/* Ordinary memory again. Needs no table that is not there, and nobody else changes pages in this state. */
static void buffer_return(const struct ffa_buffer *b, uint32_t size)
{
	CHECK(stage2_turn(b->table, b->address, size, b->attrs, b->attrs_before) == OK);
}

/* ---- mapping (13.6, 13.7) ---- */

/* A partition reads RX and no more; nobody executes a buffer. The mailbox is locked. */
static enum ffa_code buffers_take(struct ffa_endpoint *e, uint64_t tx, uint64_t rx, uint32_t size)
{
	struct ffa_mailbox *m = &e->mailbox;
	unsigned rx_need = ffa_is_local(e) ? STAGE2_R : STAGE2_R | STAGE2_W;
	enum err err = buffer_take(e, tx, size, STAGE2_R | STAGE2_W, STAGE2_R | STAGE2_W, &m->tx);

	if (err == OK) {
		err = buffer_take(e, rx, size, rx_need, rx_need, &m->rx);
		if (err != OK) {
			buffer_return(&m->tx, size);
		}
	}
	if (err == OK || err == ERR_NO_MEMORY) {
		return err == OK ? FFA_OK : FFA_NO_MEMORY;
	}
	return ffa_is_local(e) ? FFA_INVALID_PARAMETERS : FFA_DENIED;
}

/* A guest's buffers are the SPMC's below too, if there is one. */
static bool is_known_below(const struct ffa_endpoint *e)
{
	return e->kind == FFA_KIND_GUEST && ffa_below != NULL;
}

static enum ffa_code tell_below(struct ffa_endpoint *e, uint32_t size)
{
	struct ffa_mailbox *m = &e->mailbox;
	enum ffa_code code;

	if (!is_known_below(e)) {
		return FFA_OK;
	}
	code = ffa_below->rxtx_map(e, m->tx.base, m->rx.base, size / PAGE_SIZE);
	if (code != FFA_OK) {
		buffer_return(&m->tx, size);
		buffer_return(&m->rx, size);
	}
	return code;
}

static enum ffa_code map_once(struct ffa_endpoint *e, uint64_t tx, uint64_t rx, uint64_t pages, bool fixed)
{
	struct ffa_mailbox *m = &e->mailbox;
	uint32_t size = (uint32_t)(pages * PAGE_SIZE);
	enum ffa_code code;

	spin_lock(&m->lock);
	if (m->size != 0) {
		code = FFA_DENIED;
	} else if (pages == 0 || pages > FFA_RXTX_PAGES_MAX || !IS_ALIGNED(tx | rx, PAGE_SIZE) ||
		   range_overlaps(tx, size, rx, size)) {
		code = FFA_INVALID_PARAMETERS;
	} else {
		code = buffers_take(e, tx, rx, size);
		code = code == FFA_OK ? tell_below(e, size) : code;
	}
	if (code == FFA_OK) {
		m->rx_state = FFA_RX_EMPTY;
		m->reader = NULL;
		m->fixed = fixed;
		atomic_store(&m->size, size);
	}
	spin_unlock(&m->lock);
	return code;
}

static enum ffa_code map(struct ffa_endpoint *e, uint64_t tx, uint64_t rx, uint64_t pages, bool fixed)
{
	enum ffa_code code = map_once(e, tx, rx, pages, fixed);

	if (code == FFA_NO_MEMORY) {
		ffa_mem_compact();
		code = map_once(e, tx, rx, pages, fixed);
	}
	return code;
}

enum ffa_code ffa_mailbox_set_fixed(struct ffa_endpoint *e, pa_t tx, pa_t rx, uint32_t size)
{
	return IS_ALIGNED(size, PAGE_SIZE) ? map(e, tx.v, rx.v, size / PAGE_SIZE, true) : FFA_INVALID_PARAMETERS;
}

/* 'fixed_too': the endpoint is no more. */
static enum ffa_code unmap(struct ffa_endpoint *e, bool fixed_too)
{
	struct ffa_mailbox *m = &e->mailbox;
	enum ffa_code code = FFA_OK;

	spin_lock(&m->lock);
	if (m->size == 0) {
		code = FFA_INVALID_PARAMETERS;
	} else if (m->fixed && !fixed_too) {
		code = FFA_DENIED;
	} else {
		if (is_known_below(e)) {
			ffa_below->rxtx_unmap(e);
		}
		buffer_return(&m->tx, m->size);
		buffer_return(&m->rx, m->size);
		atomic_store(&m->size, 0);
		m->rx_state = FFA_RX_EMPTY;
		m->fixed = false;
	}
	spin_unlock(&m->lock);
	return code;
}

void ffa_mailbox_drop(struct ffa_endpoint *e)
{
	unmap(e, true);
}

/* One buffer of a forwarded map: a composite with one range, whose pages are the whole of it. */
struct forwarded_buffer {
	struct ffa_composite composite;
	struct ffa_constituent range;
};

static bool forwarded_read(struct ffa_endpoint *caller, uint32_t offset, struct forwarded_buffer *out)
{
	return IS_ALIGNED(offset, RXTX_OFFSET_ALIGN) && ffa_tx_read(caller, offset, out, sizeof(*out)) == FFA_OK &&
	       out->composite.range_count == 1 && out->composite.page_count == out->range.page_count;
}

/* The hypervisor maps the buffers of a VM, which it describes in its own TX buffer (7.2.2.5). */
static enum ffa_code map_forwarded(struct ffa_endpoint *caller)
{
	struct ffa_endpoint_rxtx header;
	struct forwarded_buffer tx, rx;
	struct ffa_endpoint *vm;
	enum ffa_code code;

	if (ffa_tx_read(caller, 0, &header, sizeof(header)) != FFA_OK || header.endpoint == FFA_ID_NWD ||
	    header.endpoint >= FFA_ID_VM_INVALID || !forwarded_read(caller, header.tx_offset, &tx) ||
	    !forwarded_read(caller, header.rx_offset, &rx) || tx.range.page_count != rx.range.page_count) {
		return FFA_INVALID_PARAMETERS;
	}
	vm = ffa_vm_get(header.endpoint);
	if (vm == NULL) {
		return FFA_NO_MEMORY;
	}
	code = map(vm, tx.range.address, rx.range.address, tx.range.page_count, false);
	ffa_endpoint_put(vm);
	return code;
}

void ffa_rxtx_map(struct ffa_endpoint *caller, uint64_t *x)
{
	uint32_t pages = (uint32_t)x[3];
	enum ffa_code code;

	if (!ffa_is_local(caller) && x[1] == 0 && x[2] == 0 && pages == 0) {
		code = map_forwarded(caller);
	} else if ((pages & ~RXTX_MAP_PAGES_MASK) != 0) {
		code = FFA_INVALID_PARAMETERS;
	} else {
		code = map(caller, x[1], x[2], pages, false);
	}
	ffa_answer_code(x, code);
}

/* Whose mailbox the call is about: a partition's own, which it does not name; id 0's or a VM's. Held; NULL: of none. */
static struct ffa_endpoint *mailbox_owner(struct ffa_endpoint *caller, uint32_t id)
{
	if (ffa_is_local(caller)) {
		return id == 0 ? caller : NULL;
	}
	return ffa_endpoint_of_call(caller, (uint16_t)id, true);
}

void ffa_rxtx_unmap(struct ffa_endpoint *caller, uint64_t *x)
{
	struct ffa_endpoint *e = mailbox_owner(caller, (uint32_t)x[1] >> 16);

	ffa_answer_code(x, e != NULL ? unmap(e, false) : FFA_INVALID_PARAMETERS);
	ffa_endpoint_put(e);
}

/* ---- who has the RX buffer (7.2.2.4) ---- */

/* Lock held. */
static enum ffa_code give_back(struct ffa_endpoint *e)
{
	struct ffa_mailbox *m = &e->mailbox;

	if (m->rx_state == FFA_RX_HYPERVISOR || (m->rx_state == FFA_RX_FULL && !ffa_rx_full_pending(e))) {
		ffa_rx_give_back(e);
		m->rx_state = FFA_RX_EMPTY;
		m->reader = NULL;
		return FFA_OK;
	}
	/* An SP may have filled it. */
	return m->size != 0 && m->rx_state == FFA_RX_EMPTY && is_known_below(e) ? ffa_below->rx_release(e) : FFA_DENIED;
}

static enum ffa_code release(struct ffa_endpoint *e)
{
	enum ffa_code code;

	spin_lock(&e->mailbox.lock);
	code = give_back(e);
	spin_unlock(&e->mailbox.lock);
	return code;
}

void ffa_mailbox_wait(struct ffa_endpoint *e, bool retain)
{
	struct ffa_mailbox *m = &e->mailbox;

	/* Without the lock: it saves the usual case its cost, and what is filled just now may as well come after. */
	if (atomic_load(&m->rx_state) == FFA_RX_EMPTY && !is_known_below(e)) {
		return;
	}
	if (retain) {
		ffa_mailbox_leave(e, ffa_port_caller());
		return;
	}
	spin_lock(&m->lock);
	/*
	 * Before 1.2 it could not say that another vCPU still reads there, and starts and interrupts have it wait when
	 * that one does not expect it.
	 */
	if (m->reader == NULL || m->reader == ffa_port_caller()) {
		(void)give_back(e);
	}
	spin_unlock(&m->lock);
}

void ffa_mailbox_leave(struct ffa_endpoint *e, const void *vcpu)
{
	spin_lock(&e->mailbox.lock);
	if (e->mailbox.reader == vcpu) {
		e->mailbox.reader = NULL;
	}
	spin_unlock(&e->mailbox.lock);
}

void ffa_rx_release(struct ffa_endpoint *caller, uint64_t *x)
{
	struct ffa_endpoint *e = mailbox_owner(caller, (uint16_t)x[1]);

	ffa_answer_code(x, e != NULL ? release(e) : FFA_INVALID_PARAMETERS);
	ffa_endpoint_put(e);
}

void ffa_rx_acquire(struct ffa_endpoint *caller, uint64_t *x)
{
	uint16_t id = (uint16_t)x[1];
	struct ffa_endpoint *vm;
	enum ffa_code code = FFA_INVALID_PARAMETERS;

	if (caller->kind != FFA_KIND_NWD || id == FFA_ID_NWD || id >= FFA_ID_VM_INVALID) {
		ffa_answer_error(x, FFA_NOT_SUPPORTED);
		return;
	}
	vm = ffa_endpoint_get(id);
	if (vm != NULL) {
		spin_lock(&vm->mailbox.lock);
		if (vm->mailbox.size != 0) {
			code = vm->mailbox.rx_state == FFA_RX_EMPTY ? FFA_OK : FFA_DENIED;
			vm->mailbox.rx_state = code == FFA_OK ? FFA_RX_HYPERVISOR : vm->mailbox.rx_state;
		}
		spin_unlock(&vm->mailbox.lock);
		ffa_endpoint_put(vm);
	}
	ffa_answer_code(x, code);
}

/* ---- for those who answer with data, or get it ---- */

enum ffa_code ffa_rx_take(struct ffa_endpoint *e)
{
	const struct ffa_mailbox *m = &e->mailbox;

	if (m->size == 0 || m->rx_state != FFA_RX_EMPTY) {
		return FFA_BUSY;
	}
	return is_known_below(e) && ffa_below->rx_acquire(e) != FFA_OK ? FFA_BUSY : FFA_OK;
}

void ffa_rx_give_back(struct ffa_endpoint *e)
{
	if (is_known_below(e)) {
		(void)ffa_below->rx_release(e);
	}
}

enum ffa_code ffa_rx_begin(struct ffa_endpoint *e, uint8_t **rx, uint32_t *size)
{
	struct ffa_mailbox *m = &e->mailbox;
	enum ffa_code code;

	spin_lock(&m->lock);
	code = ffa_rx_take(e);
	if (code != FFA_OK) {
		spin_unlock(&m->lock);
		return code;
	}
	*rx = pa_ptr(m->rx.base);
	*size = m->size;
	return FFA_OK;
}

void ffa_rx_end(struct ffa_endpoint *e, bool filled)
{
	if (filled) {
		e->mailbox.rx_state = FFA_RX_FULL;
		e->mailbox.reader = ffa_port_caller();
	} else {
		ffa_rx_give_back(e);
	}
	spin_unlock(&e->mailbox.lock);
}

enum ffa_code ffa_tx_read(struct ffa_endpoint *e, uint32_t offset, void *to, uint32_t size)
{
	struct ffa_mailbox *m = &e->mailbox;
	enum ffa_code code = FFA_INVALID_PARAMETERS;

	spin_lock(&m->lock);
	if (offset <= m->size && size <= m->size - offset) {
		memcpy(to, (const uint8_t *)pa_ptr(m->tx.base) + offset, size);
		code = FFA_OK;
	}
	spin_unlock(&m->lock);
	return code;
}

uint32_t ffa_mailbox_size(const struct ffa_endpoint *e)
{
	return atomic_load(&e->mailbox.size);
}
