/* SPDX-License-Identifier: MIT */
#include "payload/linux/ffa_test/own_mailbox.h"

#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "payload/linux/ffa_test/tree.h"

#define ORDER 3

/*
 * Of one receiver, as 1.1 has it; in 1.2 there are 16 bytes more. The kernel's own struct follows the kernel's
 * version.
 */
struct access {
	u16 receiver;
	u8 permissions, flags;
	u32 composite_offset;
	u64 reserved;
};
#define ACCESS_SIZE (version > FFA_VERSION_1_1 ? 2 * sizeof(struct access) : sizeof(struct access))

unsigned int version = DRIVER_VERSION;
u8 *mailbox_tx, *mailbox_rx;

static DEFINE_MUTEX(lock);
static unsigned long pages;

/* ---- the mailbox ---- */

int mailbox_map(phys_addr_t tx_page, phys_addr_t rx_page, u32 count)
{
	return FFA_CODE(FFA_FN64_RXTX_MAP, tx_page, rx_page, count);
}

bool mailbox_open(void)
{
	struct arm_smccc_1_2_regs r = FFA(FFA_VERSION, version);

	if ((int)r.a0 < (int)FFA_VERSION_1_1 || !partition_find_below()) {
		return false;
	}
	/* Of pKVM, which has agreed on it for good. */
	version = min(version, (unsigned int)r.a0);
	pages = __get_free_pages(GFP_KERNEL | __GFP_ZERO, ORDER);
	if (pages == 0) {
		return false;
	}
	mailbox_tx = (u8 *)pages;
	mailbox_rx = mailbox_tx + PAGE_SIZE;
	if (mailbox_map(virt_to_phys(mailbox_tx), virt_to_phys(mailbox_rx), 1) != 0) {
		free_pages(pages, ORDER);
		pages = 0;
		return false;
	}
	return true;
}

void mailbox_close(void)
{
	if (pages != 0) {
		FFA_CODE(FFA_RXTX_UNMAP, 0);
		free_pages(pages, ORDER);
		pages = 0;
	}
}

u16 mailbox_find(u32 first, u32 second, u32 third, u32 fourth)
{
	const uuid_t uuid = UUID_OF_WORDS(first, second, third, fourth);
	struct arm_smccc_1_2_regs r;
	u16 found = 0;

	mutex_lock(&lock);
	r = FFA(FFA_PARTITION_INFO_GET);
	if (ffa_is(&r, FFA_SUCCESS) && r.a2 * r.a3 <= PAGE_SIZE) {
		for (u32 i = 0; i < r.a2 && found == 0; i++) {
			const struct ffa_partition_info *info = (const void *)(mailbox_rx + i * r.a3);

			found = memcmp(&info->uuid, &uuid, sizeof(uuid)) == 0 ? info->id : 0;
		}
		FFA(FFA_RX_RELEASE);
	}
	mutex_unlock(&lock);
	return found;
}

struct words mailbox_command(u16 to, struct words words)
{
	struct arm_smccc_1_2_regs r = ffa_message(
		(struct arm_smccc_1_2_regs){ FFA_FN64_MSG_SEND_DIRECT_REQ, ffa_pair(own_id, to), 0, words.w[0],
					     words.w[1], words.w[2], words.w[3], words.w[4] });

	if (!ffa_is(&r, FFA_FN64_MSG_SEND_DIRECT_RESP)) {
		return (struct words){ { (u64)(ffa_code(&r) != 0 ? ffa_code(&r) : FFA_RET_ABORTED) } };
	}
	return (struct words){ { r.a3, r.a4, r.a5, r.a6, r.a7 } };
}

/* ---- borrowing ---- */

static bool keep(struct borrowed *got, u32 *have, const void *ranges, u32 count)
{
	if (count > got->range_count - *have) {
		return false;
	}
	memcpy(&got->ranges[*have], ranges, count * sizeof(got->ranges[0]));
	*have += count;
	return true;
}

