/* SPDX-License-Identifier: MIT */
#include "payload/linux/ffa_test/memory.h"

#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "payload/linux/ffa_test/report.h"

/* What FFA_MEM_RETRIEVE_REQ asks for: execution too, since who lends cannot give it. */
#define ACCESS_RO 1
#define ACCESS_RW 2
#define ACCESS_XN (1 << 2)
#define ATTRIBUTES (FFA_MEM_NORMAL | FFA_MEM_WRITE_BACK | FFA_MEM_INNER_SHAREABLE)
/* Flag of the request: of several receivers it names itself only. */
#define BYPASS 0x400
#define OURS 0x111000
#define THEIRS 0x222000
#define BORROWED_ORDER (~0u) /* of another's pages, or nobody's */

static LIST_HEAD(of_test);
static LIST_HEAD(kept);
static DEFINE_MUTEX(lock);

static bool is_borrowed(const struct memory *m)
{
	return m->order == BORROWED_ORDER;
}

/* ---- pages ---- */

static void put_pages(struct memory *m)
{
	struct scatterlist *range;
	unsigned int i;

	for_each_sgtable_sg(&m->table, range, i)
	{
		if (!is_borrowed(m) && sg_page(range) != NULL) {
			__free_pages(sg_page(range), m->order);
		}
	}
	sg_free_table(&m->table);
	kfree(m);
}

static struct memory *make(unsigned int ranges, unsigned int order)
{
	struct memory *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (m == NULL || sg_alloc_table(&m->table, ranges, GFP_KERNEL) != 0) {
		kfree(m);
		test_fail("no memory");
		return NULL;
	}
	m->ranges = ranges;
	m->order = order;
	return m;
}

static struct memory *listed(struct memory *m)
{
	mutex_lock(&lock);
	list_add(&m->node, &of_test);
	mutex_unlock(&lock);
	return m;
}

struct memory *memory_get(unsigned int ranges, unsigned int order)
{
	struct memory *m = make(ranges, order);
	struct scatterlist *range;
	unsigned int i;

	if (m == NULL) {
		return NULL;
	}
	for_each_sgtable_sg(&m->table, range, i)
	{
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, order);

		if (page == NULL) {
			put_pages(m);
			test_fail("no memory");
			return NULL;
		}
		sg_set_page(range, page, PAGE_SIZE << order, 0);
	}
	return listed(m);
}

struct memory *memory_alias(const struct memory *of, unsigned int first, unsigned int ranges)
{
	struct memory *m = make(ranges, BORROWED_ORDER);
	struct scatterlist *range;
	unsigned int i;

	if (m == NULL) {
		return NULL;
	}
	for_each_sgtable_sg(&m->table, range, i)
	{
		sg_set_page(range, pfn_to_page(PHYS_PFN(memory_page(of, (first + i) << of->order))),
			    PAGE_SIZE << of->order, 0);
	}
	return listed(m);
}

struct memory *memory_of_page(phys_addr_t page)
{
	struct memory *m = make(1, BORROWED_ORDER);

	if (m == NULL) {
		return NULL;
	}
	sg_set_page(m->table.sgl, pfn_to_page(PHYS_PFN(page)), PAGE_SIZE, 0);
	return listed(m);
}

phys_addr_t memory_page(const struct memory *m, unsigned int page)
{
	struct scatterlist *range;
	unsigned int i;

	for_each_sgtable_sg(&m->table, range, i)
	{
		if (page < range->length / PAGE_SIZE) {
			return sg_phys(range) + (phys_addr_t)page * PAGE_SIZE;
		}
		page -= range->length / PAGE_SIZE;
	}
	return 0;
}

/* ---- transactions ---- */

int memory_send(struct memory *m, struct send send)
{
	struct ffa_mem_region_attributes receivers[2] = {
		{ .receiver = send.to->vm_id, .attrs = send.access },
		{ .receiver = send.also != NULL ? send.also->vm_id : 0, .attrs = send.access },
	};
	struct ffa_mem_ops_args arguments = {
		.use_txbuf = true,
		.nattrs = send.also != NULL ? 2 : 1,
		.flags = send.flags,
		.tag = m->tag,
		.sg = m->table.sgl,
		.attrs = receivers,
	};
	const struct ffa_mem_ops *ops = send.to->ops->mem_ops;
	int error = (send.kind == SHARE ? ops->memory_share : ops->memory_lend)(&arguments);

	if (error == 0) {
		m->handle = arguments.g_handle;
		m->ops = ops;
		m->kind = send.kind;
		m->to_two = send.also != NULL;
		m->sent = true;
	}
	return error;
}