/* The first fragment is in RX, 'size' bytes of 'total': takes that and the others. */
static int take_response(struct borrowed *got, u32 total, u32 size)
{
	const struct ffa_mem_region *region = (const void *)mailbox_rx;
	const struct access *access = (const void *)(mailbox_rx + region->ep_mem_offset);
	const struct ffa_composite_mem_region *list = (const void *)(mailbox_rx + access->composite_offset);
	u32 head = access->composite_offset + sizeof(*list), have = 0;
	struct arm_smccc_1_2_regs r;
	bool good;

	*got = (struct borrowed){ .handle = region->handle,
				  .range_count = list->addr_range_cnt,
				  .page_count = list->total_pg_cnt,
				  .flags = region->flags,
				  .attributes = region->attributes,
				  .permissions = access->permissions };
	got->ranges = kvcalloc(got->range_count, sizeof(got->ranges[0]), GFP_KERNEL);
	good = got->ranges != NULL && keep(got, &have, list->constituents, (size - head) / sizeof(got->ranges[0]));
	while (good && size < total) {
		FFA(FFA_RX_RELEASE);
		r = FFA(FFA_MEM_FRAG_RX, (u32)got->handle, got->handle >> 32, size);
		good = ffa_is(&r, FFA_MEM_FRAG_TX) && r.a3 != 0 && r.a3 <= total - size &&
		       keep(got, &have, mailbox_rx, r.a3 / sizeof(got->ranges[0]));
		size += good ? r.a3 : 0;
	}
	FFA(FFA_RX_RELEASE);
	return good && have == got->range_count ? 0 : FFA_RET_ABORTED;
}

int mailbox_retrieve(const struct ffa_mem_region *from, u8 permissions, struct borrowed *got)
{
	struct ffa_mem_region *request = (struct ffa_mem_region *)mailbox_tx;
	struct access *access = (struct access *)(request + 1);
	u32 size = sizeof(*request) + ACCESS_SIZE;
	struct arm_smccc_1_2_regs r;
	int code;

	mutex_lock(&lock);
	memset(mailbox_tx, 0, size);
	*request = *from;
	request->ep_mem_size = ACCESS_SIZE;
	request->ep_count = 1;
	request->ep_mem_offset = sizeof(*request);
	access->receiver = own_id;
	access->permissions = permissions;
	r = FFA(FFA_FN64_MEM_RETRIEVE_REQ, size, size);
	if (ffa_is(&r, FFA_MEM_RETRIEVE_RESP)) {
		code = take_response(got, r.a1, r.a2);
	} else {
		code = ffa_code(&r) != 0 ? ffa_code(&r) : FFA_RET_ABORTED;
	}
	mutex_unlock(&lock);
	return code;
}

int mailbox_relinquish(struct borrowed *borrowed, u32 flags)
{
	struct {
		u64 handle;
		u32 flags, count;
		u16 self;
	} __packed request = { borrowed->handle, flags, 1, own_id };
	int code;

	mutex_lock(&lock);
	memcpy(mailbox_tx, &request, sizeof(request));
	code = FFA_CODE(FFA_MEM_RELINQUISH);
	mutex_unlock(&lock);
	if (code == 0) {
		kvfree(borrowed->ranges);
		*borrowed = (struct borrowed){};
	}
	return code;
}

/* Fills a range, or counts what is wrong in it. It is mapped for as long as that takes. */
static unsigned int walk(const struct ffa_mem_region_addr_range *range, u64 pattern, bool fill)
{
	size_t size = (size_t)range->pg_cnt * PAGE_SIZE;
	u8 *at = memremap(range->address, size, MEMREMAP_WB);
	unsigned int wrong = 0;

	if (at == NULL) {
		return ~0u;
	}
	for (size_t i = 0; i < size; i += PATTERN_STEP) {
		if (fill) {
			WRITE_ONCE(*(u64 *)(at + i), pattern + i);
		} else {
			wrong += READ_ONCE(*(u64 *)(at + i)) != pattern + i;
		}
	}
	memunmap(at);
	return wrong;
}

static unsigned int walk_all(const struct borrowed *borrowed, u64 pattern, bool fill)
{
	unsigned int wrong = 0;

	for (u32 i = 0; i < borrowed->range_count; i++) {
		wrong += walk(&borrowed->ranges[i], pattern, fill);
		pattern += (u64)borrowed->ranges[i].pg_cnt * PAGE_SIZE;
	}
	return wrong;
}

void borrowed_fill(const struct borrowed *borrowed, u64 pattern)
{
	walk_all(borrowed, pattern, true);
}

unsigned int borrowed_wrong(const struct borrowed *borrowed, u64 pattern)
{
	return walk_all(borrowed, pattern, false);
}

/* ---- sending ---- */

int mailbox_send(const struct sending *sending, u64 *handle)
{
	struct ffa_mem_region *region = (struct ffa_mem_region *)mailbox_tx;
	u32 receivers = sending->also != 0 ? 2 : 1, composite = sizeof(*region) + receivers * ACCESS_SIZE;
	struct ffa_composite_mem_region *list = (struct ffa_composite_mem_region *)(mailbox_tx + composite);
	u32 size = composite + sizeof(*list) + sizeof(list->constituents[0]);
	struct arm_smccc_1_2_regs r;

	mutex_lock(&lock);
	memset(mailbox_tx, 0, size);
	region->sender_id = own_id;
	region->attributes = sending->attributes;
	region->flags = sending->flags;
	region->ep_mem_size = ACCESS_SIZE;
	region->ep_count = receivers;
	region->ep_mem_offset = sizeof(*region);
	for (u32 i = 0; i < receivers; i++) {
		struct access *access = (void *)((u8 *)(region + 1) + i * ACCESS_SIZE);

		access->receiver = i == 0 ? sending->to : sending->also;
		access->permissions = sending->permissions;
		access->composite_offset = composite;
	}
	list->total_pg_cnt = sending->page_count;
	list->addr_range_cnt = 1;
	list->constituents[0].address = sending->address;
	list->constituents[0].pg_cnt = sending->page_count;
	r = FFA(sending->id, size, size);
	mutex_unlock(&lock);
	if (!ffa_is(&r, FFA_SUCCESS)) {
		return ffa_code(&r) != 0 ? ffa_code(&r) : FFA_RET_ABORTED;
	}
	*handle = PACK_HANDLE(r.a2, r.a3);
	return 0;
}

int mailbox_reclaim(u64 handle)
{
	return FFA_CODE(FFA_MEM_RECLAIM, (u32)handle, handle >> 32, 0);
}

/* ---- messages ---- */

int mailbox_message(u16 to, u32 size, u32 flags, u8 first)
{
	struct ffa_indirect_msg_hdr *header = (struct ffa_indirect_msg_hdr *)mailbox_tx;
	/* 1.2 has the receiver's UUID behind it. */
	u32 offset = version > FFA_VERSION_1_1 ? 40 : sizeof(*header);
	int code;

	if (size > MESSAGE_MAX) {
		return FFA_RET_INVALID_PARAMETERS;
	}
	mutex_lock(&lock);
	memset(mailbox_tx, 0, offset);
	header->offset = offset;
	header->send_recv_id = ffa_pair(own_id, to);
	header->size = size;
	for (u32 i = 0; i < size; i++) {
		mailbox_tx[offset + i] = first + i;
	}
	code = FFA_CODE(FFA_MSG_SEND2, 0, flags);
	mutex_unlock(&lock);
	return code;
}

int mailbox_received(u8 first, u16 *sender, u16 *receiver, u32 *size, unsigned int *wrong)
{
	const struct ffa_indirect_msg_hdr *header = (const void *)mailbox_rx;

	if (header->offset < sizeof(*header) || header->offset > PAGE_SIZE - MESSAGE_MAX ||
	    header->size > MESSAGE_MAX) {
		return FFA_RET_INVALID_PARAMETERS;
	}
	*sender = header->send_recv_id >> 16;
	*receiver = (u16)header->send_recv_id;
	*size = header->size;
	*wrong = 0;
	for (u32 i = 0; i < header->size; i++) {
		*wrong += mailbox_rx[header->offset + i] != (u8)(first + i);
	}
	return 0;
}