int memory_reclaim(struct memory *m)
{
	int error = m->ops->memory_reclaim(m->handle, 0);

	if (error == 0) {
		m->sent = false;
	}
	return error;
}

int memory_retrieve(struct memory *m, struct ffa_device *sp, u8 access)
{
	u64 permissions = (access == FFA_MEM_RO ? ACCESS_RO : ACCESS_RW) |
			  (m->kind == LEND && !m->to_two ? ACCESS_XN : 0);
	struct words w = COMMAND(sp, COMMAND_RETRIEVE, m->handle, m->tag,
				 own_id | permissions << 16 | (u64)ATTRIBUTES << 32, m->to_two ? BYPASS : 0);

	if (w.w[0] == 0) {
		m->holders[m->holders[0] != NULL] = sp;
		m->address = w.w[3];
	}
	return (int)w.w[0];
}

int memory_relinquish(struct memory *m, struct ffa_device *sp)
{
	int code = COMMAND_CODE(sp, COMMAND_RELINQUISH, m->handle, 0);

	for (unsigned int i = 0; code == 0 && i < ARRAY_SIZE(m->holders); i++) {
		m->holders[i] = m->holders[i] == sp ? NULL : m->holders[i];
	}
	return code;
}

/* ---- what is in it ---- */

void memory_fill(const struct memory *m, u64 pattern)
{
	struct scatterlist *range;
	unsigned int i;

	for_each_sgtable_sg(&m->table, range, i)
	{
		for (unsigned int at = 0; at < range->length; at += PATTERN_STEP) {
			WRITE_ONCE(*(u64 *)(sg_virt(range) + at), pattern + at);
		}
		pattern += range->length;
	}
}

unsigned int memory_wrong(const struct memory *m, u64 pattern)
{
	struct scatterlist *range;
	unsigned int i, wrong = 0;

	for_each_sgtable_sg(&m->table, range, i)
	{
		for (unsigned int at = 0; at < range->length; at += PATTERN_STEP) {
			wrong += READ_ONCE(*(u64 *)(sg_virt(range) + at)) != pattern + at;
		}
		pattern += range->length;
	}
	return wrong;
}

int memory_fill_by(const struct memory *m, struct ffa_device *sp, u64 pattern)
{
	return COMMAND_CODE(sp, COMMAND_FILL, m->handle, pattern);
}

unsigned int memory_wrong_for(const struct memory *m, struct ffa_device *sp, u64 pattern)
{
	struct words w = COMMAND(sp, COMMAND_CHECK, m->handle, pattern);

	return w.w[0] == 0 ? (unsigned int)w.w[1] : ~0u;
}

/* We write and they read, and the other way round; then all is as before. */
void memory_round_trip(struct ffa_device *sp, enum kind kind, unsigned int ranges, unsigned int order)
{
	struct memory *m = memory_get(ranges, order);

	REQUIRE(m != NULL);
	memory_fill(m, OURS);
	m->tag = 0x1234567890;
	CHECK_CODE(SEND(m, kind, sp), 0);
	REQUIRE(m->sent && memory_retrieve(m, sp, FFA_MEM_RW) == 0);
	CHECK_EQ(memory_wrong_for(m, sp, OURS), 0);
	CHECK_CODE(memory_fill_by(m, sp, THEIRS), 0);
	if (kind == SHARE) {
		CHECK_EQ(memory_wrong(m, THEIRS), 0);
	}
	CHECK_CODE(memory_relinquish(m, sp), 0);
	CHECK_CODE(memory_reclaim(m), 0);
	CHECK_EQ(memory_wrong(m, THEIRS), 0);
}

/* ---- taking back ---- */

static int take_back(struct memory *m)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(m->holders); i++) {
		if (m->holders[i] != NULL) {
			memory_relinquish(m, m->holders[i]);
		}
	}
	return m->sent ? memory_reclaim(m) : 0;
}

/* Aliases stand before what they are of. */
static unsigned int end_list(struct list_head *list)
{
	struct memory *m, *next;
	unsigned int lost = 0;

	list_for_each_entry_safe(m, next, list, node)
	{
		list_del(&m->node);
		if (take_back(m) == 0) {
			put_pages(m);
		} else {
			lost++;
		}
	}
	return lost;
}

void memory_end_test(void)
{
	unsigned int lost = end_list(&of_test);

	if (lost != 0) {
		test_fail("%u transactions cannot be taken back", lost);
	}
}

void memory_keep(struct memory *m)
{
	mutex_lock(&lock);
	list_move(&m->node, &kept);
	mutex_unlock(&lock);
}

void memory_take_back_kept(void)
{
	unsigned int lost = end_list(&kept);

	if (lost != 0) {
		report_note("%u kept transactions cannot be taken back", lost);
	}
}
